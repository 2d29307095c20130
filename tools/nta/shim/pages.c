// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shim: the page allocator, and what pages.c of NTA does with it.
 *
 * One arena of pages in a row. A request of order n gets the first free run of
 * 2^n pages that is aligned to its size. The supply can be limited, and told
 * to fail now and then.
 *
 * Locking: shim_pages_mtx protects the maps and counts, with interrupts off.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/bitops.h>
#include <linux/kasan.h>

#include "../../../net/core/nta/nta.h"

#include <shim.h>

char *shim_arena;
unsigned long shim_arena_pages;
struct page *shim_map;
struct page shim_foreign;

static pthread_mutex_t shim_pages_mtx = PTHREAD_MUTEX_INITIALIZER;
static unsigned char *shim_taken;	/* byte per page */
static unsigned char *shim_dirty;	/* byte per page: not zero any more */
static unsigned long shim_limit;	/* pages from the beginning to use */
static unsigned long shim_first_free;	/* none before this one */
static unsigned long shim_nr_used;
static unsigned long shim_nr_peak;
static unsigned int shim_fail_rate;

/**
 * shim_pages_init() - make the arena
 * @nr_pages: its length; no memory is used until pages are
 *
 * Once per process.
 */
void shim_pages_init(unsigned long nr_pages)
{
	size_t huge = 1UL << NTA_NODE_SHIFT;
	size_t len = nr_pages << PAGE_SHIFT;
	char *map;

	map = mmap(NULL, len + huge, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	shim_map = calloc(nr_pages, sizeof(*shim_map));
	shim_taken = calloc(nr_pages, 1);
	shim_dirty = calloc(nr_pages, 1);
	if (map == MAP_FAILED || !shim_map || !shim_taken || !shim_dirty) {
		fputs("nta-model: no memory for the arena\n", stderr);
		exit(2);
	}
	shim_arena = (char *)(((uintptr_t)map + huge - 1) & ~(huge - 1));
	shim_arena_pages = nr_pages;
	shim_limit = nr_pages;
}

/**
 * shim_pages_limit() - use only the beginning of the arena
 * @nr_pages: how much of it; what is taken beyond stays taken
 */
void shim_pages_limit(unsigned long nr_pages)
{
	shim_limit = min(nr_pages, shim_arena_pages);
}

/**
 * shim_pages_fail() - let page requests fail
 * @per_mille: so often
 */
void shim_pages_fail(unsigned int per_mille)
{
	WRITE_ONCE(shim_fail_rate, per_mille);
}

static bool shim_run_is_free(unsigned long nr, unsigned long len)
{
	return !memchr(shim_taken + nr, 1, len);
}

/**
 * shim_pages_take() - take zeroed pages
 * @order: 2^@order of them
 *
 * Return: the first byte, aligned to the length, or NULL.
 */
void *shim_pages_take(unsigned int order)
{
	unsigned long len = 1UL << order, nr, end;
	char *ptr = NULL;

	shim_irq_save();
	pthread_mutex_lock(&shim_pages_mtx);
	while (shim_first_free < shim_limit && shim_taken[shim_first_free])
		shim_first_free++;
	nr = shim_first_free & ~(len - 1);
	for (; nr + len <= shim_limit; nr += len) {
		if (!shim_run_is_free(nr, len))
			continue;
		memset(shim_taken + nr, 1, len);
		shim_nr_used += len;
		shim_nr_peak = max(shim_nr_peak, shim_nr_used);
		ptr = shim_arena + (nr << PAGE_SHIFT);
		break;
	}
	pthread_mutex_unlock(&shim_pages_mtx);

	for (end = nr + len; ptr && nr < end; nr++) {
		if (shim_dirty[nr])
			memset(shim_arena + (nr << PAGE_SHIFT), 0, PAGE_SIZE);
		shim_dirty[nr] = 1;
	}
	shim_irq_restore();
	return ptr;
}

/**
 * shim_pages_give() - give pages back
 * @ptr: what shim_pages_take() returned
 * @order: and what it was called with
 */
void shim_pages_give(void *ptr, unsigned int order)
{
	unsigned long nr = virt_to_page(ptr) - shim_map, len = 1UL << order;

	shim_irq_save();
	pthread_mutex_lock(&shim_pages_mtx);
	if (nr + len > shim_arena_pages ||
	    memchr(shim_taken + nr, 0, len)) {
		fputs("nta-model: pages given back twice\n", stderr);
		abort();
	}
	memset(shim_taken + nr, 0, len);
	shim_nr_used -= len;
	shim_first_free = min(shim_first_free, nr);
	pthread_mutex_unlock(&shim_pages_mtx);
	shim_irq_restore();
}

/**
 * shim_pages_used() - how many pages are taken
 *
 * Return: pages
 */
unsigned long shim_pages_used(void)
{
	return READ_ONCE(shim_nr_used);
}

/**
 * shim_pages_peak() - how many pages were taken at once
 *
 * Return: pages, the most since shim_pages_reset_peak()
 */
unsigned long shim_pages_peak(void)
{
	return shim_nr_peak;
}

/**
 * shim_pages_reset_peak() - forget the peak
 */
void shim_pages_reset_peak(void)
{
	shim_nr_peak = shim_nr_used;
}

/* === In place of map.c of NTA: nobody maps the model's nodes ============== */

u32 nta_map_nodes = ~0U;

void nta_map_drop_node(const struct nta_node *node)
{
	(void)node;
}

/* === In place of pages.c of NTA ========================================== */

bool nta_pages_get(struct nta_node *node, gfp_t gfp)
{
	struct page *page;
	unsigned long i;

	(void)gfp;
	if (shim_fails(READ_ONCE(shim_fail_rate)))
		return false;
	node->base = shim_pages_take(node->order);
	if (!node->base)
		return false;
	page = virt_to_page(node->base);
	for (i = 0; i < 1UL << node->order; i++) {
		page[i].nta = true;
		page[i].private = (unsigned long)node;
	}
	kasan_poison_range(node->base, PAGE_SIZE << node->order);
	return true;
}

void nta_pages_put(struct nta_node *node)
{
	struct page *page = virt_to_page(node->base);
	unsigned long i;

	kasan_unpoison_range(node->base, PAGE_SIZE << node->order);
	for (i = 0; i < 1UL << node->order; i++) {
		page[i].nta = false;
		page[i].private = 0;
	}
	shim_pages_give(node->base, node->order);
}
