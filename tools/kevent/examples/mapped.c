// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mapped ring by hand: the protocol of <linux/kevent.h>, one consumer.
 */

#include <fcntl.h>
#include <sys/mman.h>

#include "check.h"

#define SLOTS	8
#define PIPES	20

static int fds[PIPES][2];
static int queue;
static const struct kevent_map *map;
static const struct ukevent *slots;
static struct kevent_map_tail *tail;

static void setup(void)
{
	size_t page = sysconf(_SC_PAGESIZE), size;

	queue = kevent_init(NULL, SLOTS - 1, KEVENT_INIT_MAP | KEVENT_INIT_CLOEXEC);
	need(queue);
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, queue, KEVENT_OFF_MAP);
	if (!CHECK(map != MAP_FAILED))
		exit(done("mapped"));
	CHECK(map->nr_slots == SLOTS && map->kidx == 0);
	size = map->slots_off + map->nr_slots * sizeof(struct ukevent);
	munmap((void *)map, page);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, queue, KEVENT_OFF_MAP);
	tail = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, queue, KEVENT_OFF_TAIL);
	if (!CHECK(map != MAP_FAILED && tail != MAP_FAILED))
		exit(done("mapped"));
	slots = (const void *)((const char *)map + map->slots_off);

	CHECK(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, queue, KEVENT_OFF_MAP) ==
	      MAP_FAILED);
	CHECK(mprotect((void *)map, page, PROT_READ | PROT_WRITE) < 0 && errno == EACCES);
	CHECK(kevent_init(NULL, 1, KEVENT_INIT_MAP) < 0 && errno == EINVAL);
	CHECK(kevent_init(NULL, KEVENT_RING_MAX + 1, KEVENT_INIT_MAP) < 0 && errno == EINVAL);
	CHECK(KEVENT_RING_MIN == 2);
}

static unsigned int nr_waiting(void)
{
	return __atomic_load_n(&map->kidx, __ATOMIC_ACQUIRE) - tail->uidx;
}

/* The next event, without a system call. */
static bool next(struct ukevent *uk)
{
	if (!nr_waiting())
		return false;
	*uk = slots[tail->uidx & (SLOTS - 1)];
	__atomic_fetch_add(&tail->uidx, 1, __ATOMIC_SEQ_CST);
	return true;
}

static bool next_is(int fd)
{
	struct ukevent uk;
	char buf[64];

	return next(&uk) && (int)uk.id.raw[0] == fd && uk.ret_flags & KEVENT_RET_DONE &&
	       uk.ret_data[0] & KEVENT_POLL_POLLIN && read(fd, buf, sizeof(buf)) >= 1;
}

/* Events are in the ring when the write returns. */
static void check_filled(void)
{
	int round;

	for (round = 0; round < 5 * SLOTS; round++) {
		CHECK(write(fds[0][1], "x", 1) == 1 && write(fds[1][1], "x", 1) == 1);
		CHECK(nr_waiting() == 2);
		/* Not taken yet: the slot stands for this, too. */
		CHECK(write(fds[0][1], "x", 1) == 1 && nr_waiting() == 2);
		CHECK(next_is(fds[0][0]) && next_is(fds[1][0]) && !nr_waiting());
	}
}

static void check_overflow(void)
{
	int i;

	for (i = 0; i < PIPES; i++)
		CHECK(write(fds[i][1], "x", 1) == 1);
	CHECK(nr_waiting() == SLOTS && map->overflow == PIPES - SLOTS);
	CHECK(map->flags & KEVENT_MAP_FULL);
	for (i = 0; i < SLOTS; i++)
		CHECK(next_is(fds[i][0]));
	CHECK(kevent_commit(queue, tail->uidx, 0) >= 0 && nr_waiting() == SLOTS);
	for (; i < 2 * SLOTS; i++)
		CHECK(next_is(fds[i][0]));
	CHECK(kevent_wait(queue, 0, tail->uidx, LONG_MS) == PIPES - 2 * SLOTS);
	for (; i < PIPES; i++)
		CHECK(next_is(fds[i][0]));
	CHECK(!nr_waiting() && !(map->flags & KEVENT_MAP_FULL));
}

static void check_wait(void)
{
	struct kevent_args args = { .min_nr = 2, .clockid = CLOCK_MONOTONIC };
	struct __kernel_timespec ts = from_ms(LONG_MS);
	struct ukevent uk;
	char buf[8];

	CHECK(kevent_wait(queue, 0, tail->uidx, 0) == 0);
	CHECK(write(fds[0][1], "x", 1) == 1 && write(fds[1][1], "x", 1) == 1);
	args.timeout = (uintptr_t)&ts;
	CHECK(syscall(__NR_kevent_wait, queue, 0, tail->uidx, &args, KEVENT_FLAGS_ARGS) == 2);
	CHECK(kevent_wait(queue, 1, tail->uidx, 0) == 1);

	/* Commit and wait in one call. */
	args.min_nr = 0;
	args.new_uidx = tail->uidx + 1;
	CHECK(syscall(__NR_kevent_wait, queue, 0, tail->uidx + 1, &args,
		      KEVENT_FLAGS_ARGS | KEVENT_FLAGS_COMMIT) == 1);
	CHECK(nr_waiting() == 1 && read(fds[0][0], buf, sizeof(buf)) == 1);

	/* The other way to take an event. */
	CHECK(kevent_get_events(queue, 1, 4, LONG_MS, &uk) == 1);
	CHECK((int)uk.id.raw[0] == fds[1][0] && !nr_waiting());
	CHECK(read(fds[1][0], buf, sizeof(buf)) == 1);
}

/* A level comes back with the next wait, while it holds. */
static void check_level(void)
{
	struct ukevent uk = interest(KEVENT_PIPE, fds[0][0], KEVENT_SOCKET_RECV, 0);
	char buf[8];

	CHECK(ctl_one(queue, KEVENT_CTL_MODIFY, &uk) == 0 && !broken(&uk));
	CHECK(write(fds[0][1], "x", 1) == 1 && next(&uk) && !nr_waiting());
	CHECK(map->flags & KEVENT_MAP_CHECK);
	CHECK(kevent_wait(queue, 0, tail->uidx, LONG_MS) == 1 && next(&uk));
	CHECK(read(fds[0][0], buf, sizeof(buf)) == 1);
	CHECK(kevent_wait(queue, 0, tail->uidx, 0) == 0);
}

static void check_removed(void)
{
	struct ukevent uk = interest(KEVENT_PIPE, fds[2][0], 0, 0);

	CHECK(write(fds[2][1], "x", 1) == 1 && nr_waiting() == 1);
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0 && !broken(&uk));
	CHECK(next(&uk) && uk.ret_flags & KEVENT_RET_STALE);

	/* Closed: a last event. */
	CHECK(!close(fds[3][0]));
	CHECK(next(&uk) && uk.ret_flags & KEVENT_RET_CLOSED && !nr_waiting());
}

int main(void)
{
	struct ukevent uk;
	int i;

	setup();
	for (i = 0; i < PIPES; i++) {
		CHECK(!pipe(fds[i]));
		uk = interest(KEVENT_PIPE, fds[i][0], KEVENT_SOCKET_RECV, KEVENT_REQ_ET);
		CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	}
	check_filled();
	check_overflow();
	check_wait();
	check_level();
	check_removed();
	return done("mapped");
}
