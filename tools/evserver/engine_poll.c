// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: poll, the floor of the field. Everything is level-triggered. The
 * array has no holes: the last one takes the place of one that goes.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

struct polls {
	struct engine	engine;
	struct pollfd	*fds;
	uint64_t	*cookies;
	uint32_t	*where;		/* by descriptor: place in fds, plus 1 */
	unsigned int	nr;
	unsigned int	room;
	unsigned int	nr_where;
	unsigned int	next;		/* where the last harvest stopped */
};

static struct polls *to_polls(struct engine *engine)
{
	return (struct polls *)engine;
}

static int poll_open(struct engine **engine)
{
	struct polls *polls = calloc(1, sizeof(*polls));

	if (!polls)
		return -ENOMEM;
	*engine = &polls->engine;
	return 0;
}

static void poll_close(struct engine *engine)
{
	struct polls *polls = to_polls(engine);

	free(polls->fds);
	free(polls->cookies);
	free(polls->where);
	free(polls);
}

/* Make an array hold more than nr elements. */
static int grow(void *array, unsigned int nr, size_t size)
{
	void *more = reallocarray(*(void **)array, nr, size);

	if (!more)
		return -ENOMEM;
	*(void **)array = more;
	return 0;
}

static int make_room(struct polls *polls, int fd)
{
	unsigned int room = polls->room ? 2 * polls->room : 64;
	unsigned int nr_where = 2 * (unsigned int)fd + 64;

	if (polls->nr == polls->room) {
		if (grow(&polls->fds, room, sizeof(*polls->fds)) ||
		    grow(&polls->cookies, room, sizeof(*polls->cookies)))
			return -ENOMEM;
		polls->room = room;
	}
	if ((unsigned int)fd >= polls->nr_where) {
		if (grow(&polls->where, nr_where, sizeof(*polls->where)))
			return -ENOMEM;
		memset(polls->where + polls->nr_where, 0,
		       (nr_where - polls->nr_where) * sizeof(*polls->where));
		polls->nr_where = nr_where;
	}
	return 0;
}

static short bits_of(unsigned int what)
{
	return (what & EV_IN ? POLLIN | POLLRDHUP : 0) | (what & EV_OUT ? POLLOUT : 0);
}

static int poll_add(struct engine *engine, enum kind kind, int fd, uint64_t cookie)
{
	struct polls *polls = to_polls(engine);

	(void)kind;
	if (make_room(polls, fd))
		return -ENOMEM;
	polls->fds[polls->nr] = (struct pollfd){ .fd = fd, .events = bits_of(EV_IN) };
	polls->cookies[polls->nr] = cookie;
	polls->where[fd] = ++polls->nr;
	return 0;
}

static int poll_want(struct engine *engine, enum kind kind, int fd, uint64_t cookie,
		     unsigned int what)
{
	struct polls *polls = to_polls(engine);

	(void)kind;
	(void)cookie;
	polls->fds[polls->where[fd] - 1].events = bits_of(what);
	return 0;
}

static void poll_forget(struct engine *engine, int fd, uint64_t cookie)
{
	struct polls *polls = to_polls(engine);
	unsigned int at = polls->where[fd] - 1, last = --polls->nr;

	(void)cookie;
	polls->fds[at] = polls->fds[last];
	polls->cookies[at] = polls->cookies[last];
	polls->where[polls->fds[at].fd] = at + 1;
	polls->where[fd] = 0;
}

static int wait_for_events(struct engine *engine, struct event *events, unsigned int max,
			   int timeout)
{
	struct polls *polls = to_polls(engine);
	unsigned int i, at = polls->next, nr = 0;
	int left;

	engine->nr_waits++;
	left = poll(polls->fds, polls->nr, timeout);
	if (left < 0)
		return errno == EINTR ? 0 : -errno;
	/* Go on where the last one stopped: with little room all get their turn. */
	for (i = 0; i < polls->nr && left && nr < max; i++) {
		short bits;

		if (at >= polls->nr)
			at = 0;
		bits = polls->fds[at].revents;
		if (bits) {
			events[nr].cookie = polls->cookies[at];
			events[nr].what = what_of(bits) | (bits & POLLNVAL ? EV_HUP : 0);
			events[nr++].count = COUNT_UNKNOWN;
			left--;
		}
		at++;
	}
	polls->next = at;
	return nr;
}

const struct engine_ops engine_poll = {
	.name	= "poll",
	.open	= poll_open,
	.close	= poll_close,
	.add	= poll_add,
	.want	= poll_want,
	.forget	= poll_forget,
	.wait	= wait_for_events,
};
