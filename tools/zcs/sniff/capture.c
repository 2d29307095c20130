// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: the loop: wait, take what is there, show it, give it back.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zcsniff.h"

/* A packet waits no longer than this for others to be shown with. */
#define POLL_MS		100

/* Interval of --stats */
#define STATS_NS	1000000000ULL

/* Packets between looks at the clock and at signals under load */
#define BATCH		4096

volatile sig_atomic_t stopping;

static const char nonsense[] = "zcsniff: a descriptor makes no sense\n";

/**
 * struct session - a capture under way
 * @z: where packets come from
 * @opts: the command line
 * @totals: counted here
 * @writer: -w, or NULL
 * @rotates: -C or -G
 * @only_file: packets go to one file and nowhere else
 * @seqlog: --tcp-seq, or NULL
 * @bytes: room for the bytes of a packet
 * @room: how many fit
 * @err: why it ended, if it failed
 */
struct session {
	struct zcs		*z;
	const struct options	*opts;
	struct totals		*totals;
	struct writer		*writer;
	bool			rotates;
	bool			only_file;
	FILE			*seqlog;
	uint8_t			*bytes;
	size_t			room;
	int			err;
};

static int flush_text(struct session *s)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "zcsniff: standard output: %s\n",
			errno == EPIPE ? "the reader has gone" : strerror(errno));
		return -EIO;
	}
	if (s->seqlog && fflush(s->seqlog)) {
		fprintf(stderr, "zcsniff: %s: %s\n", s->opts->tcp_seq, strerror(errno));
		return -EIO;
	}
	return 0;
}

/* Write what was gathered; then nothing refers to the packets any more. */
static int give_back(struct session *s)
{
	int err = s->writer ? writer_flush(s->writer) : 0;

	if (!err)
		zcs_release(s->z);
	return err;
}

static int write_packet(struct session *s, const struct zcs_packet *pkt)
{
	struct writer *w = s->writer;
	int err;

	if (s->rotates && writer_is_due(w, pkt->desc->ts_ns)) {
		err = writer_rotate(w, s->z, pkt->desc->ts_ns);
		if (err)
			return err;
	}
	return pcapng_packet(&w->file, &w->out, s->z, pkt);
}

static int show_packet(struct session *s, const struct zcs_packet *pkt)
{
	const struct options *opts = s->opts;
	struct wire wire = { .data = s->bytes };
	int err;

	err = wire_copy(&wire, s->z, pkt, s->room);
	if (err)
		return err;
	if (opts->raw)
		raw_packet(stdout, s->totals->captured, s->z, pkt, &wire);
	else if (!s->writer && !opts->stats)
		print_packet(stdout, opts, pkt->desc, &wire);
	if (s->seqlog)
		seqlog_packet(s->seqlog, pkt->desc, &wire);
	return 0;
}

/* 0, 1 if that was the last one, or a negative errno. */
static int take(struct session *s, const struct zcs_packet *pkt)
{
	struct totals *t = s->totals;
	int err = 0;

	if (pkt->desc->flags & ZCS_F_EMPTY) {
		t->empty++;
		if (!s->opts->raw)
			return 0;
	}
	t->captured++;
	t->bytes += pkt->desc->wire_len;
	if (s->writer)
		err = write_packet(s, pkt);
	if (!err && s->room)
		err = show_packet(s, pkt);
	if (err == -EBADMSG)
		fputs(nonsense, stderr);
	if (err)
		return err;
	return s->opts->count && t->captured >= s->opts->count;
}

/*
 * Take what waits, up to BATCH packets; give it back whenever the output is
 * full. There is room for a packet before each is taken: give_back() must not
 * come between finding one and putting it out.
 */
static int take_all(struct session *s)
{
	struct zcs_packet pkt;
	unsigned int n;
	int ret = 0;

	for (n = 0; n < BATCH && !ret; n++) {
		ret = zcs_next(s->z, &pkt);
		if (ret <= 0)
			break;
		ret = take(s, &pkt);
		if (!ret && s->writer && !out_fits(&s->writer->out, PCAPNG_STAGE, PCAPNG_ITEMS))
			ret = give_back(s);
	}
	return ret;
}

/*
 * The same when packets only go to one file: the loop that has to be fast, with
 * nothing to decide but once.
 */
static int __attribute__((hot)) take_all_to_file(struct session *s)
{
	struct writer *w = s->writer;
	uint64_t captured = 0, bytes = 0;
	uint64_t most = s->opts->count ? s->opts->count - s->totals->captured : UINT64_MAX;
	struct zcs_packet pkt;
	int ret;

	if (most > BATCH)
		most = BATCH;
	while ((ret = zcs_next(s->z, &pkt)) > 0) {
		if (pkt.desc->flags & ZCS_F_EMPTY) {
			s->totals->empty++;
			continue;
		}
		bytes += pkt.desc->wire_len;
		ret = pcapng_packet(&w->file, &w->out, s->z, &pkt);
		if (ret || ++captured == most)
			break;
		if (!out_fits(&w->out, PCAPNG_STAGE, PCAPNG_ITEMS)) {
			ret = give_back(s);
			if (ret)
				break;
		}
	}
	s->totals->captured += captured;
	s->totals->bytes += bytes;
	if (ret == -EBADMSG)
		fputs(nonsense, stderr);
	if (ret)
		return ret;
	return s->opts->count && s->totals->captured >= s->opts->count;
}

/* 0, 1 if the last packet was taken, or a negative errno. */
static int drain(struct session *s)
{
	int ret = s->only_file ? take_all_to_file(s) : take_all(s), err;

	if (ret >= 0) {
		err = give_back(s);
		if (!err && s->room)
			err = flush_text(s);
		if (err)
			ret = err;
	}
	return ret;
}

static int run(struct session *s)
{
	struct pollfd pfd = { .fd = zcs_fd(s->z), .events = POLLIN };
	uint64_t now, next_stats = 0;
	int ret;

	while (!stopping) {
		pfd.revents = 0;
		if (poll(&pfd, 1, POLL_MS) < 0 && errno != EINTR) {
			fprintf(stderr, "zcsniff: poll: %s\n", strerror(errno));
			return -errno;
		}
		if (pfd.revents & (POLLERR | POLLNVAL)) {
			fputs("zcsniff: the sniffer has gone\n", stderr);
			return -EIO;
		}
		ret = drain(s);
		if (ret)
			return ret;
		if (s->opts->stats) {
			now = clock_ns(CLOCK_MONOTONIC);
			if (now >= next_stats) {
				stats_live(s->z, s->totals);
				next_stats = now + STATS_NS;
			}
		}
	}
	return 0;
}

/* What was captured before the stop is shown too. */
static int finish(struct session *s)
{
	uint64_t left;
	int ret = 0;

	zcs_stop(s->z);
	for (left = zcs_waiting(s->z); left && !ret; left = zcs_waiting(s->z))
		ret = drain(s);
	return ret;
}

/* 0, or a negative errno of which the user has been told. */
int capture(struct zcs *z, const struct options *opts, struct totals *t)
{
	struct session s = {
		.z = z,
		.opts = opts,
		.totals = t,
		.rotates = opts->file_size || opts->file_seconds,
	};
	int ret;

	if (opts->tcp_seq) {
		s.seqlog = fopen(opts->tcp_seq, "we");
		if (!s.seqlog) {
			fprintf(stderr, "zcsniff: %s: %s\n", opts->tcp_seq, strerror(errno));
			return -errno;
		}
	}
	if (opts->raw || s.seqlog || !(opts->write || opts->stats))
		s.room = (opts->hex || opts->ascii) ? 262144 + 8 : PARSE_LEN;
	s.only_file = opts->write && !s.room && !s.rotates;
	s.bytes = malloc(s.room ? s.room : 1);
	if (opts->write) {
		s.writer = writer_open(opts);
		ret = s.writer ? 0 : -EIO;
		if (ret)
			goto out;
	}
	ret = s.bytes ? zcs_start(z) : -ENOMEM;
	if (ret) {
		fprintf(stderr, "zcsniff: %s\n", strerror(-ret));
		goto out;
	}
	t->start_ns = clock_ns(CLOCK_MONOTONIC);
	fprintf(stderr, "zcsniff: listening on %s, %s, snapshot length %u bytes\n",
		opts->ifname ? opts->ifname : "any",
		opts->point == ZCS_POINT_FREE ? "free point" : "tap",
		opts->snaplen ? opts->snaplen : 262144);
	ret = run(&s);
	if (!ret)
		ret = finish(&s);
	else
		zcs_stop(z);
	if (ret > 0)
		ret = 0;
	t->end_ns = clock_ns(CLOCK_MONOTONIC);
out:
	if (s.writer) {
		int err = writer_close(s.writer, z);

		if (!ret)
			ret = err;
	}
	if (s.seqlog && fclose(s.seqlog) && !ret) {
		fprintf(stderr, "zcsniff: %s: %s\n", opts->tcp_seq, strerror(errno));
		ret = -EIO;
	}
	free(s.bytes);
	return ret;
}
