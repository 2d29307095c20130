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

TEST_HARNESS_MAIN
