// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: signals.
 *
 * An interest is in a signal that is sent to the process which added it, or to
 * the thread which did. It is not inherited by fork(), and it ends with
 * exec(): the new program's signals are its own affair. Interests are found by
 * a hash of the process, so that neither task nor process needs a field for
 * them.
 *
 * With KEVENT_SIGNAL_NOMASK the signal is told and nothing more; so is not a
 * fault of the program itself, which would happen again and again, and not the
 * signal of a timer, which delivery sets going again.
 */

#include <linux/hash.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>

#include "kevent.h"

#define BUCKET_BITS	6

/* Taken inside siglock. */
static struct signal_bucket {
	spinlock_t		lock;	/* of head */
	struct hlist_head	head;
} buckets[1 << BUCKET_BITS];

DEFINE_STATIC_KEY_FALSE(kevent_signal_key);

/**
 * struct kevent_signal - interest in a signal
 * @kev: the interest; its mask is KEVENT_SIGNAL_PROCESS and _THREAD
 * @node: in the bucket of @tgid
 * @tgid: the process
 * @pid: the thread
 * @exec_id: which program the process runs
 */
struct kevent_signal {
	struct kevent		kev;
	struct hlist_node	node;
	struct pid		*tgid;
	struct pid		*pid;
	u64			exec_id;
};

static struct kevent_signal *to_kevent_signal(struct kevent *kev)
{
	return container_of(kev, struct kevent_signal, kev);
}

static struct signal_bucket *bucket_of(struct pid *tgid)
{
	return &buckets[hash_ptr(tgid, BUCKET_BITS)];
}

static u32 sender_of(int sig, struct kernel_siginfo *info,
		     struct task_struct *t)
{
	if (info == SEND_SIG_NOINFO)
		return task_tgid_nr_ns(current, task_active_pid_ns(t));
	if (info == SEND_SIG_PRIV)
		return 0;
	switch (siginfo_layout(sig, info->si_code)) {
	case SIL_KILL:
	case SIL_CHLD:
	case SIL_RT:
		return info->si_pid;
	default:
		return 0;
	}
}

/* Raised by what the program itself does, and raised again if not delivered. */
static bool is_fault(int sig, struct kernel_siginfo *info)
{
	return info != SEND_SIG_NOINFO && info != SEND_SIG_PRIV &&
	       info->si_code > 0 &&
	       siginmask(sig, sigmask(SIGSEGV) | sigmask(SIGBUS) |
			      sigmask(SIGILL) | sigmask(SIGTRAP) |
			      sigmask(SIGFPE) | sigmask(SIGSYS));
}

static bool concerns(struct kevent_signal *ks, int sig, struct task_struct *t,
		     enum pid_type type)
{
	if (ks->tgid != task_tgid(t) ||
	    READ_ONCE(t->self_exec_id) != ks->exec_id)
		return false;
	if ((ks->kev.event.id.raw_u64 & ~KEVENT_SIGNAL_NOMASK) != sig)
		return false;
	if (type == PIDTYPE_PID)
		return READ_ONCE(ks->kev.mask) & KEVENT_SIGNAL_THREAD &&
		       ks->pid == task_pid(t);
	return READ_ONCE(ks->kev.mask) & KEVENT_SIGNAL_PROCESS;
}

bool __kevent_signal(int sig, struct kernel_siginfo *info,
		     struct task_struct *t, enum pid_type type)
{
	struct signal_bucket *bucket = bucket_of(task_tgid(t));
	bool told = false, nomask = false;
	struct kevent_signal *ks;

	/* One more look without the lock: most processes have none. */
	if (hlist_empty(&bucket->head))
		return false;
	spin_lock(&bucket->lock);
	hlist_for_each_entry(ks, &bucket->head, node) {
		if (!concerns(ks, sig, t, type))
			continue;
		if (told && !(ks->kev.event.req_flags & KEVENT_REQ_WAKEUP_ALL))
			continue;
		told = true;
		if (ks->kev.event.id.raw_u64 & KEVENT_SIGNAL_NOMASK)
			nomask = true;
		kevent_tell(&ks->kev, 1, sender_of(sig, info, t));
	}
	spin_unlock(&bucket->lock);
	return nomask && !is_fault(sig, info);
}

static u32 signal_mask(u32 event)
{
	if (event & KEVENT_SIGNAL_DELIVERY)
		event |= KEVENT_SIGNAL_PROCESS | KEVENT_SIGNAL_THREAD;
	return event & (KEVENT_SIGNAL_PROCESS | KEVENT_SIGNAL_THREAD);
}

static int signal_add(struct kevent *kev)
{
	struct kevent_signal *ks = to_kevent_signal(kev);
	u64 sig = kev->event.id.raw_u64 & ~KEVENT_SIGNAL_NOMASK;
	struct signal_bucket *bucket;

	if (!sig || sig > _NSIG)
		return -EINVAL;
	if (sig != kev->event.id.raw_u64 && sig_kernel_only(sig))
		return -EINVAL;
	kev->mask = signal_mask(kev->event.event);
	ks->tgid = get_pid(task_tgid(current));
	ks->pid = get_pid(task_pid(current));
	ks->exec_id = current->self_exec_id;

	kevent_enable_key(&kevent_signal_key);
	bucket = bucket_of(ks->tgid);
	spin_lock_irq(&bucket->lock);
	hlist_add_head(&ks->node, &bucket->head);
	spin_unlock_irq(&bucket->lock);
	return 0;
}

static void signal_remove(struct kevent *kev)
{
	struct kevent_signal *ks = to_kevent_signal(kev);
	struct signal_bucket *bucket = bucket_of(ks->tgid);

	spin_lock_irq(&bucket->lock);
	hlist_del_init(&ks->node);
	spin_unlock_irq(&bucket->lock);
	put_pid(ks->tgid);
	put_pid(ks->pid);
}

static int signal_modify(struct kevent *kev, const struct ukevent *event)
{
	spin_lock_irq(&kev->kq->wq.lock);
	if (!(kev->flags & KEV_DEAD))
		WRITE_ONCE(kev->mask, signal_mask(event->event));
	spin_unlock_irq(&kev->kq->wq.lock);
	return 0;
}

static const struct kevent_source signal_source = {
	.type		= KEVENT_SIGNAL,
	.events		= KEVENT_SIGNAL_DELIVERY |
			  KEVENT_SIGNAL_PROCESS | KEVENT_SIGNAL_THREAD,
	.size		= sizeof(struct kevent_signal),
	.merge		= { KEVENT_MERGE_ADD, KEVENT_MERGE_SET },
	.add		= signal_add,
	.remove		= signal_remove,
	.modify		= signal_modify,
};

static int __init kevent_signal_init(void)
{
	int i;

	for (i = 0; i < 1 << BUCKET_BITS; i++)
		spin_lock_init(&buckets[i].lock);
	kevent_source_register(&signal_source);
	return 0;
}
fs_initcall(kevent_signal_init);
