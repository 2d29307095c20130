// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the close of a watched descriptor ends its interest, with one event,
 * pins nothing, and its number is not mistaken for another's.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "kevent_test.h"

FIXTURE(closing)
{
	int kq;
	int s[2];
};

FIXTURE_SETUP(closing)
{
	self->kq = kevent_init(NULL, 0, 0);
	ASSERT_GE(self->kq, 0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, self->s),
		  0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, self->s[0],
			 KEVENT_SOCKET_RECV, 0), 0);
}

FIXTURE_TEARDOWN(closing)
{
	close(self->kq);
	close(self->s[0]);
	close(self->s[1]);
}

static void expect_closed(struct __test_metadata *_metadata, int kq, int fd)
{
	struct ukevent ev;

	ASSERT_EQ(get(kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE | KEVENT_RET_CLOSED);
	EXPECT_EQ(ev.id.raw[0], fd);
	EXPECT_EQ(ev.cookie, fd + 1000);
	EXPECT_EQ(get(kq, &ev, 1, 0), 0);
	EXPECT_EQ(change(kq, KEVENT_CTL_REMOVE, ev), -ENOENT);
}

TEST_F(closing, close_is_an_event_and_pins_nothing)
{
	char c;

	close(self->s[0]);
	EXPECT_EQ(read(self->s[1], &c, 1), 0);
	expect_closed(_metadata, self->kq, self->s[0]);
}

TEST_F(closing, close_of_one_of_two_descriptors_counts)
{
	struct ukevent ev;
	int copy = dup(self->s[0]);

	ASSERT_EQ(write(self->s[1], "x", 1), 1);
	close(self->s[0]);
	expect_closed(_metadata, self->kq, self->s[0]);
	/* The other one may be watched, and the number be used again. */
	ASSERT_EQ(dup2(self->s[1], self->s[0]), self->s[0]);
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, self->s[0],
			 KEVENT_SOCKET_RECV, 0), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	close(copy);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
}

TEST_F(closing, close_of_a_copy_does_not)
{
	struct ukevent ev;
	int copy = dup(self->s[0]);

	close(copy);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);
	ASSERT_EQ(write(self->s[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
}

TEST_F(closing, dup2_over_it_is_a_close)
{
	ASSERT_EQ(dup2(self->s[1], self->s[0]), self->s[0]);
	expect_closed(_metadata, self->kq, self->s[0]);
}

TEST_F(closing, a_child_does_not_close_it)
{
	struct ukevent ev;
	pid_t pid = fork();

	if (!pid)
		_exit(close(self->s[0]));
	waitpid(pid, NULL, 0);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);
	ASSERT_EQ(write(self->s[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
}

TEST_F(closing, the_exit_of_who_added_it_does)
{
	struct ukevent ev;
	pid_t pid;

	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE,
			 interest(KEVENT_SOCKET, self->s[0], 0, 0)), 0);
	pid = fork();
	if (!pid)
		_exit(!!add_fd(self->kq, KEVENT_SOCKET, self->s[1],
			       KEVENT_SOCKET_RECV, 0));
	waitpid(pid, NULL, 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE | KEVENT_RET_CLOSED);
}

TEST_F(closing, the_queue_goes_first)
{
	close(self->kq);
	ASSERT_EQ(write(self->s[1], "x", 1), 1);
	close(self->s[0]);
	self->kq = kevent_init(NULL, 0, 0);
}

struct race {
	int kq;
	volatile int stop;
};

static void *churn(void *arg)
{
	struct race *race = arg;
	struct ukevent ev[8];

	while (!race->stop)
		get(race->kq, ev, 8, 0);
	return NULL;
}

static void *close_pipes(void *arg)
{
	struct race *race = arg;
	int i, p[2];

	for (i = 0; i < 2000; i++) {
		if (pipe(p))
			break;
		add_fd(race->kq, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV,
		       i & 1 ? KEVENT_REQ_ET : 0);
		if (write(p[1], "x", 1) != 1)
			break;
		if (i & 2)
			change(race->kq, KEVENT_CTL_REMOVE,
			       interest(KEVENT_PIPE, p[0], 0, 0));
		close(p[0]);
		close(p[1]);
	}
	return NULL;
}

/* Three threads close, add and remove what one fetches events of. */
TEST_F(closing, races_are_survived)
{
	struct race race = { .kq = self->kq };
	pthread_t reader, t[3];
	struct ukevent ev;
	int i;

	ASSERT_EQ(pthread_create(&reader, NULL, churn, &race), 0);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, close_pipes, &race), 0);
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	race.stop = 1;
	pthread_join(reader, NULL);
	while (get(self->kq, &ev, 1, 0) == 1)
		;
	ASSERT_EQ(write(self->s[1], "x", 1), 1);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw[0], self->s[0]);
}

TEST_HARNESS_MAIN
