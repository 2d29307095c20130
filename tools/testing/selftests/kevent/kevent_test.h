/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The system calls, and what all tests of kevent need.
 */
#ifndef KEVENT_TEST_H
#define KEVENT_TEST_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/kevent.h>

#ifndef __NR_kevent_get_events
#define __NR_kevent_get_events	560
#define __NR_kevent_ctl		561
#define __NR_kevent_wait	562
#define __NR_kevent_commit	563
#define __NR_kevent_init	564
#endif

/* Seconds for one point, on the slowest machine: include this one last. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	1000
/* Long enough for any machine, short enough to notice. */
#define LONG_MS		300000
/* Nothing is to happen: a test that waits for it waits so long. */
#define SHORT_MS	50

static inline int kevent_init(void *ring, unsigned int num, unsigned int flags)
{
	return syscall(__NR_kevent_init, ring, num, flags);
}

static inline int kevent_ctl(int fd, unsigned int cmd, unsigned int num,
			     struct ukevent *arg)
{
	return syscall(__NR_kevent_ctl, fd, cmd, num, arg);
}

static inline int kevent_get_events(int fd, unsigned int min_nr,
				    unsigned int max_nr, const void *timeout,
				    struct ukevent *buf, unsigned int flags)
{
	return syscall(__NR_kevent_get_events, fd, min_nr, max_nr, timeout, buf,
		       flags);
}

static inline int kevent_wait(int fd, unsigned int num, unsigned int old_uidx,
			      const void *timeout, unsigned int flags)
{
	return syscall(__NR_kevent_wait, fd, num, old_uidx, timeout, flags);
}

static inline int kevent_commit(int fd, unsigned int new_uidx,
				unsigned int over)
{
	return syscall(__NR_kevent_commit, fd, new_uidx, over);
}

static inline struct __kernel_timespec ms(long n)
{
	return (struct __kernel_timespec){ n / 1000, n % 1000 * 1000000 };
}

/* Events of a queue within n ms; 0 is those that are there. */
static inline int get(int kq, struct ukevent *buf, int max, long n)
{
	struct __kernel_timespec ts = ms(n);

	return kevent_get_events(kq, 1, max, &ts, buf, 0);
}

static inline struct ukevent interest(unsigned int type, uint64_t id,
				      unsigned int event, unsigned int req)
{
	struct ukevent ukev;

	memset(&ukev, 0, sizeof(ukev));
	ukev.type = type;
	ukev.id.raw_u64 = id;
	ukev.event = event;
	ukev.req_flags = req;
	ukev.cookie = id + 1000;
	return ukev;
}

/* Add one interest; 0, 1 when it was ready at once, or -errno. */
static inline int add(int kq, struct ukevent ukev)
{
	int ret = kevent_ctl(kq, KEVENT_CTL_ADD, 1, &ukev);

	if (ret < 0)
		return -errno;
	if (ret && ukev.ret_flags & KEVENT_RET_BROKEN)
		return (int)ukev.ret_data[1];
	return ret;
}

static inline int add_fd(int kq, unsigned int type, int fd, unsigned int event,
			 unsigned int req)
{
	return add(kq, interest(type, fd, event,
				req | KEVENT_REQ_ALWAYS_QUEUE));
}

/* Add so many in one thing, with cookies from 0; 0 or -1. */
static inline int add_many(int kq, unsigned int type, int fd,
			   unsigned int event, unsigned int req,
			   unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct ukevent ukev = interest(type, fd, event, req |
					       KEVENT_REQ_COOKIE |
					       KEVENT_REQ_ALWAYS_QUEUE);

		ukev.cookie = i;
		if (add(kq, ukev))
			return -1;
	}
	return 0;
}

/* Remove or modify one interest; 0 or -errno. */
static inline int change(int kq, unsigned int cmd, struct ukevent ukev)
{
	int ret = kevent_ctl(kq, cmd, 1, &ukev);

	if (ret < 0)
		return -errno;
	return ukev.ret_flags & KEVENT_RET_BROKEN ? (int)ukev.ret_data[1] : 0;
}

/* A queue with a mapped ring. */
struct map {
	int fd;
	volatile struct kevent_map *head;
	volatile struct kevent_map_tail *tail;
	struct ukevent *slot;
	size_t size;
};

static inline int map_open(struct map *map, unsigned int nr)
{
	map->fd = kevent_init(NULL, nr, KEVENT_INIT_MAP);
	if (map->fd < 0)
		return -errno;
	map->head = mmap(NULL, 4096, PROT_READ, MAP_SHARED, map->fd,
			 KEVENT_OFF_MAP);
	if (map->head == MAP_FAILED)
		return -errno;
	map->size = map->head->slots_off +
		    map->head->nr_slots * sizeof(struct ukevent);
	munmap((void *)map->head, 4096);
	map->head = mmap(NULL, map->size, PROT_READ, MAP_SHARED, map->fd,
			 KEVENT_OFF_MAP);
	map->tail = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			 map->fd, KEVENT_OFF_TAIL);
	if (map->head == MAP_FAILED || map->tail == MAP_FAILED)
		return -errno;
	map->slot = (void *)((char *)map->head + map->head->slots_off);
	return 0;
}

static inline void map_close(struct map *map)
{
	munmap((void *)map->head, map->size);
	munmap((void *)map->tail, 4096);
	close(map->fd);
}

/* Take one event without a system call; 0 when there is none. */
static inline int map_take(struct map *map, struct ukevent *event)
{
	uint32_t uidx = __atomic_load_n(&map->tail->uidx, __ATOMIC_ACQUIRE);

	do {
		if (__atomic_load_n(&map->head->kidx, __ATOMIC_ACQUIRE) == uidx)
			return 0;
		*event = map->slot[uidx & (map->head->nr_slots - 1)];
	} while (!__atomic_compare_exchange_n(&map->tail->uidx, &uidx, uidx + 1,
					      0, __ATOMIC_SEQ_CST,
					      __ATOMIC_ACQUIRE));
	return 1;
}

/* Wait n ms for events that were not taken. */
static inline int map_wait(struct map *map, long n)
{
	struct __kernel_timespec ts = ms(n);

	return kevent_wait(map->fd, 0, map->tail->uidx, &ts, 0);
}

#endif /* KEVENT_TEST_H */
