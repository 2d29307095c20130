// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: the worker of each CPU, and what happens when a CPU goes away.
 *
 * Overview
 * --------
 *
 * While a CPU has anything that could be merged or given back, its worker
 * comes by every NTA_AGE: it flushes the outbox, drains the remote queue,
 * merges sizes that nobody asked for since its last visit, and gives back
 * nodes that lay in the depot for NTA_DEPOT_AGE. When nothing is left to do
 * it stops, until the next allocation arms it again. So a CPU that falls
 * silent wakes up a few times more and then never.
 *
 * It comes at once when the remote queue grows long, when the shrinker asks,
 * or when an allocation in atomic context found no memory.
 *
 * The allocation paths run under locks unknown to us, so they only queue an
 * irq_work, which is safe anywhere; that queues the worker.
 *
 * A dead CPU
 * ----------
 *
 * Its nodes go to the CPU that runs the hotplug callback. Chunks that other
 * CPUs still push to the dead one are forwarded; see "Ordering" in remote.c.
 *
 * Locking
 * -------
 *
 * The worker enters the gate for each batch. The hotplug callback runs with
 * the CPU dead, so that CPU's fields are its own; it enters the gate of its
 * own CPU to add the nodes.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/init.h>
#include <linux/sched.h>
#include <trace/events/nta.h>

#include "nta.h"

/* A burst that comes back within this time finds its nodes in the depot. */
#define NTA_DEPOT_AGE	(5 * HZ)

static struct nta_cpu *nta_enter_on(struct nta_cpu *want)
{
	struct nta_cpu *c = nta_enter();

	/* The worker of a CPU that went offline runs elsewhere: no work. */
	if (c && c != want) {
		nta_exit(c);
		c = NULL;
	}
	return c;
}

/* Drain the remote queue and empty the outbox. False: this CPU is gone. */
static bool nta_age_queues(struct nta_cpu *mine)
{
	unsigned int n;
	struct nta_cpu *c;

	do {
		c = nta_enter_on(mine);
		if (!c)
			return false;
		nta_outbox_flush(c);
		n = nta_drain(c, NTA_DRAIN_BATCH);
		nta_exit(c);
		cond_resched();
	} while (n >= NTA_DRAIN_BATCH);
	return true;
}

/* Merge what lies on hot lists. False: this CPU is gone. */
static bool nta_age_hot(struct nta_cpu *mine, bool idle_only)
{
	unsigned int n;
	struct nta_cpu *c;

	do {
		c = nta_enter_on(mine);
		if (!c)
			return false;
		n = nta_hot_flush(c, NTA_FLUSH_BATCH, idle_only);
		nta_exit(c);
		cond_resched();
	} while (n == NTA_FLUSH_BATCH);
	return true;
}

/* Give blocks back that no socket asked for. False: this CPU is gone. */
static bool nta_age_blocks(struct nta_cpu *mine, bool all)
{
	struct page *page;
	struct nta_cpu *c;

	do {
		c = nta_enter_on(mine);
		if (!c)
			return false;
		page = NULL;
		if (all || c->block_seen == c->stats.block_allocs)
			page = nta_block_pop(c);
		else
			c->block_seen = c->stats.block_allocs;
		nta_exit(c);
		if (page)
			nta_block_destroy(page);
	} while (page);
	return true;
}

/* An allocation in atomic context found no memory: be ready for the next. */
static void nta_age_grow(struct nta_cpu *mine)
{
	struct nta_node *node;
	struct nta_cpu *c;

	if (nta_largest_free(mine) >= NTA_NR_CLASSES - 1)
		return;
	node = nta_node_grow(NTA_NR_CLASSES - 1, GFP_KERNEL);
	if (!node)
		return;
	c = nta_enter_on(mine);
	if (c) {
		nta_node_adopt(c, node);
		nta_exit(c);
	} else {
		nta_depot_put(node);
	}
}

static bool nta_is_idle(const struct nta_cpu *c)
{
	unsigned int units, i;

	if (c->pending || READ_ONCE(c->remote) || c->nr_blocks ||
	    nta_depot_pages(cpu_to_mem(c->cpu)))
		return false;
	for (i = 0; i < NTA_OUTBOX_SLOTS; i++)
		if (c->outbox[i].nr)
			return false;
	for (units = 1; units < NTA_NR_CLASSES; units++)
		if (c->hot[units].nr)
			return false;
	return true;
}

static void nta_age_work(struct work_struct *work)
{
	struct nta_cpu *mine = container_of(to_delayed_work(work),
					    struct nta_cpu, age);
	bool all = xchg(&mine->flush_all, false);
	bool grow = xchg(&mine->grow_big, false);
	struct nta_cpu *c;
	bool again;

	if (!nta_age_queues(mine) || !nta_age_hot(mine, !all))
		return;
	if (grow)
		nta_age_grow(mine);
	if (!nta_age_blocks(mine, all))
		return;
	nta_depot_trim(cpu_to_mem(mine->cpu), ULONG_MAX,
		       all ? 0 : NTA_DEPOT_AGE);

	c = nta_enter_on(mine);
	if (!c)
		return;
	nta_node_shed(c);
	WRITE_ONCE(c->armed, false);
	smp_mb(); /* Before the queue is read; pairs with (A) in nta_push(). */
	again = !nta_is_idle(c);
	WRITE_ONCE(c->armed, again);
	nta_exit(c);
	if (again)
		queue_delayed_work_on(mine->cpu, system_wq, &mine->age,
				      NTA_AGE);
}

static void nta_kick_irq(struct irq_work *work)
{
	struct nta_cpu *c = container_of(work, struct nta_cpu, kick);

	if (!cpu_online(c->cpu))
		return;
	if (READ_ONCE(c->flush_all) || READ_ONCE(c->grow_big) ||
	    atomic_read(&c->nr_remote) >= NTA_REMOTE_MAX)
		mod_delayed_work_on(c->cpu, system_wq, &c->age, 0);
	else
		queue_delayed_work_on(c->cpu, system_wq, &c->age, NTA_AGE);
}

/**
 * nta_kick() - have a CPU's worker come by
 * @c: that CPU
 *
 * At once if there is something urgent for it, else within NTA_AGE.
 *
 * Context: Any context.
 */
void nta_kick(struct nta_cpu *c)
{
	irq_work_queue(&c->kick);
}

/* === Hotplug ============================================================= */

/* Move a node with all its free chunks to this CPU. */
static void nta_node_inherit(struct nta_node *node)
{
	struct nta_cpu *c;

	list_del(&node->list);
	if (!node->nr_used) {
		nta_depot_put(node);
		return;
	}
	/* Process context is never inside the gate already. */
	c = nta_enter();
	WRITE_ONCE(node->cpu, c->cpu);
	list_add(&node->list, &c->nodes);
	c->nr_nodes++;
	c->nr_units += node->nr_units;
	nta_bins_add_node(c, node);
	nta_exit(c);
}

static int nta_cpu_dead(unsigned int cpu)
{
	struct nta_cpu *dead = per_cpu_ptr(&nta_cpu, cpu);
	struct nta_node *node, *next;
	struct page *page;

	irq_work_sync(&dead->kick);
	cancel_delayed_work_sync(&dead->age);

	nta_outbox_flush(dead);
	while (nta_drain(dead, NTA_DRAIN_BATCH) >= NTA_DRAIN_BATCH)
		cond_resched();
	while (nta_hot_flush(dead, NTA_FLUSH_BATCH, false) == NTA_FLUSH_BATCH)
		cond_resched();
	while ((page = nta_block_pop(dead)))
		nta_block_destroy(page);

	nta_bins_reset(dead);
	list_for_each_entry_safe(node, next, &dead->nodes, list)
		nta_node_inherit(node);
	dead->nr_nodes = 0;
	dead->nr_whole = 0;
	dead->nr_units = 0;
	WRITE_ONCE(dead->armed, false);

	/* Nodes have a new owner: what is pushed now can be forwarded. */
	WRITE_ONCE(dead->offline, true);
	smp_mb(); /* Before the queue is read; pairs with (A) in nta_push(). */
	nta_forward(dead);
	nta_kick(raw_cpu_ptr(&nta_cpu));
	return 0;
}

static int nta_cpu_prepare(unsigned int cpu)
{
	/* Before it has nodes again; see nta_epoch. */
	WRITE_ONCE(nta_epoch, nta_epoch + 1);
	WRITE_ONCE(per_cpu_ptr(&nta_cpu, cpu)->offline, false);
	return 0;
}

/**
 * nta_age_init() - workers and hotplug
 *
 * Context: Once, after nta_core_init() and before NTA is used.
 * Return: 0 or -errno.
 */
int __init nta_age_init(void)
{
	struct nta_cpu *c;
	int cpu, ret;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&nta_cpu, cpu);
		init_irq_work(&c->kick, nta_kick_irq);
		INIT_DELAYED_WORK(&c->age, nta_age_work);
		c->offline = true;
	}
	ret = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "net/nta:prepare",
				nta_cpu_prepare, nta_cpu_dead);
	return ret < 0 ? ret : 0;
}
