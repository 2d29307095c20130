/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: a stack of one entry. */
#ifndef _SHIM_LINUX_STACKTRACE_H
#define _SHIM_LINUX_STACKTRACE_H

#define stack_trace_save(entries, size, skip) \
	((void)(size), (void)(skip), \
	 (entries)[0] = (unsigned long)__builtin_return_address(0), 1U)

#endif /* _SHIM_LINUX_STACKTRACE_H */
