// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the end of many interests takes time in proportion to their number.
 *
 * For a guest on virtual time (qemu -icount), where the time of a thread is the
 * number of its instructions, whatever the host does meanwhile.
 */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "kevent_test.h"

#define FEW	512
#define MANY	(8 * FEW)

/* Time of this thread for a close, in nanoseconds. */
static long long close_cost(int fd)
{
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	close(fd);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	return (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec;
}

/* Interests in a descriptor; its copy has as many, which stay. */
static long long cost_of_descriptor(unsigned int nr)
{
	int kq = kevent_init(NULL, 0, 0), p[2], copy;
	long long cost = -1;

	if (pipe(p))
		return -1;
	copy = dup(p[0]);
	if (!add_many(kq, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, 0, nr) &&
	    !add_many(kq, KEVENT_PIPE, copy, KEVENT_SOCKET_RECV, 0, nr))
		cost = close_cost(p[0]);
	close(kq);
	close(copy);
	close(p[1]);
	return cost;
}

/* Interests in a descriptor without a copy; the ring has an event of each. */
static long long cost_of_descriptor_with_slots(unsigned int nr)
{
	struct map map = { 0 };
	long long cost = -1;
	int p[2];

	if (pipe(p) || map_open(&map, nr))
		return -1;
	if (!add_many(map.fd, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV,
		      KEVENT_REQ_ET | KEVENT_REQ_WAKEUP_ALL, nr) &&
	    write(p[1], "x", 1) == 1 && map.head->kidx == nr)
		cost = close_cost(p[0]);
	map_close(&map);
	close(p[1]);
	return cost;
}

/* A process, which ends with an interest in each of many copies of one file. */
static long long cost_of_process(unsigned int nr)
{
	struct rlimit limit = { nr + 64, nr + 64 };
	int status, fd, kq, i;
	struct rusage usage;
	pid_t pid = fork();

	if (!pid) {
		kq = kevent_init(NULL, 0, 0);
		fd = eventfd(0, 0);
		if (setrlimit(RLIMIT_NOFILE, &limit))
			_exit(1);
		for (i = 0; i < nr; i++, fd = dup(fd))
			if (add_fd(kq, KEVENT_POLL, fd, KEVENT_POLL_POLLIN, 0))
				_exit(1);
		_exit(0);
	}
	if (wait4(pid, &status, 0, &usage) != pid || status)
		return -1;
	return (usage.ru_stime.tv_sec + usage.ru_utime.tv_sec) * 1000000000LL +
	       (usage.ru_stime.tv_usec + usage.ru_utime.tv_usec) * 1000LL;
}

static long long cost_of_queue(unsigned int nr)
{
	int kq = kevent_init(NULL, 0, 0);

	if (add_many(kq, KEVENT_USER, 0, 0, 0, nr))
		return -1;
	return close_cost(kq);
}

/* An event of each interest is in the ring. */
static long long cost_of_queue_with_slots(unsigned int nr)
{
	int kq = kevent_init(NULL, nr, KEVENT_INIT_MAP);

	if (add_many(kq, KEVENT_USER, 0, 0, KEVENT_REQ_READY, nr))
		return -1;
	return close_cost(kq);
}

/* One interest has filled the ring with events. */
static long long cost_of_queue_with_slots_of_one(unsigned int nr)
{
	struct ukevent ukev = interest(KEVENT_USER, 1, 0, 0);
	int kq = kevent_init(NULL, nr, KEVENT_INIT_MAP);
	unsigned int i;

	if (add(kq, ukev))
		return -1;
	for (i = 0; i < nr; i++)
		kevent_ctl(kq, KEVENT_CTL_READY, 1, &ukev);
	return close_cost(kq);
}

/* The shortest of five runs: other work of the machine only adds time. */
static long long least(long long (*cost)(unsigned int), unsigned int nr)
{
	long long found = -1, one;
	int i;

	for (i = 0; i < 5; i++) {
		one = cost(nr);
		if (one < 0)
			return -1;
		if (found < 0 || one < found)
			found = one;
	}
	return found;
}

/* The close of eight times as many takes about 8 times as long, not 64. */
TEST(close_of_many_is_linear)
{
	static const struct {
		const char *name;
		long long (*cost)(unsigned int nr);
	} kinds[] = {
		{ "descriptor", cost_of_descriptor },
		{ "descriptor with slots", cost_of_descriptor_with_slots },
		{ "process", cost_of_process },
		{ "queue", cost_of_queue },
		{ "queue with slots", cost_of_queue_with_slots },
		{ "queue with slots of one", cost_of_queue_with_slots_of_one },
		{ NULL, NULL },
	};
	unsigned int i;

	for (i = 0; kinds[i].cost; i++) {
		long long few = least(kinds[i].cost, FEW);
		long long many = least(kinds[i].cost, MANY);

		EXPECT_GT(few, 0) TH_LOG("%s: not built", kinds[i].name);
		EXPECT_LT(many, 24 * few)
			TH_LOG("%s: %lld ns for %d, %lld ns for %d",
			       kinds[i].name, few, FEW, many, MANY);
	}
}

TEST_HARNESS_MAIN
