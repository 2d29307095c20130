// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: epoll. Connections are edge-triggered; the listener is
 * level-triggered and, of several workers, wakes one.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "engine.h"

#define BATCH	1024

struct epoll {
	struct engine		engine;
	int			fd;
	struct epoll_event	events[BATCH];
};

static struct epoll *to_epoll(struct engine *engine)
{
	return (struct epoll *)engine;
}

static int epoll_open(struct engine **engine)
{
	struct epoll *ep = calloc(1, sizeof(*ep));

	if (!ep)
		return -ENOMEM;
	ep->fd = epoll_create1(EPOLL_CLOEXEC);
	if (ep->fd < 0) {
		free(ep);
		return -errno;
	}
	*engine = &ep->engine;
	return 0;
}

static void epoll_close(struct engine *engine)
{
	close(to_epoll(engine)->fd);
	free(engine);
}

static int control(struct engine *engine, int op, int fd, uint32_t what, uint64_t cookie)
{
	struct epoll_event ev = { .events = what, .data.u64 = cookie };

	engine->nr_changes++;
	return epoll_ctl(to_epoll(engine)->fd, op, fd, &ev) ? -errno : 0;
}

static int epoll_add(struct engine *engine, enum kind kind, int fd, uint64_t cookie)
{
	static const uint32_t how[] = {
		[KIND_LISTENER]	= EPOLLIN | EPOLLEXCLUSIVE,
		[KIND_STREAM]	= EPOLLIN | EPOLLRDHUP | EPOLLET,
		[KIND_OTHER]	= EPOLLIN,
	};

	return control(engine, EPOLL_CTL_ADD, fd, how[kind], cookie);
}

static int epoll_want(struct engine *engine, enum kind kind, int fd, uint64_t cookie,
		      unsigned int what)
{
	/* What is exclusive cannot be modified. */
	if (kind == KIND_LISTENER)
		return what ? epoll_add(engine, kind, fd, cookie) :
			      control(engine, EPOLL_CTL_DEL, fd, 0, 0);
	return control(engine, EPOLL_CTL_MOD, fd, EPOLLET |
		       (what & EV_IN ? EPOLLIN | EPOLLRDHUP : 0) |
		       (what & EV_OUT ? EPOLLOUT : 0), cookie);
}

/* close() does it. */
static void epoll_forget(struct engine *engine, int fd, uint64_t cookie)
{
	(void)engine;
	(void)fd;
	(void)cookie;
}

static int wait_for_events(struct engine *engine, struct event *events, unsigned int max,
			   int timeout)
{
	struct epoll *ep = to_epoll(engine);
	int i, nr;

	engine->nr_waits++;
	nr = epoll_wait(ep->fd, ep->events, max < BATCH ? max : BATCH, timeout);
	if (nr < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < nr; i++) {
		events[i].cookie = ep->events[i].data.u64;
		events[i].what = what_of(ep->events[i].events);
		events[i].count = COUNT_UNKNOWN;
	}
	return nr;
}

const struct engine_ops engine_epoll = {
	.name	= "epoll",
	.open	= epoll_open,
	.close	= epoll_close,
	.add	= epoll_add,
	.want	= epoll_want,
	.forget	= epoll_forget,
	.wait	= wait_for_events,
};
