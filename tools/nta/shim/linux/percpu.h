/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: one copy of a variable per modelled CPU. */
#ifndef _SHIM_LINUX_PERCPU_H
#define _SHIM_LINUX_PERCPU_H

#include <linux/atomic.h>

#ifndef NR_CPUS
#define NR_CPUS	16
#endif

/*
 * As in the kernel: the variable itself is only a template, and the copy of a
 * CPU lies at a constant distance from it. See cpu.c.
 */
extern long shim_percpu_offset[NR_CPUS];
extern _Thread_local long shim_this_offset;
extern _Thread_local int shim_this_cpu;

#define DECLARE_PER_CPU(type, name)	extern type name
#define DEFINE_PER_CPU(type, name) \
	__attribute__((__section__("shim_percpu"))) type name
#define EXPORT_PER_CPU_SYMBOL_GPL(name)

#define __shim_shift(ptr, off) \
	((__typeof__(ptr))((uintptr_t)(ptr) + (uintptr_t)(off)))

#define per_cpu_ptr(ptr, cpu)	__shim_shift(ptr, shim_percpu_offset[cpu])
#define this_cpu_ptr(ptr)	__shim_shift(ptr, shim_this_offset)
#define raw_cpu_ptr(ptr)	this_cpu_ptr(ptr)
#define raw_cpu_read(var)	READ_ONCE(*this_cpu_ptr(&(var)))
#define raw_cpu_write(var, v)	WRITE_ONCE(*this_cpu_ptr(&(var)), v)
#define raw_smp_processor_id()	shim_this_cpu

/* One instruction, so an interrupt comes before it or after it. */
#ifdef __x86_64__
#define this_cpu_add(var, v)						\
	__asm__ __volatile__("addq %1, %0"				\
			     : "+m" (*this_cpu_ptr(&(var)))		\
			     : "er" ((unsigned long)(v)) : "cc")
#else
#define this_cpu_add(var, v) \
	__atomic_fetch_add(this_cpu_ptr(&(var)), (v), __ATOMIC_RELAXED)
#endif
#define this_cpu_inc(var)	this_cpu_add(var, 1)

bool shim_cpu_is_online(int cpu);

#define for_each_possible_cpu(cpu)	for (cpu = 0; cpu < NR_CPUS; cpu++)
#define for_each_online_cpu(cpu) \
	for_each_possible_cpu(cpu) if (shim_cpu_is_online(cpu))

#endif /* _SHIM_LINUX_PERCPU_H */
