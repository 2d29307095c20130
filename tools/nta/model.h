/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The userspace model of NTA: what its commands share.
 */
#ifndef _NTA_MODEL_H
#define _NTA_MODEL_H

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kunit/static_stub.h>
#include <linux/nta.h>
#include <shim.h>
#include <trace/events/nta.h>

#include "../../net/core/nta/nta.h"

/* What a command returns and the program exits with. */
#define MODEL_OK	0
#define MODEL_FAILED	1	/* the allocator broke a rule */
#define MODEL_USAGE	2	/* wrong options, or no memory for the model */

/* One command each; argv[0] is its name. */
int cmd_example(int argc, char **argv);
int cmd_stress(int argc, char **argv);
int cmd_threads(int argc, char **argv);
int cmd_damage(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_seeds(int argc, char **argv);
int cmd_pictures(int argc, char **argv);
int cmd_memory(int argc, char **argv);
int cmd_bench(int argc, char **argv);

/* util.c APIs */
void model_die(const char *fmt, ...)
	__attribute__((__noreturn__, __format__(__printf__, 1, 2)));
unsigned long model_number(const char *name, const char *text,
			   unsigned long lo, unsigned long hi);
double model_seconds(void);

/* A random number generator with a small state (xorshift*). */
struct rng {
	u64 state;
};

static inline struct rng rng_of(u64 seed)
{
	return (struct rng){ seed * 0x9e3779b97f4a7c15ULL | 1 };
}

static inline u32 rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return (rng->state * 0x2545f4914f6cdd1dULL) >> 32;
}

/* A number from 0 to @below - 1. */
static inline u32 rng_below(struct rng *rng, u32 below)
{
	return ((u64)rng_next(rng) * below) >> 32;
}

static inline u32 rng_range(struct rng *rng, u32 lo, u32 hi)
{
	return lo + rng_below(rng, hi - lo + 1);
}

#endif /* _NTA_MODEL_H */
