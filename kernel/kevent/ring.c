// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: the ring in the program's memory, with the protocol of 2006.
 *
 * The indices that user space sees are below the size of the ring; here they
 * never wrap. One slot stays free, so that equal indices mean an empty ring.
 * The kernel writes to the ring in the calls that ask for events, and never
 * reads it. The ring's address is valid in one address space only. From any
 * other one, these calls and kevent_commit() fail with -EXDEV.
 */

#include <linux/math64.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "kevent.h"

static_assert(sizeof(struct ukevent) == 40);
static_assert(offsetof(struct ukevent, type) == 8);
static_assert(offsetof(struct ukevent, ret_data) == 24);
static_assert(offsetof(struct ukevent, user) == 32);
static_assert(offsetof(struct kevent_ring, event) == 8);

static u32 ring_slot(struct kevent_queue *kq, u64 idx)
{
	u32 slot;

	div_u64_rem(idx, kq->ring_size, &slot);
	return slot;
}

/**
 * kevent_ring_create() - give a queue a ring in the caller's memory
 * @kq: the queue, which nobody else uses yet
 * @ring: address of the ring
 * @num: number of its slots
 *
 * Sets the indices in the ring to 0.
 *
 * Return: 0, or -EFAULT.
 */
int kevent_ring_create(struct kevent_queue *kq, struct kevent_ring __user *ring,
		       unsigned int num)
{
	struct kevent_ring empty = { };

	kq->ring = ring;
	kq->ring_size = num;
	kq->ring_mm = current->mm;
	mmgrab(kq->ring_mm);
	if (!access_ok(ring, struct_size(ring, event, num)) ||
	    copy_to_user(ring, &empty, sizeof(empty)))
		return -EFAULT;
	return 0;
}

/**
 * kevent_ring_destroy() - drop the reference to the ring's address space
 * @kq: the queue, which nobody else uses any more
 */
void kevent_ring_destroy(struct kevent_queue *kq)
{
	if (kq->ring_mm)
		mmdrop(kq->ring_mm);
}

/**
 * kevent_put_user() - copy an event to user memory that is there
 * @to: where to
 * @event: the event
 *
 * Return: 0, or -EFAULT when there is no memory, or not now.
 */
int kevent_put_user(struct ukevent __user *to, const struct ukevent *event)
{
	pagefault_disable();
	if (!user_write_access_begin(to, sizeof(*to)))
		goto no_access;
	unsafe_copy_to_user((char __user *)to, (const char *)event,
			    sizeof(*event), fault);
	user_write_access_end();
	pagefault_enable();
	return 0;
fault:
	user_write_access_end();
no_access:
	pagefault_enable();
	return -EFAULT;
}

/**
 * kevent_ring_put() - write an event to the ring
 * @kq: a queue with such a ring, locked
 * @event: what to write
 *
 * Return: 0; -ENOSPC without room; -EFAULT when the memory is not there now,
 * and the ring is as before.
 */
int kevent_ring_put(struct kevent_queue *kq, struct ukevent *event)
{
	u32 slot = ring_slot(kq, kq->ring_kidx);
	u32 next = ring_slot(kq, kq->ring_kidx + 1);

	lockdep_assert_held(&kq->mtx);
	if (!kevent_ring_has_room(kq))
		return -ENOSPC;
	if (kevent_put_user(&kq->ring->event[slot], event))
		return -EFAULT;
	/* The slot, then the index, for those who look without a call. */
	smp_wmb();
	if (copy_to_user_nofault(&kq->ring->ring_kidx, &next, sizeof(next)))
		return -EFAULT;
	kq->ring_kidx++;
	return 0;
}

/**
 * kevent_ring_commit() - free what was read
 * @kq: a queue with such a ring, locked
 * @new_uidx: index of the next slot to be read
 * @over: ring_over as the caller saw it
 *
 * Who saw ring_over before it was raised is late: if its index could be one of
 * the round before, nothing happens.
 *
 * Return: number of slots that were freed; -EINVAL for an index that is not in
 * the ring or was not yet written, -EOVERFLOW for another round; -EFAULT when
 * ring_over cannot be written now, and nothing was freed.
 */
int kevent_ring_commit(struct kevent_queue *kq, u32 new_uidx, u32 over)
{
	u32 uidx, ring_over;
	u64 new;

	lockdep_assert_held(&kq->mtx);
	if (new_uidx >= kq->ring_size)
		return -EINVAL;
	ring_over = div_u64_rem(kq->ring_uidx, kq->ring_size, &uidx);
	if (over != ring_over && over != ring_over - 1)
		return -EOVERFLOW;
	if (new_uidx == uidx)
		return 0;
	if (over != ring_over)
		return new_uidx < uidx ? 0 : -EOVERFLOW;

	new = kq->ring_uidx - uidx + new_uidx;
	if (new_uidx < uidx) {
		new += kq->ring_size;
		/* Not a round further: somebody else committed more already. */
		if (new > kq->ring_kidx)
			return 0;
		ring_over++;
		if (copy_to_user_nofault(&kq->ring->ring_over, &ring_over,
					 sizeof(ring_over)))
			return -EFAULT;
	}
	if (new > kq->ring_kidx)
		return -EINVAL;
	new_uidx = new - kq->ring_uidx;
	WRITE_ONCE(kq->ring_uidx, new);
	return new_uidx;
}
