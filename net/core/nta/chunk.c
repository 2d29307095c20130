// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: free chunks of a CPU - split, merge, find.
 *
 * Overview
 * --------
 *
 * A node is divided into chunks without gaps. One bitmap, @start, says where
 * each begins; so the length of any chunk is the distance to the next bit.
 * A second one, @edge, marks the first and the last unit of chunks that are
 * free and merged. Such a chunk sits in a bin of its owner and carries its
 * own list links:
 *
 *    word 0     1       2      3              last
 *   +------+--------+------+-------+--------+-------+
 *   | link | canary | back | units |  ....  | units |
 *   +------+--------+------+-------+--------+-------+
 *
 * When a chunk comes back, @edge of the unit before it and of the unit after
 * it tell whether the neighbours are free; "units" at the end of the left one
 * and at the beginning of the right one tell how long they are. So a merge
 * takes constant time, and no two free chunks in bins ever touch.
 *
 * Bins hold one size each below NTA_BIN_LINEAR units and 1/32 of a power of
 * two above. A request looks at a few chunks of its own bin first, then takes
 * the head of the next bin in which every chunk is long enough: at most three
 * per cent longer than the best fit.
 *
 * Nothing inside a chunk is trusted: before a link is followed or a length is
 * used it must agree with canary and bitmaps. If it does not, the bins are
 * built again from the bitmaps, without the damaged chunks.
 *
 * Locking
 * -------
 *
 * Everything here runs inside the gate of @c (see core.c), or for a CPU that
 * is dead.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/bitmap.h>
#include <trace/events/nta.h>

#include "nta.h"

/* Chunks of the request's own bin that are looked at. */
#define NTA_FIT_DEPTH	8

/**
 * nta_bin_of() - the bin that chunks of a size are kept in
 * @units: size, 1 to NTA_NODE_UNITS
 *
 * Return: index into nta_cpu.bin
 */
unsigned int nta_bin_of(unsigned int units)
{
	unsigned int fl;

	if (units < NTA_BIN_LINEAR)
		return units;
	fl = ilog2(units);
	return NTA_BIN_LINEAR + (fl - ilog2(NTA_BIN_LINEAR)) * NTA_BIN_SUB +
	       ((units >> (fl - ilog2(NTA_BIN_SUB))) & (NTA_BIN_SUB - 1));
}

/* First bin in which every chunk holds @units. */
static unsigned int nta_bin_fit(unsigned int units)
{
	if (units < NTA_BIN_LINEAR)
		return units;
	return nta_bin_of(units +
			  (1U << (ilog2(units) - ilog2(NTA_BIN_SUB))) - 1);
}

static unsigned long *nta_chunk_next(const unsigned long *chunk)
{
	return (unsigned long *)nta_link(&chunk[NTA_W_LINK],
					 chunk[NTA_W_LINK]);
}

static unsigned long *nta_chunk_back(const unsigned long *chunk)
{
	return (unsigned long *)nta_link(&chunk[NTA_W_BACK],
					 chunk[NTA_W_BACK]);
}

/* The canary changes with the link; one that was damaged stays so. */
static void nta_set_next(unsigned long *chunk, unsigned long *next)
{
	unsigned long link = nta_link(&chunk[NTA_W_LINK], (unsigned long)next);

	chunk[NTA_W_CANARY] ^= chunk[NTA_W_LINK] ^ link;
	chunk[NTA_W_LINK] = link;
}

static void nta_set_back(unsigned long *chunk, unsigned long *back)
{
	chunk[NTA_W_BACK] = nta_link(&chunk[NTA_W_BACK], (unsigned long)back);
}

/* Index of the word that ends a chunk. */
static unsigned long nta_last_word(unsigned int units)
{
	return ((unsigned long)units << NTA_UNIT_SHIFT) /
	       sizeof(unsigned long) - 1;
}

/**
 * nta_chunk_is_sane() - do content and bitmaps agree that a chunk is free?
 * @node: its node
 * @unit: where it begins
 *
 * Context: In the gate of the owner.
 * Return: true if a chunk begins at @unit that is in a bin, undamaged.
 */
bool nta_chunk_is_sane(const struct nta_node *node, unsigned int unit)
{
	const unsigned long *chunk = nta_chunk_at(node, unit);
	unsigned long units = chunk[NTA_W_UNITS];

	return chunk[NTA_W_CANARY] == nta_canary(chunk) &&
	       units - 1 < node->nr_units - unit &&
	       test_bit(unit, node->edge) &&
	       test_bit(unit + units - 1, node->edge) &&
	       test_bit(unit + units, node->start) &&
	       chunk[nta_last_word(units)] == units;
}

/**
 * nta_chunk_insert() - put a free chunk into its bin
 * @c: owner
 * @node: node of the chunk
 * @unit: where it begins
 * @units: its length
 *
 * Does not touch the bitmaps.
 */
void nta_chunk_insert(struct nta_cpu *c, struct nta_node *node,
		      unsigned int unit, unsigned int units)
{
	unsigned long *chunk = nta_chunk_at(node, unit);
	unsigned int bin = nta_bin_of(units);
	unsigned long *next = c->bin[bin];

	nta_set_next(chunk, next);
	nta_set_back(chunk, NULL);
	chunk[NTA_W_CANARY] = nta_canary(chunk);
	chunk[NTA_W_UNITS] = units;
	chunk[nta_last_word(units)] = units;
	if (next)
		nta_set_back(next, chunk);
	else
		__set_bit(bin, c->bin_map);
	c->bin[bin] = chunk;
	c->nr_free_units += units;
}

/**
 * nta_chunk_unlink() - take a sane chunk out of its bin
 * @c: owner
 * @chunk: chunk whose canary and length were checked
 *
 * Does not touch the bitmaps. A neighbour in the list that is not what it
 * should be is not followed: the caller of the next operation on it finds out
 * by its canary.
 */
void nta_chunk_unlink(struct nta_cpu *c, unsigned long *chunk)
{
	unsigned long *next = nta_chunk_next(chunk);
	unsigned long *back = nta_chunk_back(chunk);
	unsigned int units = chunk[NTA_W_UNITS];
	unsigned int bin = nta_bin_of(units);

	if (back)
		nta_set_next(back, next);
	else
		c->bin[bin] = next;
	if (next)
		nta_set_back(next, back);
	if (!c->bin[bin])
		__clear_bit(bin, c->bin_map);
	chunk[NTA_W_CANARY] = 0;
	c->nr_free_units -= units;
}

/**
 * nta_bins_reset() - forget all free chunks of a CPU
 * @c: owner; its bitmaps stay
 */
void nta_bins_reset(struct nta_cpu *c)
{
	memset(c->bin, 0, sizeof(c->bin));
	bitmap_zero(c->bin_map, NTA_NR_BINS);
	c->nr_free_units = 0;
}

/**
 * nta_bins_add_node() - put all free chunks of a node into bins
 * @c: owner
 * @node: its node, with no chunk in any bin
 *
 * What the bitmaps call free but what is damaged inside is quarantined: from
 * then on it looks like a chunk in use that nobody frees.
 */
void nta_bins_add_node(struct nta_cpu *c, struct nta_node *node)
{
	unsigned int unit, units;

	for (unit = 0; unit < node->nr_units; unit += units) {
		units = nta_chunk_units(node, unit);
		if (!test_bit(unit, node->edge))
			continue;
		if (nta_chunk_is_sane(node, unit) &&
		    nta_chunk_at(node, unit)[NTA_W_UNITS] == units) {
			nta_chunk_insert(c, node, unit, units);
			continue;
		}
		nta_report("free chunk is damaged", node,
			   nta_chunk_at(node, unit), units);
		__clear_bit(unit, node->edge);
		__clear_bit(unit + units - 1, node->edge);
		nta_chunk_at(node, unit)[NTA_W_CANARY] = 0;
		if (!node->nr_used)
			c->nr_whole--;
		node->nr_used += units;
		c->stats.quarantined++;
		c->stats.quarantined_units += units;
	}
}

/* Build the bins again from the bitmaps. */
static noinline void nta_bins_rebuild(struct nta_cpu *c)
{
	struct nta_node *node;

	nta_bins_reset(c);
	list_for_each_entry(node, &c->nodes, list)
		nta_bins_add_node(c, node);
}

/* A chunk that is in a bin, checked; NULL after damage was repaired. */
static unsigned long *nta_chunk_checked(struct nta_cpu *c,
					unsigned long *chunk)
{
	struct nta_node *node = nta_node_of(chunk);

	if (likely(nta_chunk_is_sane(node, nta_unit_of(node, chunk))))
		return chunk;
	nta_bins_rebuild(c);
	return NULL;
}

/* A chunk of at least @units, or NULL. */
static unsigned long *nta_chunk_find(struct nta_cpu *c, unsigned int units)
{
	unsigned int bin, depth;
	unsigned long *chunk;

again:
	if (units >= NTA_BIN_LINEAR) {
		chunk = c->bin[nta_bin_of(units)];
		for (depth = 0; chunk && depth < NTA_FIT_DEPTH; depth++) {
			if (!nta_chunk_checked(c, chunk))
				goto again;
			if (chunk[NTA_W_UNITS] >= units)
				return chunk;
			chunk = nta_chunk_next(chunk);
		}
	}
	bin = find_next_bit(c->bin_map, NTA_NR_BINS, nta_bin_fit(units));
	if (bin >= NTA_NR_BINS)
		return NULL;
	chunk = nta_chunk_checked(c, c->bin[bin]);
	if (unlikely(!chunk))
		goto again;
	return chunk;
}

/**
 * nta_chunk_take() - cut a chunk from free memory
 * @c: owner
 * @units: length, 1 to NTA_NR_CLASSES - 1
 *
 * Return: the chunk, its canary cleared, or NULL if no free chunk is long
 * enough.
 */
unsigned long *nta_chunk_take(struct nta_cpu *c, unsigned int units)
{
	unsigned long *chunk = nta_chunk_find(c, units);
	unsigned int unit, have;
	struct nta_node *node;

	if (!chunk)
		return NULL;

	node = nta_node_of(chunk);
	unit = nta_unit_of(node, chunk);
	have = chunk[NTA_W_UNITS];
	nta_chunk_unlink(c, chunk);
	__clear_bit(unit, node->edge);

	if (have > units) {
		__set_bit(unit + units, node->start);
		__set_bit(unit + units, node->edge);
		nta_chunk_insert(c, node, unit + units, have - units);
		c->stats.splits++;
		trace_nta_split(node->id, unit, have, units);
	} else {
		__clear_bit(unit + have - 1, node->edge);
	}
	if (!node->nr_used)
		c->nr_whole--;
	node->nr_used += units;
	return chunk;
}

/*
 * Take a free neighbour of a chunk that comes back out of its bin. Its
 * length, or 0 if it is damaged; then it has been quarantined.
 */
static unsigned int nta_chunk_absorb(struct nta_cpu *c, struct nta_node *node,
				     unsigned int unit)
{
	unsigned int units;

	if (unlikely(!nta_chunk_is_sane(node, unit))) {
		nta_bins_rebuild(c);
		return 0;
	}
	units = nta_chunk_at(node, unit)[NTA_W_UNITS];
	nta_chunk_unlink(c, nta_chunk_at(node, unit));
	__clear_bit(unit, node->edge);
	__clear_bit(unit + units - 1, node->edge);
	c->stats.merges++;
	return units;
}

/* Where the free chunk that ends just before @unit begins. */
static unsigned int nta_left_start(const struct nta_node *node,
				   unsigned int unit)
{
	unsigned long units = nta_chunk_at(node, unit)[-1];

	if (likely(units - 1 < unit && test_bit(unit - units, node->start)))
		return unit - units;
	/* Damaged: ask the bitmap. */
	return find_last_bit(node->start, unit);
}

/**
 * nta_chunk_put() - give a chunk back and merge it with its neighbours
 * @c: owner
 * @node: node of the chunk
 * @unit: where it begins
 * @units: its length
 *
 * A node that becomes wholly free stays with @c or goes to the depot.
 */
void nta_chunk_put(struct nta_cpu *c, struct nta_node *node, unsigned int unit,
		   unsigned int units)
{
	unsigned int mine = units;
	unsigned int near, left;

	if (unit && test_bit(unit - 1, node->edge)) {
		left = nta_left_start(node, unit);
		near = nta_chunk_absorb(c, node, left);
		if (likely(near)) {
			__clear_bit(unit, node->start);
			trace_nta_merge(node->id, left, near, units);
			nta_debug_joint(nta_chunk_at(node, unit));
			unit = left;
			units += near;
		}
	}
	if (unit + units < node->nr_units &&
	    test_bit(unit + units, node->edge)) {
		near = nta_chunk_absorb(c, node, unit + units);
		if (likely(near)) {
			__clear_bit(unit + units, node->start);
			trace_nta_merge(node->id, unit, units, near);
			nta_debug_joint(nta_chunk_at(node, unit + units));
			units += near;
		}
	}

	__set_bit(unit, node->edge);
	__set_bit(unit + units - 1, node->edge);
	nta_chunk_insert(c, node, unit, units);
	node->nr_used -= mine;
	if (!node->nr_used)
		nta_node_idle(c, node);
}

/**
 * nta_largest_free() - the longest run of memory that a request could get
 * @c: CPU; any, the answer may be old
 *
 * Return: units, rounded down by at most three per cent.
 */
unsigned int nta_largest_free(const struct nta_cpu *c)
{
	unsigned int bin = find_last_bit(c->bin_map, NTA_NR_BINS);
	unsigned int fl;

	if (bin >= NTA_NR_BINS)
		return 0;
	if (bin < NTA_BIN_LINEAR)
		return bin;
	bin -= NTA_BIN_LINEAR;
	fl = ilog2(NTA_BIN_LINEAR) + bin / NTA_BIN_SUB;
	return (1U << fl) +
	       ((bin % NTA_BIN_SUB) << (fl - ilog2(NTA_BIN_SUB)));
}
