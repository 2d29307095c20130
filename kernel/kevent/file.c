// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: what all sources of descriptors share.
 *
 * An interest in a file stands in the file's wait queues, and in
 * file->f_kevents. It holds no reference to the file: a close() of the program
 * is a close, the peer of a socket learns of it. What keeps file and interest
 * together instead:
 *
 *   - A file is not freed, and its ->release() not called, before
 *     __kevent_release_file() found f_kevents empty. An interest in there may
 *     use the file's wait queues, and, if it can still get a reference, the
 *     file.
 *   - An interest leaves f_kevents under its queue's mutex only, and its memory
 *     goes after that. Whoever finds one there holds the bucket's lock, which
 *     is enough for a reference to the queue; then takes the mutex and looks
 *     again, for whatever interest of that queue is there.
 *
 * f_kevents has a lock of its own, hashed by file, not file->f_lock: the last
 * one to leave the list unlocks after the list is empty, when the file may be
 * gone. The lock stays.
 *
 * A descriptor is closed when the table has another file, or none, in its
 * place. filp_flush() comes after that, for each close, and the descriptor
 * table is what it says it comes from. So duplicates of the descriptor do not
 * matter, and a number that is used again is never taken for the old one.
 *
 *   kevent_ctl()                         close()
 *
 *   add to f_kevents                     fd_install(fd, NULL)
 *   full barrier                         full barrier
 *   is it still in the table?            is there something in f_kevents?
 */

#include <linux/eventfd.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/eventpoll.h>
#include <linux/hash.h>
#include <linux/indirect_call_wrapper.h>
#include <linux/kasan.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "tell.h"

#define BUCKET_BITS	8

static struct kevent_file_bucket {
	spinlock_t	lock;	/* f_kevents of files in this bucket */
} ____cacheline_aligned_in_smp buckets[1 << BUCKET_BITS];

static struct kmem_cache *kevent_file_cache __ro_after_init;
static struct kmem_cache *kevent_wait_cache __ro_after_init;

/* A wait queue besides the first one. */
struct kevent_file_wait {
	wait_queue_entry_t	wait;
	struct kevent_file	*kf;
	struct kevent_file_wait	*next;
};

/*
 * Bits of a wake-up that are true when it says so. Others are said for good
 * measure, as PRI when a socket has data, or are states that may have passed.
 */
#define SURE	(EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM)

static spinlock_t *bucket_lock(struct file *file)
{
	return &buckets[hash_ptr(file, BUCKET_BITS)].lock;
}

/*
 * Memory is kept with the queue: a batch takes and gives back many at a time,
 * and servers close about as much as they open. A small queue keeps none.
 */
struct kevent *kevent_file_alloc(struct kevent_queue *kq)
{
	struct kevent_file *kf;

	if (!kq->nr_spare && kq->nr >= KEVENT_SPARE)
		kq->nr_spare = kmem_cache_alloc_bulk(kevent_file_cache,
						     GFP_KERNEL,
						     KEVENT_SPARE / 2,
						     kq->spare);
	if (kq->nr_spare) {
		kf = kq->spare[--kq->nr_spare];
		kasan_mempool_unpoison_object(kf, sizeof(*kf));
	} else {
		kf = kmem_cache_alloc(kevent_file_cache, GFP_KERNEL);
		if (!kf)
			return NULL;
	}
	INIT_HLIST_NODE(&kf->fnode);
	kf->wait.func = NULL;
	kf->more = NULL;
	return &kf->kev;
}

static void free_spare(struct kevent_queue *kq, unsigned int nr)
{
	void **spare = kq->spare + kq->nr_spare - nr;
	unsigned int i;

	for (i = 0; i < nr; i++)
		kasan_mempool_unpoison_object(spare[i],
					      sizeof(struct kevent_file));
	kq->nr_spare -= nr;
	kmem_cache_free_bulk(kevent_file_cache, nr, spare);
}

void kevent_file_free(struct kevent *kev)
{
	struct kevent_file *kf = to_kevent_file(kev);
	struct kevent_queue *kq = kev->kq;

	if (kq->nr < KEVENT_SPARE) {
		kmem_cache_free(kevent_file_cache, kf);
		return;
	}
	if (kq->nr_spare == KEVENT_SPARE)
		free_spare(kq, KEVENT_SPARE / 2);
	if (kasan_mempool_poison_object(kf))
		kq->spare[kq->nr_spare++] = kf;
}

/**
 * kevent_file_free_spare() - free what is kept for interests to come
 * @kq: the queue, which nobody else uses any more
 */
void kevent_file_free_spare(struct kevent_queue *kq)
{
	free_spare(kq, kq->nr_spare);
}

/* === Wake-ups === */

/*
 * Report a wake-up to the queue, if the interest asked for one of its bits.
 * @sure: set when the wake-up names bits that are all reliable, see SURE.
 * Return: as __kevent_tell().
 */
static __always_inline int file_tell(struct kevent_file *kf, __poll_t polled,
				     bool *sure)
{
	struct kevent *kev = &kf->kev;
	struct kevent_queue *kq = kev->kq;
	u32 bits = (__force u32)polled & READ_ONCE(kev->mask);
	bool pollers = false;
	unsigned long flags;
	u32 data1 = 0;
	int told;

	if (polled && !bits)
		return 0;
	*sure = bits && !(bits & ~(__force u32)SURE);

	spin_lock_irqsave(&kq->wq.lock, flags);
	/* (D) The source's state, then the consumers' index. */
	smp_mb__after_spinlock();
	if (likely(*sure &&
		   !(kev->event.req_flags & KEVENT_REQ_LAST_CHECK))) {
		if (kev->source->measure)
			data1 = INDIRECT_CALL_1(kev->source->measure,
						kevent_socket_measure, kev);
		told = kevent_tell_slot(kev, bits, data1);
		if (unlikely(told < 0))
			told = __kevent_tell(kev, bits, data1);
	} else {
		told = __kevent_doubt(kev);
	}
	if (told && kevent_has_waiters(kq))
		pollers = __kevent_wake(kq, 1);
	spin_unlock_irqrestore(&kq->wq.lock, flags);

	if (unlikely(pollers))
		kevent_wake_pollers(kq, polled & EPOLL_URING_WAKE);
	return told;
}

/*
 * POLLFREE: the wait queue is about to be freed. The entry must leave it, even
 * if the interest has ended and takes no events. Once private is NULL, another
 * CPU may free the interest: do not touch it after that.
 */
static noinline int file_leave(struct kevent_file *kf, wait_queue_entry_t *wait,
			       __poll_t polled)
{
	bool sure;

	list_del_init(&wait->entry);
	file_tell(kf, polled, &sure);
	/* Pairs with the acquire in kevent_file_unwait(). */
	smp_store_release(&wait->private, NULL);
	return 0;
}

/*
 * Called with the wait queue's lock held, from any context.
 *
 * Of several queues that asked for it the first one gets it, and goes to the
 * end of the line, where its waker is known to stop at the first that takes
 * it. That is right for input only: room to write is offered to everybody, or
 * a writer that is blocked in write() would miss it.
 */
static __always_inline int file_event(struct kevent_file *kf,
				      wait_queue_entry_t *wait, void *key)
{
	__poll_t polled = key_to_poll(key);
	wait_queue_head_t *head;
	bool sure;

	if (unlikely(polled & POLLFREE))
		return file_leave(kf, wait, polled);
	if (!file_tell(kf, polled, &sure) || !sure ||
	    !(wait->flags & WQ_FLAG_EXCLUSIVE) ||
	    !(polled & (EPOLLIN | EPOLLRDNORM)) || polled & EPOLLOUT)
		return 0;
	if (!(kf->kev.flags & KEV_FAIR))
		return 1;
	head = wait->private;
	if (!list_is_last(&wait->entry, &head->head))
		list_move_tail(&wait->entry, &head->head);
	/* Stop here: the walk must not meet the end of the line again. */
	return -1;
}

static int file_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
		     void *key)
{
	return file_event(container_of(wait, struct kevent_file, wait), wait,
			  key);
}

static int file_wake_more(wait_queue_entry_t *wait, unsigned int mode, int sync,
			  void *key)
{
	return file_event(container_of(wait, struct kevent_file_wait, wait)->kf,
			  wait, key);
}

/* === Wait queues === */

struct file_poll_table {
	poll_table		pt;
	struct kevent_file	*kf;
	int			err;
};

static void file_queue_proc(struct file *file, wait_queue_head_t *head,
			    poll_table *pt)
{
	struct file_poll_table *fpt = container_of(pt, struct file_poll_table,
						   pt);
	struct kevent_file *kf = fpt->kf;
	struct kevent_file_wait *more;
	wait_queue_entry_t *wait = &kf->wait;

	if (!wait->func) {
		init_waitqueue_func_entry(wait, file_wake);
	} else {
		more = kmem_cache_zalloc(kevent_wait_cache, GFP_KERNEL);
		if (!more) {
			fpt->err = -ENOMEM;
			return;
		}
		more->kf = kf;
		more->next = kf->more;
		kf->more = more;
		wait = &more->wait;
		init_waitqueue_func_entry(wait, file_wake_more);
	}
	wait->private = head;
	if (kf->kev.event.req_flags & KEVENT_REQ_WAKEUP_ALL)
		add_wait_queue(head, wait);
	else
		add_wait_queue_exclusive(head, wait);
}

static void kevent_file_unwait(wait_queue_entry_t *wait)
{
	wait_queue_head_t *head;

	rcu_read_lock();
	/*
	 * Pairs with the release in file_leave(): NULL after POLLFREE. Else the
	 * wait queue is there until RCU says so.
	 */
	head = smp_load_acquire(&wait->private);
	if (head)
		remove_wait_queue(head, wait);
	rcu_read_unlock();
}

static void file_unwait_all(struct kevent_file *kf)
{
	struct kevent_file_wait *more;

	if (kf->wait.func)
		kevent_file_unwait(&kf->wait);
	kf->wait.func = NULL;
	while ((more = kf->more)) {
		kf->more = more->next;
		kevent_file_unwait(&more->wait);
		kmem_cache_free(kevent_wait_cache, more);
	}
}

/* === Files === */

static bool is_in_table(struct kevent_file *kf)
{
	struct file *file;

	rcu_read_lock();
	file = files_lookup_fd_raw(kf->files, kf->kev.event.id.raw[0]);
	rcu_read_unlock();
	return file == kf->file;
}

static __always_inline int attach(struct kevent_file *kf, struct file *file)
{
	spinlock_t *lock = bucket_lock(file);

	kf->file = file;
	kf->files = current->files;
	spin_lock(lock);
	hlist_add_head(&kf->fnode, &file->f_kevents);
	spin_unlock(lock);
	/* Pairs with the one in kevent_close_fd(). */
	smp_mb();
	if (is_in_table(kf))
		return 0;
	kevent_file_detach(kf);
	return -EBADF;
}

/**
 * kevent_file_attach() - make a close of the descriptor end the interest
 * @kf: the interest, whose id.raw[0] is the descriptor
 * @file: the file; the caller has a reference
 *
 * Return: 0, or -EBADF when it was closed meanwhile.
 */
int kevent_file_attach(struct kevent_file *kf, struct file *file)
{
	return attach(kf, file);
}

/**
 * kevent_file_detach() - the opposite
 * @kf: the interest. Its file must not be looked at afterwards.
 */
void kevent_file_detach(struct kevent_file *kf)
{
	spinlock_t *lock = bucket_lock(kf->file);

	spin_lock(lock);
	hlist_del_init(&kf->fnode);
	spin_unlock(lock);
}

static bool is_eventfd(struct file *file)
{
#ifdef CONFIG_EVENTFD
	struct eventfd_ctx *ctx = eventfd_ctx_fileget(file);

	if (IS_ERR(ctx))
		return false;
	eventfd_ctx_put(ctx);
	return true;
#else
	return false;
#endif
}

/* What kind of file it is, as flags of the interest. */
static u8 file_flags(struct file *file)
{
	umode_t mode = file_inode(file)->i_mode;

	if (S_ISSOCK(mode) || S_ISFIFO(mode))
		return KEV_FAIR | KEV_NO_REF;
	if (kevent_is_queue(file) || is_file_epoll(file) || is_eventfd(file))
		return KEV_FAIR;
	return 0;
}

/**
 * kevent_file_watch() - attach, and stand in the file's wait queues
 * @kf: the interest; its queue is locked
 * @file: the file; the caller has a reference
 * @mask: poll bits to look for, besides EPOLLERR and EPOLLHUP
 *
 * Return: the bits that are true already, -EPERM for a file that cannot be
 * polled, -EBADF when it was closed meanwhile, -ELOOP, -ENOMEM.
 */
int kevent_file_watch(struct kevent_file *kf, struct file *file, u32 mask)
{
	struct file_poll_table fpt = {
		.pt._qproc = file_queue_proc,
		.kf = kf,
	};
	int err;

	if (!file_can_poll(file))
		return -EPERM;
	kf->kev.mask = mask | (__force u32)(EPOLLERR | EPOLLHUP);
	kf->kev.flags |= file_flags(file);

	err = attach(kf, file);
	if (err)
		return err;
	if (kevent_is_queue(file) && kevent_nests(file)) {
		kevent_file_detach(kf);
		return -ELOOP;
	}
	fpt.pt._key = (__force __poll_t)kf->kev.mask;
	mask = (__force u32)vfs_poll(file, &fpt.pt) & kf->kev.mask;
	if (fpt.err) {
		kevent_file_remove(&kf->kev);
		return fpt.err;
	}
	return mask;
}

void kevent_file_remove(struct kevent *kev)
{
	struct kevent_file *kf = to_kevent_file(kev);

	file_unwait_all(kf);
	kevent_file_detach(kf);
}

static __always_inline u32 poll_file(struct kevent *kev, u32 *data)
{
	poll_table pt = { ._key = (__force __poll_t)kev->mask };
	u32 bits;

	bits = (__force u32)vfs_poll(to_kevent_file(kev)->file, &pt) &
	       kev->mask;
	*data = 0;
	if (bits && kev->source->measure)
		*data = kev->source->measure(kev);
	return bits;
}

static noinline u32 poll_with_ref(struct kevent *kev, u32 *data)
{
	struct file *file = to_kevent_file(kev)->file;
	u32 bits;

	*data = 0;
	/* Closed just now: kevent_release_file() waits for the mutex. */
	if (!atomic_long_inc_not_zero(&file->f_count))
		return 0;
	bits = poll_file(kev, data);
	fput(file);
	return bits;
}

/*
 * Who holds the queue's mutex keeps ->release() of the file waiting, so its
 * ->poll() may be called. Some take references to the file in there: not those
 * of sockets and pipes, for others there must be one to begin with.
 */
u32 kevent_file_poll(struct kevent *kev, u32 *data)
{
	if (likely(READ_ONCE(kev->flags) & KEV_NO_REF))
		return poll_file(kev, data);
	return poll_with_ref(kev, data);
}

/* === Close === */

/*
 * A walk over f_kevents for one close: a mark in the list, between the entries
 * that the walk has passed and the others. Other walks skip the mark, since it
 * has no queue. Entries that are added later stand before it. The walk need not
 * see them: attach() refuses a descriptor that is closed already.
 */
struct file_cursor {
	struct kevent_file	kf;
	struct file		*file;
	fl_owner_t		id;	/* NULL: all; else this table only */
	bool			in_work;
	struct work_struct	work;
};

/*
 * True when the close that the walk is for ends the interest. A worker cannot
 * look at the table, which may be gone: kev.closed tells, under the bucket's
 * lock. A table without users goes as a whole: the first close ends all.
 */
static bool file_cursor_wants(const struct file_cursor *cur,
			      struct kevent_file *kf)
{
	if (!kf->kev.kq)
		return false;
	if (cur->in_work)
		return kf->kev.closed;
	if (!cur->id)
		return true;
	return kf->files == cur->id &&
	       (!atomic_read(&kf->files->count) || !is_in_table(kf));
}

static void file_cursor_move(struct file_cursor *cur, struct hlist_node *pos)
{
	hlist_del(&cur->kf.fnode);
	hlist_add_behind(&cur->kf.fnode, pos);
}

/*
 * Move the mark past entries that this close does not end, KEVENT_STRIDE at
 * most. @end: set to whether the list ends there. Needs the bucket's lock.
 *
 * Return: the first entry that this close ends; NULL if it was not reached.
 */
static struct kevent_file *file_cursor_next(struct file_cursor *cur, bool *end)
{
	struct hlist_node *node, *pos = &cur->kf.fnode;
	struct kevent_file *kf = NULL;
	unsigned int left = KEVENT_STRIDE;

	for (node = pos->next; node && left; node = node->next, left--) {
		kf = hlist_entry(node, struct kevent_file, fnode);
		if (file_cursor_wants(cur, kf))
			break;
		pos = node;
		kf = NULL;
	}
	if (pos != &cur->kf.fnode)
		file_cursor_move(cur, pos);
	*end = !node;
	return kf;
}

/* Return: the queue of the next interest to end, with a reference; or NULL. */
static struct kevent_queue *file_cursor_queue(struct file_cursor *cur)
{
	spinlock_t *lock = bucket_lock(cur->file);
	struct kevent_queue *kq = NULL;
	struct kevent_file *kf;
	bool end;

	do {
		spin_lock(lock);
		kf = file_cursor_next(cur, &end);
		if (kf) {
			kq = kf->kev.kq;
			kevent_queue_get(kq);
		}
		spin_unlock(lock);
		cond_resched();
	} while (!kf && !end);
	return kq;
}

/*
 * Return: the next interest to end, if it belongs to @kq, which the caller has
 * locked; else NULL. Also NULL if it is too far away for one step of the walk.
 */
static struct kevent_file *file_cursor_of(struct file_cursor *cur,
					  struct kevent_queue *kq)
{
	spinlock_t *lock = bucket_lock(cur->file);
	struct kevent_file *kf;
	bool end;

	spin_lock(lock);
	kf = file_cursor_next(cur, &end);
	/* It stays, since only we hold its queue's mutex. */
	if (kf && kf->kev.kq != kq)
		kf = NULL;
	spin_unlock(lock);
	return kf;
}

/*
 * End some of the interests that were closed: up to KEVENT_STRIDE in a row of
 * one queue, with its mutex taken once. Return: false when there are no more.
 */
static bool file_cursor_close(struct file_cursor *cur)
{
	struct kevent_queue *kq = file_cursor_queue(cur);
	struct kevent_file *kf;
	unsigned int left;

	if (!kq)
		return false;
	kevent_queue_lock(kq);
	for (left = KEVENT_STRIDE; left; left--) {
		kf = file_cursor_of(cur, kq);
		if (!kf)
			break;
		kevent_close(&kf->kev);
	}
	kevent_queue_unlock(kq);
	kevent_queue_put(kq);
	return true;
}

static void file_cursor_begin(struct file_cursor *cur)
{
	spinlock_t *lock = bucket_lock(cur->file);

	spin_lock(lock);
	hlist_add_head(&cur->kf.fnode, &cur->file->f_kevents);
	spin_unlock(lock);
}

static void file_cursor_end(struct file_cursor *cur)
{
	spinlock_t *lock = bucket_lock(cur->file);

	spin_lock(lock);
	hlist_del(&cur->kf.fnode);
	spin_unlock(lock);
}

static void file_close_work(struct work_struct *work)
{
	struct file_cursor *cur = container_of(work, struct file_cursor, work);

	while (file_cursor_close(cur))
		cond_resched();
	file_cursor_end(cur);
	fput(cur->file);
	kfree(cur);
}

/* Say what a worker is to end. The walk is at its end afterwards. */
static void file_cursor_mark(struct file_cursor *cur)
{
	spinlock_t *lock = bucket_lock(cur->file);
	struct kevent_file *kf;
	bool end;

	do {
		spin_lock(lock);
		kf = file_cursor_next(cur, &end);
		if (kf) {
			kf->kev.closed = true;
			file_cursor_move(cur, &kf->fnode);
		}
		spin_unlock(lock);
		cond_resched();
	} while (!end);
}

/* Have a worker go on. Return: false without memory for that. */
static bool file_close_later(struct file_cursor *cur)
{
	spinlock_t *lock = bucket_lock(cur->file);
	struct file_cursor *later;

	later = kzalloc(sizeof(*later), GFP_KERNEL | __GFP_NOWARN);
	if (!later)
		return false;
	later->file = get_file(cur->file);
	later->in_work = true;
	INIT_WORK(&later->work, file_close_work);
	spin_lock(lock);
	hlist_add_before(&later->kf.fnode, &cur->kf.fnode);
	spin_unlock(lock);
	file_cursor_mark(cur);
	queue_work(system_unbound_wq, &later->work);
	return true;
}

/*
 * End the interests that were closed, in one walk over the list.
 *
 * A process that is killed in close() need not finish the walk: a worker does,
 * since others may have the queue, or even the table (CLONE_FILES). In exit
 * there is nothing to hurry for.
 */
static void file_close(struct file *file, fl_owner_t id)
{
	struct file_cursor cur = {
		.file = file,
		.id = id,
	};

	file_cursor_begin(&cur);
	while (file_cursor_close(&cur)) {
		if (id && fatal_signal_pending(current) &&
		    !(current->flags & PF_EXITING) && file_close_later(&cur))
			break;
	}
	file_cursor_end(&cur);
}

void __kevent_close_fd(struct file *file, fl_owner_t id)
{
	if (id)
		file_close(file, id);
}

void __kevent_release_file(struct file *file)
{
	file_close(file, NULL);
}

static int __init kevent_file_init(void)
{
	int i;

	/* Not ARRAY_SIZE(): a lock without SMP has no size. */
	for (i = 0; i < 1 << BUCKET_BITS; i++)
		spin_lock_init(&buckets[i].lock);
	kevent_file_cache = KMEM_CACHE(kevent_file, SLAB_PANIC | SLAB_ACCOUNT);
	kevent_wait_cache = KMEM_CACHE(kevent_file_wait,
				       SLAB_PANIC | SLAB_ACCOUNT);
	return 0;
}
fs_initcall(kevent_file_init);
