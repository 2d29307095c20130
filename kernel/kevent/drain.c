// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: from the queue to system calls.
 *
 * kevent_drain() and kevent_catch_up() look at the sources, which a wake-up
 * cannot, and hand events on. The queue's lock is dropped for looks and copies;
 * its mutex keeps the interests.
 */

#include <linux/minmax.h>
#include <linux/uaccess.h>

#include "tell.h"

/*
 * Interests that are looked at, or told, for one time with the lock. Most calls
 * need few of them: clearing all would cost more than the work.
 */
#define BATCH	16

struct batch_entry {
	struct kevent	*kev;
	u32		data[2];
	u8		flags;
	bool		look;
};

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

	while (budget-- && !list_empty(&kq->ready) && kevent_map_has_room(kq)) {
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
			if (!kevent_map_has_room(kq))
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
		__kevent_map_put(kev);
		told++;
	}
	return told;
}

/*
 * Take what is to be looked at from kq->check: levels that were told and taken,
 * and those in doubt. A level whose slot nobody has taken needs no look, nor do
 * those behind it, when they are in the order of their slots.
 */
static unsigned int take_check(struct kevent_queue *kq,
			       struct batch_entry *batch, unsigned int *budget)
{
	unsigned int nr = 0;

	while (nr < BATCH && *budget && !list_empty(&kq->check)) {
		struct kevent *kev;

		kev = list_first_entry(&kq->check, struct kevent, link);
		if (!(kev->flags & KEV_DOUBT) && kevent_map_untaken(kev)) {
			if (kq->check_sorted && !kq->nr_doubt) {
				*budget = 0;
				break;
			}
			list_move_tail(&kev->link, &kq->check);
			kq->check_sorted = false;
		} else {
			kevent_unlink_check(kev);
			kev->flags &= ~KEV_DOUBT;
			batch[nr++].kev = kev;
		}
		--*budget;
	}
	return nr;
}

static unsigned int catch_up_check(struct kevent_queue *kq)
	__must_hold(&kq->wq.lock)
{
	unsigned int budget = kq->nr_check, told = 0, nr, i;
	struct batch_entry batch[BATCH] __uninitialized;

	while ((nr = take_check(kq, batch, &budget))) {
		spin_unlock_irq(&kq->wq.lock);
		for (i = 0; i < nr; i++) {
			struct kevent *kev = batch[i].kev;

			batch[i].data[0] = kev->source->poll(kev,
							&batch[i].data[1]);
		}
		spin_lock_irq(&kq->wq.lock);
		for (i = 0; i < nr; i++) {
			struct kevent *kev = batch[i].kev;

			if (batch[i].data[0])
				told += __kevent_tell(kev, batch[i].data[0],
						      batch[i].data[1]);
			/* Its slot, which this may have joined, counts. */
			if (kev->state == KEV_IDLE && kevent_is_level(kev) &&
			    kevent_map_untaken(kev)) {
				__kevent_link_check(kev);
				kq->check_sorted = false;
			}
		}
	}
	return told;
}

/**
 * kevent_catch_up() - do what wake-ups could not, for a mapped ring
 * @kq: the queue, locked
 * @waiter: the caller takes one event itself, so wake one waiter less
 *
 * Return: true when it wrote a slot, which somebody may have taken already.
 */
bool kevent_catch_up(struct kevent_queue *kq, bool waiter)
{
	bool pollers = false;
	unsigned int told;

	lockdep_assert_held(&kq->mtx);
	kevent_reap(kq);
	if (!kq->map || !(READ_ONCE(kq->nr_ready) | READ_ONCE(kq->nr_check)))
		return false;

	spin_lock_irq(&kq->wq.lock);
	told = catch_up_ready(kq) + catch_up_check(kq);
	if (told)
		pollers = __kevent_wake(kq, told - waiter);
	spin_unlock_irq(&kq->wq.lock);
	if (pollers)
		kevent_wake_pollers(kq, 0);
	return told;
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
			kevent_link_ready(kev, pos);
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

/* Take one from kq->ready. */
static void take_ready(struct batch_entry *entry, struct kevent *kev)
{
	entry->kev = kev;
	entry->data[0] = kev->event.ret_data[0];
	entry->data[1] = kev->event.ret_data[1];
	entry->flags = kev->flags & (KEV_FORCED | KEV_AGAIN);
	entry->look = needs_look(kev);
	kev->flags &= ~KEV_FORCED;
	kevent_unlink_ready(kev);
}

/* Put one back to where it was, with what came since. */
static void put_ready_back(struct batch_entry *entry)
{
	struct kevent *kev = entry->kev;
	bool again = entry->flags & KEV_AGAIN;

	if (kev->state == KEV_READY) {
		const enum kevent_merge *how = kev->source->merge;
		const u32 *since = kev->event.ret_data;

		kevent_merge_one(&entry->data[0], since[0], how[0]);
		kevent_merge_one(&entry->data[1], since[1], how[1]);
		kevent_unlink_ready(kev);
		again = false;
	}
	kev->event.ret_data[0] = entry->data[0];
	kev->event.ret_data[1] = entry->data[1];
	kev->flags |= entry->flags & KEV_FORCED;
	kevent_link_ready(kev, &kev->kq->ready);
	if (again)
		kevent_set_again(kev);
}

/* One was told, or found to be nothing: the rest of its way. */
static void finish(struct batch_entry *entry)
{
	struct kevent *kev = entry->kev;

	if (entry->look && !entry->data[0])
		return;
	if (unlikely(kev->event.req_flags & KEVENT_REQ_ONESHOT ||
		     kev->flags & KEV_ORPHAN)) {
		__kevent_unlink(kev);
		kevent_link_reap(kev);
	} else if (kev->state == KEV_IDLE && kevent_is_level(kev)) {
		kevent_link_ready(kev, kev->kq->ready.prev);
		kevent_set_again(kev);
	}
}

/*
 * Write events to an array. The queue's mutex keeps all of them but ret_data,
 * which is in the batch. Returns how many of the batch are done with: all,
 * unless memory was not there.
 */
static unsigned int put_array(struct kevent_sink *sink,
			      const struct batch_entry *batch, unsigned int nr)
{
	struct ukevent __user *to = sink->buf + sink->nr;
	unsigned int i = 0;

	pagefault_disable();
	if (!user_write_access_begin(to, nr * sizeof(*to)))
		goto no_access;
	for (; i < nr; i++) {
		const struct ukevent *event = &batch[i].kev->event;

		if (batch[i].look && !batch[i].data[0])
			continue;
		unsafe_put_user(event->id.raw_u64, &to->id.raw_u64, fault);
		unsafe_put_user(event->type, &to->type, fault);
		unsafe_put_user(event->event, &to->event, fault);
		unsafe_put_user(event->req_flags, &to->req_flags, fault);
		unsafe_put_user(event->ret_flags, &to->ret_flags, fault);
		unsafe_put_user(batch[i].data[0], &to->ret_data[0], fault);
		unsafe_put_user(batch[i].data[1], &to->ret_data[1], fault);
		unsafe_put_user(event->cookie, &to->cookie, fault);
		to++;
		sink->nr++;
		sink->news |= !(batch[i].flags & KEV_AGAIN);
	}
fault:
	user_write_access_end();
no_access:
	pagefault_enable();
	return i;
}

/* The same for other sinks. */
static unsigned int put_each(struct kevent_sink *sink, struct kevent_queue *kq,
			     const struct batch_entry *batch, unsigned int nr,
			     int *err)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct ukevent *from = &batch[i].kev->event;
		struct ukevent event = {
			.id = from->id, .type = from->type,
			.event = from->event, .req_flags = from->req_flags,
			.ret_flags = from->ret_flags,
			.ret_data = { batch[i].data[0], batch[i].data[1] },
			.cookie = from->cookie,
		};

		if (batch[i].look && !batch[i].data[0])
			continue;
		*err = sink->put(sink, kq, &event);
		if (*err)
			break;
		sink->nr++;
		sink->news |= !(batch[i].flags & KEV_AGAIN);
	}
	return i;
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
	struct batch_entry batch[BATCH] __uninitialized;
	unsigned int budget, nr, done, i;
	int err = 0;

	lockdep_assert_held(&kq->mtx);
	spin_lock_irq(&kq->wq.lock);
	budget = sink->left ?: kq->nr_ready;
	sink->left = 0;
	while (sink->nr < sink->max && budget && !err) {
		nr = min3(budget, sink->max - sink->nr, (unsigned int)BATCH);
		for (i = 0; i < nr && !list_empty(&kq->ready); i++)
			take_ready(&batch[i],
				   list_first_entry(&kq->ready, struct kevent,
						    link));
		nr = i;
		if (!nr)
			break;
		budget -= nr;
		kq->nr_out = nr;
		spin_unlock_irq(&kq->wq.lock);

		for (i = 0; i < nr; i++) {
			struct kevent *kev = batch[i].kev;

			if (batch[i].look)
				batch[i].data[0] =
					kev->source->poll(kev,
							  &batch[i].data[1]);
		}
		if (sink->put) {
			done = put_each(sink, kq, batch, nr, &err);
		} else {
			done = put_array(sink, batch, nr);
			if (done < nr)
				err = -EFAULT;
		}

		spin_lock_irq(&kq->wq.lock);
		for (i = 0; i < done; i++)
			finish(&batch[i]);
		sink->left = err ? budget + nr - done : 0;
		while (nr-- > done)
			put_ready_back(&batch[nr]);
		kq->nr_out = 0;
	}
	spin_unlock_irq(&kq->wq.lock);
	kevent_reap(kq);
	return err;
}
