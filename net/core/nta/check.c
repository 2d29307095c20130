// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: reports of damage, and the check of the conservation law.
 *
 * Overview
 * --------
 *
 * nta_check_all() stops the machine, so that no CPU is inside the gate, and
 * recomputes everything from the nodes:
 *
 *   - the chunks of a node, laid end to end, are the node; its count of used
 *     units is right; no two free chunks touch;
 *   - a chunk that the bitmaps call free is in the right bin, with canary,
 *     length and back link intact, and in no other place;
 *   - hot lists hold chunks of their size, as many as they say;
 *   - chunks on their way to their owner are chunks of that owner;
 *   - over all CPUs: allocated - freed = in use + held + on their way, less
 *     what was quarantined.
 *
 * Context: nta_report() is called anywhere, also inside the gate.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <kunit/static_stub.h>
#include <linux/bug.h>
#include <linux/printk.h>
#include <linux/stop_machine.h>

#include "nta.h"

/**
 * nta_report() - tell the log that a chunk is damaged or was misused
 * @what: which rule was broken
 * @node: node of the chunk
 * @ptr: the address in question
 * @units: its length if known, or 0
 *
 * Context: Any context.
 */
void nta_report(const char *what, const struct nta_node *node,
		const void *ptr, unsigned int units)
{
	KUNIT_STATIC_STUB_REDIRECT(nta_report, what, node, ptr, units);

	WARN(1, "nta: %s: node %d of CPU %d, offset %#lx, %u bytes\n", what,
	     node->id, READ_ONCE(node->cpu),
	     (unsigned long)(ptr - node->base), units << NTA_UNIT_SHIFT);
	nta_debug_history(node, ptr);
}

/* Chunks of a node: how many, and how many of them are free. */
static const char *nta_check_node(const struct nta_node *node,
				  unsigned long *chunks, unsigned long *binned)
{
	unsigned int unit, units, used = 0;
	bool was_free = false, is_free;

	if (!test_bit(0, node->start) ||
	    !test_bit(node->nr_units, node->start))
		return "a node does not begin or end with a chunk";

	for (unit = 0; unit < node->nr_units; unit += units) {
		units = nta_chunk_units(node, unit);
		is_free = test_bit(unit, node->edge);
		if (is_free != test_bit(unit + units - 1, node->edge))
			return "a free chunk has one edge only";
		if (units > 2 && find_next_bit(node->edge, unit + units - 1,
					       unit + 1) < unit + units - 1)
			return "an edge lies inside a chunk";
		if (is_free && was_free)
			return "two free chunks touch";
		if (!is_free)
			used += units;
		was_free = is_free;
		*binned += is_free;
		(*chunks)++;
	}
	if (used != node->nr_used)
		return "a node miscounts its used units";
	return NULL;
}

static const char *nta_check_bins(const struct nta_cpu *c,
				  unsigned long *nr_binned)
{
	unsigned long free_units = 0, units, *chunk, *next, *back;
	const struct nta_node *node;
	unsigned int bin;

	for (bin = 0; bin < NTA_NR_BINS; bin++) {
		chunk = c->bin[bin];
		if (!chunk != !test_bit(bin, c->bin_map))
			return "the map of bins is wrong";
		for (back = NULL; chunk; back = chunk, chunk = next) {
			node = nta_node_of(chunk);
			units = chunk[NTA_W_UNITS];
			if (node->cpu != c->cpu)
				return "a bin has a chunk of another CPU";
			if (chunk[NTA_W_CANARY] != nta_canary(chunk))
				return "a free chunk has lost its canary";
			if (!test_bit(nta_unit_of(node, chunk), node->edge))
				return "a chunk in a bin is not marked free";
			if (units != nta_chunk_units(node,
						     nta_unit_of(node, chunk)))
				return "a free chunk miscounts its units";
			if (nta_bin_of(units) != bin)
				return "a chunk is in the wrong bin";
			if (nta_link(&chunk[NTA_W_BACK], chunk[NTA_W_BACK]) !=
			    (unsigned long)back)
				return "a back link is wrong";
			next = (unsigned long *)nta_link(chunk, chunk[0]);
			free_units += units;
			(*nr_binned)++;
		}
	}
	if (free_units != c->nr_free_units)
		return "a CPU miscounts its free units";
	return NULL;
}

static const char *nta_check_hot(const struct nta_cpu *c, unsigned long *nr)
{
	const struct nta_node *node;
	unsigned int units, n;
	unsigned long *chunk;

	for (units = 1; units < NTA_NR_CLASSES; units++) {
		n = 0;
		for (chunk = c->hot[units].first; chunk;
		     chunk = (unsigned long *)nta_link(chunk, chunk[0])) {
			node = nta_node_of(chunk);
			if (chunk[NTA_W_CANARY] != nta_canary(chunk))
				return "a hot chunk has lost its canary";
			if (node->cpu != c->cpu)
				return "a hot chunk is of another CPU";
			if (!nta_is_start(node, chunk) ||
			    nta_chunk_units(node, nta_unit_of(node, chunk)) !=
			    units)
				return "a hot chunk has another size";
			if (++n > c->hot[units].nr)
				break;
		}
		if (n != c->hot[units].nr)
			return "a hot list miscounts its chunks";
		*nr += n;
	}
	return NULL;
}

/* Length of a list of chunks; -1 if one is damaged. */
static long nta_count_list(const unsigned long *chunk)
{
	long nr = 0;

	for (; chunk; chunk = (unsigned long *)nta_link(chunk, chunk[0])) {
		if (chunk[NTA_W_CANARY] != nta_canary(chunk))
			return -1;
		nr++;
	}
	return nr;
}

/* Chunks in a queue of batches; -1 if one is damaged or miscounts. */
static long nta_count_queue(const unsigned long *batch)
{
	long nr, sum = 0;

	while (batch) {
		nr = nta_count_list(batch);
		if (nr < 0 || nr != batch[NTA_W_BACK] >> 16)
			return -1;
		sum += nr;
		batch = (unsigned long *)nta_link(&batch[NTA_W_BATCH],
						  batch[NTA_W_BATCH]);
	}
	return sum;
}

/**
 * nta_check_cpu() - recompute what one CPU has
 * @c: that CPU
 * @live: adds the chunks of its nodes that are neither in bins nor hot
 * @queued: adds the chunks on its queues and in its outbox
 *
 * Context: Nobody is inside any gate.
 * Return: NULL, or the rule that is broken.
 */
const char *nta_check_cpu(struct nta_cpu *c, unsigned long *live,
			  unsigned long *queued)
{
	unsigned long chunks = 0, binned = 0, in_bins = 0, hot = 0;
	unsigned int nr_nodes = 0, nr_whole = 0, i;
	const struct nta_node *node;
	const char *err;
	long remote, pending, box;

	list_for_each_entry(node, &c->nodes, list) {
		if (node->cpu != c->cpu)
			return "a CPU has a node of another one";
		err = nta_check_node(node, &chunks, &binned);
		if (err)
			return err;
		nr_whole += !node->nr_used;
		nr_nodes++;
	}
	if (nr_nodes != c->nr_nodes || nr_whole != c->nr_whole)
		return "a CPU miscounts its nodes";
	err = nta_check_bins(c, &in_bins);
	if (err)
		return err;
	if (in_bins != binned)
		return "a free chunk is in no bin";
	err = nta_check_hot(c, &hot);
	if (err)
		return err;
	remote = nta_count_queue(c->remote);
	pending = nta_count_queue(c->pending);
	if (remote < 0 || pending < 0)
		return "a chunk on its way is damaged or lost";
	*queued += remote + pending;
	for (i = 0; i < NTA_OUTBOX_SLOTS; i++) {
		box = nta_count_list(c->outbox[i].first);
		if (box != c->outbox[i].nr)
			return "an outbox miscounts its chunks";
		*queued += box;
	}
	*live += chunks - binned - hot;
	return NULL;
}

struct nta_check {
	const char	*broken;
	unsigned long	allocs;
	unsigned long	frees;
	unsigned long	live;
	unsigned long	queued;
	unsigned long	held;
	unsigned long	quarantined;
};

static int nta_check_stopped(void *data)
{
	struct nta_check *sum = data;
	const struct nta_cpu *c;
	unsigned int units;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&nta_cpu, cpu);
		for (units = 1; units < NTA_NR_CLASSES; units++) {
			sum->allocs += c->hot[units].allocs;
			sum->frees += c->hot[units].frees;
		}
		sum->held += c->stats.held - c->stats.unheld;
		sum->quarantined += c->stats.quarantined;
		sum->broken = nta_check_cpu((struct nta_cpu *)c, &sum->live,
					    &sum->queued);
		if (sum->broken)
			return 0;
	}
	/* Chunks on their way are not counted as freed yet. */
	if (sum->allocs - sum->frees != sum->live - sum->quarantined)
		sum->broken = "chunks were lost or made";
	return 0;
}

/**
 * nta_check_all() - check every rule, with the machine stopped
 * @msg: for one line of text
 * @len: its size
 *
 * Context: Process context; may sleep.
 * Return: 0, or -EUCLEAN if a rule is broken.
 */
int nta_check_all(char *msg, size_t len)
{
	struct nta_check sum = {};

	stop_machine(nta_check_stopped, &sum, NULL);
	snprintf(msg, len,
		 "%s%s: allocated %lu = freed %lu + in use %lu + held %lu + queued %lu - quarantined %lu\n",
		 sum.broken ? "FAIL: " : "ok", sum.broken ?: "", sum.allocs,
		 sum.frees, sum.live - sum.held - sum.queued, sum.held,
		 sum.queued, sum.quarantined);
	return sum.broken ? -EUCLEAN : 0;
}
