// SPDX-License-Identifier: GPL-2.0-only
/*
 * libkevent: taking events and waiting for them, whatever the kind of the queue.
 */

#include <errno.h>
#include <poll.h>

#include "internal.h"

/* The kernel's signal sets have a bit per signal, the libc's are longer. */
#define SIGSET_SIZE	((_NSIG - 1) / 8)

/* Longer than this is for ever, and no sum of two such is too large. */
#define FOREVER_SEC	1000000000

static struct __kernel_timespec to_kernel(const struct timespec *ts)
{
	return (struct __kernel_timespec){ .tv_sec = ts->tv_sec, .tv_nsec = ts->tv_nsec };
}

int kq_take(struct kq *kq, struct ukevent *evs, unsigned int max)
{
	static const struct __kernel_timespec now;

	if (!max || max > INT32_MAX)
		return -EINVAL;
	switch (kq->kind) {
	case KQ_MAP:
		return kq_map_take(kq, evs, max);
	case KQ_RING:
		return kq_ring_take(kq, evs, max);
	default:
		return kevent_get_events(kq->fd, 1, max, &now, evs, 0);
	}
}

static int wait_for(struct kq *kq, const struct __kernel_timespec *timeout, unsigned int min_nr,
		    unsigned int flags)
{
	return kq->kind == KQ_MAP ? kq_map_wait(kq, timeout, min_nr, flags) :
				    kq_ring_wait(kq, timeout, min_nr, flags);
}

/* poll() says that events are there and leaves them there. */
static int plain_wait(struct kq *kq, const struct kq_wait_options *opts)
{
	struct pollfd pfd = { .fd = kq->fd, .events = POLLIN };
	struct timespec left, *timeout = NULL;
	int saved = errno, ret;

	if (opts->min_nr > 1)
		return -EINVAL;
	if (opts->timeout) {
		left = *opts->timeout;
		timeout = &left;
	}
	if (timeout && opts->abstime) {
		struct timespec now;

		if (clock_gettime(opts->clockid, &now))
			goto err;
		left.tv_sec -= now.tv_sec;
		left.tv_nsec -= now.tv_nsec;
		if (left.tv_nsec < 0) {
			left.tv_nsec += 1000000000;
			left.tv_sec--;
		}
		if (left.tv_sec < 0)
			left = (struct timespec){};
	}
	ret = ppoll(&pfd, 1, timeout, opts->sigmask);
	if (ret >= 0)
		return ret;
err:
	ret = -errno;
	errno = saved;
	return ret;
}

int kq_wait(struct kq *kq, const struct kq_wait_options *opts)
{
	static const struct kq_wait_options none;
	struct kevent_args args = {};
	struct __kernel_timespec ts;
	unsigned int flags;

	if (!opts)
		opts = &none;
	if (kq->kind == KQ_PLAIN)
		return plain_wait(kq, opts);
	if (!opts->timeout && !opts->sigmask && opts->min_nr <= 1)
		return wait_for(kq, NULL, 1, 0);

	if (opts->timeout) {
		ts = to_kernel(opts->timeout);
		args.timeout = (uintptr_t)&ts;
	}
	if (opts->sigmask) {
		args.sigmask = (uintptr_t)opts->sigmask;
		args.sigsetsize = SIGSET_SIZE;
	}
	args.clockid = opts->clockid;
	args.min_nr = opts->min_nr;
	flags = KEVENT_FLAGS_ARGS | (opts->abstime ? KEVENT_FLAGS_ABSTIME : 0);
	/* With KEVENT_FLAGS_ARGS that is what the argument points to. */
	return wait_for(kq, (const void *)&args, opts->min_nr, flags);
}

static struct timespec deadline_of(const struct timespec *timeout)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += timeout->tv_sec < FOREVER_SEC ? timeout->tv_sec : FOREVER_SEC;
	ts.tv_nsec += timeout->tv_nsec;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	return ts;
}

static bool is_valid(const struct timespec *ts)
{
	return ts->tv_sec >= 0 && ts->tv_nsec >= 0 && ts->tv_nsec < 1000000000;
}

/* There was nothing: wait, and take what comes. */
static __attribute__((noinline)) int get_slow(struct kq *kq, struct ukevent *evs,
					      unsigned int max, const struct timespec *timeout)
{
	struct kq_wait_options opts = { .timeout = timeout };
	struct timespec deadline;
	int ret;

	if (timeout && (timeout->tv_sec || timeout->tv_nsec)) {
		/* A point in time: others may take what this call was woken for. */
		deadline = deadline_of(timeout);
		opts.timeout = &deadline;
		opts.abstime = 1;
		opts.clockid = CLOCK_MONOTONIC;
	}
	do {
		ret = kq_wait(kq, &opts);
		if (ret <= 0)
			return ret;
		ret = kq_take(kq, evs, max);
	} while (!ret);
	return ret;
}

int kq_get(struct kq *kq, struct ukevent *evs, unsigned int max, const struct timespec *timeout)
{
	struct __kernel_timespec ts;
	int ret;

	if (!max || max > INT32_MAX || (timeout && !is_valid(timeout)))
		return -EINVAL;
	if (kq->kind == KQ_PLAIN) {
		if (timeout)
			ts = to_kernel(timeout);
		return kevent_get_events(kq->fd, 1, max, timeout ? &ts : NULL, evs, 0);
	}
	ret = kq_take(kq, evs, max);
	return ret ? ret : get_slow(kq, evs, max, timeout);
}

int kq_for_each(struct kq *kq, int (*fn)(struct kq *kq, const struct ukevent *ev, void *arg),
		void *arg)
{
	struct ukevent ev;
	int ret;

	do {
		ret = kq_take(kq, &ev, 1);
		if (ret > 0)
			ret = fn(kq, &ev, arg);
		else
			return ret;
	} while (!ret);
	return ret;
}

int kq_commit(struct kq *kq)
{
	switch (kq->kind) {
	case KQ_MAP:
		return kq_map_commit(kq);
	case KQ_RING:
		return kq_ring_commit(kq);
	default:
		return 0;
	}
}

uint64_t kq_overflow(const struct kq *kq)
{
	return kq->map ? __atomic_load_n(&kq->map->overflow, __ATOMIC_RELAXED) : 0;
}
