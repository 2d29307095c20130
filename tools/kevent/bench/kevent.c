// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent_bench: kevent.
 *
 *   kevent        kevent_get_events()
 *   kevent-user   the ring in process memory: kevent_wait(), kevent_commit()
 *   kevent-wait   the mapped ring, with one kevent_wait() per batch
 *   kevent-ring   the mapped ring, with a system call only when it is empty
 */

#include <errno.h>
#include <stdlib.h>

#include "../lib/internal.h"
#include "bench.h"

/* Elements of one kevent_ctl(): so many fit in a few pages. */
#define CTL_MAX	256

enum {
	GET,
	USER,
	WAIT,
	RING,
};

static int queue_open(struct engine *e)
{
	static const enum kq_kind kinds[] = {
		[GET] = KQ_PLAIN, [USER] = KQ_RING, [WAIT] = KQ_MAP, [RING] = KQ_MAP,
	};
	struct kq_options opts = { .kind = kinds[e->ops->variant], .nr_slots = 1024 };
	struct kq *kq;
	int err;

	while (opts.nr_slots < 2 * e->opts->nr_channels && opts.nr_slots < KEVENT_RING_MAX)
		opts.nr_slots *= 2;
	err = kq_open(&kq, &opts);
	e->priv = kq;
	return err;
}

static int change(struct engine *e, int (*how)(struct kq *, struct ukevent *, unsigned int),
		  const int *fds, uint32_t first, unsigned int nr)
{
	unsigned int type = e->opts->kind == PIPE ? KEVENT_PIPE : KEVENT_SOCKET;
	struct ukevent evs[CTL_MAX];
	unsigned int i, n;
	int ret;

	/* The idle ones are eventfds. */
	if (first > e->opts->nr_channels)
		type = KEVENT_POLL;
	for (; nr; nr -= n, fds += n, first += n) {
		n = nr < CTL_MAX ? nr : CTL_MAX;
		for (i = 0; i < n; i++)
			evs[i] = kq_interest(type, fds[i],
					     type == KEVENT_POLL ? KEVENT_POLL_POLLIN :
								   KEVENT_SOCKET_RECV,
					     e->opts->edge ? KEVENT_REQ_ET : 0, first + i);
		ret = how(e->priv, evs, n);
		for (i = 0; ret > 0 && i < n; i++) {
			if (kq_error(&evs[i]))
				return kq_error(&evs[i]);
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int queue_add(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	return change(e, kq_add, fds, first, nr);
}

static int queue_modify(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	return change(e, kq_modify, fds, first, nr);
}

static int queue_remove(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	return change(e, kq_remove, fds, first, nr);
}

static int queue_take(struct engine *e, uint32_t *ready, unsigned int max)
{
	struct ukevent evs[BATCH];
	struct kq *kq = e->priv;
	int i, n;

	if (e->ops->variant == WAIT) {
		n = kevent_wait(kq->fd, 0, __atomic_load_n(&kq->tail->uidx, __ATOMIC_RELAXED),
				NULL, 0);
		if (n < 0)
			return n;
	}
	n = kq_get(kq, evs, max, NULL);
	for (i = 0; i < n; i++)
		ready[i] = evs[i].cookie;
	return n;
}

static void queue_close(struct engine *e)
{
	kq_close(e->priv);
}

#define KEVENT(_name, _variant)							\
	{									\
		.name = _name, .variant = _variant, .open = queue_open,		\
		.add = queue_add, .modify = queue_modify, .remove = queue_remove, \
		.wait = queue_take, .close = queue_close,			\
	}

const struct engine_ops engine_kevent[4] = {
	KEVENT("kevent", GET),
	KEVENT("kevent-user", USER),
	KEVENT("kevent-wait", WAIT),
	KEVENT("kevent-ring", RING),
};
