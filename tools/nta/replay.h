/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on the model as a string of bytes.
 */
#ifndef _NTA_REPLAY_H
#define _NTA_REPLAY_H

#include "shadow.h"

/* Each operation is a code and two bytes. */
#define REPLAY_STEP	3

enum replay_op {
	REPLAY_ALLOC,		/* size, 16 bits */
	REPLAY_ALLOC_UNITS,	/* size in units, flags */
	REPLAY_FREE,		/* slot, - */
	REPLAY_FREE_UNSIZED,	/* slot, - */
	REPLAY_CPU,		/* CPU, - */
	REPLAY_WORK,		/* ticks before, - */
	REPLAY_HOLD,		/* slot, - */
	REPLAY_UNHOLD,		/* slot, - */
	REPLAY_FAIL,		/* pages or metadata, how often */
	REPLAY_SHRINK,		/* pages / 16, - */
	REPLAY_FLUSH,		/* - */
	REPLAY_HOTPLUG,		/* CPU, - */
	REPLAY_PIN,		/* -, on or off */
	REPLAY_HOT,		/* limit of hot lists, KiB */
	REPLAY_FREE_TWICE,	/* slot, - */
	REPLAY_FREE_INSIDE,	/* slot, unit */
	REPLAY_WRITE_FREE,	/* slot, word */
	REPLAY_NR_OPS
};

void replay_init(void);
const char *replay_run(const u8 *data, size_t len);

#endif /* _NTA_REPLAY_H */
