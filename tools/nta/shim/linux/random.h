/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: secrets that are the same for the same seed. */
#ifndef _SHIM_LINUX_RANDOM_H
#define _SHIM_LINUX_RANDOM_H

unsigned long get_random_long(void);

#endif /* _SHIM_LINUX_RANDOM_H */
