/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine under the model: CPUs, interrupts, time, pages.
 *
 * The allocator's own source is compiled over the headers in this folder, so
 * that what is tested is what runs in the kernel. A thread is whatever CPU it
 * says it is: many threads with one CPU each, or one thread that changes its
 * CPU at every step and so repeats exactly for the same seed.
 */
#ifndef _SHIM_H
#define _SHIM_H

#include <stdbool.h>
#include <stddef.h>

struct nta_node;

/* cpu.c APIs: CPUs, time and workers */
void shim_start(unsigned long seed);
void shim_set_cpu(int cpu);
void shim_cpu_up(int cpu);
void shim_cpu_down(int cpu);
void shim_set_jiffies(unsigned long now);
bool shim_run_worker(void);
extern unsigned long shim_secret;

/* irq.c APIs: interrupts of a CPU are signals of its thread */
void shim_irq_save(void);
void shim_irq_restore(void);
void shim_irq_start(void (*handler)(void), unsigned int period_us);
void shim_irq_stop(void);

/* pages.c APIs: the arena */
void shim_pages_init(unsigned long nr_pages);
void shim_pages_limit(unsigned long nr_pages);
void shim_pages_fail(unsigned int per_mille);
void *shim_pages_take(unsigned int order);
void shim_pages_give(void *ptr, unsigned int order);
unsigned long shim_pages_used(void);
unsigned long shim_pages_peak(void);
void shim_pages_reset_peak(void);

/* slab.c APIs: memory for nodes */
void shim_slab_fail(unsigned int per_mille);
size_t shim_slab_bytes(void);
unsigned int shim_kmalloc_size(size_t size);

/* reset.c APIs */
void shim_reset(unsigned long seed);
void shim_settle(void);

/* bug.c APIs */
unsigned int shim_warnings(void);
extern bool (*shim_usercopy)(bool to_user, unsigned long offset,
			     unsigned long len);

/* Whether something that fails @per_mille times in 1000 fails this time. */
bool shim_fails(unsigned int per_mille);

#endif /* _SHIM_H */
