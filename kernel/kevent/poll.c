// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: whatever can be polled, other queues and epolls among it.
 */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/eventpoll.h>
#include <linux/pid.h>

#include "kevent.h"

#define POLL_EVENTS	0x3fffU

static int poll_add(struct kevent *kev)
{
	CLASS(fd, f)(kev->event.id.raw[0]);
	struct file *file = fd_file(f);

	if (fd_empty(f))
		return -EBADF;
	if (file == kev->kq->file)
		return -ELOOP;
	if ((kevent_is_queue(file) || is_file_epoll(file)) && !kev->kq->top)
		return KEVENT_AS_TOP;
	/* The end of a process is no matter of taking turns. */
	if (!IS_ERR(pidfd_pid(file)))
		kev->event.req_flags |= KEVENT_REQ_WAKEUP_ALL;
	return kevent_file_watch(to_kevent_file(kev), file,
				 kev->event.event & POLL_EVENTS);
}

static int poll_modify(struct kevent *kev, const struct ukevent *event)
{
	kevent_file_modify(kev, event->event & POLL_EVENTS);
	return 0;
}

static const struct kevent_source poll_source = {
	.type		= KEVENT_POLL,
	.events		= POLL_EVENTS,
	.add		= poll_add,
	.modify		= poll_modify,
	KEVENT_FILE_SOURCE,
};

static int __init kevent_poll_init(void)
{
	kevent_source_register(&poll_source);
	return 0;
}
fs_initcall(kevent_poll_init);
