// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: from an event to whoever wants to know of it.
 *
 * kevent_tell() and __kevent_tell() are the way in, from any context: a slot
 * of the mapped ring, or a place in kq->ready. kevent_drain() and
 * kevent_catch_up() are the way on, from system calls: they look at the
 * sources, which a wake-up cannot.
 *
 * One slot stands for several happenings only while nobody has taken it, see
 * the head of include/uapi/linux/kevent.h: then whoever takes it will act
 * after them. A slot is never changed once it is written, but for
 * KEVENT_RET_STALE.
 */

#include <linux/overflow.h>

#include "tell.h"

/* Protects everything here: the queue's lock. */
static void assert_locked(struct kevent_queue *kq)
{
	lockdep_assert_held(&kq->wq.lock);
}

static void link_ready(struct kevent *kev, struct list_head *prev)
{
	struct kevent_queue *kq = kev->kq;

	kev->state = KEV_READY;
	list_add(&kev->link, prev);
	if (!kq->nr_ready++ && kq->map)
		WRITE_ONCE(kq->map->flags, kq->map->flags | KEVENT_MAP_FULL);
}

/**
 * __kevent_link_check() - have it looked at in the next system call
 * @kev: an idle interest; its queue, which has a mapped ring, is locked
 */
void __kevent_link_check(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	kev->state = KEV_CHECK;
	list_add_tail(&kev->link, &kq->check);
	if (kev->flags & KEV_DOUBT)
		kq->nr_doubt++;
	if (!kq->nr_check++) {
		kq->check_sorted = true;
		WRITE_ONCE(kq->map->flags, kq->map->flags | KEVENT_MAP_CHECK);
	}
}

static void link_reap(struct kevent *kev)
{
	kev->flags |= KEV_DEAD;
	kev->mask = 0;
	kev->state = KEV_REAP;
	list_add_tail(&kev->link, &kev->kq->reap);
}

/**
 * __kevent_unlink() - make it idle
 * @kev: the interest; its queue's lock is held
 */
void __kevent_unlink(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	assert_locked(kq);
	switch (kev->state) {
	case KEV_IDLE:
		return;
	case KEV_READY:
		kevent_clear_again(kev);
		if (!--kq->nr_ready && kq->map)
			WRITE_ONCE(kq->map->flags,
				   kq->map->flags & ~KEVENT_MAP_FULL);
		break;
	case KEV_CHECK:
		if (kev->flags & KEV_DOUBT)
			kq->nr_doubt--;
		if (!--kq->nr_check)
			WRITE_ONCE(kq->map->flags,
				   kq->map->flags & ~KEVENT_MAP_CHECK);
		break;
	}
	list_del_init(&kev->link);
	kev->state = KEV_IDLE;
}

static void merge_one(u32 *old, u32 new, enum kevent_merge how)
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

static void merge(struct kevent *kev, u32 data0, u32 data1)
{
	merge_one(&kev->event.ret_data[0], data0, kev->source->merge[0]);
	merge_one(&kev->event.ret_data[1], data1, kev->source->merge[1]);
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

static bool map_has_room(struct kevent_queue *kq)
{
	return kevent_map_pending(kq) <= kq->slot_mask;
}

/* Write the next slot. There is room, and the interest is idle or in check. */
static void map_put(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	kev->flags &= ~KEV_FORCED;
	kevent_map_write(kev);

	if (unlikely(kev->event.req_flags & KEVENT_REQ_ONESHOT ||
		     kev->flags & KEV_ORPHAN)) {
		__kevent_unlink(kev);
		link_reap(kev);
	} else if (kev->state == KEV_CHECK) {
		kq->check_sorted = false;
	} else if (kevent_is_level(kev) || kev->flags & KEV_DOUBT) {
		__kevent_link_check(kev);
	}
}

/* What waited for room, as far as there is some. */
static void map_flush(struct kevent_queue *kq)
{
	while (!list_empty(&kq->ready) && map_has_room(kq)) {
		struct kevent *kev;

		kev = list_first_entry(&kq->ready, struct kevent, link);
		__kevent_unlink(kev);
		map_put(kev);
	}
}

/* Tell it, whatever was told before. */
static bool put(struct kevent *kev, u32 data0, u32 data1)
{
	struct kevent_queue *kq = kev->kq;

	kev->event.ret_data[0] = data0;
	kev->event.ret_data[1] = data1;
	if (kq->map && list_empty(&kq->ready) && map_has_room(kq)) {
		map_put(kev);
		return true;
	}
	__kevent_unlink(kev);
	link_ready(kev, kq->ready.prev);
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

/* True when the source must be looked at before this is told. */
static bool needs_look(const struct kevent *kev)
{
	return kevent_has_state(kev) &&
	       !(kev->flags & (KEV_FORCED | KEV_ORPHAN));
}

/* Look at the source, without the lock; true when it has something to tell. */
static bool look(struct kevent *kev, u32 *data0, u32 *data1)
{
	struct kevent_queue *kq = kev->kq;

	spin_unlock_irq(&kq->wq.lock);
	*data0 = kev->source->poll(kev, data1);
	spin_lock_irq(&kq->wq.lock);
	return *data0;
}

/*
 * Let in what waited for room. Returns how many were told.
 *
 * Each stays at the head of the list while it is looked at, so that those
 * behind it do not pass: whatever happens meanwhile lets it in before them.
 */
static unsigned int catch_up_ready(struct kevent_queue *kq)
{
	unsigned int budget = kq->nr_ready, told = 0;
	bool there;

	while (budget-- && !list_empty(&kq->ready) && map_has_room(kq)) {
		struct kevent *kev;
		u32 data0, data1;

		kev = list_first_entry(&kq->ready, struct kevent, link);
		if (needs_look(kev)) {
			kev->flags &= ~KEV_DOUBT;
			there = look(kev, &data0, &data1);
			/* Something happened to it, which let it in. */
			if (kev->state != KEV_READY ||
			    !list_is_first(&kev->link, &kq->ready))
				continue;
			/* Consumers moved their index back. */
			if (!map_has_room(kq))
				break;
			if (!there) {
				__kevent_unlink(kev);
				if (kev->flags & KEV_DOUBT)
					__kevent_link_check(kev);
				continue;
			}
			kev->event.ret_data[0] = data0;
			kev->event.ret_data[1] = data1;
		}
		__kevent_unlink(kev);
		map_put(kev);
		told++;
	}
	return told;
}

/*
 * Look at levels that were told and taken, and at those in doubt. A level whose
 * slot nobody has taken needs no look, nor do those behind it, when they are in
 * the order of their slots.
 */
static unsigned int catch_up_check(struct kevent_queue *kq)
{
	unsigned int budget = kq->nr_check, told = 0;
	u32 data0, data1;

	while (budget-- && !list_empty(&kq->check)) {
		struct kevent *kev;

		kev = list_first_entry(&kq->check, struct kevent, link);
		if (!(kev->flags & KEV_DOUBT) && kevent_map_untaken(kev)) {
			if (kq->check_sorted && !kq->nr_doubt)
				break;
			list_move_tail(&kev->link, &kq->check);
			kq->check_sorted = false;
			continue;
		}
		__kevent_unlink(kev);
		kev->flags &= ~KEV_DOUBT;
		if (look(kev, &data0, &data1))
			told += __kevent_tell(kev, data0, data1);
		/* Its slot, which this may have joined, still counts. */
		if (kev->state == KEV_IDLE && kevent_is_level(kev) &&
		    kevent_map_untaken(kev)) {
			__kevent_link_check(kev);
			kq->check_sorted = false;
		}
	}
	return told;
}

/**
 * kevent_catch_up() - do what wake-ups could not, for a mapped ring
 * @kq: the queue, locked
 * @waiter: the caller takes one event itself, so wake one waiter less
 */
void kevent_catch_up(struct kevent_queue *kq, bool waiter)
{
	bool pollers = false;
	unsigned int told;

	lockdep_assert_held(&kq->mtx);
	kevent_reap(kq);
	if (!kq->map || !(READ_ONCE(kq->nr_ready) | READ_ONCE(kq->nr_check)))
		return;

	spin_lock_irq(&kq->wq.lock);
	told = catch_up_ready(kq) + catch_up_check(kq);
	if (told)
		pollers = __kevent_wake(kq, told - waiter);
	spin_unlock_irq(&kq->wq.lock);
	if (pollers)
		kevent_wake_pollers(kq, 0);
}

/**
 * kevent_verify() - drop from the ready list what is not ready after all
 * @kq: a queue without a mapped ring, locked
 * @enough: stop after so many that are
 *
 * Return: true when so many are.
 */
bool kevent_verify(struct kevent_queue *kq, u32 enough)
{
	struct list_head *pos = &kq->ready;
	u32 budget, data0, data1, nr = 0;

	lockdep_assert_held(&kq->mtx);
	spin_lock_irq(&kq->wq.lock);
	budget = kq->nr_ready;
	kq->nr_out = 1;
	/* Wake-ups add at the end only, so pos stays where it is. */
	while (nr < enough && budget-- && !list_is_last(pos, &kq->ready)) {
		struct kevent *kev = list_entry(pos->next, struct kevent, link);

		if (needs_look(kev)) {
			bool again = kev->flags & KEV_AGAIN;

			__kevent_unlink(kev);
			if (!look(kev, &data0, &data1))
				continue;
			/* A wake-up during the look made it news. */
			if (kev->state == KEV_READY)
				again = false;
			__kevent_unlink(kev);
			link_ready(kev, pos);
			if (again)
				kevent_set_again(kev);
		}
		pos = &kev->link;
		nr++;
	}
	kq->nr_out = 0;
	spin_unlock_irq(&kq->wq.lock);
	return nr >= enough;
}

/**
 * kevent_drain() - hand events to a system call
 * @kq: a queue without a mapped ring, locked
 * @sink: where they go
 *
 * Every event that was ready when this began is handed over at most once,
 * second tries included; a level that still holds is then ready again.
 *
 * Return: 0, or what @sink->put returned.
 */
int kevent_drain(struct kevent_queue *kq, struct kevent_sink *sink)
{
	unsigned int budget;
	int err = 0;

	lockdep_assert_held(&kq->mtx);
	spin_lock_irq(&kq->wq.lock);
	budget = sink->left ?: kq->nr_ready;
	sink->left = 0;
	kq->nr_out = 1;
	while (sink->nr < sink->max && budget-- && !list_empty(&kq->ready)) {
		struct ukevent event;
		struct kevent *kev;
		bool state, again;
		u8 forced;

		kev = list_first_entry(&kq->ready, struct kevent, link);
		forced = kev->flags & KEV_FORCED;
		again = kev->flags & KEV_AGAIN;
		event = kev->event;
		state = needs_look(kev);
		kev->flags &= ~KEV_FORCED;
		__kevent_unlink(kev);
		spin_unlock_irq(&kq->wq.lock);

		if (state)
			event.ret_data[0] = kev->source->poll(kev,
							&event.ret_data[1]);
		if (!state || event.ret_data[0])
			err = sink->put(sink, kq, &event);

		spin_lock_irq(&kq->wq.lock);
		if (err) {
			sink->left = budget + 1;
			/* Back to where it was, with what came since. */
			if (kev->state == KEV_READY) {
				merge(kev, event.ret_data[0],
				      event.ret_data[1]);
				__kevent_unlink(kev);
				again = false;
			} else {
				kev->event.ret_data[0] = event.ret_data[0];
				kev->event.ret_data[1] = event.ret_data[1];
			}
			kev->flags |= forced;
			link_ready(kev, &kq->ready);
			if (again)
				kevent_set_again(kev);
			break;
		}
		if (state && !event.ret_data[0])
			continue;
		sink->nr++;
		sink->news |= !again;
		if (kev->event.req_flags & KEVENT_REQ_ONESHOT ||
		    kev->flags & KEV_ORPHAN) {
			__kevent_unlink(kev);
			link_reap(kev);
		} else if (kev->state == KEV_IDLE && kevent_is_level(kev)) {
			link_ready(kev, kq->ready.prev);
			kevent_set_again(kev);
		}
	}
	kq->nr_out = 0;
	spin_unlock_irq(&kq->wq.lock);
	kevent_reap(kq);
	return err;
}
