// SPDX-License-Identifier: GPL-2.0-only
/*
 * libkevent: making queues and giving them back.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

int kq_open(struct kq **out, const struct kq_options *opts)
{
	static const struct kq_options none;
	unsigned int nr_slots, flags;
	struct kq *kq;
	int err;

	if (!opts)
		opts = &none;
	if (opts->flags & ~KEVENT_INIT_NONBLOCK)
		return -EINVAL;
	nr_slots = opts->nr_slots ? opts->nr_slots : KQ_DEFAULT_SLOTS;
	flags = opts->flags | KEVENT_INIT_CLOEXEC;

	kq = calloc(1, sizeof(*kq));
	if (!kq)
		return -ENOMEM;
	kq->fd = -1;
	kq->kind = opts->kind;
	switch (kq->kind) {
	case KQ_MAP:
		err = kq_map_open(kq, nr_slots, flags);
		break;
	case KQ_RING:
		err = kq_ring_open(kq, nr_slots, flags);
		break;
	case KQ_PLAIN:
		kq->fd = kevent_init(NULL, 0, flags);
		err = kq->fd < 0 ? kq->fd : 0;
		break;
	default:
		err = -EINVAL;
	}
	if (err) {
		kq_close(kq);
		return err;
	}
	*out = kq;
	return 0;
}

void kq_close(struct kq *kq)
{
	int saved = errno;

	if (!kq)
		return;
	if (kq->fd >= 0)
		close(kq->fd);
	if (kq->map)
		munmap((void *)kq->map, kq->len);
	if (kq->tail)
		munmap(kq->tail, kq->tail_len);
	if (kq->shared)
		munmap(kq->shared, kq->len);
	free(kq);
	errno = saved;
}

int kq_fd(const struct kq *kq)
{
	return kq->fd;
}
