// SPDX-License-Identifier: GPL-2.0-only
/*
 * libkevent: consumers of the mapped ring, KQ_MAP.
 *
 * The protocol and its letters are at the head of <linux/kevent.h>; model/map.pml
 * proves it. Slots are copied, then claimed by moving uidx, then looked at.
 *
 * uidx is loaded before kidx. So the kernel was never further ahead of uidx than
 * the ring has slots, unless uidx has moved since, and then the claim fails; or
 * unless somebody wrote nonsense to the shared page.
 */

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

int kq_map_open(struct kq *kq, unsigned int nr_slots, unsigned int flags)
{
	size_t page = sysconf(_SC_PAGESIZE);
	const struct kevent_map *map;
	uint64_t len;
	void *mem;

	kq->fd = kevent_init(NULL, nr_slots, KEVENT_INIT_MAP | flags);
	if (kq->fd < 0)
		return kq->fd;

	map = mmap(NULL, page, PROT_READ, MAP_SHARED, kq->fd, KEVENT_OFF_MAP);
	if (map == MAP_FAILED)
		return -errno;
	kq->mask = map->nr_slots - 1;
	kq->len = page;
	kq->map = map;
	len = map->slots_off + (uint64_t)map->nr_slots * sizeof(*kq->slots);
	if (!map->nr_slots || map->nr_slots & kq->mask || map->nr_slots > KEVENT_RING_MAX ||
	    map->slots_off < sizeof(*map) || map->slots_off % sizeof(uint64_t))
		return -EBADMSG;

	mem = mmap(NULL, len, PROT_READ, MAP_SHARED, kq->fd, KEVENT_OFF_MAP);
	if (mem == MAP_FAILED)
		return -errno;
	munmap((void *)map, page);
	kq->map = mem;
	kq->len = len;
	kq->slots = (const void *)((const char *)mem + kq->map->slots_off);

	mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, kq->fd, KEVENT_OFF_TAIL);
	if (mem == MAP_FAILED)
		return -errno;
	kq->tail = mem;
	kq->tail_len = page;
	return 0;
}

/* Number of events at *uidx, or -EBADMSG. */
static int waiting(const struct kq *kq, uint32_t *uidx)
{
	uint32_t nr;

	do {
		*uidx = __atomic_load_n(&kq->tail->uidx, __ATOMIC_ACQUIRE);
		/* (B) Pairs with (A). */
		nr = __atomic_load_n(&kq->map->kidx, __ATOMIC_ACQUIRE) - *uidx;
		if (nr <= kq->mask + 1)
			return nr;
	} while (__atomic_load_n(&kq->tail->uidx, __ATOMIC_RELAXED) != *uidx);
	return -EBADMSG;
}

/* Leave out what was removed after it had happened. */
static unsigned int drop_stale(struct ukevent *evs, unsigned int nr)
{
	unsigned int i, kept = 0;

	for (i = 0; i < nr; i++) {
		if (evs[i].ret_flags & KEVENT_RET_STALE)
			continue;
		if (i != kept)
			evs[kept] = evs[i];
		kept++;
	}
	return kept;
}

int kq_map_take(struct kq *kq, struct ukevent *evs, unsigned int max)
{
	uint32_t uidx, flags;
	unsigned int i, n;
	int nr;

	while ((nr = waiting(kq, &uidx)) > 0) {
		n = (unsigned int)nr < max ? (unsigned int)nr : max;
		flags = 0;
		for (i = 0; i < n; i++) {
			copy_slot(&evs[i], &kq->slots[(uidx + i) & kq->mask]);
			flags |= evs[i].ret_flags;
		}
		/* (C) Pairs with (D). */
		if (!claim(&kq->tail->uidx, uidx, uidx + n))
			continue;
		if (flags & KEVENT_RET_STALE)
			n = drop_stale(evs, n);
		if (n)
			return n;
	}
	return nr;
}

int kq_map_wait(struct kq *kq, const struct __kernel_timespec *timeout, unsigned int min_nr,
		unsigned int flags)
{
	uint32_t uidx;
	int nr;

	nr = waiting(kq, &uidx);
	if (nr < 0 || (nr && (unsigned int)nr >= min_nr))
		return nr;
	return kevent_wait(kq->fd, 0, uidx, timeout, flags);
}

int kq_map_commit(struct kq *kq)
{
	int ret;

	if (!(__atomic_load_n(&kq->map->flags, __ATOMIC_RELAXED) & KEVENT_MAP_FULL))
		return 0;
	ret = kevent_commit(kq->fd, __atomic_load_n(&kq->tail->uidx, __ATOMIC_RELAXED), 0);
	return ret < 0 ? ret : 0;
}
