/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kevent: structures and calls shared by its files. The locking rules are at
 * the head of queue.c.
 */
#ifndef _KERNEL_KEVENT_H
#define _KERNEL_KEVENT_H

#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/kevent.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <uapi/linux/kevent.h>

struct kevent;
struct kevent_queue;
struct user_struct;

/* What req_flags every source takes. */
#define KEVENT_REQ_COMMON	(KEVENT_REQ_ONESHOT | KEVENT_REQ_WAKEUP_ALL | \
				 KEVENT_REQ_ET | KEVENT_REQ_LAST_CHECK | \
				 KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_READY | \
				 KEVENT_REQ_COOKIE)

/* How a number of a new event joins that of one which was not yet told. */
enum kevent_merge {
	KEVENT_MERGE_SET,
	KEVENT_MERGE_OR,
	KEVENT_MERGE_ADD,
};

/**
 * struct kevent_source - a kind of event
 * @type: KEVENT_SOCKET and the like
 * @events: bits of ukevent.event it knows; KEVENT_MASK_ALL is always right
 * @req_flags: bits of ukevent.req_flags it knows besides KEVENT_REQ_COMMON
 * @size: of the structure that begins with a struct kevent
 * @merge: how ret_data of several events becomes one
 * @internal: no business of kevent_ctl()
 * @alloc: memory of @size, zeroed or set up behind the struct kevent; NULL for
 *	the usual allocator, and kfree()
 * @free: the opposite
 * @add: link the interest to its origin; kevent_tell() may run before it
 *	returns. Returns the state that is there already, as @poll does, or an
 *	errno; on failure nothing is linked.
 * @remove: the opposite; no kevent_tell() runs afterwards, and none is running
 * @modify: take over what is new in an event, or refuse it; NULL when there is
 *	nothing to do
 * @poll: for sources of a state: which bits are true now, and ret_data[1]. NULL
 *	for sources of happenings.
 * @measure: ret_data[1] of descriptors, from any context; NULL is 0
 *
 * All but @measure are called with the queue's mutex held, and may sleep.
 */
struct kevent_source {
	u32			type;
	u32			events;
	u32			req_flags;
	u32			size;
	enum kevent_merge	merge[2];
	bool			internal;
	struct kevent		*(*alloc)(struct kevent_queue *kq);
	void			(*free)(struct kevent *kev);
	int			(*add)(struct kevent *kev);
	void			(*remove)(struct kevent *kev);
	int			(*modify)(struct kevent *kev,
					  const struct ukevent *event);
	u32			(*poll)(struct kevent *kev, u32 *data);
	u32			(*measure)(struct kevent *kev);
};

extern const struct kevent_source *kevent_sources[];

void kevent_source_register(const struct kevent_source *source);

/* The table of a kind of event that user space named, or NULL. */
static inline const struct kevent_source *kevent_source_find(u32 type)
{
	if (type >= KEVENT_MAX)
		return NULL;
	return kevent_sources[array_index_nospec(type, KEVENT_MAX)];
}

/* Where a kevent is; see the head of queue.c. */
enum kevent_state {
	KEV_IDLE,
	KEV_READY,
	KEV_CHECK,
	KEV_REAP,
};

#define KEV_DEAD	0x1	/* has ended: takes no more events */
#define KEV_FORCED	0x2	/* told without a look at the source */
#define KEV_DOUBT	0x4	/* something happened, who knows what */
#define KEV_ORPHAN	0x8	/* in no table: freed after its last event */
#define KEV_ADDED	0x10	/* source->add() succeeded */
#define KEV_FAIR	0x20	/* of several queues each in turn */
#define KEV_AGAIN	0x40	/* READY as a level that was told before */
#define KEV_NO_REF	0x80	/* a file that is polled without a reference */

/* Steps of a walk before it drops its spinlock, or calls cond_resched(). */
#define KEVENT_STRIDE	64

/* source->add(): again, after kevent_queue_make_top(). */
#define KEVENT_AS_TOP	1024

/**
 * struct kevent - an interest
 * @mask: of wake-ups that concern it; what the source makes of event.event
 * @state: enum kevent_state
 * @flags: KEV_*
 * @link: in the queue's list that @state says
 * @event: what the user gave; ret_data of READY: not yet told, else: told last
 * @pos: slot of the mapped ring that was written last, plus one
 * @source: its kind
 * @kq: the queue
 * @hashed: in kq->table
 * @closed: a worker ends it: its descriptor was closed by a process that was
 *	killed then
 * @next: the next one in its chain there
 */
struct kevent {
	u32			mask;
	u8			state;
	u8			flags;
	bool			hashed;
	bool			closed;
	struct list_head	link;
	struct ukevent		event;
	u64			pos;
	struct kevent_queue	*kq;
	const struct kevent_source *source;
	struct kevent		*next;
};

/**
 * struct kevent_table - interests by key
 * @chains: of kevent.next
 * @nr_chains: their number, a power of two
 * @shift: 64 minus its logarithm
 * @factor: of the id and of the cookie in the hash
 */
struct kevent_table {
	struct kevent		**chains;
	unsigned long		nr_chains;
	unsigned int		shift;
	u64			factor[2];
};

/* Most memory that a queue keeps for interests to come. */
#define KEVENT_SPARE	32

/**
 * struct kevent_queue - a queue
 * @wq: threads in kevent_wait() and kevent_get_events(), first come first
 *	served; its lock is the queue's lock
 * @map: head of the mapped ring, or NULL; user space reads it
 * @tail: its consumers' page, which user space writes
 * @slots: the mapped ring's slots
 * @older: an entry per slot: how far back the interest's previous slot is, if
 *	nobody has taken that one: see kevent_map_link()
 * @slot_mask: their number minus one
 * @map_size: bytes of @map
 * @kidx: next slot to be written
 * @ready: events that wait to be fetched, or for room in the mapped ring
 * @nr_ready: their number
 * @nr_again: those among them that are levels, told before
 * @nr_out: those that a call took from there to look at, and may come back
 * @check: interests to be looked at in the next system call
 * @nr_check: their number
 * @nr_doubt: those among them that something happened to
 * @check_sorted: the others are in the order of their slots
 * @reap: interests that have ended, to be freed in the next system call
 * @kicked: KEVENT_CTL_READY without elements found nobody waiting
 * @poll_wait: those who poll the queue's descriptor
 * @mtx: serialises all calls but waiting
 * @table: interests by key
 * @nr: their number
 * @nr_spare: number of @spare
 * @spare: memory for interests in files
 * @credits: interests paid for and not made
 * @top: watches other queues, so nobody may watch it
 * @ring: the ring in user memory, or NULL
 * @ring_size: its slots
 * @ring_kidx: next to be written, never wraps
 * @ring_uidx: next to be committed, never wraps
 * @ring_mm: address space of @ring; keeps the mm_struct, not the pages
 * @file: the queue's file; not a reference
 * @user: who pays
 * @nr_locked: pages charged to RLIMIT_MEMLOCK
 * @ref: the file, and each interest that a close() or a timer is at
 * @end_chain: once the file is closed: chains before this one are empty
 * @end_work: frees the rest of the interests if the closing process is killed
 */
struct kevent_queue {
	wait_queue_head_t	wq;
	struct kevent_map	*map;
	struct kevent_map_tail	*tail;
	struct ukevent		*slots;
	u64			*older;
	u32			slot_mask;
	u64			kidx;
	struct list_head	ready;
	u32			nr_ready;
	u32			nr_again;
	u32			nr_out;
	struct list_head	check;
	u32			nr_check;
	u32			nr_doubt;
	bool			check_sorted;
	struct list_head	reap;
	bool			kicked;
	wait_queue_head_t	poll_wait;

	struct mutex		mtx;	/* see the head of queue.c */
	struct kevent_table	table;
	unsigned long		nr;
	unsigned int		nr_spare;
	void			*spare[KEVENT_SPARE];
	unsigned int		credits;
	bool			top;

	struct kevent_ring __user *ring;
	u32			ring_size;
	u64			ring_kidx;
	u64			ring_uidx;
	struct mm_struct	*ring_mm;

	size_t			map_size;
	struct file		*file;
	struct user_struct	*user;
	unsigned long		nr_locked;
	refcount_t		ref;
	unsigned long		end_chain;
	struct work_struct	end_work;
};

/* queue.c */
struct kevent_queue *kevent_queue_create(void);
void kevent_queue_release(struct kevent_queue *kq);
void kevent_queue_put(struct kevent_queue *kq);
void kevent_queue_lock(struct kevent_queue *kq);
int kevent_queue_make_top(struct kevent_queue *kq);
struct kevent *kevent_alloc(struct kevent_queue *kq,
			    const struct kevent_source *source,
			    const struct ukevent *event);
void kevent_free(struct kevent *kev);
bool kevent_remove(struct kevent *kev);
void kevent_close(struct kevent *kev);
void kevent_reap(struct kevent_queue *kq);

static inline void kevent_queue_get(struct kevent_queue *kq)
{
	refcount_inc(&kq->ref);
}

static inline void kevent_queue_unlock(struct kevent_queue *kq)
{
	mutex_unlock(&kq->mtx);
}

/* table.c */
int kevent_table_create(struct kevent_table *table);
void kevent_table_destroy(struct kevent_table *table);
struct kevent *kevent_find(struct kevent_queue *kq,
			   const struct ukevent *event);
int kevent_insert(struct kevent *kev);
void kevent_erase(struct kevent *kev);

/* limit.c */
int kevent_charge(struct kevent_queue *kq);
void kevent_uncharge(struct kevent_queue *kq);
void kevent_uncharge_all(struct kevent_queue *kq);
int kevent_charge_locked(struct kevent_queue *kq, unsigned long nr_pages);
void kevent_uncharge_locked(struct kevent_queue *kq);
int kevent_check_allowed(void);

/* tell.c */
bool __kevent_tell(struct kevent *kev, u32 data0, u32 data1);
bool __kevent_doubt(struct kevent *kev);
bool __kevent_wake(struct kevent_queue *kq, unsigned int nr);
void kevent_tell(struct kevent *kev, u32 data0, u32 data1);
void __kevent_unlink_busy(struct kevent *kev);
void kevent_wake_pollers(struct kevent_queue *kq, __poll_t key);
bool __kevent_force(struct kevent *kev, u32 data0, u32 data1);
bool kevent_catch_up(struct kevent_queue *kq, bool waiter);
bool kevent_verify(struct kevent_queue *kq, u32 enough);

/*
 * Where kevent_drain() puts events: to buf, or by put(). Called without faults;
 * -EFAULT leaves the event in the queue, for a second try when the memory is
 * there: left is how many of the first try are to go then, 0 before. news: not
 * only levels that were told before.
 */
struct kevent_sink {
	int (*put)(struct kevent_sink *sink, struct kevent_queue *kq,
		   struct ukevent *event);
	struct ukevent __user	*buf;
	unsigned int		nr;
	unsigned int		max;
	unsigned int		left;
	bool			news;
};

int kevent_drain(struct kevent_queue *kq, struct kevent_sink *sink);

/* Make it idle. Needs the queue's lock. */
static inline void __kevent_unlink(struct kevent *kev)
{
	if (kev->state != KEV_IDLE)
		__kevent_unlink_busy(kev);
}

/* map.c */
int kevent_map_create(struct kevent_queue *kq, u32 nr);
void kevent_map_destroy(struct kevent_queue *kq);
int kevent_map_mmap(struct file *file, struct vm_area_struct *vma);
void __kevent_map_mark(struct kevent_queue *kq, u64 pos);
int kevent_map_fetch(struct kevent_queue *kq, struct kevent_sink *sink);
u32 kevent_map_commit(struct kevent_queue *kq, u32 new_uidx);

/* Slots that were written and not taken; never more than there are. */
static inline u32 kevent_map_pending(const struct kevent_queue *kq)
{
	return min((u32)kq->kidx - READ_ONCE(kq->tail->uidx),
		   kq->slot_mask + 1);
}

/*
 * True while the last slot of the interest was not taken: nobody has acted on
 * it. Needs the queue's lock.
 */
static inline bool kevent_map_untaken(const struct kevent *kev)
{
	return kev->pos &&
	       kev->kq->kidx - kev->pos < kevent_map_pending(kev->kq);
}

/*
 * Forget the slots of an interest. Needs the queue's lock.
 *
 * Return: its last slot that nobody has taken, or 0. Pass it to
 * kevent_map_mark() after the unlock.
 */
static inline u64 __kevent_map_forget(struct kevent *kev)
{
	u64 pos = kev->kq->map && kevent_map_untaken(kev) ? kev->pos : 0;

	kev->pos = 0;
	return pos;
}

/* Mark these slots as stale, if there are any. */
static inline void kevent_map_mark(struct kevent_queue *kq, u64 pos)
{
	if (unlikely(pos))
		__kevent_map_mark(kq, pos);
}

/* Low bits of kq->older[]: how far back; the others: the slot's own number. */
#define KEVENT_OLDER_BITS	21

static_assert(KEVENT_RING_MAX < 1U << KEVENT_OLDER_BITS);

/*
 * The interest has a slot that nobody has taken, and the next slot will be its
 * own, too: note in kq->older how far back the older one is. That is rare, so
 * other slots do not clear their entry of kq->older. An entry has the number of
 * its slot: one from an earlier round of the ring does not match. Needs the
 * queue's lock.
 */
static inline void kevent_map_link(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;
	u64 pos = kq->kidx + 1;

	kq->older[(u32)kq->kidx & kq->slot_mask] =
		pos << KEVENT_OLDER_BITS | (pos - kev->pos);
}

/* ring.c */
int kevent_ring_create(struct kevent_queue *kq, struct kevent_ring __user *ring,
		       unsigned int num);
void kevent_ring_destroy(struct kevent_queue *kq);
int kevent_put_user(struct ukevent __user *to, const struct ukevent *event);
int kevent_ring_put(struct kevent_queue *kq, struct ukevent *event);
int kevent_ring_commit(struct kevent_queue *kq, u32 new_uidx, u32 over);

static inline bool kevent_ring_has_room(const struct kevent_queue *kq)
{
	return kq->ring_kidx - kq->ring_uidx < kq->ring_size - 1;
}

/* True when the ring is in another address space, not in the caller's. */
static inline bool kevent_ring_is_foreign(const struct kevent_queue *kq)
{
	return kq->ring && kq->ring_mm != current->mm;
}

static inline u32 kevent_ring_uidx(const struct kevent_queue *kq)
{
	u32 idx;

	div_u64_rem(READ_ONCE(kq->ring_uidx), kq->ring_size, &idx);
	return idx;
}

/* ctl.c */
bool kevent_ctl_one(struct kevent_queue *kq, unsigned int cmd,
		    struct ukevent *event);
int kevent_ctl(struct kevent_queue *kq, unsigned int cmd, unsigned int num,
	       struct ukevent __user *arg);

/* wait.c */
/**
 * struct kevent_timeout - how long to wait
 * @expires: &time, or NULL for ever
 * @time: the point in time
 * @clockid: of which clock
 * @now: not at all
 */
struct kevent_timeout {
	ktime_t			*expires;
	ktime_t			time;
	clockid_t		clockid;
	bool			now;
};

int kevent_get_events(struct kevent_queue *kq, u32 min_nr,
		      struct kevent_sink *sink, struct kevent_timeout *timeout);
int kevent_wait(struct kevent_queue *kq, u32 num, u32 old_uidx, u32 min_nr,
		struct kevent_timeout *timeout);
int kevent_commit(struct kevent_queue *kq, u32 new_uidx, u32 over);
void kevent_kick(struct kevent_queue *kq);
__poll_t kevent_queue_poll(struct file *file, poll_table *wait);

/* syscalls.c */
extern const struct file_operations kevent_queue_fops;

static inline bool kevent_is_queue(const struct file *file)
{
	return file->f_op == &kevent_queue_fops;
}

/* file.c: what all sources of descriptors share */

/**
 * struct kevent_file - interest in an open file
 * @kev: the interest
 * @file: the file; not a reference, see file.c
 * @fnode: in file->f_kevents
 * @files: descriptor table in which kev.event.id.raw[0] is the file
 * @wait: in the wait queue that wait.private says
 * @more: further wait queues of a file that has several
 */
struct kevent_file {
	struct kevent		kev;
	struct file		*file;
	struct hlist_node	fnode;
	struct files_struct	*files;
	wait_queue_entry_t	wait;
	struct kevent_file_wait	*more;
};

static inline struct kevent_file *to_kevent_file(struct kevent *kev)
{
	return container_of(kev, struct kevent_file, kev);
}

struct kevent *kevent_file_alloc(struct kevent_queue *kq);
void kevent_file_free(struct kevent *kev);
void kevent_file_free_spare(struct kevent_queue *kq);
int kevent_file_attach(struct kevent_file *kf, struct file *file);
void kevent_file_detach(struct kevent_file *kf);
int kevent_file_watch(struct kevent_file *kf, struct file *file, u32 mask);
void kevent_file_remove(struct kevent *kev);
u32 kevent_file_poll(struct kevent *kev, u32 *data);

/* Look for other bits, besides EPOLLERR and EPOLLHUP. */
static inline void kevent_file_modify(struct kevent *kev, u32 mask)
{
	/* One that has ended meanwhile does not care for its mask. */
	WRITE_ONCE(kev->mask, mask | (__force u32)(EPOLLERR | EPOLLHUP));
}

/* What poll tells of a file: a state, of which a change concerns mask. */
#define KEVENT_FILE_SOURCE					\
	.size	= sizeof(struct kevent_file),			\
	.merge	= { KEVENT_MERGE_OR, KEVENT_MERGE_SET },	\
	.alloc	= kevent_file_alloc,				\
	.free	= kevent_file_free,				\
	.remove	= kevent_file_remove,				\
	.poll	= kevent_file_poll

#ifdef CONFIG_NET
u32 kevent_socket_measure(struct kevent *kev);
#else
static inline u32 kevent_socket_measure(struct kevent *kev)
{
	return 0;
}
#endif

/*
 * Make a hook live, and return when all of its code is patched. Do not check
 * static_key_enabled() first: it is true while another thread still patches.
 */
static inline void kevent_enable_key(struct static_key_false *key)
{
	static_branch_enable(key);
}

/* True for sources whose state can be looked at. */
static inline bool kevent_has_state(const struct kevent *kev)
{
	return kev->source->poll;
}

/* True when it comes back while the condition holds. */
static inline bool kevent_is_level(const struct kevent *kev)
{
	return kevent_has_state(kev) &&
	       !(kev->event.req_flags & (KEVENT_REQ_ET | KEVENT_REQ_ONESHOT));
}

#endif /* _KERNEL_KEVENT_H */
