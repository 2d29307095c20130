// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntastat: what debugfs says - the map of nodes, and the check.
 *
 * A line of the map is a node, and its chunks from the first to the last:
 *
 *   node 3 cpu 0 nid 0 bytes 262144 held 0 : u28 f100 h4 ...
 *
 * u in use, h free but not merged, f free; with the length in units.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ntastat.h"

#define BAR	48

/**
 * struct node - one line of the map
 * @used: units in use, @hot and @free likewise
 * @runs: runs of neighbouring free chunks
 * @largest: units of the longest free chunk
 */
struct node {
	int		id;
	int		cpu;
	uint64_t	bytes;
	uint64_t	used;
	uint64_t	hot;
	uint64_t	free;
	uint64_t	runs;
	uint64_t	largest;
	uint64_t	part[BAR][3];	/* units of u, h, f under a character */
};

/* Spread a chunk over the characters of the bar that it lies under. */
static void node_paint(struct node *n, uint64_t total, uint64_t at,
		       uint64_t units, int kind)
{
	for (uint64_t end = at + units; at < end; ) {
		uint64_t cell = at * BAR / total;
		uint64_t next = ((cell + 1) * total + BAR - 1) / BAR;

		if (next > end)
			next = end;
		n->part[cell][kind] += next - at;
		at = next;
	}
}

/* The chunks once for their sum, which is the length, then to paint them. */
static int node_chunks(struct node *n, const char *chunks, uint64_t total)
{
	uint64_t at = 0, units;
	char *end, last = 0;

	while (*chunks) {
		char kind = *chunks;

		errno = 0;
		units = strtoull(chunks + 1, &end, 10);
		if (!strchr("uhf", kind) || end == chunks + 1 || errno ||
		    !units || units > (1U << 30) || (*end && *end != ' '))
			return -1;
		if (total) {
			node_paint(n, total, at, units, kind == 'u' ? 0 :
				   kind == 'h' ? 1 : 2);
		} else if (kind == 'u') {
			n->used += units;
		} else {
			if (kind == 'h')
				n->hot += units;
			else
				n->free += units;
			n->runs += last != 'h' && last != 'f';
			if (kind == 'f' && units > n->largest)
				n->largest = units;
		}
		at += units;
		last = kind;
		chunks = *end ? end + 1 : end;
	}
	return at ? 0 : -1;
}

static void node_bar(const struct node *n, char *bar)
{
	for (int i = 0; i < BAR; i++) {
		const uint64_t *p = n->part[i];
		uint64_t all = p[0] + p[1] + p[2];

		if (!all)	/* fewer units than characters */
			bar[i] = i ? bar[i - 1] : ' ';
		else if (p[0] == all)
			bar[i] = '#';
		else if (p[0] * 2 >= all)
			bar[i] = '+';
		else if (p[0])
			bar[i] = '-';
		else
			bar[i] = p[1] * 2 >= all ? 'o' : '.';
	}
	bar[BAR] = '\0';
}

static int show_node(char *text, struct node *sum)
{
	struct node n = {};
	char bar[BAR + 1];
	char *chunks;
	uint64_t all;

	if (sscanf(text, "node %d cpu %d nid %*d bytes %" SCNu64, &n.id, &n.cpu,
		   &n.bytes) != 3)
		return -1;
	chunks = strstr(text, " : ");
	if (!chunks || node_chunks(&n, chunks + 3, 0))
		return -1;
	all = n.used + n.hot + n.free;
	if (n.bytes % all)
		return -1;
	if (node_chunks(&n, chunks + 3, all))
		return -1;
	node_bar(&n, bar);
	printf("%4d %3d %7" PRIu64 " [%s] %3.0f%% %6" PRIu64 " %7" PRIu64 "\n",
	       n.id, n.cpu, n.bytes >> 10, bar,
	       100.0 * (double)n.used / (double)all, n.runs,
	       n.largest * (n.bytes / all) >> 10);
	sum->bytes += n.bytes;
	sum->used += n.used * (n.bytes / all);
	sum->hot += n.hot * (n.bytes / all);
	sum->free += n.free * (n.bytes / all);
	sum->runs += n.runs;
	if (n.largest * (n.bytes / all) > sum->largest)
		sum->largest = n.largest * (n.bytes / all);
	return 0;
}

static char *read_debugfs(const char *path)
{
	char *text = read_all(path);

	if (text)
		return text;
	if (errno == ENOENT)
		fprintf(stderr,
			"ntastat: no %s: no NTA in this kernel, or no debugfs (mount -t debugfs none /sys/kernel/debug)\n",
			path);
	else if (errno == EACCES || errno == EPERM)
		fprintf(stderr, "ntastat: %s: %s: only root may\n", path,
			strerror(errno));
	else
		fprintf(stderr, "ntastat: %s: %s\n", path, strerror(errno));
	return NULL;
}

/**
 * show_map() - a bar for each node
 * @path: debugfs nta/map
 *
 * Return: exit status.
 */
int show_map(const char *path)
{
	char *text = read_debugfs(path), *p, *next;
	int ret = NTASTAT_OK, nr = 0;
	struct node sum = {};

	if (!text)
		return NTASTAT_NONTA;
	printf("%4s %3s %7s  %-*s  %4s %6s %7s\n", "node", "cpu", "KiB", BAR,
	       "# in use  + - partly  o free, not merged  . free", "used",
	       "runs", "largest");
	for (p = text; *p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		nr++;
		if (!next || show_node(p, &sum)) {
			fflush(stdout);
			fprintf(stderr,
				"ntastat: %s: line %d: not a node of the map\n",
				path, nr);
			ret = NTASTAT_NONTA;
			break;
		}
	}
	free(text);
	if (!ret && sum.bytes)
		printf("%d nodes, %" PRIu64 " KiB: in use %.1f%%, not merged %.1f%%, free %.1f%%; %" PRIu64 " free runs, largest %" PRIu64 " KiB\n",
		       nr, sum.bytes >> 10,
		       100.0 * (double)sum.used / (double)sum.bytes,
		       100.0 * (double)sum.hot / (double)sum.bytes,
		       100.0 * (double)sum.free / (double)sum.bytes, sum.runs,
		       sum.largest >> 10);
	else if (!ret)
		printf("no nodes\n");
	return ret;
}

/**
 * show_check() - have the kernel check all of NTA
 * @path: debugfs nta/check
 *
 * Return: exit status.
 */
int show_check(const char *path)
{
	char *text = read_debugfs(path);
	int ret;

	if (!text)
		return NTASTAT_NONTA;
	fputs(text, stdout);
	if (!strncmp(text, "ok", 2)) {
		ret = NTASTAT_OK;
	} else if (!strncmp(text, "FAIL", 4)) {
		ret = NTASTAT_DAMAGE;
	} else {
		fprintf(stderr, "ntastat: %s: neither ok nor FAIL\n", path);
		ret = NTASTAT_NONTA;
	}
	free(text);
	return ret;
}
