// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: kevent's mapped ring. Events that are there are taken without a
 * system call, and the listener is edge-triggered so that there are such events.
 *
 * What the kernel has to look at, as at a peer that goes away, it looks at in a
 * call: under load the ring is not empty for long, so there is one now and then.
 */

#include <errno.h>

#include "interests.h"

#define BATCH	1024

/* So many harvests may go without a system call. */
#define HARVESTS	8

struct ring {
	struct kq_engine	kqe;
	unsigned int		nr_harvests;
};

static int ring_open(struct engine **engine)
{
	return interests_open(engine, sizeof(struct ring), KQ_MAP, KEVENT_REQ_ET);
}

/* More than the ring can hold never come, so the call looks and returns. */
static int look(struct ring *ring)
{
	static const struct timespec now;
	struct kq_wait_options opts = { .timeout = &now, .min_nr = KEVENT_RING_MAX + 1 };
	int ret;

	ring->nr_harvests = 0;
	ring->kqe.engine.nr_waits++;
	opts.clockid = CLOCK_MONOTONIC;
	ret = kq_wait(ring->kqe.kq, &opts);
	return ret < 0 && ret != -EINTR ? ret : 0;
}

static int wait_for_events(struct engine *engine, struct event *events, unsigned int max,
			   int timeout)
{
	struct timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };
	struct ring *ring = (struct ring *)engine;
	struct kq_engine *kqe = &ring->kqe;
	struct ukevent evs[BATCH];
	int nr;

	if (max > BATCH)
		max = BATCH;
	nr = interests_flush(kqe);
	if (nr)
		return nr;
	if (kqe->nr_failed)
		return interests_told(kqe, evs, 0, events, max);

	if (ring->nr_harvests == HARVESTS) {
		nr = look(ring);
		if (nr)
			return nr;
	}
	nr = kq_take(kqe->kq, evs, max);
	if (nr) {
		ring->nr_harvests++;
	} else {
		ring->nr_harvests = 0;
		engine->nr_waits++;
		nr = kq_get(kqe->kq, evs, max, timeout < 0 ? NULL : &ts);
	}
	if (nr <= 0)
		return nr == -EINTR ? 0 : nr;
	return interests_told(kqe, evs, nr, events, max);
}

const struct engine_ops engine_ring = {
	.name	= "kevent-ring",
	.open	= ring_open,
	.close	= interests_close,
	.add	= interests_add,
	.want	= interests_want,
	.forget	= interests_forget,
	.wait	= wait_for_events,
};
