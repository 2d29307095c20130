/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: allocation flags. */
#ifndef _SHIM_LINUX_GFP_H
#define _SHIM_LINUX_GFP_H

#include <linux/gfp_types.h>

#endif /* _SHIM_LINUX_GFP_H */
