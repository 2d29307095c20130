/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: no lock validator here. */
#ifndef _SHIM_LINUX_LOCKDEP_H
#define _SHIM_LINUX_LOCKDEP_H

#define lockdep_assert_held(lock)	((void)(lock))

#endif /* _SHIM_LINUX_LOCKDEP_H */
