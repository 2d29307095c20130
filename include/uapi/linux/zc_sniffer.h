/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Zero-copy sniffer: user-space interface of /dev/zc_sniffer.
 *
 * Whoever opens the device needs CAP_NET_RAW and CAP_NET_ADMIN in the initial
 * user namespace: the data mapping shows packets of the whole machine.
 *
 *   fd = open("/dev/zc_sniffer", O_RDWR);
 *   ioctl(fd, ZCS_IOC_SETUP, &setup);      what to capture, how much to hold
 *   ioctl(fd, ZCS_IOC_FILTER, &filter);    optional
 *   data  = mmap(NULL, setup.data_size, PROT_READ, MAP_SHARED,
 *                fd, ZCS_OFF_DATA);
 *   rings = mmap(NULL, setup.nr_rings * setup.ring_size, PROT_READ, MAP_SHARED,
 *                fd, ZCS_OFF_RINGS);
 *   tails = mmap(NULL, setup.tails_size, PROT_READ | PROT_WRITE, MAP_SHARED,
 *                fd, ZCS_OFF_TAILS);
 *   ioctl(fd, ZCS_IOC_START);
 *
 * There is one ring per possible CPU. Consume each of them like this:
 *
 *   ring = rings + i * setup.ring_size;
 *   slot = (struct zcs_desc *)((char *)ring + ring->slots_off);
 *   head = load_acquire(&ring->head);          the kernel wrote the slots first
 *   while (tail != head) {
 *           desc = &slot[tail & (ring->nr_slots - 1)];
 *           ...                                the packet: see struct zcs_desc
 *           tail += desc->nr_slots;
 *   }
 *   store_release(&tails[i].tail, tail);       gives the packets back
 *
 * The kernel notices a new tail when it captures the next packet on that CPU,
 * in poll(), and in ZCS_IOC_RELEASE. A tail that is not between the last one
 * and head is refused and counted (zcs_ring.bad_releases).
 *
 * A reader that does not map the tails may read() an array of struct zcs_desc
 * instead, a multiple of its size, and gives packets back by write()ing what it
 * read, in any order. A packet of several slots is several elements, which stay
 * together. One file is used in one of the two ways, never in both (EBUSY).
 *
 * ZCS_IOC_START fails with EALREADY for a reader that captures, ZCS_IOC_STOP
 * for one that does not. Packets that were captured stay in the rings.
 *
 * poll() reports EPOLLIN while at least setup.watermark slots of a ring wait.
 */
#ifndef _UAPI_LINUX_ZC_SNIFFER_H
#define _UAPI_LINUX_ZC_SNIFFER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* mmap() offsets */
#define ZCS_OFF_RINGS		0x00000000000ULL	/* read only */
#define ZCS_OFF_TAILS		0x01000000000ULL	/* struct zcs_tail[] */
#define ZCS_OFF_TX_RING		0x02000000000ULL	/* read only */
#define ZCS_OFF_TX		0x03000000000ULL	/* what is sent */
#define ZCS_OFF_DATA		0x10000000000ULL	/* read only, sparse */

/* zcs_setup.point */
#define ZCS_POINT_TAP		0	/* where AF_PACKET sees packets */
#define ZCS_POINT_FREE		1	/* where the stack frees buffers */

/* zcs_setup.direction: a mask, 0 is both; zcs_desc.direction: one, or 0 */
#define ZCS_DIR_IN		1
#define ZCS_DIR_OUT		2

/* zcs_setup.flags */
#define ZCS_SETUP_ALL_NETNS	(1U << 0)	/* every network namespace */

/* Limits of zcs_setup.nr_slots, a power of two */
#define ZCS_SLOTS_MIN		16
#define ZCS_SLOTS_MAX		(1U << 20)

/**
 * struct zcs_setup - argument of ZCS_IOC_SETUP, once per descriptor
 * @size: sizeof(struct zcs_setup) as the caller was compiled
 * @flags: ZCS_SETUP_*; an unknown bit gives EINVAL
 * @point: ZCS_POINT_*
 * @direction: mask of ZCS_DIR_*; 0 is both
 * @nr_slots: slots of each ring, a power of two from ZCS_SLOTS_MIN to
 *	ZCS_SLOTS_MAX
 * @snaplen: bytes of a packet to capture; 0 is all
 * @ifindex: interface; 0 is every one
 * @netns_fd: network namespace of the interface, as of /proc/PID/ns/net; -1 is
 *	the caller's. Must be -1 with ZCS_SETUP_ALL_NETNS, which @point
 *	ZCS_POINT_FREE requires: a freed buffer does not know its namespace
 * @watermark: slots that wait in a ring before poll() reports it, up to
 *	@nr_slots; 0 is 1, more than half of @nr_slots is half. While packets
 *	are missed, or a quarter of @limit is in use, poll() reports whatever
 *	waits
 * @reserved: must be 0
 * @limit: bytes of packets held at once, up to half of the machine's memory;
 *	what is in the ring whole (ZCS_F_INLINE) does not count. Charged to
 *	RLIMIT_MEMLOCK together with the rings, unless the caller has
 *	CAP_IPC_LOCK (ENOMEM)
 * @data_size: out: length of the data mapping. This and what follows must be 0
 *	before
 * @ring_size: out: bytes from one ring to the next
 * @tails_size: out: length of the mapping of the tails
 * @nr_rings: out: number of rings, one per possible CPU
 * @reserved2: out: 0
 */
struct zcs_setup {
	__u32		size;
	__u32		flags;
	__u32		point;
	__u32		direction;
	__u32		nr_slots;
	__u32		snaplen;
	__u32		ifindex;
	__s32		netns_fd;
	__u32		watermark;
	__u32		reserved;
	__aligned_u64	limit;
	__aligned_u64	data_size;
	__aligned_u64	ring_size;
	__aligned_u64	tails_size;
	__u32		nr_rings;
	__u32		reserved2;
};

/*
 * zcs_filter.kind: no filter, a struct sock_filter[], or a loaded program of
 * type BPF_PROG_TYPE_SOCKET_FILTER
 */
#define ZCS_FILTER_NONE		0
#define ZCS_FILTER_CLASSIC	1
#define ZCS_FILTER_EBPF		2

/* zcs_filter.link: packets with a link-layer header, or without */
#define ZCS_LINK_ETHER		0
#define ZCS_LINK_RAW		1

/**
 * struct zcs_filter - argument of ZCS_IOC_FILTER
 * @size: sizeof(struct zcs_filter) as the caller was compiled
 * @kind: ZCS_FILTER_*
 * @link: ZCS_LINK_*; each has a filter of its own
 * @len: number of instructions, for ZCS_FILTER_CLASSIC
 * @insns: address of a struct sock_filter[], for ZCS_FILTER_CLASSIC
 * @prog_fd: loaded program, for ZCS_FILTER_EBPF; else 0
 * @reserved: must be 0
 *
 * The filter runs where a packet socket's would: it sees the packet from its
 * first byte on, and returns how many bytes to capture, 0 for none. Packets
 * that it rejects are counted in zcs_ring.filtered and cost nothing more. It
 * may be replaced at any time.
 */
struct zcs_filter {
	__u32		size;
	__u32		kind;
	__u32		link;
	__u32		len;
	__aligned_u64	insns;
	__s32		prog_fd;
	__u32		reserved;
};

/**
 * struct zcs_ring - start of a ring; written by the kernel only
 * @head: next slot that the kernel fills; runs freely, like the tail
 * @nr_slots: number of slots, a power of two; constant
 * @cpu: CPU whose packets are here; constant
 * @slots_off: bytes from here to slot 0; constant
 * @passed: packets that the filter let pass; numbers them (zcs_desc.seq)
 * @shown: packets put into the ring
 * @missed_ring: packets missed because there was no free slot
 * @missed_limit: packets missed because zcs_setup.limit was reached
 * @missed_memory: packets missed because memory to copy into, or to note a hold
 *	in, could not be had
 * @filtered: packets that the filter rejected
 * @copied_packets: packets of @shown with a part that was not in NTA's memory
 *	and was copied there
 * @copied_bytes: how many bytes that were
 * @charged: bytes charged to the limit, ever
 * @returned: bytes of @charged that came back
 * @bad_releases: releases that were refused
 *
 * @passed is @shown and the three @missed_* added up, exactly, whenever no
 * packet is just being captured.
 */
struct zcs_ring {
	__u32		head;
	__u32		nr_slots;
	__u32		cpu;
	__u32		slots_off;
	__aligned_u64	passed;
	__aligned_u64	shown;
	__aligned_u64	missed_ring;
	__aligned_u64	missed_limit;
	__aligned_u64	missed_memory;
	__aligned_u64	filtered;
	__aligned_u64	copied_packets;
	__aligned_u64	copied_bytes;
	__aligned_u64	charged;
	/* private: what the consumer's side writes is on another line */
	__aligned_u64	__pad[5];
	/* public: */
	__aligned_u64	returned;
	__aligned_u64	bad_releases;
};

/**
 * struct zcs_tail - one per ring, then one for the completions of sending
 * @tail: next slot to be read; written by user space only
 */
struct zcs_tail {
	__u32		tail;
	/* private: a line each */
	__u32		__pad[15];
};

/*
 * zcs_seg.flags
 *
 * ZCS_SEG_COPIED: a copy made for this reader
 * ZCS_SEG_HEAD: zcs_desc.head has all of the part, which is not held
 */
#define ZCS_SEG_COPIED		(1U << 0)
#define ZCS_SEG_HEAD		(1U << 1)

/**
 * struct zcs_seg - a contiguous part of a packet
 * @chunk: where the chunk of memory begins, in bytes from the start of the data
 *	mapping
 * @size: length of the chunk
 * @off: where the part begins in the chunk
 * @len: length of the part
 * @flags: ZCS_SEG_*; with ZCS_SEG_HEAD all but @len is 0
 */
struct zcs_seg {
	__aligned_u64	chunk;
	__u32		size;
	__u32		off;
	__u32		len;
	__u32		flags;
};

/*
 * zcs_desc.flags
 *
 * ZCS_F_INLINE: all of the packet is in @head, there are no parts
 * ZCS_F_TRUNC: @cap_len is less than @wire_len
 * ZCS_F_COPIED: some part was copied
 * ZCS_F_EMPTY: a freed buffer that was never filled
 * ZCS_F_VLAN: @vlan_tci and @vlan_proto are a tag that is not in the bytes
 * ZCS_F_LINK: the packet begins with a link-layer header
 * ZCS_F_CSUM_PARTIAL: the transport checksum is not computed yet
 * ZCS_F_GSO: several packets in one, each with @gso_size bytes of payload
 * ZCS_F_FOUND: the headers of a freed buffer were found by their bytes
 */
#define ZCS_F_INLINE		(1U << 0)
#define ZCS_F_TRUNC		(1U << 1)
#define ZCS_F_COPIED		(1U << 2)
#define ZCS_F_EMPTY		(1U << 3)
#define ZCS_F_VLAN		(1U << 4)
#define ZCS_F_LINK		(1U << 5)
#define ZCS_F_CSUM_PARTIAL	(1U << 6)
#define ZCS_F_GSO		(1U << 7)
#define ZCS_F_FOUND		(1U << 8)

/* zcs_desc.mac_off, net_off, trans_off: not known */
#define ZCS_OFF_UNKNOWN		0xffffU

/* Bytes of zcs_desc.head */
#define ZCS_HEAD_LEN		128

/* Parts in a struct zcs_desc, and in each struct zcs_more after it */
#define ZCS_SEGS		2
#define ZCS_MORE_SEGS		10
/* Most parts of one packet; what has more is copied into fewer */
#define ZCS_SEGS_MAX		(ZCS_SEGS + 7 * ZCS_MORE_SEGS)

/**
 * struct zcs_desc - one packet, in one slot of a ring
 * @seq: number of the packet in its ring; a gap is what was missed
 * @ts_ns: when it was seen, CLOCK_REALTIME, nanoseconds
 * @netns: cookie of the network namespace (SO_NETNS_COOKIE); 0: not known
 * @pos: position of this slot in the ring; with @cpu, what write() looks at
 * @ifindex: interface it passed; 0: not known
 * @wire_len: length of the packet
 * @cap_len: how much of it was captured
 * @hash: flow hash, 0 if the stack has computed none
 * @mark: skb->mark
 * @protocol: EtherType, network byte order; 0: not known
 * @vlan_tci: VLAN tag; see ZCS_F_VLAN
 * @vlan_proto: its EtherType, network byte order
 * @cpu: number of the ring
 * @mac_off: link-layer header, from the first byte; ZCS_OFF_UNKNOWN: not known
 * @net_off: network header, likewise
 * @trans_off: transport header, likewise
 * @head_len: bytes in @head
 * @hw_type: ARPHRD_* of the interface
 * @gso_size: payload of each packet that it stands for; see ZCS_F_GSO
 * @pkt_type: PACKET_HOST, PACKET_OUTGOING and so on, as in linux/if_packet.h
 * @direction: ZCS_DIR_*; 0: not known
 * @nr_segs: number of parts
 * @nr_slots: slots that the packet takes: this one, then struct zcs_more
 * @flags: ZCS_F_*
 * @missed: packets missed in this ring between the one before and this one
 * @seg: the parts; they cover all of the packet up to @cap_len
 * @head: the first bytes of the packet, as they were when it was seen
 *
 * The packet is @head up to @head_len, and from there on the parts: the stack
 * may have changed the bytes of the first part that @head covers since, as it
 * does to addresses and the hop limit. See
 * Documentation/networking/zc_sniffer.rst for who may change bytes beyond.
 */
struct zcs_desc {
	__aligned_u64	seq;
	__aligned_u64	ts_ns;
	__aligned_u64	netns;
	__u32		pos;
	__u32		ifindex;
	__u32		wire_len;
	__u32		cap_len;
	__u32		hash;
	__u32		mark;
	__be16		protocol;
	__u16		vlan_tci;
	__be16		vlan_proto;
	__u16		cpu;
	__u16		mac_off;
	__u16		net_off;
	__u16		trans_off;
	__u16		head_len;
	__u16		hw_type;
	__u16		gso_size;
	__u8		pkt_type;
	__u8		direction;
	__u8		nr_segs;
	__u8		nr_slots;
	__u32		flags;
	__u32		missed;
	struct zcs_seg	seg[ZCS_SEGS];
	__u8		head[ZCS_HEAD_LEN];
};

/**
 * struct zcs_more - the parts of a packet that do not fit into its zcs_desc
 * @reserved: 0
 * @seg: parts ZCS_SEGS + i * ZCS_MORE_SEGS and on, in the i-th slot of these
 */
struct zcs_more {
	__aligned_u64	reserved[2];
	struct zcs_seg	seg[ZCS_MORE_SEGS];
};

/**
 * struct zcs_stats - argument of ZCS_IOC_STATS
 * @size: in: sizeof(struct zcs_stats) as the caller was compiled; out: how much
 *	of it the kernel knows
 * @reserved: 0
 * @passed: sum of zcs_ring.passed over all rings, and so on
 * @shown: likewise
 * @missed_ring: likewise
 * @missed_limit: likewise
 * @missed_memory: likewise
 * @filtered: likewise
 * @copied_packets: likewise
 * @copied_bytes: likewise
 * @bad_releases: likewise
 * @held: bytes held now
 * @tx_sent: packets handed to the stack
 * @tx_bytes: their bytes
 * @tx_errors: descriptors that were refused
 * @tx_in_flight: chunks that the stack has not let go of
 */
struct zcs_stats {
	__u32		size;
	__u32		reserved;
	__aligned_u64	passed;
	__aligned_u64	shown;
	__aligned_u64	missed_ring;
	__aligned_u64	missed_limit;
	__aligned_u64	missed_memory;
	__aligned_u64	filtered;
	__aligned_u64	copied_packets;
	__aligned_u64	copied_bytes;
	__aligned_u64	bad_releases;
	__aligned_u64	held;
	__aligned_u64	tx_sent;
	__aligned_u64	tx_bytes;
	__aligned_u64	tx_errors;
	__aligned_u64	tx_in_flight;
};

/* Limits of struct zcs_tx_setup */
#define ZCS_TX_CHUNK_MAX	65536
#define ZCS_TX_CHUNKS_MAX	(1U << 16)

/**
 * struct zcs_tx_setup - argument of ZCS_IOC_TX_SETUP, once per descriptor
 * @size: sizeof(struct zcs_tx_setup) as the caller was compiled
 * @flags: must be 0
 * @nr_chunks: chunks to send from, a power of two up to ZCS_TX_CHUNKS_MAX
 * @chunk_size: bytes of each, a power of two from the page size to
 *	ZCS_TX_CHUNK_MAX
 * @ring_size: out: length of the mapping at ZCS_OFF_TX_RING. This and what
 *	follows must be 0 before
 * @tails_size: out: length of the mapping at ZCS_OFF_TAILS; unchanged if
 *	ZCS_IOC_SETUP came first
 * @tail_index: out: which struct zcs_tail there is for the completions
 * @reserved: 0
 *
 * The chunks are zeroed memory of the caller's own, @nr_chunks * @chunk_size
 * bytes to be mapped at ZCS_OFF_TX, charged to RLIMIT_MEMLOCK (ENOMEM).
 */
struct zcs_tx_setup {
	__u32		size;
	__u32		flags;
	__u32		nr_chunks;
	__u32		chunk_size;
	__aligned_u64	ring_size;
	__aligned_u64	tails_size;
	__u32		tail_index;
	__u32		reserved;
};

/* zcs_tx_desc.mode: a whole frame, or an IP packet that the kernel routes */
#define ZCS_TX_FRAME		0
#define ZCS_TX_IP		1

/**
 * struct zcs_tx_desc - one packet to send
 * @user: comes back in zcs_tx_done.user
 * @chunk: number of the chunk; the packet lies in this one only
 * @off: where the packet begins in it
 * @len: length of the packet
 * @ifindex: interface of the caller's network namespace; with ZCS_TX_IP an
 *	output interface to insist on, or 0
 * @mode: ZCS_TX_*
 * @flags: must be 0
 * @reserved: must be 0
 */
struct zcs_tx_desc {
	__aligned_u64	user;
	__u32		chunk;
	__u32		off;
	__u32		len;
	__u32		ifindex;
	__u16		mode;
	__u16		flags;
	__u32		reserved;
};

/**
 * struct zcs_tx - argument of ZCS_IOC_TX
 * @size: sizeof(struct zcs_tx) as the caller was compiled
 * @nr: number of descriptors
 * @descs: address of a struct zcs_tx_desc[]
 *
 * The call takes the descriptors in order and returns how many it took. At the
 * first one that it refuses it stops, and fails with the reason if that one
 * was the first: EINVAL for a bad field, EBUSY for a chunk that is in flight,
 * EMSGSIZE for a packet that is too long for the interface, ENODEV, ENETDOWN,
 * EHOSTUNREACH, ENOBUFS.
 *
 * The kernel copies the first 128 bytes of a packet and sends the others from
 * the chunk. They must not be changed before the completion.
 */
struct zcs_tx {
	__u32		size;
	__u32		nr;
	__aligned_u64	descs;
};

/**
 * struct zcs_tx_done - one completion
 * @user: zcs_tx_desc.user
 * @chunk: number of the chunk, which is free again
 * @copied: 1 if somebody on the way copied the data, as a loopback receiver
 *	does
 */
struct zcs_tx_done {
	__aligned_u64	user;
	__u32		chunk;
	__u32		copied;
};

/**
 * struct zcs_tx_ring - start of the mapping at ZCS_OFF_TX_RING
 * @head: next completion that the kernel writes; runs freely
 * @nr_slots: number of completions that fit, zcs_tx_setup.nr_chunks
 * @slots_off: bytes from here to the first struct zcs_tx_done
 * @reserved: 0
 *
 * Consumed as a struct zcs_ring is; poll() reports EPOLLOUT while completions
 * wait. Whoever submits a chunk again before it has read its completion may
 * find old completions overwritten.
 */
struct zcs_tx_ring {
	__u32		head;
	__u32		nr_slots;
	__u32		slots_off;
	__u32		reserved;
};

#define ZCS_IOC_TYPE		0xC5
#define ZCS_IOC_SETUP		_IOWR(ZCS_IOC_TYPE, 0x00, struct zcs_setup)
#define ZCS_IOC_FILTER		_IOW(ZCS_IOC_TYPE, 0x01, struct zcs_filter)
#define ZCS_IOC_START		_IO(ZCS_IOC_TYPE, 0x02)
#define ZCS_IOC_STOP		_IO(ZCS_IOC_TYPE, 0x03)
#define ZCS_IOC_RELEASE		_IO(ZCS_IOC_TYPE, 0x04)
#define ZCS_IOC_STATS		_IOWR(ZCS_IOC_TYPE, 0x05, struct zcs_stats)
#define ZCS_IOC_TX_SETUP	_IOWR(ZCS_IOC_TYPE, 0x06, struct zcs_tx_setup)
#define ZCS_IOC_TX		_IOW(ZCS_IOC_TYPE, 0x07, struct zcs_tx)

#endif /* _UAPI_LINUX_ZC_SNIFFER_H */
