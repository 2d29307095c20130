// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: from an event to whoever wants to know of it.
 *
 * kevent_tell() and __kevent_tell() are the way in, from any context: a slot
 * of the mapped ring, or a place in kq->ready. The way on is in drain.c.
 *
 * One slot stands for several happenings only while nobody has taken it, see
 * the head of include/uapi/linux/kevent.h: then whoever takes it will act
 * after them. A slot is never changed once it is written, but for
 * KEVENT_RET_STALE.
 */

#include "tell.h"

/* Protects everything here: the queue's lock. */
static void assert_locked(struct kevent_queue *kq)
{
	lockdep_assert_held(&kq->wq.lock);
}

/**
 * __kevent_unlink_busy() - make it idle, which it is not
 * @kev: the interest; its queue's lock is held
 */
void __kevent_unlink_busy(struct kevent *kev)
{
	assert_locked(kev->kq);
	switch (kev->state) {
	case KEV_READY:
		kevent_unlink_ready(kev);
		break;
	case KEV_CHECK:
		kevent_unlink_check(kev);
		break;
	default:
		list_del_init(&kev->link);
		kev->state = KEV_IDLE;
		break;
	}
}

static void merge(struct kevent *kev, u32 data0, u32 data1)
{
	kevent_merge_one(&kev->event.ret_data[0], data0, kev->source->merge[0]);
	kevent_merge_one(&kev->event.ret_data[1], data1, kev->source->merge[1]);
}

/*
 * More happened to one in kq->ready. A level that was put back there after it
 * was told woke nobody: what happens now is news.
 */
static bool join(struct kevent *kev, u32 data0, u32 data1)
{
	if (!kevent_clear_again(kev)) {
		merge(kev, data0, data1);
		return false;
	}
	kev->event.ret_data[0] = data0;
	kev->event.ret_data[1] = data1;
	return true;
}

/**
 * __kevent_map_put() - write the next slot
 * @kev: an interest that is idle or in check; its queue, which has room, is
 *	locked
 */
void __kevent_map_put(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	kev->flags &= ~KEV_FORCED;
	if (kevent_map_untaken(kev))
		kevent_map_link(kev);
	kevent_map_write(kev);

	if (unlikely(kev->event.req_flags & KEVENT_REQ_ONESHOT ||
		     kev->flags & KEV_ORPHAN)) {
		__kevent_unlink(kev);
		kevent_link_reap(kev);
	} else if (kev->state == KEV_CHECK) {
		kq->check_sorted = false;
	} else if (kevent_is_level(kev) || kev->flags & KEV_DOUBT) {
		__kevent_link_check(kev);
	}
}

/* What waited for room, as far as there is some. */
static void map_flush(struct kevent_queue *kq)
{
	while (!list_empty(&kq->ready) && kevent_map_has_room(kq)) {
		struct kevent *kev;

		kev = list_first_entry(&kq->ready, struct kevent, link);
		__kevent_unlink(kev);
		__kevent_map_put(kev);
	}
}

/* Tell it, whatever was told before. */
static bool put(struct kevent *kev, u32 data0, u32 data1)
{
	struct kevent_queue *kq = kev->kq;

	kev->event.ret_data[0] = data0;
	kev->event.ret_data[1] = data1;
	if (kq->map && list_empty(&kq->ready) && kevent_map_has_room(kq)) {
		__kevent_map_put(kev);
		return true;
	}
	__kevent_unlink(kev);
	kevent_link_ready(kev, kq->ready.prev);
	if (kq->map)
		WRITE_ONCE(kq->map->overflow, kq->map->overflow + 1);
	return true;
}

/**
 * __kevent_tell() - something happened
 * @kev: the interest; its queue's lock is held
 * @data0: ret_data[0]; for sources of a state: the bits that came true
 * @data1: ret_data[1]
 *
 * Context: Any.
 * Return: true when this is news, for which somebody is to be woken; false when
 *	it joined an event that nobody has taken yet.
 */
bool __kevent_tell(struct kevent *kev, u32 data0, u32 data1)
{
	struct kevent_queue *kq = kev->kq;

	assert_locked(kq);
	if (unlikely(kev->flags & KEV_DEAD))
		return false;
	if (kev->state == KEV_READY) {
		bool news = join(kev, data0, data1);

		if (kq->map)
			map_flush(kq);
		return news;
	}
	if (kq->map) {
		if (unlikely(!list_empty(&kq->ready)))
			map_flush(kq);
		if (kevent_has_state(kev) && kevent_map_untaken(kev)) {
			if (!(data0 & ~kev->event.ret_data[0]))
				return false;
			/* At most one slot for each bit. */
			data0 |= kev->event.ret_data[0];
		}
	}
	return put(kev, data0, data1);
}

/**
 * __kevent_force() - tell it, even if the source has nothing to tell
 * @kev: the interest; its queue's lock is held
 * @data0: ret_data[0]
 * @data1: ret_data[1]
 *
 * Return: as __kevent_tell().
 */
bool __kevent_force(struct kevent *kev, u32 data0, u32 data1)
{
	assert_locked(kev->kq);
	if (kev->flags & KEV_DEAD)
		return false;
	kev->flags |= KEV_FORCED;
	if (kev->state == KEV_READY)
		return join(kev, data0, data1);
	return put(kev, data0, data1);
}

/**
 * __kevent_doubt() - something happened, and the wake-up does not say what
 * @kev: an interest in a state; its queue's lock is held
 *
 * Return: as __kevent_tell().
 */
bool __kevent_doubt(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	assert_locked(kq);
	if (!kq->map)
		return __kevent_tell(kev, 0, 0);
	if (kev->flags & (KEV_DEAD | KEV_DOUBT))
		return false;
	if (kev->state == KEV_READY) {
		kev->flags |= KEV_DOUBT;
		return false;
	}
	kev->flags |= KEV_DOUBT;
	if (kev->state == KEV_CHECK)
		kq->nr_doubt++;
	else
		__kevent_link_check(kev);
	return true;
}

/**
 * __kevent_wake() - wake those who wait for events
 * @kq: the queue; its lock is held
 * @nr: how many events there are, and waiters to wake
 *
 * Return: true when kevent_wake_pollers() is to be called without the lock.
 */
bool __kevent_wake(struct kevent_queue *kq, unsigned int nr)
{
	assert_locked(kq);
	/* 0 would be all of them. */
	if (nr)
		__wake_up_locked(&kq->wq, TASK_INTERRUPTIBLE, nr);
	return !list_empty(&kq->poll_wait.head);
}

/**
 * kevent_wake_pollers() - wake those who poll the queue's descriptor
 * @kq: the queue
 * @key: EPOLL_URING_WAKE, if the wake-up that this comes from had it
 *
 * A watched queue's lock may be held, in which case this is a watching one.
 */
void kevent_wake_pollers(struct kevent_queue *kq, __poll_t key)
{
	unsigned long flags;

	spin_lock_irqsave_nested(&kq->poll_wait.lock, flags,
				 READ_ONCE(kq->top));
	__wake_up_locked_key(&kq->poll_wait, TASK_NORMAL,
			     poll_to_key(EPOLLIN | EPOLLRDNORM | key));
	spin_unlock_irqrestore(&kq->poll_wait.lock, flags);
}

/**
 * kevent_tell() - something happened, and wake whoever waits for it
 * @kev: the interest
 * @data0: ret_data[0]
 * @data1: ret_data[1]
 *
 * Context: Any. The caller sees to it that the interest is not removed.
 */
void kevent_tell(struct kevent *kev, u32 data0, u32 data1)
{
	struct kevent_queue *kq = kev->kq;
	bool pollers = false;
	unsigned long flags;

	spin_lock_irqsave(&kq->wq.lock, flags);
	if (__kevent_tell(kev, data0, data1))
		pollers = __kevent_wake(kq, 1);
	spin_unlock_irqrestore(&kq->wq.lock, flags);
	if (pollers)
		kevent_wake_pollers(kq, 0);
}
