// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the close of a watched descriptor ends its interest, with one event,
 * pins nothing, and its number is not mistaken for another's.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
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

/*
 * The wait queue of a signalfd is in the sighand of the process that polls it.
 * It goes with that process (POLLFREE). No interest may stay in it, even if the
 * interest has ended.
 */
TEST_F(closing, a_wait_queue_that_goes_is_left)
{
	struct map map = { 0 };
	sigset_t mask;
	pid_t pid;
	int fd, status;

	ASSERT_EQ(map_open(&map, 8), 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	ASSERT_EQ(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
	fd = signalfd(-1, &mask, 0);
	ASSERT_GE(fd, 0);
	/* A child with the same descriptors, and a sighand of its own. */
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		_exit(-add_fd(map.fd, KEVENT_POLL, fd, KEVENT_POLL_POLLIN,
			      KEVENT_REQ_ONESHOT | KEVENT_REQ_READY));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	/* The event is in the ring. The next call frees the interest. */
	EXPECT_EQ(map.head->kidx, 1);
	EXPECT_EQ(kevent_commit(map.fd, 1, 0), 1);
	map_close(&map);
	close(fd);
}

/* Interests in an open descriptor stay while its copies are being closed. */
struct closer {
	int fd;
	pthread_t thread;
};

static void *close_one(void *arg)
{
	struct closer *closer = arg;

	close(closer->fd);
	return NULL;
}

TEST(closes_of_copies_at_once_end_all_of_theirs)
{
	struct closer closer[4];
	struct ukevent ev[64];
	unsigned int i, j, ended[4] = { 0 };
	int kq[2], p[2], n, q;

	kq[0] = kevent_init(NULL, 0, 0);
	kq[1] = kevent_init(NULL, 0, 0);
	ASSERT_EQ(pipe(p), 0);
	for (i = 0; i < 4; i++)
		closer[i].fd = dup(p[0]);
	/* In turn, so that each close has to skip interests of the others. */
	for (i = 0; i < 200; i++)
		for (j = 0; j < 4; j++) {
			ev[0] = interest(KEVENT_PIPE, closer[j].fd,
					 KEVENT_SOCKET_RECV,
					 KEVENT_REQ_COOKIE);
			ev[0].cookie = i;
			ASSERT_EQ(add(kq[i & 1], ev[0]), 0);
		}
	/* The last one stays. */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&closer[i].thread, NULL, close_one,
					 &closer[i]), 0);
	for (i = 0; i < 3; i++)
		pthread_join(closer[i].thread, NULL);
	for (q = 0; q < 2; q++)
		while ((n = get(kq[q], ev, 64, 0)) > 0)
			for (i = 0; i < n; i++) {
				EXPECT_EQ(ev[i].ret_flags, KEVENT_RET_DONE |
					  KEVENT_RET_CLOSED);
				for (j = 0; j < 4; j++)
					ended[j] += ev[i].id.raw[0] ==
						    closer[j].fd;
			}
	for (j = 0; j < 4; j++)
		EXPECT_EQ(ended[j], j < 3 ? 200 : 0);
	close(kq[0]);
	close(kq[1]);
	close(closer[3].fd);
	close(p[0]);
	close(p[1]);
}

#define KILLED	20000

/* A child that shares the descriptors closes one, and is killed meanwhile. */
static pid_t close_in_child(int fd)
{
	pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (!pid) {
		close(fd);
		pause();
	}
	return pid;
}

/* Whoever is left gets the event of each interest, and the number is free. */
TEST(a_close_that_is_killed_ends_all)
{
	struct ukevent ev[64];
	unsigned int ended = 0;
	int kq, fd[2], status, n;
	pid_t pid;

	kq = kevent_init(NULL, 0, 0);
	fd[0] = eventfd(0, 0);
	/* The file stays. */
	fd[1] = dup(fd[0]);
	ASSERT_EQ(add_many(kq, KEVENT_POLL, fd[0], KEVENT_POLL_POLLIN,
			   0, KILLED), 0);
	pid = close_in_child(fd[0]);
	ASSERT_GT(pid, 0);
	/* It has begun. */
	ASSERT_EQ(get(kq, ev, 1, LONG_MS), 1);
	ended++;
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	while (ended < KILLED && (n = get(kq, ev, 64, LONG_MS)) > 0) {
		EXPECT_EQ(ev[0].ret_flags,
			  KEVENT_RET_DONE | KEVENT_RET_CLOSED);
		ended += n;
	}
	EXPECT_EQ(ended, KILLED);
	ASSERT_EQ(dup2(fd[1], fd[0]), fd[0]);
	EXPECT_EQ(add_many(kq, KEVENT_POLL, fd[0], KEVENT_POLL_POLLIN, 0, 64),
		  0);
	close(kq);
	close(fd[0]);
	close(fd[1]);
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
