// SPDX-License-Identifier: GPL-2.0-only
/*
 * libkevent: the system calls.
 *
 * errno survives them. kevent_wait() is a cancellation point: what it finds stays
 * in the ring, so it does not matter whether the cancellation came before it or
 * after. syscall(3) is none, hence the asynchronous kind for its duration; that
 * takes a few instructions more, which a single thread need not spend.
 */

#include <errno.h>
#include <pthread.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

static int result(long ret, int saved)
{
	if (ret >= 0)
		return ret;
	ret = -errno;
	errno = saved;
	return ret;
}

int kevent_init(struct kevent_ring *ring, unsigned int num, unsigned int flags)
{
	int saved = errno;

	return result(syscall(__NR_kevent_init, ring, num, flags), saved);
}

int kevent_ctl(int fd, unsigned int cmd, unsigned int num, struct ukevent *arg)
{
	int saved = errno;

	return result(syscall(__NR_kevent_ctl, fd, cmd, num, arg), saved);
}

int kevent_get_events(int fd, unsigned int min_nr, unsigned int max_nr,
		      const struct __kernel_timespec *timeout, struct ukevent *buf,
		      unsigned int flags)
{
	int saved = errno;

	return result(syscall(__NR_kevent_get_events, fd, min_nr, max_nr, timeout, buf, flags),
		      saved);
}

int kevent_wait(int fd, unsigned int num, unsigned int old_uidx,
		const struct __kernel_timespec *timeout, unsigned int flags)
{
	int saved = errno, type;
	long ret;

	if (__libc_single_threaded)
		return result(syscall(__NR_kevent_wait, fd, num, old_uidx, timeout, flags), saved);

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = syscall(__NR_kevent_wait, fd, num, old_uidx, timeout, flags);
	pthread_setcanceltype(type, &type);
	return result(ret, saved);
}

int kevent_commit(int fd, unsigned int new_uidx, unsigned int over)
{
	int saved = errno;

	return result(syscall(__NR_kevent_commit, fd, new_uidx, over), saved);
}
