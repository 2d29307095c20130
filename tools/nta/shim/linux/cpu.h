/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: CPUs that come and go. */
#ifndef _SHIM_LINUX_CPU_H
#define _SHIM_LINUX_CPU_H

#include <linux/percpu.h>

#define cpu_online(cpu)	shim_cpu_is_online(cpu)

#endif /* _SHIM_LINUX_CPU_H */
