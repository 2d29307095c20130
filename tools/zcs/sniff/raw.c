// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: --raw, where a packet lies in memory and what it is.
 *
 * ptr is the offset of the part in the data mapping, start that of its chunk,
 * size the length of the part, off where it begins in the chunk, entry the
 * node: the mapping has one for each 2 MiB. What only the descriptor has is "in
 * slot".
 */

#include <arpa/inet.h>
#include <string.h>

#include "zcsniff.h"

#define NODE_SHIFT	21

static void print_part(FILE *f, const struct zcs_seg *seg, unsigned int cpu)
{
	uint64_t ptr = seg->chunk + seg->off;

	if (seg->flags & ZCS_SEG_HEAD) {
		fprintf(f, "in slot, size: %u, cpu: %u\n", seg->len, cpu);
		return;
	}
	fprintf(f, "ptr: 0x%012llx, start: 0x%012llx, size: %u, off: %u, entry: %llu, cpu: %u",
		(unsigned long long)ptr, (unsigned long long)seg->chunk, seg->len, seg->off,
		(unsigned long long)(ptr >> NODE_SHIFT), cpu);
	if (seg->flags & ZCS_SEG_COPIED)
		fputs(", copied", f);
	fputc('\n', f);
}

static void print_summary(FILE *f, const struct headers *h, const struct zcs_desc *desc)
{
	char src[NAME_LEN], dst[NAME_LEN];

	fputs("    ", f);
	if (h->ether)
		fprintf(f, "MAC: %s -> %s, ", name_mac(src, h->src), name_mac(dst, h->dst));
	fprintf(f, "type: %04x", h->ethertype);
	if (h->ip) {
		name_host(src, h->ip, h->saddr, true);
		name_host(dst, h->ip, h->daddr, true);
		if (h->transport)
			fprintf(f, ", IP: %s:%u -> %s:%u", src, h->sport, dst, h->dport);
		else
			fprintf(f, ", IP: %s -> %s", src, dst);
		fprintf(f, ", proto: %u", h->proto);
	}
	fprintf(f, ", length: %u%s\n", desc->wire_len,
		desc->flags & ZCS_F_EMPTY ? ", never filled" : "");
}

void raw_packet(FILE *f, uint64_t nr, const struct zcs *z, const struct zcs_packet *pkt,
		const struct wire *wire)
{
	const struct zcs_desc *desc = pkt->desc;
	const struct zcs_seg *seg;
	struct headers h;
	unsigned int i;

	parse_packet(&h, wire);
	fprintf(f, "dump %llu: ", (unsigned long long)nr);
	if (!desc->nr_segs)
		fprintf(f, "in slot, size: %u, cpu: %u\n", desc->cap_len, desc->cpu);
	for (i = 0; i < desc->nr_segs; i++) {
		seg = zcs_segment(z, pkt, i);
		if (!seg)
			break;
		if (i)
			fprintf(f, "    part %u: ", i);
		print_part(f, seg, desc->cpu);
	}
	print_summary(f, &h, desc);
}
