// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsend: packets of a capture file, as libpcap reads them.
 *
 * For --ip, what is before the IP header is left out, and what is not IP is
 * skipped; so is a packet of which the file has only the start.
 */

#include <linux/if_ether.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "zcsend.h"

#define SLL_LEN		16
#define TAG_LEN		4

/**
 * struct replay - a file that is being sent
 * @pcap: libpcap's handle
 * @opts: the command line
 * @link: its link type
 * @skipped: packets left out
 */
struct replay {
	pcap_t			*pcap;
	const struct options	*opts;
	int			link;
	uint64_t		skipped;
};

static int open_file(struct replay *r)
{
	char err[PCAP_ERRBUF_SIZE];

	r->pcap = pcap_open_offline(r->opts->file, err);
	if (!r->pcap) {
		fprintf(stderr, "zcsend: %s: %s\n", r->opts->file, err);
		return -1;
	}
	r->link = pcap_datalink(r->pcap);
	return 0;
}

struct replay *replay_open(const struct options *opts)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (!r) {
		fputs("zcsend: no memory\n", stderr);
		return NULL;
	}
	r->opts = opts;
	if (open_file(r)) {
		free(r);
		return NULL;
	}
	if (r->link != DLT_EN10MB && !(opts->route && (r->link == DLT_RAW ||
						       r->link == DLT_LINUX_SLL))) {
		fprintf(stderr, "zcsend: %s: cannot send packets of type %s%s\n", opts->file,
			pcap_datalink_val_to_name(r->link) ? : "unknown",
			r->link == DLT_RAW || r->link == DLT_LINUX_SLL ? " without --ip" : "");
		replay_close(r);
		return NULL;
	}
	return r;
}

void replay_close(struct replay *r)
{
	if (r->pcap)
		pcap_close(r->pcap);
	free(r);
}

/* Offset of the IP header, -1 if there is none. */
static int find_ip(const struct replay *r, const uint8_t *p, size_t len)
{
	size_t off = r->link == DLT_EN10MB ? ETHER_LEN : r->link == DLT_LINUX_SLL ? SLL_LEN : 0;
	uint16_t type;

	if (len < off + 1)
		return -1;
	if (off) {
		type = (uint16_t)(p[off - 2] << 8 | p[off - 1]);
		while ((type == ETH_P_8021Q || type == ETH_P_8021AD) && len > off + TAG_LEN) {
			type = (uint16_t)(p[off + 2] << 8 | p[off + 3]);
			off += TAG_LEN;
		}
		if (type != ETH_P_IP && type != ETH_P_IPV6)
			return -1;
	}
	return p[off] >> 4 == 4 || p[off] >> 4 == 6 ? (int)off : -1;
}

/* The next packet, which stays until the next call; 0 at the end, or -1. */
ssize_t replay_next(struct replay *r, const uint8_t **packet)
{
	struct pcap_pkthdr *hdr;
	int off, ret;

	while ((ret = pcap_next_ex(r->pcap, &hdr, packet)) == 1) {
		off = r->opts->route ? find_ip(r, *packet, hdr->caplen) : 0;
		if (off < 0 || hdr->caplen < hdr->len || !hdr->caplen ||
		    hdr->caplen - (unsigned int)off > PACKET_MAX) {
			r->skipped++;
			continue;
		}
		*packet += off;
		return (ssize_t)hdr->caplen - off;
	}
	if (ret == PCAP_ERROR_BREAK)
		return 0;
	fprintf(stderr, "zcsend: %s: %s\n", r->opts->file, pcap_geterr(r->pcap));
	return -1;
}

/* Begin the file anew; 0 or -1. */
int replay_rewind(struct replay *r)
{
	pcap_close(r->pcap);
	r->pcap = NULL;
	return open_file(r);
}

/*
 * Length of the longest packet, PACKET_MAX if the file can be read only once;
 * the file begins anew. -1 if it is damaged.
 */
ssize_t replay_longest(struct replay *r)
{
	const uint8_t *packet;
	ssize_t len, longest = 0;

	if (!strcmp(r->opts->file, "-"))
		return PACKET_MAX;
	while ((len = replay_next(r, &packet)) > 0)
		if (len > longest)
			longest = len;
	r->skipped = 0;
	return len < 0 || replay_rewind(r) ? -1 : longest;
}

uint64_t replay_skipped(const struct replay *r)
{
	return r->skipped;
}
