/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: no leak detector here. */
#ifndef _SHIM_LINUX_KMEMLEAK_H
#define _SHIM_LINUX_KMEMLEAK_H

#define kmemleak_alloc(ptr, size, refs, gfp)	((void)(ptr))
#define kmemleak_free(ptr)			((void)(ptr))
#define kmemleak_no_scan(ptr)			((void)(ptr))
#define kmemleak_not_leak(ptr)			((void)(ptr))

#endif /* _SHIM_LINUX_KMEMLEAK_H */
