// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run a command and say what the whole machine did from its start to its end.
 *
 *   spend [-p PID] COMMAND [ARGUMENT]...
 *
 * Prints "busy=X time=NS cpu=NS other=NS" on standard error: instructions (see
 * count.h), time that passed, and processor time of the command and of process
 * PID. Its standard output is the command's.
 * Exit: the command's status, 1 if it was killed, 2 wrong call.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "count.h"

static unsigned long long nanoseconds(const struct timeval *tv)
{
	return (unsigned long long)tv->tv_sec * 1000000000 +
	       (unsigned long long)tv->tv_usec * 1000;
}

/* Processor time of another process so far. */
static unsigned long long used(pid_t pid)
{
	struct timespec now;
	clockid_t clock;

	if (!pid || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &now))
		return 0;
	return (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct count before, after;
	unsigned long long other;
	struct rusage usage;
	pid_t pid, watched = 0;
	int opt, status;

	/* "+": the command's options are its own. */
	while ((opt = getopt(argc, argv, "+p:")) != -1) {
		if (opt != 'p' || (watched = atoi(optarg)) <= 0)
			optind = argc;
	}
	argv += optind;
	if (!argv[0]) {
		fprintf(stderr, "usage: spend [-p PID] COMMAND [ARGUMENT]...\n");
		return 2;
	}
	other = used(watched);
	count_read(&before);
	if (!before.time_ns) {
		fprintf(stderr, "spend: the kernel does not say how long it waited\n");
		return 1;
	}
	pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		fprintf(stderr, "spend: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		fprintf(stderr, "spend: %s\n", strerror(errno));
		return 1;
	}
	count_read(&after);
	fprintf(stderr, "busy=%.0f time=%llu cpu=%llu other=%llu\n", count_busy(&before, &after),
		(unsigned long long)(after.time_ns - before.time_ns),
		nanoseconds(&usage.ru_utime) + nanoseconds(&usage.ru_stime),
		used(watched) - other);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
