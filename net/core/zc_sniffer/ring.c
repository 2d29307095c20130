// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: rings - making them, and taking packets back.
 *
 * Overview
 * --------
 *
 * What user space sees of a ring is written by the kernel and never read again.
 * What a packet keeps - holds on chunks, copies, references on blocks - is in
 * entries of the kernel's own, one per slot. A release names a slot; whatever
 * it says is compared with the entries, so a wrong one frees nothing.
 *
 * The limit of a reader is lent to its rings in portions, so that a packet
 * costs no shared counter. A ring gives back what it does not use when packets
 * come back, and one that needs more makes the others do so.
 *
 * Locking
 * -------
 *
 *   ring->lock    entries from tail to head, tail, read_pos, returned, quota.
 *                 The producer owns the entries from head on, and needs the
 *                 lock only to reap and to get quota. Interrupts off.
 */

#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/nta.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "ring.h"

/* The largest portion of a limit: some large packets, many small ones. */
#define ZCS_PORTION	SZ_256K

/* Packets taken back with interrupts off at a stretch. */
#define ZCS_BATCH	64

/* === Making ============================================================== */

static size_t zcs_ring_size(const struct zcs_reader *r)
{
	return PAGE_ALIGN(PAGE_SIZE + (size_t)r->setup.nr_slots *
			  sizeof(struct zcs_desc));
}

static void zcs_ring_wake_work(struct irq_work *work)
{
	struct zcs_cpu_ring *ring = container_of(work, struct zcs_cpu_ring,
						 wake);

	wake_up_interruptible(&ring->reader->wait);
}

/**
 * zcs_rings_alloc() - give a reader its rings
 * @r: reader with a checked setup
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM; zcs_rings_free() is due either way.
 */
int zcs_rings_alloc(struct zcs_reader *r)
{
	size_t size = zcs_ring_size(r);
	struct zcs_cpu_ring *ring;
	unsigned int i;

	r->ring = kvcalloc(nr_cpu_ids, sizeof(*r->ring), GFP_KERNEL_ACCOUNT);
	r->rings = vmalloc_user(size * nr_cpu_ids);
	if (!r->ring || !r->rings)
		return -ENOMEM;
	for (i = 0; i < nr_cpu_ids; i++) {
		ring = &r->ring[i];
		ring->reader = r;
		ring->mem = r->rings + size * i;
		ring->mem->nr_slots = r->setup.nr_slots;
		ring->mem->cpu = i;
		ring->cpu = i;
		ring->mem->slots_off = PAGE_SIZE;
		ring->slots = (void *)ring->mem + PAGE_SIZE;
		ring->mask = r->setup.nr_slots - 1;
		raw_spin_lock_init(&ring->lock);
		init_irq_work(&ring->wake, zcs_ring_wake_work);
		ring->entry = kvcalloc(r->setup.nr_slots, sizeof(*ring->entry),
				       GFP_KERNEL_ACCOUNT);
		if (!ring->entry)
			return -ENOMEM;
	}
	/* Idle, all rings together keep half of the limit at most. */
	r->portion = min_t(u64, ZCS_PORTION,
			   div_u64(r->setup.limit, 4 * nr_cpu_ids));
	r->setup.ring_size = size;
	r->setup.nr_rings = nr_cpu_ids;
	/* Pairs with zcs_nr_rings(). */
	smp_store_release(&r->nr_rings, nr_cpu_ids);
	return 0;
}

/**
 * zcs_tails_alloc() - give a reader the memory that it writes
 * @r: reader; the caller holds its mtx
 *
 * Context: Process context.
 * Return: 0, also if it has it already, or -ENOMEM.
 */
int zcs_tails_alloc(struct zcs_reader *r)
{
	struct zcs_tail *tails;

	if (r->tails)
		return 0;
	r->tails_size = PAGE_ALIGN((nr_cpu_ids + 1) * sizeof(*tails));
	tails = vmalloc_user(r->tails_size);
	if (!tails)
		return -ENOMEM;
	/* Pairs with zcs_tails_mmap(). */
	smp_store_release(&r->tails, tails);
	return 0;
}

/**
 * zcs_rings_free() - take all packets back and free the rings
 * @r: reader that is not started, and that nobody else uses any more
 *
 * Context: Process context.
 */
void zcs_rings_free(struct zcs_reader *r)
{
	struct zcs_cpu_ring *ring;
	unsigned int i;

	for (i = 0; r->ring && i < nr_cpu_ids; i++) {
		ring = &r->ring[i];
		if (ring->entry) {
			irq_work_sync(&ring->wake);
			while (ring->tail != ring->head) {
				zcs_entry_drop(zcs_ring_entry(ring,
							      ring->tail));
				ring->tail++;
				cond_resched();
			}
		}
		kvfree(ring->entry);
	}
	vfree(r->rings);
	kvfree(r->ring);
	r->rings = NULL;
	r->ring = NULL;
}

/* === Taking back ========================================================= */

/**
 * zcs_entry_drop() - let go of what a slot keeps
 * @e: its entry
 *
 * Context: Any context.
 */
void zcs_entry_drop(struct zcs_entry *e)
{
	unsigned int i;
	void *ptr;

	for (i = 0; i < e->nr_refs; i++) {
		ptr = (void *)(e->ref[i] & ~ZCS_REF_MASK);
		switch (e->ref[i] & ZCS_REF_MASK) {
		case ZCS_REF_CHUNK:
			nta_unhold(ptr, 0);
			break;
		case ZCS_REF_COPY:
			nta_free(ptr);
			break;
		case ZCS_REF_PAGE:
			put_page(ptr);
			break;
		case ZCS_REF_NONE:
			break;
		}
	}
	e->nr_refs = 0;
	e->state = ZCS_ENTRY_FREE;
}

static void zcs_ring_bad(struct zcs_cpu_ring *ring)
{
	WRITE_ONCE(ring->mem->bad_releases, ring->mem->bad_releases + 1);
}

/* Let go of one packet, whose first slot is @pos. Returns its slots. */
static u32 zcs_ring_drop(struct zcs_cpu_ring *ring, u32 pos)
{
	struct zcs_entry *e = zcs_ring_entry(ring, pos);
	u32 n = e->nr_slots, i;

	ring->returned += e->bytes;
	/* Most are a chunk and no more; what was charged is its size. */
	if (likely(e->nr_refs == 1 && n == 1 &&
		   (e->ref[0] & ZCS_REF_MASK) == ZCS_REF_CHUNK)) {
		nta_unhold((void *)e->ref[0], e->bytes);
		e->nr_refs = 0;
		e->state = ZCS_ENTRY_FREE;
		return 1;
	}
	for (i = 0; i < n; i++)
		zcs_entry_drop(zcs_ring_entry(ring, pos + i));
	return n;
}

/* After packets came back: say so, and give quota back that is not needed. */
static void zcs_ring_settle(struct zcs_cpu_ring *ring, u32 tail)
{
	u64 portion = ring->reader->portion;
	u64 held, keep, extra;

	lockdep_assert_held(&ring->lock);
	WRITE_ONCE(ring->mem->returned, ring->returned);
	held = READ_ONCE(ring->mem->charged) - ring->returned;
	keep = held + portion;
	if (ring->quota > keep + portion || (!held && ring->quota > keep)) {
		extra = ring->quota - keep;
		WRITE_ONCE(ring->quota, keep);
		atomic64_add(extra, &ring->reader->pool);
	}
	WRITE_ONCE(ring->returned, ring->returned);
	smp_store_release(&ring->tail, tail);		/* (F) */
}

/*
 * Take back packets before slot @tail, which user space says is the next it
 * reads: ZCS_BATCH at most. 1: there are more; 0: that was all; -EINVAL: @tail
 * is not the first slot of a packet, or head.
 */
static int zcs_ring_release_to(struct zcs_cpu_ring *ring, u32 tail)
{
	u32 head = smp_load_acquire(&ring->mem->head);	/* (C) */
	u32 pos = ring->tail;
	unsigned int n = 0;

	lockdep_assert_held(&ring->lock);
	if (tail == pos)
		return 0;
	if (tail - pos > head - pos ||
	    (tail != head &&
	     zcs_ring_entry(ring, tail)->state != ZCS_ENTRY_USED)) {
		zcs_ring_bad(ring);
		return -EINVAL;
	}
	while (pos != tail && n++ < ZCS_BATCH)
		pos += zcs_ring_drop(ring, pos);
	zcs_ring_settle(ring, pos);
	return pos != tail;
}

/**
 * zcs_ring_release_one() - take back one packet that was read()
 * @ring: the ring
 * @pos: its first slot, as user space says
 *
 * Context: Any context; the caller holds ring->lock.
 * Return: slots of the packet; -EINVAL if there is no packet that the reader
 * has.
 */
int zcs_ring_release_one(struct zcs_cpu_ring *ring, u32 pos)
{
	u32 tail = ring->tail;
	int n;

	lockdep_assert_held(&ring->lock);
	if (pos - tail >= ring->read_pos - tail ||
	    zcs_ring_entry(ring, pos)->state != ZCS_ENTRY_USED) {
		zcs_ring_bad(ring);
		return -EINVAL;
	}
	n = zcs_ring_drop(ring, pos);
	while (tail != ring->read_pos &&
	       zcs_ring_entry(ring, tail)->state == ZCS_ENTRY_FREE)
		tail++;
	zcs_ring_settle(ring, tail);
	return n;
}

/* Look at the tail that user space moves. The caller holds ring->lock. */
static int zcs_ring_reap_locked(struct zcs_cpu_ring *ring)
{
	struct zcs_reader *r = ring->reader;
	u32 tail;

	if (READ_ONCE(r->mode) != ZCS_MODE_MAPPED)
		return 0;
	/* (E), see ring.h */
	tail = smp_load_acquire(&r->tails[ring->cpu].tail);
	return zcs_ring_release_to(ring, tail);
}

/**
 * zcs_ring_reap() - take back some of what the reader has released
 * @ring: a ring
 *
 * Context: Any context but NMI.
 * Return: 1 if there is more; 0; -EINVAL if the tail was refused.
 */
int zcs_ring_reap(struct zcs_cpu_ring *ring)
{
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&ring->lock, flags);
	ret = zcs_ring_reap_locked(ring);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return ret;
}

/**
 * zcs_release_all() - take back all that the reader has released
 * @r: reader
 *
 * Context: Process context.
 * Return: 0; -EINVAL if a tail was refused.
 */
int zcs_release_all(struct zcs_reader *r)
{
	unsigned int i;
	int ret = 0, err;

	for (i = 0; i < zcs_nr_rings(r); i++) {
		do {
			err = zcs_ring_reap(&r->ring[i]);
		} while (err > 0);
		if (err)
			ret = err;
	}
	return ret;
}

/* === The limit =========================================================== */

static bool zcs_pool_take(struct zcs_reader *r, u64 bytes)
{
	s64 left = atomic64_read(&r->pool);

	do {
		if (left < (s64)bytes)
			return false;
	} while (!atomic64_try_cmpxchg(&r->pool, &left, left - bytes));
	return true;
}

/* A portion if there is one, else as little as will do. */
static bool zcs_ring_borrow(struct zcs_cpu_ring *ring, u64 need)
{
	struct zcs_reader *r = ring->reader;
	u64 portion = max(need, r->portion);

	if (!zcs_pool_take(r, portion)) {
		portion = need;
		if (!zcs_pool_take(r, portion))
			return false;
	}
	WRITE_ONCE(ring->quota, ring->quota + portion);
	return true;
}

/* Enough quota for @bytes more, with what came back and what can be lent. */
static bool zcs_ring_try_grant(struct zcs_cpu_ring *ring, u32 bytes)
{
	unsigned long flags;
	bool ok;
	u64 want;

	raw_spin_lock_irqsave(&ring->lock, flags);
	want = ring->mem->charged - ring->returned + bytes;
	ok = want <= ring->quota || zcs_ring_borrow(ring, want - ring->quota);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return ok;
}

/* What other rings do not need goes back to the pool. */
static void zcs_ring_collect(struct zcs_cpu_ring *ring)
{
	unsigned long flags;
	u64 held;

	zcs_ring_reap(ring);
	raw_spin_lock_irqsave(&ring->lock, flags);
	held = READ_ONCE(ring->mem->charged) - ring->returned;
	if (ring->quota > held) {
		atomic64_add(ring->quota - held, &ring->reader->pool);
		WRITE_ONCE(ring->quota, held);
	}
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * zcs_ring_grant() - may a ring charge so much more?
 * @ring: ring of this CPU, which has not enough quota
 * @bytes: what it wants to charge
 *
 * Context: The producer's.
 * Return: true if its quota is enough now.
 */
bool zcs_ring_grant(struct zcs_cpu_ring *ring, u32 bytes)
{
	struct zcs_reader *r = ring->reader;
	unsigned int i;

	if (zcs_ring_try_grant(ring, bytes))
		return true;
	do {
		i = ring->tail;
		if (zcs_ring_reap(ring) < 0)
			return false;
		if (zcs_ring_try_grant(ring, bytes))
			return true;
	} while (ring->tail != i);

	/* The others may have what they no longer need: look once a jiffy. */
	if (!time_after(jiffies, READ_ONCE(r->stolen)))
		return false;
	WRITE_ONCE(r->stolen, jiffies);
	for (i = 0; i < r->nr_rings; i++)
		if (&r->ring[i] != ring)
			zcs_ring_collect(&r->ring[i]);
	return zcs_ring_try_grant(ring, bytes);
}

/**
 * zcs_arm() - somebody is about to sleep
 * @r: reader
 *
 * Context: Any context.
 * Return: true if he need not.
 */
bool zcs_arm(struct zcs_reader *r)
{
	WRITE_ONCE(r->armed, 1);
	smp_mb();	/* (H), see ring.h */
	return zcs_reader_pending(r);
}

/**
 * zcs_reader_pending() - is there enough for poll() to report?
 * @r: reader
 *
 * Context: Any context.
 * Return: true if some ring has the watermark's worth of slots.
 */
bool zcs_reader_pending(struct zcs_reader *r)
{
	unsigned int i;

	for (i = 0; i < zcs_nr_rings(r); i++)
		if (zcs_ring_ready(&r->ring[i]))
			return true;
	return false;
}

/**
 * zcs_reader_held() - bytes that count against the limit now
 * @r: reader
 *
 * Context: Any context.
 * Return: bytes.
 */
u64 zcs_reader_held(struct zcs_reader *r)
{
	u64 held = 0, returned;
	unsigned int i;

	for (i = 0; i < zcs_nr_rings(r); i++) {
		returned = READ_ONCE(r->ring[i].returned);
		held += READ_ONCE(r->ring[i].mem->charged) - returned;
	}
	return held;
}
