// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: what CONFIG_NTA_DEBUG adds - poison, a guard unit, history.
 *
 * Overview
 * --------
 *
 * Free memory is filled with 0xab, except for the words that link it:
 *
 *   |  4 words |  0xab ...            | 1 word |
 *
 * and where two chunks are merged, the words at the joint are filled too. So
 * an allocation can tell whether somebody wrote to the chunk meanwhile.
 *
 * One unit behind every chunk in use is filled with 0xbb; a free can tell
 * whether somebody ran into it.
 *
 * Per unit there are two stack depot handles, used at the first unit of a
 * chunk: who allocated it and who freed it last. Reports print both.
 *
 * A chunk that fails a check stays out of use for ever.
 *
 * Plain loops on purpose: memset() and memchr_inv() would be checked by KASAN,
 * which knows all this memory as poisoned.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/kmemleak.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>

#include "nta.h"

#define NTA_POISON_FREE		(ULONG_MAX / 0xff * 0xab)
#define NTA_POISON_GUARD	(ULONG_MAX / 0xff * 0xbb)
#define NTA_WORDS_PER_UNIT	(NTA_UNIT / sizeof(unsigned long))
#define NTA_HEAD_WORDS		4
#define NTA_TRACK_DEPTH		16

struct nta_track {
	depot_stack_handle_t	alloc;
	depot_stack_handle_t	free;
};

static void nta_fill(unsigned long *word, unsigned long *end,
		     unsigned long value)
{
	for (; word < end; word++)
		*word = value;
}

static bool nta_is_filled(const unsigned long *word, const unsigned long *end,
			  unsigned long value)
{
	for (; word < end; word++)
		if (*word != value)
			return false;
	return true;
}

static depot_stack_handle_t nta_save_stack(void)
{
	unsigned long entries[NTA_TRACK_DEPTH];
	unsigned int nr;

	nr = stack_trace_save(entries, ARRAY_SIZE(entries), 2);
	return stack_depot_save(entries, nr, GFP_NOWAIT | __GFP_NOWARN);
}

/**
 * nta_debug_node_init() - room for the history of a node
 * @node: new node
 * @gfp: flags for it
 *
 * Return: 0 or -ENOMEM.
 */
int nta_debug_node_init(struct nta_node *node, gfp_t gfp)
{
	node->track = kvcalloc(node->nr_units, sizeof(*node->track), gfp);
	if (!node->track)
		return -ENOMEM;
	kmemleak_not_leak(node->track);
	return 0;
}

/**
 * nta_debug_node_exit() - undo nta_debug_node_init()
 * @node: node without a chunk in use
 */
void nta_debug_node_exit(struct nta_node *node)
{
	kvfree(node->track);
}

/**
 * nta_debug_node_fill() - poison a new node
 * @node: node that has its pages
 */
void nta_debug_node_fill(struct nta_node *node)
{
	nta_fill(node->base, nta_chunk_at(node, node->nr_units),
		 NTA_POISON_FREE);
}

/**
 * nta_debug_joint() - two free chunks were merged
 * @right: where the right one began
 */
void nta_debug_joint(unsigned long *right)
{
	nta_fill(right - 1, right + NTA_HEAD_WORDS, NTA_POISON_FREE);
}

/**
 * nta_debug_alloc() - check and prepare a chunk that is handed out
 * @node: its node
 * @ptr: the chunk
 * @units: its length with the guard
 *
 * Return: false if it was written to while it was free; then it has been
 * quarantined.
 */
bool nta_debug_alloc(struct nta_node *node, void *ptr, unsigned int units)
{
	unsigned long *end = ptr + ((unsigned long)units << NTA_UNIT_SHIFT);
	unsigned long *word = ptr;

	if (!nta_is_filled(word + NTA_HEAD_WORDS, end - 1, NTA_POISON_FREE)) {
		nta_report("chunk was written to after it was freed", node,
			   ptr, units);
		this_cpu_inc(nta_cpu.hot[units].frees);
		this_cpu_inc(nta_cpu.stats.quarantined);
		this_cpu_add(nta_cpu.stats.quarantined_units, units);
		return false;
	}
	nta_fill(end - NTA_PAD * NTA_WORDS_PER_UNIT, end, NTA_POISON_GUARD);
	node->track[nta_unit_of(node, ptr)].alloc = nta_save_stack();
	return true;
}

/**
 * nta_debug_free() - check and poison a chunk that comes back
 * @node: its node
 * @ptr: the chunk
 *
 * Return: false if @ptr is not a chunk in use, or if somebody wrote behind
 * its end; then it stays out of use.
 */
bool nta_debug_free(struct nta_node *node, void *ptr)
{
	unsigned long *guard, *end, *word = ptr;
	unsigned int units;

	if (!nta_is_start(node, ptr)) {
		nta_report("bad free: no chunk begins here", node, ptr, 0);
		return false;
	}
	units = nta_chunk_units(node, nta_unit_of(node, ptr));
	if (word[NTA_W_CANARY] == nta_canary(word)) {
		nta_report("bad free: free already", node, ptr, units);
		return false;
	}
	end = ptr + ((unsigned long)units << NTA_UNIT_SHIFT);
	guard = end - NTA_PAD * NTA_WORDS_PER_UNIT;
	if (!nta_is_filled(guard, end, NTA_POISON_GUARD)) {
		nta_report("somebody wrote behind the end of a chunk", node,
			   ptr, units);
		return false;
	}
	nta_fill(word, end, NTA_POISON_FREE);
	node->track[nta_unit_of(node, ptr)].free = nta_save_stack();
	return true;
}

/**
 * nta_debug_history() - print who allocated and who freed a chunk
 * @node: its node
 * @ptr: address inside the node
 */
void nta_debug_history(const struct nta_node *node, const void *ptr)
{
	const struct nta_track *track = &node->track[nta_unit_of(node, ptr)];

	if (track->alloc) {
		pr_err("allocated at:\n");
		stack_depot_print(track->alloc);
	}
	if (track->free) {
		pr_err("freed last at:\n");
		stack_depot_print(track->free);
	}
}
