/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kevent: what the rest of the kernel calls. Nothing of it costs more than a
 * patched-out branch until a process has made the first queue.
 */
#ifndef _LINUX_KEVENT_H
#define _LINUX_KEVENT_H

#include <linux/errno.h>
#include <linux/pid.h>
#include <linux/types.h>

struct file;
struct k_itimer;
struct kernel_siginfo;
struct sigevent;
struct task_struct;

#ifdef CONFIG_KEVENT

#include <linux/fs.h>
#include <linux/jump_label.h>

DECLARE_STATIC_KEY_FALSE(kevent_file_key);
DECLARE_STATIC_KEY_FALSE(kevent_signal_key);

void __kevent_close_fd(struct file *file, fl_owner_t id);
void __kevent_release_file(struct file *file);
bool __kevent_signal(int sig, struct kernel_siginfo *info,
		     struct task_struct *t, enum pid_type type);
bool __kevent_nests(struct file *file);

/* True while some queue watches the file. */
static inline bool kevent_file_watched(struct file *file)
{
	return static_branch_unlikely(&kevent_file_key) &&
	       unlikely(READ_ONCE(file->f_kevents.first));
}

/* A descriptor of the table id, of this file, was closed. */
static inline void kevent_close_fd(struct file *file, fl_owner_t id)
{
	if (!static_branch_unlikely(&kevent_file_key))
		return;
	/* The table, then the list. Pairs with kevent_file_attach(). */
	smp_mb();
	if (unlikely(READ_ONCE(file->f_kevents.first)))
		__kevent_close_fd(file, id);
}

/* The last reference to the file went. */
static inline void kevent_release_file(struct file *file)
{
	if (kevent_file_watched(file))
		__kevent_release_file(file);
}

/* True for a queue that watches other queues: it must not be watched. */
static inline bool kevent_nests(struct file *file)
{
	return static_branch_unlikely(&kevent_file_key) && __kevent_nests(file);
}

/*
 * A signal is sent to a task; its siglock is held. True: the process wanted to
 * be told of it and of nothing more.
 */
static inline bool kevent_signal(int sig, struct kernel_siginfo *info,
				 struct task_struct *t, enum pid_type type)
{
	return static_branch_unlikely(&kevent_signal_key) &&
	       __kevent_signal(sig, info, t, type);
}

int kevent_posix_timer_attach(struct k_itimer *timer, struct sigevent *event);
int kevent_posix_timer_fire(struct k_itimer *timer);
void kevent_posix_timer_detach(struct k_itimer *timer);

#else /* CONFIG_KEVENT */

static inline void kevent_close_fd(struct file *file, void *id)
{
}

static inline void kevent_release_file(struct file *file)
{
}

static inline bool kevent_nests(struct file *file)
{
	return false;
}

static inline bool kevent_signal(int sig, struct kernel_siginfo *info,
				 struct task_struct *t, enum pid_type type)
{
	return false;
}

static inline int kevent_posix_timer_attach(struct k_itimer *timer,
					    struct sigevent *event)
{
	return -EINVAL;
}

static inline int kevent_posix_timer_fire(struct k_itimer *timer)
{
	return 0;
}

static inline void kevent_posix_timer_detach(struct k_itimer *timer)
{
}

#endif /* CONFIG_KEVENT */

#endif /* _LINUX_KEVENT_H */
