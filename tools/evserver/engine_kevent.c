// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: kevent with kevent_get_events(). The listener is level-triggered:
 * the number of connections that comes with its event is accepted, no more.
 */

#include <errno.h>

#include "interests.h"

#define BATCH	1024

static int kevent_open(struct engine **engine)
{
	return interests_open(engine, sizeof(struct kq_engine), KQ_PLAIN, 0);
}

static int wait_for_events(struct engine *engine, struct event *events, unsigned int max,
			   int timeout)
{
	struct timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };
	struct kq_engine *kqe = to_kq_engine(engine);
	struct ukevent evs[BATCH];
	int nr;

	nr = interests_flush(kqe);
	if (nr)
		return nr;
	if (kqe->nr_failed)
		return interests_told(kqe, evs, 0, events, max);
	engine->nr_waits++;
	nr = kq_get(kqe->kq, evs, max < BATCH ? max : BATCH, timeout < 0 ? NULL : &ts);
	if (nr <= 0)
		return nr == -EINTR ? 0 : nr;
	return interests_told(kqe, evs, nr, events, max);
}

const struct engine_ops engine_kevent = {
	.name	= "kevent",
	.open	= kevent_open,
	.close	= interests_close,
	.add	= interests_add,
	.want	= interests_want,
	.forget	= interests_forget,
	.wait	= wait_for_events,
};
