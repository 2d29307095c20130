// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntastat: read and parse /proc/net/stat/nta.
 *
 *   version 1
 *   unit 64
 *   ...
 *   cpu 0 1
 *   allocs 100 200
 *   ...
 *
 * A name, then numbers. Lines before "cpu" have one number, the others one per
 * CPU. A new kernel may add lines; it raises the version when a line goes away
 * or changes its meaning, and then this program is too old.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ntastat.h"

/**
 * read_all() - read a file that has no size, as those of /proc
 * @path: its name
 *
 * Return: its text, to be freed; or NULL with errno.
 */
char *read_all(const char *path)
{
	size_t len = 0, size = 0, n;
	char *text = NULL, *more;
	FILE *f;

	f = fopen(path, "r");
	if (!f)
		return NULL;
	do {
		if (size - len < 4096) {
			size = size ? 2 * size : 65536;
			more = realloc(text, size);
			if (!more) {
				free(text);
				fclose(f);
				errno = ENOMEM;
				return NULL;
			}
			text = more;
		}
		n = fread(text + len, 1, size - len - 1, f);
		len += n;
	} while (n);
	if (ferror(f)) {
		n = errno;
		free(text);
		fclose(f);
		errno = n;
		return NULL;
	}
	fclose(f);
	text[len] = '\0';
	return text;
}

static int bad(const char *path, size_t nr, const char *what)
{
	if (nr)
		fprintf(stderr, "ntastat: %s: line %zu: %s\n", path, nr, what);
	else
		fprintf(stderr, "ntastat: %s: %s\n", path, what);
	return -1;
}

/* "name 1 2 3" into @line. */
static const char *parse_line(struct line *line, char *text)
{
	char *save = NULL, *word, *end;
	uint64_t *value;

	word = strtok_r(text, " ", &save);
	if (!word)
		return "empty";
	line->name = strdup(word);
	if (!line->name)
		return "no memory";
	while ((word = strtok_r(NULL, " ", &save))) {
		value = realloc(line->value, (line->nr + 1) * sizeof(*value));
		if (!value)
			return "no memory";
		line->value = value;
		errno = 0;
		value[line->nr++] = strtoull(word, &end, 10);
		if (errno || *end || *word < '0' || *word > '9')
			return "not a number";
	}
	return line->nr ? NULL : "no number";
}

/**
 * sample_parse() - parse the text of the file
 * @s: result; sample_free() it in any case
 * @text: the text; it is changed
 * @path: for messages
 *
 * Return: 0, or -1 after a message.
 */
int sample_parse(struct sample *s, char *text, const char *path)
{
	const char *err;
	struct line *line;
	char *next;

	memset(s, 0, sizeof(*s));
	for (; *text; text = next) {
		next = strchr(text, '\n');
		if (!next)
			return bad(path, s->nr_lines + 1, "cut off");
		*next++ = '\0';

		line = realloc(s->line, (s->nr_lines + 1) * sizeof(*line));
		if (!line)
			return bad(path, 0, "no memory");
		s->line = line;
		line += s->nr_lines++;
		memset(line, 0, sizeof(*line));
		err = parse_line(line, text);
		if (err)
			return bad(path, s->nr_lines, err);

		if (s->nr_lines == 1) {
			if (strcmp(line->name, "version"))
				return bad(path, 0, "not a file of NTA");
			if (line->nr != 1 || line->value[0] != NTASTAT_VERSION) {
				fprintf(stderr,
					"ntastat: %s: format %" PRIu64 ", this program knows %d: take the ntastat of that kernel\n",
					path, line->value[0], NTASTAT_VERSION);
				return -1;
			}
		}
		if (!s->nr_cpus && !strcmp(line->name, "cpu")) {
			s->nr_scalars = s->nr_lines - 1;
			s->nr_cpus = line->nr;
		}
		if (line->nr != (s->nr_cpus ? s->nr_cpus : 1))
			return bad(path, s->nr_lines,
				   "as many numbers as CPUs were expected");
	}
	if (!s->nr_lines)
		return bad(path, 0, "empty");
	if (!s->nr_cpus)
		return bad(path, 0, "no line \"cpu\"");
	return 0;
}

/**
 * sample_read() - read and parse the file
 * @s: result; sample_free() it in any case
 * @path: its name
 *
 * Return: 0, or -1 after a message.
 */
int sample_read(struct sample *s, const char *path)
{
	char *text;
	int ret;

	memset(s, 0, sizeof(*s));
	text = read_all(path);
	if (!text) {
		if (errno == ENOENT && !strncmp(path, "/proc/", 6))
			fprintf(stderr,
				"ntastat: no %s: this kernel has no NTA (CONFIG_NTA)\n",
				path);
		else
			fprintf(stderr, "ntastat: %s: %s\n", path,
				strerror(errno));
		return -1;
	}
	ret = sample_parse(s, text, path);
	free(text);
	return ret;
}

void sample_free(struct sample *s)
{
	for (size_t i = 0; i < s->nr_lines; i++) {
		free(s->line[i].name);
		free(s->line[i].value);
	}
	free(s->line);
	memset(s, 0, sizeof(*s));
}

static const struct line *find(const struct sample *s, const char *name)
{
	for (size_t i = 0; i < s->nr_lines; i++)
		if (!strcmp(s->line[i].name, name))
			return &s->line[i];
	return NULL;
}

bool sample_has(const struct sample *s, const char *name)
{
	return find(s, name) != NULL;
}

/* A line that is not there counts as 0. */
uint64_t sample_scalar(const struct sample *s, const char *name)
{
	const struct line *line = find(s, name);

	return line ? line->value[0] : 0;
}

uint64_t sample_cpu(const struct sample *s, const char *name, size_t cpu)
{
	const struct line *line = find(s, name);

	return line && cpu < line->nr ? line->value[cpu] : 0;
}

uint64_t sample_sum(const struct sample *s, const char *name)
{
	return sample_sum_prefix(s, name);
}

/* Sum over CPUs of all lines that begin with @prefix and are either exactly
 * that, or, if it ends in an underscore, any continuation of it.
 */
uint64_t sample_sum_prefix(const struct sample *s, const char *prefix)
{
	size_t len = strlen(prefix);
	bool open = len && prefix[len - 1] == '_';
	uint64_t sum = 0;

	for (size_t i = s->nr_scalars; i < s->nr_lines; i++) {
		const struct line *line = &s->line[i];

		if (strncmp(line->name, prefix, len) ||
		    (!open && line->name[len]))
			continue;
		for (size_t cpu = 0; cpu < line->nr; cpu++)
			sum += line->value[cpu];
	}
	return sum;
}

/**
 * sample_live_bytes() - what users have, rounded to units
 * @s: sample
 *
 * Chunks that travel back to their owner still count.
 */
uint64_t sample_live_bytes(const struct sample *s)
{
	uint64_t given = sample_sum(s, "alloc_bytes");
	uint64_t back = sample_sum(s, "free_bytes");

	return given > back ? given - back : 0;
}

/* What NTA has taken from the system for heads. */
uint64_t sample_taken_bytes(const struct sample *s)
{
	return sample_sum(s, "node_bytes") + sample_scalar(s, "depot_bytes");
}

/* Bytes given per byte asked for, since boot: what rounding to units costs. */
double sample_rounding(const struct sample *s)
{
	uint64_t asked = sample_sum(s, "asked_bytes");

	return asked ? (double)sample_sum(s, "alloc_bytes") / (double)asked : 1;
}
