/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: allocation flags. */
#ifndef _SHIM_LINUX_GFP_TYPES_H
#define _SHIM_LINUX_GFP_TYPES_H

#include <linux/types.h>

#define __GFP_DMA		0x0001u
#define __GFP_HIGHMEM		0x0002u
#define __GFP_DMA32		0x0004u
#define __GFP_RECLAIMABLE	0x0008u
#define __GFP_ACCOUNT		0x0010u
#define __GFP_ZERO		0x0020u
#define __GFP_DIRECT_RECLAIM	0x0040u
#define __GFP_KSWAPD_RECLAIM	0x0080u
#define __GFP_IO		0x0100u
#define __GFP_FS		0x0200u
#define __GFP_NOWARN		0x0400u
#define __GFP_NORETRY		0x0800u
#define __GFP_NOMEMALLOC	0x1000u
#define __GFP_THISNODE		0x2000u
#define __GFP_COMP		0x4000u
#define __GFP_RECLAIM		(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)

#define GFP_ATOMIC		__GFP_KSWAPD_RECLAIM
#define GFP_NOWAIT		__GFP_KSWAPD_RECLAIM
#define GFP_KERNEL		(__GFP_RECLAIM | __GFP_IO | __GFP_FS)

static inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return gfp & __GFP_DIRECT_RECLAIM;
}

#endif /* _SHIM_LINUX_GFP_TYPES_H */
