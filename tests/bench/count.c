// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the whole machine has done between two moments; see count.h.
 */

#include "count.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define IDLE	".idle_sleeptime"

/* Nanoseconds that all processors have waited; false if it is not said. */
static int idle_read(uint64_t *idle_ns)
{
	static char text[1 << 20];
	size_t got = 0;
	ssize_t n;
	char *at;
	int fd;

	fd = open("/proc/timer_list", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while ((n = read(fd, text + got, sizeof(text) - 1 - got)) > 0)
		got += (size_t)n;
	close(fd);
	text[got] = '\0';

	*idle_ns = 0;
	at = strstr(text, IDLE);
	if (!at)
		return 0;
	for (; at; at = strstr(at, IDLE)) {
		at += strcspn(at, ":") + 1;
		*idle_ns += strtoull(at, NULL, 10);
	}
	return 1;
}

void count_read(struct count *count)
{
	struct timespec now;

	memset(count, 0, sizeof(*count));
	if (!idle_read(&count->idle_ns))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	count->time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	count->tsc = __rdtsc();
}

double count_busy(const struct count *from, const struct count *to)
{
	double ticks = (double)(to->tsc - from->tsc);
	double time = (double)(to->time_ns - from->time_ns);
	double idle = (double)(to->idle_ns - from->idle_ns);

	/* In the counter's own unit: the kernel's nanoseconds are calibrated. */
	return ticks - idle * (ticks / time);
}
