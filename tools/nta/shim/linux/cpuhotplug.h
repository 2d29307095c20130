/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: callbacks for CPUs that come and go. */
#ifndef _SHIM_LINUX_CPUHOTPLUG_H
#define _SHIM_LINUX_CPUHOTPLUG_H

#define CPUHP_BP_PREPARE_DYN	0

int shim_cpuhp(int (*prepare)(unsigned int cpu), int (*dead)(unsigned int cpu));

#define cpuhp_setup_state(state, name, prepare, dead) \
	shim_cpuhp(prepare, dead)

#endif /* _SHIM_LINUX_CPUHOTPLUG_H */
