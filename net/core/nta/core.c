// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: the network tree allocator, memory for packet data.
 *
 * Overview
 * --------
 *
 * unit    One cache line. Sizes are rounded up to units and to nothing else.
 * chunk   One or more units in a row: what a caller gets.
 * node    Up to 2 MiB of pages in a row, divided into chunks. It belongs to
 *         one CPU, its owner. Every page of it has the page type "nta" and
 *         points to its struct nta_node: so a free finds its way from the
 *         address alone, and memory of NTA and of kmalloc can be mixed.
 *
 * A chunk is always in one place:
 *
 *                  nta_alloc()                        nta_free()
 *        +--------------------------- in use ---------------------------+
 *        |                              |                               |
 *        |                 owner's CPU  |  another CPU                  |
 *        |             +----------------+------------------+            |
 *        |             v                                   v            |
 *        +------- hot list of                        outbox there,      |
 *        |        its size                           remote queue  -----+
 *        |             | too many, or idle           of the owner       :
 *        |             v                                   | drained    :
 *        +---- bin: merged with      <---------------------+            :
 *              its free neighbours                         held: freed, but
 *                      | whole node free                   a sniffer looks
 *                      v                                   at it (hold.c)
 *                    depot  ---- shrinker, age ---->  page allocator
 *
 * Allocation takes the newest chunk of exactly its size from the hot list.
 * If there is none, it cuts one from a bin (chunk.c), then asks the depot, then
 * merges what lies on other hot lists and tries again, then asks the page
 * allocator (node.c). Whoever cannot be served uses kmalloc; that is counted.
 *
 * The tree that the name speaks of was an AVL tree of chunks; the page type
 * took its place.
 *
 * Conservation law, checked by nta_check_all() at any time:
 *
 *   chunks allocated == chunks freed + held + queued for their owner + in use
 *   and the chunks of a node, laid end to end, are the node
 *
 * Context
 * -------
 *
 * Allocation works in any context but NMI, free in any context.
 *
 * Locking
 * -------
 *
 * The gate. All of struct nta_cpu but its remote queue belongs to whoever is
 * in the gate of that CPU: preemption off and @busy set (nta_enter()). It is
 * a trylock, not a lock: a context that interrupts the gate sees @busy and
 * goes another way, allocations to kmalloc and frees to the own remote queue.
 * So interrupts and bottom halves stay enabled, and there is nothing to spin
 * on. Each stay is bounded by NTA_DRAIN_BATCH or NTA_FLUSH_BATCH and calls
 * nothing that sleeps, which makes it fit for PREEMPT_RT as it is. A
 * local_lock_t could not serve hard interrupts there.
 *
 *   gate of a CPU (preemption off)
 *     > nta_nodes_lock (raw; the depot and the list of all nodes)
 *
 * Field protection
 * ----------------
 *
 *   nta_cpu.*                  - gate of that CPU, or the CPU is dead and
 *                                the caller is its hotplug callback
 *   nta_cpu.remote, nr_remote  - lock free; see remote.c
 *   nta_node.start, edge,
 *     nr_used, list            - gate of the owner; nta_nodes_lock while the
 *                                node is in the depot
 *   nta_node.cpu               - gate of the new owner, while the old one is
 *                                dead or the node comes from the depot; read
 *                                by everybody
 *   nta_node.all, stamp        - nta_nodes_lock
 *   nta_node.hold[]            - atomic; see hold.c
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/export.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kasan.h>
#include <linux/kmemleak.h>
#include <linux/random.h>
#include <linux/uaccess.h>
#include <trace/events/nta.h>

#include "nta.h"

DEFINE_PER_CPU(struct nta_cpu, nta_cpu);

unsigned long nta_link_secret __ro_after_init;
unsigned long nta_canary_secret __ro_after_init;

/* === Hot lists =========================================================== */

/* Take the newest chunk of a hot list; drop the list if it is damaged. */
static unsigned long *nta_hot_pop(struct nta_cpu *c, unsigned int units)
{
	struct nta_hot *hot = &c->hot[units];
	unsigned long *chunk = hot->first;

	if (!chunk)
		return NULL;
	if (unlikely(chunk[NTA_W_CANARY] != nta_canary(chunk))) {
		/* The link is as doubtful as the canary: keep off them all. */
		nta_report("chunk was written to after it was freed",
			   nta_node_of(chunk), chunk, units);
		c->stats.quarantined += hot->nr;
		c->stats.quarantined_units += hot->nr * units;
		hot->first = NULL;
		hot->nr = 0;
		return NULL;
	}
	hot->first = (unsigned long *)nta_link(chunk, chunk[NTA_W_LINK]);
	hot->nr--;
	chunk[NTA_W_CANARY] = 0;
	return chunk;
}

static void nta_hot_push(struct nta_cpu *c, unsigned long *chunk,
			 unsigned int units)
{
	struct nta_hot *hot = &c->hot[units];

	chunk[NTA_W_LINK] = nta_link(chunk, (unsigned long)hot->first);
	chunk[NTA_W_CANARY] = nta_canary(chunk);
	hot->first = chunk;
	hot->nr++;
}

/* Merge up to @max chunks of one hot list. How many it was. */
static unsigned int nta_hot_trim(struct nta_cpu *c, unsigned int units,
				 unsigned int max)
{
	struct nta_node *node;
	unsigned long *chunk;
	unsigned int n = 0;

	while (n < max && (chunk = nta_hot_pop(c, units))) {
		node = nta_node_of(chunk);
		nta_chunk_put(c, node, nta_unit_of(node, chunk), units);
		n++;
	}
	return n;
}

/**
 * nta_hot_shrink() - bring a hot list down to half of its limit
 * @c: owner
 * @units: its size
 *
 * Context: In the gate of @c, or @c is dead.
 */
void nta_hot_shrink(struct nta_cpu *c, unsigned int units)
{
	const struct nta_hot *hot = &c->hot[units];

	nta_hot_trim(c, units, hot->nr - hot->limit / 2);
}

/**
 * nta_hot_flush() - merge chunks that lie on hot lists
 * @c: owner
 * @max: most to merge in this call
 * @idle_only: only sizes that nobody asked for since the last such call
 *
 * Goes round the sizes: each call continues where the last one stopped.
 *
 * Context: In the gate of @c, or @c is dead.
 * Return: how many were merged; less than @max: one round is complete.
 */
unsigned int nta_hot_flush(struct nta_cpu *c, unsigned int max, bool idle_only)
{
	unsigned int left, n = 0;
	struct nta_hot *hot;

	for (left = NTA_NR_CLASSES; left; left--) {
		hot = &c->hot[c->flush_class];
		if (hot->nr && !(idle_only && hot->seen != (u32)hot->allocs))
			n += nta_hot_trim(c, c->flush_class, max - n);
		if (n >= max)
			return n;
		if (idle_only)
			hot->seen = hot->allocs;
		if (++c->flush_class >= NTA_NR_CLASSES)
			c->flush_class = 1;
	}
	return n;
}

/**
 * nta_free_local() - take back a chunk of an own node
 * @c: this CPU, the owner of @node
 * @node: node of the chunk
 * @chunk: the chunk; its canary has been checked and is not set
 * @units: its length as the caller knows it; if that is wrong, or 0, the
 *	bitmap decides
 *
 * Context: In the gate of @c.
 */
void nta_free_local(struct nta_cpu *c, struct nta_node *node,
		    unsigned long *chunk, unsigned int units)
{
	unsigned int unit = nta_unit_of(node, chunk);
	struct nta_hot *hot;

	if (unlikely(!nta_is_start(node, chunk) ||
		     test_bit(unit, node->edge))) {
		nta_report("bad free: no chunk in use begins here", node,
			   chunk, units);
		c->stats.bad_frees++;
		return;
	}
	if (unlikely(units - 1 >= node->nr_units - unit ||
		     !test_bit(unit + units, node->start) ||
		     units >= NTA_NR_CLASSES))
		units = nta_chunk_units(node, unit);

	hot = &c->hot[units];
	hot->frees++;
	nta_hot_push(c, chunk, units);
	if (unlikely(hot->nr > hot->limit))
		nta_hot_shrink(c, units);
}

/**
 * nta_set_hot_limits() - say how much hot lists may keep
 * @bytes: per size; 0: nothing, every free merges at once
 * @max: most chunks per size
 *
 * What a list has too much goes with the next free.
 *
 * Context: Any context; one at a time.
 */
void nta_set_hot_limits(unsigned int bytes, unsigned int max)
{
	unsigned int units, limit;
	int cpu;

	for_each_possible_cpu(cpu) {
		for (units = 1; units < NTA_NR_CLASSES; units++) {
			limit = bytes / (units << NTA_UNIT_SHIFT);
			if (bytes && limit < NTA_HOT_MIN)
				limit = NTA_HOT_MIN;
			if (limit > max)
				limit = max;
			WRITE_ONCE(per_cpu_ptr(&nta_cpu, cpu)->hot[units].limit,
				   limit);
		}
	}
}

/* === Allocation ========================================================== */

static void nta_count_fallback(int cause, gfp_t gfp, size_t size)
{
	this_cpu_inc(nta_cpu.stats.fallback[cause]);
	trace_nta_fallback(cause, size, gfp);
}

/**
 * nta_count_slack() - account for bytes lost to rounding
 * @bytes: less than NTA_UNIT
 *
 * Context: Any context.
 */
void nta_count_slack(unsigned int bytes)
{
	this_cpu_add(nta_cpu.stats.slack, bytes);
}

/*
 * A chunk from what this CPU has or finds in the depot. In the gate. NULL and
 * *@merged == NTA_FLUSH_BATCH: there is more to merge, ask again.
 */
static unsigned long *nta_alloc_gated(struct nta_cpu *c, unsigned int units,
				      unsigned int *merged)
{
	unsigned long *chunk;

	if (c->pending || READ_ONCE(c->remote))
		nta_drain(c, NTA_DRAIN_BATCH);
	chunk = nta_hot_pop(c, units);
	if (!chunk)
		chunk = nta_chunk_take(c, units);
	if (!chunk && nta_depot_get(c, units))
		chunk = nta_chunk_take(c, units);
	*merged = 0;
	if (!chunk) {
		/* Looks at all sizes: only when a node is the alternative. */
		*merged = nta_hot_flush(c, NTA_FLUSH_BATCH, false);
		if (*merged)
			chunk = nta_chunk_take(c, units);
	}
	if (chunk)
		c->hot[units].allocs++;
	return chunk;
}

/**
 * nta_alloc_slow() - allocate when there is nothing on the hot list
 * @units: size, already accepted by nta_refuses()
 * @gfp: as for kmalloc()
 *
 * Context: Any context but NMI; may sleep if @gfp allows it.
 * Return: the chunk, or NULL: use the stock path. That has been counted.
 */
void *nta_alloc_slow(unsigned int units, gfp_t gfp)
{
	unsigned int merged, passes = NTA_FLUSH_PASSES;
	struct nta_node *node = NULL;
	unsigned long *chunk;
	bool arm, grow, grown = false;
	struct nta_cpu *c;

	for (;;) {
		c = nta_enter();
		if (unlikely(!c)) {
			if (node)
				nta_depot_put(node);
			nta_count_fallback(NTA_FALLBACK_CONTEXT, gfp,
					   units << NTA_UNIT_SHIFT);
			return NULL;
		}
		if (node)
			nta_node_adopt(c, node);
		grown |= !!node;
		node = NULL;
		chunk = nta_alloc_gated(c, units, &merged);
		arm = !c->armed;
		if (arm)
			WRITE_ONCE(c->armed, true);
		grow = !chunk && !grown &&
		       (gfpflags_allow_blocking(gfp) ||
			time_after_eq(jiffies, c->grow_after));
		nta_exit(c);
		if (arm)
			nta_kick(c);
		if (!chunk && merged == NTA_FLUSH_BATCH && passes--)
			continue;
		if (!grow)
			break;
		node = nta_node_grow(units, gfp);
		if (!node)
			break;
	}

	if (unlikely(!chunk))
		nta_count_fallback(NTA_FALLBACK_NOMEM, gfp,
				   units << NTA_UNIT_SHIFT);
	return chunk;
}

/**
 * nta_alloc() - allocate memory for packet data
 * @need: bytes needed
 * @size: on success: bytes usable, whole units; else left alone
 * @gfp: as for kmalloc()
 * @nid: NUMA node, or NUMA_NO_NODE
 *
 * Context: Any context but NMI; may sleep if @gfp allows it.
 * Return: the memory, aligned to NTA_UNIT, or NULL: NTA cannot serve this
 * request here and now, use the stock path.
 */
void *nta_alloc(size_t need, unsigned int *size, gfp_t gfp, int nid)
{
	unsigned int units;
	void *chunk;
	int cause;

	cause = nta_refuses(need, gfp, nid);
	if (cause >= 0) {
		nta_count_fallback(cause, gfp, need);
		return NULL;
	}

	units = nta_units(need) + NTA_PAD;
	do {
		chunk = nta_alloc_fast(units);
		if (!chunk) {
			chunk = nta_alloc_slow(units, gfp);
			if (!chunk)
				return NULL;
		}
	} while (unlikely(!nta_debug_alloc(nta_node_of(chunk), chunk, units)));
	if (need & (NTA_UNIT - 1))
		nta_count_slack(-need & (NTA_UNIT - 1));
	*size = (units - NTA_PAD) << NTA_UNIT_SHIFT;

	kasan_unpoison_range(chunk, *size);
	kmemleak_alloc(chunk, *size, 1, gfp);
	trace_nta_alloc(chunk, need, *size, gfp);
	if (want_init_on_alloc(gfp))
		memset(chunk, 0, *size);
	return chunk;
}
EXPORT_SYMBOL_GPL(nta_alloc);

/* === Free ================================================================ */

/**
 * nta_free_slow() - free what nta_free_fast() would not
 * @node: node of the chunk
 * @ptr: the chunk
 * @units: its length; if that is wrong, or 0, the owner finds it out
 *
 * Context: Any context.
 */
void nta_free_slow(struct nta_node *node, void *ptr, unsigned int units)
{
	unsigned long *chunk = ptr;
	struct nta_cpu *c;
	int cpu;

	/* A node of nobody is wholly free. */
	if (unlikely((unsigned long)ptr & (NTA_UNIT - 1)) ||
	    unlikely(chunk[NTA_W_CANARY] == nta_canary(chunk)) ||
	    unlikely(READ_ONCE(node->cpu) < 0)) {
		nta_report("bad free: free already, or not a chunk", node,
			   ptr, units);
		this_cpu_inc(nta_cpu.stats.bad_frees);
		return;
	}

	c = nta_enter();
	cpu = READ_ONCE(node->cpu);
	if (unlikely(!c)) {
		nta_push_chunk(cpu, chunk);
		return;
	}
	if (cpu == c->cpu) {
		if (c->pending || READ_ONCE(c->remote))
			nta_drain(c, NTA_DRAIN_BATCH);
		nta_free_local(c, node, chunk, units);
	} else {
		nta_outbox_add(c, node, cpu, chunk, units);
	}
	if (unlikely(!c->armed)) {
		WRITE_ONCE(c->armed, true);
		nta_exit(c);
		nta_kick(c);
		return;
	}
	nta_exit(c);
}

/**
 * nta_free_sized() - free memory whose size is known
 * @ptr: what nta_alloc() returned
 * @size: what nta_alloc() said; a smaller value is safe, only slower
 *
 * Context: Any context.
 */
void nta_free_sized(void *ptr, unsigned int size)
{
	struct nta_node *node = nta_node_of(ptr);
	unsigned int units = size >> NTA_UNIT_SHIFT;

	if (nta_is_kept(node, ptr))
		return;

	if (units)
		units += NTA_PAD;
	trace_nta_free(ptr, size);
	if (!nta_debug_free(node, ptr)) {
		this_cpu_inc(nta_cpu.stats.bad_frees);
		return;
	}
	kmemleak_free(ptr);
	if (IS_ENABLED(CONFIG_KASAN))
		kasan_poison_range(ptr, nta_usable_size(ptr));
	nta_free_chunk(node, ptr, units);
}
EXPORT_SYMBOL_GPL(nta_free_sized);

/**
 * nta_free() - free memory whose size is not known
 * @ptr: what nta_alloc() returned
 *
 * kfree() calls this for every pointer into a node.
 *
 * Context: Any context.
 */
void nta_free(const void *ptr)
{
	nta_free_sized((void *)ptr, 0);
}
EXPORT_SYMBOL_GPL(nta_free);

/**
 * nta_usable_size() - how many bytes a caller may use
 * @ptr: what nta_alloc() returned, not freed
 *
 * Context: Any context.
 * Return: bytes, or 0 if no chunk begins at @ptr.
 */
size_t nta_usable_size(const void *ptr)
{
	struct nta_node *node = nta_node_of(ptr);

	if (!nta_is_start(node, ptr))
		return 0;
	return (nta_chunk_units(node, nta_unit_of(node, ptr)) - NTA_PAD)
		<< NTA_UNIT_SHIFT;
}
EXPORT_SYMBOL_GPL(nta_usable_size);

#ifdef CONFIG_HARDENED_USERCOPY
/**
 * nta_check_usercopy() - check that a copy stays inside one chunk
 * @ptr: where it begins, inside a node
 * @n: bytes, at least 1
 * @to_user: direction, for the report
 *
 * Context: Any context; the chunk is in use. Does not return if the copy
 * leaves it.
 */
void nta_check_usercopy(const void *ptr, unsigned long n, bool to_user)
{
	struct nta_node *node = nta_node_of(ptr);
	unsigned int unit = nta_unit_of(node, ptr);
	unsigned long off, size;

	unit = find_last_bit(node->start, unit + 1);
	off = ptr - (void *)nta_chunk_at(node, unit);
	size = (nta_chunk_units(node, unit) - NTA_PAD) << NTA_UNIT_SHIFT;
	if (test_bit(unit, node->edge) || off >= size || n > size - off)
		usercopy_abort("packet data", NULL, to_user, off, n);
}
#endif

/* === Init ================================================================ */

/**
 * nta_core_init() - make all CPUs ready for use
 *
 * Context: Once, before anything else of NTA.
 */
void __init nta_core_init(void)
{
	struct nta_cpu *c;
	int cpu;

	nta_link_secret = get_random_long();
	nta_canary_secret = get_random_long() | 1;
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&nta_cpu, cpu);
		c->cpu = cpu;
		c->flush_class = 1;
		c->grow_after = jiffies;
		INIT_LIST_HEAD(&c->nodes);
	}
	nta_set_hot_limits(NTA_HOT_BYTES, NTA_HOT_MAX);
	nta_hold_init();
}
