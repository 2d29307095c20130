/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: the caller has stopped all threads that matter. */
#ifndef _SHIM_LINUX_STOP_MACHINE_H
#define _SHIM_LINUX_STOP_MACHINE_H

#define stop_machine(fn, data, mask)	((void)(fn)(data))

#endif /* _SHIM_LINUX_STOP_MACHINE_H */
