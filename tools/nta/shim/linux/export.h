/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: nothing is exported. */
#ifndef _SHIM_LINUX_EXPORT_H
#define _SHIM_LINUX_EXPORT_H

#define EXPORT_SYMBOL_GPL(name)	extern int shim_exported

#endif /* _SHIM_LINUX_EXPORT_H */
