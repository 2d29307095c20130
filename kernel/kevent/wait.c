// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: waiting for events, fetching them, giving back their room.
 *
 * Waiters stand in kq->wq, first come first served; each event wakes one. A
 * waiter is taken from the list when it is woken. It wakes the next in its
 * place when it leaves without a look at the events, because of a signal or the
 * time; when it cannot take what it found; and when it took only levels that
 * were told before, which woke nobody. One that finds that another was faster
 * stands in front again.
 *
 *   waiter                               kevent_tell()
 *
 *   lock(kq->wq.lock)
 *   enough()? no                         lock(kq->wq.lock)
 *   add to kq->wq, set state             publish
 *   unlock                               waitqueue_active(), wake one
 *   schedule()                           unlock
 *
 * One of the two comes first, so no event is slept over. The same holds for
 * what a wake-up leaves to be looked at in a mapped queue: needs_catch_up().
 */

#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "tell.h"

/**
 * struct kevent_waiter - a thread that waits
 * @entry: in kq->wq
 * @kq: the queue
 * @min: how many events it wants
 * @seen: mapped ring: up to where it knows the slots; own ring: the index it
 *	saw
 * @use_seen: there is such an index
 * @need_room: own ring: no use in events without room for them
 * @kicked: woken by KEVENT_CTL_READY without elements
 * @woken: slept last until it was woken
 * @stood: was in line before, and keeps its place
 */
struct kevent_waiter {
	wait_queue_entry_t	entry;
	struct kevent_queue	*kq;
	u32			min;
	u32			seen;
	bool			use_seen;
	bool			need_room;
	bool			kicked;
	bool			woken;
	bool			stood;
};

/*
 * Events that the waiter may have. A hint without the queue's lock. One that a
 * call is looking at counts: whoever slept would not be woken when it comes
 * back. He meets that call at the mutex.
 */
static u32 available(struct kevent_waiter *w)
{
	struct kevent_queue *kq = w->kq;
	u32 nr;

	if (kq->map) {
		nr = kevent_map_pending(kq);
		return w->use_seen ? min(nr, (u32)kq->kidx - w->seen) : nr;
	}
	if (w->need_room && !kevent_ring_has_room(kq))
		return 0;
	return READ_ONCE(kq->nr_ready) + READ_ONCE(kq->nr_out);
}

/*
 * Is there something in a mapped queue that a wake-up could not tell: what it
 * did not know, or found no room for, and there is room now? Needs the queue's
 * lock.
 */
static bool needs_catch_up(struct kevent_queue *kq)
{
	return kq->map && (kq->nr_doubt ||
			   (kq->nr_ready && kevent_map_has_room(kq)));
}

static bool enough(struct kevent_waiter *w)
{
	struct kevent_queue *kq = w->kq;

	if (available(w) >= w->min)
		return true;
	return w->need_room && kevent_ring_uidx(kq) != w->seen;
}

static int waiter_wake(struct wait_queue_entry *entry, unsigned int mode,
		       int sync, void *key)
{
	struct kevent_waiter *w = container_of(entry, struct kevent_waiter,
					       entry);

	if (!w->kicked && !needs_catch_up(w->kq) && !enough(w))
		return 0;
	return autoremove_wake_function(entry, mode, sync, key);
}

static void waiter_init(struct kevent_waiter *w, struct kevent_queue *kq,
			u32 min)
{
	memset(w, 0, sizeof(*w));
	init_wait(&w->entry);
	w->entry.func = waiter_wake;
	w->entry.flags = WQ_FLAG_EXCLUSIVE;
	w->kq = kq;
	w->min = max(min, 1U);
}

/* Let somebody else have the wake-up that this one cannot use. */
static void pass_on(struct kevent_waiter *w)
{
	struct kevent_queue *kq = w->kq;

	spin_lock_irq(&kq->wq.lock);
	if (kq->nr_doubt || kq->nr_ready || kq->nr_out ||
	    (kq->map && kevent_map_pending(kq)))
		__kevent_wake(kq, 1);
	spin_unlock_irq(&kq->wq.lock);
}

/* The same for one that was woken by an event, and took only others. */
static void pass_news_on(struct kevent_waiter *w,
			 const struct kevent_sink *sink)
{
	struct kevent_queue *kq = w->kq;

	if (!w->woken || kq->map || !sink->nr || sink->news)
		return;
	spin_lock_irq(&kq->wq.lock);
	if (kq->nr_ready > kq->nr_again)
		__kevent_wake(kq, 1);
	spin_unlock_irq(&kq->wq.lock);
}

/* Look at the sources where a wake-up could not. */
static void catch_up(struct kevent_waiter *w)
{
	struct kevent_queue *kq = w->kq;

	if (kq->map) {
		if (!(READ_ONCE(kq->nr_ready) | READ_ONCE(kq->nr_check)) &&
		    list_empty_careful(&kq->reap))
			return;
		kevent_queue_lock(kq);
		kevent_catch_up(kq, w->min == 1);
		kevent_queue_unlock(kq);
	} else if (w->min > 1 && available(w) >= w->min) {
		kevent_queue_lock(kq);
		kevent_verify(kq, w->min);
		kevent_queue_unlock(kq);
	}
}

/*
 * Wait until there is enough. 1: there is; 0: the time is over, or kicked;
 * -EINTR.
 */
static int await(struct kevent_waiter *w, struct kevent_timeout *timeout)
{
	struct kevent_queue *kq = w->kq;
	bool late = false;
	int ret;

	w->woken = false;
	for (;;) {
		catch_up(w);

		spin_lock_irq(&kq->wq.lock);
		if (enough(w)) {
			ret = 1;
			break;
		}
		if (w->kicked || kq->kicked) {
			if (!w->kicked)
				kq->kicked = false;
			ret = 0;
			break;
		}
		if (late || timeout->now) {
			ret = 0;
			break;
		}
		if (signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		/* Since catch_up(): who told it saw nobody sleep. */
		if (needs_catch_up(kq)) {
			spin_unlock_irq(&kq->wq.lock);
			cond_resched();
			continue;
		}
		if (w->stood)
			__add_wait_queue(&kq->wq, &w->entry);
		else
			__add_wait_queue_entry_tail(&kq->wq, &w->entry);
		w->stood = true;
		set_current_state(TASK_INTERRUPTIBLE);
		spin_unlock_irq(&kq->wq.lock);

		late = !schedule_hrtimeout_range_clock(timeout->expires,
						       current->timer_slack_ns,
						       HRTIMER_MODE_ABS,
						       timeout->clockid);
		__set_current_state(TASK_RUNNING);

		spin_lock_irq(&kq->wq.lock);
		w->woken = list_empty(&w->entry.entry);
		list_del_init(&w->entry.entry);
		spin_unlock_irq(&kq->wq.lock);
	}
	spin_unlock_irq(&kq->wq.lock);
	if (ret <= 0 && w->woken && !w->kicked)
		pass_on(w);
	return ret;
}

/**
 * kevent_kick() - make one waiter return
 * @kq: the queue
 *
 * If nobody waits, whoever comes next does not.
 */
void kevent_kick(struct kevent_queue *kq)
{
	struct wait_queue_entry *entry;
	bool pollers;

	spin_lock_irq(&kq->wq.lock);
	entry = list_first_entry_or_null(&kq->wq.head, struct wait_queue_entry,
					 entry);
	if (entry) {
		container_of(entry, struct kevent_waiter, entry)->kicked = true;
		entry->func(entry, TASK_INTERRUPTIBLE, 0, NULL);
	} else {
		kq->kicked = true;
	}
	pollers = __kevent_wake(kq, 0);
	spin_unlock_irq(&kq->wq.lock);
	if (pollers)
		kevent_wake_pollers(kq, 0);
}

/* To an array, of a queue with a ring. */
static int put_both(struct kevent_sink *sink, struct kevent_queue *kq,
		    struct ukevent *event)
{
	/* Into the ring, too: if this thread dies others find it there. */
	if (!kevent_ring_has_room(kq))
		event->ret_flags |= KEVENT_RET_COPY_FAILED;
	if (kevent_put_user(sink->buf + sink->nr, event))
		return -EFAULT;
	if (!(event->ret_flags & KEVENT_RET_COPY_FAILED))
		return kevent_ring_put(kq, event);
	return 0;
}

static int put_ring(struct kevent_sink *sink, struct kevent_queue *kq,
		    struct ukevent *event)
{
	return kevent_ring_put(kq, event);
}

/*
 * Bring the memory that the next event goes to, and write nothing there: others
 * may have put events into the ring meanwhile. False: it is not there. NULL is
 * an address like others: what tells if there is an array is who puts events.
 */
static bool fault_in(struct kevent_queue *kq, struct kevent_sink *sink)
{
	u32 slot;

	if (sink->put != put_ring &&
	    fault_in_safe_writeable((char __user *)(sink->buf + sink->nr),
				    sizeof(struct ukevent)))
		return false;
	if (!kq->ring)
		return true;
	div_u64_rem(READ_ONCE(kq->ring_kidx), kq->ring_size, &slot);
	return !fault_in_safe_writeable((char __user *)kq->ring,
					sizeof(struct kevent_ring)) &&
	       !fault_in_safe_writeable((char __user *)&kq->ring->event[slot],
					sizeof(struct ukevent));
}

/*
 * Is the caller to give up? Memory that was brought may be gone again before it
 * is written to, as often as somebody takes it away: try twice, then any signal
 * is a reason.
 */
static bool tried_enough(unsigned int tries)
{
	cond_resched();
	return fatal_signal_pending(current) ||
	       (tries > 1 && signal_pending(current));
}

/* Take what is there. 0, or -EFAULT, -EINTR, -EINVAL: maybe not all of it. */
static int fetch(struct kevent_queue *kq, struct kevent_sink *sink)
{
	unsigned int tries;
	int err;

	if (kq->map)
		return kevent_map_fetch(kq, sink);
	sink->left = 0;
	for (tries = 1;; tries = 2) {
		kevent_queue_lock(kq);
		err = kevent_drain(kq, sink);
		kevent_queue_unlock(kq);
		if (err != -EFAULT)
			return err == -ENOSPC ? 0 : err;
		if (!fault_in(kq, sink))
			return -EFAULT;
		if (tried_enough(tries))
			return -EINTR;
	}
}

/**
 * kevent_get_events() - wait for events and fetch them
 * @kq: the queue
 * @min_nr: wait for so many, no more than a mapped ring has slots; 0 is 1
 * @sink: the caller's array
 * @timeout: how long
 *
 * Return: number of events; 0 when the time is over; -EINTR; -EFAULT if the
 * first one cannot be copied, and then it stays in the queue; -EINVAL when user
 * space spoilt the index of a mapped ring.
 */
int kevent_get_events(struct kevent_queue *kq, u32 min_nr,
		      struct kevent_sink *sink, struct kevent_timeout *timeout)
{
	struct kevent_waiter w;
	int ret, err;

	waiter_init(&w, kq, min_nr);
	if (kq->map)
		w.min = min(w.min, kq->slot_mask + 1);
	sink->put = kq->ring ? put_both : NULL;
	do {
		ret = await(&w, timeout);
		if (ret >= 0) {
			err = fetch(kq, sink);
			if (err && !sink->nr) {
				pass_on(&w);
				return err;
			}
		}
		/* What there was may have been nothing: then look, and wait. */
		if (ret > 0 && !sink->nr && signal_pending(current))
			ret = -EINTR;
		cond_resched();
	} while (ret > 0 && !sink->nr);
	pass_news_on(&w, sink);
	return sink->nr ? sink->nr : ret;
}

static int wait_ring(struct kevent_queue *kq, struct kevent_waiter *w, u32 num,
		     struct kevent_timeout *timeout)
{
	struct kevent_sink sink = { .put = put_ring, .max = num };
	int ret, err;

	if (num > kq->ring_size)
		return -EINVAL;
	w->need_room = true;
	do {
		ret = await(w, timeout);
		if (ret >= 0 && num) {
			err = fetch(kq, &sink);
			if (err && !sink.nr) {
				pass_on(w);
				return err;
			}
		}
		/* Somebody committed: the caller is to look again. */
		if (kevent_ring_uidx(kq) != w->seen)
			break;
		if (ret > 0 && !sink.nr && signal_pending(current))
			ret = -EINTR;
		cond_resched();
	} while (ret > 0 && num && !sink.nr);
	pass_news_on(w, &sink);
	return sink.nr ? sink.nr : min(ret, 0);
}

/**
 * kevent_wait() - wait for events in a ring
 * @kq: a queue with a ring
 * @num: most events to move to the ring, or to speak of
 * @old_uidx: own ring: the index of kevent_commit() that the caller knows;
 *	mapped ring: up to where it has seen the slots
 * @min_nr: wait for so many; 0 is 1
 * @timeout: how long
 *
 * Return: own ring: number of events moved. Mapped ring: number of slots at or
 * behind @old_uidx that nobody has taken. 0 when the time is over; -EINTR;
 * -EINVAL; -EFAULT.
 */
int kevent_wait(struct kevent_queue *kq, u32 num, u32 old_uidx, u32 min_nr,
		struct kevent_timeout *timeout)
{
	struct kevent_waiter w;
	int ret;

	waiter_init(&w, kq, min_nr);
	w.seen = old_uidx;
	if (kq->ring)
		return wait_ring(kq, &w, num, timeout);
	if (!kq->map)
		return -EINVAL;
	w.min = min(w.min, kq->slot_mask + 1);
	w.use_seen = true;
	/* Ahead of the kernel: not an index that it ever gave. */
	if ((s32)((u32)READ_ONCE(kq->kidx) - old_uidx) < 0)
		return -EINVAL;
	ret = await(&w, timeout);
	if (ret <= 0)
		return ret;
	return min(available(&w), num ?: U32_MAX);
}

/**
 * kevent_commit() - give back room in a ring
 * @kq: a queue
 * @new_uidx: index of the next slot to be read
 * @over: own ring: ring_over as the caller saw it
 *
 * Return: number of slots that were freed, 0 without a ring; -EINTR, or an
 * errno as of kevent_ring_commit().
 */
int kevent_commit(struct kevent_queue *kq, u32 new_uidx, u32 over)
{
	struct kevent_sink sink = { .put = put_ring };
	bool pollers = false;
	unsigned int tries;
	int ret;

	if (kq->map) {
		ret = kevent_map_commit(kq, new_uidx);
		kevent_queue_lock(kq);
		kevent_catch_up(kq, false);
		kevent_queue_unlock(kq);
		return ret;
	}
	if (!kq->ring)
		return 0;
	for (tries = 1;; tries = 2) {
		kevent_queue_lock(kq);
		ret = kevent_ring_commit(kq, new_uidx, over);
		kevent_queue_unlock(kq);
		if (ret != -EFAULT)
			break;
		if (!fault_in(kq, &sink))
			return -EFAULT;
		if (tried_enough(tries))
			return -EINTR;
	}
	/* There is room: whoever waited for it may have events now. */
	if (ret > 0) {
		spin_lock_irq(&kq->wq.lock);
		pollers = __kevent_wake(kq, INT_MAX);
		spin_unlock_irq(&kq->wq.lock);
	}
	if (pollers)
		kevent_wake_pollers(kq, 0);
	return ret;
}

/**
 * kevent_queue_poll() - is there an event?
 * @file: the queue's file
 * @wait: as of ->poll()
 *
 * Return: EPOLLIN | EPOLLRDNORM when there is.
 */
__poll_t kevent_queue_poll(struct file *file, poll_table *wait)
{
	struct kevent_queue *kq = file->private_data;
	bool ready;

	poll_wait(file, &kq->poll_wait, wait);
	/*
	 * Whoever tells something looks for pollers under this lock: he sees
	 * this one, or it sees what he told. Slots are looked at once: one that
	 * is taken after that was there.
	 */
	spin_lock_irq(&kq->wq.lock);
	ready = kq->kicked || (kq->map && kevent_map_pending(kq));
	spin_unlock_irq(&kq->wq.lock);
	if (kq->map) {
		if (!ready &&
		    READ_ONCE(kq->nr_ready) | READ_ONCE(kq->nr_check)) {
			kevent_queue_lock(kq);
			ready = kevent_catch_up(kq, false) ||
				kevent_map_pending(kq);
			kevent_queue_unlock(kq);
		}
	} else if (!ready) {
		/* Not by nr_ready: somebody may look at the only one. */
		kevent_queue_lock(kq);
		ready = kevent_verify(kq, 1);
		kevent_queue_unlock(kq);
	}
	return ready ? EPOLLIN | EPOLLRDNORM : 0;
}
