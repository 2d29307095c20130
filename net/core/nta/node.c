// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: nodes - taking them from the system, lending them, giving them back.
 *
 * Overview
 * --------
 *
 * A node comes from the page allocator when a CPU has nothing that fits. The
 * first ones are 256 KiB and later ones a 64th of all before them, up to
 * 2 MiB; smaller ones are taken when memory is fragmented. In atomic context
 * only small ones are tried, and the owner's worker is asked for a large one.
 *
 * A CPU keeps NTA_RESERVE wholly free nodes in its bins. More go to the depot,
 * from where any CPU of the same NUMA node takes them before it asks the page
 * allocator, and from where the shrinker and ageing give them back.
 *
 *   page allocator ---> owner's bins ---> depot ---> page allocator
 *                            ^              |
 *                            +--------------+
 *
 * While nodes are pinned - somebody walks over them - none is given back; the
 * last unpin does that. What a sniffer maps is not pinned: see map.c.
 *
 * Locking
 * -------
 *
 *   nta_nodes_lock   the depot, the list of all nodes, nta_pins. A raw
 *                    spinlock, since it is taken inside the gate; a few
 *                    instructions each time. Interrupts off, since the gate
 *                    is entered in interrupts too.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/export.h>
#include <linux/idr.h>
#include <linux/jiffies.h>
#include <linux/kmemleak.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <trace/events/nta.h>

#include "nta.h"

static DEFINE_RAW_SPINLOCK(nta_nodes_lock);
static LIST_HEAD(nta_all_nodes);
static LIST_HEAD(nta_depot);
static unsigned long nta_nr_depot_pages;
static unsigned int nta_pins;
static DEFINE_IDA(nta_node_ids);

/* === Making and breaking ================================================= */

static void nta_node_destroy(struct nta_node *node)
{
	trace_nta_return(node->id, node->cpu, node->order);
	this_cpu_inc(nta_cpu.stats.returned);
	nta_debug_node_exit(node);
	nta_map_drop_node(node);
	nta_pages_put(node);
	kvfree(node->hold);
	ida_free(&nta_node_ids, node->id);
	kfree(node);
}

static struct nta_node *nta_node_create(unsigned int order, gfp_t gfp)
{
	unsigned int nr_units = PAGE_SIZE >> NTA_UNIT_SHIFT << order;
	unsigned int start_longs = BITS_TO_LONGS(nr_units + 1);
	gfp_t meta_gfp = gfp & ~__GFP_ZERO;
	struct nta_node *node;
	unsigned long flags;

	node = kzalloc(struct_size(node, start,
				   start_longs + BITS_TO_LONGS(nr_units)),
		       meta_gfp);
	if (!node)
		return NULL;
	/*
	 * @base would look like a pointer to the first chunk. Without a look
	 * inside, kmemleak would miss who points to the node and its tables.
	 */
	kmemleak_no_scan(node);
	kmemleak_not_leak(node);
	node->edge = node->start + start_longs;
	node->nr_units = nr_units;
	node->order = order;
	node->cpu = -1;
	node->nid = numa_mem_id();
	node->id = ida_alloc(&nta_node_ids, meta_gfp);
	if (node->id < 0)
		goto err_free;
	if (nta_debug_node_init(node, meta_gfp))
		goto err_id;
	if (READ_ONCE(nta_hold_users))
		nta_node_add_hold(node, meta_gfp);
	if (!nta_pages_get(node, gfp))
		goto err_debug;

	nta_debug_node_fill(node);
	__set_bit(0, node->start);
	__set_bit(nr_units, node->start);
	__set_bit(0, node->edge);
	__set_bit(nr_units - 1, node->edge);

	raw_spin_lock_irqsave(&nta_nodes_lock, flags);
	list_add_tail(&node->all, &nta_all_nodes);
	raw_spin_unlock_irqrestore(&nta_nodes_lock, flags);

	this_cpu_inc(nta_cpu.stats.grown);
	trace_nta_grow(node->id, raw_smp_processor_id(), order);
	return node;

err_debug:
	kvfree(node->hold);
	nta_debug_node_exit(node);
err_id:
	ida_free(&nta_node_ids, node->id);
err_free:
	kfree(node);
	return NULL;
}

/*
 * The largest order that is worth a try: a 64th of what this CPU has, so that
 * half a node of waste is one per cent.
 */
static unsigned int nta_grow_order(void)
{
	unsigned long units = raw_cpu_read(nta_cpu.nr_units);
	unsigned long pages = units >> (PAGE_SHIFT - NTA_UNIT_SHIFT);
	unsigned int order = pages >= 64 ? ilog2(pages / 64) : 0;

	return clamp_t(unsigned int, order, NTA_ORDER_MIN, NTA_ORDER_MAX);
}

/**
 * nta_node_grow() - take a node from the system
 * @units: what it must hold at least
 * @gfp: flags of the allocation that needs it
 *
 * Never touches the reserves: with memory that short, kmalloc decides who
 * gets it.
 *
 * Context: Any context but NMI, outside the gate; may sleep if @gfp allows it.
 * Return: a wholly free node that belongs to nobody, or NULL.
 */
struct nta_node *nta_node_grow(unsigned int units, gfp_t gfp)
{
	unsigned int need = get_order((unsigned long)units << NTA_UNIT_SHIFT);
	bool may_block = gfpflags_allow_blocking(gfp);
	struct nta_node *node;
	unsigned int order;
	gfp_t try;

	gfp &= __GFP_RECLAIM | __GFP_IO | __GFP_FS;
	gfp |= __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;

	/* Eight times the request, so that little is left over at the end. */
	order = may_block ? clamp_t(unsigned int, need + 3, nta_grow_order(),
				    NTA_ORDER_MAX) : NTA_ORDER_ATOMIC;
	for (order = max(order, need); ; order--) {
		try = gfp;
		if (order > PAGE_ALLOC_COSTLY_ORDER)
			try &= ~__GFP_DIRECT_RECLAIM;
		if (may_block || order <= NTA_ORDER_ATOMIC) {
			node = nta_node_create(order, try);
			if (node)
				break;
		}
		if (order <= need) {
			node = NULL;
			break;
		}
	}

	if (!may_block) {
		/* Next time there will be room. Racy on purpose: hints only. */
		raw_cpu_write(nta_cpu.grow_big, true);
		if (!node)
			raw_cpu_write(nta_cpu.grow_after, jiffies + HZ / 20);
		nta_kick(raw_cpu_ptr(&nta_cpu));
	}
	return node;
}

/**
 * nta_node_adopt() - make a wholly free node a CPU's own
 * @c: new owner
 * @node: node that belongs to nobody
 *
 * Context: In the gate of @c.
 */
void nta_node_adopt(struct nta_cpu *c, struct nta_node *node)
{
	WRITE_ONCE(node->cpu, c->cpu);
	list_add(&node->list, &c->nodes);
	c->nr_nodes++;
	c->nr_whole++;
	c->nr_units += node->nr_units;
	nta_chunk_insert(c, node, 0, node->nr_units);
}

/* Move a wholly free node from the bins to the depot. */
static void nta_node_leave(struct nta_cpu *c, struct nta_node *node)
{
	nta_chunk_unlink(c, node->base);
	list_del(&node->list);
	c->nr_nodes--;
	c->nr_units -= node->nr_units;
	nta_depot_put(node);
}

/**
 * nta_node_idle() - a node has become wholly free
 * @c: owner
 * @node: its node, one chunk in the bins
 *
 * Context: In the gate of @c, or @c is dead.
 */
void nta_node_idle(struct nta_cpu *c, struct nta_node *node)
{
	if (c->nr_whole < NTA_RESERVE)
		c->nr_whole++;
	else
		nta_node_leave(c, node);
}

/**
 * nta_node_shed() - keep no more wholly free nodes than the reserve
 * @c: owner
 *
 * A node that was adopted may stay unused, if something else could serve the
 * request after all.
 *
 * Context: In the gate of @c.
 */
void nta_node_shed(struct nta_cpu *c)
{
	struct nta_node *node, *next;

	list_for_each_entry_safe(node, next, &c->nodes, list) {
		if (c->nr_whole <= NTA_RESERVE)
			break;
		/* What is damaged is for the one who meets it in its bin. */
		if (node->nr_used || !nta_chunk_is_sane(node, 0))
			continue;
		c->nr_whole--;
		nta_node_leave(c, node);
	}
}

/* === Depot =============================================================== */

/* Written under nta_nodes_lock, read without it. */
static void nta_depot_count(long pages)
{
	WRITE_ONCE(nta_nr_depot_pages, nta_nr_depot_pages + pages);
}

/**
 * nta_depot_put() - leave a wholly free node to whoever needs it
 * @node: node that is in no bin
 *
 * Context: Any context.
 */
void nta_depot_put(struct nta_node *node)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&nta_nodes_lock, flags);
	WRITE_ONCE(node->cpu, -1);
	node->stamp = jiffies;
	list_add(&node->list, &nta_depot);
	nta_depot_count(1L << node->order);
	raw_spin_unlock_irqrestore(&nta_nodes_lock, flags);
}

/**
 * nta_depot_get() - adopt a node from the depot
 * @c: this CPU
 * @units: what it must hold
 *
 * Context: In the gate of @c.
 * Return: true if @c has a node more.
 */
bool nta_depot_get(struct nta_cpu *c, unsigned int units)
{
	struct nta_node *node, *found = NULL;
	int nid = numa_mem_id();
	unsigned long flags;

	if (!READ_ONCE(nta_nr_depot_pages))
		return false;
	raw_spin_lock_irqsave(&nta_nodes_lock, flags);
	list_for_each_entry(node, &nta_depot, list) {
		if (node->nid == nid && node->nr_units >= units) {
			found = node;
			list_del(&node->list);
			nta_depot_count(-(1L << node->order));
			break;
		}
	}
	raw_spin_unlock_irqrestore(&nta_nodes_lock, flags);
	if (found)
		nta_node_adopt(c, found);
	return found;
}

/**
 * nta_depot_pages() - what could be given back at once
 * @nid: NUMA node, or NUMA_NO_NODE for all
 *
 * Context: Any context.
 * Return: number of pages; 0 while nodes are pinned.
 */
unsigned long nta_depot_pages(int nid)
{
	unsigned long flags, nr = 0;
	struct nta_node *node;

	raw_spin_lock_irqsave(&nta_nodes_lock, flags);
	if (!nta_pins)
		list_for_each_entry(node, &nta_depot, list)
			if (nid == NUMA_NO_NODE || node->nid == nid)
				nr += 1UL << node->order;
	raw_spin_unlock_irqrestore(&nta_nodes_lock, flags);
	return nr;
}

/**
 * nta_depot_trim() - give nodes from the depot back to the system
 * @nid: NUMA node, or NUMA_NO_NODE for all
 * @nr_pages: stop after this many
 * @min_age: leave alone what came within so many jiffies
 *
 * Context: Process context, or any in which pages may be freed.
 * Return: number of pages given back.
 */
unsigned long nta_depot_trim(int nid, unsigned long nr_pages,
			     unsigned long min_age)
{
	struct nta_node *node, *found;
	unsigned long flags, nr = 0;

	while (nr < nr_pages) {
		found = NULL;
		raw_spin_lock_irqsave(&nta_nodes_lock, flags);
		/* The oldest are last. */
		list_for_each_entry_reverse(node, &nta_depot, list) {
			if (nta_pins)
				break;
			if ((nid != NUMA_NO_NODE && node->nid != nid) ||
			    time_before(jiffies, node->stamp + min_age))
				continue;
			found = node;
			list_del(&node->list);
			list_del(&node->all);
			nta_depot_count(-(1L << node->order));
			break;
		}
		raw_spin_unlock_irqrestore(&nta_nodes_lock, flags);
		if (!found)
			break;
		nr += 1UL << found->order;
		nta_node_destroy(found);
	}
	return nr;
}

/* === Pins ================================================================ */

/**
 * nta_pin_nodes() - keep every node until nta_unpin_nodes()
 *
 * For whoever looks at nodes that are not his, or hands them on.
 *
 * Context: Any context.
 */
void nta_pin_nodes(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&nta_nodes_lock, flags);
	nta_pins++;
	raw_spin_unlock_irqrestore(&nta_nodes_lock, flags);
}
EXPORT_SYMBOL_GPL(nta_pin_nodes);

/**
 * nta_unpin_keep() - undo nta_pin_nodes() after a moment
 *
 * Leaves what came to the depot meanwhile to ageing.
 *
 * Context: Any context.
 * Return: true if it was the last pin.
 */
bool nta_unpin_keep(void)
{
	unsigned long flags;
	bool last;

	raw_spin_lock_irqsave(&nta_nodes_lock, flags);
	last = !--nta_pins;
	raw_spin_unlock_irqrestore(&nta_nodes_lock, flags);
	return last;
}

/**
 * nta_unpin_nodes() - undo nta_pin_nodes()
 *
 * The last one gives back what came to the depot meanwhile.
 *
 * Context: Process context.
 */
void nta_unpin_nodes(void)
{
	if (nta_unpin_keep())
		nta_depot_trim(NUMA_NO_NODE, ULONG_MAX, 0);
}
EXPORT_SYMBOL_GPL(nta_unpin_nodes);

/**
 * nta_node_next() - walk over all nodes
 * @prev: the last one, or NULL
 *
 * Context: Between nta_pin_nodes() and nta_unpin_nodes(), or with all other
 * CPUs stopped. New nodes come last.
 * Return: the next one, or NULL.
 */
struct nta_node *nta_node_next(struct nta_node *prev)
{
	struct nta_node *node = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&nta_nodes_lock, flags);
	if (!prev)
		node = list_first_entry_or_null(&nta_all_nodes,
						struct nta_node, all);
	else if (!list_is_last(&prev->all, &nta_all_nodes))
		node = list_next_entry(prev, all);
	raw_spin_unlock_irqrestore(&nta_nodes_lock, flags);
	return node;
}
