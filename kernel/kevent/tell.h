/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kevent: lists of interests, the next slot, and the short ways of
 * __kevent_tell() for wake-ups of files. All needs the queue's lock.
 */
#ifndef _KERNEL_KEVENT_TELL_H
#define _KERNEL_KEVENT_TELL_H

#include <linux/overflow.h>

#include "kevent.h"

void __kevent_map_put(struct kevent *kev);

/* Have an idle interest looked at in the next system call. */
static __always_inline void __kevent_link_check(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	kev->state = KEV_CHECK;
	list_add_tail(&kev->link, &kq->check);
	if (unlikely(kev->flags & KEV_DOUBT))
		kq->nr_doubt++;
	if (!kq->nr_check++) {
		kq->check_sorted = true;
		WRITE_ONCE(kq->map->flags, kq->map->flags | KEVENT_MAP_CHECK);
	}
}

/*
 * Somebody to be woken? Waiters come and look under the queue's lock, which is
 * held; pollers come, then take it to look.
 */
static __always_inline bool kevent_has_waiters(struct kevent_queue *kq)
{
	return !list_empty(&kq->wq.head) || !list_empty(&kq->poll_wait.head);
}

/* Write the next slot; there is room. */
static __always_inline void kevent_map_write(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;
	u64 kidx = kq->kidx;

	kq->slots[(u32)kidx & kq->slot_mask] = kev->event;
	kq->kidx = ++kidx;
	kev->pos = kidx;
	/* (A) The slot, then the index. Pairs with (B) in user space. */
	smp_store_release(&kq->map->kidx, (u32)kidx);
}

/* In kq->ready, and told before: what happens next is news. */
static inline void kevent_set_again(struct kevent *kev)
{
	kev->flags |= KEV_AGAIN;
	kev->kq->nr_again++;
}

/* Return: true when it was. */
static inline bool kevent_clear_again(struct kevent *kev)
{
	if (!(kev->flags & KEV_AGAIN))
		return false;
	kev->flags &= ~KEV_AGAIN;
	kev->kq->nr_again--;
	return true;
}

static inline void kevent_link_ready(struct kevent *kev, struct list_head *prev)
{
	struct kevent_queue *kq = kev->kq;

	kev->state = KEV_READY;
	list_add(&kev->link, prev);
	if (!kq->nr_ready++ && kq->map)
		WRITE_ONCE(kq->map->flags, kq->map->flags | KEVENT_MAP_FULL);
}

static inline void kevent_link_reap(struct kevent *kev)
{
	kev->flags |= KEV_DEAD;
	kev->mask = 0;
	kev->state = KEV_REAP;
	list_add_tail(&kev->link, &kev->kq->reap);
}

static __always_inline void kevent_unlink_check(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	if (unlikely(kev->flags & KEV_DOUBT))
		kq->nr_doubt--;
	if (!--kq->nr_check)
		WRITE_ONCE(kq->map->flags,
			   kq->map->flags & ~KEVENT_MAP_CHECK);
	list_del_init(&kev->link);
	kev->state = KEV_IDLE;
}

static __always_inline void kevent_unlink_ready(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	kevent_clear_again(kev);
	if (!--kq->nr_ready && kq->map)
		WRITE_ONCE(kq->map->flags, kq->map->flags & ~KEVENT_MAP_FULL);
	list_del_init(&kev->link);
	kev->state = KEV_IDLE;
}

static inline bool kevent_map_has_room(struct kevent_queue *kq)
{
	return kevent_map_pending(kq) <= kq->slot_mask;
}

static inline void kevent_merge_one(u32 *old, u32 new, enum kevent_merge how)
{
	switch (how) {
	case KEVENT_MERGE_SET:
		*old = new;
		break;
	case KEVENT_MERGE_OR:
		*old |= new;
		break;
	case KEVENT_MERGE_ADD:
		/* A count that does not fit says so, it does not wrap. */
		if (check_add_overflow(*old, new, old))
			*old = U32_MAX;
		break;
	}
}

/**
 * kevent_tell_ready() - the same without a mapped ring
 * @kev: an interest in a state; its queue's lock is held
 * @bits: what came true
 * @data1: ret_data[1]
 *
 * Return: as __kevent_tell().
 */
static __always_inline int kevent_tell_ready(struct kevent *kev, u32 bits,
					     u32 data1)
{
	struct kevent_queue *kq = kev->kq;

	/* READY is looked at when it is fetched: no need to merge. */
	if (kev->state != KEV_IDLE)
		return kevent_clear_again(kev);
	kev->event.ret_data[0] = bits;
	kev->event.ret_data[1] = data1;
	kev->state = KEV_READY;
	list_add_tail(&kev->link, &kq->ready);
	kq->nr_ready++;
	return 1;
}

/**
 * kevent_tell_slot() - queue it, or write a slot, if that is all there is to do
 * @kev: an interest in a state; its queue's lock is held
 * @bits: what came true
 * @data1: ret_data[1]
 *
 * Return: as __kevent_tell(), or -1: use that one.
 */
static __always_inline int kevent_tell_slot(struct kevent *kev, u32 bits,
					    u32 data1)
{
	struct kevent_queue *kq = kev->kq;
	u32 pending;

	if (!kq->map)
		return kevent_tell_ready(kev, bits, data1);
	if (kq->nr_ready || kev->flags & KEV_DEAD ||
	    kev->event.req_flags & KEVENT_REQ_ONESHOT)
		return -1;
	pending = (u32)kq->kidx - READ_ONCE(kq->tail->uidx);
	if (unlikely(pending > kq->slot_mask))
		return -1;
	/* Not taken; pos is 0, and further away than that, if never told. */
	if (unlikely(kq->kidx - kev->pos < pending)) {
		if (!(bits & ~kev->event.ret_data[0]))
			return 0;
		bits |= kev->event.ret_data[0];
		kevent_map_link(kev);
	}
	kev->event.ret_data[0] = bits;
	kev->event.ret_data[1] = data1;
	kevent_map_write(kev);
	if (!(kev->event.req_flags & KEVENT_REQ_ET)) {
		if (kev->state == KEV_IDLE)
			__kevent_link_check(kev);
		else
			kq->check_sorted = false;
	}
	return 1;
}

#endif /* _KERNEL_KEVENT_TELL_H */
