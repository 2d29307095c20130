/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: what hardened usercopy does in the end. */
#ifndef _SHIM_LINUX_UACCESS_H
#define _SHIM_LINUX_UACCESS_H

#include <linux/types.h>

void usercopy_abort(const char *name, const char *detail, bool to_user,
		    unsigned long offset, unsigned long len);

#endif /* _SHIM_LINUX_UACCESS_H */
