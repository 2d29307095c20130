/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that wait for events, and how often each of them was woken.
 *
 * Nothing here sleeps to let something happen: a wake-up is over when write()
 * returns, so settle() has the final state once each thread has either ended or
 * sleeps in its call again. How often it went to sleep is what the kernel counts
 * as its voluntary switches; one that was not woken has no more of them.
 */
#ifndef KEVENT_WAITER_H
#define KEVENT_WAITER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kevent_test.h"

#define MAX_GOT		64

enum wait_how {
	WAIT_GET,		/* kevent_get_events() */
	WAIT_MAP,		/* kevent_wait(), mapped ring */
	WAIT_RING,		/* kevent_wait(), own ring */
	WAIT_EPOLL,		/* epoll_wait() */
	WAIT_POLL,		/* poll() */
};

/*
 * struct waiter - a thread that waits
 * @how: in which call
 * @fd: what for: a queue or an epoll
 * @map: WAIT_MAP: the queue's ring
 * @max: events that it takes at once
 * @min: WAIT_GET: events that it waits for
 * @buf: WAIT_GET, WAIT_EPOLL: where events go, if not to memory of its own
 * @rounds: calls that bring something before it ends
 * @drain: read what the event is about until there is no more
 * @accept: the same of connections to a listening socket
 * @rearm: then add the interest again
 * @again: go on after a signal
 * @stop: but not any more
 * @order: counter that all threads share: who came when
 * @nr: number of @got
 * @got: the events; of others than kevent only the descriptor
 * @calls: calls that brought something
 * @turn: value of @order at the last of those
 * @bytes: read by @drain
 * @connections: taken by @accept
 */
struct waiter {
	enum wait_how	how;
	int		fd;
	struct map	*map;
	int		max;
	int		min;
	struct ukevent	*buf;
	int		rounds;
	int		drain;
	int		accept;
	int		rearm;
	int		again;
	volatile int	stop;
	int		*order;
	struct ukevent	got[MAX_GOT];
	int		nr;
	int		calls;
	int		turn;
	long		bytes;
	int		connections;
	/* private: its own business */
	int		err;
	pthread_t	thread;
	pid_t		tid;
	int		sysnr;
	int		syscall_fd;
	int		status_fd;
	volatile int	done;
	long		base;
};

static inline void waiter_signal(int sig)
{
}

static inline int waiter_sysnr(enum wait_how how)
{
	switch (how) {
	case WAIT_GET:
		return __NR_kevent_get_events;
	case WAIT_MAP:
	case WAIT_RING:
		return __NR_kevent_wait;
	case WAIT_EPOLL:
		return SYS_epoll_pwait;
	case WAIT_POLL:
		return SYS_ppoll;
	}
	return -1;
}

/* One call; how many events, or -errno. */
static inline int waiter_call(struct waiter *w, struct ukevent *ev)
{
	struct pollfd pfd = { .fd = w->fd, .events = POLLIN };
	struct epoll_event ep[MAX_GOT];
	int i, nr = 0;

	switch (w->how) {
	case WAIT_GET:
		nr = kevent_get_events(w->fd, w->min, w->max, NULL,
				       w->buf ? w->buf : ev, 0);
		break;
	case WAIT_MAP:
		while (nr < w->max && map_take(w->map, &ev[nr]))
			nr++;
		if (nr)
			return nr;
		if (kevent_wait(w->fd, 0, w->map->tail->uidx, NULL, 0) < 0)
			return -errno;
		/* Woken, and then somebody else may be faster. */
		while (nr < w->max && map_take(w->map, &ev[nr]))
			nr++;
		return nr ? nr : -EAGAIN;
	case WAIT_RING:
		nr = kevent_wait(w->fd, w->max, 0, NULL, 0);
		break;
	case WAIT_EPOLL:
		nr = syscall(SYS_epoll_pwait, w->fd,
			     w->buf ? (void *)w->buf : ep, w->max, -1, NULL, 8);
		for (i = 0; i < nr && !w->buf; i++)
			ev[i].id.raw[0] = ep[i].data.fd;
		break;
	case WAIT_POLL:
		nr = syscall(SYS_ppoll, &pfd, 1, NULL, NULL, 8);
		ev[0].id.raw[0] = w->fd;
		break;
	}
	return nr < 0 ? -errno : nr;
}

static inline void *waiter_run(void *arg)
{
	struct waiter *w = arg;
	struct ukevent ev[MAX_GOT];
	char buf[64];
	int i, nr;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
	while (w->calls < w->rounds) {
		memset(ev, 0, sizeof(ev));
		nr = waiter_call(w, ev);
		if (nr == -EAGAIN || (nr == -EINTR && w->again && !w->stop))
			continue;
		if (nr <= 0) {
			w->err = nr;
			break;
		}
		if (w->order)
			w->turn = __atomic_add_fetch(w->order, 1,
						     __ATOMIC_SEQ_CST);
		for (i = 0; i < nr && w->how != WAIT_RING; i++) {
			ssize_t len;

			if (w->nr < MAX_GOT)
				w->got[w->nr] = ev[i];
			w->nr++;
			while (w->drain && (len = read(ev[i].id.raw[0], buf,
						       sizeof(buf))) > 0)
				w->bytes += len;
			while (w->accept && (len = accept(ev[i].id.raw[0], NULL,
							  NULL)) >= 0) {
				w->connections++;
				close(len);
			}
			if (w->rearm)
				add(w->fd, ev[i]);
		}
		if (w->how == WAIT_RING)
			w->nr += nr;
		w->calls++;
	}
	__atomic_store_n(&w->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* The state is S: neither to run, nor on its way there, nor behind a lock. */
static inline int waiter_status(struct waiter *w, long *switches)
{
	static const char key[] = "\nvoluntary_ctxt_switches:";
	char text[4096], *at;
	int len = pread(w->status_fd, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return 0;
	text[len] = 0;
	at = strstr(text, key);
	*switches = at ? atol(at + sizeof(key) - 1) : -1;
	return !!strstr(text, "\nState:\tS");
}

/* In its call, where it does not run: asleep, or behind a lock. */
static inline int waiter_in_call(struct waiter *w)
{
	char text[64];
	int len = pread(w->syscall_fd, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return 0;
	text[len] = 0;
	return text[0] >= '0' && text[0] <= '9' && atoi(text) == w->sysnr;
}

/* Asleep in its call? */
static inline int waiter_sleeps(struct waiter *w)
{
	long switches;

	/* In this order: a thread that is being woken is in its call, too. */
	return waiter_in_call(w) && waiter_status(w, &switches);
}

static inline long waiter_switches(struct waiter *w)
{
	long switches = -1;

	waiter_status(w, &switches);
	return switches;
}

/* Until all have ended or sleep. */
static inline void settle(struct waiter *w, int nr)
{
	long before = -1, sum;
	int i;

	for (;;) {
		sum = 0;
		for (i = 0; i < nr; i++) {
			while (!w[i].done && !waiter_sleeps(&w[i]))
				sched_yield();
			if (!w[i].done)
				sum += waiter_switches(&w[i]);
		}
		/* Nobody woke another while the others were looked at. */
		if (sum == before)
			return;
		before = sum;
	}
}

/* Times that it was woken since it was started, or since waiter_mark(). */
static inline long waiter_wakes(struct waiter *w)
{
	return w->done ? 1 : waiter_switches(w) - w->base;
}

static inline void waiter_mark(struct waiter *w)
{
	w->base = waiter_switches(w);
}

/* Start it, and leave open what it does. */
static inline int waiter_launch(struct waiter *w)
{
	struct sigaction act = { .sa_handler = waiter_signal };
	char path[64];

	w->sysnr = waiter_sysnr(w->how);
	w->max = w->max ? w->max : 1;
	w->min = w->min ? w->min : 1;
	w->rounds = w->rounds ? w->rounds : 1;
	sigaction(SIGUSR1, &act, NULL);
	if (pthread_create(&w->thread, NULL, waiter_run, w))
		return -1;
	while (!__atomic_load_n(&w->tid, __ATOMIC_SEQ_CST))
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", w->tid);
	w->syscall_fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", w->tid);
	w->status_fd = open(path, O_RDONLY | O_CLOEXEC);
	return 0;
}

/* Start it, and let it fall asleep: so who is first in line is known. */
static inline int waiter_start(struct waiter *w)
{
	if (waiter_launch(w))
		return -1;
	settle(w, 1);
	if (!w->done)
		waiter_mark(w);
	return 0;
}

/* End those that still wait. */
static inline void waiters_end(struct waiter *w, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		w[i].stop = 1;
	settle(w, nr);
	for (i = 0; i < nr; i++) {
		if (!w[i].done)
			pthread_kill(w[i].thread, SIGUSR1);
		pthread_join(w[i].thread, NULL);
		close(w[i].syscall_fd);
		close(w[i].status_fd);
	}
}

static inline int waiters_calls(struct waiter *w, int nr)
{
	int i, sum = 0;

	for (i = 0; i < nr; i++)
		sum += w[i].calls;
	return sum;
}

static inline int waiters_events(struct waiter *w, int nr)
{
	int i, sum = 0;

	for (i = 0; i < nr; i++)
		sum += w[i].nr;
	return sum;
}

static inline long waiters_bytes(struct waiter *w, int nr)
{
	long sum = 0;
	int i;

	for (i = 0; i < nr; i++)
		sum += w[i].bytes;
	return sum;
}

#endif /* KEVENT_WAITER_H */
