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
 *     PEEK            (E) load its tail, (C) load head
 *     RELEASE  the packets' memory
 *                     (F) store tail
 *
 * (B) pairs with (C): a reader that sees head sees the slots before it. The
 *     kernel loads head before it reaps: it then sees the entries of these
 *     slots, and can check the tail that user space has stored.
 * (D) pairs with (E): packets are let go of after they were read.
 * (F) pairs with (A): a slot is written after its entry has been dropped.
 *     Any CPU may reap, under the lock of the ring.
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
		tail = READ_ONCE(r->tails[ring->cpu].tail);
	else
		tail = READ_ONCE(ring->read_pos);
	return head - tail;
}

/*
 * The reader has something to do: enough waits, or something waits while much
 * of the limit is in use or packets are missed, for which a watermark of slots
 * would be too late.
 */
static inline bool zcs_ring_ready(const struct zcs_cpu_ring *ring)
{
	u32 waiting = zcs_ring_waiting(ring);

	if (!waiting)
		return false;
	return waiting >= ring->reader->setup.watermark ||
	       READ_ONCE(ring->missed) ||
	       READ_ONCE(ring->mem->charged) - READ_ONCE(ring->returned) >
	       ring->reader->setup.limit / 4;
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

/* What the packet itself says; @flags are those that are known already. */
static __always_inline void zcs_view_skb(struct zcs_view *v, u32 flags)
{
	const struct sk_buff *skb = v->skb;
	struct zcs_desc *d = &v->d;

	d->cap_len = d->wire_len;
	d->hash = skb->hash;
	d->mark = skb->mark;
	d->protocol = skb->protocol;
	d->vlan_tci = skb->vlan_tci;
	d->vlan_proto = skb->vlan_proto;
	d->gso_size = skb_shinfo(skb)->gso_size;
	if (skb_vlan_tag_present(skb))
		flags |= ZCS_F_VLAN;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		flags |= ZCS_F_CSUM_PARTIAL;
	if (d->gso_size)
		flags |= ZCS_F_GSO;
	d->flags = flags;
}

/* A packet that a reader has asked for: through its filter into its ring. */
static __always_inline void zcs_offer(struct zcs_reader *r,
				      const struct zcs_view *v)
{
	struct zcs_cpu_ring *ring = &r->ring[smp_processor_id()];
	const struct zcs_filter_prog *filter;
	u32 cap_len = v->d.wire_len, res;

	if (r->setup.snaplen)
		cap_len = min(cap_len, r->setup.snaplen);
	filter = rcu_dereference_bh_check(r->filter[v->link],
					  rcu_read_lock_held());
	if (filter) {
		res = zcs_filter_run(filter, v);
		if (!res) {
			WRITE_ONCE(ring->mem->filtered,
				   ring->mem->filtered + 1);
			return;
		}
		cap_len = min(cap_len, res);
	}
	zcs_capture(ring, v, cap_len);
}

#endif /* _ZCS_RING_H */
