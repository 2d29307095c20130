/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shadow map: who owns each unit of the arena, kept apart from NTA.
 *
 * Every chunk in use is filled with a pattern of its owner, which must be
 * intact when it is freed.
 */
#ifndef _NTA_SHADOW_H
#define _NTA_SHADOW_H

#include "model.h"

/* A chunk in use. */
struct shadow_chunk {
	void		*ptr;
	unsigned int	need;	/* bytes asked for */
	unsigned int	size;	/* bytes got */
	u32		tag;	/* not 0; of no other chunk in use */
};

/* shadow.c APIs; those that return a string: NULL, or what is wrong */
void shadow_init(void);
void shadow_reset(void);
const char *shadow_take(const struct shadow_chunk *chunk);
const char *shadow_drop(const struct shadow_chunk *chunk);
void shadow_fill(const struct shadow_chunk *chunk, bool full);
const char *shadow_verify(const struct shadow_chunk *chunk, bool full);
const char *shadow_check_live(unsigned long in_use, unsigned long held);
const char *shadow_check_empty(void);

#endif /* _NTA_SHADOW_H */
