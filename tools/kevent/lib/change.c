// SPDX-License-Identifier: GPL-2.0-only
/*
 * libkevent: what a queue looks for.
 */

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

int kq_add(struct kq *kq, struct ukevent *evs, unsigned int nr)
{
	unsigned int i;

	/* What is handed back then failed, and nothing else. */
	for (i = 0; i < nr; i++)
		evs[i].req_flags |= KEVENT_REQ_ALWAYS_QUEUE;
	return kevent_ctl(kq->fd, KEVENT_CTL_ADD, nr, evs);
}

static int change(struct kq *kq, unsigned int cmd, struct ukevent *evs, unsigned int nr)
{
	unsigned int i, failed = 0;
	int err;

	err = kevent_ctl(kq->fd, cmd, nr, evs);
	if (err)
		return err;
	for (i = 0; i < nr; i++)
		failed += kq_error(&evs[i]) != 0;
	return failed;
}

int kq_modify(struct kq *kq, struct ukevent *evs, unsigned int nr)
{
	return change(kq, KEVENT_CTL_MODIFY, evs, nr);
}

int kq_remove(struct kq *kq, struct ukevent *evs, unsigned int nr)
{
	return change(kq, KEVENT_CTL_REMOVE, evs, nr);
}

int kq_ready(struct kq *kq, struct ukevent *evs, unsigned int nr)
{
	int ret;

	/* Without elements that would be kq_wake(). */
	if (!nr)
		return 0;
	ret = kevent_ctl(kq->fd, KEVENT_CTL_READY, nr, evs);
	return ret < 0 ? ret : (int)nr - ret;
}

int kq_wake(struct kq *kq)
{
	int ret = kevent_ctl(kq->fd, KEVENT_CTL_READY, 0, NULL);

	return ret < 0 ? ret : 0;
}

static int one(struct kq *kq, const struct ukevent *ev,
	       int (*how)(struct kq *, struct ukevent *, unsigned int))
{
	struct ukevent copy = *ev;
	int ret = how(kq, &copy, 1);

	return ret > 0 ? kq_error(&copy) : ret;
}

int kq_add_one(struct kq *kq, const struct ukevent *ev)
{
	return one(kq, ev, kq_add);
}

int kq_modify_one(struct kq *kq, const struct ukevent *ev)
{
	return one(kq, ev, kq_modify);
}

int kq_remove_one(struct kq *kq, const struct ukevent *ev)
{
	return one(kq, ev, kq_remove);
}

/*
 * The libc refuses a notification that it does not know. What it makes of a
 * timer's number that comes from the kernel is the number.
 */
int kq_timer_create(struct kq *kq, clockid_t clockid, uint64_t cookie, timer_t *timer)
{
	int saved = errno, id, err;
	struct sigevent sev;

	memset(&sev, 0, sizeof(sev));
	sev.sigev_notify = SIGEV_KEVENT;
	sev.sigev_value.sival_ptr = (void *)(uintptr_t)cookie;
	KEVENT_SIGEV_FD(&sev) = kq->fd;
	if (syscall(__NR_timer_create, clockid, &sev, &id)) {
		err = -errno;
		errno = saved;
		return err;
	}
	*timer = (timer_t)(intptr_t)id;
	return 0;
}
