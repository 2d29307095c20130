// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent_bench: the cost of an event, for kevent and its peers.
 */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

#include "bench.h"

static const struct engine_ops engine_none = { .name = "none" };

static const struct engine_ops * const engines[] = {
	&engine_none, &engine_epoll,
	&engine_uring[0], &engine_uring[1], &engine_uring[2],
	&engine_kevent[0], &engine_kevent[1], &engine_kevent[2], &engine_kevent[3],
};

#define NR_ENGINES	(sizeof(engines) / sizeof(engines[0]))

static const char * const kinds[] = { [PIPE] = "pipe", [UNIX] = "unix", [INET] = "inet" };

static noreturn void bad_call(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static noreturn void bad_call(const char *fmt, ...)
{
	va_list args;

	fputs("kevent_bench: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

void die(const char *fmt, ...)
{
	va_list args;

	fputs("kevent_bench: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static uint64_t now_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __rdtsc();
#else
	return 0;
#endif
}

void span_begin(struct span *span)
{
	span->ns = now_ns();
	span->ticks = now_ticks();
}

void span_end(struct span *span)
{
	span->ticks = now_ticks() - span->ticks;
	span->ns = now_ns() - span->ns;
}

/* === Results ============================================================== */

static void print_json(const struct engine_ops *ops, const struct options *opts,
		       const struct result *res)
{
	static const char * const names[] = { "add", "modify", "remove" };
	unsigned int i;

	printf("{\"engine\": \"%s\", \"kind\": \"%s\", \"mode\": \"%s\", \"channels\": %u, ",
	       ops->name, kinds[opts->kind], opts->edge ? "et" : "lt", opts->nr_channels);
	printf("\"idle\": %u, \"rounds\": %llu", opts->nr_idle, (unsigned long long)res->rounds);
	if (opts->nr_idle)
		printf(", \"idle_bytes\": %.1f", res->idle_bytes);
	if (opts->ctl) {
		printf(", \"ctl\": %u", opts->ctl);
		for (i = 0; i < 3; i++)
			printf(", \"%s_ns\": %.2f, \"%s_ticks\": %.2f", names[i],
			       (double)res->ctl[i].ns / res->rounds / opts->ctl, names[i],
			       (double)res->ctl[i].ticks / res->rounds / opts->ctl);
	} else {
		printf(", \"active\": %u, \"threads\": %u, \"consumers\": %u, \"events\": %llu, ",
		       opts->nr_active, opts->nr_threads, opts->nr_consumers,
		       (unsigned long long)res->events);
		printf("\"spurious\": %llu, \"ns\": %llu, \"ticks\": %llu, \"events_per_s\": %.0f",
		       (unsigned long long)res->spurious, (unsigned long long)res->span.ns,
		       (unsigned long long)res->span.ticks, res->events * 1e9 / res->span.ns);
	}
	puts("}");
}

static void print_head(const struct options *opts)
{
	printf("# %s, %s, %u channels", kinds[opts->kind],
	       opts->edge ? "edge-triggered" : "level-triggered", opts->nr_channels);
	if (opts->ctl) {
		printf(", %u at a time\n", opts->ctl);
		printf("%-16s %12s %12s %12s\n", "engine", "ns/add", "ns/modify", "ns/remove");
		return;
	}
	printf(", %u active, %u idle, %u thread%s", opts->nr_active, opts->nr_idle,
	       opts->nr_threads, opts->nr_threads == 1 ? "\n" : "s");
	if (opts->nr_threads > 1)
		printf(", %u consumers\n", opts->nr_consumers);
	printf("%-16s %12s %12s %12s %14s %10s\n", "engine", "events/s", "ns/event", "ticks/event",
	       "ticks over none", "spurious");
}

static void print_row(const struct engine_ops *ops, const struct options *opts,
		      const struct result *res, const struct result *floor)
{
	double ticks = (double)res->span.ticks / res->events;
	int i;

	printf("%-16s", ops->name);
	if (opts->ctl) {
		for (i = 0; i < 3; i++)
			printf(" %12.1f", (double)res->ctl[i].ns / res->rounds / opts->ctl);
	} else {
		printf(" %12.0f %12.1f %12.1f", res->events * 1e9 / res->span.ns,
		       (double)res->span.ns / res->events, ticks);
		if (floor->events)
			printf(" %14.1f", ticks - (double)floor->span.ticks / floor->events);
		else
			printf(" %14s", "-");
		printf(" %10llu", (unsigned long long)res->spurious);
	}
	if (opts->nr_idle)
		printf("  %.0f bytes per idle registration", res->idle_bytes);
	putchar('\n');
}

static int run_one(const struct engine_ops *ops, const struct options *opts,
		   struct result *floor)
{
	struct result res = {};
	int err;

	if (!ops->open && opts->ctl) {
		fprintf(stderr, "kevent_bench: none has no --ctl\n");
		return 1;
	}
	if (ops->nr_consumers && opts->nr_consumers > ops->nr_consumers) {
		fprintf(stderr, "kevent_bench: %s: one consumer only\n", ops->name);
		return 1;
	}
	err = measure(ops, opts, &res);
	if (err) {
		fprintf(stderr, "kevent_bench: %s: %s\n", ops->name, strerror(-err));
		return 1;
	}
	if (!ops->open)
		*floor = res;
	if (opts->json)
		print_json(ops, opts, &res);
	else
		print_row(ops, opts, &res, floor);
	fflush(stdout);
	return 0;
}

/* === Options ============================================================== */

static void usage(void)
{
	unsigned int i;

	puts("Usage: kevent_bench [OPTION...]\n"
	     "Measure what it costs to learn that descriptors can be read.\n\n"
	     "  -e, --engine LIST     engines, separated by commas (all)\n"
	     "  -k, --kind KIND       pipe, unix or inet (pipe)\n"
	     "  -m, --mode MODE       lt: level-triggered, et: edge-triggered (et)\n"
	     "  -n, --channels N      channels that are watched (100)\n"
	     "  -a, --active N        of them, written to in each round (10)\n"
	     "  -r, --rounds N        rounds (10000)\n"
	     "  -s, --seconds N       go on for so long instead\n"
	     "  -t, --threads N       1: one writes and reads; 2: a writer apart (1)\n"
	     "  -c, --consumers N     threads that wait and read, with -t 2 (1)\n"
	     "  -i, --idle N          more descriptors that are watched, never ready (0)\n"
	     "  -b, --ctl N           instead, add, modify, remove N of them at a time\n"
	     "  -j, --json            one object a line\n"
	     "  -h, --help            this\n\nEngines:");
	for (i = 0; i < NR_ENGINES; i++)
		printf(" %s", engines[i]->name);
	puts("\nExit: 0, 1 when an engine failed, 2 for a wrong call.");
}

static unsigned int number(const char *option, const char *arg, unsigned int max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(arg, &end, 10);
	if (errno || end == arg || *end || *arg == '-' || n > max)
		bad_call("--%s is a number up to %u, not '%s'", option, max, arg);
	return n;
}

static enum kind kind_of(const char *arg)
{
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(arg, kinds[i]))
			return i;
	}
	bad_call("unknown kind '%s': pipe, unix or inet", arg);
}

static const struct engine_ops *engine_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_ENGINES; i++) {
		if (!strcmp(name, engines[i]->name))
			return engines[i];
	}
	bad_call("unknown engine '%s'; --help lists them", name);
}

static void check(const struct options *opts)
{
	if (!opts->nr_channels || !opts->nr_active || opts->nr_active > opts->nr_channels)
		bad_call("--active is at least 1, and at most --channels");
	if (!opts->rounds && !opts->seconds)
		bad_call("--rounds or --seconds must not be 0");
	if (opts->nr_threads < 1 || opts->nr_threads > 2)
		bad_call("--threads is 1 or 2");
	if (!opts->nr_consumers || (opts->nr_threads == 1 && opts->nr_consumers > 1))
		bad_call("--consumers is at least 1, and more than that with --threads 2");
	if (opts->nr_consumers > opts->nr_channels)
		bad_call("--consumers is at most --channels");
	if (opts->ctl > opts->nr_channels)
		bad_call("--ctl is at most --channels");
	if (opts->ctl && opts->seconds)
		bad_call("--ctl needs --rounds");
}

/* All that can do what is asked for. */
static unsigned int choose_all(const struct options *opts, const struct engine_ops **chosen)
{
	unsigned int i, nr = 0;

	for (i = 0; i < NR_ENGINES; i++) {
		if (!engines[i]->open && opts->ctl)
			continue;
		if (engines[i]->nr_consumers && engines[i]->nr_consumers < opts->nr_consumers)
			continue;
		chosen[nr++] = engines[i];
	}
	return nr;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "engine", required_argument, NULL, 'e' },
		{ "kind", required_argument, NULL, 'k' },
		{ "mode", required_argument, NULL, 'm' },
		{ "channels", required_argument, NULL, 'n' },
		{ "active", required_argument, NULL, 'a' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' },
		{ "consumers", required_argument, NULL, 'c' },
		{ "idle", required_argument, NULL, 'i' },
		{ "ctl", required_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct options opts = {
		.edge = true, .nr_channels = 100, .nr_active = 10, .rounds = 10000,
		.nr_threads = 1, .nr_consumers = 1,
	};
	const struct engine_ops *chosen[NR_ENGINES];
	unsigned int i, nr = 0;
	struct result floor = {};
	int opt, failed = 0;
	char *name;

	while ((opt = getopt_long(argc, argv, "e:k:m:n:a:r:s:t:c:i:b:jh", longs, NULL)) != -1) {
		switch (opt) {
		case 'e':
			nr = 0;
			for (name = strtok(optarg, ","); name; name = strtok(NULL, ",")) {
				if (nr == NR_ENGINES)
					bad_call("too many engines");
				chosen[nr++] = engine_of(name);
			}
			if (!nr)
				bad_call("--engine needs a name");
			break;
		case 'k':
			opts.kind = kind_of(optarg);
			break;
		case 'm':
			if (strcmp(optarg, "lt") && strcmp(optarg, "et"))
				bad_call("unknown mode '%s': lt or et", optarg);
			opts.edge = !strcmp(optarg, "et");
			break;
		case 'n':
			opts.nr_channels = number("channels", optarg, 500000);
			break;
		case 'a':
			opts.nr_active = number("active", optarg, 500000);
			break;
		case 'r':
			opts.rounds = number("rounds", optarg, 1000000000);
			break;
		case 's':
			opts.seconds = number("seconds", optarg, 100000);
			opts.rounds = 0;
			break;
		case 't':
			opts.nr_threads = number("threads", optarg, 2);
			break;
		case 'c':
			opts.nr_consumers = number("consumers", optarg, 1024);
			break;
		case 'i':
			opts.nr_idle = number("idle", optarg, 100000000);
			break;
		case 'b':
			opts.ctl = number("ctl", optarg, 500000);
			break;
		case 'j':
			opts.json = true;
			break;
		case 'h':
			usage();
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc)
		bad_call("what is '%s'?", argv[optind]);
	check(&opts);

	if (!nr)
		nr = choose_all(&opts, chosen);
	if (!opts.json)
		print_head(&opts);
	for (i = 0; i < nr; i++)
		failed |= run_one(chosen[i], &opts, &floor);
	return failed;
}
