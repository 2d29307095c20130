// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals as events: told besides being delivered, or instead of it.
 */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "check.h"

static volatile sig_atomic_t nr_handled;

static void handler(int sig)
{
	(void)sig;
	nr_handled++;
}

static int to_thread(int sig)
{
	return syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), sig);
}

/* Told, and delivered as ever. */
static void check_delivered(int queue)
{
	struct ukevent uk = interest_u64(KEVENT_SIGNAL, SIGUSR1, KEVENT_SIGNAL_DELIVERY, 0), ev;

	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	nr_handled = 0;
	CHECK(!kill(getpid(), SIGUSR1));
	CHECK(nr_handled == 1);
	CHECK(kevent_get_events(queue, 1, 1, LONG_MS, &ev) == 1);
	CHECK(ev.type == KEVENT_SIGNAL && (ev.id.raw_u64 & 0xff) == SIGUSR1);
	CHECK(ev.ret_data[0] == 1 && ev.ret_data[1] == (unsigned int)getpid());
	CHECK(!kill(getpid(), SIGUSR2) && kevent_get_events(queue, 1, 1, 0, &ev) == 0);
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0 && !broken(&uk));
	CHECK(!kill(getpid(), SIGUSR1) && kevent_get_events(queue, 1, 1, 0, &ev) == 0);
}

/* Told, and not delivered. */
static void check_nomask(int queue)
{
	struct ukevent uk = interest_u64(KEVENT_SIGNAL, SIGUSR2 | KEVENT_SIGNAL_NOMASK,
					 KEVENT_SIGNAL_DELIVERY, 0), ev;

	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	nr_handled = 0;
	CHECK(!kill(getpid(), SIGUSR2) && !to_thread(SIGUSR2));
	CHECK(nr_handled == 0);
	CHECK(kevent_get_events(queue, 1, 1, LONG_MS, &ev) == 1 && ev.ret_data[0] == 2);
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0 && !broken(&uk));
	CHECK(!kill(getpid(), SIGUSR2) && nr_handled == 1);
}

/* To the process or to the thread. */
static void check_directed(int queue)
{
	struct ukevent uk = interest_u64(KEVENT_SIGNAL, SIGUSR1, KEVENT_SIGNAL_THREAD, 0), ev;

	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	CHECK(!kill(getpid(), SIGUSR1) && kevent_get_events(queue, 1, 1, 0, &ev) == 0);
	CHECK(!to_thread(SIGUSR1) && kevent_get_events(queue, 1, 1, LONG_MS, &ev) == 1);
	uk.event = KEVENT_SIGNAL_PROCESS;
	CHECK(ctl_one(queue, KEVENT_CTL_MODIFY, &uk) == 0 && !broken(&uk));
	CHECK(!to_thread(SIGUSR1) && kevent_get_events(queue, 1, 1, 0, &ev) == 0);
	CHECK(!kill(getpid(), SIGUSR1) && kevent_get_events(queue, 1, 1, LONG_MS, &ev) == 1);
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0);
}

/* A child's signals are its own. */
static void check_fork(int queue)
{
	struct ukevent uk = interest_u64(KEVENT_SIGNAL, SIGUSR1, KEVENT_SIGNAL_DELIVERY, 0), ev;
	pid_t pid;

	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	pid = fork();
	if (!pid) {
		kill(getpid(), SIGUSR1);
		_exit(0);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(kevent_get_events(queue, 1, 1, 0, &ev) == 0);
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler };
	struct ukevent uk;
	int queue = kevent_init(NULL, 0, 0);

	need(queue);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	check_delivered(queue);
	check_nomask(queue);
	check_directed(queue);
	check_fork(queue);
	uk = interest_u64(KEVENT_SIGNAL, 1000, KEVENT_SIGNAL_DELIVERY, 0);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 1 && broken(&uk) == EINVAL);
	return done("signal");
}
