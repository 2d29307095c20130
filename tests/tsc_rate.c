// SPDX-License-Identifier: GPL-2.0-only
/*
 * Print the rate of this machine's time stamp counter in kHz.
 *
 *   tsc_rate
 *
 * Measured against the clock for a tenth of a second; each end is read several
 * times, and the reading that took least counts, so that a loaded machine does
 * no harm. Exit: 0, or 1 when it cannot be told.
 */

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define NS_PER_SEC	1000000000LL

struct reading {
	uint64_t	ticks;
	int64_t		ns;
};

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static struct reading read_both(void)
{
	uint64_t best = UINT64_MAX;
	struct reading found = { 0, 0 };
	int i;

	for (i = 0; i < 100; i++) {
		uint64_t before = __rdtsc();
		int64_t ns = now();
		uint64_t took = __rdtsc() - before;

		if (took < best) {
			best = took;
			found.ticks = before + took / 2;
			found.ns = ns;
		}
	}
	return found;
}

int main(void)
{
	struct timespec pause = { 0, NS_PER_SEC / 10 };
	struct reading begin = read_both(), end;

	nanosleep(&pause, NULL);
	end = read_both();
	if (end.ns <= begin.ns || end.ticks <= begin.ticks)
		return 1;
	printf("%.0f\n", (double)(end.ticks - begin.ticks) * 1e6 / (double)(end.ns - begin.ns));
	return 0;
}
