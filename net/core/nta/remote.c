// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: chunks that are freed on another CPU than their owner's.
 *
 * Overview
 * --------
 *
 * The freeing CPU collects chunks of one owner and one size in a slot of its
 * outbox, and pushes them as one batch onto the owner's remote queue, with one
 * atomic operation. The owner takes the whole queue at its next allocation or
 * free, and puts each batch on its hot list as it is.
 *
 *   freeing CPU                                owner
 *
 *   outbox:  c3 -> c2 -> c1   --- push --->    remote: batch -> batch -> ...
 *            one size, one owner                         |
 *                                                       c3 -> c2 -> c1
 *
 * While it travels, a chunk holds its link and its canary exactly as on a hot
 * list, so a second free is noticed; the first chunk of a batch also holds
 * the size, the count, and the link to the next batch:
 *
 *    word 0   1        2                 3
 *   +------+--------+-----------------+------------+
 *   | link | canary | units, count    | next batch |
 *   +------+--------+-----------------+------------+
 *
 * The size is checked by the CPU that frees: the bits of the bitmap at both
 * ends of a chunk in use do not change, so anybody who owns the chunk may read
 * them. A chunk whose size is not known travels alone, with 0 for its size.
 *
 * Nothing is stranded: a slot of the outbox is flushed when it is full, when
 * chunks of another owner or size need it, and by ageing. An owner whose
 * worker has stopped gets it back with the first chunk that waits (D); it is
 * woken at once when NTA_REMOTE_MAX chunks wait (age.c).
 *
 * Ordering
 * --------
 *
 *   pushing CPU                            owner
 *
 *   link, canary of each chunk, batch      first = xchg(remote, NULL)   (C)
 *   cmpxchg(remote, old, first)      (A)   read batch, links, canaries
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

/*
 * Counts CPUs that came up. A batch in an outbox has one owner only as long as
 * none did since it was begun: it may be one that died, with other nodes now.
 */
unsigned int nta_epoch;

static unsigned long *nta_queue_next(const unsigned long *chunk)
{
	return (unsigned long *)nta_link(chunk, chunk[NTA_W_LINK]);
}

/* The first chunk of the next batch. */
static unsigned long *nta_batch_next(const unsigned long *first)
{
	return (unsigned long *)nta_link(&first[NTA_W_BATCH],
					 first[NTA_W_BATCH]);
}

static unsigned int nta_batch_units(const unsigned long *first)
{
	return first[NTA_W_BACK] & U16_MAX;
}

static unsigned int nta_batch_nr(const unsigned long *first)
{
	return first[NTA_W_BACK] >> 16;
}

static void nta_queue_mark(unsigned long *chunk, unsigned long *next)
{
	chunk[NTA_W_LINK] = nta_link(chunk, (unsigned long)next);
	chunk[NTA_W_CANARY] = nta_canary(chunk);
}

/**
 * nta_forward() - send what waits for a dead CPU to those who have its nodes
 * @dead: CPU whose nodes have got a new owner
 *
 * All nodes of a dead CPU go to one other, so a batch stays a batch.
 *
 * Context: Any context.
 */
void nta_forward(struct nta_cpu *dead)
{
	unsigned long *batch = xchg(&dead->remote, NULL);
	unsigned long *next;

	for (; batch; batch = next) {
		if (unlikely(batch[NTA_W_CANARY] != nta_canary(batch))) {
			/* The rest cannot be found: it stays in use. */
			nta_report("chunk was written to after it was freed",
				   nta_node_of(batch), batch, 0);
			return;
		}
		next = nta_batch_next(batch);
		atomic_sub(nta_batch_nr(batch), &dead->nr_remote);
		nta_push(READ_ONCE(nta_node_of(batch)->cpu), batch,
			 nta_batch_units(batch), nta_batch_nr(batch));
	}
}

/**
 * nta_push() - give a batch of chunks to their owner
 * @cpu: owner
 * @first: newest chunk; the others are linked behind it
 * @units: size of each of them, or 0 for a single chunk of unknown size
 * @nr: how many
 *
 * Context: Any context.
 */
void nta_push(int cpu, unsigned long *first, unsigned int units,
	      unsigned int nr)
{
	struct nta_cpu *owner;
	unsigned long *old;
	int before, waiting;

	/* A node of nobody is wholly free. */
	if (unlikely(cpu < 0)) {
		nta_report("bad free: free already", nta_node_of(first), first,
			   units);
		this_cpu_inc(nta_cpu.stats.bad_frees);
		return;
	}

	owner = per_cpu_ptr(&nta_cpu, cpu);
	old = READ_ONCE(owner->remote);
	first[NTA_W_BACK] = units | nr << 16;
	/* Before the push, so that draining never takes it below zero. */
	waiting = atomic_add_return(nr, &owner->nr_remote);
	before = waiting - (int)nr;
	do {
		first[NTA_W_BATCH] = nta_link(&first[NTA_W_BATCH],
					      (unsigned long)old);
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
 * @chunk: the chunk; its size is left for the owner to find out
 *
 * Context: Any context.
 */
void nta_push_chunk(int cpu, unsigned long *chunk)
{
	nta_queue_mark(chunk, NULL);
	nta_push(cpu, chunk, 0, 1);
}

static void nta_outbox_send(struct nta_cpu *c, struct nta_outbox *box)
{
	nta_push(box->cpu, box->first, box->units, box->nr);
	c->stats.remote_batches++;
	box->nr = 0;
	box->first = NULL;
}

/**
 * nta_outbox_flush() - push all that was collected
 * @c: CPU whose outbox it is
 *
 * Context: In the gate of @c, or @c is dead.
 */
void nta_outbox_flush(struct nta_cpu *c)
{
	unsigned int i;

	for (i = 0; i < NTA_OUTBOX_SLOTS; i++)
		if (c->outbox[i].nr)
			nta_outbox_send(c, &c->outbox[i]);
}

static struct nta_outbox *nta_outbox_slot(struct nta_cpu *c, int cpu,
					  unsigned int units)
{
	return &c->outbox[(units ^ cpu) % NTA_OUTBOX_SLOTS];
}

/*
 * Does a slot take chunks of this owner and size? In a new epoch it does not:
 * what is in it may have another owner by now.
 */
static bool nta_outbox_fits(const struct nta_outbox *box, int cpu,
			    unsigned int units)
{
	return box->cpu == cpu && box->units == units &&
	       box->epoch == READ_ONCE(nta_epoch);
}

/* Collect a chunk in a slot that it fits. True: the slot is full. */
static bool nta_outbox_put(struct nta_cpu *c, struct nta_outbox *box,
			   unsigned long *chunk)
{
	nta_queue_mark(chunk, box->first);
	box->first = chunk;
	c->stats.remote_frees++;
	return ++box->nr >= NTA_OUTBOX;
}

/*
 * May be asked by whoever is about to free the chunk: the bits at both of its
 * ends stay as they are until it is free.
 */
static __always_inline bool nta_size_is_right(const struct nta_node *node,
					      const unsigned long *chunk,
					      unsigned int units)
{
	unsigned int unit = nta_unit_of(node, chunk);

	return units - 1 < NTA_NR_CLASSES - 1 &&
	       unit + units <= node->nr_units &&
	       test_bit(unit, node->start) &&
	       test_bit(unit + units, node->start);
}

/**
 * nta_outbox_add() - free a chunk of another CPU
 * @c: this CPU
 * @node: node of the chunk
 * @cpu: its owner
 * @chunk: the chunk
 * @units: its size if known
 *
 * Context: In the gate of @c.
 */
void nta_outbox_add(struct nta_cpu *c, const struct nta_node *node, int cpu,
		    unsigned long *chunk, unsigned int units)
{
	struct nta_outbox *box = nta_outbox_slot(c, cpu, units);

	if (unlikely(!nta_size_is_right(node, chunk, units))) {
		c->stats.remote_frees++;
		c->stats.remote_batches++;
		nta_push_chunk(cpu, chunk);
		return;
	}
	if (!nta_outbox_fits(box, cpu, units)) {
		if (box->nr)
			nta_outbox_send(c, box);
		box->cpu = cpu;
		box->units = units;
		box->epoch = READ_ONCE(nta_epoch);
	}
	if (nta_outbox_put(c, box, chunk))
		nta_outbox_send(c, box);
}

static noinline void nta_send_and_exit(struct nta_cpu *c,
				       struct nta_outbox *box)
{
	nta_outbox_send(c, box);
	nta_exit(c);
}

/**
 * nta_free_remote() - free what seems to be a chunk of another CPU
 * @node: node of the chunk
 * @ptr: the chunk
 * @units: its size as the caller knows it
 *
 * The fast path of nta_free_slow() for a slot of the outbox that is begun. It
 * calls nothing but at its end, so that it saves no registers.
 *
 * Context: Any context.
 */
void nta_free_remote(struct nta_node *node, void *ptr, unsigned int units)
{
	unsigned long *chunk = ptr;
	struct nta_outbox *box;
	struct nta_cpu *c;
	int cpu;

	if (unlikely((unsigned long)ptr & (NTA_UNIT - 1)) ||
	    unlikely(chunk[NTA_W_CANARY] == nta_canary(chunk)) ||
	    unlikely(!nta_size_is_right(node, chunk, units)))
		goto slow;

	c = nta_enter();
	if (unlikely(!c))
		goto slow;
	cpu = READ_ONCE(node->cpu);
	box = nta_outbox_slot(c, cpu, units);
	/* A slot is never begun for the own CPU or for none. */
	if (unlikely(!nta_outbox_fits(box, cpu, units) || !c->armed)) {
		nta_exit(c);
		goto slow;
	}
	if (unlikely(nta_outbox_put(c, box, chunk))) {
		nta_send_and_exit(c, box);
		return;
	}
	nta_exit(c);
	return;
slow:
	nta_free_slow(node, ptr, units);
}

/* A batch that cannot be trusted: take out of use what is left of it. */
static noinline void nta_batch_drop(struct nta_cpu *c, unsigned long *chunk,
				    unsigned int units, unsigned int nr)
{
	struct nta_node *node = nta_node_of(chunk);

	if (!units)
		units = nta_chunk_units(node, nta_unit_of(node, chunk));
	nta_report("chunk was written to after it was freed", node, chunk,
		   units);
	c->hot[units].frees += nr;
	c->stats.quarantined += nr;
	c->stats.quarantined_units += nr * units;
}

/* Take back a batch of one size: behind each other onto the hot list. */
static void nta_batch_take(struct nta_cpu *c, unsigned long *first,
			   unsigned int units, unsigned int nr)
{
	struct nta_hot *hot = &c->hot[units];
	unsigned long *chunk = first, *last = NULL;
	unsigned int left;

	/* The link of a chunk is used only if its canary is whole. */
	for (left = nr; left; left--) {
		if (unlikely(chunk[NTA_W_CANARY] != nta_canary(chunk))) {
			nta_batch_drop(c, chunk, units, left);
			nr -= left;
			break;
		}
		last = chunk;
		chunk = nta_queue_next(chunk);
	}
	if (!last)
		return;
	last[NTA_W_LINK] = nta_link(last, (unsigned long)hot->first);
	last[NTA_W_CANARY] = nta_canary(last);
	hot->first = first;
	hot->nr += nr;
	hot->frees += nr;
	if (unlikely(hot->nr > hot->limit))
		nta_hot_shrink(c, units);
}

/**
 * nta_drain() - take back chunks that other CPUs freed
 * @c: owner
 * @max: stop when this many have been taken; a batch is never divided
 *
 * Context: In the gate of @c, or @c is dead.
 * Return: how many; less than @max: nothing is left.
 */
unsigned int nta_drain(struct nta_cpu *c, unsigned int max)
{
	unsigned int n = 0, nr, units;
	unsigned long *batch;
	struct nta_node *node;
	int cpu;

	while (n < max) {
		if (!c->pending) {
			c->pending = xchg(&c->remote, NULL); /* (C) */
			if (!c->pending)
				break;
		}
		batch = c->pending;
		node = nta_node_of(batch);
		if (unlikely(batch[NTA_W_CANARY] != nta_canary(batch))) {
			/* Count and next batch are as doubtful: keep off. */
			nta_batch_drop(c, batch, 0, 1);
			c->pending = NULL;
			/* Unknown now; it only decides when to wake up. */
			atomic_set(&c->nr_remote, 0);
			continue;
		}
		units = nta_batch_units(batch);
		nr = nta_batch_nr(batch);
		c->pending = nta_batch_next(batch);
		atomic_sub(nr, &c->nr_remote);

		cpu = READ_ONCE(node->cpu);
		if (unlikely(cpu != c->cpu)) {
			nta_push(cpu, batch, units, nr);
		} else if (units) {
			nta_batch_take(c, batch, units, nr);
		} else {
			batch[NTA_W_CANARY] = 0;
			nta_free_local(c, node, batch, 0);
		}
		n += nr;
	}
	c->stats.drained += n;
	if (n)
		trace_nta_drain(c->cpu, n);
	return n;
}
