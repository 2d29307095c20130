// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: blocks - pages that sockets cut stream fragments from.
 *
 * Overview
 * --------
 *
 * A socket that copies data to send keeps a block of up to 32 KiB and cuts
 * page fragments from it (sk_page_frag_refill()). The fragments hold
 * references on the page, so the unit of reuse is the whole block: it comes
 * back when the last reference goes, wherever that happens.
 *
 * A block is a compound page with the page type "nta" on its head page. The
 * last put of a page therefore ends in nta_folio_release(), which keeps up to
 * NTA_NR_BLOCKS blocks per CPU for the next sockets and gives the others back.
 *
 *   page allocator ---> socket's page_frag ---> fragments of packets
 *        ^     ^                                     | last put
 *        |     +---- CPU's blocks <---- room --------+
 *        +------------------------- no room ---------+
 *
 * The page_frag is mostly current->task_frag. TCP and UDP share it with others:
 * tun cuts packet heads from it, MPTCP its own records. So the last reference
 * may be dropped in any of these ways:
 *
 *   put_page(), folio_put(), unpin   __folio_put()
 *   release_pages(), folios_put()    folios_put_refs()
 *   skb_free_frag(), XDP frames      page_frag_free()
 *
 * Each function on the right checks the page type and calls
 * nta_folio_release().
 *
 * Locking: nta_cpu.block and nr_blocks belong to the gate, see core.c.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#include "nta.h"

static struct page *nta_block_alloc(gfp_t gfp)
{
	struct page *page = NULL;
	struct nta_cpu *c;
	bool arm = false;

	c = nta_enter();
	if (c) {
		page = nta_block_pop(c);
		arm = !c->armed;
		if (arm)
			WRITE_ONCE(c->armed, true);
		nta_exit(c);
	}
	if (arm)
		nta_kick(raw_cpu_ptr(&nta_cpu));
	if (page) {
		this_cpu_inc(nta_cpu.stats.block_allocs);
		set_page_count(page, 1);
		return page;
	}

	page = alloc_pages((gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_COMP |
			   __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC |
			   __GFP_ZERO, NTA_BLOCK_ORDER);
	if (page) {
		this_cpu_inc(nta_cpu.stats.block_allocs);
		__folio_set_nta(page_folio(page));
	}
	return page;
}

/**
 * nta_block_free() - give a block that nobody maps back to the system
 * @page: its head page, without references
 *
 * Context: Any context in which pages may be freed; not in the gate.
 */
void nta_block_free(struct page *page)
{
	set_page_count(page, 1);
	__folio_clear_nta(page_folio(page));
	__free_pages(page, NTA_BLOCK_ORDER);
}

/**
 * nta_block_destroy() - give a block without references back to the system
 * @page: its head page
 *
 * Context: Any context in which pages may be freed; not in the gate.
 */
void nta_block_destroy(struct page *page)
{
	if (page_private(page))
		nta_map_drop_block(page);
	else
		nta_block_free(page);
}

/**
 * nta_block_pop() - take a block that a CPU keeps
 * @c: that CPU
 *
 * Context: In the gate of @c, or @c is dead.
 * Return: its head page, without references, or NULL.
 */
struct page *nta_block_pop(struct nta_cpu *c)
{
	return c->nr_blocks ? c->block[--c->nr_blocks] : NULL;
}

/**
 * nta_page_frag_refill() - make room in a page fragment
 * @size: bytes that must fit, at most PAGE_SIZE
 * @pfrag: the fragment; its page may be of NTA or not
 * @gfp: flags
 *
 * As skb_page_frag_refill(), which is also the fallback.
 *
 * Context: Any context that @gfp allows.
 * Return: true if there is room.
 */
bool nta_page_frag_refill(unsigned int size, struct page_frag *pfrag,
			  gfp_t gfp)
{
	struct page *page = pfrag->page;

	/* A page from before the switch was turned is not used up first. */
	if (page && PageNta(page)) {
		if (page_ref_count(page) == 1) {
			pfrag->offset = 0;
			return true;
		}
		if (pfrag->offset + size <= pfrag->size)
			return true;
	}
	if (page) {
		put_page(page);
		pfrag->page = NULL;
	}

	page = nta_block_alloc(gfp);
	if (!page)
		return skb_page_frag_refill(size, pfrag, gfp);
	pfrag->page = page;
	pfrag->offset = 0;
	pfrag->size = PAGE_SIZE << NTA_BLOCK_ORDER;
	return true;
}

/**
 * nta_folio_release() - the last reference on pages of NTA has gone
 * @folio: the pages
 *
 * Context: Any context but NMI.
 */
void nta_folio_release(struct folio *folio)
{
	struct page *page = &folio->page;
	struct nta_cpu *c;

	if (WARN_ON_ONCE(!folio_test_large(folio))) {
		/* A page of a node: somebody dropped our own reference. */
		set_page_count(page, 1);
		return;
	}

	this_cpu_inc(nta_cpu.stats.block_frees);
	/* A free block may stay in a CPU's list, or mapped: clear it here. */
	if (want_init_on_free())
		memset(page_address(page), 0, folio_size(folio));
	c = nta_enter();
	if (c) {
		if (c->nr_blocks < NTA_NR_BLOCKS &&
		    page_to_nid(page) == numa_mem_id()) {
			c->block[c->nr_blocks++] = page;
			page = NULL;
		}
		nta_exit(c);
	}
	if (page)
		nta_block_destroy(page);
}
