/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NTA_BENCH_H
#define _NTA_BENCH_H

#include <linux/dcache.h>

#ifdef CONFIG_NTA
#include <linux/nta.h>

static inline bool bench_is_nta(const void *ptr)
{
	return nta_owns(ptr);
}
#else
static inline bool bench_is_nta(const void *ptr)
{
	return false;
}
#endif

/* hold.c APIs */
void bench_hold_init(struct dentry *dir);
void bench_hold_exit(void);

#endif /* _NTA_BENCH_H */
