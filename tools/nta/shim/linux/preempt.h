/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: a thread is a CPU, so nobody else gets on it. */
#ifndef _SHIM_LINUX_PREEMPT_H
#define _SHIM_LINUX_PREEMPT_H

#include <linux/compiler.h>

#define preempt_disable()	barrier()
#define preempt_enable()	barrier()

#endif /* _SHIM_LINUX_PREEMPT_H */
