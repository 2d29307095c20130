// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: timers.
 *
 * The id is an interval, from when it is added and then again and again, or
 * once with KEVENT_REQ_ONESHOT; or a point in time, with KEVENT_REQ_ABSTIME.
 * Missed expirations are counted, not repeated.
 *
 * An interval shorter than a tick could keep a CPU busy with expirations that
 * nobody looks at: while one is not taken, the timer expires once a tick and
 * counts.
 */

#include <linux/hrtimer.h>
#include <linux/time_namespace.h>

#include "kevent.h"

/**
 * struct kevent_timer - interest in time
 * @kev: the interest
 * @timer: the timer
 * @interval: between expirations; 0 for one only
 * @untold: expirations that are told with the next one
 */
struct kevent_timer {
	struct kevent	kev;
	struct hrtimer	timer;
	ktime_t		interval;
	u32		untold;
};

static struct kevent_timer *to_kevent_timer(struct kevent *kev)
{
	return container_of(kev, struct kevent_timer, kev);
}

static enum hrtimer_restart timer_expire(struct hrtimer *timer)
{
	struct kevent_timer *kt = container_of(timer, struct kevent_timer,
					       timer);
	struct kevent *kev = &kt->kev;
	struct kevent_queue *kq = kev->kq;
	bool pollers = false, told;
	ktime_t now = hrtimer_cb_get_time(timer);
	unsigned long flags;
	u64 nr = 1;

	spin_lock_irqsave(&kq->wq.lock, flags);
	told = kev->state == KEV_READY ||
	       (kq->map && kevent_map_untaken(kev));
	if (kt->interval) {
		if (kt->interval < TICK_NSEC && told)
			now = ktime_add(now, TICK_NSEC);
		nr = hrtimer_forward(timer, now, kt->interval);
	}
	nr = min_t(u64, nr + kt->untold, U32_MAX);
	kt->untold = 0;
	if (kt->interval && kt->interval < TICK_NSEC && told &&
	    kev->state != KEV_READY)
		kt->untold = nr;
	else if (__kevent_tell(kev, ktime_to_ms(ktime_get()), nr))
		pollers = __kevent_wake(kq, 1);
	spin_unlock_irqrestore(&kq->wq.lock, flags);

	if (pollers)
		kevent_wake_pollers(kq, 0);
	return kt->interval ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static int timer_check(const struct ukevent *event)
{
	u32 flags = event->req_flags;

	if (flags & KEVENT_REQ_REALTIME && flags & KEVENT_REQ_BOOTTIME)
		return -EINVAL;
	if (flags & KEVENT_REQ_ABSTIME && !(flags & KEVENT_REQ_ONESHOT))
		return -EINVAL;
	if (event->id.raw[1] >= NSEC_PER_SEC)
		return -EINVAL;
	/* Every nothing at all: no. */
	if (!event->id.raw_u64 && !(flags & KEVENT_REQ_ONESHOT))
		return -EINVAL;
	return 0;
}

static clockid_t timer_clock(u32 req_flags)
{
	if (req_flags & KEVENT_REQ_REALTIME)
		return CLOCK_REALTIME;
	if (req_flags & KEVENT_REQ_BOOTTIME)
		return CLOCK_BOOTTIME;
	return CLOCK_MONOTONIC;
}

static void timer_start(struct kevent_timer *kt, const struct ukevent *event)
{
	bool abs = event->req_flags & KEVENT_REQ_ABSTIME;
	ktime_t time = ktime_set(event->id.raw[0], event->id.raw[1]);

	kt->interval = event->req_flags & KEVENT_REQ_ONESHOT ? 0 : time;
	if (abs)
		time = timens_ktime_to_host(timer_clock(event->req_flags),
					    time);
	hrtimer_start(&kt->timer, time,
		      abs ? HRTIMER_MODE_ABS : HRTIMER_MODE_REL);
}

static int timer_add(struct kevent *kev)
{
	struct kevent_timer *kt = to_kevent_timer(kev);
	u32 flags = kev->event.req_flags;
	int err;

	err = timer_check(&kev->event);
	if (err)
		return err;
	hrtimer_init(&kt->timer, timer_clock(flags),
		     flags & KEVENT_REQ_ABSTIME ? HRTIMER_MODE_ABS :
						  HRTIMER_MODE_REL);
	kt->timer.function = timer_expire;
	timer_start(kt, &kev->event);
	return 0;
}

static void timer_remove(struct kevent *kev)
{
	hrtimer_cancel(&to_kevent_timer(kev)->timer);
}

/* Begin anew. Its clock, and what its id means, are as they were. */
static int timer_modify(struct kevent *kev, const struct ukevent *event)
{
	struct kevent_timer *kt = to_kevent_timer(kev);
	int err;

	if ((event->req_flags ^ kev->event.req_flags) &
	    (KEVENT_REQ_ABSTIME | KEVENT_REQ_REALTIME | KEVENT_REQ_BOOTTIME))
		return -EINVAL;
	err = timer_check(event);
	if (err)
		return err;
	hrtimer_cancel(&kt->timer);
	/* It ended meanwhile: let it rest. */
	if (READ_ONCE(kev->state) != KEV_REAP)
		timer_start(kt, event);
	return 0;
}

static const struct kevent_source timer_source = {
	.type		= KEVENT_TIMER,
	.events		= KEVENT_TIMER_FIRED,
	.req_flags	= KEVENT_REQ_ABSTIME | KEVENT_REQ_REALTIME |
			  KEVENT_REQ_BOOTTIME,
	.size		= sizeof(struct kevent_timer),
	.merge		= { KEVENT_MERGE_SET, KEVENT_MERGE_ADD },
	.add		= timer_add,
	.remove		= timer_remove,
	.modify		= timer_modify,
};

static int __init kevent_timer_init(void)
{
	kevent_source_register(&timer_source);
	return 0;
}
fs_initcall(kevent_timer_init);
