/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: small unique numbers; see slab.c. */
#ifndef _SHIM_LINUX_IDR_H
#define _SHIM_LINUX_IDR_H

#include <linux/gfp_types.h>

struct ida;
#define DEFINE_IDA(name)	struct ida *name __maybe_unused

int shim_ida_alloc(void);
void shim_ida_free(int id);

/* There is one IDA only. */
#define ida_alloc(ida, gfp)	((void)(ida), (void)(gfp), shim_ida_alloc())
#define ida_free(ida, id)	((void)(ida), shim_ida_free(id))

#endif /* _SHIM_LINUX_IDR_H */
