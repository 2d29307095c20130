// SPDX-License-Identifier: GPL-2.0-only
/*
 * libkevent: consumers of the ring in process memory, KQ_RING.
 *
 * The kernel fills it in kevent_wait() and takes slots back in kevent_commit(); it
 * does not publish the consumers' index. So the threads keep one of their own:
 * claimed is the next slot to be taken. It never wraps at the ring's size, and moves
 * like uidx of the mapped ring. The ring is for this process only: in a child of
 * fork(), the kernel's calls fail with -EXDEV.
 *
 *   kernel's uidx (committed)  <=  claimed  <=  ring_kidx  <=  committed + mask
 *
 * What is behind claimed was copied, and may be committed by anybody. Commits go
 * one after the other: the kernel takes a late one, whose index is behind its
 * own, for a lap. If the holder of the lock dies, what it committed is unknown;
 * the next commit makes it known again.
 */

#include <errno.h>
#include <sys/mman.h>

#include "internal.h"

int kq_ring_open(struct kq *kq, unsigned int nr_slots, unsigned int flags)
{
	pthread_mutexattr_t attr;
	struct shared *shared;
	void *mem;

	if (nr_slots < KEVENT_RING_MIN || nr_slots > KEVENT_RING_MAX)
		return -EINVAL;
	kq->mask = KEVENT_RING_MIN - 1;
	while (kq->mask < nr_slots - 1)
		kq->mask = kq->mask << 1 | 1;

	kq->len = sizeof(*shared) + ((size_t)kq->mask + 1) * sizeof(*kq->slots);
	mem = mmap(NULL, kq->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	/* A child's copy would show it events that the parent takes. */
	if (madvise(mem, kq->len, MADV_WIPEONFORK)) {
		int err = -errno;

		munmap(mem, kq->len);
		return err;
	}
	shared = mem;
	kq->shared = shared;
	kq->slots = shared->ring.event;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->lock, &attr);
	pthread_mutexattr_destroy(&attr);

	kq->fd = kevent_init(&shared->ring, kq->mask + 1, flags);
	return kq->fd < 0 ? kq->fd : 0;
}

/* Number of events at *claimed, or -EBADMSG. */
static int waiting(const struct kq *kq, uint32_t *claimed)
{
	const struct shared *shared = kq->shared;
	uint32_t kidx;

	*claimed = __atomic_load_n(&shared->claimed, __ATOMIC_ACQUIRE);
	kidx = __atomic_load_n(&shared->ring.ring_kidx, __ATOMIC_ACQUIRE);
	if (kidx > kq->mask)
		return -EBADMSG;
	return (kidx - *claimed) & kq->mask;
}

int kq_ring_take(struct kq *kq, struct ukevent *evs, unsigned int max)
{
	uint32_t claimed;
	unsigned int i;
	int nr;

	while ((nr = waiting(kq, &claimed)) > 0) {
		if ((unsigned int)nr > max)
			nr = max;
		for (i = 0; i < (unsigned int)nr; i++)
			copy_slot(&evs[i], &kq->slots[(claimed + i) & kq->mask]);
		if (claim(&kq->shared->claimed, claimed, claimed + nr))
			break;
	}
	return nr;
}

int kq_ring_wait(struct kq *kq, const struct __kernel_timespec *timeout, unsigned int min_nr,
		 unsigned int flags)
{
	uint32_t claimed, committed;
	int nr, moved;

	for (;;) {
		nr = kq_ring_commit(kq);
		if (nr < 0)
			return nr;
		/* Before the look: if others commit after it, the call returns. */
		committed = __atomic_load_n(&kq->shared->committed, __ATOMIC_ACQUIRE);
		nr = waiting(kq, &claimed);
		if (nr < 0 || (nr && (unsigned int)nr >= min_nr))
			return nr;
		moved = kevent_wait(kq->fd, kq->mask, committed & kq->mask, timeout, flags);
		if (moved)
			return moved;
		nr = waiting(kq, &claimed);
		if (nr)
			return nr;
		if (__atomic_load_n(&kq->shared->committed, __ATOMIC_RELAXED) == committed)
			return 0;
	}
}

int kq_ring_commit(struct kq *kq)
{
	struct shared *shared = kq->shared;
	uint32_t claimed, over;
	int ret = 0;
	bool lost;

	if (__atomic_load_n(&shared->claimed, __ATOMIC_RELAXED) ==
	    __atomic_load_n(&shared->committed, __ATOMIC_RELAXED))
		return 0;

	lost = pthread_mutex_lock(&shared->lock) == EOWNERDEAD;
	if (lost)
		pthread_mutex_consistent(&shared->lock);
	claimed = __atomic_load_n(&shared->claimed, __ATOMIC_ACQUIRE);
	if (claimed != shared->committed || lost) {
		over = __atomic_load_n(&shared->ring.ring_over, __ATOMIC_RELAXED);
		ret = kevent_commit(kq->fd, claimed & kq->mask, over);
		if (ret >= 0)
			__atomic_store_n(&shared->committed, claimed, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&shared->lock);
	return ret < 0 ? ret : 0;
}
