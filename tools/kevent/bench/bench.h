/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kevent_bench: what its files share.
 */
#ifndef _KEVENT_BENCH_H
#define _KEVENT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* Most events that one wait gives. */
#define BATCH	256

enum kind {
	PIPE,
	UNIX,
	INET,
};

/**
 * struct options - what to measure
 * @kind: of the channels
 * @edge: edge-triggered
 * @nr_channels: channels that are watched
 * @nr_active: of them, written to in each round
 * @rounds: how many; 0 is until @seconds have passed
 * @seconds: see there
 * @nr_threads: 1: writes and reads in turn; 2: a writer apart from the reader
 * @nr_consumers: threads that wait and read, with 2
 * @nr_idle: more descriptors that are watched, and never ready
 * @ctl: instead of rounds of events, rounds of so many added, changed, removed
 * @json: one object a line
 */
struct options {
	enum kind	kind;
	bool		edge;
	unsigned int	nr_channels;
	unsigned int	nr_active;
	uint64_t	rounds;
	unsigned int	seconds;
	unsigned int	nr_threads;
	unsigned int	nr_consumers;
	unsigned int	nr_idle;
	unsigned int	ctl;
	bool		json;
};

struct engine;

/**
 * struct engine_ops - a way to learn which channels can be read
 * @name: of the engine
 * @variant: for several engines with one set of functions
 * @nr_consumers: that it can have; 0 is any number
 * @open: make it; 0 or a negative errno
 * @add: watch descriptors; several at once if it can
 * @modify: the same ones, again
 * @remove: stop to watch them
 * @wait: channels that can be read, at least one; or a negative errno
 * @close: the opposite of @open
 *
 * Descriptor number i of @add tells channel @first + i.
 */
struct engine_ops {
	const char	*name;
	unsigned int	variant;
	unsigned int	nr_consumers;
	int (*open)(struct engine *e);
	int (*add)(struct engine *e, const int *fds, uint32_t first, unsigned int nr);
	int (*modify)(struct engine *e, const int *fds, uint32_t first, unsigned int nr);
	int (*remove)(struct engine *e, const int *fds, uint32_t first, unsigned int nr);
	int (*wait)(struct engine *e, uint32_t *ready, unsigned int max);
	void (*close)(struct engine *e);
};

/**
 * struct engine - one that is open
 * @ops: its functions
 * @opts: what is measured
 * @priv: its own
 */
struct engine {
	const struct engine_ops	*ops;
	const struct options	*opts;
	void			*priv;
};

/* epoll.c, uring.c, kevent.c */
extern const struct engine_ops engine_epoll;
extern const struct engine_ops engine_uring[3];
extern const struct engine_ops engine_kevent[4];

/**
 * struct channels - pipes or pairs of sockets
 * @nr: how many; the last one says that the work is over
 * @rd: the ends that are watched
 * @wr: the others
 */
struct channels {
	unsigned int	nr;
	int		*rd;
	int		*wr;
};

/* channel.c */
void channels_open(struct channels *ch, enum kind kind, unsigned int nr, bool blocking);
void channels_close(struct channels *ch);
int *idle_open(unsigned int nr, unsigned int nr_others);
void idle_close(int *fds, unsigned int nr);

/**
 * struct span - time that passed
 * @ns: nanoseconds
 * @ticks: of the time stamp counter: instructions, under -icount shift=0
 */
struct span {
	uint64_t	ns;
	uint64_t	ticks;
};

/**
 * struct result - what was measured
 * @events: channels that were read
 * @spurious: of which there was nothing to be read
 * @rounds: how many
 * @span: how long that took
 * @idle_bytes: memory of a registration of an idle descriptor
 * @ctl: how long adding, changing and removing took
 */
struct result {
	uint64_t	events;
	uint64_t	spurious;
	uint64_t	rounds;
	struct span	span;
	double		idle_bytes;
	struct span	ctl[3];
};

/* run.c */
int measure(const struct engine_ops *ops, const struct options *opts, struct result *res);

/* ctl.c */
int measure_ctl(struct engine *e, const struct channels *ch, struct result *res);

/* main.c */
noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void span_begin(struct span *span);
void span_end(struct span *span);

#endif /* _KEVENT_BENCH_H */
