// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the stock paths of 6.12 take for packets.
 *
 *   up to 704 bytes       the cache skbuff_small_head
 *   receive, to 4096      cut from blocks of 32 KiB (page_frag): a block comes
 *                         back when the last piece of it has gone
 *   up to 8192            kmalloc: powers of two
 *   above                 pages: powers of two
 *
 * A slab cache takes slabs of 32 KiB and fills one per CPU, then partly used
 * ones; it keeps up to STOCK_PARTIAL empty ones, as SLUB does. A block of
 * page_frag is a slab that nothing is put back into.
 */

#include "stock.h"

#define STOCK_SLAB_BYTES	32768
#define STOCK_PARTIAL		6
#define STOCK_SMALL_HEAD	704

struct stock_slab {
	struct list_head	list;	/* on cache.partial if not full or current */
	struct stock_cache	*cache;	/* NULL: a block of page_frag */
	unsigned int		used;	/* objects, or pieces */
	unsigned int		left;	/* page_frag: bytes not cut yet */
	bool			current; /* some CPU allocates from it */
};

struct stock_cache {
	unsigned int		size;
	struct list_head	partial;
	unsigned int		nr_empty;
	struct stock_slab	*current[NR_CPUS];
};

static struct stock_cache stock_caches[] = {
	{ .size = STOCK_SMALL_HEAD },
	{ .size = 1024 },
	{ .size = 2048 },
	{ .size = 4096 },
	{ .size = 8192 },
};

static struct stock_slab *stock_frag[NR_CPUS];
static unsigned long stock_bytes;

/**
 * stock_reset() - begin again
 *
 * All chunks have been freed.
 */
void stock_reset(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stock_caches); i++)
		if (!stock_caches[i].partial.next)
			INIT_LIST_HEAD(&stock_caches[i].partial);
}

/**
 * stock_taken() - what is taken from the page allocator
 *
 * Return: bytes
 */
unsigned long stock_taken(void)
{
	return stock_bytes;
}

static struct stock_slab *stock_slab_create(struct stock_cache *cache)
{
	struct stock_slab *slab = calloc(1, sizeof(*slab));

	if (!slab)
		model_die("no memory");
	slab->cache = cache;
	slab->left = STOCK_SLAB_BYTES;
	slab->current = true;
	stock_bytes += STOCK_SLAB_BYTES;
	return slab;
}

static void stock_slab_destroy(struct stock_slab *slab)
{
	stock_bytes -= STOCK_SLAB_BYTES;
	free(slab);
}

static bool stock_slab_is_full(const struct stock_slab *slab)
{
	return slab->used == STOCK_SLAB_BYTES / slab->cache->size;
}

static struct stock_slab *stock_cache_alloc(struct stock_cache *cache, int cpu)
{
	struct stock_slab *slab = cache->current[cpu];

	if (!slab || stock_slab_is_full(slab)) {
		if (slab)
			slab->current = false;
		slab = list_first_entry_or_null(&cache->partial,
						struct stock_slab, list);
		if (slab) {
			list_del(&slab->list);
			cache->nr_empty -= !slab->used;
			slab->current = true;
		} else {
			slab = stock_slab_create(cache);
		}
		cache->current[cpu] = slab;
	}
	slab->used++;
	return slab;
}

static void stock_cache_free(struct stock_slab *slab)
{
	struct stock_cache *cache = slab->cache;
	bool was_full = stock_slab_is_full(slab);

	slab->used--;
	if (slab->current)
		return;
	if (was_full)
		list_add(&slab->list, &cache->partial);
	if (slab->used)
		return;
	if (cache->nr_empty < STOCK_PARTIAL) {
		cache->nr_empty++;
		return;
	}
	list_del(&slab->list);
	stock_slab_destroy(slab);
}

static struct stock_slab *stock_frag_alloc(unsigned int size, int cpu)
{
	struct stock_slab *block = stock_frag[cpu];

	if (!block || block->left < size) {
		/* One without pieces is used again. */
		if (block && !block->used) {
			block->left = STOCK_SLAB_BYTES;
		} else {
			if (block)
				block->current = false;
			block = stock_slab_create(NULL);
			stock_frag[cpu] = block;
		}
	}
	block->left -= size;
	block->used++;
	return block;
}

/**
 * stock_alloc() - what a packet takes
 * @packet: the packet
 * @cpu: where
 *
 * Return: to be freed
 */
struct stock_chunk stock_alloc(const struct trace_packet *packet, int cpu)
{
	struct stock_chunk chunk = {};
	unsigned int i;

	if (packet->receive && packet->size > STOCK_SMALL_HEAD &&
	    packet->size <= PAGE_SIZE) {
		chunk.slab = stock_frag_alloc(packet->size, cpu);
		return chunk;
	}
	for (i = 0; i < ARRAY_SIZE(stock_caches); i++) {
		if (packet->size <= stock_caches[i].size) {
			chunk.slab = stock_cache_alloc(&stock_caches[i], cpu);
			return chunk;
		}
	}
	chunk.large = PAGE_SIZE << get_order(packet->size);
	stock_bytes += chunk.large;
	return chunk;
}

/**
 * stock_free() - give back what a packet takes
 * @chunk: what stock_alloc() returned
 */
void stock_free(struct stock_chunk chunk)
{
	if (!chunk.slab) {
		stock_bytes -= chunk.large;
		return;
	}
	if (chunk.slab->cache) {
		stock_cache_free(chunk.slab);
		return;
	}
	if (!--chunk.slab->used && !chunk.slab->current)
		stock_slab_destroy(chunk.slab);
}
