// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: a tcpdump that copies nothing. See zcsniff(8).
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zcsniff.h"

static void on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

/*
 * The first signal ends the capture, the second one the process. Writes go on:
 * a file does not end in the middle of a packet.
 */
static void catch_signals(void)
{
	struct sigaction stop = {
		.sa_handler = on_signal,
		.sa_flags = (int)(SA_RESETHAND | SA_RESTART),
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/*
 * Slots to wait for: as many as make a wake-up cheap, and no more, so that what is
 * held is still in the cache when it is read and when it is used again; one when
 * somebody looks on.
 */
static unsigned int watermark(const struct options *opts)
{
	uint64_t slots = opts->nr_slots ? opts->nr_slots : ZCS_DEFAULT_SLOTS;
	uint64_t mark = slots / 4 < 256 ? slots / 4 : 256;

	if (opts->unbuffered || (!opts->write && !opts->stats && isatty(STDOUT_FILENO)))
		return 1;
	if (opts->count && mark > opts->count)
		mark = opts->count;
	return (unsigned int)mark;
}

int main(int argc, char **argv)
{
	struct zcs_options zopts = { 0 };
	struct totals totals = { 0 };
	char err[ZCS_ERR_LEN];
	struct options opts;
	struct zcs *z;
	int ret;

	options_parse(&opts, argc, argv);
	catch_signals();
	zopts.ifname = opts.ifname;
	zopts.netns = opts.netns;
	zopts.point = opts.point;
	zopts.direction = opts.direction;
	zopts.nr_slots = opts.nr_slots;
	zopts.snaplen = opts.snaplen;
	zopts.watermark = watermark(&opts);
	zopts.limit = opts.limit;
	z = zcs_open(&zopts, err);
	if (!z) {
		fprintf(stderr, "zcsniff: %s\n", err);
		return EXIT_FAIL;
	}
	ret = zcs_set_filter(z, opts.filter, err);
	if (ret) {
		fprintf(stderr, "zcsniff: %s\n", err);
		zcs_close(z);
		return EXIT_FAIL;
	}
	ret = ifaces_init(opts.netns);
	if (!ret)
		ret = promisc_hold(&opts);
	if (ret) {
		fprintf(stderr, "zcsniff: %s: %s\n", opts.ifname ? opts.ifname : "any",
			strerror(-ret));
		zcs_close(z);
		return EXIT_FAIL;
	}
	ret = capture(z, &opts, &totals);
	if (totals.start_ns && stats_end(z, &opts, &totals) && !ret)
		ret = -1;
	zcs_close(z);
	ifaces_uninit();
	free(opts.filter);
	return ret ? EXIT_FAIL : EXIT_OK;
}
