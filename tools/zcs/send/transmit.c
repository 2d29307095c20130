// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsend: packets into chunks, chunks to the kernel, completions back.
 *
 * A chunk is either on the free list or under way. The list is a stack, and
 * completions are taken after each call, so that few chunks are in use and stay
 * in the caches. A flow fills each chunk once: the packet in it stays good.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "zcsend.h"

/* What is under way at the end gets so long to complete. */
#define LINGER_MS	5000

/* The kernel had no room: ask again so soon, unless a completion comes. */
#define RETRY_MS	1

/**
 * struct transmitter - sending under way
 * @tx: the library's handle
 * @opts: the command line
 * @res: counted here
 * @free: numbers of free chunks
 * @nr_free: how many
 * @descs: the next call's packets
 * @nr: how many
 * @done: room for completions
 * @chunk_size: bytes of a chunk
 * @start_ns: when it began
 */
struct transmitter {
	struct zcs_sender	*tx;
	const struct options	*opts;
	struct result		*res;
	uint32_t		*free;
	unsigned int		nr_free;
	struct zcs_tx_desc	*descs;
	unsigned int		nr;
	struct zcs_tx_done	*done;
	size_t			chunk_size;
	uint64_t		start_ns;
};

static volatile sig_atomic_t stopping;

void transmit_stop(void)
{
	stopping = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static int begin(struct transmitter *t, struct result *res, const struct options *opts,
		 size_t longest)
{
	struct zcs_tx_options txo = { .nr_chunks = opts->nr_chunks };
	char err[ZCS_ERR_LEN];
	unsigned int i;

	*t = (struct transmitter){ .opts = opts, .res = res };
	memset(res, 0, sizeof(*res));
	t->chunk_size = (size_t)sysconf(_SC_PAGESIZE);
	while (t->chunk_size < longest)
		t->chunk_size *= 2;
	txo.chunk_size = (unsigned int)t->chunk_size;
	t->free = calloc(opts->nr_chunks, sizeof(*t->free));
	t->descs = calloc(opts->batch, sizeof(*t->descs));
	t->done = calloc(opts->batch, sizeof(*t->done));
	if (!t->free || !t->descs || !t->done) {
		fputs("zcsend: no memory\n", stderr);
		return -ENOMEM;
	}
	t->tx = zcs_tx_open(&txo, err);
	if (!t->tx) {
		fprintf(stderr, "zcsend: %s\n", err);
		return -errno;
	}
	for (i = 0; i < opts->nr_chunks; i++)
		t->free[t->nr_free++] = i;
	t->start_ns = now_ns();
	return 0;
}

static void reap(struct transmitter *t)
{
	int i, n;

	do {
		n = zcs_tx_reap(t->tx, t->done, (int)t->opts->batch);
		for (i = 0; i < n; i++) {
			t->free[t->nr_free++] = t->done[i].chunk;
			t->res->copied += t->done[i].copied;
		}
		t->res->completed += (uint64_t)n;
	} while (n == (int)t->opts->batch);
}

static void wait_for_completion(struct transmitter *t, int ms)
{
	struct pollfd pfd = { .fd = zcs_tx_fd(t->tx), .events = POLLOUT };

	poll(&pfd, 1, ms);
	reap(t);
}

/* Hand over what is gathered; 0 or a negative errno that was told. */
static int submit(struct transmitter *t)
{
	unsigned int done = 0, i;
	int n;

	while (done < t->nr && !stopping) {
		n = zcs_tx_submit(t->tx, t->descs + done, t->nr - done);
		if (n == -ENOBUFS || n == -EAGAIN || n == -EINTR || n == -ENOMEM) {
			wait_for_completion(t, RETRY_MS);
			continue;
		}
		if (n < 0) {
			fprintf(stderr, "zcsend: packet %llu of %u bytes: %s\n",
				(unsigned long long)t->res->packets + 1, t->descs[done].len,
				strerror(-n));
			return n;
		}
		t->res->calls++;
		t->res->packets += (uint64_t)n;
		for (i = 0; i < (unsigned int)n; i++)
			t->res->bytes += t->descs[done + i].len;
		done += (unsigned int)n;
	}
	t->nr = 0;
	reap(t);
	return 0;
}

/* When may the next packet go? The number of packets that may go now. */
static uint64_t allowance(const struct transmitter *t)
{
	const struct options *opts = t->opts;
	uint64_t due, gathered = t->res->packets + t->nr;
	struct timespec ts;

	if (!opts->rate)
		return UINT64_MAX;
	for (;;) {
		uint64_t ns = now_ns() - t->start_ns;

		due = (uint64_t)((double)ns * (double)opts->rate / 1e9) + 1;
		if (due > gathered || stopping)
			return due > gathered ? due - gathered : 0;
		ns = (uint64_t)((double)gathered * 1e9 / (double)opts->rate) + t->start_ns;
		ts.tv_sec = (time_t)(ns / 1000000000);
		ts.tv_nsec = (long)(ns % 1000000000);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	}
}

/* A free chunk; waits for one. */
static int get_chunk(struct transmitter *t, uint32_t *chunk)
{
	int err;

	if (!t->nr_free) {
		err = submit(t);
		if (err)
			return err;
		while (!t->nr_free) {
			if (stopping)
				return -EINTR;
			wait_for_completion(t, LINGER_MS);
		}
	}
	*chunk = t->free[--t->nr_free];
	return 0;
}

static void gather(struct transmitter *t, uint32_t chunk, size_t len, unsigned int ifindex)
{
	t->descs[t->nr++] = (struct zcs_tx_desc){
		.chunk = chunk,
		.len = (uint32_t)len,
		.ifindex = ifindex,
		.mode = t->opts->route ? ZCS_TX_IP : ZCS_TX_FRAME,
	};
}

/* Wait for what is under way, and count. */
static int end(struct transmitter *t, int err)
{
	struct rusage ru;
	uint64_t limit;

	if (t->tx && !err && t->nr)
		err = submit(t);
	if (t->tx) {
		limit = now_ns() + LINGER_MS * 1000000ULL;
		while (!err && t->res->completed < t->res->packets && now_ns() < limit)
			wait_for_completion(t, 100);
	}
	getrusage(RUSAGE_SELF, &ru);
	t->res->cpu_user = seconds(ru.ru_utime);
	t->res->cpu_system = seconds(ru.ru_stime);
	t->res->seconds = (double)(now_ns() - t->start_ns) / 1e9;
	zcs_tx_close(t->tx);
	free(t->free);
	free(t->descs);
	free(t->done);
	return err == -EINTR ? 0 : err;
}

int transmit_flow(struct result *res, const struct options *opts, unsigned int ifindex,
		  const uint8_t *packet, size_t len)
{
	uint64_t left = opts->count, may = 0;
	uint32_t chunk, fresh = opts->nr_chunks;
	struct transmitter t;
	int err;

	err = begin(&t, res, opts, len);
	if (err)
		return end(&t, err);
	t.start_ns = now_ns();
	for (; left && !stopping && !err; left--) {
		if (!may) {
			err = submit(&t);
			may = err ? 1 : allowance(&t);
		}
		if (!err && may)
			err = get_chunk(&t, &chunk);
		if (err || !may)
			break;
		/* Chunks are taken for the first time from the last one down. */
		if (chunk < fresh) {
			memcpy(zcs_tx_chunk(t.tx, chunk), packet, len);
			fresh = chunk;
		}
		gather(&t, chunk, len, ifindex);
		may--;
		if (t.nr == opts->batch)
			err = submit(&t);
	}
	return end(&t, err);
}

/* Send the file once more. */
static int send_file(struct transmitter *t, struct replay *r, unsigned int ifindex)
{
	const uint8_t *packet;
	uint64_t may = 0;
	uint32_t chunk;
	ssize_t len = 0;
	int err = 0;

	while (!err && !stopping && (len = replay_next(r, &packet)) > 0) {
		if (!may) {
			err = submit(t);
			if (err)
				break;
			may = allowance(t);
			if (!may)
				break;
		}
		err = get_chunk(t, &chunk);
		if (err)
			break;
		memcpy(zcs_tx_chunk(t->tx, chunk), packet, (size_t)len);
		gather(t, chunk, (size_t)len, ifindex);
		may--;
		if (t->nr == t->opts->batch)
			err = submit(t);
	}
	return err ? err : len < 0 ? -EIO : 0;
}

int transmit_file(struct result *res, const struct options *opts, unsigned int ifindex,
		  struct replay *r)
{
	ssize_t longest = replay_longest(r);
	struct transmitter t;
	uint64_t i;
	int err;

	if (longest < 0)
		return -EIO;
	err = begin(&t, res, opts, (size_t)longest);
	for (i = 0; i < opts->count && !err && !stopping; i++) {
		err = i ? replay_rewind(r) : 0;
		if (!err)
			err = send_file(&t, r, ifindex);
	}
	return end(&t, err);
}
