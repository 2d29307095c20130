// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent_bench: epoll.
 */

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

static int fd_of(const struct engine *e)
{
	return (intptr_t)e->priv;
}

static int epoll_open(struct engine *e)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	e->priv = (void *)(intptr_t)fd;
	return fd < 0 ? -errno : 0;
}

static int change(struct engine *e, int op, const int *fds, uint32_t first, unsigned int nr)
{
	struct epoll_event ev = { .events = EPOLLIN | (e->opts->edge ? EPOLLET : 0) };
	unsigned int i;

	for (i = 0; i < nr; i++) {
		ev.data.u32 = first + i;
		if (epoll_ctl(fd_of(e), op, fds[i], &ev))
			return -errno;
	}
	return 0;
}

static int epoll_add(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	return change(e, EPOLL_CTL_ADD, fds, first, nr);
}

static int epoll_modify(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	return change(e, EPOLL_CTL_MOD, fds, first, nr);
}

static int epoll_remove(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	return change(e, EPOLL_CTL_DEL, fds, first, nr);
}

static int epoll_take(struct engine *e, uint32_t *ready, unsigned int max)
{
	struct epoll_event evs[BATCH];
	int i, n;

	n = epoll_wait(fd_of(e), evs, max, -1);
	for (i = 0; i < n; i++)
		ready[i] = evs[i].data.u32;
	return n < 0 ? -errno : n;
}

static void epoll_close(struct engine *e)
{
	close(fd_of(e));
}

const struct engine_ops engine_epoll = {
	.name = "epoll", .open = epoll_open, .add = epoll_add, .modify = epoll_modify,
	.remove = epoll_remove, .wait = epoll_take, .close = epoll_close,
};
