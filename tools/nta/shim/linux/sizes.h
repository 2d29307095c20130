/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: sizes. */
#ifndef _SHIM_LINUX_SIZES_H
#define _SHIM_LINUX_SIZES_H

#define SZ_4K	0x1000
#define SZ_64K	0x10000
#define SZ_256K	0x40000
#define SZ_1M	0x100000
#define SZ_2M	0x200000

#endif /* _SHIM_LINUX_SIZES_H */
