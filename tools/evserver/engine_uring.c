// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: io_uring as a source of events: a multishot poll for input, one shot
 * for output. Requests are collected and go in with the call that waits.
 *
 * A poll holds on to its file, and is taken back in the same call: so the peer of
 * a connection sees its end after the next one, not at close().
 */

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "engine.h"

#define SQ_ENTRIES	4096

/* user_data: the cookie, and which poll of it */
#define OUTPUT		(1ULL << COOKIE_BITS)
/* ... of requests whose end nobody waits for */
#define QUIET		(2ULL << COOKIE_BITS)

struct uring {
	struct engine	engine;
	struct io_uring	ring;
};

static struct uring *to_uring(struct engine *engine)
{
	return (struct uring *)engine;
}

static int uring_open(struct engine **engine)
{
	struct uring *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	err = io_uring_queue_init(SQ_ENTRIES, &u->ring,
				  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	if (err) {
		free(u);
		return err;
	}
	*engine = &u->engine;
	return 0;
}

/* The kernel takes its time to end a ring, and with it what is still polled. */
static void uring_close(struct engine *engine)
{
	struct uring *u = to_uring(engine);

	io_uring_submit(&u->ring);
	io_uring_get_events(&u->ring);
	io_uring_queue_exit(&u->ring);
	free(engine);
}

static struct io_uring_sqe *next_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (!sqe) {
		u->engine.nr_changes++;
		io_uring_submit(&u->ring);
		sqe = io_uring_get_sqe(&u->ring);
	}
	return sqe;
}

static int arm(struct uring *u, enum kind kind, int fd, uint64_t cookie, unsigned int what)
{
	unsigned int once = kind == KIND_LISTENER ? EPOLLEXCLUSIVE : 0;
	struct io_uring_sqe *sqe = next_sqe(u);

	if (!sqe)
		return -EBUSY;
	if (what & EV_OUT) {
		io_uring_prep_poll_add(sqe, fd, POLLOUT);
		io_uring_sqe_set_data64(sqe, cookie | OUTPUT);
	} else {
		io_uring_prep_poll_multishot(sqe, fd, POLLIN | POLLRDHUP | once);
		io_uring_sqe_set_data64(sqe, cookie);
	}
	return 0;
}

/*
 * Not with io_uring_prep_poll_remove(): that fails while an event of the poll is on
 * its way, and the poll stays, with its file.
 */
static int disarm(struct uring *u, uint64_t data)
{
	struct io_uring_sqe *sqe = next_sqe(u);

	if (!sqe)
		return -EBUSY;
	io_uring_prep_cancel64(sqe, data, 0);
	io_uring_sqe_set_data64(sqe, QUIET);
	io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
	return 0;
}

static int uring_add(struct engine *engine, enum kind kind, int fd, uint64_t cookie)
{
	return arm(to_uring(engine), kind, fd, cookie, EV_IN);
}

/* Input is taken back, output has ended by itself. */
static int uring_want(struct engine *engine, enum kind kind, int fd, uint64_t cookie,
		      unsigned int what)
{
	struct uring *u = to_uring(engine);
	int err = 0;

	if (!(what & EV_IN))
		err = disarm(u, cookie);
	if (!err && what)
		err = arm(u, kind, fd, cookie, what);
	return err;
}

static void uring_forget(struct engine *engine, int fd, uint64_t cookie)
{
	struct uring *u = to_uring(engine);

	(void)fd;
	disarm(u, cookie);
	disarm(u, cookie | OUTPUT);
}

static uint32_t event_of(const struct io_uring_cqe *cqe)
{
	return what_of(cqe->res) |
	       (cqe->user_data & OUTPUT || cqe->flags & IORING_CQE_F_MORE ? 0 : EV_ENDED);
}

static int wait_for_events(struct engine *engine, struct event *events, unsigned int max,
			   int timeout)
{
	struct __kernel_timespec ts = {
		.tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000LL
	};
	struct uring *u = to_uring(engine);
	unsigned int head, seen = 0, nr = 0;
	struct io_uring_cqe *cqe;
	int err;

	engine->nr_waits++;
	err = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, timeout < 0 ? NULL : &ts, NULL);
	if (err < 0 && err != -ETIME && err != -EINTR && err != -EBUSY)
		return err;
	io_uring_for_each_cqe(&u->ring, head, cqe) {
		struct event *ev = &events[nr];

		if (nr == max)
			break;
		seen++;
		if (cqe->user_data == QUIET || cqe->res == -ECANCELED)
			continue;
		ev->cookie = cqe->user_data & ~OUTPUT;
		ev->count = COUNT_UNKNOWN;
		ev->what = cqe->res < 0 ? EV_FAILED : event_of(cqe);
		nr++;
	}
	io_uring_cq_advance(&u->ring, seen);
	return nr;
}

const struct engine_ops engine_uring = {
	.name	= "io_uring",
	.open	= uring_open,
	.close	= uring_close,
	.add	= uring_add,
	.want	= uring_want,
	.forget	= uring_forget,
	.wait	= wait_for_events,
};
