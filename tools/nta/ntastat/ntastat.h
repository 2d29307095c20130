/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ntastat: a sample of /proc/net/stat/nta, and what is done with it.
 */
#ifndef _NTASTAT_H
#define _NTASTAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit status */
#define NTASTAT_OK	0
#define NTASTAT_DAMAGE	1	/* --check: a law is broken */
#define NTASTAT_USAGE	2
#define NTASTAT_NONTA	3	/* this kernel has no NTA, or it cannot be read */

#define NTASTAT_VERSION	1	/* of the file's format */

/**
 * struct line - one line of the file
 * @name: its first word
 * @value: one number per CPU; one for lines before "cpu"
 * @nr: how many
 */
struct line {
	char		*name;
	uint64_t	*value;
	size_t		nr;
};

/**
 * struct sample - the file, parsed; every line is kept, known or not
 * @line: in the order of the file
 * @nr_lines: how many
 * @nr_scalars: so many of them come before "cpu"
 * @nr_cpus: numbers in each of the others
 */
struct sample {
	struct line	*line;
	size_t		nr_lines;
	size_t		nr_scalars;
	size_t		nr_cpus;
};

/* sample.c */
char *read_all(const char *path);
int sample_read(struct sample *s, const char *path);
int sample_parse(struct sample *s, char *text, const char *path);
void sample_free(struct sample *s);
bool sample_has(const struct sample *s, const char *name);
uint64_t sample_scalar(const struct sample *s, const char *name);
uint64_t sample_cpu(const struct sample *s, const char *name, size_t cpu);
uint64_t sample_sum(const struct sample *s, const char *name);
uint64_t sample_sum_prefix(const struct sample *s, const char *prefix);
uint64_t sample_live_bytes(const struct sample *s);
uint64_t sample_taken_bytes(const struct sample *s);
double sample_rounding(const struct sample *s);

/* show.c */
void show_table(const struct sample *s, bool all_cpus);
void show_interval_header(void);
int show_interval(const struct sample *old, const struct sample *s,
		  double seconds);
int show_json(const struct sample *s);

/* map.c */
int show_map(const char *path);
int show_check(const char *path);

#endif /* _NTASTAT_H */
