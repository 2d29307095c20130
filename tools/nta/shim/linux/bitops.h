/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: single bits and the search for them. */
#ifndef _SHIM_LINUX_BITOPS_H
#define _SHIM_LINUX_BITOPS_H

#include <linux/types.h>

#define BITS_PER_LONG		(8 * sizeof(unsigned long))
#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)

/*
 * A bit of a chunk in use may be read by anybody while the owner changes its
 * neighbours, so these are relaxed atomics.
 */
static inline bool test_bit(unsigned long nr, const unsigned long *map)
{
	return READ_ONCE(map[nr / BITS_PER_LONG]) >> (nr % BITS_PER_LONG) & 1;
}

static inline void __set_bit(unsigned long nr, unsigned long *map)
{
	unsigned long *word = &map[nr / BITS_PER_LONG];

	WRITE_ONCE(*word, *word | 1UL << (nr % BITS_PER_LONG));
}

static inline void __clear_bit(unsigned long nr, unsigned long *map)
{
	unsigned long *word = &map[nr / BITS_PER_LONG];

	WRITE_ONCE(*word, *word & ~(1UL << (nr % BITS_PER_LONG)));
}

/* First set bit in [from, size), or size. */
static inline unsigned long find_next_bit(const unsigned long *map,
					  unsigned long size,
					  unsigned long from)
{
	unsigned long i = from / BITS_PER_LONG, word, nr;

	if (from >= size)
		return size;
	word = map[i] & (~0UL << (from % BITS_PER_LONG));
	while (!word) {
		if (++i * BITS_PER_LONG >= size)
			return size;
		word = map[i];
	}
	nr = i * BITS_PER_LONG + __builtin_ctzl(word);
	return nr < size ? nr : size;
}

/* Last set bit below size, or size. */
static inline unsigned long find_last_bit(const unsigned long *map,
					  unsigned long size)
{
	unsigned long i, word;

	for (i = BITS_TO_LONGS(size); i--;) {
		word = map[i];
		if ((i + 1) * BITS_PER_LONG > size)
			word &= ~(~0UL << (size % BITS_PER_LONG));
		if (word)
			return i * BITS_PER_LONG + BITS_PER_LONG - 1 -
			       __builtin_clzl(word);
	}
	return size;
}

#endif /* _SHIM_LINUX_BITOPS_H */
