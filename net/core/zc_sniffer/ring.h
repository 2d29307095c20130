/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Zero-copy sniffer: the algebra of a ring, and why it is right.
 *
 *   tail          read_pos         head
 *    |               |               |
 *   -+---------------+---------------+-----------------------> slots
 *    | the reader    | it has not    | free
 *    | has them      | seen them yet |
 *
 * All three run freely and wrap; only differences count. The kernel fills slots
 * at head on one CPU, with that CPU's softirqs off or its interrupts off. User
 * space reads them and moves its own tail, in memory that it may write; the
 * kernel looks at that tail now and then, checks it, lets go of the packets
 * before it, and moves its own tail.
 *
 *   kernel, producing                  user space
 *     RESERVE  room?  (A) load tail      PEEK     (C) load head
 *     WRITE    the slots                 READ     the slots, the packets
 *     SUBMIT          (B) store head     RELEASE  (D) store its tail
 *
 *   kernel, reaping
 *     PEEK            (E) load its tail
 *     RELEASE  the packets' memory
 *                     (F) store tail
 *
 * (B) pairs with (C): who sees head sees the slots.
 * (D) pairs with (E): packets are let go of after they were read.
 * (F) pairs with (A): a slot is written after its entry has been dropped. Reaping
 *     goes on on any CPU, under the lock of the ring.
 * (G) in SUBMIT and (H) in poll() are full barriers: either the producer sees
 *     that somebody is about to sleep, or he sees the new head.
 */
#ifndef _ZCS_RING_H
#define _ZCS_RING_H

#include <asm/barrier.h>

#include "zcs.h"

/* Slots that are free, as far as the producer knows. */
static inline u32 zcs_ring_room(const struct zcs_cpu_ring *ring)
{
	/* (A) */
	return ring->mask + 1 - (ring->head - smp_load_acquire(&ring->tail));
}

static inline struct zcs_desc *zcs_ring_slot(const struct zcs_cpu_ring *ring,
					     u32 pos)
{
	return &ring->slots[pos & ring->mask];
}

static inline struct zcs_entry *zcs_ring_entry(const struct zcs_cpu_ring *ring,
					       u32 pos)
{
	return &ring->entry[pos & ring->mask];
}

/* Slots wait for the reader, by what it says itself. */
static inline u32 zcs_ring_waiting(const struct zcs_cpu_ring *ring)
{
	const struct zcs_reader *r = ring->reader;
	u32 head = smp_load_acquire(&ring->mem->head);	/* (C), in poll() */
	u32 tail;

	if (r->mode == ZCS_MODE_MAPPED)
		tail = READ_ONCE(r->tails[ring->mem->cpu].tail);
	else
		tail = READ_ONCE(ring->read_pos);
	return head - tail;
}

/*
 * The reader has something to do: enough waits, or something waits while packets
 * are missed, for which a watermark would be too late.
 */
static inline bool zcs_ring_ready(const struct zcs_cpu_ring *ring)
{
	u32 waiting = zcs_ring_waiting(ring);

	return waiting >= ring->reader->setup.watermark ||
	       (waiting && READ_ONCE(ring->missed));
}

/* Wake the reader if it sleeps and has something to do. */
static inline void zcs_ring_wake(struct zcs_cpu_ring *ring)
{
	struct zcs_reader *r = ring->reader;

	smp_mb();					/* (G) */
	if (!READ_ONCE(r->armed) || !zcs_ring_ready(ring))
		return;
	WRITE_ONCE(r->armed, 0);
	/* A freed buffer may belong to somebody who holds a runqueue's lock. */
	if (r->setup.point == ZCS_POINT_FREE)
		irq_work_queue(&ring->wake);
	else
		wake_up_interruptible(&r->wait);
}

/* Make slots visible up to @head. */
static inline void zcs_ring_submit(struct zcs_cpu_ring *ring, u32 head)
{
	ring->head = head;
	smp_store_release(&ring->mem->head, head);	/* (B) */
	zcs_ring_wake(ring);
}

#endif /* _ZCS_RING_H */
