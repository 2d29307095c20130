/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libkevent: one queue for events of every kind.
 *
 *   struct kq *kq;
 *   struct ukevent ev;
 *
 *   kq_open(&kq, NULL);
 *   ev = kq_interest(KEVENT_SOCKET, fd, KEVENT_SOCKET_RECV, KEVENT_REQ_ET, 0);
 *   kq_add_one(kq, &ev);
 *   while ((n = kq_get(kq, events, 64, NULL)) > 0)
 *           for (i = 0; i < n; i++)
 *                   ... events[i].id.raw[0], events[i].ret_data[0] ...
 *   kq_close(kq);
 *
 * A queue may be used by any number of threads at once; each event is given to
 * one of them. Nothing is kept outside of the handle.
 *
 * Functions that return int return 0 or a count, and a negative errno on
 * failure; errno itself is not touched. Events and interests are the kernel's
 * struct ukevent, see <linux/kevent.h>.
 */
#ifndef _LIBKEVENT_H
#define _LIBKEVENT_H

#include <signal.h>
#include <stdint.h>
#include <time.h>

#include <linux/kevent.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBKEVENT_VERSION	"1.0"

/* === System calls ========================================================= */

/**
 * kevent_init() - the system call
 * @ring: ring in the caller's memory, or NULL
 * @num: its slots, or those of the mapped ring with KEVENT_INIT_MAP
 * @flags: KEVENT_INIT_*
 *
 * Return: a descriptor or a negative errno.
 */
int kevent_init(struct kevent_ring *ring, unsigned int num, unsigned int flags);

/**
 * kevent_ctl() - the system call
 * @fd: of a queue
 * @cmd: KEVENT_CTL_*
 * @num: elements of @arg
 * @arg: interests
 *
 * Return: what the command says, see kevent_ctl(2), or a negative errno.
 */
int kevent_ctl(int fd, unsigned int cmd, unsigned int num, struct ukevent *arg);

/**
 * kevent_get_events() - the system call
 * @fd: of a queue
 * @min_nr: events to wait for
 * @max_nr: room in @buf
 * @timeout: or a struct kevent_args, by @flags; NULL is for ever
 * @buf: out
 * @flags: KEVENT_FLAGS_*
 *
 * A thread is not cancelled in here, since what it took would be lost.
 *
 * Return: number of events, or a negative errno.
 */
int kevent_get_events(int fd, unsigned int min_nr, unsigned int max_nr,
		      const struct __kernel_timespec *timeout, struct ukevent *buf,
		      unsigned int flags);

/**
 * kevent_wait() - the system call
 * @fd: of a queue with a ring
 * @num: events to move to the ring at most; of a mapped ring: to count at most
 * @old_uidx: index that the caller has seen
 * @timeout: or a struct kevent_args, by @flags; NULL is for ever
 * @flags: KEVENT_FLAGS_*
 *
 * A cancellation point. What it found is in the ring and not lost.
 *
 * Return: number of events, or a negative errno.
 */
int kevent_wait(int fd, unsigned int num, unsigned int old_uidx,
		const struct __kernel_timespec *timeout, unsigned int flags);

/**
 * kevent_commit() - the system call
 * @fd: of a queue with a ring
 * @new_uidx: first slot that is still needed
 * @over: as read from the ring; a mapped ring has none
 *
 * Return: number of slots freed, or a negative errno.
 */
int kevent_commit(int fd, unsigned int new_uidx, unsigned int over);

/* === Queues =============================================================== */

struct kq;

/* Where the events of a queue are */
enum kq_kind {
	KQ_MAP,		/* in a ring that the kernel fills by itself */
	KQ_RING,	/* in a ring that the kernel fills in calls, for this process only */
	KQ_PLAIN,	/* in the kernel until they are asked for */
};

#define KQ_DEFAULT_SLOTS	1024

/**
 * struct kq_options - argument of kq_open(); all zeros is a good start
 * @kind: see enum kq_kind
 * @nr_slots: slots of the ring, up to KEVENT_RING_MAX; rounded up to a power of
 *	two; 0 is KQ_DEFAULT_SLOTS
 * @flags: KEVENT_INIT_NONBLOCK, or 0; the queue is always closed by exec()
 */
struct kq_options {
	enum kq_kind	kind;
	unsigned int	nr_slots;
	unsigned int	flags;
};

/**
 * kq_open() - create a queue
 * @kq: out; for kq_close()
 * @opts: or NULL
 *
 * Return: 0, or a negative errno: -ENOSYS when the kernel has no kevent, -EPERM
 * when it is switched off, -EINVAL, -EMFILE, -ENFILE, -ENOMEM.
 */
int kq_open(struct kq **kq, const struct kq_options *opts);

/**
 * kq_close() - give everything back
 * @kq: queue, or NULL; no other thread may use it any more
 */
void kq_close(struct kq *kq);

/**
 * kq_fd() - descriptor for poll(2) and its like: POLLIN while events wait
 * @kq: queue
 *
 * Return: a descriptor that kq_close() closes.
 */
int kq_fd(const struct kq *kq);

/* === Interests ============================================================ */

/**
 * kq_interest() - describe what to look for
 * @type: KEVENT_SOCKET and the like, but KEVENT_TIMER
 * @id: descriptor, number of a signal, or the program's own number
 * @event: mask of what to look for
 * @req_flags: KEVENT_REQ_*
 * @cookie: comes back with each event
 *
 * Return: the description.
 */
static inline struct ukevent kq_interest(unsigned int type, uint64_t id, uint32_t event,
					 uint32_t req_flags, uint64_t cookie)
{
	struct ukevent ev = {};

	ev.id.raw_u64 = id;
	/* Descriptors are in raw[0], which is the upper half on big-endian. */
	if (type != KEVENT_SIGNAL && type != KEVENT_USER) {
		ev.id.raw[0] = (uint32_t)id;
		ev.id.raw[1] = 0;
	}
	ev.type = type;
	ev.event = event;
	ev.req_flags = req_flags;
	ev.cookie = cookie;
	return ev;
}

/**
 * kq_interest_timer() - describe a timer
 * @sec: seconds of its period; or a point in time, with KEVENT_REQ_ABSTIME
 * @nsec: and nanoseconds
 * @req_flags: KEVENT_REQ_*
 * @cookie: comes back with each event
 *
 * Return: the description.
 */
static inline struct ukevent kq_interest_timer(uint32_t sec, uint32_t nsec, uint32_t req_flags,
					       uint64_t cookie)
{
	struct ukevent ev = {};

	ev.id.raw[0] = sec;
	ev.id.raw[1] = nsec;
	ev.type = KEVENT_TIMER;
	ev.event = KEVENT_TIMER_FIRED;
	ev.req_flags = req_flags;
	ev.cookie = cookie;
	return ev;
}

/**
 * kq_error() - why an element failed
 * @ev: element of kq_add() and its like, or an event
 *
 * Return: a negative errno, or 0.
 */
static inline int kq_error(const struct ukevent *ev)
{
	return ev->ret_flags & KEVENT_RET_BROKEN ? (int)ev->ret_data[1] : 0;
}

/**
 * kq_add() - register interests
 * @kq: queue
 * @evs: interests; those that failed are at the front afterwards
 * @nr: how many
 *
 * What is ready already becomes an event like any other
 * (KEVENT_REQ_ALWAYS_QUEUE is added).
 *
 * Return: how many failed, see kq_error(), or a negative errno when the call did:
 * -EFAULT.
 */
int kq_add(struct kq *kq, struct ukevent *evs, unsigned int nr);

/**
 * kq_modify() - change interests
 * @kq: queue
 * @evs: their keys, and the new event, req_flags and cookie
 * @nr: how many
 *
 * Return: how many failed, see kq_error(), or a negative errno.
 */
int kq_modify(struct kq *kq, struct ukevent *evs, unsigned int nr);

/**
 * kq_remove() - end interests
 * @kq: queue
 * @evs: their keys: type, id, and with KEVENT_REQ_COOKIE the cookie
 * @nr: how many
 *
 * Return: how many failed, see kq_error(), or a negative errno.
 */
int kq_remove(struct kq *kq, struct ukevent *evs, unsigned int nr);

/**
 * kq_ready() - make events happen
 * @kq: queue
 * @evs: keys of interests; ret_data[1] of KEVENT_USER comes along
 * @nr: how many
 *
 * Return: how many failed, those are at the front; or a negative errno.
 */
int kq_ready(struct kq *kq, struct ukevent *evs, unsigned int nr);

/**
 * kq_wake() - wake one thread that waits; its call returns 0
 * @kq: queue
 *
 * Return: 0 or a negative errno.
 */
int kq_wake(struct kq *kq);

/**
 * kq_add_one() - register an interest
 * @kq: queue
 * @ev: interest; stays as it is
 *
 * Return: 0 or a negative errno: -EEXIST, -EBADF, -EINVAL, -ENOMEM, -ENOSPC at
 * the user's limit, -ENOSYS for an unknown type, -EPERM for what cannot be
 * polled, -ELOOP, -EACCES.
 */
int kq_add_one(struct kq *kq, const struct ukevent *ev);

/**
 * kq_modify_one() - change an interest
 * @kq: queue
 * @ev: as of kq_modify(); stays as it is
 *
 * Return: 0 or a negative errno: -ENOENT.
 */
int kq_modify_one(struct kq *kq, const struct ukevent *ev);

/**
 * kq_remove_one() - end an interest
 * @kq: queue
 * @ev: as of kq_remove(); stays as it is
 *
 * Return: 0 or a negative errno: -ENOENT.
 */
int kq_remove_one(struct kq *kq, const struct ukevent *ev);

/**
 * kq_timer_create() - a POSIX timer that tells the queue, instead of a signal
 * @kq: queue
 * @clockid: as of timer_create(2)
 * @cookie: comes back with each event, whose type is KEVENT_POSIX_TIMER
 * @timer: out; for timer_settime(2), timer_getoverrun(2) and timer_delete(2)
 *
 * Return: 0 or a negative errno.
 */
int kq_timer_create(struct kq *kq, clockid_t clockid, uint64_t cookie, timer_t *timer);

/* === Events =============================================================== */

/**
 * kq_take() - take events that are there
 * @kq: queue
 * @evs: out
 * @max: room in @evs, not 0
 *
 * No system call but for KQ_PLAIN. So the kernel does not look for more: whether a
 * level still holds, and what waits for room in the ring, comes with the next
 * kq_wait() or kq_get().
 *
 * Return: how many, 0 if there are none; -EINVAL; -EBADMSG if the ring makes no
 * sense, because somebody who shares it wrote to it.
 */
int kq_take(struct kq *kq, struct ukevent *evs, unsigned int max);

/**
 * kq_get() - take events, and wait for the first one
 * @kq: queue
 * @evs: out
 * @max: room in @evs, not 0
 * @timeout: how long to wait; NULL is for ever
 *
 * A cancellation point, but for KQ_PLAIN.
 *
 * Return: how many; 0 at the time-out or by kq_wake(); a negative errno: -EINTR
 * after a signal, -EINVAL, -EBADMSG.
 */
int kq_get(struct kq *kq, struct ukevent *evs, unsigned int max, const struct timespec *timeout);

/**
 * kq_for_each() - call a function for each event that is there
 * @kq: queue
 * @fn: called with each; anything but 0 ends the walk
 * @arg: last argument of @fn
 *
 * Events are taken one by one: what @fn does not see stays for others. In a
 * KQ_PLAIN queue a level that @fn leaves as it is comes again in the same walk.
 *
 * Return: what @fn returned last; 0 when no event is there; or as of kq_take().
 */
int kq_for_each(struct kq *kq, int (*fn)(struct kq *kq, const struct ukevent *ev, void *arg),
		void *arg);

/**
 * struct kq_wait_options - argument of kq_wait(); all zeros waits for one event
 * @timeout: or NULL for ever
 * @abstime: it is a point in time
 * @clockid: of @timeout; 0 is CLOCK_REALTIME
 * @sigmask: signal mask while waiting, as of ppoll(2), or NULL
 * @min_nr: events to wait for; 0 is 1
 */
struct kq_wait_options {
	const struct timespec	*timeout;
	int			abstime;
	clockid_t		clockid;
	const sigset_t		*sigmask;
	unsigned int		min_nr;
};

/**
 * kq_wait() - wait until there are events, and leave them there
 * @kq: queue
 * @opts: or NULL
 *
 * A cancellation point. Frees the ring's slots as kq_commit() does.
 *
 * Return: how many there were, of which others may have taken some since; 0 at
 * the time-out or by kq_wake(); a negative errno: -EINTR, -EINVAL, -EBADMSG.
 */
int kq_wait(struct kq *kq, const struct kq_wait_options *opts);

/**
 * kq_commit() - tell the kernel that slots are free again
 * @kq: queue
 *
 * Needed only by those who never wait. No system call unless it makes a
 * difference.
 *
 * Return: 0 or a negative errno.
 */
int kq_commit(struct kq *kq);

/**
 * kq_overflow() - how many events found the ring full, and waited in the kernel
 * @kq: queue
 *
 * Return: the number; always 0 but for KQ_MAP.
 */
uint64_t kq_overflow(const struct kq *kq);

#ifdef __cplusplus
}
#endif

#endif /* _LIBKEVENT_H */
