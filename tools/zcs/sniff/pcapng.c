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

/* Parts up to here are copied. */
#define COPY_MAX	128

/* Length of the cooked header, of the MAC addresses, of a VLAN tag */
#define SLL_LEN		16
#define MACS_LEN	12
#define TAG_LEN		4

/* What libpcap says when asked for all. */
#define SNAPLEN_ALL	262144

/**
 * struct epb - the fixed part of an enhanced packet block
 */
struct epb {
	uint32_t	type;
	uint32_t	total_len;
	uint32_t	iface;
	uint32_t	ts_high;
	uint32_t	ts_low;
	uint32_t	cap_len;
	uint32_t	wire_len;
};

/**
 * struct epb_options - what follows every packet
 */
struct epb_options {
	uint16_t	flags_code;
	uint16_t	flags_len;
	uint32_t	flags;
	uint16_t	id_code;
	uint16_t	id_len;
	uint32_t	id[2];
	uint16_t	queue_code;
	uint16_t	queue_len;
	uint32_t	queue;
};

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
	out_commit(out, len);
}

void pcapng_begin(struct pcapng *file, struct out *out, uint64_t now_ns)
{
	uint64_t unknown_len = UINT64_MAX;
	struct utsname uts;
	struct block b;
	char os[160];

	ifaces_new_file();
	file->nr_ifaces = 0;
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

static int describe(struct pcapng *file, struct out *out, struct iface *ifc, enum link link)
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
	put_text(&b, IF_NAME, ifc->name);
	if (*ifc->netns_name) {
		snprintf(text, sizeof(text), "network namespace %s", ifc->netns_name);
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
	ifc->id[link] = (int)file->nr_ifaces++;
	return 0;
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
		put_text(&b, OPT_COMMENT, "received, accepted, dropped: of all interfaces together");
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

static uint32_t flags_of(const struct zcs_desc *desc)
{
	static const uint8_t reception[] = {
		[PACKET_HOST] = 1, [PACKET_MULTICAST] = 2, [PACKET_BROADCAST] = 3,
		[PACKET_OTHERHOST] = 4,
	};
	uint32_t flags = 0;

	if (desc->direction == ZCS_DIR_IN)
		flags = 1;
	else if (desc->direction == ZCS_DIR_OUT)
		flags = 2;
	if (desc->pkt_type < sizeof(reception))
		flags |= (uint32_t)reception[desc->pkt_type] << 2;
	return flags;
}

/* The cooked header that stands for a link-layer header. */
static size_t put_sll(uint8_t *at, const struct zcs_desc *desc)
{
	uint16_t type = htons(desc->pkt_type), hw_type = htons(desc->hw_type);

	memset(at, 0, SLL_LEN);
	memcpy(at, &type, 2);
	memcpy(at + 2, &hw_type, 2);
	memcpy(at + 14, &desc->protocol, 2);
	return SLL_LEN;
}

/* The tag that the kernel keeps beside the bytes, where it was on the wire. */
static size_t put_tagged_macs(uint8_t *at, const struct zcs_desc *desc)
{
	uint16_t proto = desc->vlan_proto ? desc->vlan_proto : htons(ETH_P_8021Q);
	uint16_t tci = htons(desc->vlan_tci);

	memcpy(at, desc->head, MACS_LEN);
	memcpy(at + MACS_LEN, &proto, 2);
	memcpy(at + MACS_LEN + 2, &tci, 2);
	return MACS_LEN + TAG_LEN;
}

/* Padding, options and the end of a block. */
static size_t put_trailer(uint8_t *at, const struct zcs_desc *desc, size_t pad,
			  uint32_t total_len)
{
	uint64_t id = (uint64_t)desc->cpu << 48 | (desc->seq & ((1ULL << 48) - 1));
	struct epb_options options = {
		.flags_code = EPB_FLAGS,
		.flags_len = sizeof(options.flags),
		.flags = flags_of(desc),
		.id_code = EPB_PACKETID,
		.id_len = sizeof(options.id),
		.queue_code = EPB_QUEUE,
		.queue_len = sizeof(options.queue),
		.queue = desc->cpu,
	};
	uint8_t *start = at;

	memcpy(options.id, &id, sizeof(id));
	memset(at, 0, 4);
	at += pad;
	memcpy(at, &options, sizeof(options));
	at += sizeof(options);
	if (desc->missed) {
		struct block b = { at, at };

		put_u64_option(&b, EPB_DROPCOUNT, desc->missed);
		at = b.at;
	}
	memset(at, 0, 4);
	memcpy(at + 4, &total_len, 4);
	return (size_t)(at + 8 - start);
}

/* There must be room for PCAPNG_STAGE and PCAPNG_ITEMS. */
int pcapng_packet(struct pcapng *file, struct out *out, const struct zcs *z,
		  const struct zcs_packet *pkt)
{
	const struct zcs_desc *desc = pkt->desc;
	enum link link = pcapng_link(desc);
	struct iface *ifc = iface_find(desc->netns, desc->ifindex);
	struct iovec iov[ZCS_IOV_MAX];
	size_t skip = 0, extra = 0, len, left, pad;
	struct epb epb = { .type = BLOCK_EPB };
	uint8_t *start, *at;
	int i, n, err;

	if (!ifc)
		return -ENOMEM;
	if (ifc->id[link] < 0) {
		err = describe(file, out, ifc, link);
		if (err)
			return err;
	}
	start = out_room(out);
	at = start + sizeof(epb);
	if (link == LINK_SLL) {
		if (desc->flags & ZCS_F_LINK && desc->net_off < desc->cap_len)
			skip = desc->net_off;
		extra = SLL_LEN;
		at += put_sll(at, desc);
	} else if (link == LINK_ETHER && desc->flags & ZCS_F_VLAN &&
		   desc->cap_len >= MACS_LEN && desc->head_len >= MACS_LEN) {
		skip = MACS_LEN;
		extra = TAG_LEN;
		at += put_tagged_macs(at, desc);
	}
	n = zcs_iov(z, pkt, skip, iov, ZCS_IOV_MAX);
	if (n < 0)
		return n;

	/* A tag counts as part of the packet, a cooked header replaces one. */
	len = desc->cap_len + extra - (link == LINK_SLL ? skip : 0);
	if (file->snaplen && link != LINK_SLL && len > file->snaplen)
		len = file->snaplen;
	pad = -len & 3;
	epb.iface = (uint32_t)ifc->id[link];
	epb.ts_high = (uint32_t)(desc->ts_ns >> 32);
	epb.ts_low = (uint32_t)desc->ts_ns;
	epb.cap_len = (uint32_t)len;
	epb.wire_len = (uint32_t)(desc->wire_len + extra - (link == LINK_SLL ? skip : 0));
	epb.total_len = (uint32_t)(sizeof(epb) + len + pad + sizeof(struct epb_options) +
				   (desc->missed ? 12 : 0) + 8);
	memcpy(start, &epb, sizeof(epb));

	left = len - (size_t)(at - start - (ptrdiff_t)sizeof(epb));
	if ((size_t)(at - start) > sizeof(epb) + len) {
		at = start + sizeof(epb) + len;
		left = 0;
	}
	for (i = 0; i < n && left; i++) {
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		left -= part;
		if (part <= COPY_MAX) {
			memcpy(at, iov[i].iov_base, part);
			at += part;
			continue;
		}
		out_commit(out, (size_t)(at - start));
		out_refer(out, iov[i].iov_base, part);
		start = out_room(out);
		at = start;
	}
	at += put_trailer(at, desc, pad, epb.total_len);
	out_commit(out, (size_t)(at - start));
	file->packets[epb.iface]++;
	return 0;
}
