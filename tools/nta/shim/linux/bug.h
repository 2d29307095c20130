/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: warnings. */
#ifndef _SHIM_LINUX_BUG_H
#define _SHIM_LINUX_BUG_H

#include <stdio.h>

#include <linux/compiler.h>

void shim_warned(void);

#define WARN(cond, ...) ({						\
	bool __bad = (cond);						\
									\
	if (unlikely(__bad)) {						\
		fprintf(stderr, "WARNING: " __VA_ARGS__);		\
		shim_warned();						\
	}								\
	__bad;								\
})
#define WARN_ON_ONCE(cond)	WARN(cond, "%s:%d\n", __FILE__, __LINE__)

#endif /* _SHIM_LINUX_BUG_H */
