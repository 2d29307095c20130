// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the mapped ring.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "kevent_test.h"

FIXTURE(map)
{
	struct map map;
	int p[2];
};

FIXTURE_SETUP(map)
{
	ASSERT_EQ(map_open(&self->map, 8), 0);
	ASSERT_EQ(pipe2(self->p, O_NONBLOCK), 0);
}

FIXTURE_TEARDOWN(map)
{
	map_close(&self->map);
	close(self->p[0]);
	close(self->p[1]);
}

TEST_F(map, mappings_are_what_they_should_be)
{
	int fd = self->map.fd;

	EXPECT_EQ(self->map.head->nr_slots, 8);
	EXPECT_EQ(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
		  MAP_FAILED);
	EXPECT_EQ(errno, EPERM);
	EXPECT_EQ(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED);
	EXPECT_EQ(mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, fd, 0),
		  MAP_FAILED);
	EXPECT_EQ(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096),
		  MAP_FAILED);
	EXPECT_EQ(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, KEVENT_OFF_TAIL),
		  MAP_FAILED);
	EXPECT_EQ(mprotect((void *)self->map.head, 4096,
			   PROT_READ | PROT_WRITE), -1);
	EXPECT_EQ(errno, EACCES);
	fd = kevent_init(NULL, 0, 0);
	EXPECT_EQ(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	EXPECT_EQ(errno, ENODEV);
	close(fd);
}

TEST_F(map, an_event_is_there_without_a_call)
{
	struct ukevent ev;
	char c;

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, KEVENT_REQ_ET), 0);
	EXPECT_EQ(map_take(&self->map, &ev), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
	EXPECT_EQ(ev.ret_data[0] & KEVENT_POLL_POLLIN, KEVENT_POLL_POLLIN);
	EXPECT_EQ(ev.cookie, self->p[0] + 1000);
	ASSERT_EQ(read(self->p[0], &c, 1), 1);
	EXPECT_EQ(map_take(&self->map, &ev), 0);
	EXPECT_EQ(map_wait(&self->map, 0), 0);
}

TEST_F(map, edges_merge_until_taken)
{
	struct ukevent ev;

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, KEVENT_REQ_ET), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(map_take(&self->map, &ev), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(map_take(&self->map, &ev), 0);
	EXPECT_EQ(map_wait(&self->map, SHORT_MS), 0);
}

TEST_F(map, level_comes_back_at_a_wait)
{
	struct ukevent ev;
	char c;
	int i;

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, 0), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(map_wait(&self->map, LONG_MS), 1);
		ASSERT_EQ(map_take(&self->map, &ev), 1);
		EXPECT_EQ(self->map.head->flags, KEVENT_MAP_CHECK);
	}
	ASSERT_EQ(read(self->p[0], &c, 1), 1);
	EXPECT_EQ(map_wait(&self->map, SHORT_MS), 0);
	EXPECT_EQ(self->map.head->flags, 0);
}

TEST_F(map, an_end_without_a_reason_is_looked_at)
{
	struct ukevent ev;

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, KEVENT_REQ_ET), 0);
	close(self->p[1]);
	EXPECT_EQ(self->map.head->flags, KEVENT_MAP_CHECK);
	ASSERT_EQ(map_wait(&self->map, LONG_MS), 1);
	ASSERT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_POLL_POLLHUP);
	self->p[1] = -1;
}

TEST_F(map, a_full_ring_loses_nothing)
{
	struct ukevent ev;
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(add(self->map.fd, interest(KEVENT_USER, i, 0,
						     KEVENT_REQ_READY)), 0);
	EXPECT_EQ(self->map.head->kidx, 8);
	EXPECT_EQ(self->map.head->overflow, 12);
	EXPECT_EQ(self->map.head->flags, KEVENT_MAP_FULL);
	for (i = 0; i < 20; i++) {
		if (!map_take(&self->map, &ev)) {
			ASSERT_GE(map_wait(&self->map, 0), 1);
			ASSERT_EQ(map_take(&self->map, &ev), 1);
		}
		EXPECT_EQ(ev.id.raw_u64, i);
	}
	EXPECT_EQ(map_take(&self->map, &ev), 0);
	EXPECT_EQ(self->map.head->flags, 0);
}

/* What waited for room is looked at on its way in, and keeps its order. */
TEST_F(map, a_full_ring_keeps_the_order_of_pipes)
{
	struct ukevent ev;
	int p[20][2], i;
	char c;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(pipe2(p[i], O_NONBLOCK), 0);
		ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, p[i][0],
				 KEVENT_SOCKET_RECV, 0), 0);
	}
	for (i = 0; i < 20; i++)
		ASSERT_EQ(write(p[i][1], "x", 1), 1);
	EXPECT_EQ(self->map.head->overflow, 12);
	/* Nothing there any more: not told, and those behind do not care. */
	ASSERT_EQ(read(p[10][0], &c, 1), 1);
	for (i = 0; i < 20; i++) {
		if (i == 10)
			continue;
		if (!map_take(&self->map, &ev)) {
			ASSERT_GE(map_wait(&self->map, 0), 1);
			ASSERT_EQ(map_take(&self->map, &ev), 1);
		}
		EXPECT_EQ(ev.id.raw[0], p[i][0]);
		ASSERT_EQ(read(p[i][0], &c, 1), 1);
	}
	EXPECT_EQ(map_wait(&self->map, 0), 0);
	EXPECT_EQ(self->map.head->overflow, 12);
	for (i = 0; i < 20; i++) {
		close(p[i][0]);
		close(p[i][1]);
	}
}

TEST_F(map, oneshot_ends_with_its_event)
{
	struct ukevent ev;

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, KEVENT_REQ_ONESHOT), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(map_wait(&self->map, 0), 0);
	EXPECT_EQ(change(self->map.fd, KEVENT_CTL_REMOVE, ev), -ENOENT);
	EXPECT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, KEVENT_REQ_ONESHOT), 0);
	EXPECT_EQ(map_take(&self->map, &ev), 1);
}

TEST_F(map, what_was_removed_is_marked)
{
	struct ukevent ev = interest(KEVENT_PIPE, self->p[0], 0, 0);

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, KEVENT_REQ_ET), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(change(self->map.fd, KEVENT_CTL_REMOVE, ev), 0);
	ASSERT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(ev.ret_flags & KEVENT_RET_STALE, KEVENT_RET_STALE);
}

TEST_F(map, a_close_marks_and_tells)
{
	struct ukevent ev;

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, KEVENT_REQ_ET), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	close(self->p[0]);
	ASSERT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(ev.ret_flags & KEVENT_RET_STALE, KEVENT_RET_STALE);
	ASSERT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE | KEVENT_RET_CLOSED);
	EXPECT_EQ(ev.id.raw[0], self->p[0]);
	self->p[0] = -1;
}

TEST_F(map, get_events_takes_from_the_ring)
{
	struct ukevent ev[3];
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(add(self->map.fd, interest(KEVENT_USER, i, 0,
						     KEVENT_REQ_READY)), 0);
	ASSERT_EQ(map_take(&self->map, ev), 1);
	EXPECT_EQ(ev[0].id.raw_u64, 0);
	ASSERT_EQ(get(self->map.fd, ev, 3, 0), 2);
	EXPECT_EQ(ev[0].id.raw_u64, 1);
	EXPECT_EQ(ev[1].id.raw_u64, 2);
	EXPECT_EQ(self->map.tail->uidx, 3);
}

TEST_F(map, wait_compares_the_index)
{
	struct __kernel_timespec ts = ms(SHORT_MS);

	EXPECT_EQ(kevent_wait(self->map.fd, 0, 1, &ts, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	ASSERT_EQ(add(self->map.fd, interest(KEVENT_USER, 1, 0,
					     KEVENT_REQ_READY)), 0);
	EXPECT_EQ(kevent_wait(self->map.fd, 0, 0, &ts, 0), 1);
	/* Seen, though not taken. */
	EXPECT_EQ(kevent_wait(self->map.fd, 0, 1, &ts, 0), 0);
	EXPECT_EQ(kevent_commit(self->map.fd, 1, 0), 1);
	EXPECT_EQ(kevent_commit(self->map.fd, 1, 0), 0);
	EXPECT_EQ(kevent_commit(self->map.fd, 9, 0), 0);
	EXPECT_EQ(self->map.tail->uidx, 1);
}

TEST_F(map, commit_and_wait_are_one_call)
{
	struct __kernel_timespec ts = ms(SHORT_MS);
	struct kevent_args args = {
		.timeout = (uintptr_t)&ts,
		.clockid = CLOCK_MONOTONIC,
		.new_uidx = 1,
	};

	ASSERT_EQ(add(self->map.fd, interest(KEVENT_USER, 1, 0,
					     KEVENT_REQ_READY)), 0);
	EXPECT_EQ(kevent_wait(self->map.fd, 0, 0, &args, KEVENT_FLAGS_ARGS |
			      KEVENT_FLAGS_COMMIT), 0);
	EXPECT_EQ(self->map.tail->uidx, 1);
	EXPECT_EQ(kevent_wait(self->map.fd, 0, 0, &ts, KEVENT_FLAGS_COMMIT),
		  -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(map, a_lying_consumer_harms_itself)
{
	struct ukevent ev[8];
	unsigned int i;

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, KEVENT_REQ_ET), 0);
	for (i = 0; i < 64; i++) {
		self->map.tail->uidx = i * 0x08765431;
		ASSERT_EQ(write(self->p[1], "x", 1), 1);
		map_wait(&self->map, 0);
		get(self->map.fd, ev, 8, 0);
		kevent_commit(self->map.fd, i * 77, 0);
	}
	self->map.tail->uidx = self->map.head->kidx;
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_GE(map_wait(&self->map, 0), 1);
}

TEST_F(map, the_queue_can_be_polled)
{
	struct pollfd pfd = { .fd = self->map.fd, .events = POLLIN };
	struct ukevent ev;
	char c;

	ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, self->p[0],
			 KEVENT_SOCKET_RECV, 0), 0);
	EXPECT_EQ(poll(&pfd, 1, 0), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(poll(&pfd, 1, LONG_MS), 1);
	ASSERT_EQ(map_take(&self->map, &ev), 1);
	EXPECT_EQ(poll(&pfd, 1, 0), 1);
	ASSERT_EQ(map_take(&self->map, &ev), 1);
	ASSERT_EQ(read(self->p[0], &c, 1), 1);
	EXPECT_EQ(poll(&pfd, 1, 0), 0);
}

TEST_F(map, the_limit_of_locked_memory_counts)
{
	struct rlimit small = { 65536, 65536 };
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setuid(12345) || setrlimit(RLIMIT_MEMLOCK, &small))
			_exit(4);
		if (kevent_init(NULL, 1 << 16, KEVENT_INIT_MAP) >= 0 ||
		    errno != ENOMEM)
			_exit(1);
		_exit(kevent_init(NULL, 16, KEVENT_INIT_MAP) < 0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 4)
		SKIP(return, "needs root");
	EXPECT_EQ(status, 0);
}

/* Consumers take what producers write, each byte announced and read. */
struct stress {
	struct map *map;
	int fd[16][2];
	int nr;
	long written;
	long got;
	volatile int done;
};

static void *produce(void *arg)
{
	struct stress *st = arg;
	long i;

	for (i = 0; i < 20000; i++) {
		if (write(st->fd[i % st->nr][1], "x", 1) == 1)
			__atomic_add_fetch(&st->written, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct stress *st = arg;
	struct ukevent ev;
	char buf[256];
	ssize_t n;

	while (!st->done) {
		if (!map_take(st->map, &ev)) {
			map_wait(st->map, 10);
			continue;
		}
		if (ev.type != KEVENT_PIPE)
			continue;
		while ((n = read(ev.id.raw[0], buf, sizeof(buf))) > 0)
			__atomic_add_fetch(&st->got, n, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

TEST_F(map, two_producers_two_consumers_lose_no_edge)
{
	struct stress st = { .map = &self->map, .nr = 16 };
	pthread_t p[2], c[2];
	int i;

	for (i = 0; i < st.nr; i++) {
		ASSERT_EQ(pipe2(st.fd[i], O_NONBLOCK), 0);
		ASSERT_EQ(add_fd(self->map.fd, KEVENT_PIPE, st.fd[i][0],
				 KEVENT_SOCKET_RECV, KEVENT_REQ_ET), 0);
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pthread_create(&c[i], NULL, consume, &st), 0);
		ASSERT_EQ(pthread_create(&p[i], NULL, produce, &st), 0);
	}
	for (i = 0; i < 2; i++)
		pthread_join(p[i], NULL);
	/* Whatever was written is announced: it is read without any more. */
	while (__atomic_load_n(&st.got, __ATOMIC_SEQ_CST) < st.written)
		sched_yield();
	st.done = 1;
	for (i = 0; i < 2; i++)
		pthread_join(c[i], NULL);
	EXPECT_EQ(st.got, st.written);
	for (i = 0; i < st.nr; i++) {
		close(st.fd[i][0]);
		close(st.fd[i][1]);
	}
}

TEST_HARNESS_MAIN
