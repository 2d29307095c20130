/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the stock paths of 6.12 take for the same packets: a model that counts
 * pages and holds no data.
 */
#ifndef _NTA_STOCK_H
#define _NTA_STOCK_H

#include "trace.h"

/* A packet in the model; all zero is none. */
struct stock_chunk {
	struct stock_slab	*slab;
	unsigned long		large;	/* bytes of pages of its own */
};

/* stock.c APIs */
void stock_reset(void);
struct stock_chunk stock_alloc(const struct trace_packet *packet, int cpu);
void stock_free(struct stock_chunk chunk);
unsigned long stock_taken(void);

#endif /* _NTA_STOCK_H */
