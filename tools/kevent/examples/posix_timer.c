// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX timers that tell a queue: SIGEV_KEVENT.
 */

#include <signal.h>

#include "check.h"

static char cookie;

static int create(int queue, clockid_t clockid, int *timer)
{
	struct sigevent sev;

	memset(&sev, 0, sizeof(sev));
	sev.sigev_notify = SIGEV_KEVENT;
	sev.sigev_value.sival_ptr = &cookie;
	KEVENT_SIGEV_FD(&sev) = queue;
	return syscall(SYS_timer_create, clockid, &sev, timer);
}

static int set(int timer, int flags, long first_ns, long interval_ns)
{
	struct itimerspec its = {
		.it_value.tv_nsec = first_ns,
		.it_interval.tv_nsec = interval_ns,
	};

	return syscall(SYS_timer_settime, timer, flags, &its, NULL);
}

static void check_once(int queue, clockid_t clockid)
{
	struct ukevent uk;
	int timer;

	CHECK(!create(queue, clockid, &timer));
	CHECK(kevent_get_events(queue, 1, 1, 0, &uk) == 0);
	CHECK(!set(timer, 0, 1000000, 0));
	CHECK(kevent_get_events(queue, 1, 1, LONG_MS, &uk) == 1);
	CHECK(uk.type == KEVENT_POSIX_TIMER && uk.event & KEVENT_TIMER_FIRED);
	CHECK((int)uk.id.raw[0] == timer && uk.ptr == &cookie);
	CHECK(uk.ret_data[0] == 0 && uk.ret_data[1] == 1);
	CHECK(kevent_get_events(queue, 1, 1, 0, &uk) == 0);

	/* Again, in the past. */
	CHECK(!set(timer, TIMER_ABSTIME, 1, 0));
	CHECK(kevent_get_events(queue, 1, 1, LONG_MS, &uk) == 1);
	CHECK(!syscall(SYS_timer_delete, timer));
	CHECK(kevent_get_events(queue, 1, 1, 0, &uk) == 0);
}

/* Periods that pass without a look are counted. */
static void check_periodic(int queue)
{
	unsigned int sum = 0;
	struct ukevent uk;
	int timer;

	CHECK(!create(queue, CLOCK_MONOTONIC, &timer));
	CHECK(!set(timer, 0, 1000000, 1000000));
	while (sum < 10) {
		if (!CHECK(kevent_get_events(queue, 1, 1, LONG_MS, &uk) == 1))
			break;
		CHECK(uk.ret_data[1] >= 1 && uk.ret_data[0] == uk.ret_data[1] - 1);
		sum += uk.ret_data[1];
	}
	CHECK(!syscall(SYS_timer_delete, timer));
}

static void check_errors(void)
{
	int timer;

	CHECK(create(-1, CLOCK_MONOTONIC, &timer) < 0 && errno == EBADF);
	CHECK(create(0, CLOCK_MONOTONIC, &timer) < 0);
}

/* The timer outlives the queue, and is quiet. */
static void check_closed_queue(void)
{
	int queue = kevent_init(NULL, 0, 0), timer;

	CHECK(!create(queue, CLOCK_MONOTONIC, &timer));
	CHECK(!set(timer, 0, 1, 0));
	CHECK(!close(queue));
	set(timer, 0, 1, 0);
	CHECK(!syscall(SYS_timer_delete, timer));
}

int main(void)
{
	int queue = kevent_init(NULL, 0, 0);

	need(queue);
	check_once(queue, CLOCK_REALTIME);
	check_once(queue, CLOCK_MONOTONIC);
	check_periodic(queue);
	check_errors();
	check_closed_queue();
	return done("posix_timer");
}
