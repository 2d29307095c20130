/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: whole bitmaps. */
#ifndef _SHIM_LINUX_BITMAP_H
#define _SHIM_LINUX_BITMAP_H

#include <string.h>

#include <linux/bitops.h>

static inline void bitmap_zero(unsigned long *map, unsigned int nr)
{
	memset(map, 0, BITS_TO_LONGS(nr) * sizeof(*map));
}

#endif /* _SHIM_LINUX_BITMAP_H */
