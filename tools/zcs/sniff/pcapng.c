// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: packets as blocks of a pcapng file.
 *
 * A packet becomes: staged block header and snapshot, references to its parts,
 * staged options. Small parts are copied, which costs less than an item of
 * their own. All fields are in the byte order of this machine, as the section
 * header tells.
 */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "zcsniff.h"

/* Blocks */
#define BLOCK_SHB	0x0a0d0d0aU
#define BLOCK_IDB	1
#define BLOCK_ISB	5
#define BLOCK_EPB	6
#define BYTE_ORDER_MAGIC	0x1a2b3c4dU

/* Options */
#define OPT_END		0
#define OPT_COMMENT	1
#define SHB_OS		3
#define SHB_APPL	4
#define IF_NAME		2
#define IF_DESCRIPTION	3
#define IF_TSRESOL	9
#define IF_FILTER	11
#define IF_OS		12
#define EPB_FLAGS	2
#define EPB_DROPCOUNT	4
#define EPB_PACKETID	5
#define EPB_QUEUE	6
#define ISB_STARTTIME	2
#define ISB_ENDTIME	3
#define ISB_IFRECV	4
#define ISB_IFDROP	5
#define ISB_FILTERACCEPT	6
#define ISB_USRDELIV	8

/* Link types of the registry */
#define LINKTYPE_ETHERNET	1
#define LINKTYPE_RAW		101
#define LINKTYPE_LINUX_SLL	113

/* Parts up to here are copied: an item of their own costs as much. */
#define COPY_MAX	512

/* Length of the cooked header, of the MAC addresses, of a VLAN tag */
#define SLL_LEN		16
#define MACS_LEN	12
#define TAG_LEN		4

/* What libpcap says when asked for all. */
#define SNAPLEN_ALL	262144

/*
 * A packet's block: type, length, interface, time in two halves, bytes captured,
 * bytes on the wire; then the bytes.
 */
#define EPB_LEN		28

/* Behind the bytes: the options of every packet, their end, the length again */
#define TRAILER_LEN	(8 + 12 + 8 + 4 + 4)
#define DROPCOUNT_LEN	12

/* === Blocks that are built once ========================================== */

/**
 * struct block - a block under construction in the stage
 * @start: of it
 * @at: end of what is there
 */
struct block {
	uint8_t	*start;
	uint8_t	*at;
};

static void put(struct block *b, const void *data, size_t len)
{
	memcpy(b->at, data, len);
	b->at += len;
}

static void put_u16(struct block *b, uint16_t value)
{
	put(b, &value, sizeof(value));
}

static void put_u32(struct block *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

static struct block block_begin(struct out *out, uint32_t type)
{
	struct block b = { out_room(out), out_room(out) };

	put_u32(&b, type);
	put_u32(&b, 0);
	return b;
}

static void put_option(struct block *b, uint16_t code, const void *data, size_t len)
{
	static const uint8_t zeros[4];

	put_u16(b, code);
	put_u16(b, (uint16_t)len);
	put(b, data, len);
	put(b, zeros, -len & 3);
}

static void put_text(struct block *b, uint16_t code, const char *text)
{
	put_option(b, code, text, strnlen(text, 1024));
}

static void put_time(struct block *b, uint16_t code, uint64_t ns)
{
	uint32_t halves[2] = { (uint32_t)(ns >> 32), (uint32_t)ns };

	put_option(b, code, halves, sizeof(halves));
}

static void put_u64_option(struct block *b, uint16_t code, uint64_t value)
{
	put_option(b, code, &value, sizeof(value));
}

static void block_end(struct block *b, struct out *out)
{
	uint32_t len;

	put_u32(b, OPT_END);
	len = (uint32_t)(b->at - b->start) + 4;
	memcpy(b->start + 4, &len, sizeof(len));
	put_u32(b, len);
	out_commit(out, b->at);
	out->size += len;
}

void pcapng_begin(struct pcapng *file, struct out *out, uint64_t now_ns)
{
	uint64_t unknown_len = UINT64_MAX;
	struct utsname uts;
	struct block b;
	char os[160];

	ifaces_new_file();
	file->nr_ifaces = 0;
	file->last_id = -1;
	file->start_ns = now_ns;
	b = block_begin(out, BLOCK_SHB);
	put_u32(&b, BYTE_ORDER_MAGIC);
	put_u16(&b, 1);
	put_u16(&b, 0);
	put(&b, &unknown_len, sizeof(unknown_len));
	if (!uname(&uts)) {
		snprintf(os, sizeof(os), "%s %s", uts.sysname, uts.release);
		put_text(&b, SHB_OS, os);
	}
	put_text(&b, SHB_APPL, "zcsniff " ZCS_VERSION);
	block_end(&b, out);
}

static const uint16_t linktypes[NR_LINKS] = {
	[LINK_ETHER] = LINKTYPE_ETHERNET,
	[LINK_RAW] = LINKTYPE_RAW,
	[LINK_SLL] = LINKTYPE_LINUX_SLL,
};

/* Add an interface to the file; its number there, or a negative errno. */
static int describe(struct pcapng *file, struct out *out, const char *name,
		    const char *netns_name, enum link link)
{
	static const uint8_t nanoseconds = 9;
	uint64_t *packets;
	struct block b;
	char text[1024];

	packets = reallocarray(file->packets, file->nr_ifaces + 1, sizeof(*packets));
	if (!packets)
		return -ENOMEM;
	file->packets = packets;
	packets[file->nr_ifaces] = 0;

	b = block_begin(out, BLOCK_IDB);
	put_u16(&b, linktypes[link]);
	put_u16(&b, 0);
	put_u32(&b, file->snaplen ? file->snaplen : SNAPLEN_ALL);
	put_text(&b, IF_NAME, name);
	if (*netns_name) {
		snprintf(text, sizeof(text), "network namespace %s", netns_name);
		put_text(&b, IF_DESCRIPTION, text);
	}
	put_option(&b, IF_TSRESOL, &nanoseconds, sizeof(nanoseconds));
	if (file->filter && *file->filter) {
		/* The first byte says that libpcap's syntax follows. */
		text[0] = 0;
		snprintf(text + 1, sizeof(text) - 1, "%s", file->filter);
		put_option(&b, IF_FILTER, text, 1 + strlen(text + 1));
	}
	put_text(&b, IF_OS, "Linux");
	block_end(&b, out);
	return (int)file->nr_ifaces++;
}

/*
 * The kernel counts per ring, not per interface: what was missed is told with
 * the only interface, or with the first one, said to be of all.
 */
static void put_statistics(struct pcapng *file, struct out *out, unsigned int id,
			   const struct zcs_stats *stats, uint64_t now_ns)
{
	struct block b = block_begin(out, BLOCK_ISB);
	uint64_t missed = stats->missed_ring + stats->missed_limit + stats->missed_memory;
	uint32_t halves[2] = { (uint32_t)(now_ns >> 32), (uint32_t)now_ns };

	put_u32(&b, id);
	put(&b, halves, sizeof(halves));
	if (!id && file->nr_ifaces > 1)
		put_text(&b, OPT_COMMENT, "received, accepted, dropped: of all interfaces");
	put_time(&b, ISB_STARTTIME, file->start_ns);
	put_time(&b, ISB_ENDTIME, now_ns);
	if (!id) {
		put_u64_option(&b, ISB_IFRECV, stats->passed + stats->filtered);
		put_u64_option(&b, ISB_IFDROP, missed);
		put_u64_option(&b, ISB_FILTERACCEPT, stats->passed);
	}
	put_u64_option(&b, ISB_USRDELIV, file->packets[id]);
	block_end(&b, out);
}

/* Finish a file: all of it is written afterwards. */
int pcapng_end(struct pcapng *file, struct out *out, const struct zcs_stats *stats,
	       uint64_t now_ns)
{
	unsigned int id;
	int err;

	/* Libpcap reads no file that has no interface. */
	if (!file->nr_ifaces) {
		err = describe(file, out, file->ifname, "", LINK_ETHER);
		if (err < 0)
			return err;
	}
	for (id = 0; id < file->nr_ifaces; id++) {
		if (!out_fits(out, PCAPNG_STAGE, PCAPNG_ITEMS)) {
			err = out_flush(out);
			if (err)
				return err;
		}
		put_statistics(file, out, id, stats, now_ns);
	}
	return out_flush(out);
}

/* === Packets ============================================================== */

enum link pcapng_link(const struct zcs_desc *desc)
{
	if (desc->flags & ZCS_F_LINK) {
		if (!desc->ifindex || desc->hw_type == ARPHRD_ETHER ||
		    desc->hw_type == ARPHRD_LOOPBACK)
			return LINK_ETHER;
		return LINK_SLL;
	}
	if (desc->protocol == htons(ETH_P_IP) || desc->protocol == htons(ETH_P_IPV6))
		return LINK_RAW;
	return LINK_SLL;
}

/* epb_flags by direction, then by kind of reception (PACKET_HOST and so on) */
#define HOW(reception)	((reception) << 2)
static const uint8_t flags_of[4][8] = {
	{ HOW(1), HOW(3), HOW(2), HOW(4) },
	{ 1 | HOW(1), 1 | HOW(3), 1 | HOW(2), 1 | HOW(4), 1, 1, 1, 1 },
	{ 2 | HOW(1), 2 | HOW(3), 2 | HOW(2), 2 | HOW(4), 2, 2, 2, 2 },
};

static_assert(PACKET_HOST == 0 && PACKET_BROADCAST == 1 && PACKET_MULTICAST == 2 &&
	      PACKET_OTHERHOST == 3, "flags_of[] is in this order");

/* The cooked header that stands for a link-layer header. */
static uint32_t put_sll(uint8_t *at, const struct zcs_desc *desc)
{
	uint16_t type = htons(desc->pkt_type), hw_type = htons(desc->hw_type);

	memset(at, 0, SLL_LEN);
	memcpy(at, &type, 2);
	memcpy(at + 2, &hw_type, 2);
	memcpy(at + 14, &desc->protocol, 2);
	return SLL_LEN;
}

/* The tag that the kernel keeps beside the bytes, where it was on the wire. */
static uint32_t put_tagged_macs(uint8_t *at, const struct zcs_desc *desc)
{
	uint16_t proto = desc->vlan_proto ? desc->vlan_proto : htons(ETH_P_8021Q);
	uint16_t tci = htons(desc->vlan_tci);

	memcpy(at, desc->head, MACS_LEN);
	memcpy(at + MACS_LEN, &proto, 2);
	memcpy(at + MACS_LEN + 2, &tci, 2);
	return MACS_LEN + TAG_LEN;
}

static inline void store32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void store64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void store_option(uint8_t *at, uint16_t code, uint16_t len)
{
	uint16_t pair[2] = { code, len };

	memcpy(at, pair, sizeof(pair));
}

static inline uint8_t *put_epb(uint8_t *at, const struct zcs_desc *desc, int id, uint32_t cap_len,
			       uint32_t wire_len, uint32_t total_len)
{
	store32(at, BLOCK_EPB);
	store32(at + 4, total_len);
	store32(at + 8, (uint32_t)id);
	store32(at + 12, (uint32_t)(desc->ts_ns >> 32));
	store32(at + 16, (uint32_t)desc->ts_ns);
	store32(at + 20, cap_len);
	store32(at + 24, wire_len);
	return at + EPB_LEN;
}

/* Options of every packet, behind the padding. */
static inline uint8_t *put_options(uint8_t *at, const struct zcs_desc *desc)
{
	store_option(at, EPB_FLAGS, 4);
	store32(at + 4, flags_of[desc->direction & 3][desc->pkt_type & 7]);
	store_option(at + 8, EPB_PACKETID, 8);
	store64(at + 12, (uint64_t)desc->cpu << 48 | (desc->seq & ((1ULL << 48) - 1)));
	store_option(at + 20, EPB_QUEUE, 4);
	store32(at + 24, desc->cpu);
	return at + 28;
}

static inline uint8_t *put_end(uint8_t *at, uint32_t total_len)
{
	store_option(at, OPT_END, 0);
	store32(at + 4, total_len);
	return at + 8;
}

/*
 * The bytes behind the snapshot, if they are in one piece: there is one part, or
 * the first of two is all in the snapshot. NULL if not.
 */
static inline const void *find_rest(const struct zcs *z, const struct zcs_desc *desc,
				    uint32_t rest)
{
	const struct zcs_seg *seg = desc->seg;
	uint32_t skip = desc->head_len;

	if (desc->nr_segs == 2 && seg->len <= skip)
		skip -= seg++->len;
	else if (desc->nr_segs != 1)
		return NULL;
	if (seg->len < skip || seg->len - skip < rest)
		return NULL;
	return zcs_data(z, seg->chunk + seg->off + skip, rest);
}

/*
 * The short way, for most packets: an Ethernet frame as it is, with no more than
 * one piece behind the snapshot, from where the one before came. False if this
 * is none.
 */
static inline bool put_plain(struct pcapng *file, struct out *out, const struct zcs *z,
			     const struct zcs_desc *desc)
{
	uint32_t len = desc->cap_len, head = desc->head_len, rest = len - head;
	uint32_t total_len = EPB_LEN + ((len + 3) & ~3U) + TRAILER_LEN;
	const void *part;
	uint8_t *at;

	if ((desc->flags & (ZCS_F_LINK | ZCS_F_VLAN)) != ZCS_F_LINK || desc->missed ||
	    desc->ifindex != file->last_ifindex || desc->netns != file->last_netns ||
	    desc->hw_type != file->last_hw_type || file->last_id < 0 || head > ZCS_HEAD_LEN)
		return false;
	at = put_epb(out_room(out), desc, file->last_id, len, desc->wire_len, total_len);
	/* All of it: a fixed length is faster, and there is room. */
	memcpy(at, desc->head, ZCS_HEAD_LEN);
	at += head;
	if (rest) {
		part = head <= len ? find_rest(z, desc, rest) : NULL;
		if (!part)
			return false;
		if (rest <= COPY_MAX) {
			memcpy(at, part, rest);
			at += rest;
		} else {
			out_commit(out, at);
			out_refer(out, part, rest);
		}
	}
	store32(at, 0);
	at = put_end(put_options(at + (-len & 3), desc), total_len);
	out_commit(out, at);
	out->size += total_len;
	file->packets[file->last_id]++;
	return true;
}

/* The interface of a packet, described in the file; NULL with *@err. */
static struct iface *find_iface(struct pcapng *file, struct out *out, const struct zcs_desc *desc,
				enum link link, int *err)
{
	struct iface *ifc = iface_find(desc->netns, desc->ifindex);

	*err = -ENOMEM;
	if (!ifc)
		return NULL;
	if (ifc->id[link] < 0) {
		*err = describe(file, out, ifc->name, ifc->netns_name, link);
		if (*err < 0)
			return NULL;
		ifc->id[link] = *err;
	}
	if (link == LINK_ETHER) {
		file->last_id = ifc->id[link];
		file->last_netns = desc->netns;
		file->last_ifindex = desc->ifindex;
		file->last_hw_type = desc->hw_type;
	}
	return ifc;
}

/*
 * Any packet. What is put before its bytes takes the place of the first @skip
 * of them: a tag counts as part of the packet, a cooked header replaces one.
 */
static int put_any(struct pcapng *file, struct out *out, const struct zcs *z,
		   const struct zcs_packet *pkt)
{
	const struct zcs_desc *desc = pkt->desc;
	enum link link = pcapng_link(desc);
	uint32_t skip = 0, before = 0, len, wire_len, total_len;
	struct iovec iov[ZCS_IOV_MAX];
	struct iface *ifc;
	size_t left, part;
	uint8_t *at;
	int i, n, err;

	ifc = find_iface(file, out, desc, link, &err);
	if (!ifc)
		return err;
	at = out_room(out) + EPB_LEN;
	if (link == LINK_SLL) {
		if (desc->flags & ZCS_F_LINK && desc->net_off < desc->cap_len)
			skip = desc->net_off;
		before = put_sll(at, desc);
	} else if (link == LINK_ETHER && desc->flags & ZCS_F_VLAN &&
		   desc->cap_len >= MACS_LEN && desc->head_len >= MACS_LEN) {
		skip = MACS_LEN;
		before = put_tagged_macs(at, desc);
	}
	n = zcs_iov(z, pkt, skip, iov, ZCS_IOV_MAX);
	if (n < 0)
		return n;
	len = desc->cap_len - skip + before;
	wire_len = desc->wire_len - skip + before;
	if (file->snaplen && link != LINK_SLL && len > file->snaplen)
		len = file->snaplen;
	if (before > len)
		before = len;
	total_len = EPB_LEN + ((len + 3) & ~3U) + (desc->missed ? DROPCOUNT_LEN : 0) + TRAILER_LEN;
	put_epb(out_room(out), desc, ifc->id[link], len, wire_len, total_len);
	at += before;
	for (i = 0, left = len - before; i < n && left; i++, left -= part) {
		part = iov[i].iov_len < left ? iov[i].iov_len : left;
		if (part <= COPY_MAX) {
			memcpy(at, iov[i].iov_base, part);
			at += part;
		} else {
			out_commit(out, at);
			out_refer(out, iov[i].iov_base, part);
		}
	}
	store32(at, 0);
	at = put_options(at + (-len & 3), desc);
	if (desc->missed) {
		store_option(at, EPB_DROPCOUNT, 8);
		store64(at + 4, desc->missed);
		at += DROPCOUNT_LEN;
	}
	at = put_end(at, total_len);
	out_commit(out, at);
	out->size += total_len;
	file->packets[ifc->id[link]]++;
	return 0;
}

/* There must be room for PCAPNG_STAGE and PCAPNG_ITEMS. */
int pcapng_packet(struct pcapng *file, struct out *out, const struct zcs *z,
		  const struct zcs_packet *pkt)
{
	return put_plain(file, out, z, pkt->desc) ? 0 : put_any(file, out, z, pkt);
}
