// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntastat: statistics of the network tree allocator. See ntastat(8).
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ntastat.h"

#define STAT_FILE	"/proc/net/stat/nta"
#define MAP_FILE	"/sys/kernel/debug/nta/map"
#define CHECK_FILE	"/sys/kernel/debug/nta/check"

#define LINES_PER_HEADER	20
#define MAX_FILES		64

struct options {
	bool		json;
	bool		all_cpus;
	const char	*file[MAX_FILES];
	int		nr_files;
	double		interval;
	long		count;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void usage(FILE *f)
{
	fputs("Usage: ntastat [OPTION...] [INTERVAL [COUNT]]\n"
	      "Statistics of the network tree allocator.\n"
	      "\n"
	      "Without INTERVAL: a table since boot. With it: a line every\n"
	      "INTERVAL seconds, COUNT times or until interrupted.\n"
	      "\n"
	      "  -a, --all          also CPUs that never used NTA\n"
	      "  -j, --json         one JSON object per sample\n"
	      "  -m, --map          the memory of every node, as a bar (root)\n"
	      "  -c, --check        have the kernel check itself; exit 1 on damage (root)\n"
	      "  -f, --file FILE    read this saved file; with INTERVAL, several are\n"
	      "                     samples INTERVAL seconds apart\n"
	      "  -h, --help         this text\n"
	      "\n"
	      "Exit: 0 done, 1 damage found, 2 wrong call, 3 no NTA in this kernel.\n", f);
}

static int wrong(const char *what, const char *arg)
{
	fprintf(stderr, "ntastat: %s%s%s; try --help\n", what, arg ? " " : "",
		arg ? arg : "");
	return NTASTAT_USAGE;
}

static struct timespec after(struct timespec t, double seconds)
{
	t.tv_sec += (time_t)seconds;
	t.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static double between(struct timespec a, struct timespec b)
{
	return (double)(b.tv_sec - a.tv_sec) +
	       (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static int show(const struct options *opt, const struct sample *old,
		const struct sample *s, double seconds, long nr)
{
	if (opt->json)
		return show_json(s);
	if (nr % LINES_PER_HEADER == 0)
		show_interval_header();
	return show_interval(old, s, seconds);
}

/* Lines of rates until COUNT, a signal, or an error. */
static int run_live(const struct options *opt)
{
	struct timespec due, then, now;
	struct sample old, s;
	int err;
	long nr;

	if (sample_read(&old, STAT_FILE)) {
		sample_free(&old);
		return NTASTAT_NONTA;
	}
	clock_gettime(CLOCK_MONOTONIC, &then);
	due = then;
	for (nr = 0; !stop && (!opt->count || nr < opt->count); nr++) {
		due = after(due, opt->interval);
		while (!stop && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
						&due, NULL) == EINTR)
			;
		if (stop)
			break;
		err = sample_read(&s, STAT_FILE);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (!err)
			err = show(opt, &old, &s, between(then, now), nr);
		sample_free(&old);
		old = s;
		then = now;
		if (err || ferror(stdout)) {
			sample_free(&old);
			return NTASTAT_NONTA;
		}
	}
	sample_free(&old);
	return NTASTAT_OK;
}

/* The same from saved files. */
static int run_saved(const struct options *opt)
{
	struct sample old, s;
	int i, err;

	err = sample_read(&old, opt->file[0]);
	for (i = 1; !err && i < opt->nr_files; i++) {
		err = sample_read(&s, opt->file[i]);
		if (!err)
			err = show(opt, &old, &s, opt->interval, i - 1);
		sample_free(&old);
		old = s;
	}
	sample_free(&old);
	return err ? NTASTAT_NONTA : NTASTAT_OK;
}

static int run_once(const struct options *opt)
{
	const char *file = opt->nr_files ? opt->file[0] : STAT_FILE;
	struct sample s;
	int err;

	err = sample_read(&s, file);
	if (!err && opt->json)
		err = show_json(&s);
	else if (!err)
		show_table(&s, opt->all_cpus);
	sample_free(&s);
	return err ? NTASTAT_NONTA : NTASTAT_OK;
}

/* INTERVAL and COUNT. */
static int parse_times(struct options *opt, int argc, char **argv)
{
	char *end;

	if (argc > 2)
		return wrong("too many arguments:", argv[2]);
	if (argc > 0) {
		errno = 0;
		opt->interval = strtod(argv[0], &end);
		if (errno || *end || end == argv[0] ||
		    !(opt->interval >= 0.01 && opt->interval <= 86400))
			return wrong("INTERVAL is seconds from 0.01 to 86400, not",
				     argv[0]);
	}
	if (argc > 1) {
		errno = 0;
		opt->count = strtol(argv[1], &end, 10);
		if (errno || *end || end == argv[1] || opt->count < 1)
			return wrong("COUNT is 1 or more, not", argv[1]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "all",	no_argument,		NULL, 'a' },
		{ "json",	no_argument,		NULL, 'j' },
		{ "map",	no_argument,		NULL, 'm' },
		{ "check",	no_argument,		NULL, 'c' },
		{ "file",	required_argument,	NULL, 'f' },
		{ "help",	no_argument,		NULL, 'h' },
		{ }
	};
	struct options opt = {};
	struct sigaction sa = { .sa_handler = on_signal };
	int c, ret, mode = 0;

	while ((c = getopt_long(argc, argv, "ajmcf:h", longs, NULL)) != -1) {
		switch (c) {
		case 'a':
			opt.all_cpus = true;
			break;
		case 'j':
			opt.json = true;
			break;
		case 'm':
		case 'c':
			if (mode && mode != c)
				return wrong("--map and --check are two calls", NULL);
			mode = c;
			break;
		case 'f':
			if (opt.nr_files == MAX_FILES)
				return wrong("too many files", NULL);
			opt.file[opt.nr_files++] = optarg;
			break;
		case 'h':
			usage(stdout);
			return NTASTAT_OK;
		default:
			fputs("Try 'ntastat --help'.\n", stderr);
			return NTASTAT_USAGE;
		}
	}
	ret = parse_times(&opt, argc - optind, argv + optind);
	if (ret)
		return ret;
	if (mode && (opt.json || opt.interval > 0 || opt.nr_files > 1))
		return wrong("--map and --check go with one --file only", NULL);
	if (opt.nr_files > 1 && opt.interval <= 0)
		return wrong("several files need an INTERVAL", NULL);

	if (mode == 'm')
		ret = show_map(opt.nr_files ? opt.file[0] : MAP_FILE);
	else if (mode == 'c')
		ret = show_check(opt.nr_files ? opt.file[0] : CHECK_FILE);
	else if (opt.interval > 0 && opt.nr_files) {
		if (opt.nr_files < 2)
			return wrong("INTERVAL needs two files or more", NULL);
		ret = run_saved(&opt);
	} else if (opt.interval > 0) {
		sigaction(SIGINT, &sa, NULL);
		sigaction(SIGTERM, &sa, NULL);
		ret = run_live(&opt);
	} else {
		ret = run_once(&opt);
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "ntastat: cannot write: %s\n", strerror(errno));
		return NTASTAT_NONTA;
	}
	return ret;
}
