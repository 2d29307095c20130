/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: memory for nodes; can be told to fail, see slab.c. */
#ifndef _SHIM_LINUX_SLAB_H
#define _SHIM_LINUX_SLAB_H

#include <linux/gfp_types.h>

#define struct_size(p, member, nr) \
	(sizeof(*(p)) + (nr) * sizeof(*(p)->member))

void *kzalloc(size_t size, gfp_t gfp);
void kfree(const void *ptr);

#define kvcalloc(nr, size, gfp)	kzalloc((nr) * (size), gfp)
#define kvfree(ptr)		kfree(ptr)

#endif /* _SHIM_LINUX_SLAB_H */
