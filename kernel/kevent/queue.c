// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: the queue and the interests in it.
 *
 * Overview
 * --------
 *
 * A queue has interests (struct kevent), each linked to its origin by its
 * source: to the wait queues of a file, a timer, a hash of signals. The origin
 * calls kevent_tell(), from any context. Without a mapped ring that puts the
 * interest on kq->ready, from where a system call fetches it. With one it
 * writes a slot of the ring and is done; only what finds no room goes to
 * kq->ready.
 *
 * An interest is in one of these states (kevent.state):
 *
 *   IDLE     in no list. Nothing happened since it was told last, or, in a
 *            mapped ring, it was told and needs no second look.
 *   READY    in kq->ready. Something happened that was not told; more of it is
 *            merged into kevent.event.ret_data.
 *   CHECK    in kq->check, mapped ring only. The next system call looks at the
 *            source: a level that was told may still be there, or something
 *            happened and the wake-up did not say what (KEV_DOUBT).
 *   REAP     in kq->reap. It has ended and was told; the next system call frees
 *            it, since a wake-up cannot.
 *
 *              tell, no room                    tell, room
 *      +------------------------ IDLE ----------------------------+
 *      v          fetched         ^  ^        ET: told            v
 *    READY ----------------------/    \--------------------- (the ring)
 *      |          room, level                   level             |
 *      +------------------------> CHECK <-------------------------+
 *      |  oneshot                                        oneshot  |
 *      +------------------------> REAP  <-------------------------+
 *
 * Locking, outer to inner
 * -----------------------
 *
 *   kq->mtx           sleeps. Whoever adds, changes, frees or looks at
 *                     interests. User memory is never touched under it but
 *                     with faults off: a close() of somebody else may wait for
 *                     it. Subclass 1 for queues that watch queues (kq->top).
 *     > lock of the origin: wait queue, siglock, hash of signals
 *       > kq->wq.lock interrupts off: wake-ups come from anywhere.
 *   kevent_file_lock  hashed, inside kq->mtx: file->f_kevents, kevent.closed.
 *                     See file.c.
 *   kq->poll_wait.lock   taken inside none of the above but a watched queue's
 *                     poll_wait.lock
 *
 * Field protection
 * ----------------
 *
 *   kq->mtx       table, nr, spare, nr_spare, credits, top, file, ring_kidx,
 *                 ring_uidx, end_chain; kevent.next, hashed; frees interests
 *   kq->wq.lock   ready, check, reap, the number of each, nr_again, nr_out,
 *                 nr_doubt, check_sorted, kicked, kidx, *slots, *older, *map;
 *                 kevent.state, flags, link, pos, event.ret_*
 *   both          kevent.event but ret_*, kevent.mask: written under both
 *
 * Removal paths
 * -------------
 *
 *   kevent_remove()          KEVENT_CTL_REMOVE, and kevent_reap()
 *   kevent_queue_release()   last close of the queue; if it is killed there, a
 *                            worker goes on
 *   kevent_close()           close of a watched descriptor, or of its last one
 *
 * All three hold kq->mtx and call source->remove() first, which waits for a
 * wake-up that runs. Whoever comes to an interest from the file's side takes a
 * reference to the queue, then its mutex, and looks again: file.c.
 */

#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "kevent.h"

const struct kevent_source *kevent_sources[KEVENT_MAX] __ro_after_init;

/**
 * kevent_source_register() - make a kind of event available
 * @source: its table; stays valid for ever
 */
void __init kevent_source_register(const struct kevent_source *source)
{
	kevent_sources[source->type] = source;
}

/**
 * kevent_queue_lock() - take the queue's mutex
 * @kq: the queue
 *
 * The subclass follows kq->top, which changes under the mutex: once it is held
 * it must still be the right one.
 */
void kevent_queue_lock(struct kevent_queue *kq)
{
	for (;;) {
		bool top = READ_ONCE(kq->top);

		mutex_lock_nested(&kq->mtx, top);
		if (top == kq->top)
			return;
		mutex_unlock(&kq->mtx);
	}
}

/* True when an epoll or a queue watches the file. */
static bool kevent_is_watched(struct file *file)
{
#ifdef CONFIG_EPOLL
	if (READ_ONCE(file->f_ep))
		return true;
#endif
	return kevent_file_watched(file);
}

/**
 * kevent_queue_make_top() - let a queue watch queues, for good
 * @kq: the queue, locked; drops and takes the mutex
 *
 * A chain of queues that watch each other has at most two: one that watches and
 * one that is watched. So there are no loops, and wake-ups do not nest deeper.
 * Who adds a watcher to a queue makes that visible, then looks at kq->top; here
 * it is the other way round, so one of two at least sees the other. See
 * kevent_nests().
 *
 * Return: 0, or -ELOOP when the queue is watched.
 */
int kevent_queue_make_top(struct kevent_queue *kq)
{
	int err = 0;

	lockdep_assert_held(&kq->mtx);
	if (!kq->top) {
		WRITE_ONCE(kq->top, true);
		/* Pairs with the one in __kevent_nests(). */
		smp_mb();
		if (kevent_is_watched(kq->file)) {
			WRITE_ONCE(kq->top, false);
			err = -ELOOP;
		}
	}
	kevent_queue_unlock(kq);
	kevent_queue_lock(kq);
	return err;
}

/**
 * __kevent_nests() - is this a queue that watches queues?
 * @file: any file, to which a watcher was added just now
 *
 * Return: true when it must not be watched.
 */
bool __kevent_nests(struct file *file)
{
	struct kevent_queue *kq = file->private_data;

	if (!kevent_is_queue(file))
		return false;
	/* The watcher is visible before top is read: see above. */
	smp_mb();
	return READ_ONCE(kq->top);
}

/**
 * kevent_queue_create() - a queue without a ring
 *
 * Return: the queue with one reference, or NULL.
 */
struct kevent_queue *kevent_queue_create(void)
{
	struct kevent_queue *kq;

	kq = kzalloc(sizeof(*kq), GFP_KERNEL_ACCOUNT);
	if (!kq || kevent_table_create(&kq->table)) {
		kfree(kq);
		return NULL;
	}
	init_waitqueue_head(&kq->wq);
	init_waitqueue_head(&kq->poll_wait);
	INIT_LIST_HEAD(&kq->ready);
	INIT_LIST_HEAD(&kq->check);
	INIT_LIST_HEAD(&kq->reap);
	mutex_init(&kq->mtx);
	kq->user = get_uid(current_user());
	refcount_set(&kq->ref, 1);
	return kq;
}

/**
 * kevent_queue_put() - drop a reference
 * @kq: the queue
 */
void kevent_queue_put(struct kevent_queue *kq)
{
	if (!refcount_dec_and_test(&kq->ref))
		return;
	kevent_uncharge_all(kq);
	kevent_map_destroy(kq);
	kevent_ring_destroy(kq);
	kevent_uncharge_locked(kq);
	kevent_file_free_spare(kq);
	kevent_table_destroy(&kq->table);
	free_uid(kq->user);
	mutex_destroy(&kq->mtx);
	kfree(kq);
}

/* Steps of the end of a queue before it drops the mutex. */
#define QUEUE_END_STEPS	(16 * KEVENT_STRIDE)

/* An interest that was closed; its last event is in the ring, or waits. */
static struct kevent *queue_first_orphan(struct kevent_queue *kq)
{
	struct kevent *kev;

	spin_lock_irq(&kq->wq.lock);
	kev = list_first_entry_or_null(&kq->reap, struct kevent, link) ?:
	      list_first_entry_or_null(&kq->ready, struct kevent, link);
	spin_unlock_irq(&kq->wq.lock);
	return kev;
}

/* After the close of the queue: free some interests. False: none is left. */
static bool queue_end_some(struct kevent_queue *kq)
{
	unsigned int left;
	struct kevent *kev;

	kevent_queue_lock(kq);
	for (left = QUEUE_END_STEPS; left; left--) {
		if (kq->end_chain == kq->table.nr_chains) {
			kev = queue_first_orphan(kq);
			if (!kev)
				break;
		} else {
			kev = kq->table.chains[kq->end_chain];
		}
		if (kev)
			kevent_remove(kev);
		else
			kq->end_chain++;
	}
	kevent_queue_unlock(kq);
	return !left;
}

static void queue_end_work(struct work_struct *work);

/* Free the rest of the interests, then drop the file's reference. */
static void queue_end(struct kevent_queue *kq)
{
	while (queue_end_some(kq)) {
		if (fatal_signal_pending(current)) {
			INIT_WORK(&kq->end_work, queue_end_work);
			queue_work(system_unbound_wq, &kq->end_work);
			return;
		}
		cond_resched();
	}
	kevent_queue_put(kq);
}

static void queue_end_work(struct work_struct *work)
{
	queue_end(container_of(work, struct kevent_queue, end_work));
}

/**
 * kevent_queue_release() - free all interests; the queue's file is closed
 * @kq: the queue; the file's reference is dropped
 *
 * If the closing process is killed meanwhile, a worker frees the rest.
 */
void kevent_queue_release(struct kevent_queue *kq)
{
	kevent_queue_lock(kq);
	kq->file = NULL;
	kevent_queue_unlock(kq);
	queue_end(kq);
}

/**
 * kevent_alloc() - an interest that is linked to nothing
 * @kq: the queue, locked; is charged
 * @source: its kind
 * @event: what the user gave
 *
 * Return: the interest or an ERR_PTR(): -ENOSPC at the user's limit, -ENOMEM.
 */
struct kevent *kevent_alloc(struct kevent_queue *kq,
			    const struct kevent_source *source,
			    const struct ukevent *event)
{
	struct kevent *kev;
	int err;

	err = kevent_charge(kq);
	if (err)
		return ERR_PTR(err);
	if (source->alloc)
		kev = source->alloc(kq);
	else
		kev = kzalloc(source->size, GFP_KERNEL_ACCOUNT);
	if (!kev) {
		kevent_uncharge(kq);
		return ERR_PTR(-ENOMEM);
	}
	kev->mask = 0;
	kev->state = KEV_IDLE;
	kev->flags = 0;
	INIT_LIST_HEAD(&kev->link);
	kev->event = *event;
	kev->event.ret_flags = KEVENT_RET_DONE;
	kev->event.ret_data[0] = 0;
	kev->event.ret_data[1] = 0;
	kev->pos = 0;
	kev->kq = kq;
	kev->source = source;
	kev->hashed = false;
	kev->closed = false;
	return kev;
}

/**
 * kevent_free() - free an interest that is linked to nothing
 * @kev: the interest; its queue is locked
 */
void kevent_free(struct kevent *kev)
{
	kevent_uncharge(kev->kq);
	if (kev->source->free)
		kev->source->free(kev);
	else
		kfree(kev);
}

/**
 * kevent_remove() - end an interest and free it; it tells nothing any more
 * @kev: the interest; its queue is locked
 *
 * Slots of it that nobody has taken from the mapped ring are marked.
 *
 * Return: false if it has ended by itself before; its last event stays valid.
 */
bool kevent_remove(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;
	bool alive;
	u64 pos = 0;

	lockdep_assert_held(&kq->mtx);
	if (kev->flags & KEV_ADDED)
		kev->source->remove(kev);
	kevent_erase(kev);
	spin_lock_irq(&kq->wq.lock);
	alive = !(kev->flags & (KEV_DEAD | KEV_ORPHAN));
	if (alive)
		pos = __kevent_map_forget(kev);
	kev->flags |= KEV_DEAD;
	__kevent_unlink(kev);
	spin_unlock_irq(&kq->wq.lock);
	kevent_map_mark(kq, pos);
	kevent_free(kev);
	return alive;
}

/**
 * kevent_close() - the descriptor was closed: end the interest, with an event
 * @kev: the interest; its queue is locked. Must not be looked at afterwards.
 */
void kevent_close(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;
	bool pollers = false;
	u64 pos = 0;

	lockdep_assert_held(&kq->mtx);
	kev->source->remove(kev);
	kevent_erase(kev);

	spin_lock_irq(&kq->wq.lock);
	kev->flags &= ~KEV_ADDED;
	if (!(kev->flags & KEV_DEAD)) {
		pos = __kevent_map_forget(kev);
		__kevent_unlink(kev);
		kev->flags = KEV_ORPHAN;
		kev->event.ret_flags = KEVENT_RET_DONE | KEVENT_RET_CLOSED;
		__kevent_force(kev, 0, 0);
		pollers = __kevent_wake(kq, 1);
	}
	spin_unlock_irq(&kq->wq.lock);

	kevent_map_mark(kq, pos);
	if (pollers)
		kevent_wake_pollers(kq, 0);
}

/**
 * kevent_reap() - free what has ended and was told
 * @kq: the queue, locked
 */
void kevent_reap(struct kevent_queue *kq)
{
	unsigned int nr = 0;
	struct kevent *kev;

	lockdep_assert_held(&kq->mtx);
	/* Grows in wake-ups, shrinks only here: no lock for a look. */
	while (!list_empty_careful(&kq->reap)) {
		spin_lock_irq(&kq->wq.lock);
		kev = list_first_entry(&kq->reap, struct kevent, link);
		spin_unlock_irq(&kq->wq.lock);
		kevent_remove(kev);
		if (!(++nr % KEVENT_STRIDE))
			cond_resched();
	}
}
