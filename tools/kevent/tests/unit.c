// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of libkevent over the kernel in fake.c, as TAP.
 *
 *   unit [ROUNDS]     events of each test with several consumers (200000)
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"

#define NR_CONSUMERS	4

static const char * const kinds[] = { "mapped ring", "ring in memory", "plain queue" };
static const struct timespec now;
static unsigned int rounds = 200000;
static unsigned int nr;
static unsigned int failed;

static void ok(bool passed, const char *name)
{
	printf("%s %u %s\n", passed ? "ok" : "not ok", ++nr, name);
	failed += !passed;
}

static void ok_kind(bool passed, enum kq_kind kind, const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "%s: %s", kinds[kind], name);
	ok(passed, text);
}

static struct kq *open_queue(enum kq_kind kind, unsigned int nr_slots, uint32_t first)
{
	struct kq_options opts = { .kind = kind, .nr_slots = nr_slots };
	struct kq *kq;

	fake_first = first;
	if (kq_open(&kq, &opts)) {
		puts("Bail out! no queue");
		exit(1);
	}
	return kq;
}

/* Event number @n, in all its words. */
static struct ukevent numbered(uint32_t n)
{
	struct ukevent ev = kq_interest(KEVENT_USER, n, n, 0, n);

	ev.ret_data[0] = n;
	ev.ret_data[1] = n;
	return ev;
}

static bool is_numbered(const struct ukevent *ev, uint32_t n)
{
	return ev->id.raw_u64 == n && ev->event == n && ev->ret_data[0] == n &&
	       ev->ret_data[1] == n && ev->cookie == n;
}

static void push(struct kq *kq, uint32_t from, uint32_t to)
{
	for (; from != to; from++) {
		struct ukevent ev = numbered(from);

		while (!fake_event(kq_fd(kq), &ev))
			sched_yield();
	}
}

/* === Order, wrap, overflow ================================================ */

/* Batches of 1 to 7, over and over, with indices that wrap. */
static void test_wrap(enum kq_kind kind)
{
	struct kq *kq = open_queue(kind, 8, 0xffffffc0);
	uint32_t told = 0, seen = 0;
	struct ukevent evs[8];
	bool right = true;
	int i, n, batch;

	for (batch = 0; batch < 200; batch++) {
		push(kq, told, told + 1 + batch % 7);
		told += 1 + batch % 7;
		while (seen != told) {
			n = kq_get(kq, evs, 1 + batch % 5, &now);
			right &= n > 0 && n <= 1 + batch % 5;
			if (n <= 0)
				break;
			for (i = 0; i < n; i++)
				right &= is_numbered(&evs[i], seen++);
		}
		right &= kq_get(kq, evs, 8, &now) == 0;
	}
	ok_kind(right && seen == told, kind, "events come in order, also where indices wrap");
	kq_close(kq);
}

static void test_overflow(enum kq_kind kind)
{
	struct kq *kq = open_queue(kind, 16, 0xfffffff8);
	struct ukevent evs[16];
	uint32_t seen = 0;
	bool right = true;
	int i, n;

	push(kq, 0, 100);
	if (kind == KQ_MAP)
		ok(kq_overflow(kq) == 84, "mapped ring: what finds it full is counted");
	while ((n = kq_get(kq, evs, 16, &now)) > 0) {
		for (i = 0; i < n; i++)
			right &= is_numbered(&evs[i], seen++);
	}
	ok_kind(right && seen == 100, kind, "what finds it full comes later");
	kq_close(kq);
}

static void test_no_calls(void)
{
	struct kq *kq = open_queue(KQ_MAP, 64, 0);
	unsigned int calls;
	struct ukevent ev;
	int i;

	push(kq, 0, 64);
	calls = fake_calls;
	for (i = 0; i < 64; i++)
		kq_get(kq, &ev, 1, NULL);
	kq_commit(kq);
	ok(fake_calls == calls, "mapped ring: what is there needs no system call");

	push(kq, 0, 70);
	kq_take(kq, &ev, 1);
	calls = fake_calls;
	ok(!kq_commit(kq) && fake_calls == calls + 1,
	   "mapped ring: a commit is a system call when events wait for room");
	kq_close(kq);
}

static void test_stale(void)
{
	struct kq *kq = open_queue(KQ_MAP, 16, 0xfffffffc);
	struct ukevent evs[16];
	int n;

	push(kq, 0, 8);
	fake_stale(kq_fd(kq), 0xfffffffc);
	fake_stale(kq_fd(kq), 0xffffffff);
	fake_stale(kq_fd(kq), 3);
	n = kq_take(kq, evs, 16);
	ok(n == 5 && is_numbered(&evs[0], 1) && is_numbered(&evs[2], 4) && is_numbered(&evs[4], 6),
	   "mapped ring: events of removed interests are left out");
	push(kq, 8, 9);
	fake_stale(kq_fd(kq), 4);
	ok(kq_get(kq, evs, 16, &now) == 0, "mapped ring: nothing but such events is nothing");
	kq_close(kq);
}

/* === Several consumers ==================================================== */

struct crowd {
	struct kq	*kq;
	uint8_t		*seen;
	unsigned int	nr_seen;
	unsigned int	wrong;
};

static void note(struct crowd *crowd, const struct ukevent *evs, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		uint32_t at = evs[i].id.raw_u64;

		if (at >= rounds || !is_numbered(&evs[i], at) ||
		    __atomic_fetch_add(&crowd->seen[at], 1, __ATOMIC_RELAXED))
			__atomic_fetch_add(&crowd->wrong, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&crowd->nr_seen, 1, __ATOMIC_RELEASE);
	}
}

static bool all_seen(struct crowd *crowd)
{
	return __atomic_load_n(&crowd->nr_seen, __ATOMIC_ACQUIRE) >= rounds;
}

static void *consume(void *arg)
{
	struct crowd *crowd = arg;
	struct ukevent evs[8];
	unsigned int turn = 0;
	int n;

	while ((n = kq_get(crowd->kq, evs, 1 + turn++ % 8, NULL)) > 0)
		note(crowd, evs, n);
	/* Woken without an event: that is the end. */
	__atomic_fetch_add(&crowd->wrong, n != 0, __ATOMIC_RELAXED);
	return NULL;
}

static void *spin(void *arg)
{
	struct crowd *crowd = arg;
	struct ukevent evs[8];
	unsigned int turn = 0;
	int n;

	while (!all_seen(crowd)) {
		n = kq_take(crowd->kq, evs, 1 + turn++ % 8);
		if (n < 0) {
			__atomic_fetch_add(&crowd->wrong, 1, __ATOMIC_RELAXED);
			break;
		}
		note(crowd, evs, n);
	}
	return NULL;
}

static void test_crowd(enum kq_kind kind)
{
	struct crowd crowd = { .kq = open_queue(kind, 16, 0xfffff000) };
	pthread_t threads[NR_CONSUMERS];
	bool ended[NR_CONSUMERS] = {};
	int i, left = NR_CONSUMERS;

	crowd.seen = calloc(rounds, 1);
	for (i = 0; i < NR_CONSUMERS; i++)
		pthread_create(&threads[i], NULL, i % 2 ? spin : consume, &crowd);
	push(crowd.kq, 0, rounds);
	while (!all_seen(&crowd))
		sched_yield();
	while (left) {
		kq_wake(crowd.kq);
		sched_yield();
		for (i = 0; i < NR_CONSUMERS; i++) {
			if (!ended[i] && !pthread_tryjoin_np(threads[i], NULL)) {
				ended[i] = true;
				left--;
			}
		}
	}
	ok_kind(crowd.nr_seen == rounds && !crowd.wrong, kind,
		"several threads: each event is seen by one of them, unbroken");
	kq_close(crowd.kq);
	free(crowd.seen);
}

/* A ring in process memory is nothing for a child. */
static void test_foreign(void)
{
	struct kq *kq = open_queue(KQ_RING, 8, 0);
	struct ukevent evs[4];
	int status = 1;
	bool right;
	pid_t pid;

	push(kq, 0, 2);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(kq_get(kq, evs, 4, &now) != -EXDEV || kq_wait(kq, NULL) != -EXDEV);
	waitpid(pid, &status, 0);
	ok(status == 0, "ring in memory: calls of a child fail with EXDEV");
	/* An event is in the ring: the child does not see it. */
	right = kq_get(kq, evs, 1, &now) == 1;
	pid = fork();
	if (!pid)
		_exit(kq_take(kq, evs, 4) != 0 || kq_get(kq, evs, 4, &now) != -EXDEV);
	waitpid(pid, &status, 0);
	ok(right && status == 0 && kq_get(kq, evs, 4, &now) == 1 && is_numbered(evs, 1),
	   "ring in memory: a child sees and takes no events");
	kq_close(kq);
}

/* Two processes with one ring, which fork() made. */
static void test_fork(enum kq_kind kind)
{
	struct kq *kq = open_queue(kind, 16, 0);
	unsigned int i = 0, want = rounds / 4;
	struct ukevent evs[4];
	uint8_t *seen;
	bool once = true;
	pid_t pid;
	int n, at;

	seen = mmap(NULL, want + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fflush(stdout);
	pid = fork();
	if (!pid)
		push(kq, 0, want);
	while (!__atomic_load_n(&seen[want], __ATOMIC_RELAXED)) {
		const struct timespec soon = { .tv_nsec = 1000000 };

		n = kq_get(kq, evs, 4, &soon);
		for (at = 0; at < n; at++) {
			if (evs[at].id.raw_u64 < want)
				__atomic_fetch_add(&seen[evs[at].id.raw_u64], 1, __ATOMIC_RELAXED);
		}
		for (; i < want && __atomic_load_n(&seen[i], __ATOMIC_RELAXED); i++)
			;
		if (i == want || n < 0)
			__atomic_store_n(&seen[want], 1, __ATOMIC_RELAXED);
	}
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	for (i = 0; i < want; i++)
		once &= seen[i] == 1;
	ok_kind(once, kind, "two processes: each event is seen by one of them");
	munmap(seen, want + 1);
	kq_close(kq);
}

/* Commit to the kernel, and end before the other threads can see it. */
static void *die_in_commit(void *arg)
{
	struct kq *kq = arg;

	pthread_mutex_lock(&kq->shared->lock);
	kevent_commit(kq->fd, 3, 0);
	return NULL;
}

/* A thread ends with the lock held. */
static void test_dead_owner(void)
{
	struct kq *kq = open_queue(KQ_RING, 8, 0);
	struct ukevent evs[8];
	pthread_t thread;
	bool right;

	push(kq, 0, 20);
	right = kq_get(kq, evs, 5, &now) == 5;
	pthread_create(&thread, NULL, die_in_commit, kq);
	pthread_join(thread, NULL);
	right &= kq_commit(kq) == 0 && kq_get(kq, evs, 8, &now) == 2 &&
		 kq_get(kq, evs, 8, &now) == 7 && is_numbered(&evs[0], 7) &&
		 pthread_mutex_trylock(&kq->shared->lock) == 0;
	ok(right, "ring in memory: a thread that dies in a commit does no harm");
	kq_close(kq);
}

/* === Nonsense in shared memory ============================================ */

static void test_hostile_tail(void)
{
	struct kq *kq = open_queue(KQ_MAP, 16, 0);
	struct kevent_map_tail *tail = fake_tail(kq_fd(kq));
	struct ukevent evs[16];

	push(kq, 0, 4);
	tail->uidx = 5;
	ok(kq_take(kq, evs, 16) == -EBADMSG && kq_get(kq, evs, 16, NULL) == -EBADMSG &&
	   kq_wait(kq, NULL) == -EBADMSG, "mapped ring: an index from the future is an error");
	tail->uidx = (uint32_t)-13;
	ok(kq_take(kq, evs, 16) == -EBADMSG, "mapped ring: one too far in the past, too");
	tail->uidx = 4;
	push(kq, 4, 5);
	ok(kq_take(kq, evs, 16) == 1 && is_numbered(&evs[0], 4), "mapped ring: and it goes on");
	kq_close(kq);
}

struct vandal {
	struct kevent_map_tail	*tail;
	bool			stop;
};

static void *scribble(void *arg)
{
	struct vandal *vandal = arg;
	uint32_t state = 20061;

	while (!__atomic_load_n(&vandal->stop, __ATOMIC_RELAXED)) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		__atomic_store_n(&vandal->tail->uidx, state & 1 ? state : state >> 24,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

static void test_vandal(void)
{
	struct kq *kq = open_queue(KQ_MAP, 16, 0);
	struct vandal vandal = { .tail = fake_tail(kq_fd(kq)) };
	struct ukevent *evs = malloc(5 * sizeof(*evs));
	bool right = true;
	pthread_t thread;
	unsigned int i;
	int n;

	pthread_create(&thread, NULL, scribble, &vandal);
	for (i = 0; i < rounds; i++) {
		if (i < 200)
			push(kq, i, i + 1);
		n = kq_take(kq, evs, 5);
		right &= n == -EBADMSG || (n >= 0 && n <= 5);
	}
	__atomic_store_n(&vandal.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ok(right, "mapped ring: whoever writes to the index breaks nothing else");
	free(evs);
	kq_close(kq);
}

static void spoil_size(struct kevent_map *map)
{
	map->nr_slots = 12;
}

static void spoil_none(struct kevent_map *map)
{
	map->nr_slots = 0;
}

static void spoil_offset(struct kevent_map *map)
{
	map->slots_off = 4;
}

static void test_spoiled_head(void)
{
	void (*spoils[])(struct kevent_map *) = { spoil_size, spoil_none, spoil_offset };
	bool right = true;
	struct kq *kq;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		fake_spoil = spoils[i];
		right &= kq_open(&kq, NULL) == -EBADMSG;
	}
	fake_spoil = NULL;
	ok(right, "mapped ring: a head that makes no sense is refused");

	kq = open_queue(KQ_RING, 8, 0);
	kq->shared->ring.ring_kidx = 8;
	ok(kq_take(kq, &(struct ukevent){}, 1) == -EBADMSG,
	   "ring in memory: an index out of range is an error");
	kq_close(kq);
}

/* === Calls ================================================================ */

static int until_five(struct kq *kq, const struct ukevent *ev, void *arg)
{
	unsigned int *seen = arg;

	(void)kq;
	(*seen)++;
	return ev->id.raw_u64 == 4 ? 55 : 0;
}

static void test_for_each(enum kq_kind kind)
{
	struct kq *kq = open_queue(kind, 16, 0);
	struct ukevent ev;
	unsigned int seen = 0;
	bool right;

	push(kq, 0, 9);
	right = kq_wait(kq, &(struct kq_wait_options){ .timeout = &now }) > 0 ||
		kind == KQ_PLAIN;
	right &= kq_for_each(kq, until_five, &seen) == 55 && seen == 5;
	right &= kq_take(kq, &ev, 1) == 1 && is_numbered(&ev, 5);
	right &= kq_for_each(kq, until_five, &seen) == 0 && seen == 8;
	ok_kind(right, kind, "a walk that is ended leaves the rest");
	kq_close(kq);
}

static void test_changes(void)
{
	struct kq *kq = open_queue(KQ_MAP, 16, 0);
	struct ukevent evs[5], ev;
	uint32_t i;

	for (i = 0; i < 5; i++)
		evs[i] = kq_interest(i == 2 ? KEVENT_MAX : KEVENT_USER, i == 4 ? 0 : i,
				     KEVENT_MASK_ALL, 0, i);
	ok(kq_add(kq, evs, 5) == 2 && kq_error(&evs[0]) == -ENOSYS &&
	   kq_error(&evs[1]) == -EEXIST && evs[1].cookie == 4 && !kq_error(&evs[2]) &&
	   evs[2].req_flags & KEVENT_REQ_ALWAYS_QUEUE,
	   "add: those that failed are at the front, with the reason");
	ev = kq_interest(KEVENT_USER, 7, KEVENT_MASK_ALL, 0, 0);
	ok(!kq_add_one(kq, &ev) && kq_add_one(kq, &ev) == -EEXIST && !ev.ret_flags,
	   "add: one");
	ok(!kq_modify_one(kq, &ev) && !kq_remove_one(kq, &ev) &&
	   kq_remove_one(kq, &ev) == -ENOENT && kq_modify_one(kq, &ev) == -ENOENT,
	   "modify, remove: one");
	for (i = 0; i < 3; i++)
		evs[i] = kq_interest(KEVENT_USER, i == 2 ? 99 : i, KEVENT_MASK_ALL, 0, i + 50);
	ok(kq_modify(kq, evs, 3) == 1 && !kq_error(&evs[1]) && kq_error(&evs[2]) == -ENOENT,
	   "modify: counts those that failed");
	for (i = 0; i < 3; i++)
		evs[i].ret_flags = 0;
	ok(kq_ready(kq, evs, 3) == 1 && evs[0].id.raw_u64 == 99 && kq_ready(kq, evs, 0) == 0 &&
	   kq_take(kq, evs, 5) == 2 && evs[0].cookie == 50 && evs[1].cookie == 51,
	   "ready: makes events of interests, with their new cookie");
	ok(!kq_wake(kq) && kq_get(kq, evs, 5, NULL) == 0, "wake: a wait returns 0");
	kq_close(kq);
}

static void test_time(enum kq_kind kind)
{
	struct kq *kq = open_queue(kind, 16, 0);
	const struct timespec soon = { .tv_nsec = 2000000 }, late = { .tv_sec = INT64_MAX };
	const struct timespec bad = { .tv_nsec = 1000000000 }, past = { .tv_sec = -1 };
	struct timespec before, after;
	struct ukevent ev;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &before);
	errno = 77;
	ok_kind(kq_get(kq, &ev, 1, &now) == 0 && kq_get(kq, &ev, 1, &soon) == 0 && errno == 77,
		kind, "a time-out returns 0 and leaves errno alone");
	clock_gettime(CLOCK_MONOTONIC, &after);
	ns = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
	ok_kind(ns >= soon.tv_nsec, kind, "a time-out is not too early");
	push(kq, 0, 1);
	ok_kind(kq_get(kq, &ev, 1, &bad) == -EINVAL && kq_get(kq, &ev, 1, &past) == -EINVAL &&
		kq_get(kq, &ev, 0, NULL) == -EINVAL && kq_take(kq, &ev, 0) == -EINVAL &&
		kq_get(kq, &ev, 1, &late) == 1, kind, "wrong times and sizes are refused");
	kq_close(kq);
}

static void test_open(void)
{
	struct kq_options opts = { .kind = KQ_PLAIN + 1 };
	bool right;
	struct kq *kq;

	right = kq_open(&kq, &opts) == -EINVAL;
	opts = (struct kq_options){ .flags = KEVENT_INIT_MAP };
	right &= kq_open(&kq, &opts) == -EINVAL;
	opts = (struct kq_options){ .nr_slots = 1 };
	right &= kq_open(&kq, &opts) == -EINVAL;
	opts = (struct kq_options){ .kind = KQ_RING, .nr_slots = KEVENT_RING_MAX + 1 };
	right &= kq_open(&kq, &opts) == -EINVAL;
	ok(right, "open: wrong options are refused");
	right = !kq_open(&kq, NULL) && kq->mask == KQ_DEFAULT_SLOTS - 1 && kq_fd(kq) == kq->fd;
	kq_close(kq);
	kq_close(NULL);
	ok(right, "open: without options a mapped ring");
	kq = open_queue(KQ_RING, 9, 0);
	ok(kq->mask == 15, "open: slots are rounded up");
	kq_close(kq);
}

int main(int argc, char **argv)
{
	enum kq_kind kind;

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 10);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13");
	test_open();
	test_changes();
	for (kind = KQ_MAP; kind <= KQ_PLAIN; kind++) {
		test_wrap(kind);
		test_overflow(kind);
		test_for_each(kind);
		test_time(kind);
		test_crowd(kind);
		if (kind != KQ_RING)
			test_fork(kind);
	}
	test_no_calls();
	test_stale();
	test_hostile_tail();
	test_vandal();
	test_spoiled_head();
	test_foreign();
	test_dead_owner();
	printf("1..%u\n", nr);
	return failed != 0;
}
