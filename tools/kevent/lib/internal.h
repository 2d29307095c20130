/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libkevent: what its files share.
 */
#ifndef _KEVENT_INTERNAL_H
#define _KEVENT_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "../libkevent.h"

#ifndef __NR_kevent_get_events
#define __NR_kevent_get_events	560
#define __NR_kevent_ctl		561
#define __NR_kevent_wait	562
#define __NR_kevent_commit	563
#define __NR_kevent_init	564
#endif

/**
 * struct shared - memory of KQ_RING, for all threads of the process
 * @claimed: next slot to be taken, free running
 * @committed: what the kernel was told of that
 * @lock: one commit at a time
 * @ring: the kernel's part
 */
struct shared {
	uint32_t		claimed;
	uint32_t		committed;
	pthread_mutex_t		lock;
	struct kevent_ring	ring __attribute__((aligned(64)));
};

/**
 * struct kq - a queue
 * @fd: its descriptor
 * @kind: where its events are
 * @mask: number of slots less one
 * @slots: of either ring
 * @map: KQ_MAP: the kernel's side
 * @tail: KQ_MAP: the consumers' side
 * @shared: KQ_RING: everything else
 * @len: bytes of @map or @shared
 * @tail_len: bytes of @tail
 */
struct kq {
	int			fd;
	enum kq_kind		kind;
	uint32_t		mask;
	const struct ukevent	*slots;
	const struct kevent_map	*map;
	struct kevent_map_tail	*tail;
	struct shared		*shared;
	size_t			len;
	size_t			tail_len;
};

/* map.c */
int kq_map_open(struct kq *kq, unsigned int nr_slots, unsigned int flags);
int kq_map_take(struct kq *kq, struct ukevent *evs, unsigned int max);
int kq_map_wait(struct kq *kq, const struct __kernel_timespec *timeout, unsigned int min_nr,
		unsigned int flags);
int kq_map_commit(struct kq *kq);

/* ring.c */
int kq_ring_open(struct kq *kq, unsigned int nr_slots, unsigned int flags);
int kq_ring_take(struct kq *kq, struct ukevent *evs, unsigned int max);
int kq_ring_wait(struct kq *kq, const struct __kernel_timespec *timeout, unsigned int min_nr,
		 unsigned int flags);
int kq_ring_commit(struct kq *kq);

/*
 * Another consumer may take and free a slot while it is copied, and the kernel
 * write it: then the copy is not used, but must not be undefined either.
 */
typedef unsigned long __attribute__((may_alias)) word;

_Static_assert(sizeof(struct ukevent) % sizeof(word) == 0, "a slot is whole words");

static inline void copy_slot(struct ukevent *to, const struct ukevent *from)
{
	const word *src = (const word *)from;
	word *dst = (word *)to;
	unsigned int i;

#pragma GCC unroll 10
	for (i = 0; i < sizeof(*to) / sizeof(word); i++)
		dst[i] = __atomic_load_n(&src[i], __ATOMIC_RELAXED);
}

/*
 * Claim slots that were copied. Whatever the caller then does to the source of an
 * event comes after it, for the kernel too.
 */
static inline bool claim(uint32_t *idx, uint32_t from, uint32_t to)
{
	if (!__atomic_compare_exchange_n(idx, &from, to, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return false;
#if !defined(__x86_64__) && !defined(__i386__)
	/* There the exchange is a full barrier already. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
	return true;
}

#endif /* _KEVENT_INTERNAL_H */
