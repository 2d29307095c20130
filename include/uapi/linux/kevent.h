/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kevent: one queue for events of every kind.
 *
 *   fd = kevent_init(NULL, 0, KEVENT_INIT_CLOEXEC);
 *   kevent_ctl(fd, KEVENT_CTL_ADD, n, interests);
 *   n = kevent_get_events(fd, 1, max, timeout, events, 0);
 *
 * An interest says what to look at (type, id), what to look for (event) and
 * how (req_flags). An event is the same structure with ret_flags and ret_data
 * filled in. All structures have the same layout on 32 and 64 bit.
 *
 * Events reach a program in one of three ways:
 *
 *   kevent_get_events()   copies them to an array
 *   kevent_wait()         copies them to a ring in the program's memory, which
 *                         kevent_init() was told of: struct kevent_ring
 *   nothing at all        the kernel writes them to a ring that it owns and the
 *                         program maps, at the moment when they happen:
 *                         KEVENT_INIT_MAP, struct kevent_map
 *
 * The mapped ring
 * ---------------
 *
 *   fd   = kevent_init(NULL, slots, KEVENT_INIT_MAP);
 *   map  = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, KEVENT_OFF_MAP);
 *   tail = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
 *               KEVENT_OFF_TAIL);
 *
 * size is map->slots_off + map->nr_slots * sizeof(struct ukevent); nr_slots is
 * slots rounded up to a power of two, and the first page can be mapped alone to
 * learn both. Indices are 32 bits, run freely and wrap; the slot is index &
 * (nr_slots - 1). The ring is empty when kidx == uidx and full when kidx - uidx
 * == nr_slots. There is one producer, the kernel, and any number of consumers,
 * threads or processes:
 *
 *   kernel                               consumer
 *
 *   write slot[kidx]                     uidx = load(tail->uidx)
 *   (A) store_release(map->kidx)         (B) load_acquire(map->kidx)
 *                                        copy slot[uidx]
 *   source changes its state             (C) compare_exchange(tail->uidx,
 *   (D) full barrier                             uidx, uidx + 1), full barrier
 *   load tail->uidx                      act on the copy: read(), accept() ...
 *
 *   (A) pairs with (B): whoever sees the index sees the slot.
 *   (C) pairs with (D): while uidx has not passed a slot, nobody has acted on
 *       it, so the kernel may let one event in that slot stand for several.
 *       Hence the rule: move uidx first, act then.
 *
 * Several slots may be taken with one exchange. A single consumer may use an
 * atomic exchange or a store followed by a full barrier. A slot whose copy was
 * not claimed, because the exchange failed, is not to be looked at.
 *
 * A consumer that finds the ring empty calls kevent_wait(). One that would
 * rather spin must look at map->flags too: KEVENT_MAP_CHECK says that the
 * kernel has sources to look at, for which it needs a system call.
 */
#ifndef _UAPI_LINUX_KEVENT_H
#define _UAPI_LINUX_KEVENT_H

#include <linux/time_types.h>
#include <linux/types.h>

/* ukevent.type: what ukevent.id names */
#define KEVENT_SOCKET		0	/* raw[0]: a socket */
#define KEVENT_INODE		1	/* raw[0]: a file or directory */
#define KEVENT_TIMER		2	/* raw[]: seconds, nanoseconds */
#define KEVENT_POLL		3	/* raw[0]: what can be polled */
#define KEVENT_NAIO		4	/* reserved */
#define KEVENT_AIO		5	/* reserved */
#define KEVENT_PIPE		6	/* raw[0]: a pipe or FIFO */
#define KEVENT_SIGNAL		7	/* raw_u64: number, see NOMASK */
#define KEVENT_POSIX_TIMER	8	/* raw[0]: timer, see SIGEV_KEVENT */
#define KEVENT_USER		9	/* raw_u64: of the program's choosing */
#define KEVENT_PIDFD		10	/* raw[0]: a pidfd */
#define KEVENT_MAX		11

/* ukevent.event: what to look for */
#define KEVENT_MASK_ALL		0xffffffffU
#define KEVENT_MASK_EMPTY	0x0U

/* ... of KEVENT_TIMER, KEVENT_POSIX_TIMER */
#define KEVENT_TIMER_FIRED	0x1U

/* ... of KEVENT_SOCKET, KEVENT_PIPE (not ACCEPT) */
#define KEVENT_SOCKET_RECV	0x1U
#define KEVENT_SOCKET_ACCEPT	0x2U
#define KEVENT_SOCKET_SEND	0x4U

/* ... of KEVENT_INODE; of a directory also for what is in it */
#define KEVENT_INODE_CREATE	0x1U
#define KEVENT_INODE_REMOVE	0x2U
#define KEVENT_INODE_MODIFY	0x4U
#define KEVENT_INODE_ATTRIB	0x8U
#define KEVENT_INODE_RENAME	0x10U

/* ... of KEVENT_POLL, KEVENT_PIDFD; also ret_data[0] of every descriptor */
#define KEVENT_POLL_POLLIN	0x0001U
#define KEVENT_POLL_POLLPRI	0x0002U
#define KEVENT_POLL_POLLOUT	0x0004U
#define KEVENT_POLL_POLLERR	0x0008U
#define KEVENT_POLL_POLLHUP	0x0010U
#define KEVENT_POLL_POLLNVAL	0x0020U
#define KEVENT_POLL_POLLRDNORM	0x0040U
#define KEVENT_POLL_POLLRDBAND	0x0080U
#define KEVENT_POLL_POLLWRNORM	0x0100U
#define KEVENT_POLL_POLLWRBAND	0x0200U
#define KEVENT_POLL_POLLMSG	0x0400U
#define KEVENT_POLL_POLLREMOVE	0x1000U
#define KEVENT_POLL_POLLRDHUP	0x2000U

/* ... of KEVENT_SIGNAL */
#define KEVENT_SIGNAL_DELIVERY	0x1U	/* both of the following */
#define KEVENT_SIGNAL_PROCESS	0x2U	/* to the process that added it */
#define KEVENT_SIGNAL_THREAD	0x4U	/* to the thread that added it */

/* ... of KEVENT_AIO */
#define KEVENT_AIO_BIO		0x1U

/*
 * ukevent.id.raw_u64 of KEVENT_SIGNAL: told, and not delivered. It is never
 * pending, and all there is of its siginfo is ret_data. Who wants it whole does
 * not say so, but blocks the signal, and takes it with sigtimedwait() or a
 * signalfd() when it is told: it is pending by then.
 */
#define KEVENT_SIGNAL_NOMASK	0x8000000000000000ULL

/* ukevent.req_flags */
#define KEVENT_REQ_ONESHOT	0x1U	/* one event, then the interest ends */
#define KEVENT_REQ_WAKEUP_ALL	0x2U	/* every queue that asked so is told */
#define KEVENT_REQ_ET		0x4U	/* changes only, not states */
#define KEVENT_REQ_LAST_CHECK	0x8U	/* look again before telling */
#define KEVENT_REQ_ALWAYS_QUEUE	0x10U	/* also what is ready at once */
#define KEVENT_REQ_READY	0x20U	/* ready from the start */
#define KEVENT_REQ_COOKIE	0x40U	/* ptr is part of the key */
#define KEVENT_REQ_ABSTIME	0x100U	/* TIMER: id is a point in time */
#define KEVENT_REQ_REALTIME	0x200U	/* TIMER: of CLOCK_REALTIME */
#define KEVENT_REQ_BOOTTIME	0x400U	/* TIMER: of CLOCK_BOOTTIME */

/* ukevent.ret_flags */
#define KEVENT_RET_BROKEN	0x1U	/* failed: ret_data[1] is the errno */
#define KEVENT_RET_DONE		0x2U	/* happened, or was worked on */
#define KEVENT_RET_COPY_FAILED	0x4U	/* could not also be put in the ring */
#define KEVENT_RET_CLOSED	0x8U	/* descriptor closed: the last event */
#define KEVENT_RET_STALE	0x10U	/* mapped ring: removed, ignore it */

/* kevent_ctl() */
#define KEVENT_CTL_ADD		0
#define KEVENT_CTL_REMOVE	1
#define KEVENT_CTL_MODIFY	2
#define KEVENT_CTL_READY	3

/* kevent_init() */
#define KEVENT_INIT_MAP		0x2U
#define KEVENT_INIT_NONBLOCK	0x4U
#define KEVENT_INIT_CLOEXEC	0x8U

/* kevent_get_events(), kevent_wait() */
#define KEVENT_FLAGS_ABSTIME	0x1U	/* timeout is a point in time */
#define KEVENT_FLAGS_ARGS	0x2U	/* timeout is a struct kevent_args */
#define KEVENT_FLAGS_COMMIT	0x4U	/* kevent_commit() first; needs ARGS */

/* Number of slots of either ring */
#define KEVENT_RING_MIN		2
#define KEVENT_RING_MAX		(1U << 20)

/* mmap() offsets, KEVENT_INIT_MAP */
#define KEVENT_OFF_MAP		0x00000000ULL	/* kevent_map, read only */
#define KEVENT_OFF_TAIL		0x80000000ULL	/* kevent_map_tail */

/* timer_create(): sigev_notify, and where the queue's descriptor goes */
#ifndef SIGEV_KEVENT
#define SIGEV_KEVENT		8
#endif
#define KEVENT_SIGEV_FD(sigevent)	((sigevent)->_sigev_un._tid)

/**
 * struct kevent_id - what an interest is in
 * @raw: descriptor, or seconds and nanoseconds
 * @raw_u64: the same as one number, which is what is compared
 */
struct kevent_id {
	union {
		__u32 raw[2];
		__aligned_u64 raw_u64;
	};
};

/**
 * struct ukevent - an interest, and an event
 * @id: what to look at, see KEVENT_SOCKET and those that follow
 * @type: KEVENT_*
 * @event: mask of what to look for
 * @req_flags: KEVENT_REQ_*
 * @ret_flags: KEVENT_RET_*
 * @ret_data: two numbers about the event. With KEVENT_RET_BROKEN, [1] is the
 *	errno, negative. Else of descriptors: [0] the poll bits, ERR and HUP
 *	always among them; [1] KEVENT_SOCKET: bytes to read of TCP, connections
 *	to accept of a listener, packets to read of others; KEVENT_PIDFD: the
 *	status as wait() gives it; else 0; KEVENT_INODE: [0] the bits of @event
 *	that happened, [1] how often; KEVENT_TIMER: [0] milliseconds of
 *	CLOCK_MONOTONIC, [1] expirations; KEVENT_POSIX_TIMER: [0] expirations
 *	without the first one (overrun), [1] expirations; KEVENT_SIGNAL: [0]
 *	how often, [1] the last sender's pid, 0 for the kernel; KEVENT_USER:
 *	[0] how often, [1] ret_data[1] of the last KEVENT_CTL_READY
 * @user: the program's own; comes back with each event
 * @ptr: the same
 * @cookie: the same; with KEVENT_REQ_COOKIE part of the key, so that there can
 *	be several interests in one (@type, @id). On 32 bit set all of it.
 */
struct ukevent {
	struct kevent_id id;
	__u32 type;
	__u32 event;
	__u32 req_flags;
	__u32 ret_flags;
	__u32 ret_data[2];
	union {
		__u32 user[2];
		void *ptr;
		__aligned_u64 cookie;
	};
};

/**
 * struct kevent_ring - ring in the program's memory, written in its calls
 * @ring_kidx: next slot to be written, below the size given to kevent_init()
 * @ring_over: how often the index of kevent_commit() has wrapped
 * @event: the slots; one of them always stays free, so that equal indices mean
 *	an empty ring
 *
 * The kernel writes here, and never reads it.
 */
struct kevent_ring {
	__u32 ring_kidx;
	__u32 ring_over;
	struct ukevent event[];
};

#define KEVENT_MAP_CHECK	0x1U	/* kevent_wait() would find out more */
#define KEVENT_MAP_FULL		0x2U	/* events wait in the kernel for room */

/**
 * struct kevent_map - head of the mapped ring, written by the kernel only
 * @kidx: next slot to be written, free running; see (A)
 * @flags: KEVENT_MAP_*
 * @overflow: events that found the ring full, and waited in the kernel
 * @nr_slots: number of slots, a power of two
 * @slots_off: where they begin, in bytes from here
 * @reserved: 0
 */
struct kevent_map {
	__u32 kidx;
	__u32 flags;
	__aligned_u64 overflow;
	__u32 nr_slots;
	__u32 slots_off;
	__u32 reserved[26];
};

/**
 * struct kevent_map_tail - written by the consumers of the mapped ring
 * @uidx: next slot to be taken, free running; see (C)
 * @reserved: not looked at
 */
struct kevent_map_tail {
	__u32 uidx;
	__u32 reserved[15];
};

/**
 * struct kevent_args - more arguments for a wait, with KEVENT_FLAGS_ARGS
 * @timeout: address of a struct __kernel_timespec; 0 is for ever
 * @sigmask: address of the signal mask while waiting, as of ppoll(); 0 is none
 * @sigsetsize: size of what @sigmask points to, as of the system call ppoll
 * @clockid: of @timeout: CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME or
 *	CLOCK_TAI
 * @min_nr: kevent_wait(): wait for so many events; 0 is 1
 * @new_uidx: with KEVENT_FLAGS_COMMIT, as of kevent_commit()
 * @over: likewise
 * @reserved: must be 0
 */
struct kevent_args {
	__aligned_u64 timeout;
	__aligned_u64 sigmask;
	__u32 sigsetsize;
	__s32 clockid;
	__u32 min_nr;
	__u32 new_uidx;
	__u32 over;
	__u32 reserved;
};

#endif /* _UAPI_LINUX_KEVENT_H */
