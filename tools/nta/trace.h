/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets as the stack allocates them: sizes, paths, lifetimes.
 */
#ifndef _NTA_TRACE_H
#define _NTA_TRACE_H

#include "model.h"

/* sizeof(struct skb_shared_info), rounded to a cache line as the stack does. */
#define TRACE_SHARED_INFO	320

/* What one packet asks for. */
struct trace_packet {
	unsigned int	size;		/* bytes for skb->head */
	bool		receive;	/* a driver asks, in atomic context */
};

static inline unsigned int trace_head_size(unsigned int data)
{
	return ((data + 63) & ~63U) + TRACE_SHARED_INFO;
}

/* trace.c APIs */
struct trace_packet trace_next(struct rng *rng, unsigned int linear);
void trace_describe(FILE *out);

#endif /* _NTA_TRACE_H */
