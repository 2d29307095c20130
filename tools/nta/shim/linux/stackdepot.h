/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: a handle is the low half of the one entry. */
#ifndef _SHIM_LINUX_STACKDEPOT_H
#define _SHIM_LINUX_STACKDEPOT_H

#include <stdio.h>

#include <linux/types.h>

typedef u32 depot_stack_handle_t;

#define stack_depot_save(entries, nr, gfp) \
	((void)(nr), (depot_stack_handle_t)(entries)[0])
#define stack_depot_print(handle) \
	fprintf(stderr, "  code at ...%08x\n", handle)

#endif /* _SHIM_LINUX_STACKDEPOT_H */
