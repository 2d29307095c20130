// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: chunks that are freed on another CPU than their owner's.
 *
 * Overview
 * --------
 *
 * The freeing CPU collects up to NTA_OUTBOX chunks of one owner in its outbox
 * and then pushes them as one list onto the owner's remote queue, with one
 * atomic operation. The owner takes the whole queue at its next allocation or
 * free and works it off in batches.
 *
 *   freeing CPU                                owner
 *
 *   outbox:  c3 -> c2 -> c1   --- push --->    remote: c3 -> c2 -> c1 -> b2 ...
 *                                              pending: a4 -> a3 ...
 *
 * While it travels, a chunk holds its link, its canary (so a second free is
 * noticed) and its length.
 *
 * Nothing is stranded: an outbox is flushed when it is full, when chunks of
 * another owner come, and by ageing. An owner whose worker has stopped gets it
 * back with the first chunk that waits (D); it is woken at once when
 * NTA_REMOTE_MAX chunks wait (age.c).
 *
 * Ordering
 * --------
 *
 *   pushing CPU                            owner
 *
 *   link, canary, length of each chunk     first = xchg(remote, NULL)   (C)
 *   cmpxchg(remote, old, first)      (A)   read link, canary, length
 *   read offline                     (B)
 *   read armed                       (D)
 *
 * (A) is a full barrier: it pairs with (C), so that the owner sees what is in
 * the chunks. (A) also orders the push before (B); the hotplug callback of a
 * dying CPU sets @offline, then a full barrier, then takes the queue. So
 * either it finds the chunks or the pusher finds @offline and forwards them.
 *
 * (A) orders the push before (D) as well; a worker that is about to stop clears
 * @armed, then a full barrier, then reads the queue. So either it finds the
 * chunks or the pusher finds @armed cleared and kicks it.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/atomic.h>
#include <trace/events/nta.h>

#include "nta.h"

static unsigned long *nta_queue_next(const unsigned long *chunk)
{
	return (unsigned long *)nta_link(chunk, chunk[NTA_W_LINK]);
}

static void nta_queue_mark(unsigned long *chunk, unsigned long *next,
			   unsigned int units)
{
	chunk[NTA_W_LINK] = nta_link(chunk, (unsigned long)next);
	chunk[NTA_W_CANARY] = nta_canary(chunk);
	chunk[NTA_W_BACK] = units;
}

/**
 * nta_forward() - send what waits for a dead CPU to those who have its nodes
 * @dead: CPU whose nodes have got a new owner
 *
 * Context: Any context.
 */
void nta_forward(struct nta_cpu *dead)
{
	unsigned long *chunk = xchg(&dead->remote, NULL);
	unsigned long *next;
	int cpu;

	for (; chunk; chunk = next) {
		next = nta_queue_next(chunk);
		atomic_dec(&dead->nr_remote);
		cpu = READ_ONCE(nta_node_of(chunk)->cpu);
		nta_push(cpu, chunk, chunk, 1);
	}
}

/**
 * nta_push() - give a list of chunks to their owner
 * @cpu: owner
 * @first: newest chunk
 * @last: oldest chunk; the list from @first ends here
 * @nr: how many
 *
 * Context: Any context.
 */
void nta_push(int cpu, unsigned long *first, unsigned long *last,
	      unsigned int nr)
{
	struct nta_cpu *owner = per_cpu_ptr(&nta_cpu, cpu);
	unsigned long *old = READ_ONCE(owner->remote);
	int before, waiting;

	/* Before the push, so that draining never takes it below zero. */
	waiting = atomic_add_return(nr, &owner->nr_remote);
	before = waiting - (int)nr;
	do {
		last[NTA_W_LINK] = nta_link(last, (unsigned long)old);
		last[NTA_W_CANARY] = nta_canary(last);
	} while (!try_cmpxchg(&owner->remote, &old, first)); /* (A) */

	/* (B) */
	if (unlikely(READ_ONCE(owner->offline)))
		nta_forward(owner);
	else if ((!old && !READ_ONCE(owner->armed)) || /* (D) */
		 (waiting >= NTA_REMOTE_MAX && before < NTA_REMOTE_MAX))
		nta_kick(owner);
}

/**
 * nta_push_chunk() - give one chunk to its owner
 * @cpu: owner; this CPU if the gate is taken
 * @chunk: the chunk
 * @units: its length, or 0 if it is not known
 *
 * Context: Any context.
 */
void nta_push_chunk(int cpu, unsigned long *chunk, unsigned int units)
{
	nta_queue_mark(chunk, NULL, units);
	nta_push(cpu, chunk, chunk, 1);
}

/**
 * nta_outbox_flush() - push what was collected
 * @c: CPU whose outbox it is
 *
 * Context: In the gate of @c, or @c is dead.
 */
void nta_outbox_flush(struct nta_cpu *c)
{
	struct nta_outbox *box = &c->outbox;

	if (!box->nr)
		return;
	nta_push(box->cpu, box->first, box->last, box->nr);
	c->stats.remote_batches++;
	box->nr = 0;
	box->first = NULL;
	box->last = NULL;
}

/**
 * nta_outbox_add() - free a chunk of another CPU
 * @c: this CPU
 * @cpu: owner
 * @chunk: the chunk
 * @units: its length, or 0 if it is not known
 *
 * Context: In the gate of @c.
 */
void nta_outbox_add(struct nta_cpu *c, int cpu, unsigned long *chunk,
		    unsigned int units)
{
	struct nta_outbox *box = &c->outbox;

	if (box->cpu != cpu) {
		nta_outbox_flush(c);
		box->cpu = cpu;
	}
	nta_queue_mark(chunk, box->first, units);
	if (!box->first)
		box->last = chunk;
	box->first = chunk;
	c->stats.remote_frees++;
	if (++box->nr >= NTA_OUTBOX)
		nta_outbox_flush(c);
}

/**
 * nta_drain() - take back chunks that other CPUs freed
 * @c: owner
 * @max: most to take
 *
 * Context: In the gate of @c, or @c is dead.
 * Return: how many; less than @max: nothing is left.
 */
unsigned int nta_drain(struct nta_cpu *c, unsigned int max)
{
	unsigned long *chunk, *next;
	struct nta_node *node;
	unsigned int n, units;
	int cpu;

	for (n = 0; n < max; n++) {
		if (!c->pending) {
			c->pending = xchg(&c->remote, NULL); /* (C) */
			if (!c->pending)
				break;
		}
		chunk = c->pending;
		node = nta_node_of(chunk);
		if (unlikely(chunk[NTA_W_CANARY] != nta_canary(chunk))) {
			/* The link is as doubtful: keep off the rest. */
			units = nta_chunk_units(node, nta_unit_of(node, chunk));
			nta_report("chunk was written to after it was freed",
				   node, chunk, units);
			c->hot[units].frees++;
			c->stats.quarantined++;
			c->stats.quarantined_units += units;
			c->pending = NULL;
			/* Unknown now; it only decides when to wake up. */
			atomic_set(&c->nr_remote, 0);
			continue;
		}
		next = nta_queue_next(chunk);
		units = chunk[NTA_W_BACK];
		c->pending = next;
		atomic_dec(&c->nr_remote);

		cpu = READ_ONCE(node->cpu);
		if (unlikely(cpu != c->cpu)) {
			nta_push_chunk(cpu, chunk, units);
			continue;
		}
		chunk[NTA_W_CANARY] = 0;
		nta_free_local(c, node, chunk, units);
	}
	c->stats.drained += n;
	if (n)
		trace_nta_drain(c->cpu, n);
	return n;
}
