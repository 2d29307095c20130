// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent_bench: io_uring's poll, by its system calls.
 *
 * Edge-triggered it is a multishot poll. That has no levels; the level-triggered
 * one is a poll of one shot, armed again after the event, in the call that waits.
 * Completions are taken from the ring as long as there are some; else one call
 * waits for more. Registrations are submitted many at a time.
 */

#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define SQ_ENTRIES	256

/* user_data of requests whose completion is of no interest */
#define QUIET		UINT64_MAX

enum {
	PLAIN,
	COOP,
	DEFER,
};

static const unsigned int setup_flags[] = {
	[PLAIN]	= 0,
	[COOP]	= IORING_SETUP_COOP_TASKRUN,
	[DEFER]	= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

struct uring {
	int			fd;
	void			*rings;
	size_t			len;
	struct io_uring_sqe	*sqes;
	uint32_t		*sq_tail;
	uint32_t		sq_mask;
	uint32_t		tail;
	uint32_t		*cq_head;
	uint32_t		*cq_tail;
	uint32_t		cq_mask;
	struct io_uring_cqe	*cqes;
	uint32_t		nr_queued;
	const int		*rearm;
};

static int enter(struct uring *u, unsigned int wait_for)
{
	int ret;

	__atomic_store_n(u->sq_tail, u->tail, __ATOMIC_RELEASE);
	ret = syscall(__NR_io_uring_enter, u->fd, u->nr_queued, wait_for, IORING_ENTER_GETEVENTS,
		      NULL, 0);
	if (ret < 0)
		return -errno;
	u->nr_queued -= ret;
	return 0;
}

static int uring_open(struct engine *e)
{
	struct io_uring_params p = { .flags = setup_flags[e->ops->variant] | IORING_SETUP_CQSIZE };
	struct uring *u = calloc(1, sizeof(*u));
	uint32_t i, *array;
	int err;

	if (!u)
		return -ENOMEM;
	for (p.cq_entries = 4096; p.cq_entries < 2 * e->opts->nr_channels; p.cq_entries *= 2)
		;
	u->fd = syscall(__NR_io_uring_setup, SQ_ENTRIES, &p);
	if (u->fd < 0)
		goto err;
	u->len = p.cq_off.cqes + p.cq_entries * sizeof(*u->cqes);
	u->rings = mmap(NULL, u->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd,
			IORING_OFF_SQ_RING);
	u->sqes = mmap(NULL, SQ_ENTRIES * sizeof(*u->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQES);
	if (u->rings == MAP_FAILED || u->sqes == MAP_FAILED)
		goto err;
	u->sq_tail = (void *)((char *)u->rings + p.sq_off.tail);
	u->sq_mask = p.sq_entries - 1;
	u->cq_head = (void *)((char *)u->rings + p.cq_off.head);
	u->cq_tail = (void *)((char *)u->rings + p.cq_off.tail);
	u->cq_mask = p.cq_entries - 1;
	u->cqes = (void *)((char *)u->rings + p.cq_off.cqes);
	array = (void *)((char *)u->rings + p.sq_off.array);
	for (i = 0; i <= u->sq_mask; i++)
		array[i] = i;
	e->priv = u;
	return 0;
err:
	err = -errno;
	if (u->fd >= 0)
		close(u->fd);
	free(u);
	return err;
}

static struct io_uring_sqe *next_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe;

	if (u->nr_queued > u->sq_mask && enter(u, 0))
		die("io_uring_enter: %s", strerror(errno));
	sqe = &u->sqes[u->tail++ & u->sq_mask];
	u->nr_queued++;
	memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

static void arm(struct engine *e, int fd, uint32_t channel)
{
	struct io_uring_sqe *sqe = next_sqe(e->priv);

	sqe->opcode = IORING_OP_POLL_ADD;
	sqe->fd = fd;
	sqe->poll32_events = POLLIN;
	sqe->len = e->opts->edge ? IORING_POLL_ADD_MULTI : 0;
	sqe->user_data = channel;
}

static int uring_add(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	struct uring *u = e->priv;
	unsigned int i;

	if (!first)
		u->rearm = fds;
	for (i = 0; i < nr; i++)
		arm(e, fds[i], first + i);
	return u->nr_queued ? enter(u, 0) : 0;
}

/* Drop what has completed. */
static void drain(struct uring *u)
{
	__atomic_store_n(u->cq_head, __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
}

static int update(struct engine *e, uint32_t first, unsigned int nr, bool keep)
{
	struct uring *u = e->priv;
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr; i++) {
		struct io_uring_sqe *sqe = next_sqe(u);

		sqe->opcode = IORING_OP_POLL_REMOVE;
		sqe->addr = first + i;
		sqe->user_data = QUIET;
		if (keep) {
			sqe->len = IORING_POLL_UPDATE_EVENTS |
				   (e->opts->edge ? IORING_POLL_ADD_MULTI : 0);
			sqe->poll32_events = POLLIN;
		}
	}
	if (u->nr_queued)
		err = enter(u, 0);
	drain(u);
	return err;
}

static int uring_modify(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	(void)fds;
	return update(e, first, nr, true);
}

static int uring_remove(struct engine *e, const int *fds, uint32_t first, unsigned int nr)
{
	(void)fds;
	return update(e, first, nr, false);
}

static int uring_take(struct engine *e, uint32_t *ready, unsigned int max)
{
	struct uring *u = e->priv;
	uint32_t head = *u->cq_head;
	unsigned int n = 0;
	int err;

	while (!n) {
		uint32_t tail = __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE);

		if (head == tail || u->nr_queued) {
			err = enter(u, head == tail);
			if (err)
				return err;
			tail = __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE);
		}
		for (; head != tail && n < max; head++) {
			const struct io_uring_cqe *cqe = &u->cqes[head & u->cq_mask];

			if (cqe->user_data == QUIET)
				continue;
			if (cqe->res < 0)
				return cqe->res;
			ready[n++] = cqe->user_data;
			if (!(cqe->flags & IORING_CQE_F_MORE))
				arm(e, u->rearm[cqe->user_data], cqe->user_data);
		}
		__atomic_store_n(u->cq_head, head, __ATOMIC_RELEASE);
	}
	return n;
}

static void uring_close(struct engine *e)
{
	struct uring *u = e->priv;

	munmap(u->rings, u->len);
	munmap(u->sqes, SQ_ENTRIES * sizeof(*u->sqes));
	close(u->fd);
	free(u);
}

#define URING(_name, _variant)							\
	{									\
		.name = _name, .variant = _variant, .nr_consumers = 1,		\
		.open = uring_open, .add = uring_add, .modify = uring_modify,	\
		.remove = uring_remove, .wait = uring_take, .close = uring_close, \
	}

const struct engine_ops engine_uring[3] = {
	URING("io_uring", PLAIN),
	URING("io_uring-coop", COOP),
	URING("io_uring-defer", DEFER),
};
