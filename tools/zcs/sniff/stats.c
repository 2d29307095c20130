// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: counters: the live table of --stats, the last lines, --json.
 */

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "zcsniff.h"

uint64_t clock_ns(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t missed(const struct zcs_stats *st)
{
	return st->missed_ring + st->missed_limit + st->missed_memory;
}

static void cpu_time(double *user, double *sys)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	*user = (double)ru.ru_utime.tv_sec + (double)ru.ru_utime.tv_usec / 1e6;
	*sys = (double)ru.ru_stime.tv_sec + (double)ru.ru_stime.tv_usec / 1e6;
}

static unsigned int print_rings(const struct zcs *z)
{
	unsigned int i, lines = 1;

	fprintf(stderr, "%4s %12s %12s %10s %10s %10s %12s %12s\n", "cpu", "passed", "shown",
		"ring full", "limit", "no memory", "filtered", "copied");
	for (i = 0; i < zcs_nr_rings(z); i++) {
		const struct zcs_ring *r = zcs_ring_info(z, i);
		uint64_t passed = r->passed, filtered = r->filtered;

		if (!passed && !filtered)
			continue;
		fprintf(stderr, "%4u %12llu %12llu %10llu %10llu %10llu %12llu %12llu\n", r->cpu,
			(unsigned long long)passed, (unsigned long long)r->shown,
			(unsigned long long)r->missed_ring, (unsigned long long)r->missed_limit,
			(unsigned long long)r->missed_memory, (unsigned long long)filtered,
			(unsigned long long)r->copied_packets);
		lines++;
	}
	return lines;
}

/* The table and the line below it; on a terminal in place of the last ones. */
void stats_live(const struct zcs *z, const struct totals *t)
{
	static uint64_t last_ns, last_packets, last_bytes;
	static unsigned int lines;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	bool terminal = isatty(STDERR_FILENO);
	double seconds = (double)(now - (last_ns ? last_ns : t->start_ns)) / 1e9;
	struct zcs_stats st;

	if (zcs_stats(z, &st))
		return;
	if (terminal && lines)
		fprintf(stderr, "\033[%uA\033[J", lines);
	lines = terminal ? print_rings(z) + 1 : 0;
	fprintf(stderr, "%.0f s: %" PRIu64 " packets, %.0f/s, %.2f MB/s; missed %llu, held %.1f MiB\n",
		(double)(now - t->start_ns) / 1e9, t->captured,
		seconds > 0 ? (double)(t->captured - last_packets) / seconds : 0,
		seconds > 0 ? (double)(t->bytes - last_bytes) / seconds / 1e6 : 0,
		(unsigned long long)missed(&st), (double)st.held / 1048576);
	last_ns = now;
	last_packets = t->captured;
	last_bytes = t->bytes;
}

static int print_json(const struct zcs_stats *st, const struct options *opts,
		      const struct totals *t)
{
	FILE *f = strcmp(opts->json, "-") ? fopen(opts->json, "we") : stdout;
	double user, sys;
	int ret;

	if (!f) {
		perror(opts->json);
		return -1;
	}
	cpu_time(&user, &sys);
	fprintf(f, "{\"captured\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"empty\": %" PRIu64
		", \"seconds\": %.6f, \"cpu_user\": %.6f, \"cpu_system\": %.6f",
		t->captured, t->bytes, t->empty, (double)(t->end_ns - t->start_ns) / 1e9, user,
		sys);
#define FIELD(name)	fprintf(f, ", \"" #name "\": %llu", (unsigned long long)st->name)
	FIELD(passed);
	FIELD(shown);
	FIELD(missed_ring);
	FIELD(missed_limit);
	FIELD(missed_memory);
	FIELD(filtered);
	FIELD(copied_packets);
	FIELD(copied_bytes);
	FIELD(bad_releases);
	FIELD(held);
#undef FIELD
	fputs("}\n", f);
	ret = fflush(f) || ferror(f);
	if (f != stdout && fclose(f))
		ret = -1;
	if (ret)
		fprintf(stderr, "zcsniff: %s: cannot write\n", opts->json);
	return ret ? -1 : 0;
}

/* The last lines, as tcpdump's, and --json. */
int stats_end(const struct zcs *z, const struct options *opts, const struct totals *t)
{
	struct zcs_stats st;

	if (zcs_stats(z, &st)) {
		perror("zcsniff: statistics");
		return -1;
	}
	if (opts->stats) {
		stats_live(z, t);
		if (!isatty(STDERR_FILENO))
			print_rings(z);
	}
	fprintf(stderr, "%" PRIu64 " packets captured\n", t->captured);
	fprintf(stderr, "%llu packets passed the filter\n", (unsigned long long)st.passed);
	fprintf(stderr, "%llu packets missed by the kernel (ring full %llu, limit %llu, no memory %llu)\n",
		(unsigned long long)missed(&st), (unsigned long long)st.missed_ring,
		(unsigned long long)st.missed_limit, (unsigned long long)st.missed_memory);
	if (t->empty)
		fprintf(stderr, "%" PRIu64 " buffers were never filled\n", t->empty);
	return opts->json ? print_json(&st, opts, t) : 0;
}
