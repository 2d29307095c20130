// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: pages for nodes, and the shrinker that asks for them back.
 *
 * Overview
 * --------
 *
 * A node is not a compound page: every page of it is split off, has the page
 * type "nta" and points to the node in page->private. So the address of a
 * chunk leads to its node without a look at a head page, and nobody who gets
 * hold of a page by mistake frees it: the last put_page() ends in
 * nta_folio_release(). Pages are zeroed when they come, since a sniffer may
 * map them.
 *
 * This file is what the userspace model of NTA replaces; keep policy out.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/shrinker.h>

#include "nta.h"

/**
 * nta_pages_get() - take the pages of a node from the system
 * @node: @order and @nid say how many and where; sets @base
 * @gfp: flags
 *
 * Context: Any context that @gfp allows.
 * Return: false if there are none.
 */
bool nta_pages_get(struct nta_node *node, gfp_t gfp)
{
	struct page *page;
	unsigned long i;

	page = alloc_pages_node(node->nid, gfp | __GFP_ZERO | __GFP_THISNODE,
				node->order);
	if (!page)
		return false;

	split_page(page, node->order);
	for (i = 0; i < 1UL << node->order; i++) {
		__folio_set_nta(page_folio(page + i));
		set_page_private(page + i, (unsigned long)node);
	}
	node->base = page_address(page);
	kasan_poison_range(node->base, PAGE_SIZE << node->order);
	return true;
}

/**
 * nta_pages_put() - give the pages of a node back to the system
 * @node: node without a chunk in use
 *
 * Context: Any context in which pages may be freed.
 */
void nta_pages_put(struct nta_node *node)
{
	struct page *page = virt_to_page(node->base);
	unsigned long i;

	for (i = 0; i < 1UL << node->order; i++) {
		__folio_clear_nta(page_folio(page + i));
		set_page_private(page + i, 0);
		__free_page(page + i);
	}
}

static unsigned long nta_shrink_count(struct shrinker *shrinker,
				      struct shrink_control *sc)
{
	unsigned long nr = nta_depot_pages(sc->nid);
	struct nta_cpu *c;
	int cpu;

	/* Racy on purpose: an estimate of what merging would set free. */
	for_each_online_cpu(cpu) {
		c = per_cpu_ptr(&nta_cpu, cpu);
		if (cpu_to_mem(cpu) == sc->nid && READ_ONCE(c->nr_nodes) > 1)
			nr += READ_ONCE(c->nr_free_units) >>
			      (PAGE_SHIFT - NTA_UNIT_SHIFT);
	}
	return nr ?: SHRINK_EMPTY;
}

static unsigned long nta_shrink_scan(struct shrinker *shrinker,
				     struct shrink_control *sc)
{
	struct nta_cpu *c;
	unsigned long nr;
	int cpu;

	nr = nta_depot_trim(sc->nid, sc->nr_to_scan, 0);

	/* And let every CPU of that node merge what it has lying about. */
	for_each_online_cpu(cpu) {
		c = per_cpu_ptr(&nta_cpu, cpu);
		if (cpu_to_mem(cpu) == sc->nid && READ_ONCE(c->nr_nodes)) {
			WRITE_ONCE(c->flush_all, true);
			nta_kick(c);
		}
	}
	return nr ?: SHRINK_STOP;
}

static int __init nta_pages_init(void)
{
	struct shrinker *shrinker;

	shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "nta");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = nta_shrink_count;
	shrinker->scan_objects = nta_shrink_scan;
	shrinker_register(shrinker);
	return 0;
}
late_initcall(nta_pages_init);
