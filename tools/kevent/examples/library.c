// SPDX-License-Identifier: GPL-2.0-only
/*
 * libkevent on the kernel: all kinds of queues, several threads, cancellation.
 */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libkevent.h>

#define NR_THREADS	4
#define NR_EVENTS	4000

#define CHECK(cond)	check(cond, #cond, __LINE__)

static const struct timespec now;
static const struct timespec long_time = { .tv_sec = 20 };
static int nr_checks;
static int nr_failed;

static bool check(bool holds, const char *what, int line)
{
	nr_checks++;
	if (!holds) {
		nr_failed++;
		printf("# line %d: %s\n", line, what);
	}
	return holds;
}

static void check_pipe(struct kq *kq)
{
	struct ukevent ev, got[4];
	char buf[8];
	int p[2];

	CHECK(!pipe(p));
	ev = kq_interest(KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, KEVENT_REQ_ET, 42);
	CHECK(!kq_add_one(kq, &ev) && kq_add_one(kq, &ev) == -EEXIST);
	CHECK(kq_get(kq, got, 4, &now) == 0);
	CHECK(write(p[1], "x", 1) == 1);
	CHECK(kq_wait(kq, NULL) == 1);
	CHECK(kq_get(kq, got, 4, &long_time) == 1 && got[0].cookie == 42);
	CHECK(read(p[0], buf, sizeof(buf)) == 1 && kq_get(kq, got, 4, &now) == 0);
	ev.req_flags = 0;
	CHECK(!kq_modify_one(kq, &ev) && write(p[1], "x", 1) == 1);
	CHECK(kq_get(kq, got, 4, &long_time) == 1 && kq_get(kq, got, 4, &long_time) == 1);
	CHECK(!kq_remove_one(kq, &ev) && kq_remove_one(kq, &ev) == -ENOENT);
	CHECK(kq_get(kq, got, 4, &now) == 0 && !kq_commit(kq));
	close(p[0]);
	close(p[1]);
}

static void check_timers(struct kq *kq)
{
	struct ukevent ev = kq_interest_timer(0, 1000000, KEVENT_REQ_ONESHOT, 7);
	struct itimerspec its = { .it_value.tv_nsec = 1000000 };
	timer_t timer;

	CHECK(!kq_add_one(kq, &ev));
	CHECK(kq_get(kq, &ev, 1, &long_time) == 1 && ev.type == KEVENT_TIMER && ev.cookie == 7);
	CHECK(!kq_timer_create(kq, CLOCK_MONOTONIC, 8, &timer));
	CHECK(!timer_settime(timer, 0, &its, NULL));
	CHECK(kq_get(kq, &ev, 1, &long_time) == 1 && ev.type == KEVENT_POSIX_TIMER &&
	      ev.cookie == 8);
	CHECK(!timer_delete(timer));
	CHECK(kq_timer_create(kq, 4711, 8, &timer) == -EINVAL);
}

static void check_wake(struct kq *kq)
{
	struct kq_wait_options opts = { .timeout = &now, .min_nr = 0 };
	struct ukevent ev;

	CHECK(kq_wait(kq, &opts) == 0);
	CHECK(!kq_wake(kq) && kq_get(kq, &ev, 1, &long_time) == 0);
}

/* === Several threads ====================================================== */

struct crowd {
	struct kq	*kq;
	uint8_t		seen[NR_EVENTS];
	unsigned int	nr_seen;
};

static void *consume(void *arg)
{
	struct crowd *crowd = arg;
	struct ukevent evs[16];
	int i, n;

	while ((n = kq_get(crowd->kq, evs, 16, NULL)) > 0) {
		for (i = 0; i < n; i++) {
			__atomic_fetch_add(&crowd->seen[evs[i].id.raw_u64], 1, __ATOMIC_RELAXED);
			__atomic_fetch_add(&crowd->nr_seen, 1, __ATOMIC_RELAXED);
		}
	}
	return (void *)(intptr_t)n;
}

static void check_threads(struct kq *kq)
{
	static struct crowd crowd;
	pthread_t threads[NR_THREADS];
	struct ukevent ev;
	void *ret;
	int i, twice = 0;

	memset(&crowd, 0, sizeof(crowd));
	crowd.kq = kq;
	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, consume, &crowd);
	for (i = 0; i < NR_EVENTS; i++) {
		ev = kq_interest(KEVENT_USER, i, KEVENT_MASK_ALL,
				 KEVENT_REQ_ONESHOT | KEVENT_REQ_READY, 0);
		if (!CHECK(!kq_add_one(kq, &ev)))
			break;
	}
	while (__atomic_load_n(&crowd.nr_seen, __ATOMIC_RELAXED) < NR_EVENTS)
		usleep(1000);
	for (i = 0; i < NR_THREADS; i++) {
		while (pthread_tryjoin_np(threads[i], &ret)) {
			kq_wake(kq);
			usleep(1000);
		}
		CHECK(!ret);
	}
	for (i = 0; i < NR_EVENTS; i++)
		twice += crowd.seen[i] != 1;
	CHECK(!twice);
	/* Wake-ups that found nobody. */
	while (kq_get(kq, &ev, 1, &now) > 0)
		;
}

static void *sleeper(void *arg)
{
	struct ukevent ev;

	kq_get(arg, &ev, 1, NULL);
	return NULL;
}

/* What happens when a thread is cancelled is seen by the next. */
static void check_cancel(struct kq *kq)
{
	struct ukevent ev = kq_interest(KEVENT_USER, 1, KEVENT_MASK_ALL, 0, 0);
	pthread_t thread;
	int round, got;
	void *ret;

	CHECK(!kq_add_one(kq, &ev));
	for (round = 0; round < 50; round++) {
		struct ukevent copy = ev;

		pthread_create(&thread, NULL, sleeper, kq);
		usleep(round * 20);
		copy.ret_flags = 0;
		pthread_cancel(thread);
		CHECK(kq_ready(kq, &copy, 1) == 0);
		pthread_join(thread, &ret);
		got = kq_get(kq, &copy, 1, &now);
		/* Taken by a thread that then went on to its end, or still there. */
		CHECK(ret == PTHREAD_CANCELED ? got == 1 : got == 0);
	}
	CHECK(!kq_remove_one(kq, &ev));
}

int main(void)
{
	static const struct kq_options kinds[] = {
		{ .kind = KQ_MAP, .nr_slots = 16 }, { .kind = KQ_RING, .nr_slots = 16 },
		{ .kind = KQ_PLAIN },
	};
	struct kq *kq;
	unsigned int i;
	int err;

	for (i = 0; i < 3; i++) {
		err = kq_open(&kq, &kinds[i]);
		if (err) {
			printf("# kq_open: %s\n", strerror(-err));
			return err == -ENOSYS ? 4 : 1;
		}
		printf("# kind %u\n", i);
		fflush(stdout);
		check_pipe(kq);
		check_timers(kq);
		check_wake(kq);
		check_threads(kq);
		if (kinds[i].kind == KQ_MAP)
			check_cancel(kq);
		kq_close(kq);
	}
	printf("library: %d checks, %d failed\n", nr_checks, nr_failed);
	return nr_failed != 0;
}
