// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: queues in epoll, epolls in queues, queues in queues, and no loops.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "../kselftest_harness.h"
#include "kevent_test.h"

FIXTURE(nest)
{
	int a, b, ep;
	int p[2];
};

FIXTURE_SETUP(nest)
{
	self->a = kevent_init(NULL, 0, 0);
	self->b = kevent_init(NULL, 0, 0);
	self->ep = epoll_create1(0);
	ASSERT_GE(self->a, 0);
	ASSERT_GE(self->b, 0);
	ASSERT_GE(self->ep, 0);
	ASSERT_EQ(pipe2(self->p, O_NONBLOCK), 0);
}

FIXTURE_TEARDOWN(nest)
{
	close(self->a);
	close(self->b);
	close(self->ep);
	close(self->p[0]);
	close(self->p[1]);
}

static int watch(int kq, int fd)
{
	return add_fd(kq, KEVENT_POLL, fd, KEVENT_POLL_POLLIN, 0);
}

static int epoll_watch(int ep, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/*
 *	 ep
 *	 | lt
 *	 kq
 *	 | lt
 *	pipe
 */
TEST_F(nest, epoll_watches_a_queue)
{
	struct epoll_event e;
	struct ukevent ev;
	char c;

	ASSERT_EQ(watch(self->a, self->p[0]), 0);
	ASSERT_EQ(epoll_watch(self->ep, self->a), 0);
	EXPECT_EQ(epoll_wait(self->ep, &e, 1, 0), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(epoll_wait(self->ep, &e, 1, LONG_MS), 1);
	EXPECT_EQ(get(self->a, &ev, 1, 0), 1);
	EXPECT_EQ(epoll_wait(self->ep, &e, 1, 0), 1);
	ASSERT_EQ(read(self->p[0], &c, 1), 1);
	EXPECT_EQ(epoll_wait(self->ep, &e, 1, 0), 0);
}

/*
 *	 kq
 *	 | lt
 *	 ep
 *	 | lt
 *	 kq
 *	 | lt
 *	pipe
 */
TEST_F(nest, a_queue_watches_an_epoll_that_watches_a_queue)
{
	struct pollfd pfd = { .fd = self->a, .events = POLLIN };
	struct ukevent ev;
	char c;

	ASSERT_EQ(watch(self->b, self->p[0]), 0);
	ASSERT_EQ(epoll_watch(self->ep, self->b), 0);
	ASSERT_EQ(watch(self->a, self->ep), 0);
	EXPECT_EQ(get(self->a, &ev, 1, 0), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(get(self->a, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw[0], self->ep);
	EXPECT_EQ(poll(&pfd, 1, 0), 1);
	ASSERT_EQ(read(self->p[0], &c, 1), 1);
	EXPECT_EQ(poll(&pfd, 1, 0), 0);
	EXPECT_EQ(get(self->a, &ev, 1, 0), 0);
}

TEST_F(nest, a_queue_watches_a_queue)
{
	struct pollfd pfd = { .fd = self->a, .events = POLLIN };
	struct ukevent ev;
	struct map map = { 0 };

	ASSERT_EQ(map_open(&map, 8), 0);
	ASSERT_EQ(watch(map.fd, self->p[0]), 0);
	ASSERT_EQ(watch(self->a, map.fd), 0);
	EXPECT_EQ(poll(&pfd, 1, 0), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(poll(&pfd, 1, LONG_MS), 1);
	ASSERT_EQ(get(self->a, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw[0], map.fd);
	EXPECT_EQ(map_take(&map, &ev), 1);
	map_close(&map);
	ASSERT_EQ(get(self->a, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_flags & KEVENT_RET_CLOSED, KEVENT_RET_CLOSED);
}

TEST_F(nest, loops_are_refused)
{
	EXPECT_EQ(watch(self->a, self->a), -ELOOP);
	ASSERT_EQ(watch(self->a, self->b), 0);
	EXPECT_EQ(watch(self->b, self->a), -ELOOP);
	/* a watches: nobody may watch it, and b is watched: it may not. */
	EXPECT_EQ(epoll_watch(self->ep, self->a), -ELOOP);
	EXPECT_EQ(watch(self->b, self->ep), -ELOOP);
	EXPECT_EQ(epoll_watch(self->ep, self->b), 0);
	EXPECT_EQ(watch(self->a, self->ep), 0);
}

TEST_F(nest, loops_through_epoll_are_refused)
{
	ASSERT_EQ(watch(self->a, self->ep), 0);
	EXPECT_EQ(epoll_watch(self->ep, self->a), -ELOOP);
	ASSERT_EQ(epoll_watch(self->ep, self->b), 0);
	EXPECT_EQ(watch(self->b, self->ep), -ELOOP);
}

TEST_HARNESS_MAIN
