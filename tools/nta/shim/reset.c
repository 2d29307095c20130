// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shim: a fresh machine, and the end of all idleness.
 */

#include <linux/idr.h>
#include <linux/nta.h>
#include <linux/slab.h>

#include "../../../net/core/nta/nta.h"

#include <shim.h>

static void shim_node_forget(struct nta_node *node)
{
	list_del(&node->list);
	list_del(&node->all);
	nta_debug_node_exit(node);
	nta_pages_put(node);
	ida_free(NULL, node->id);
	kvfree(node->hold);
	kfree(node);
}

/**
 * shim_reset() - start again, with all CPUs up
 * @seed: see shim_start()
 *
 * What was allocated before is gone, whatever state it was in. Nodes are not
 * pinned and nobody holds chunks.
 */
void shim_reset(unsigned long seed)
{
	struct nta_node *node;
	int cpu;

	shim_pages_fail(0);
	shim_slab_fail(0);
	/* The depot's count must be zero, so let NTA empty it. */
	nta_depot_trim(NUMA_NO_NODE, ~0UL, 0);
	while ((node = nta_node_next(NULL)))
		shim_node_forget(node);

	shim_start(seed);
	nta_core_init();
	nta_age_init();
	for_each_possible_cpu(cpu)
		shim_cpu_up(cpu);
}

/**
 * shim_settle() - let time pass until no CPU has anything to do
 *
 * The calling thread is every CPU in turn, so nobody else may be one.
 */
void shim_settle(void)
{
	int cpu, me = raw_smp_processor_id(), quiet = 0;
	struct nta_cpu *c;

	for_each_online_cpu(cpu) {
		/* As the shrinker would: merge all, keep nothing. */
		c = per_cpu_ptr(&nta_cpu, cpu);
		WRITE_ONCE(c->flush_all, true);
		nta_kick(c);
	}
	while (quiet < 8) {
		bool busy = false;

		for_each_online_cpu(cpu) {
			shim_set_cpu(cpu);
			busy |= shim_run_worker();
		}
		quiet = busy ? 0 : quiet + 1;
		shim_set_jiffies(shim_jiffies() + NTA_AGE);
	}
	shim_set_cpu(me);
}
