// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent_bench: rounds of writes, and the events that come of them.
 *
 * A round writes a byte to each of the active channels, which move on from round
 * to round, and ends when all were read. One thread does both in turn; that is the
 * same work in every run, whose instructions can be counted. With two threads the
 * writer waits for the readers once per round.
 *
 * Without an engine nobody tells what can be read: a reader knows whose turn it
 * is. Apart from the writer it sleeps in read() until there is something.
 */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Events before the clock runs: that use each slot of a ring, if it is not large. */
#define WARM_UP	4096

/**
 * struct work - what the threads share
 * @e: the engine; ops is NULL for none
 * @ch: the channels
 * @left: channels of this round that were not read yet
 * @round_over: posted by whoever reads the last one
 * @nr_readers: that have begun, without an engine
 * @over: without an engine: what is read now says that the work is over
 * @spurious: channels that were told, and had nothing
 * @err: error of a reader, then of all
 * @res: out
 */
struct work {
	struct engine		e;
	struct channels		ch;
	unsigned int		left;
	sem_t			round_over;
	unsigned int		nr_readers;
	bool			over;
	uint64_t		spurious;
	int			err;
	struct result		*res;
};

static void write_channel(struct work *w, uint64_t at)
{
	if (write(w->ch.wr[at], "", 1) != 1)
		die("write: %s", strerror(errno));
}

static void write_round(struct work *w, uint64_t round)
{
	const struct options *opts = w->e.opts;
	unsigned int i;

	for (i = 0; i < opts->nr_active; i++)
		write_channel(w, (round * opts->nr_active + i) % opts->nr_channels);
}

/* True when there was something. */
static bool read_channel(struct work *w, unsigned int at)
{
	char buf[64];

	if (read(w->ch.rd[at], buf, sizeof(buf)) > 0)
		return true;
	__atomic_fetch_add(&w->spurious, 1, __ATOMIC_RELAXED);
	return false;
}

/* === One thread =========================================================== */

static int read_round(struct work *w, uint64_t round)
{
	const struct options *opts = w->e.opts;
	unsigned int left = opts->nr_active, i;
	uint32_t ready[BATCH];
	int n, at;

	if (!w->e.ops->open) {
		for (i = 0; i < left; i++)
			read_channel(w, (round * left + i) % opts->nr_channels);
		return 0;
	}
	while (left) {
		n = w->e.ops->wait(&w->e, ready, BATCH);
		if (n < 0)
			return n;
		for (at = 0; at < n; at++)
			left -= read_channel(w, ready[at]);
	}
	return 0;
}

/* === A writer and readers ================================================= */

static void *reader(void *arg)
{
	struct work *w = arg;
	const unsigned int stop = w->e.opts->nr_channels;
	uint32_t ready[BATCH];
	bool over = false;
	int n, i;

	while (!over) {
		n = w->e.ops->wait(&w->e, ready, BATCH);
		if (n < 0 && n != -EINTR) {
			__atomic_store_n(&w->err, n, __ATOMIC_RELAXED);
			sem_post(&w->round_over);
			break;
		}
		for (i = 0; i < n; i++) {
			if (ready[i] == stop)
				over = true;
			else if (read_channel(w, ready[i]) &&
				 !__atomic_sub_fetch(&w->left, 1, __ATOMIC_ACQ_REL))
				sem_post(&w->round_over);
		}
	}
	/* For the next one. */
	write_channel(w, stop);
	return NULL;
}

/* Of the events, in their order, each reader has every nr_consumers-th. */
static void *blind_reader(void *arg)
{
	struct work *w = arg;
	const struct options *opts = w->e.opts;
	uint64_t at = __atomic_fetch_add(&w->nr_readers, 1, __ATOMIC_RELAXED);

	for (;; at += opts->nr_consumers) {
		if (!read_channel(w, at % opts->nr_channels))
			die("read: %s", strerror(errno));
		if (__atomic_load_n(&w->over, __ATOMIC_ACQUIRE))
			return NULL;
		if (!__atomic_sub_fetch(&w->left, 1, __ATOMIC_ACQ_REL))
			sem_post(&w->round_over);
	}
}

/* One event more for each. */
static void end_blind(struct work *w, uint64_t nr_events)
{
	const struct options *opts = w->e.opts;
	unsigned int i;

	__atomic_store_n(&w->over, true, __ATOMIC_RELEASE);
	for (i = 0; i < opts->nr_consumers; i++)
		write_channel(w, (nr_events + i) % opts->nr_channels);
}

static int do_round(struct work *w, uint64_t round)
{
	if (w->e.opts->nr_threads == 1) {
		write_round(w, round);
		return read_round(w, round);
	}
	__atomic_store_n(&w->left, w->e.opts->nr_active, __ATOMIC_RELEASE);
	write_round(w, round);
	while (sem_wait(&w->round_over))
		;
	return __atomic_load_n(&w->err, __ATOMIC_RELAXED);
}

/* Rounds before the clock runs; each channel has its memory then. */
static uint64_t warm_up(const struct options *opts)
{
	unsigned int events = 2 * opts->nr_channels;

	return (events > WARM_UP ? events : WARM_UP) / opts->nr_active + 1;
}

static int do_rounds(struct work *w, struct result *res)
{
	const struct options *opts = w->e.opts;
	uint64_t round, warm = warm_up(opts);
	struct span now;
	int err = 0;

	for (round = 0; round < warm && !err; round++)
		err = do_round(w, round);
	w->spurious = 0;
	span_begin(&res->span);
	now = res->span;
	for (; !err; round++) {
		if (opts->rounds) {
			if (round - warm == opts->rounds)
				break;
		} else if (round % 64 == 0) {
			now = res->span;
			span_end(&now);
			if (now.ns >= opts->seconds * 1000000000ULL)
				break;
		}
		err = do_round(w, round);
	}
	span_end(&res->span);
	res->rounds = round - warm;
	res->events = res->rounds * opts->nr_active;
	res->spurious = w->spurious;
	if (opts->nr_threads > 1) {
		if (w->e.ops->open)
			write_channel(w, opts->nr_channels);
		else
			end_blind(w, round * opts->nr_active);
	}
	return err;
}

static void *writer(void *arg)
{
	struct work *w = arg;

	w->err = do_rounds(w, w->res);
	return NULL;
}

/* This thread has opened the engine and is a reader: some allow no other one. */
static int do_threads(struct work *w)
{
	void *(*read_all)(void *) = w->e.ops->open ? reader : blind_reader;
	unsigned int i, nr = w->e.opts->nr_consumers;
	pthread_t *threads;

	if (w->e.opts->nr_threads == 1)
		return do_rounds(w, w->res);
	threads = calloc(nr, sizeof(*threads));
	if (!threads)
		die("no memory for %u threads", nr);
	sem_init(&w->round_over, 0, 0);
	for (i = 0; i < nr; i++) {
		if (pthread_create(&threads[i], NULL, i ? read_all : writer, w))
			die("no thread %u", i);
	}
	read_all(w);
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return w->err;
}

/* === All of it ============================================================ */

/* Free pages: of the zones, and of the lists that each processor has before them. */
static long free_pages(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	char line[128];
	long sum = 0, nr;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " nr_free_pages %ld", &nr) == 1 ||
		    sscanf(line, " count: %ld", &nr) == 1)
			sum += nr;
	}
	fclose(f);
	return sum;
}

/* Watch them; what each takes is in the result. */
static int add_idle(struct work *w, const int *idle)
{
	const struct options *opts = w->e.opts;
	long before = free_pages();
	int err = 0;

	if (w->e.ops->open)
		err = w->e.ops->add(&w->e, idle, w->ch.nr, opts->nr_idle);
	w->res->idle_bytes = (double)(before - free_pages()) * sysconf(_SC_PAGESIZE) /
			     opts->nr_idle;
	return err;
}

int measure(const struct engine_ops *ops, const struct options *opts, struct result *res)
{
	struct work w = { .e = { .ops = ops, .opts = opts }, .res = res };
	int *idle = NULL, err = 0;

	/* One more, which says that the work is over. */
	channels_open(&w.ch, opts->kind, opts->nr_channels + 1,
		      !ops->open && opts->nr_threads > 1);
	if (opts->nr_idle)
		idle = idle_open(opts->nr_idle, 2 * w.ch.nr + 64);
	if (ops->open)
		err = ops->open(&w.e);
	if (!err) {
		if (ops->open && !opts->ctl)
			err = ops->add(&w.e, w.ch.rd, 0, w.ch.nr);
		if (!err && idle)
			err = add_idle(&w, idle);
		if (!err)
			err = opts->ctl ? measure_ctl(&w.e, &w.ch, res) : do_threads(&w);
		if (ops->open)
			ops->close(&w.e);
	}
	/* After the engine, so that it is asked once and not for each of them. */
	if (idle)
		idle_close(idle, opts->nr_idle);
	channels_close(&w.ch);
	return err;
}
