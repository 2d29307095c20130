/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system calls of kevent as programs of the original made them, and checks.
 *
 * CHECK() notes what does not hold and goes on; done() is what main() returns.
 */
#ifndef _KEVENT_EXAMPLES_CHECK_H
#define _KEVENT_EXAMPLES_CHECK_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Nothing takes that long; a test that fails ends all the same. */
#define LONG_MS	20000

#define CHECK(cond)	check(cond, #cond, __LINE__)

static int nr_checks;
static int nr_failed;

static inline bool check(bool holds, const char *what, int line)
{
	nr_checks++;
	if (!holds) {
		nr_failed++;
		printf("# line %d: %s (errno %d)\n", line, what, errno);
	}
	return holds;
}

/* A kernel without kevent has nothing to be checked: exit status 4. */
static inline void need(int fd)
{
	if (fd >= 0)
		return;
	printf("# kevent_init: %s\n", strerror(errno));
	exit(errno == ENOSYS ? 4 : 1);
}

static inline int done(const char *name)
{
	printf("%s: %d checks, %d failed\n", name, nr_checks, nr_failed);
	return nr_failed != 0;
}

static inline int kevent_init(struct kevent_ring *ring, unsigned int num, unsigned int flags)
{
	return syscall(__NR_kevent_init, ring, num, flags);
}

static inline int kevent_ctl(int fd, unsigned int cmd, unsigned int num, struct ukevent *arg)
{
	return syscall(__NR_kevent_ctl, fd, cmd, num, arg);
}

static inline struct __kernel_timespec from_ms(unsigned int ms)
{
	return (struct __kernel_timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

static inline int kevent_get_events(int fd, unsigned int min_nr, unsigned int max_nr,
				    unsigned int ms, struct ukevent *buf)
{
	struct __kernel_timespec ts = from_ms(ms);

	return syscall(__NR_kevent_get_events, fd, min_nr, max_nr, &ts, buf, 0);
}

static inline int kevent_wait(int fd, unsigned int num, unsigned int old_uidx, unsigned int ms)
{
	struct __kernel_timespec ts = from_ms(ms);

	return syscall(__NR_kevent_wait, fd, num, old_uidx, &ts, 0);
}

static inline int kevent_commit(int fd, unsigned int new_uidx, unsigned int over)
{
	return syscall(__NR_kevent_commit, fd, new_uidx, over);
}

/* An interest in a descriptor. */
static inline struct ukevent interest(unsigned int type, int fd, unsigned int event,
				      unsigned int req_flags)
{
	struct ukevent uk;

	memset(&uk, 0, sizeof(uk));
	uk.id.raw[0] = fd;
	uk.type = type;
	uk.event = event;
	uk.req_flags = req_flags;
	uk.user[0] = 0x20061223;
	return uk;
}

static inline struct ukevent interest_u64(unsigned int type, __u64 id, unsigned int event,
					  unsigned int req_flags)
{
	struct ukevent uk = interest(type, 0, event, req_flags);

	uk.id.raw_u64 = id;
	return uk;
}

/* kevent_ctl() for one element; the element is left with what came back. */
static inline int ctl_one(int fd, unsigned int cmd, struct ukevent *uk)
{
	uk->ret_flags = 0;
	return kevent_ctl(fd, cmd, 1, uk);
}

/* errno of an element that failed, else 0. */
static inline int broken(const struct ukevent *uk)
{
	return uk->ret_flags & KEVENT_RET_BROKEN ? -(int)uk->ret_data[1] : 0;
}

#endif /* _KEVENT_EXAMPLES_CHECK_H */
