// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the calls, their arguments and errors, level, edge, oneshot, keys.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kselftest_harness.h"
#include "kevent_test.h"

FIXTURE(calls)
{
	int kq;
	int p[2];
};

FIXTURE_SETUP(calls)
{
	self->kq = kevent_init(NULL, 0, 0);
	ASSERT_GE(self->kq, 0);
	ASSERT_EQ(pipe2(self->p, O_NONBLOCK), 0);
}

FIXTURE_TEARDOWN(calls)
{
	close(self->kq);
	close(self->p[0]);
	close(self->p[1]);
}

TEST_F(calls, init_refuses_what_it_does_not_know)
{
	struct kevent_ring ring[64];

	EXPECT_EQ(kevent_init(NULL, 0, 0x100), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_init(ring, 0, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_init(NULL, 8, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_init(ring, 1, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_init((void *)8, 8, 0), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(kevent_init(ring, 8, KEVENT_INIT_MAP), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_init(NULL, 0, KEVENT_INIT_MAP), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_init(NULL, 1U << 31, KEVENT_INIT_MAP), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(calls, init_sets_close_on_exec_and_nonblock)
{
	int fd = kevent_init(NULL, 0, KEVENT_INIT_CLOEXEC |
			     KEVENT_INIT_NONBLOCK);
	struct ukevent ev;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	EXPECT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	EXPECT_EQ(kevent_get_events(fd, 1, 1, NULL, &ev, 0), 0);
	close(fd);
}

TEST_F(calls, calls_refuse_other_files)
{
	struct ukevent ev = interest(KEVENT_USER, 1, 0, 0);

	EXPECT_EQ(kevent_ctl(-1, KEVENT_CTL_ADD, 1, &ev), -1);
	EXPECT_EQ(errno, EBADF);
	EXPECT_EQ(kevent_ctl(self->p[0], KEVENT_CTL_ADD, 1, &ev), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_ctl(self->kq, 17, 1, &ev), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, 1, (void *)8), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(kevent_wait(self->kq, 1, 0, NULL, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 0, NULL, &ev, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_get_events(self->kq, 2, 1, NULL, &ev, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, NULL, &ev, 0x80), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(calls, each_element_has_its_own_error)
{
	struct ukevent ev[6] = {
		interest(KEVENT_USER, 1, 0, 0),
		interest(KEVENT_AIO, 2, 0, 0),
		interest(KEVENT_POLL, 999, KEVENT_POLL_POLLIN, 0),
		interest(KEVENT_PIPE, 0x7fffffff, KEVENT_SOCKET_RECV, 0),
		interest(KEVENT_USER, 1, 0, 0),
		interest(KEVENT_USER, 3, 0, 0x80000000),
	};
	int want[] = { -ENOSYS, -EBADF, -EBADF, -EEXIST, -EINVAL };
	int i;

	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, 6, ev), 5);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(ev[i].ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_DONE);
		EXPECT_EQ((int)ev[i].ret_data[1], want[i]);
	}
	EXPECT_EQ(ev[5].type, KEVENT_USER);
	EXPECT_EQ(ev[5].id.raw_u64, 1);
	EXPECT_EQ(ev[5].ret_flags, 0);
}

TEST_F(calls, a_large_batch_is_one_call)
{
	enum { N = 1000 };
	struct ukevent *ev = calloc(N, sizeof(*ev));
	struct ukevent *out = calloc(N, sizeof(*out));
	int i;

	for (i = 0; i < N; i++)
		ev[i] = interest(KEVENT_USER, i, 0, 0);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, N, ev), 0);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, N, ev), N);
	for (i = 0; i < N; i++)
		ev[i] = interest(KEVENT_USER, i, 0, 0);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, N, ev), N);
	EXPECT_EQ(get(self->kq, out, N, 0), N);
	for (i = 0; i < N; i++)
		EXPECT_EQ(out[i].id.raw_u64, i);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_REMOVE, N, ev), 0);
	for (i = 0; i < N; i++)
		EXPECT_EQ(ev[i].ret_flags, KEVENT_RET_DONE);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_REMOVE, 1, ev), 0);
	EXPECT_EQ(ev[0].ret_flags, KEVENT_RET_DONE | KEVENT_RET_BROKEN);
	EXPECT_EQ((int)ev[0].ret_data[1], -ENOENT);
	free(ev);
	free(out);
}

TEST_F(calls, what_is_ready_at_once_is_handed_back)
{
	struct ukevent ev[2] = {
		interest(KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV, 0),
		interest(KEVENT_PIPE, self->p[1], KEVENT_SOCKET_SEND, 0),
	};

	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, 2, ev), 1);
	EXPECT_EQ(ev[0].id.raw[0], self->p[1]);
	EXPECT_EQ(ev[0].ret_flags, KEVENT_RET_DONE);
	EXPECT_EQ(ev[1].id.raw[0], self->p[0]);
	EXPECT_EQ(ev[1].ret_flags, 0);
	/* It was not registered. */
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, ev[0]), -ENOENT);
}

TEST_F(calls, level_comes_back_while_it_holds)
{
	struct ukevent ev;
	char c;
	int i;

	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
		EXPECT_EQ(ev.ret_data[0] & KEVENT_POLL_POLLIN,
			  KEVENT_POLL_POLLIN);
		EXPECT_EQ(ev.cookie, self->p[0] + 1000);
	}
	ASSERT_EQ(read(self->p[0], &c, 1), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);
}

TEST_F(calls, an_edge_comes_once)
{
	struct ukevent ev;

	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 KEVENT_REQ_ET), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
}

TEST_F(calls, oneshot_ends_with_its_event)
{
	struct ukevent ev;

	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 KEVENT_REQ_ONESHOT), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, ev), -ENOENT);
	EXPECT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 KEVENT_REQ_ONESHOT), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
}

TEST_F(calls, the_cookie_may_be_part_of_the_key)
{
	struct ukevent a = interest(KEVENT_USER, 1, 0, KEVENT_REQ_COOKIE);
	struct ukevent b = a, ev;

	b.cookie = 7;
	EXPECT_EQ(add(self->kq, a), 0);
	EXPECT_EQ(add(self->kq, b), 0);
	EXPECT_EQ(add(self->kq, b), -EEXIST);
	EXPECT_EQ(add(self->kq, interest(KEVENT_USER, 1, 0, 0)), 0);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, a), 0);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, a), -ENOENT);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 1, &b), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.cookie, 7);
}

TEST_F(calls, modify_looks_again)
{
	struct ukevent ev = interest(KEVENT_PIPE, self->p[0],
				     KEVENT_MASK_EMPTY, KEVENT_REQ_ET);

	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(add(self->kq, ev), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	ev.event = KEVENT_SOCKET_RECV;
	ev.cookie = 42;
	EXPECT_EQ(change(self->kq, KEVENT_CTL_MODIFY, ev), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.cookie, 42);
	ev.id.raw[0] = 12345;
	EXPECT_EQ(change(self->kq, KEVENT_CTL_MODIFY, ev), -ENOENT);
}

TEST_F(calls, a_copy_fault_leaves_the_event)
{
	struct ukevent ev = interest(KEVENT_USER, 5, 0, KEVENT_REQ_ONESHOT);
	void *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	ASSERT_EQ(add(self->kq, ev), 0);
	ASSERT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 1, &ev), 1);
	EXPECT_EQ(get(self->kq, ro, 1, 0), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.id.raw_u64, 5);
	EXPECT_EQ(ev.ret_data[0], 1);
	munmap(ro, 4096);
}

TEST_F(calls, memory_that_is_not_there_yet_is_faulted_in)
{
	struct ukevent *ev = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(add(self->kq, interest(KEVENT_USER, 5, 0, KEVENT_REQ_READY)),
		  0);
	EXPECT_EQ(get(self->kq, ev, 1, 0), 1);
	munmap(ev, 8192);
}

static void handler(int sig)
{
}

/* Also in the middle, and levels that are back by then come once. */
TEST_F(calls, an_array_that_is_not_all_there_is_filled)
{
	struct ukevent *ev;
	char *page;
	int i;

	page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(page, MAP_FAILED);
	ev = (struct ukevent *)(page + 4096 - sizeof(*ev) - 8);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 KEVENT_REQ_ALWAYS_QUEUE), 0);
	for (i = 1; i < 100; i++)
		ASSERT_EQ(add(self->kq, interest(KEVENT_USER, i, 0,
						 KEVENT_REQ_READY)), 0);
	ASSERT_EQ(get(self->kq, ev, 110, 0), 100);
	EXPECT_EQ(ev[0].type, KEVENT_PIPE);
	for (i = 1; i < 100; i++)
		EXPECT_EQ(ev[i].id.raw_u64, i);
	munmap(page, 3 * 4096);
}

TEST_F(calls, time_out_and_interruption_differ)
{
	struct __kernel_timespec ts = ms(SHORT_MS), abs;
	struct kevent_args args = { 0 };
	struct ukevent ev;
	struct timespec now;
	sigset_t all;

	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &ts, &ev, 0), 0);
	clock_gettime(CLOCK_REALTIME, &now);
	abs.tv_sec = now.tv_sec - 1;
	abs.tv_nsec = now.tv_nsec;
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &abs, &ev,
				    KEVENT_FLAGS_ABSTIME), 0);
	ts.tv_nsec = -1;
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &ts, &ev, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, (void *)8, &ev, 0), -1);
	EXPECT_EQ(errno, EFAULT);

	ts = ms(SHORT_MS);
	args.timeout = (uintptr_t)&ts;
	args.clockid = CLOCK_MONOTONIC;
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
				    KEVENT_FLAGS_ARGS), 0);
	args.clockid = 77;
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
				    KEVENT_FLAGS_ARGS), -1);
	EXPECT_EQ(errno, EINVAL);
	args.clockid = CLOCK_MONOTONIC;
	args.reserved = 1;
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
				    KEVENT_FLAGS_ARGS), -1);
	EXPECT_EQ(errno, EINVAL);
	args.reserved = 0;

	/* Pending and blocked, but not while it waits. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	sigemptyset(&all);
	args.timeout = 0;
	args.sigmask = (uintptr_t)&all;
	args.sigsetsize = 8;
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
				    KEVENT_FLAGS_ARGS), -1);
	EXPECT_EQ(errno, EINTR);
	args.sigsetsize = 3;
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
				    KEVENT_FLAGS_ARGS), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(calls, min_nr_is_honoured)
{
	struct __kernel_timespec ts = ms(SHORT_MS);
	struct ukevent ev[4];

	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	/* Only one: it comes when the time is over. */
	EXPECT_EQ(kevent_get_events(self->kq, 2, 4, &ts, ev, 0), 1);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[1], KEVENT_SOCKET_SEND,
			 0), 0);
	EXPECT_EQ(kevent_get_events(self->kq, 2, 4, NULL, ev, 0), 2);
}

TEST_F(calls, a_kick_wakes_the_next_waiter)
{
	struct pollfd pfd = { .fd = self->kq, .events = POLLIN };
	struct ukevent ev;

	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 0, NULL), 0);
	EXPECT_EQ(poll(&pfd, 1, 0), 1);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, NULL, &ev, 0), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
}

TEST_F(calls, the_queue_can_be_polled)
{
	struct pollfd pfd = { .fd = self->kq, .events = POLLIN };
	struct ukevent ev;
	char c;

	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	EXPECT_EQ(poll(&pfd, 1, 0), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(poll(&pfd, 1, LONG_MS), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(poll(&pfd, 1, 0), 1);
	ASSERT_EQ(read(self->p[0], &c, 1), 1);
	EXPECT_EQ(poll(&pfd, 1, 0), 0);
}

TEST_F(calls, fdinfo_shows_interests)
{
	char path[64], text[4096];
	ssize_t len;
	int fd;

	ASSERT_EQ(add(self->kq, interest(KEVENT_USER, 0xabc, 0, 0)), 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->kq);
	fd = open(path, O_RDONLY);
	ASSERT_GE(fd, 0);
	len = read(fd, text, sizeof(text) - 1);
	ASSERT_GT(len, 0);
	text[len] = 0;
	EXPECT_NE(strstr(text, "interests:\t1\n"), NULL);
	EXPECT_NE(strstr(text, "type: 9 id:              abc"), NULL);
	close(fd);
}

TEST_HARNESS_MAIN
