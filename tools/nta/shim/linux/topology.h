/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: one NUMA node. */
#ifndef _SHIM_LINUX_TOPOLOGY_H
#define _SHIM_LINUX_TOPOLOGY_H

#define NUMA_NO_NODE	(-1)
#define numa_mem_id()	0
#define cpu_to_mem(cpu)	((void)(cpu), 0)

#endif /* _SHIM_LINUX_TOPOLOGY_H */
