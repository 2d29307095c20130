// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: --tcp-seq, a line per TCP segment: time, source, destination,
 * sequence number, bytes of data.
 */

#include <netinet/in.h>

#include "zcsniff.h"

void seqlog_packet(FILE *f, const struct zcs_desc *desc, const struct wire *wire)
{
	char src[NAME_LEN], dst[NAME_LEN];
	struct headers h;

	parse_packet(&h, wire);
	if (!h.transport || h.proto != IPPROTO_TCP)
		return;
	fprintf(f, "%llu.%09u %s.%u %s.%u %u %u\n",
		(unsigned long long)(desc->ts_ns / 1000000000),
		(unsigned int)(desc->ts_ns % 1000000000),
		name_host(src, h.ip, h.saddr, true), h.sport,
		name_host(dst, h.ip, h.daddr, true), h.dport, h.seq, h.data_len);
}
