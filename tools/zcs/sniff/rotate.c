// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: the files of -w: their names, when the next one is due, their ends.
 *
 * As tcpdump does it: -G begins a file when a packet is seen SECONDS or more
 * after the last beginning, its name given to strftime(3); -C appends a number
 * from the second file on, or to all files when -W says how many there are,
 * after which the first one is written again. With -G alone, -W ends the
 * capture after so many files.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zcsniff.h"

/* Report a failed write, which ends the capture: nothing more is written. */
static int complain(struct writer *w, int err)
{
	const char *name = strcmp(w->name, "-") ? w->name : "standard output";

	w->failed = true;
	if (err == -EPIPE)
		fprintf(stderr, "zcsniff: %s: the reader has gone\n", name);
	else
		fprintf(stderr, "zcsniff: %s: %s\n", name, strerror(-err));
	return err;
}

static int make_name(struct writer *w)
{
	const struct options *opts = w->opts;
	char base[PATH_MAX];
	time_t since = (time_t)w->since_s;
	uint64_t last;
	int digits = 1;
	size_t len;

	len = strlen(opts->write);
	if (opts->file_seconds) {
		len = strftime(base, sizeof(base), opts->write, localtime(&since));
		if (!len)
			return -ENAMETOOLONG;
	} else if (len < sizeof(base)) {
		memcpy(base, opts->write, len + 1);
	} else {
		return -ENAMETOOLONG;
	}
	if (!opts->file_size || (!opts->max_files && !w->number)) {
		memcpy(w->name, base, len + 1);
		return 0;
	}
	if (opts->max_files)
		for (last = opts->max_files - 1; last > 9; last /= 10)
			digits++;
	if (len + 21 > sizeof(w->name))
		return -ENAMETOOLONG;
	memcpy(w->name, base, len);
	snprintf(w->name + len, 21, "%0*llu", digits, (unsigned long long)w->number);
	return 0;
}

static int open_next(struct writer *w)
{
	int err = make_name(w), fd = STDOUT_FILENO;

	if (err) {
		fprintf(stderr, "zcsniff: %s: %s\n", w->opts->write, strerror(-err));
		return err;
	}
	if (strcmp(w->name, "-"))
		fd = open(w->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		err = -errno;
		fprintf(stderr, "zcsniff: %s: %s\n", w->name, strerror(-err));
		return err;
	}
	out_init(&w->out, fd, w->name);
	pcapng_begin(&w->file, &w->out, clock_ns(CLOCK_REALTIME));
	return 0;
}

struct writer *writer_open(const struct options *opts)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w) {
		fputs("zcsniff: no memory\n", stderr);
		return NULL;
	}
	w->opts = opts;
	w->file.snaplen = opts->snaplen;
	w->file.filter = opts->filter;
	w->file.ifname = opts->ifname ? opts->ifname : "any";
	w->since_s = clock_ns(CLOCK_REALTIME) / 1000000000;
	/* The start of the file goes out now: who reads a pipe waits for it. */
	if (open_next(w) || writer_flush(w)) {
		free(w);
		return NULL;
	}
	return w;
}

static bool period_is_over(const struct writer *w, uint64_t ts_ns)
{
	return w->opts->file_seconds && ts_ns / 1000000000 >= w->since_s + w->opts->file_seconds;
}

/* Does a packet of this time belong into the next file? -C or -G were given. */
bool writer_is_due(const struct writer *w, uint64_t ts_ns)
{
	return (w->opts->file_size && w->out.size > w->opts->file_size) ||
	       period_is_over(w, ts_ns);
}

int writer_flush(struct writer *w)
{
	int err = out_flush(&w->out);

	return err ? complain(w, err) : 0;
}

static int finish(struct writer *w, const struct zcs *z)
{
	struct zcs_stats stats;
	int err = 0;

	if (zcs_stats(z, &stats))
		memset(&stats, 0, sizeof(stats));
	if (!w->failed)
		err = pcapng_end(&w->file, &w->out, &stats, clock_ns(CLOCK_REALTIME));
	/* A full disk may be told only here. */
	if (w->out.fd != STDOUT_FILENO && close(w->out.fd) && !err)
		err = -errno;
	return err ? complain(w, err) : 0;
}

/* Go on to the next file. 0, a negative errno, or 1 if that was the last. */
int writer_rotate(struct writer *w, const struct zcs *z, uint64_t ts_ns)
{
	const struct options *opts = w->opts;
	int err = finish(w, z);

	if (err)
		return err;
	if (period_is_over(w, ts_ns)) {
		w->finished++;
		w->number = 0;
		w->since_s = ts_ns / 1000000000;
		if (!opts->file_size && opts->max_files && w->finished == opts->max_files) {
			w->out.fd = -1;
			return 1;
		}
	} else {
		w->number++;
		if (opts->max_files && w->number == opts->max_files)
			w->number = 0;
	}
	err = open_next(w);
	if (err)
		w->out.fd = -1;
	return err;
}

int writer_close(struct writer *w, const struct zcs *z)
{
	int err = 0;

	if (w->out.fd >= 0)
		err = finish(w, z);
	free(w->file.packets);
	free(w);
	return err;
}
