// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: who is woken.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../kselftest_harness.h"
#include "kevent_test.h"

#define NR 4

struct worker {
	pthread_t thread;
	int kq;
	int fd;
	int nr;
	volatile pid_t tid;
	volatile int stop;
};

/* Until the thread sleeps in a wait of kevent: no other way to be sure. */
static void wait_for_sleep(struct worker *w)
{
	char path[64], text[64];
	int fd, len;

	while (!w->tid)
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", w->tid);
	for (;;) {
		fd = open(path, O_RDONLY);
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (len > 0) {
			text[len] = 0;
			if (atoi(text) == __NR_kevent_get_events)
				return;
		}
		sched_yield();
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct ukevent ev;

	w->tid = gettid();
	while (kevent_get_events(w->kq, 1, 1, NULL, &ev, 0) == 1 &&
	       ev.type != KEVENT_USER)
		__atomic_add_fetch(&w->nr, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static int total(struct worker *w, int nr)
{
	int i, sum = 0;

	for (i = 0; i < nr; i++)
		sum += __atomic_load_n(&w[i].nr, __ATOMIC_SEQ_CST);
	return sum;
}

static void wait_for_total(struct worker *w, int nr, int sum)
{
	while (total(w, nr) < sum)
		sched_yield();
}

static void stop_one(int kq, int id)
{
	add(kq, interest(KEVENT_USER, id, 0, KEVENT_REQ_READY |
			 KEVENT_REQ_ONESHOT));
}

/*
 *	t0   t1   t2   t3
 *	  \   \   /   /
 *	       kq
 *	       | et
 *	      pipe
 */
TEST(one_event_wakes_one_thread_in_turn)
{
	struct worker w[NR] = { 0 };
	int i, round, p[2], kq = kevent_init(NULL, 0, 0);

	ASSERT_GE(kq, 0);
	ASSERT_EQ(pipe2(p, O_NONBLOCK), 0);
	ASSERT_EQ(add_fd(kq, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV,
			 KEVENT_REQ_ET), 0);
	for (i = 0; i < NR; i++) {
		w[i].kq = kq;
		ASSERT_EQ(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
		wait_for_sleep(&w[i]);
	}
	for (round = 0; round < 3 * NR; round++) {
		ASSERT_EQ(write(p[1], "x", 1), 1);
		wait_for_total(w, NR, round + 1);
		for (i = 0; i < NR; i++)
			wait_for_sleep(&w[i]);
	}
	EXPECT_EQ(total(w, NR), 3 * NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(w[i].nr, 3);
	for (i = 0; i < NR; i++)
		stop_one(kq, i);
	for (i = 0; i < NR; i++)
		pthread_join(w[i].thread, NULL);
	close(kq);
	close(p[0]);
	close(p[1]);
}

/*
 *	t0   t1   t2   t3
 *	|    |    |    |
 *	kq   kq   kq   kq
 *	  \   \   /   /  et
 *	      socket
 */
static void spread(struct __test_metadata *_metadata, unsigned int req,
		   int per_event)
{
	struct worker w[NR] = { 0 };
	int i, round, s[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s), 0);
	for (i = 0; i < NR; i++) {
		w[i].kq = kevent_init(NULL, 0, 0);
		ASSERT_GE(w[i].kq, 0);
		ASSERT_EQ(add_fd(w[i].kq, KEVENT_SOCKET, s[0],
				 KEVENT_SOCKET_RECV, KEVENT_REQ_ET | req), 0);
		ASSERT_EQ(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
		wait_for_sleep(&w[i]);
	}
	for (round = 0; round < 3 * NR; round++) {
		ASSERT_EQ(write(s[1], "x", 1), 1);
		wait_for_total(w, NR, (round + 1) * per_event);
		for (i = 0; i < NR; i++)
			wait_for_sleep(&w[i]);
	}
	EXPECT_EQ(total(w, NR), 3 * NR * per_event);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(w[i].nr, 3 * per_event);
	for (i = 0; i < NR; i++) {
		stop_one(w[i].kq, i);
		pthread_join(w[i].thread, NULL);
		close(w[i].kq);
	}
	close(s[0]);
	close(s[1]);
}

TEST(one_event_wakes_one_queue_in_turn)
{
	spread(_metadata, 0, 1);
}

TEST(wakeup_all_wakes_all_queues)
{
	spread(_metadata, KEVENT_REQ_WAKEUP_ALL, NR);
}

#define NR_SLOTS	4
#define NR_RACES	1000

struct racer {
	pthread_t thread;
	int fd[NR_SLOTS + 1][2];
	int go;
	int done;
};

/* Fire the last source, each time that it is asked to. */
static void *race(void *arg)
{
	struct racer *r = arg;
	int round;

	for (round = 1; round <= NR_RACES; round++) {
		while (__atomic_load_n(&r->go, __ATOMIC_SEQ_CST) < round)
			sched_yield();
		if (write(r->fd[NR_SLOTS][1], "x", 1) != 1)
			break;
		__atomic_store_n(&r->done, round, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/*
 *	p -> last source    happens while t takes the slots of the others, so
 *	      |             that there is none left and t goes to sleep: either
 *	      m -> t        way, t has it
 */
static void sleep_or_see(struct __test_metadata *_metadata, int others,
			 unsigned int req)
{
	struct racer r = { 0 };
	struct ukevent ev;
	struct map map = { 0 };
	int i, round, nr;
	char c;

	ASSERT_EQ(map_open(&map, NR_SLOTS), 0);
	for (i = 0; i <= NR_SLOTS; i++) {
		ASSERT_EQ(pipe2(r.fd[i], O_NONBLOCK), 0);
		ASSERT_EQ(add_fd(map.fd, KEVENT_PIPE, r.fd[i][0],
				 KEVENT_SOCKET_RECV, KEVENT_REQ_ET | req), 0);
	}
	ASSERT_EQ(pthread_create(&r.thread, NULL, race, &r), 0);
	for (round = 1; round <= NR_RACES; round++) {
		for (i = 0; i < others; i++)
			ASSERT_EQ(write(r.fd[i][1], "x", 1), 1);
		__atomic_store_n(&r.go, round, __ATOMIC_SEQ_CST);
		/* Neither is always first. */
		for (i = 0; i < round; i++)
			__atomic_load_n(&r.done, __ATOMIC_SEQ_CST);
		for (nr = 0; nr < others + 1; nr++) {
			while (!map_take(&map, &ev))
				ASSERT_GT(map_wait(&map, LONG_MS), 0);
			ASSERT_EQ(read(ev.id.raw[0], &c, 1), 1);
		}
		while (__atomic_load_n(&r.done, __ATOMIC_SEQ_CST) < round)
			sched_yield();
	}
	pthread_join(r.thread, NULL);
	for (i = 0; i <= NR_SLOTS; i++) {
		close(r.fd[i][0]);
		close(r.fd[i][1]);
	}
	map_close(&map);
}

TEST(what_finds_no_room_is_not_slept_over)
{
	sleep_or_see(_metadata, NR_SLOTS, 0);
}

TEST(what_is_to_be_looked_at_is_not_slept_over)
{
	sleep_or_see(_metadata, 0, KEVENT_REQ_LAST_CHECK);
}

TEST_HARNESS_MAIN
