/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: cache lines. */
#ifndef _SHIM_LINUX_CACHE_H
#define _SHIM_LINUX_CACHE_H

#define L1_CACHE_SHIFT	6
#define L1_CACHE_BYTES	(1 << L1_CACHE_SHIFT)

#define ____cacheline_aligned_in_smp \
	__attribute__((__aligned__(L1_CACHE_BYTES)))

#endif /* _SHIM_LINUX_CACHE_H */
