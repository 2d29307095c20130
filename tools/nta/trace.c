// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets as the stack allocates them.
 *
 * A server on an Ethernet with some jumbo frames: bare ACKs, small frames that
 * a driver copies, full frames received into buffers of the MTU, datagrams and
 * segments of all sizes to send, 9000-byte frames. A segment that is cut by GSO
 * has its data in page fragments and a head like that of an ACK; only senders
 * without scatter and gather make heads of up to 64 KiB, so those are extra.
 * @lo and @hi are what is asked of alloc_skb(), with headroom and without
 * struct skb_shared_info.
 */

#include "trace.h"

struct trace_kind {
	const char	*name;
	unsigned int	weight;		/* of 100 packets */
	unsigned int	lo;
	unsigned int	hi;
	bool		receive;
};

static const struct trace_kind trace_kinds[] = {
	{ "ACK, control, head of a GSO segment", 24, 320, 320, false },
	{ "small frame, copied", 18, 64 + 66, 256 + 66, true },
	{ "1500-byte buffer", 28, 1536 + 66, 1536 + 66, true },
	{ "datagram or segment to send", 20, 112, 1472 + 112, false },
	{ "9000-byte buffer", 7, 9022 + 66, 9022 + 66, true },
	{ "9000-byte frame to send", 3, 2000, 9000 + 112, false },
};

/* Heads with all the data of a segment. */
static const struct trace_kind trace_linear = {
	"linear segment", 0, 16384, 65536 + 112, false
};

/**
 * trace_next() - the next packet
 * @rng: source of chance
 * @linear: so many of 1000 are linear segments of up to 64 KiB
 *
 * Return: what it asks for
 */
struct trace_packet trace_next(struct rng *rng, unsigned int linear)
{
	unsigned int dice = rng_below(rng, 100);
	const struct trace_kind *kind = trace_kinds;

	if (rng_below(rng, 1000) < linear)
		kind = &trace_linear;
	else
		while (dice >= kind->weight)
			dice -= (kind++)->weight;
	return (struct trace_packet){
		.size = trace_head_size(rng_range(rng, kind->lo, kind->hi)),
		.receive = kind->receive,
	};
}

/**
 * trace_describe() - say what the packets are
 * @out: where
 */
void trace_describe(FILE *out)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(trace_kinds); i++)
		fprintf(out, "  %2u of 100  %6u to %6u bytes  %s\n",
			trace_kinds[i].weight,
			trace_head_size(trace_kinds[i].lo),
			trace_head_size(trace_kinds[i].hi),
			trace_kinds[i].name);
}
