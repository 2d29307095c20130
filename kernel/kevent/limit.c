// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: who may use it, and how much of it.
 *
 * Interests are counted per user, a hundred or so at a time: a queue takes
 * credits in lots and spends them under its own mutex. Pages of mapped rings
 * are charged to RLIMIT_MEMLOCK. Memory is charged to the memory cgroup where
 * it is allocated.
 */

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/sysctl.h>

#include "kevent.h"

/* Interests that a queue pays for at once. */
#define KEVENT_LOT	64

/* Bytes of lowmem per interest, for the default limit: what epoll takes. */
#define KEVENT_COST	192

static int kevent_disabled __read_mostly;
static unsigned long kevent_max_user __read_mostly;

static bool kevent_charge_user(struct user_struct *user, unsigned int nr)
{
	if (atomic_long_add_return(nr, &user->kevents) <=
	    READ_ONCE(kevent_max_user))
		return true;
	atomic_long_sub(nr, &user->kevents);
	return false;
}

/**
 * kevent_charge() - pay for one interest
 * @kq: the queue, locked
 *
 * Return: 0, or -ENOSPC at the user's limit (kernel.kevent_max_user).
 */
int kevent_charge(struct kevent_queue *kq)
{
	lockdep_assert_held(&kq->mtx);
	if (!kq->credits) {
		if (kevent_charge_user(kq->user, KEVENT_LOT))
			kq->credits = KEVENT_LOT;
		else if (kevent_charge_user(kq->user, 1))
			kq->credits = 1;
		else
			return -ENOSPC;
	}
	kq->credits--;
	return 0;
}

/**
 * kevent_uncharge() - give back what kevent_charge() took
 * @kq: the queue, locked
 */
void kevent_uncharge(struct kevent_queue *kq)
{
	lockdep_assert_held(&kq->mtx);
	if (++kq->credits >= 2 * KEVENT_LOT) {
		atomic_long_sub(KEVENT_LOT, &kq->user->kevents);
		kq->credits -= KEVENT_LOT;
	}
}

/**
 * kevent_uncharge_all() - give back what the queue did not spend
 * @kq: the queue, which nobody else uses
 */
void kevent_uncharge_all(struct kevent_queue *kq)
{
	atomic_long_sub(kq->credits, &kq->user->kevents);
	kq->credits = 0;
}

/**
 * kevent_charge_locked() - charge pages to RLIMIT_MEMLOCK
 * @kq: the queue
 * @nr_pages: how many
 *
 * Return: 0, or -ENOMEM.
 */
int kevent_charge_locked(struct kevent_queue *kq, unsigned long nr_pages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (capable(CAP_IPC_LOCK))
		return 0;
	if (atomic_long_add_return(nr_pages, &kq->user->locked_vm) > limit) {
		atomic_long_sub(nr_pages, &kq->user->locked_vm);
		return -ENOMEM;
	}
	kq->nr_locked = nr_pages;
	return 0;
}

/**
 * kevent_uncharge_locked() - give back what kevent_charge_locked() took
 * @kq: the queue
 */
void kevent_uncharge_locked(struct kevent_queue *kq)
{
	atomic_long_sub(kq->nr_locked, &kq->user->locked_vm);
	kq->nr_locked = 0;
}

/**
 * kevent_check_allowed() - may the caller make a queue?
 *
 * Return: 0, or -EPERM by kernel.kevent_disabled.
 */
int kevent_check_allowed(void)
{
	int disabled = READ_ONCE(kevent_disabled);

	if (!disabled || (disabled == 1 && capable(CAP_SYS_ADMIN)))
		return 0;
	return -EPERM;
}

static const unsigned long long_max = LONG_MAX;

static struct ctl_table kevent_sysctls[] = {
	{
		.procname	= "kevent_disabled",
		.data		= &kevent_disabled,
		.maxlen		= sizeof(kevent_disabled),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_TWO,
	},
	{
		.procname	= "kevent_max_user",
		.data		= &kevent_max_user,
		.maxlen		= sizeof(kevent_max_user),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
		.extra2		= (void *)&long_max,
	},
};

static int __init kevent_limit_init(void)
{
	struct sysinfo si;

	si_meminfo(&si);
	/* As of epoll: one part in 25 of memory that the kernel can address. */
	kevent_max_user = ((si.totalram - si.totalhigh) / 25 << PAGE_SHIFT) /
			  KEVENT_COST;
	register_sysctl_init("kernel", kevent_sysctls);
	return 0;
}
fs_initcall(kevent_limit_init);
