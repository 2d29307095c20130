// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: pipes and FIFOs, with the event bits of sockets. The end of
 * the other side is told as KEVENT_POLL_POLLHUP to readers, POLLERR to
 * writers.
 */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/pipe_fs_i.h>

#include "kevent.h"

static u32 pipe_mask(u32 event)
{
	u32 mask = 0;

	if (event & KEVENT_SOCKET_RECV)
		mask |= (__force u32)(EPOLLIN | EPOLLRDNORM);
	if (event & KEVENT_SOCKET_SEND)
		mask |= (__force u32)(EPOLLOUT | EPOLLWRNORM);
	return mask;
}

static int pipe_add(struct kevent *kev)
{
	CLASS(fd, f)(kev->event.id.raw[0]);

	if (fd_empty(f))
		return -EBADF;
	if (!get_pipe_info(fd_file(f), false))
		return -EINVAL;
	return kevent_file_watch(to_kevent_file(kev), fd_file(f),
				 pipe_mask(kev->event.event));
}

static int pipe_modify(struct kevent *kev, const struct ukevent *event)
{
	kevent_file_modify(kev, pipe_mask(event->event));
	return 0;
}

static const struct kevent_source pipe_source = {
	.type		= KEVENT_PIPE,
	.events		= KEVENT_SOCKET_RECV | KEVENT_SOCKET_SEND,
	.add		= pipe_add,
	.modify		= pipe_modify,
	KEVENT_FILE_SOURCE,
};

static int __init kevent_pipe_init(void)
{
	kevent_source_register(&pipe_source);
	return 0;
}
fs_initcall(kevent_pipe_init);
