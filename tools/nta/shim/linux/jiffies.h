/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: time, which stands still until the model moves it. */
#ifndef _SHIM_LINUX_JIFFIES_H
#define _SHIM_LINUX_JIFFIES_H

#include <linux/types.h>

#define HZ		250

unsigned long shim_jiffies(void);
#define jiffies		shim_jiffies()

#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define time_before(a, b)	((long)((a) - (b)) < 0)

#endif /* _SHIM_LINUX_JIFFIES_H */
