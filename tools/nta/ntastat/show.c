// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntastat: the table, the line of an interval, JSON.
 */

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "ntastat.h"

/* "1234", "12.3K", "4.5M": at most seven characters. */
static const char *human(uint64_t bytes, char *buf, size_t len)
{
	static const char unit[] = "BKMGTPE";
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1024 && i < strlen(unit) - 1) {
		v /= 1024;
		i++;
	}
	if (!i)
		snprintf(buf, len, "%" PRIu64, bytes);
	else
		snprintf(buf, len, v < 100 ? "%.1f%c" : "%.0f%c", v, unit[i]);
	return buf;
}

static void put_bytes(int width, uint64_t bytes)
{
	char buf[32];

	printf(" %*s", width, human(bytes, buf, sizeof(buf)));
}

/* === Table =============================================================== */

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void show_cpu(const struct sample *s, size_t cpu)
{
	uint64_t allocs = sample_cpu(s, "allocs", cpu);
	uint64_t frees = sample_cpu(s, "frees", cpu);

	printf("%5" PRIu64 " %12" PRIu64 " %12" PRIu64 " %11" PRIu64 " %9" PRIu64,
	       sample_cpu(s, "cpu", cpu), allocs, frees,
	       sample_cpu(s, "remote_frees", cpu), minus(allocs, frees));
	put_bytes(7, minus(sample_cpu(s, "alloc_bytes", cpu),
			   sample_cpu(s, "free_bytes", cpu)));
	put_bytes(7, sample_cpu(s, "hot_bytes", cpu));
	put_bytes(7, sample_cpu(s, "bin_bytes", cpu));
	put_bytes(7, sample_cpu(s, "node_bytes", cpu));
	put_bytes(7, sample_cpu(s, "largest_free", cpu));
	putchar('\n');
}

static void show_total(const struct sample *s)
{
	uint64_t largest = 0, allocs = sample_sum(s, "allocs");
	uint64_t frees = sample_sum(s, "frees");

	for (size_t cpu = 0; cpu < s->nr_cpus; cpu++)
		if (sample_cpu(s, "largest_free", cpu) > largest)
			largest = sample_cpu(s, "largest_free", cpu);
	printf("total %12" PRIu64 " %12" PRIu64 " %11" PRIu64 " %9" PRIu64,
	       allocs, frees, sample_sum(s, "remote_frees"),
	       minus(allocs, frees));
	put_bytes(7, sample_live_bytes(s));
	put_bytes(7, sample_sum(s, "hot_bytes"));
	put_bytes(7, sample_sum(s, "bin_bytes"));
	put_bytes(7, sample_sum(s, "node_bytes"));
	put_bytes(7, largest);
	putchar('\n');
}

/* What else was counted, a few to the line; what is 0 is left out. */
static void show_events(const struct sample *s)
{
	static const char * const in_table[] = {
		"cpu", "allocs", "frees", "alloc_bytes", "free_bytes",
		"asked_bytes", "hot_bytes", "bin_bytes", "node_bytes",
		"largest_free", "remote_frees",
	};
	const size_t nr = sizeof(in_table) / sizeof(in_table[0]);
	unsigned int col = 0;
	uint64_t sum;
	size_t i, j;

	for (i = s->nr_scalars; i < s->nr_lines; i++) {
		for (j = 0; j < nr; j++)
			if (!strcmp(s->line[i].name, in_table[j]))
				break;
		sum = j < nr ? 0 : sample_sum(s, s->line[i].name);
		if (!sum)
			continue;
		if (col && col + strlen(s->line[i].name) > 54) {
			putchar('\n');
			col = 0;
		}
		col += (unsigned int)printf("%s%s %" PRIu64, col ? "   " : "",
					    s->line[i].name, sum);
	}
	if (col)
		putchar('\n');
}

/**
 * show_table() - everything since boot, per CPU and in all
 * @s: sample
 * @all_cpus: also CPUs that never used NTA
 */
void show_table(const struct sample *s, bool all_cpus)
{
	uint64_t live = sample_live_bytes(s), taken = sample_taken_bytes(s);
	char a[32], b[32], c[32];

	printf("%5s %12s %12s %11s %9s %7s %7s %7s %7s %7s\n", "cpu", "allocs",
	       "frees", "remote", "live", "live", "hot", "bin", "node",
	       "largest");
	printf("%5s %12s %12s %11s %9s %7s %7s %7s %7s %7s\n", "", "", "",
	       "frees", "chunks", "bytes", "bytes", "bytes", "bytes", "free");
	for (size_t cpu = 0; cpu < s->nr_cpus; cpu++)
		if (all_cpus || sample_cpu(s, "allocs", cpu) ||
		    sample_cpu(s, "remote_frees", cpu) ||
		    sample_cpu(s, "node_bytes", cpu))
			show_cpu(s, cpu);
	show_total(s);
	putchar('\n');
	printf("units of %" PRIu64 " bytes, requests up to %s; depot %s; taken %s",
	       sample_scalar(s, "unit"),
	       human(sample_scalar(s, "max_size"), a, sizeof(a)),
	       human(sample_scalar(s, "depot_bytes"), b, sizeof(b)),
	       human(taken, c, sizeof(c)));
	if (live)
		printf("; taken/asked %.3f",
		       (double)taken / (double)live * sample_rounding(s));
	printf("; rounding %.3f\n", sample_rounding(s));
	show_events(s);
}

/* === Interval ============================================================ */

void show_interval_header(void)
{
	printf("%9s %9s %9s %8s %8s %6s %5s | %7s %7s %7s %7s %6s\n", "allocs/s",
	       "frees/s", "remote/s", "split/s", "merge/s", "fall/s", "nodes",
	       "live", "hot", "bin", "taken", "t/live");
}

struct rate {
	const char	*name;
	int		width;
};

/**
 * show_interval() - one line: rates between two samples, and where memory is
 * @old: earlier sample
 * @s: later sample
 * @seconds: between them
 *
 * Return: 0, or -1 after a message.
 */
int show_interval(const struct sample *old, const struct sample *s,
		  double seconds)
{
	static const struct rate rates[] = {
		{ "allocs", 9 }, { "frees", 9 }, { "remote_frees", 9 },
		{ "splits", 8 }, { "merges", 8 }, { "fallback_", 6 },
	};
	uint64_t live = sample_live_bytes(s), taken = sample_taken_bytes(s);
	uint64_t a, b;

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		a = sample_sum_prefix(old, rates[i].name);
		b = sample_sum_prefix(s, rates[i].name);
		if (b < a) {
			fprintf(stderr,
				"%sntastat: %s went down from %" PRIu64 " to %" PRIu64 ": these samples are not of one boot\n",
				i ? "\n" : "", rates[i].name, a, b);
			return -1;
		}
		printf("%s%*.0f", i ? " " : "", rates[i].width,
		       (double)(b - a) / seconds);
	}
	printf(" %5" PRIu64 " |", sample_sum(s, "nodes"));
	put_bytes(7, live);
	put_bytes(7, sample_sum(s, "hot_bytes"));
	put_bytes(7, sample_sum(s, "bin_bytes"));
	put_bytes(7, taken);
	if (live)
		printf(" %6.2f\n", (double)taken / (double)live);
	else
		printf(" %6s\n", "-");
	fflush(stdout);
	return 0;
}

/* === JSON ================================================================ */

/**
 * show_json() - the whole sample on one line
 * @s: sample
 *
 * Return: 0, or -1 after a message.
 */
int show_json(const struct sample *s)
{
	struct json_object *top, *cpus, *total, *cpu;
	const struct line *line;
	size_t i, j;

	top = json_object_new_object();
	cpus = json_object_new_array();
	total = json_object_new_object();
	for (i = 0; i < s->nr_scalars; i++)
		json_object_object_add(top, s->line[i].name,
				       json_object_new_uint64(s->line[i].value[0]));
	for (j = 0; j < s->nr_cpus; j++) {
		cpu = json_object_new_object();
		for (i = s->nr_scalars; i < s->nr_lines; i++) {
			line = &s->line[i];
			json_object_object_add(cpu, line->name,
					       json_object_new_uint64(line->value[j]));
		}
		json_object_array_add(cpus, cpu);
	}
	for (i = s->nr_scalars; i < s->nr_lines; i++) {
		line = &s->line[i];
		if (strcmp(line->name, "cpu") && strcmp(line->name, "largest_free"))
			json_object_object_add(total, line->name,
					       json_object_new_uint64(sample_sum(s, line->name)));
	}
	json_object_object_add(total, "live_bytes",
			       json_object_new_uint64(sample_live_bytes(s)));
	json_object_object_add(total, "taken_bytes",
			       json_object_new_uint64(sample_taken_bytes(s)));
	json_object_object_add(total, "rounding",
			       json_object_new_double(sample_rounding(s)));
	json_object_object_add(top, "total", total);
	json_object_object_add(top, "cpus", cpus);
	puts(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(top);
	return 0;
}
