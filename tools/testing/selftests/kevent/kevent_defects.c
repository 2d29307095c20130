// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the defects of the patches of 2006, and what their reviewers asked for.
 *
 * Each test is named after one of them, and fails where it is there. In the
 * order of the calls, the ring, the flags, the sources, and the insides.
 */

#define _GNU_SOURCE
#include <limits.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "kevent_waiter.h"

#define RING_SIZE	8

FIXTURE(defect)
{
	int kq;
	int p[2];
	int s[2];
	/* A queue with a ring in memory that processes share. */
	struct kevent_ring *ring;
	int rq;
	struct waiter w[4];
};

FIXTURE_SETUP(defect)
{
	memset(self, 0, sizeof(*self));
	self->kq = kevent_init(NULL, 0, 0);
	ASSERT_GE(self->kq, 0);
	ASSERT_EQ(pipe2(self->p, O_NONBLOCK), 0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, self->s),
		  0);
	self->ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->ring, MAP_FAILED);
	self->rq = kevent_init(self->ring, RING_SIZE, 0);
	ASSERT_GE(self->rq, 0);
}

FIXTURE_TEARDOWN(defect)
{
	close(self->kq);
	close(self->rq);
	close(self->p[0]);
	close(self->p[1]);
	close(self->s[0]);
	close(self->s[1]);
	munmap(self->ring, 4096);
}

#define DEFECT(_name)	TEST_F(defect, _name)

/* User events that are ready. */
static int user_ready(int kq, int first, int nr, unsigned int req)
{
	int i;

	for (i = 0; i < nr; i++)
		if (add(kq, interest(KEVENT_USER, first + i, 0,
				     KEVENT_REQ_READY | req)))
			return -1;
	return 0;
}

static int ring_wait(int kq, unsigned int num, unsigned int old, long n)
{
	struct __kernel_timespec ts = ms(n);

	return kevent_wait(kq, num, old, &ts, 0);
}

static void wait_get(struct __test_metadata *_metadata, struct waiter *w,
		     int kq)
{
	w->how = WAIT_GET;
	w->fd = kq;
	ASSERT_EQ(waiter_start(w), 0);
}

/* === The calls =========================================================== */

DEFECT(init_ignored_its_flags)
{
	int bit;

	for (bit = 0; bit < 32; bit++) {
		if (1U << bit & (KEVENT_INIT_MAP | KEVENT_INIT_NONBLOCK |
				 KEVENT_INIT_CLOEXEC))
			continue;
		EXPECT_EQ(kevent_init(NULL, 0, 1U << bit), -1);
		EXPECT_EQ(errno, EINVAL);
	}
}

DEFECT(unknown_flags_of_waits_were_ignored)
{
	struct ukevent ev;
	int bit;

	for (bit = 3; bit < 32; bit++) {
		EXPECT_EQ(kevent_get_events(self->kq, 1, 1, NULL, &ev,
					    1U << bit), -1);
		EXPECT_EQ(errno, EINVAL);
		EXPECT_EQ(kevent_wait(self->rq, 1, 0, NULL, 1U << bit), -1);
		EXPECT_EQ(errno, EINVAL);
	}
}

/* "wakes one" woke all, and the first of them cleared the flag. */
DEFECT(a_kick_woke_everybody)
{
	int i, round;

	for (i = 0; i < 3; i++)
		wait_get(_metadata, &self->w[i], self->kq);
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 0, NULL), 0);
		settle(self->w, 3);
		for (i = 0; i < 3; i++)
			EXPECT_EQ(self->w[i].done, i <= round);
	}
	waiters_end(self->w, 3);
}

/* Two at once stole each other's flag. */
DEFECT(kicks_were_stolen)
{
	int i;

	for (i = 0; i < 3; i++)
		wait_get(_metadata, &self->w[i], self->kq);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 0, NULL), 0);
	settle(self->w, 3);
	EXPECT_EQ(self->w[0].done + self->w[1].done + self->w[2].done, 2);
	waiters_end(self->w, 3);
}

DEFECT(poll_consumed_a_kick)
{
	struct pollfd pfd = { .fd = self->kq, .events = POLLIN };
	struct ukevent ev;

	ASSERT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 0, NULL), 0);
	EXPECT_EQ(poll(&pfd, 1, 0), 1);
	EXPECT_EQ(poll(&pfd, 1, 0), 1);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, NULL, &ev, 0), 0);
	EXPECT_EQ(poll(&pfd, 1, 0), 0);
}

DEFECT(a_batch_larger_than_the_queue_was_refused)
{
	struct ukevent ev[3];
	int cmd, i;

	ASSERT_EQ(add(self->kq, interest(KEVENT_USER, 1, 0, 0)), 0);
	for (cmd = KEVENT_CTL_READY; cmd > KEVENT_CTL_ADD; cmd--) {
		for (i = 0; i < 3; i++)
			ev[i] = interest(KEVENT_USER, i, 0, 0);
		EXPECT_EQ(kevent_ctl(self->kq, cmd, 3, ev),
			  cmd == KEVENT_CTL_READY);
		for (i = 0; i < 3; i++) {
			int found = ev[i].id.raw_u64 == 1;

			EXPECT_EQ(!(ev[i].ret_flags & KEVENT_RET_BROKEN),
				  found);
			if (!found)
				EXPECT_EQ((int)ev[i].ret_data[1], -ENOENT);
		}
		if (cmd == KEVENT_CTL_REMOVE)
			break;
	}
}

DEFECT(unknown_types_came_back_without_a_flag)
{
	unsigned int types[] = {
		KEVENT_NAIO, KEVENT_AIO, KEVENT_MAX, KEVENT_MAX + 1,
		0x7fffffff, 0x80000000, 0xffffffff,
	};
	struct ukevent ev;
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ev = interest(types[i], 1, 1, 0);
		EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, 1, &ev), 1);
		EXPECT_EQ(ev.ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_DONE);
		EXPECT_EQ((int)ev.ret_data[1], -ENOSYS);
	}
}

DEFECT(a_signal_did_not_end_a_wait_with_eintr)
{
	self->w[1].how = WAIT_RING;
	self->w[1].fd = self->rq;
	wait_get(_metadata, &self->w[0], self->kq);
	ASSERT_EQ(waiter_start(&self->w[1]), 0);
	pthread_kill(self->w[0].thread, SIGUSR1);
	pthread_kill(self->w[1].thread, SIGUSR1);
	settle(self->w, 2);
	EXPECT_EQ(self->w[0].err, -EINTR);
	EXPECT_EQ(self->w[1].err, -EINTR);
	waiters_end(self->w, 2);
}

DEFECT(min_nr_was_not_used)
{
	self->w[0].min = 3;
	self->w[0].max = 4;
	wait_get(_metadata, &self->w[0], self->kq);
	ASSERT_EQ(user_ready(self->kq, 0, 2, 0), 0);
	settle(self->w, 1);
	EXPECT_EQ(self->w[0].done, 0);
	ASSERT_EQ(user_ready(self->kq, 2, 1, 0), 0);
	settle(self->w, 1);
	EXPECT_EQ(self->w[0].nr, 3);
	waiters_end(self->w, 1);
}

/* -1 was documented, and refused; zero was for ever in some versions. */
DEFECT(timeouts_could_not_say_for_ever_or_now)
{
	struct __kernel_timespec bad[] = {
		{ -1, 0 }, { 0, -1 }, { 0, 1000000000 }, { 1, LONG_MAX },
	};
	struct ukevent ev;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &bad[i], &ev, 0),
			  -1);
		EXPECT_EQ(errno, EINVAL);
	}
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	wait_get(_metadata, &self->w[0], self->kq);
	EXPECT_EQ(self->w[0].done, 0);
	ASSERT_EQ(user_ready(self->kq, 1, 1, 0), 0);
	settle(self->w, 1);
	EXPECT_EQ(self->w[0].nr, 1);
	waiters_end(self->w, 1);
}

/* By value it took a seventh word, and flags were not passed. */
DEFECT(the_timeout_took_the_register_of_the_flags)
{
	struct __kernel_timespec past = { 1, 0 };
	struct ukevent ev;

	/* Without the flag this would be a second from now; it is 1970. */
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &past, &ev,
				    KEVENT_FLAGS_ABSTIME), 0);
	EXPECT_EQ(kevent_wait(self->rq, 1, 0, &past, KEVENT_FLAGS_ABSTIME), 0);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &past, &ev, 1U << 31), -1);
}

/* One timer for all absolute timeouts of a queue, set by each caller. */
struct alarm_clock {
	pthread_t thread;
	int kq;
	struct __kernel_timespec at;
	int ret;
	int early;
};

static void *alarm_run(void *arg)
{
	struct alarm_clock *a = arg;
	struct timespec now;
	struct ukevent ev;

	a->ret = kevent_get_events(a->kq, 1, 1, &a->at, &ev,
				   KEVENT_FLAGS_ABSTIME);
	clock_gettime(CLOCK_REALTIME, &now);
	a->early = now.tv_sec < a->at.tv_sec ||
		   (now.tv_sec == a->at.tv_sec && now.tv_nsec < a->at.tv_nsec);
	return NULL;
}

DEFECT(absolute_timeouts_shared_one_timer)
{
	struct alarm_clock a[4] = { 0 };
	struct timespec now;
	int i;

	clock_gettime(CLOCK_REALTIME, &now);
	for (i = 0; i < 4; i++) {
		a[i].kq = self->kq;
		a[i].ret = 77;
		/* The last to come is the first to go. */
		a[i].at.tv_sec = now.tv_sec + 1;
		a[i].at.tv_nsec = 200000000 * (4 - i);
		ASSERT_EQ(pthread_create(&a[i].thread, NULL, alarm_run, &a[i]),
			  0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(a[i].thread, NULL);
		EXPECT_EQ(a[i].ret, 0);
		EXPECT_EQ(a[i].early, 0);
	}
}

DEFECT(no_choice_of_a_clock)
{
	static const int clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	struct kevent_args args = { 0 };
	struct __kernel_timespec ts;
	struct timespec now;
	struct ukevent ev;
	int i;

	args.timeout = (uintptr_t)&ts;
	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		args.clockid = clocks[i];
		ts = ms(1);
		EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
					    KEVENT_FLAGS_ARGS), 0);
		clock_gettime(clocks[i], &now);
		ts.tv_sec = now.tv_sec;
		ts.tv_nsec = now.tv_nsec;
		EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
					    KEVENT_FLAGS_ARGS |
					    KEVENT_FLAGS_ABSTIME), 0);
	}
}

/* A signal that arrives between the look at a flag and the sleep. */
DEFECT(no_signal_mask)
{
	struct kevent_args args = { .clockid = CLOCK_MONOTONIC };
	struct ukevent ev;
	sigset_t none, usr1, now;

	signal(SIGUSR1, waiter_signal);
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	args.sigmask = (uintptr_t)&none;
	args.sigsetsize = 8;
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
				    KEVENT_FLAGS_ARGS), -1);
	EXPECT_EQ(errno, EINTR);
	raise(SIGUSR1);
	EXPECT_EQ(kevent_wait(self->rq, 1, 0, &args, KEVENT_FLAGS_ARGS), -1);
	EXPECT_EQ(errno, EINTR);
	/* It was taken back, also where an event came first. */
	raise(SIGUSR1);
	ASSERT_EQ(user_ready(self->kq, 1, 1, 0), 0);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, &ev,
				    KEVENT_FLAGS_ARGS), 1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
	sigpending(&now);
	EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
}

/* num * 40 was not checked. */
DEFECT(the_size_of_a_batch_overflowed)
{
	unsigned int nums[] = {
		0x06666667, 0x0ccccccd, 0x1999999a, 0x66666667, 0x7fffffff,
		0x80000000, 0xcccccccd, 0xffffffff,
	};
	struct ukevent *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ukevent *ev = page;
	int i, cmd;

	/* What is behind it is not there. */
	ASSERT_EQ(munmap(page, 4096), 0);
	page = mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_EQ(page, ev);
	for (i = 0; i < ARRAY_SIZE(nums); i++)
		for (cmd = 0; cmd < 4; cmd++) {
			EXPECT_EQ(kevent_ctl(self->kq, cmd, nums[i],
					     (void *)-4096UL), -1);
			EXPECT_TRUE(errno == EFAULT || errno == EINVAL);
		}
	for (i = 3; i < ARRAY_SIZE(nums); i++) {
		EXPECT_EQ(kevent_get_events(self->kq, 1, nums[i], NULL, ev, 0),
			  -1);
		EXPECT_TRUE(errno == EFAULT || errno == EINVAL);
	}
	munmap(page, 4096);
}

DEFECT(no_more_than_4096_interests)
{
	enum { N = 20000 };
	struct ukevent *ev = calloc(N, sizeof(*ev));
	int i;

	ASSERT_NE(ev, NULL);
	for (i = 0; i < N; i++)
		ev[i] = interest(KEVENT_USER, i, 0, 0);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, N, ev), 0);
	for (i = 0; i < N; i++)
		ev[i] = interest(KEVENT_USER, i, 0, 0);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, N, ev), N);
	EXPECT_EQ(get(self->kq, ev, N, 0), N);
	free(ev);
}

DEFECT(descriptors_were_not_inherited_over_exec_by_choice)
{
	int kq = kevent_init(NULL, 0, KEVENT_INIT_CLOEXEC);

	EXPECT_EQ(fcntl(kq, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(fcntl(self->kq, F_GETFD), 0);
	close(kq);
}

/* === The ring ============================================================ */

/* It slept until its timeout, with events ready. */
DEFECT(a_full_ring_stopped_get_events)
{
	struct ukevent ev[16];

	ASSERT_EQ(user_ready(self->rq, 0, RING_SIZE + 1, 0), 0);
	EXPECT_EQ(ring_wait(self->rq, RING_SIZE, 0, LONG_MS), RING_SIZE - 1);
	EXPECT_EQ(kevent_get_events(self->rq, 1, 16, NULL, ev, 0), 2);
	EXPECT_EQ(ev[0].ret_flags, KEVENT_RET_DONE | KEVENT_RET_COPY_FAILED);
	EXPECT_EQ(ev[1].id.raw_u64, RING_SIZE);
}

/* "all" and "nothing" were the same index. */
DEFECT(commit_of_a_full_ring_freed_nothing)
{
	int round, kidx = 0, over = 0;

	for (round = 0; round < 2 * RING_SIZE; round++) {
		ASSERT_EQ(user_ready(self->rq, round * RING_SIZE, RING_SIZE,
				     KEVENT_REQ_ONESHOT), 0);
		ASSERT_EQ(ring_wait(self->rq, RING_SIZE, kidx, LONG_MS),
			  RING_SIZE - 1);
		EXPECT_EQ(ring_wait(self->rq, RING_SIZE, kidx, 0), 0);
		kidx = self->ring->ring_kidx;
		over = self->ring->ring_over;
		EXPECT_EQ(kevent_commit(self->rq, kidx, over), RING_SIZE - 1);
		ASSERT_EQ(ring_wait(self->rq, RING_SIZE, kidx, LONG_MS), 1);
		kidx = self->ring->ring_kidx;
		over = self->ring->ring_over;
		EXPECT_EQ(kevent_commit(self->rq, kidx, over), 1);
	}
	EXPECT_EQ(self->ring->ring_over, 2 * RING_SIZE);
}

DEFECT(commit_did_not_wake_who_waited_for_room)
{
	ASSERT_EQ(user_ready(self->rq, 0, RING_SIZE + 1, 0), 0);
	ASSERT_EQ(ring_wait(self->rq, RING_SIZE, 0, LONG_MS), RING_SIZE - 1);
	self->w[0].how = WAIT_RING;
	self->w[0].fd = self->rq;
	self->w[0].max = RING_SIZE;
	ASSERT_EQ(waiter_start(&self->w[0]), 0);
	EXPECT_EQ(self->w[0].done, 0);
	EXPECT_EQ(kevent_commit(self->rq, 4, 0), 4);
	settle(self->w, 1);
	EXPECT_EQ(self->w[0].nr, 2);
	waiters_end(self->w, 1);
}

/* A late thread's small index was taken for another wrap. */
DEFECT(a_late_commit_wrapped_the_ring)
{
	ASSERT_EQ(user_ready(self->rq, 0, 2 * RING_SIZE, 0), 0);
	ASSERT_EQ(ring_wait(self->rq, RING_SIZE, 0, LONG_MS), RING_SIZE - 1);
	ASSERT_EQ(kevent_commit(self->rq, RING_SIZE - 1, 0), RING_SIZE - 1);
	ASSERT_EQ(ring_wait(self->rq, RING_SIZE, RING_SIZE - 1, LONG_MS),
		  RING_SIZE - 1);
	ASSERT_EQ(kevent_commit(self->rq, 5, 0), 6);
	ASSERT_EQ(self->ring->ring_over, 1);
	/* This one slept through it. */
	EXPECT_EQ(kevent_commit(self->rq, 3, 0), 0);
	EXPECT_EQ(self->ring->ring_over, 1);
	EXPECT_EQ(kevent_commit(self->rq, 6, 1), 1);
	EXPECT_EQ(kevent_commit(self->rq, 6, 1), 0);
}

DEFECT(a_copy_fault_lost_the_event)
{
	unsigned int modes[] = {
		0, KEVENT_REQ_ET, KEVENT_REQ_ONESHOT,
		KEVENT_REQ_ET | KEVENT_REQ_LAST_CHECK,
	};
	void *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	struct ukevent ev;
	int i;
	char c;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0],
				 KEVENT_SOCKET_RECV, modes[i]), 0);
		ASSERT_EQ(write(self->p[1], "x", 1), 1);
		EXPECT_EQ(get(self->kq, ro, 1, 0), -1);
		EXPECT_EQ(errno, EFAULT);
		EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
		EXPECT_EQ(ev.ret_data[0] & KEVENT_POLL_POLLIN,
			  KEVENT_POLL_POLLIN);
		ASSERT_EQ(read(self->p[0], &c, 1), 1);
		change(self->kq, KEVENT_CTL_REMOVE,
		       interest(KEVENT_PIPE, self->p[0], 0, 0));
	}
	munmap(ro, 4096);
}

DEFECT(a_fault_of_the_ring_lost_the_event)
{
	ASSERT_EQ(user_ready(self->rq, 7, 1, KEVENT_REQ_ONESHOT), 0);
	ASSERT_EQ(mprotect(self->ring, 4096, PROT_NONE), 0);
	EXPECT_EQ(ring_wait(self->rq, 1, 0, 0), -1);
	EXPECT_EQ(errno, EFAULT);
	ASSERT_EQ(mprotect(self->ring, 4096, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(self->ring->ring_kidx, 0);
	EXPECT_EQ(ring_wait(self->rq, 1, 0, LONG_MS), 1);
	EXPECT_EQ(self->ring->event[0].id.raw_u64, 7);
}

/* Dequeued, and not copied. */
DEFECT(a_fault_in_the_middle_of_an_array_lost_events)
{
	char *mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ukevent *ev = (void *)(mem + 4096 - 2 * sizeof(*ev) - 8);
	struct ukevent rest[8];

	ASSERT_NE(mem, MAP_FAILED);
	ASSERT_EQ(mprotect(mem + 4096, 4096, PROT_NONE), 0);
	ASSERT_EQ(user_ready(self->kq, 0, 5, KEVENT_REQ_ONESHOT), 0);
	/* The third would be half in, half out. */
	EXPECT_EQ(get(self->kq, ev, 5, 0), 2);
	EXPECT_EQ(ev[0].id.raw_u64, 0);
	EXPECT_EQ(ev[1].id.raw_u64, 1);
	EXPECT_EQ(get(self->kq, rest, 8, 0), 3);
	EXPECT_EQ(rest[0].id.raw_u64, 2);
	EXPECT_EQ(rest[2].id.raw_u64, 4);
	munmap(mem, 8192);
}

/* Who dies between the call and its work has left the event in the ring. */
DEFECT(an_event_died_with_its_thread)
{
	struct ukevent ev;
	int status;
	pid_t pid;

	ASSERT_EQ(user_ready(self->rq, 3, 1, KEVENT_REQ_ONESHOT), 0);
	/* The ring is for processes with the same memory. */
	pid = vfork();
	if (!pid) {
		if (get(self->rq, &ev, 1, LONG_MS) == 1)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WTERMSIG(status), SIGKILL);
	EXPECT_EQ(self->ring->ring_kidx, 1);
	EXPECT_EQ(self->ring->event[0].id.raw_u64, 3);
}

DEFECT(removed_events_are_not_put_in_the_ring)
{
	ASSERT_EQ(user_ready(self->rq, 0, 3, 0), 0);
	EXPECT_EQ(change(self->rq, KEVENT_CTL_REMOVE,
			 interest(KEVENT_USER, 1, 0, 0)), 0);
	EXPECT_EQ(ring_wait(self->rq, RING_SIZE, 0, LONG_MS), 2);
	EXPECT_EQ(self->ring->event[0].id.raw_u64, 0);
	EXPECT_EQ(self->ring->event[1].id.raw_u64, 2);
}

/* The event that had found the ring full was removed, and still pointed to. */
DEFECT(the_overflow_event_was_removed)
{
	struct ukevent ev;
	struct map map = { 0 };
	int i;

	ASSERT_EQ(map_open(&map, 4), 0);
	ASSERT_EQ(user_ready(map.fd, 0, 8, 0), 0);
	for (i = 4; i < 8; i += 2)
		EXPECT_EQ(change(map.fd, KEVENT_CTL_REMOVE,
				 interest(KEVENT_USER, i, 0, 0)), 0);
	for (i = 0; i < 8; i++) {
		if (i == 4 || i == 6)
			continue;
		if (!map_take(&map, &ev)) {
			ASSERT_GE(map_wait(&map, LONG_MS), 1);
			ASSERT_EQ(map_take(&map, &ev), 1);
		}
		EXPECT_EQ(ev.id.raw_u64, i);
	}
	EXPECT_EQ(map_wait(&map, 0), 0);
	EXPECT_EQ(map.head->flags, 0);
	map_close(&map);
}

/* A record was read after another thread had given its slot back. */
struct claim {
	struct map *map;
	pthread_t thread;
	unsigned char *seen;
	int bad;
};

#define NR_CLAIMS	4096

static void *claim_run(void *arg)
{
	struct claim *c = arg;
	struct ukevent ev;

	for (;;) {
		if (!map_take(c->map, &ev)) {
			kevent_wait(c->map->fd, 0, c->map->tail->uidx, NULL, 0);
			continue;
		}
		if (ev.id.raw_u64 == NR_CLAIMS)
			return NULL;
		if (ev.type != KEVENT_USER ||
		    ev.cookie != ev.id.raw_u64 + 1000 ||
		    ev.id.raw_u64 > NR_CLAIMS)
			c->bad++;
		else
			__atomic_add_fetch(&c->seen[ev.id.raw_u64], 1,
					   __ATOMIC_SEQ_CST);
	}
}

DEFECT(a_slot_was_read_after_it_was_reused)
{
	struct claim c[3] = { 0 };
	struct map map = { 0 };
	unsigned char *seen = calloc(1, NR_CLAIMS);
	int i, bad = 0;

	ASSERT_EQ(map_open(&map, 4), 0);
	for (i = 0; i < 3; i++) {
		c[i].map = &map;
		c[i].seen = seen;
		ASSERT_EQ(pthread_create(&c[i].thread, NULL, claim_run, &c[i]),
			  0);
	}
	for (i = 0; i < NR_CLAIMS; i++)
		ASSERT_EQ(user_ready(map.fd, i, 1, KEVENT_REQ_ONESHOT), 0);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(add(map.fd, (struct ukevent){
				.type = KEVENT_USER, .id.raw_u64 = NR_CLAIMS,
				.cookie = i, .req_flags = KEVENT_REQ_READY |
				KEVENT_REQ_COOKIE | KEVENT_REQ_ONESHOT }), 0);
	for (i = 0; i < 3; i++) {
		pthread_join(c[i].thread, NULL);
		EXPECT_EQ(c[i].bad, 0);
	}
	for (i = 0; i < NR_CLAIMS; i++)
		bad += seen[i] != 1;
	EXPECT_EQ(bad, 0);
	free(seen);
	map_close(&map);
}

/* A wait was to return because of news, not because the ring has something. */
DEFECT(a_wait_returned_because_the_ring_was_not_empty)
{
	struct map map = { 0 };

	ASSERT_EQ(map_open(&map, 8), 0);
	ASSERT_EQ(user_ready(map.fd, 0, 1, 0), 0);
	EXPECT_EQ(kevent_wait(map.fd, 0, 0, NULL, 0), 1);
	self->w[0].how = WAIT_RING;
	self->w[0].fd = map.fd;
	EXPECT_EQ(kevent_wait(map.fd, 0, 1, &(struct __kernel_timespec){ }, 0),
		  0);
	ASSERT_EQ(user_ready(map.fd, 1, 1, 0), 0);
	EXPECT_EQ(kevent_wait(map.fd, 0, 1, NULL, 0), 1);
	map_close(&map);
}

DEFECT(the_ring_was_filled_by_calls_only)
{
	struct map map = { 0 };

	ASSERT_EQ(map_open(&map, 8), 0);
	ASSERT_EQ(add_fd(map.fd, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 KEVENT_REQ_ET), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	EXPECT_EQ(map.head->kidx, 1);
	EXPECT_EQ(map.slot[0].id.raw[0], self->p[0]);
	map_close(&map);
}

/* === The flags =========================================================== */

DEFECT(level_had_to_be_modified_to_come_back)
{
	struct ukevent ev;
	int i;

	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
}

DEFECT(one_event_woke_every_thread_of_a_queue)
{
	int i;

	for (i = 0; i < 4; i++)
		wait_get(_metadata, &self->w[i], self->kq);
	ASSERT_EQ(user_ready(self->kq, 1, 1, 0), 0);
	settle(self->w, 4);
	EXPECT_EQ(self->w[0].calls, 1);
	for (i = 1; i < 4; i++)
		EXPECT_EQ(waiter_wakes(&self->w[i]), 0);
	waiters_end(self->w, 4);
}

/* After the first event the second look was not taken any more. */
DEFECT(last_check_was_done_once)
{
	struct ukevent ev;
	char c;
	int i;

	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 KEVENT_REQ_ET | KEVENT_REQ_LAST_CHECK), 0);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(write(self->p[1], "x", 1), 1);
		EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
		ASSERT_EQ(read(self->p[0], &c, 1), 1);
		/* It was there, and is gone before anybody looks. */
		ASSERT_EQ(write(self->p[1], "x", 1), 1);
		ASSERT_EQ(read(self->p[0], &c, 1), 1);
		EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	}
}

DEFECT(one_interest_for_each_descriptor)
{
	struct ukevent in = interest(KEVENT_SOCKET, self->s[0],
				     KEVENT_SOCKET_RECV, KEVENT_REQ_COOKIE |
				     KEVENT_REQ_ALWAYS_QUEUE);
	struct ukevent out = in, ev[4];

	out.event = KEVENT_SOCKET_SEND;
	out.cookie = in.cookie + 1;
	EXPECT_EQ(add(self->kq, in), 0);
	EXPECT_EQ(add(self->kq, out), 0);
	EXPECT_EQ(get(self->kq, ev, 4, 0), 1);
	EXPECT_EQ(ev[0].cookie, out.cookie);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, out), 0);
	ASSERT_EQ(write(self->s[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, ev, 4, 0), 1);
	EXPECT_EQ(ev[0].cookie, in.cookie);
}

DEFECT(two_equal_timers_collided)
{
	struct ukevent a = interest(KEVENT_TIMER, 0, KEVENT_TIMER_FIRED,
				    KEVENT_REQ_ONESHOT | KEVENT_REQ_COOKIE);
	struct ukevent b, ev[4];
	int nr = 0;

	a.id.raw[1] = 1000000;
	b = a;
	b.cookie++;
	EXPECT_EQ(add(self->kq, a), 0);
	EXPECT_EQ(add(self->kq, b), 0);
	while (nr < 2) {
		int ret = get(self->kq, ev + nr, 2, LONG_MS);

		ASSERT_GE(ret, 1);
		nr += ret;
	}
	EXPECT_NE(ev[0].cookie, ev[1].cookie);
}

DEFECT(the_type_was_not_part_of_the_key)
{
	EXPECT_EQ(add(self->kq, interest(KEVENT_USER, self->p[0], 0, 0)), 0);
	EXPECT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	EXPECT_EQ(add_fd(self->kq, KEVENT_POLL, self->p[0], KEVENT_POLL_POLLIN,
			 0), 0);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE,
			 interest(KEVENT_POLL, self->p[0], 0, 0)), 0);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE,
			 interest(KEVENT_USER, self->p[0], 0, 0)), 0);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE,
			 interest(KEVENT_PIPE, self->p[0], 0, 0)), 0);
}

DEFECT(the_cookie_was_as_wide_as_a_pointer)
{
	struct ukevent ev = interest(KEVENT_USER, 1, 0, KEVENT_REQ_READY);

	ASSERT_EQ(sizeof(ev), 40);
	ev.cookie = 0xfedcba9876543210ULL;
	ASSERT_EQ(add(self->kq, ev), 0);
	memset(&ev, 0, sizeof(ev));
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.cookie, 0xfedcba9876543210ULL);
}

DEFECT(no_way_to_inject_an_event)
{
	struct ukevent ev = interest(KEVENT_USER, 1, 0, 0), out;

	ASSERT_EQ(add(self->kq, ev), 0);
	wait_get(_metadata, &self->w[0], self->kq);
	ev.ret_data[1] = 4711;
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 1, &ev), 1);
	settle(self->w, 1);
	EXPECT_EQ(self->w[0].nr, 1);
	out = self->w[0].got[0];
	EXPECT_EQ(out.ret_data[0], 1);
	EXPECT_EQ(out.ret_data[1], 4711);
	waiters_end(self->w, 1);
}

/* === The sources ========================================================= */

DEFECT(a_watched_socket_was_pinned)
{
	struct ukevent ev;
	char c;

	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, self->s[0],
			 KEVENT_SOCKET_RECV, 0), 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_POLL, self->s[0],
			 KEVENT_POLL_POLLIN, 0), 0);
	close(self->s[0]);
	/* The peer learns of it at once. */
	EXPECT_EQ(read(self->s[1], &c, 1), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_CLOSED | KEVENT_RET_DONE);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_CLOSED | KEVENT_RET_DONE);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
}

/* When the origin went, the rule of one told one. */
DEFECT(the_end_of_an_origin_was_told_to_one)
{
	int kq[3], i;
	struct ukevent ev[2];

	for (i = 0; i < 3; i++) {
		kq[i] = kevent_init(NULL, 0, 0);
		ASSERT_EQ(add_fd(kq[i], KEVENT_SOCKET, self->s[0],
				 KEVENT_SOCKET_RECV, i ? 0 :
				 KEVENT_REQ_ONESHOT), 0);
	}
	close(self->s[0]);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(get(kq[i], ev, 2, 0), 1);
		EXPECT_EQ(ev[0].ret_flags, KEVENT_RET_CLOSED | KEVENT_RET_DONE);
		close(kq[i]);
	}
}

/* The peer of a connection goes: that is for all who watch, too. */
DEFECT(a_hangup_was_told_to_one)
{
	int kq[3], i;
	struct ukevent ev[2];

	for (i = 0; i < 3; i++) {
		kq[i] = kevent_init(NULL, 0, 0);
		ASSERT_EQ(add_fd(kq[i], KEVENT_SOCKET, self->s[0],
				 KEVENT_SOCKET_RECV, 0), 0);
	}
	close(self->s[1]);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(get(kq[i], ev, 2, 0), 1);
		EXPECT_EQ(ev[0].ret_data[0] & KEVENT_POLL_POLLHUP,
			  KEVENT_POLL_POLLHUP);
		close(kq[i]);
	}
}

DEFECT(a_hangup_was_called_broken)
{
	struct ukevent ev;

	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, self->s[0],
			 KEVENT_SOCKET_RECV, 0), 0);
	close(self->s[1]);
	ASSERT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
	EXPECT_EQ(ev.ret_data[0] & KEVENT_POLL_POLLHUP, KEVENT_POLL_POLLHUP);
}

DEFECT(a_socket_error_was_called_broken)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(1) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct ukevent ev;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_GE(fd, 0);
	if (!connect(fd, (void *)&a, sizeof(a)) || errno == ENETUNREACH)
		SKIP(return, "no loopback, or somebody is at port 1");
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, fd, KEVENT_SOCKET_SEND, 0),
		  0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
	EXPECT_EQ(ev.ret_data[0] & (KEVENT_POLL_POLLERR | KEVENT_POLL_POLLHUP),
		  KEVENT_POLL_POLLERR | KEVENT_POLL_POLLHUP);
	close(fd);
}

DEFECT(a_pipe_without_peer_was_broken_though_there_was_data)
{
	struct ukevent ev;
	char c;

	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	close(self->p[1]);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
	EXPECT_EQ(ev.ret_data[0] & (KEVENT_POLL_POLLIN | KEVENT_POLL_POLLHUP),
		  KEVENT_POLL_POLLIN | KEVENT_POLL_POLLHUP);
	EXPECT_EQ(read(self->p[0], &c, 1), 1);
	EXPECT_EQ(read(self->p[0], &c, 1), 0);
}

DEFECT(the_end_of_an_empty_pipe_was_not_told)
{
	struct ukevent ev;

	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	wait_get(_metadata, &self->w[0], self->kq);
	close(self->p[1]);
	settle(self->w, 1);
	EXPECT_EQ(self->w[0].nr, 1);
	ev = self->w[0].got[0];
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
	EXPECT_EQ(ev.ret_data[0], KEVENT_POLL_POLLHUP);
	waiters_end(self->w, 1);
}

DEFECT(what_was_no_pipe_was_taken_for_one)
{
	int fds[] = { self->s[0], self->kq, eventfd(0, 0), 0 };
	int i;

	fds[3] = open("/proc/self/status", O_RDONLY);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		EXPECT_EQ(add_fd(self->kq, KEVENT_PIPE, fds[i],
				 KEVENT_SOCKET_RECV, 0), -EINVAL);
		if (i)
			EXPECT_EQ(add_fd(self->kq, KEVENT_SOCKET, fds[i],
					 KEVENT_SOCKET_RECV, 0), -EINVAL);
	}
	close(fds[2]);
	close(fds[3]);
}

/* Room for one byte is no room to send: a socket says when it is worth it. */
DEFECT(send_ignored_the_threshold)
{
	struct pollfd pfd = { .fd = self->s[0], .events = POLLOUT };
	struct ukevent ev;
	char buf[512] = { 0 };

	while (write(self->s[0], buf, sizeof(buf)) > 0)
		;
	ASSERT_EQ(poll(&pfd, 1, 0), 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, self->s[0],
			 KEVENT_SOCKET_SEND, 0), 0);
	while (read(self->s[1], buf, 1) == 1) {
		int ready = poll(&pfd, 1, 0);

		ASSERT_EQ(get(self->kq, &ev, 1, 0), ready);
		if (ready)
			break;
		ASSERT_EQ(read(self->s[1], buf, sizeof(buf) - 1),
			  sizeof(buf) - 1);
	}
}

DEFECT(timers_had_no_absolute_time_and_no_overrun)
{
	struct ukevent t = interest(KEVENT_TIMER, 0, KEVENT_TIMER_FIRED, 0);
	struct ukevent ev;
	struct timespec now;
	uint64_t sum = 0;
	int fired = 0;

	t.id.raw[1] = 1000000;
	ASSERT_EQ(add(self->kq, t), 0);
	while (sum < 20) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_GE(ev.ret_data[1], 1);
		sum += ev.ret_data[1];
		fired++;
	}
	EXPECT_LE(fired, 20);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, t), 0);

	clock_gettime(CLOCK_MONOTONIC, &now);
	t.id.raw[0] = now.tv_sec + 1;
	t.id.raw[1] = now.tv_nsec;
	t.req_flags = KEVENT_REQ_ABSTIME | KEVENT_REQ_ONESHOT;
	ASSERT_EQ(add(self->kq, t), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[1], 1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	EXPECT_TRUE(now.tv_sec > t.id.raw[0] ||
		    (now.tv_sec == t.id.raw[0] &&
		     now.tv_nsec >= t.id.raw[1]));
}

static int posix_timer(int kq, long interval)
{
	struct itimerspec its = {
		.it_value.tv_nsec = 1000000,
		.it_interval.tv_nsec = interval,
	};
	struct sigevent sev = { .sigev_notify = SIGEV_KEVENT };
	int timer = -1;

	sev.sigev_value.sival_ptr = (void *)0x1234567;
	KEVENT_SIGEV_FD(&sev) = kq;
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &sev, &timer))
		return -1;
	if (syscall(SYS_timer_settime, timer, 0, &its, NULL))
		return -1;
	return timer;
}

DEFECT(posix_timers_fired_once)
{
	struct ukevent ev;
	uint64_t sum = 0;
	int timer = posix_timer(self->kq, 1000000);

	ASSERT_GE(timer, 0);
	while (sum < 10) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_EQ(ev.type, KEVENT_POSIX_TIMER);
		EXPECT_EQ(ev.ret_data[0], ev.ret_data[1] - 1);
		EXPECT_EQ((uintptr_t)ev.ptr, 0x1234567);
		sum += ev.ret_data[1];
	}
	EXPECT_EQ(syscall(SYS_timer_delete, timer), 0);
}

/* The id was the address of the kernel's timer. */
DEFECT(posix_timers_told_a_kernel_address)
{
	struct ukevent ev;
	int timer = posix_timer(self->kq, 0);

	ASSERT_GE(timer, 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw_u64, timer);
	EXPECT_EQ(syscall(SYS_timer_delete, timer), 0);
}

static void *signal_me(void *arg)
{
	kill(getpid(), SIGUSR2);
	return NULL;
}

/* Only signals of the thread that asked, and without their sender. */
DEFECT(signals_of_the_process_were_not_told)
{
	struct ukevent ev;
	pthread_t t;

	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGUSR2 |
					 KEVENT_SIGNAL_NOMASK,
					 KEVENT_SIGNAL_DELIVERY, 0)), 0);
	ASSERT_EQ(pthread_create(&t, NULL, signal_me, NULL), 0);
	pthread_join(t, NULL);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], 1);
	EXPECT_EQ(ev.ret_data[1], getpid());
}

DEFECT(signals_were_inherited)
{
	struct ukevent ev;
	int status;
	pid_t pid;

	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGUSR2 |
					 KEVENT_SIGNAL_NOMASK,
					 KEVENT_SIGNAL_DELIVERY, 0)), 0);
	pid = fork();
	if (!pid) {
		raise(SIGUSR2);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
}

DEFECT(files_could_not_be_watched)
{
	char dir[] = "/tmp/kevent.XXXXXX", path[64];
	struct ukevent ev;
	int fd, file;

	ASSERT_NE(mkdtemp(dir), NULL);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(add(self->kq, interest(KEVENT_INODE, fd,
					 KEVENT_INODE_CREATE |
					 KEVENT_INODE_REMOVE, 0)), 0);
	snprintf(path, sizeof(path), "%s/new", dir);
	file = open(path, O_CREAT | O_WRONLY, 0600);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_INODE_CREATE);
	unlink(path);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_INODE_REMOVE);
	close(file);
	close(fd);
	rmdir(dir);
}

/* === Inside ============================================================== */

/*
 * The check at MODIFY and ADD called ->poll() with interrupts off. A queue's
 * ->poll() sleeps, which a kernel with debugging says when it may not.
 */
DEFECT(poll_was_called_in_atomic_context)
{
	struct ukevent ev, it;
	int inner = kevent_init(NULL, 0, 0);
	int i;

	ASSERT_EQ(add_fd(inner, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV, 0),
		  0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	it = interest(KEVENT_POLL, inner, KEVENT_POLL_POLLIN,
		      KEVENT_REQ_ALWAYS_QUEUE);
	ASSERT_EQ(add(self->kq, it), 0);
	for (i = 0; i < 10; i++) {
		it.req_flags = i & 1 ? KEVENT_REQ_ET : KEVENT_REQ_LAST_CHECK;
		EXPECT_EQ(change(self->kq, KEVENT_CTL_MODIFY, it), 0);
		EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 1, &it), 1);
		EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	}
	close(inner);
}

/* Oneshots left the list of their origin while others walked it. */
struct churn {
	int kq;
	int fd;
	pthread_t thread;
};

static void *churn_run(void *arg)
{
	struct churn *c = arg;
	struct ukevent it = interest(KEVENT_SOCKET, c->fd, KEVENT_SOCKET_RECV,
				     KEVENT_REQ_ONESHOT |
				     KEVENT_REQ_ALWAYS_QUEUE);
	struct ukevent ev[4];
	int i;

	for (i = 0; i < 1500; i++) {
		add(c->kq, it);
		if (i % 3 == 0)
			change(c->kq, KEVENT_CTL_MODIFY, it);
		if (i % 5 == 0)
			change(c->kq, KEVENT_CTL_REMOVE, it);
		get(c->kq, ev, 4, 0);
	}
	return NULL;
}

DEFECT(lists_of_an_origin_were_changed_without_a_lock)
{
	struct churn c[4] = { 0 };
	struct ukevent ev[4];
	char buf[64];
	int i;

	for (i = 0; i < 4; i++) {
		c[i].kq = i < 2 ? self->kq : self->rq;
		c[i].fd = self->s[0];
		ASSERT_EQ(pthread_create(&c[i].thread, NULL, churn_run, &c[i]),
			  0);
	}
	for (i = 0; i < 3000; i++) {
		if (write(self->s[1], "x", 1) == 1 && i & 1)
			ASSERT_GE(read(self->s[0], buf, sizeof(buf)), 1);
	}
	for (i = 0; i < 4; i++)
		pthread_join(c[i].thread, NULL);
	/* Of both, or the other one has its turn. */
	for (i = 0; i < 4; i++)
		change(c[i].kq, KEVENT_CTL_REMOVE,
		       interest(KEVENT_SOCKET, self->s[0], 0, 0));
	while (get(self->kq, ev, 4, 0) > 0)
		;
	while (read(self->s[0], buf, sizeof(buf)) > 0)
		;
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, self->s[0],
			 KEVENT_SOCKET_RECV, 0), 0);
	EXPECT_EQ(get(self->kq, ev, 4, 0), 0);
	ASSERT_EQ(write(self->s[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, ev, 4, 0), 1);
}

/* The tree was walked while its nodes were freed. */
DEFECT(release_walked_what_it_freed)
{
	enum { N = 3000 };
	struct ukevent *ev = calloc(N, sizeof(*ev));
	int i, round, kq;

	for (round = 0; round < 3; round++) {
		kq = kevent_init(NULL, 0, 0);
		for (i = 0; i < N; i++) {
			ev[i] = interest(KEVENT_USER, i * 7919 % N, 0,
					 i & 1 ? KEVENT_REQ_READY : 0);
			if (i % 3 == 0) {
				ev[i] = interest(KEVENT_POLL, self->p[0],
						 KEVENT_POLL_POLLIN,
						 KEVENT_REQ_COOKIE);
				ev[i].cookie = i;
			}
		}
		EXPECT_EQ(kevent_ctl(kq, KEVENT_CTL_ADD, N, ev), 0);
		close(kq);
		ASSERT_EQ(write(self->p[1], "x", 1), 1);
		ASSERT_EQ(read(self->p[0], ev, 1), 1);
	}
	free(ev);
}

/* Who waits held what who adds wanted. */
DEFECT(a_wait_blocked_ctl)
{
	int i;

	wait_get(_metadata, &self->w[0], self->kq);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(add(self->kq, interest(KEVENT_USER, i, 0, 0)), 0);
		EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE,
				 interest(KEVENT_USER, i, 0, 0)), 0);
	}
	EXPECT_EQ(waiter_wakes(&self->w[0]), 0);
	waiters_end(self->w, 1);
}

/* An event says where things are as numbers that the program chose. */
DEFECT(results_told_kernel_memory)
{
	struct ukevent ev = {
		.type = KEVENT_USER,
		.id.raw_u64 = 5,
		.cookie = 6,
		.req_flags = KEVENT_REQ_READY,
	};
	int i;

	ASSERT_EQ(add(self->rq, ev), 0);
	memset(&ev, 0xa5, sizeof(ev));
	ASSERT_EQ(get(self->rq, &ev, 1, 0), 1);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(ev.id.raw_u64, 5);
		EXPECT_EQ(ev.cookie, 6);
		EXPECT_EQ(ev.event, 0);
		EXPECT_EQ(ev.req_flags, KEVENT_REQ_READY);
		EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
		EXPECT_LE(ev.ret_data[0], 1);
		EXPECT_EQ(ev.ret_data[1], 0);
		ev = self->ring->event[0];
	}
}

TEST_HARNESS_MAIN
