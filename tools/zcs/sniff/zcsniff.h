/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zcsniff: what its files share, by file.
 */
#ifndef _ZCSNIFF_H
#define _ZCSNIFF_H

#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>

#include "../zcs.h"

/* Exit status */
#define EXIT_OK		0
#define EXIT_FAIL	1
#define EXIT_CALL	2

/* === options.c ============================================================ */

/**
 * struct options - the command line
 * @ifname: -i; NULL is any
 * @netns: --netns
 * @filter: the other arguments, joined; never NULL
 * @write: -w, or NULL
 * @tcp_seq: --tcp-seq, or NULL
 * @json: --json: where to, "-" is standard output; or NULL
 * @count: -c; 0 is without end
 * @limit: -B in bytes; 0 is the library's default
 * @file_size: -C in bytes, or 0
 * @file_seconds: -G, or 0
 * @max_files: -W, or 0
 * @snaplen: -s; 0 is all
 * @nr_slots: --slots; 0 is the library's default
 * @point: --point
 * @direction: -Q
 * @hex: -x: 1 from the network header on, 2 from the first byte
 * @ascii: -A
 * @link: -e
 * @numeric: -n
 * @quiet: -q
 * @no_promisc: -p
 * @raw: --raw
 * @stats: --stats
 * @unbuffered: -U
 */
struct options {
	const char	*ifname;
	const char	*netns;
	char		*filter;
	const char	*write;
	const char	*tcp_seq;
	const char	*json;
	uint64_t	count;
	uint64_t	limit;
	uint64_t	file_size;
	uint64_t	file_seconds;
	uint64_t	max_files;
	unsigned int	snaplen;
	unsigned int	nr_slots;
	unsigned int	point;
	unsigned int	direction;
	unsigned int	hex;
	bool		ascii;
	bool		link;
	bool		numeric;
	bool		quiet;
	bool		no_promisc;
	bool		raw;
	bool		stats;
	bool		unbuffered;
};

void options_parse(struct options *opts, int argc, char **argv);

/* === out.c ================================================================ */

#define OUT_IOVS	1024			/* IOV_MAX of Linux */
#define OUT_STAGE	(256 * 1024)

/**
 * struct out - output that is gathered, then written in one call
 * @fd: where to
 * @name: of it, for messages
 * @nr: items of @iov
 * @staged: bytes of @stage in use
 * @item: where in @stage the item begins that is not in @iov yet
 * @size: bytes since the start of the file, written or not; kept by who puts
 *	them in
 * @written: how many of them are
 * @iov: staged bytes and references, in order
 * @stage: bytes of our own
 */
struct out {
	int		fd;
	const char	*name;
	unsigned int	nr;
	size_t		staged;
	size_t		item;
	uint64_t	size;
	uint64_t	written;
	struct iovec	iov[OUT_IOVS];
	uint8_t		stage[OUT_STAGE];
};

void out_init(struct out *out, int fd, const char *name);
int out_flush(struct out *out);

/* Is there room for so many staged bytes and items? One more item is kept. */
static inline bool out_fits(const struct out *out, size_t bytes, unsigned int items)
{
	return out->staged + bytes <= sizeof(out->stage) && out->nr + items < OUT_IOVS;
}

/* Where the next staged bytes go: there, as many as out_fits() was asked for. */
static inline uint8_t *out_room(struct out *out)
{
	return out->stage + out->staged;
}

/* Take the staged bytes up to @end. */
static inline void out_commit(struct out *out, const uint8_t *end)
{
	out->staged = (size_t)(end - out->stage);
}

/* The staged bytes so far become an item. */
static inline void out_close(struct out *out)
{
	struct iovec *iov = &out->iov[out->nr];

	if (out->staged == out->item)
		return;
	iov->iov_base = out->stage + out->item;
	iov->iov_len = out->staged - out->item;
	out->item = out->staged;
	out->nr++;
}

/* Bytes that are somebody else's, and stay until out_flush(). */
static inline void out_refer(struct out *out, const void *base, size_t len)
{
	struct iovec *iov;

	out_close(out);
	iov = &out->iov[out->nr++];
	iov->iov_base = (void *)base;
	iov->iov_len = len;
}

/* === ifaces.c ============================================================= */

/* How the bytes of a packet begin in a pcapng file */
enum link {
	LINK_ETHER,
	LINK_RAW,
	LINK_SLL,
	NR_LINKS,
};

/**
 * struct iface - an interface that packets came from
 * @next: in its bucket
 * @netns: cookie of its namespace
 * @ifindex: its number there
 * @name: its name
 * @netns_name: name of its namespace; "" for the one captured in
 * @id: number in the file that is being written, per kind of link; -1: none
 */
struct iface {
	struct iface	*next;
	uint64_t	netns;
	uint32_t	ifindex;
	char		name[IFNAMSIZ + 8];
	char		netns_name[64];
	int		id[NR_LINKS];
};

int ifaces_init(const char *netns);
struct iface *iface_find(uint64_t netns, uint32_t ifindex);
void ifaces_new_file(void);
void ifaces_uninit(void);

/* === pcapng.c ============================================================= */

/* Most that one packet takes of the stage, and of the items */
#define PCAPNG_STAGE	(48 * 1024)
#define PCAPNG_ITEMS	(2 * ZCS_IOV_MAX + 2)

/**
 * struct pcapng - a file that is being written
 * @snaplen: of its interfaces; 0 is all
 * @filter: expression, to be noted
 * @ifname: interface of a file without packets
 * @nr_ifaces: interfaces so far
 * @packets: packets of each of them
 * @start_ns: when it was begun
 * @last_netns: where the latest packet of LINK_ETHER came from, for a short way
 * @last_ifindex: likewise
 * @last_hw_type: likewise
 * @last_id: its interface; -1: there was none
 */
struct pcapng {
	unsigned int	snaplen;
	const char	*filter;
	const char	*ifname;
	unsigned int	nr_ifaces;
	uint64_t	*packets;
	uint64_t	start_ns;
	uint64_t	last_netns;
	uint32_t	last_ifindex;
	uint16_t	last_hw_type;
	int		last_id;
};

void pcapng_begin(struct pcapng *file, struct out *out, uint64_t now_ns);
int pcapng_packet(struct pcapng *file, struct out *out, const struct zcs *z,
		  const struct zcs_packet *pkt);
int pcapng_end(struct pcapng *file, struct out *out, const struct zcs_stats *stats,
	       uint64_t now_ns);
enum link pcapng_link(const struct zcs_desc *desc);

/* === rotate.c ============================================================= */

/**
 * struct writer - the file of -w, or the files
 * @out: the one that is open
 * @file: likewise
 * @opts: the command line
 * @name: of it
 * @number: -C: files before this one in this period
 * @finished: -G: periods that are over
 * @since_s: when this period began, in seconds of CLOCK_REALTIME
 * @failed: a write did
 */
struct writer {
	struct out		out;
	struct pcapng		file;
	const struct options	*opts;
	char			name[PATH_MAX];
	uint64_t		number;
	uint64_t		finished;
	uint64_t		since_s;
	bool			failed;
};

struct writer *writer_open(const struct options *opts);
bool writer_is_due(const struct writer *w, uint64_t ts_ns);
int writer_rotate(struct writer *w, const struct zcs *z, uint64_t ts_ns);
int writer_flush(struct writer *w);
int writer_close(struct writer *w, const struct zcs *z);

/* === parse.c ============================================================== */

/* Bytes that a parser wants to see of a packet */
#define PARSE_LEN	512

/**
 * struct headers - what a packet says of itself
 * @ether: there are MAC addresses and an EtherType
 * @dst: MAC address
 * @src: MAC address
 * @ethertype: of the innermost VLAN tag, host byte order
 * @nr_vlans: VLAN tags
 * @vlan: their TCI
 * @net_off: network header; length of the packet if there is none
 * @ip: 4, 6 or 0
 * @ip_bad: the IP header makes no sense or is cut off
 * @saddr: in network byte order
 * @daddr: likewise
 * @ttl: or hop limit
 * @proto: of the transport header
 * @fragment: one of several
 * @more: not the last of them
 * @frag_off: where it belongs, in bytes
 * @frag_id: of which packet
 * @trans_off: transport header
 * @trans_len: its bytes and those behind, as the IP header tells
 * @transport: ports and so on were found
 * @sport: TCP, UDP, UDP-Lite, SCTP, DCCP
 * @dport: likewise
 * @seq: TCP
 * @ack: TCP
 * @window: TCP
 * @tcp_flags: TCP
 * @data_len: bytes behind the transport header
 */
struct headers {
	bool		ether;
	uint8_t		dst[6];
	uint8_t		src[6];
	uint16_t	ethertype;
	unsigned int	nr_vlans;
	uint16_t	vlan[4];
	size_t		net_off;
	int		ip;
	bool		ip_bad;
	uint8_t		saddr[16];
	uint8_t		daddr[16];
	uint8_t		ttl;
	uint8_t		proto;
	bool		fragment;
	bool		more;
	uint32_t	frag_off;
	uint32_t	frag_id;
	size_t		trans_off;
	uint32_t	trans_len;
	bool		transport;
	uint16_t	sport;
	uint16_t	dport;
	uint32_t	seq;
	uint32_t	ack;
	uint16_t	window;
	uint16_t	tcp_flags;
	uint32_t	data_len;
};

/**
 * struct wire - the start of a packet as it was on the wire, copied
 * @len: bytes in @data
 * @wire_len: bytes of the packet
 * @link: it begins with an Ethernet header
 * @net_off: where the network header is, if not behind an Ethernet header
 * @protocol: what is there, host byte order
 * @data: the bytes, with the VLAN tag that the kernel keeps beside them
 */
struct wire {
	size_t		len;
	uint32_t	wire_len;
	bool		link;
	size_t		net_off;
	uint16_t	protocol;
	uint8_t		*data;
};

int wire_copy(struct wire *wire, const struct zcs *z, const struct zcs_packet *pkt, size_t max);
void parse_packet(struct headers *h, const struct wire *wire);

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* === names.c ============================================================== */

/* An IPv6 address, a zone and a port, or the longest host name that is shown */
#define NAME_LEN	128

const char *name_host(char buf[static NAME_LEN], int ip, const uint8_t *addr, bool numeric);
const char *name_port(char buf[static NAME_LEN], uint8_t proto, uint16_t port, bool numeric);
const char *name_mac(char buf[static NAME_LEN], const uint8_t *mac);
const char *name_ethertype(uint16_t type);
const char *name_ipproto(uint8_t proto);

/* === print.c, raw.c, seqlog.c ============================================= */

void print_packet(FILE *f, const struct options *opts, const struct zcs_desc *desc,
		  const struct wire *wire);
void print_headers(FILE *f, const struct options *opts, const struct headers *h,
		   const struct wire *wire);
void print_bytes(FILE *f, const struct options *opts, const struct headers *h,
		 const struct wire *wire);
void raw_packet(FILE *f, uint64_t nr, const struct zcs *z, const struct zcs_packet *pkt,
		const struct wire *wire);
void seqlog_packet(FILE *f, const struct zcs_desc *desc, const struct wire *wire);

/* === stats.c ============================================================== */

/**
 * struct totals - what the end of a capture is told with
 * @captured: packets written, printed or counted
 * @bytes: their bytes on the wire
 * @empty: buffers of the free point that were never filled
 * @start_ns: CLOCK_MONOTONIC at the start
 * @end_ns: and at the end
 */
struct totals {
	uint64_t	captured;
	uint64_t	bytes;
	uint64_t	empty;
	uint64_t	start_ns;
	uint64_t	end_ns;
};

uint64_t clock_ns(int clock);
void stats_live(const struct zcs *z, const struct totals *t);
int stats_end(const struct zcs *z, const struct options *opts, const struct totals *t);

/* === capture.c ============================================================ */

extern volatile sig_atomic_t stopping;

int capture(struct zcs *z, const struct options *opts, struct totals *t);

/* === promisc.c ============================================================ */

int promisc_hold(const struct options *opts);

#endif /* _ZCSNIFF_H */
