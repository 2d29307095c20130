// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: interests of a kevent queue, changed many at a time.
 *
 * A descriptor that is closed takes its interest along, so nothing is removed.
 * The event which says so is not needed.
 */

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include "interests.h"

#define NR_SLOTS	16384

int interests_open(struct engine **engine, size_t size, enum kq_kind kind, uint32_t listener)
{
	struct kq_options opts = { .kind = kind, .nr_slots = NR_SLOTS };
	struct kq_engine *kqe = calloc(1, size);
	int err;

	if (!kqe)
		return -ENOMEM;
	err = kq_open(&kqe->kq, &opts);
	if (err) {
		free(kqe);
		return err;
	}
	kqe->listener = listener;
	*engine = &kqe->engine;
	return 0;
}

void interests_close(struct engine *engine)
{
	kq_close(to_kq_engine(engine)->kq);
	free(engine);
}

static struct ukevent interest(struct kq_engine *kqe, enum kind kind, int fd, uint64_t cookie,
			       unsigned int what)
{
	switch (kind) {
	case KIND_LISTENER:
		return kq_interest(KEVENT_SOCKET, fd, what ? KEVENT_SOCKET_ACCEPT : 0,
				   kqe->listener, cookie);
	case KIND_STREAM:
		return kq_interest(KEVENT_SOCKET, fd, (what & EV_IN ? KEVENT_SOCKET_RECV : 0) |
				   (what & EV_OUT ? KEVENT_SOCKET_SEND : 0),
				   KEVENT_REQ_ET, cookie);
	default:
		return kq_interest(KEVENT_POLL, fd, what ? KEVENT_POLL_POLLIN : 0, 0, cookie);
	}
}

/* Hand one kind of change over. */
static int flush_one(struct kq_engine *kqe, struct batch *batch,
		     int (*change)(struct kq *, struct ukevent *, unsigned int))
{
	unsigned int i;
	int failed;

	if (!batch->nr)
		return 0;
	kqe->engine.nr_changes++;
	failed = change(kqe->kq, batch->evs, batch->nr);
	if (failed < 0)
		return failed;
	for (i = 0; failed && i < batch->nr; i++) {
		if (kq_error(&batch->evs[i]))
			kqe->failed[kqe->nr_failed++] = batch->evs[i].cookie;
	}
	batch->nr = 0;
	return 0;
}

/*
 * Modified before added: what was modified may be closed, and its number belong
 * to one that is added.
 */
int interests_flush(struct kq_engine *kqe)
{
	int err;

	/* Those of the last time must be told first, there is no room for more. */
	if (kqe->nr_failed)
		return 0;
	err = flush_one(kqe, &kqe->modified, kq_modify);
	return err ? err : flush_one(kqe, &kqe->added, kq_add);
}

static int collect(struct kq_engine *kqe, struct batch *batch, struct ukevent ev)
{
	if (batch->nr == INTERESTS_BATCH) {
		int err = interests_flush(kqe);

		if (err)
			return err;
		if (batch->nr)
			return -ENOMEM;
	}
	batch->evs[batch->nr++] = ev;
	return 0;
}

int interests_add(struct engine *engine, enum kind kind, int fd, uint64_t cookie)
{
	struct kq_engine *kqe = to_kq_engine(engine);

	return collect(kqe, &kqe->added, interest(kqe, kind, fd, cookie, EV_IN));
}

int interests_want(struct engine *engine, enum kind kind, int fd, uint64_t cookie,
		   unsigned int what)
{
	struct kq_engine *kqe = to_kq_engine(engine);

	return collect(kqe, &kqe->modified, interest(kqe, kind, fd, cookie, what));
}

void interests_forget(struct engine *engine, int fd, uint64_t cookie)
{
	(void)engine;
	(void)fd;
	(void)cookie;
}

/*
 * An error has to be fetched, so there is always one more to read. An event that
 * stands for several edges has the number of the first.
 */
static bool is_counted(const struct ukevent *ev)
{
	return ev->type == KEVENT_SOCKET && !(ev->ret_data[0] & (POLLERR | POLLHUP)) &&
	       !(ev->event == KEVENT_SOCKET_ACCEPT && ev->req_flags & KEVENT_REQ_ET);
}

int interests_told(struct kq_engine *kqe, const struct ukevent *evs, int nr,
		   struct event *events, unsigned int max)
{
	unsigned int told = 0;
	int i;

	for (i = 0; i < nr; i++) {
		struct event *ev = &events[told];

		if (evs[i].ret_flags & KEVENT_RET_CLOSED)
			continue;
		ev->cookie = evs[i].cookie;
		ev->what = what_of(evs[i].ret_data[0]);
		ev->count = is_counted(&evs[i]) ? evs[i].ret_data[1] : COUNT_UNKNOWN;
		told++;
	}
	while (kqe->nr_failed && told < max)
		events[told++] = (struct event){ .cookie = kqe->failed[--kqe->nr_failed],
						 .what = EV_FAILED };
	return told;
}
