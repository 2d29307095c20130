// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: the end of processes, by pidfd, with their status.
 */

#include <linux/file.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>

#include "kevent.h"

#define PIDFD_EVENTS	(KEVENT_POLL_POLLIN | KEVENT_POLL_POLLRDNORM)

static int pidfd_add(struct kevent *kev)
{
	CLASS(fd, f)(kev->event.id.raw[0]);

	if (fd_empty(f))
		return -EBADF;
	if (IS_ERR(pidfd_pid(fd_file(f))))
		return -EINVAL;
	/* It ends once, for everybody. */
	kev->event.req_flags |= KEVENT_REQ_WAKEUP_ALL;
	return kevent_file_watch(to_kevent_file(kev), fd_file(f),
				 kev->event.event & PIDFD_EVENTS);
}

static int pidfd_modify(struct kevent *kev, const struct ukevent *event)
{
	kevent_file_modify(kev, event->event & PIDFD_EVENTS);
	return 0;
}

/* As wait() gives it; 0 after somebody has waited for it. */
static u32 pidfd_measure(struct kevent *kev)
{
	struct pid *pid = pidfd_pid(to_kevent_file(kev)->file);
	struct task_struct *task;
	u32 status = 0;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_PID);
	if (task) {
		status = READ_ONCE(task->exit_code);
		if (READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT)
			status = READ_ONCE(task->signal->group_exit_code);
	}
	rcu_read_unlock();
	return status;
}

static const struct kevent_source pidfd_source = {
	.type		= KEVENT_PIDFD,
	.events		= PIDFD_EVENTS,
	.add		= pidfd_add,
	.modify		= pidfd_modify,
	.measure	= pidfd_measure,
	KEVENT_FILE_SOURCE,
};

static int __init kevent_pidfd_init(void)
{
	kevent_source_register(&pidfd_source);
	return 0;
}
fs_initcall(kevent_pidfd_init);
