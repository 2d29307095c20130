/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evserver: what the server needs of an event system.
 *
 * An engine tells that something can be read, written or accepted. A connection
 * may be told of on changes only: whoever is told goes on until there is no more,
 * or comes back by himself. want() looks at the state anew, so what was there
 * before it is told after it.
 *
 * Cookies tell which of several users of a descriptor's number is meant, so an
 * engine may be late: what it says of one that is gone is not listened to.
 */
#ifndef _EVSERVER_ENGINE_H
#define _EVSERVER_ENGINE_H

#include <poll.h>
#include <stdint.h>

/* A cookie has so many bits; engines may use the others. */
#define COOKIE_BITS	62

enum kind {
	KIND_LISTENER,
	KIND_STREAM,
	KIND_OTHER,
};

enum {
	EV_IN		= 1,	/* to be read, or accepted */
	EV_OUT		= 2,	/* room to write */
	EV_HUP		= 4,	/* end of input, hang-up or error */
	EV_ENDED	= 8,	/* no more is told before the next want() */
	EV_FAILED	= 16,	/* there is no way to look at it */
};

/* struct event.count: not known */
#define COUNT_UNKNOWN	UINT32_MAX

/**
 * struct event - what an engine tells
 * @cookie: of whom
 * @what: EV_*
 * @count: bytes to read or connections to accept, or COUNT_UNKNOWN
 */
struct event {
	uint64_t	cookie;
	uint32_t	what;
	uint32_t	count;
};

/**
 * struct engine - head of every engine
 * @ops: its functions
 * @nr_waits: system calls that waited
 * @nr_changes: system calls that changed interests
 */
struct engine {
	const struct engine_ops	*ops;
	uint64_t		nr_waits;
	uint64_t		nr_changes;
};

/**
 * struct engine_ops - functions of an engine
 * @name: of --engine
 * @open: make one; returns 0 or a negative errno
 * @close: give everything back
 * @add: look for input; 0 or a negative errno, unless that comes later, as
 *	EV_FAILED
 * @want: look for EV_IN, EV_OUT or nothing instead, and anew
 * @forget: the descriptor is about to be closed
 * @wait: wait for so many milliseconds, negative: for ever; returns the number of
 *	events, 0 after the time or a signal, or a negative errno
 */
struct engine_ops {
	const char *name;
	int (*open)(struct engine **engine);
	void (*close)(struct engine *engine);
	int (*add)(struct engine *engine, enum kind kind, int fd, uint64_t cookie);
	int (*want)(struct engine *engine, enum kind kind, int fd, uint64_t cookie,
		    unsigned int what);
	void (*forget)(struct engine *engine, int fd, uint64_t cookie);
	int (*wait)(struct engine *engine, struct event *events, unsigned int max, int timeout);
};

/* What bits of poll() are for the server; epoll's are the same. */
static inline uint32_t what_of(uint32_t bits)
{
	return (bits & POLLIN ? EV_IN : 0) | (bits & POLLOUT ? EV_OUT : 0) |
	       (bits & (POLLRDHUP | POLLHUP | POLLERR) ? EV_HUP : 0);
}

extern const struct engine_ops engine_ring, engine_kevent, engine_epoll, engine_poll,
			       engine_uring;

#endif /* _EVSERVER_ENGINE_H */
