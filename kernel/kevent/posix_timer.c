// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: POSIX timers that were created with SIGEV_KEVENT.
 *
 * The timer and the queue each have a reference to the interest: whoever goes
 * first leaves the other something to look at. kevent_ctl() cannot name these
 * interests; timer_delete() ends them, as does the close of the queue, after
 * which the timer expires for nobody.
 */

#include <linux/file.h>
#include <linux/posix-timers.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "kevent.h"

/**
 * struct kevent_posix_timer - interest in a POSIX timer
 * @kev: the interest
 * @ref: of the timer and of the queue
 * @overrun: timer->it_overrun when it was told last
 */
struct kevent_posix_timer {
	struct kevent	kev;
	refcount_t	ref;
	s64		overrun;
};

static void posix_timer_put(struct kevent *kev)
{
	struct kevent_posix_timer *kpt;

	kpt = container_of(kev, struct kevent_posix_timer, kev);
	if (refcount_dec_and_test(&kpt->ref))
		kfree(kpt);
}

static const struct kevent_source posix_timer_source = {
	.type		= KEVENT_POSIX_TIMER,
	.events		= KEVENT_TIMER_FIRED,
	.size		= sizeof(struct kevent_posix_timer),
	.merge		= { KEVENT_MERGE_ADD, KEVENT_MERGE_ADD },
	.internal	= true,
	.free		= posix_timer_put,
};

/**
 * kevent_posix_timer_attach() - send a timer's expirations to a queue
 * @timer: a timer that is being created
 * @event: what the user said; names the queue and the cookie
 *
 * Return: 0 or an errno.
 */
int kevent_posix_timer_attach(struct k_itimer *timer, struct sigevent *event)
{
	CLASS(fd, f)(event->sigev_notify_thread_id);
	struct ukevent ukev = {
		.type	= KEVENT_POSIX_TIMER,
		.event	= KEVENT_TIMER_FIRED,
	};
	struct kevent_posix_timer *kpt;
	struct kevent_queue *kq;
	struct kevent *kev;

	if (fd_empty(f))
		return -EBADF;
	if (!kevent_is_queue(fd_file(f)))
		return -EINVAL;
	kq = fd_file(f)->private_data;
	ukev.id.raw[0] = timer->it_id;
	ukev.cookie = (unsigned long)event->sigev_value.sival_ptr;

	kevent_queue_lock(kq);
	kev = kevent_alloc(kq, &posix_timer_source, &ukev);
	if (!IS_ERR(kev)) {
		kpt = container_of(kev, struct kevent_posix_timer, kev);
		refcount_set(&kpt->ref, 2);
		/* The first expiration makes it -1. */
		kpt->overrun = -2;
		kevent_queue_get(kq);
		kevent_insert(kev);
		timer->it_kevent = kpt;
	}
	kevent_queue_unlock(kq);
	return PTR_ERR_OR_ZERO(kev);
}

/**
 * kevent_posix_timer_fire() - the timer expired
 * @timer: the timer; its lock is held
 *
 * Return: 1, so that the timer goes on by itself: no signal delivery will see
 * to it.
 */
int kevent_posix_timer_fire(struct k_itimer *timer)
{
	struct kevent_posix_timer *kpt = timer->it_kevent;
	struct kevent *kev = &kpt->kev;
	struct kevent_queue *kq = kev->kq;
	bool pollers = false;
	unsigned long flags;
	u32 nr;

	/* What was missed since, and this one. */
	nr = clamp_t(s64, timer->it_overrun - kpt->overrun, 1, U32_MAX);
	kpt->overrun = timer->it_overrun;

	spin_lock_irqsave(&kq->wq.lock, flags);
	if (__kevent_tell(kev, kev->state == KEV_READY ? nr : nr - 1, nr))
		pollers = __kevent_wake(kq, 1);
	spin_unlock_irqrestore(&kq->wq.lock, flags);
	if (pollers)
		kevent_wake_pollers(kq, 0);
	return 1;
}

/**
 * kevent_posix_timer_detach() - the timer is deleted
 * @timer: a timer that does not run any more, with SIGEV_KEVENT or without
 */
void kevent_posix_timer_detach(struct k_itimer *timer)
{
	struct kevent_posix_timer *kpt = timer->it_kevent;
	struct kevent_queue *kq;

	if (!kpt)
		return;
	kq = kpt->kev.kq;
	kevent_queue_lock(kq);
	if (kpt->kev.hashed)
		kevent_remove(&kpt->kev);
	kevent_queue_unlock(kq);
	posix_timer_put(&kpt->kev);
	kevent_queue_put(kq);
}

static int __init kevent_posix_timer_init(void)
{
	kevent_source_register(&posix_timer_source);
	return 0;
}
fs_initcall(kevent_posix_timer_init);
