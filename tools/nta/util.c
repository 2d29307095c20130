// SPDX-License-Identifier: GPL-2.0-only
/*
 * The userspace model of NTA: errors, numbers, time.
 */

#include <time.h>

#include "model.h"

/**
 * model_die() - give up
 * @fmt: why
 */
void model_die(const char *fmt, ...)
{
	va_list args;

	fputs("nta-model: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(MODEL_USAGE);
}

/**
 * model_number() - read an option's argument
 * @name: of the option
 * @text: its argument; may end in k, m or g
 * @lo: smallest value
 * @hi: largest value
 *
 * Return: the number; does not return if @text is none.
 */
unsigned long model_number(const char *name, const char *text,
			   unsigned long lo, unsigned long hi)
{
	static const char units[] = "kmg";
	unsigned long value, shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (*end && end != text) {
		unit = strchr(units, *end | 0x20);
		if (unit && !end[1]) {
			shift = 10 * (unit - units + 1);
			end++;
		}
	}
	if (end == text || *end || errno || *text == '-' ||
	    value > ULONG_MAX >> shift || value << shift < lo ||
	    value << shift > hi)
		model_die("--%s %s: not a number from %lu to %lu", name, text,
			  lo, hi);
	return value << shift;
}

/**
 * model_seconds() - the time
 *
 * Return: seconds since some moment
 */
double model_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}
