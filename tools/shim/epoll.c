// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent-epoll: the calls of epoll, on kevent. To be preloaded, for tests only.
 *
 * An epoll descriptor is one of a kevent queue, so it can be polled, inherited,
 * duplicated and watched like one; only the kernel knows what is in it. A
 * descriptor that is none of a queue goes to epoll.
 *
 * What differs from epoll is in kevent-epoll(7).
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <libkevent.h>

#include "shim.h"

#define EXPORT	__attribute__((visibility("default")))

/* Events that one call hands over: epoll_wait() may return fewer than it could. */
#define BATCH	256

/* Bits of epoll_event.events that are states; the others say how to look. */
#define STATES	(EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | EPOLLRDBAND | \
		 EPOLLWRNORM | EPOLLWRBAND | EPOLLMSG | EPOLLRDHUP)

#define EXCLUSIVE_OK	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | \
			 EPOLLEXCLUSIVE)

/* The kernel's signal sets have a bit per signal, the libc's are longer. */
#define SIGSET_SIZE	((_NSIG - 1) / 8)

static int fail(int err)
{
	errno = err;
	return -1;
}

/* === Creation === */

EXPORT int epoll_create1(int flags)
{
	int fd;

	if (flags & ~EPOLL_CLOEXEC)
		return fail(EINVAL);
	fd = kevent_init(NULL, 0, flags & EPOLL_CLOEXEC ? KEVENT_INIT_CLOEXEC : 0);
	if (fd < 0)
		return fail(-fd);
	oneshot_forget_all(fd);
	return fd;
}

EXPORT int epoll_create(int size)
{
	return size > 0 ? epoll_create1(0) : fail(EINVAL);
}

/* === Interests === */

static struct ukevent interest(int fd, const struct epoll_event *event)
{
	uint32_t how = KEVENT_REQ_ALWAYS_QUEUE;

	if (!event)
		return kq_interest(KEVENT_POLL, fd, 0, 0, 0);
	if (event->events & EPOLLET)
		how |= KEVENT_REQ_ET;
	if (event->events & EPOLLONESHOT)
		how |= KEVENT_REQ_ONESHOT;
	/* What epoll calls exclusive is the rule here. */
	if (!(event->events & EPOLLEXCLUSIVE))
		how |= KEVENT_REQ_WAKEUP_ALL;
	return kq_interest(KEVENT_POLL, fd, event->events & STATES, how, event->data.u64);
}

/* Positive: that is no queue. */
#define NO_QUEUE	1

static int change(int epfd, unsigned int cmd, struct ukevent ev)
{
	int ret = kevent_ctl(epfd, cmd, 1, &ev);

	if (ret == -EINVAL || ret == -EBADF)
		return NO_QUEUE;
	if (ret < 0)
		return ret;
	ret = kq_error(&ev);
	/* Which of the two only the descriptor tells. */
	if (ret == -ENOENT && fcntl(ev.id.raw[0], F_GETFD) < 0)
		return -EBADF;
	return ret;
}

/*
 * That there is one of one shot is known before it can fire: whoever gets the
 * event may modify it at once.
 */
static int change_and_note(int epfd, unsigned int cmd, int fd, const struct epoll_event *event)
{
	bool was = oneshot_has(epfd, fd);
	int err;

	if (event->events & EPOLLONESHOT)
		oneshot_add(epfd, fd);
	err = change(epfd, cmd, interest(fd, event));
	if (err ? !was : !(event->events & EPOLLONESHOT))
		oneshot_forget(epfd, fd);
	return err;
}

static int modify(int epfd, int fd, const struct epoll_event *event)
{
	int err;

	err = change_and_note(epfd, KEVENT_CTL_MODIFY, fd, event);
	if (err == -ENOENT && oneshot_has(epfd, fd))
		err = change_and_note(epfd, KEVENT_CTL_ADD, fd, event);
	return err;
}

static int delete(int epfd, int fd)
{
	int err = change(epfd, KEVENT_CTL_REMOVE, interest(fd, NULL));

	if (err == -ENOENT && oneshot_has(epfd, fd))
		err = 0;
	oneshot_forget(epfd, fd);
	return err;
}

/* Does epoll take bits together? */
static bool is_sound(int op, const struct epoll_event *event)
{
	if (!(event->events & EPOLLEXCLUSIVE))
		return true;
	return op == EPOLL_CTL_ADD && !(event->events & ~EXCLUSIVE_OK);
}

EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int err;

	if (op != EPOLL_CTL_DEL && !event)
		return fail(EFAULT);
	if (fd < 0)
		return fail(EBADF);
	if (fd == epfd || (event && op != EPOLL_CTL_DEL && !is_sound(op, event)))
		return fail(EINVAL);
	switch (op) {
	case EPOLL_CTL_ADD:
		err = change_and_note(epfd, KEVENT_CTL_ADD, fd, event);
		break;
	case EPOLL_CTL_MOD:
		err = modify(epfd, fd, event);
		break;
	case EPOLL_CTL_DEL:
		err = delete(epfd, fd);
		break;
	default:
		return fail(EINVAL);
	}
	if (err == NO_QUEUE)
		return syscall(SYS_epoll_ctl, epfd, op, fd, event);
	return err ? fail(-err) : 0;
}

/* === Waiting === */

/* Descriptors that were closed are no events of epoll. Return: how many are left. */
static int convert(const struct ukevent *evs, int nr, struct epoll_event *events)
{
	int i, told = 0;

	for (i = 0; i < nr; i++) {
		if (evs[i].ret_flags & KEVENT_RET_CLOSED)
			continue;
		events[told].events = evs[i].ret_data[0];
		events[told++].data.u64 = evs[i].cookie;
	}
	return told;
}

static void add_time(struct __kernel_timespec *sum, const struct timespec *ts)
{
	sum->tv_nsec += ts->tv_nsec;
	if (sum->tv_nsec >= 1000000000) {
		sum->tv_nsec -= 1000000000;
		sum->tv_sec++;
	}
	/* For ever is no longer than that. */
	sum->tv_sec += ts->tv_sec < INT_MAX ? ts->tv_sec : INT_MAX;
}

EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
			const struct timespec *timeout, const sigset_t *sigmask)
{
	unsigned int max = maxevents < BATCH ? maxevents : BATCH;
	struct kevent_args args = { .clockid = CLOCK_MONOTONIC };
	unsigned int flags = KEVENT_FLAGS_ARGS;
	struct __kernel_timespec when = {};
	struct ukevent evs[BATCH];
	struct timespec now;
	int nr, told;

	if (maxevents <= 0 || (timeout && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
					   timeout->tv_nsec >= 1000000000)))
		return fail(EINVAL);
	if (timeout) {
		args.timeout = (uintptr_t)&when;
		/* A point in time, as there may be several calls; the past is one, too. */
		if (timeout->tv_sec || timeout->tv_nsec) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			when.tv_sec = now.tv_sec;
			when.tv_nsec = now.tv_nsec;
			add_time(&when, timeout);
			flags |= KEVENT_FLAGS_ABSTIME;
		}
	}
	if (sigmask) {
		args.sigmask = (uintptr_t)sigmask;
		args.sigsetsize = SIGSET_SIZE;
	}
	do {
		nr = kevent_get_events(epfd, 1, max, (const void *)&args, evs, flags);
		if (nr == -EINVAL)
			return syscall(SYS_epoll_pwait2, epfd, events, maxevents, timeout,
				       sigmask, SIGSET_SIZE);
		if (nr <= 0)
			return nr ? fail(-nr) : 0;
		told = convert(evs, nr, events);
	} while (!told);
	return told;
}

EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int maxevents, int timeout,
		       const sigset_t *sigmask)
{
	struct timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };

	return epoll_pwait2(epfd, events, maxevents, timeout < 0 ? NULL : &ts, sigmask);
}

EXPORT int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	return epoll_pwait(epfd, events, maxevents, timeout, NULL);
}
