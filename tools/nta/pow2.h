/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A power-of-two allocator to compare with, in the same arena.
 */
#ifndef _NTA_POW2_H
#define _NTA_POW2_H

#include "model.h"

/* pow2.c APIs */
void pow2_init(void);
void pow2_uninit(void);
void *pow2_alloc(size_t size);
void pow2_free(void *ptr);
size_t pow2_size(const void *ptr);
size_t pow2_meta_bytes(void);

#endif /* _NTA_POW2_H */
