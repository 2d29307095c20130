// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: the mapped ring, its pages and its consumers' side.
 *
 * The kernel writes head and slots, which user space maps read only, so what
 * the kernel reads there is what it wrote. The consumers' index is in a page
 * that user space writes: it decides what is free and nothing else, whatever
 * it says. A program that lies there loses or repeats its own events.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "kevent.h"

static_assert(sizeof(struct kevent_map) == 128);
static_assert(sizeof(struct kevent_map_tail) == 64);

/**
 * kevent_map_create() - give a queue a mapped ring
 * @kq: the queue, which nobody else uses yet
 * @nr: number of slots, a power of two
 *
 * Return: 0, or -ENOMEM, also by RLIMIT_MEMLOCK. What was made is freed with
 * the queue.
 */
int kevent_map_create(struct kevent_queue *kq, u32 nr)
{
	size_t size = PAGE_ALIGN(sizeof(struct kevent_map) +
				 (size_t)nr * sizeof(struct ukevent));
	struct kevent_map *map;
	int err;

	/* Head and slots, the consumers' page, and kq->older if it is large. */
	err = kevent_charge_locked(kq, (size >> PAGE_SHIFT) + 1 +
				   (nr * sizeof(*kq->older) >> PAGE_SHIFT));
	if (err)
		return err;
	kq->tail = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	kq->older = kvcalloc(nr, sizeof(*kq->older), GFP_KERNEL_ACCOUNT);
	map = __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	kq->map = map;
	if (!kq->tail || !kq->older || !map)
		return -ENOMEM;
	map->nr_slots = nr;
	map->slots_off = sizeof(*map);
	kq->slots = (void *)map + map->slots_off;
	kq->slot_mask = nr - 1;
	kq->map_size = size;
	return 0;
}

/**
 * kevent_map_destroy() - the opposite
 * @kq: the queue, which nobody else uses any more
 */
void kevent_map_destroy(struct kevent_queue *kq)
{
	vfree(kq->map);
	kvfree(kq->older);
	free_page((unsigned long)kq->tail);
}

static vm_fault_t kevent_map_fault(struct vm_fault *vmf)
{
	struct kevent_queue *kq = vmf->vma->vm_file->private_data;
	unsigned long off = vmf->pgoff << PAGE_SHIFT;
	struct page *page;

	if (off >= KEVENT_OFF_TAIL)
		page = virt_to_page(kq->tail);
	else if (off < kq->map_size)
		page = vmalloc_to_page((void *)kq->map + off);
	else
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct kevent_map_vm_ops = {
	.fault	= kevent_map_fault,
};

/**
 * kevent_map_mmap() - map the head and the slots, or the consumers' page
 * @file: the queue's file
 * @vma: where to
 *
 * Return: 0; -ENODEV without a ring, -EINVAL for a size or offset that does not
 * fit or a private mapping, -EPERM to write the kernel's part.
 */
int kevent_map_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kevent_queue *kq = file->private_data;
	u64 off = (u64)vma->vm_pgoff << PAGE_SHIFT;
	unsigned long size = vma->vm_end - vma->vm_start;

	if (!kq->map)
		return -ENODEV;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (off == KEVENT_OFF_TAIL) {
		if (size != PAGE_SIZE)
			return -EINVAL;
	} else {
		if (off || size > kq->map_size)
			return -EINVAL;
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	vma->vm_ops = &kevent_map_vm_ops;
	return 0;
}

/* Mark one slot. Return: the interest's untaken slot before it, or 0. */
static u64 map_mark_one(struct kevent_queue *kq, u64 pos)
{
	u32 idx = (u32)(pos - 1) & kq->slot_mask;
	struct ukevent *slot = &kq->slots[idx];
	u64 older = kq->older[idx];

	/* Taken, and so are those before it. */
	if (kq->kidx - pos >= kevent_map_pending(kq))
		return 0;
	WRITE_ONCE(slot->ret_flags, slot->ret_flags | KEVENT_RET_STALE);
	if ((older ^ pos << KEVENT_OLDER_BITS) >> KEVENT_OLDER_BITS)
		return 0;
	return pos - (older & ((1U << KEVENT_OLDER_BITS) - 1));
}

/**
 * __kevent_map_mark() - mark slots of an interest as stale
 * @kq: its queue
 * @pos: what __kevent_map_forget() returned
 *
 * Only its own slots are looked at, so that the end of many interests takes no
 * more steps than there are slots.
 *
 * Context: Process context; takes the queue's lock, for a few slots at a time.
 */
void __kevent_map_mark(struct kevent_queue *kq, u64 pos)
{
	unsigned int left;

	while (pos) {
		spin_lock_irq(&kq->wq.lock);
		for (left = KEVENT_STRIDE; left && pos; left--)
			pos = map_mark_one(kq, pos);
		spin_unlock_irq(&kq->wq.lock);
		cond_resched();
	}
}

/**
 * kevent_map_fetch() - take events from the ring for a system call
 * @kq: a queue with a mapped ring
 * @sink: where they go
 *
 * A consumer like those in user space. It tries no more often than there are
 * slots: others may move the index at the same time, also back. The caller
 * comes again if this gave nothing.
 *
 * Context: No locks; may fault.
 * Return: 0; -EFAULT; -EINVAL when user space spoilt the index.
 */
int kevent_map_fetch(struct kevent_queue *kq, struct kevent_sink *sink)
{
	u32 left = kq->slot_mask + 1;

	while (sink->nr < sink->max && left--) {
		u32 uidx = READ_ONCE(kq->tail->uidx);
		/* Pairs with (A). */
		u32 kidx = smp_load_acquire(&kq->map->kidx);
		struct ukevent event;

		if (kidx == uidx)
			break;
		/* Not an index of ours: there is nothing to wait for. */
		if (kidx - uidx > kq->slot_mask + 1)
			return -EINVAL;
		event = kq->slots[uidx & kq->slot_mask];
		if (copy_to_user(sink->buf + sink->nr, &event, sizeof(event)))
			return -EFAULT;
		/* (C) */
		if (cmpxchg(&kq->tail->uidx, uidx, uidx + 1) != uidx)
			continue;
		if (!(event.ret_flags & KEVENT_RET_STALE))
			sink->nr++;
		if (!(left % 1024)) {
			if (fatal_signal_pending(current))
				break;
			cond_resched();
		}
	}
	return 0;
}

/**
 * kevent_map_commit() - move the consumers' index forward
 * @kq: a queue with a mapped ring
 * @new_uidx: where to; what is not ahead, or ahead of the kernel, is ignored
 *
 * Return: number of slots that were freed.
 */
u32 kevent_map_commit(struct kevent_queue *kq, u32 new_uidx)
{
	u32 uidx, kidx;

	do {
		uidx = READ_ONCE(kq->tail->uidx);
		kidx = READ_ONCE(kq->map->kidx);
		if (kidx - new_uidx >= kidx - uidx)
			return 0;
	} while (cmpxchg(&kq->tail->uidx, uidx, new_uidx) != uidx);
	return new_uidx - uidx;
}
