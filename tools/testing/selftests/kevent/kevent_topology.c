// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: wake-ups of threads, queues and what they watch, in many arrangements.
 *
 * Each is drawn above its test. From top to bottom: threads (t), epolls (ep),
 * queues (kq, or a, b; m with a mapped ring, r with a ring of the program's), and
 * sources (s). Each test runs with several kinds of sources, in level, edge and
 * oneshot mode, as its variant says; "mode" stands for that. The numbers of
 * threads that wake, and of events that each call returns, are exact: who was
 * not to be woken did not wake.
 */

#define _GNU_SOURCE
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "kevent_waiter.h"

#define NR_SOURCES	3
#define NR_WAITERS	8

enum mode { LEVEL, EDGE, ONESHOT };

static const unsigned int mode_flags[] = {
	[LEVEL]		= 0,
	[EDGE]		= KEVENT_REQ_ET,
	[ONESHOT]	= KEVENT_REQ_ONESHOT,
};

/* Descriptors: [0] is watched and read, [1] is written. */
struct source {
	int fd[2];
};

static int source_open(struct source *s, unsigned int type)
{
	if (type == KEVENT_SOCKET)
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				  s->fd);
	return pipe2(s->fd, O_NONBLOCK);
}

static void source_close(struct source *s)
{
	close(s->fd[0]);
	close(s->fd[1]);
}

static int fire(struct source *s)
{
	return write(s->fd[1], "x", 1) == 1;
}

static void empty(struct source *s)
{
	char buf[64];

	while (read(s->fd[0], buf, sizeof(buf)) > 0)
		;
}

static int unread(struct source *s)
{
	int nr = -1;

	ioctl(s->fd[0], FIONREAD, &nr);
	return nr;
}

FIXTURE(flat)
{
	struct source s[NR_SOURCES];
	struct waiter w[NR_WAITERS];
	int order;
	int kq;
};

FIXTURE_VARIANT(flat)
{
	unsigned int type;
	enum mode mode;
};

FIXTURE_VARIANT_ADD(flat, pipe_level)
{
	.type = KEVENT_PIPE,
	.mode = LEVEL,
};

FIXTURE_VARIANT_ADD(flat, pipe_edge)
{
	.type = KEVENT_PIPE,
	.mode = EDGE,
};

FIXTURE_VARIANT_ADD(flat, pipe_oneshot)
{
	.type = KEVENT_PIPE,
	.mode = ONESHOT,
};

FIXTURE_VARIANT_ADD(flat, socket_level)
{
	.type = KEVENT_SOCKET,
	.mode = LEVEL,
};

FIXTURE_VARIANT_ADD(flat, socket_edge)
{
	.type = KEVENT_SOCKET,
	.mode = EDGE,
};

FIXTURE_VARIANT_ADD(flat, socket_oneshot)
{
	.type = KEVENT_SOCKET,
	.mode = ONESHOT,
};

FIXTURE_VARIANT_ADD(flat, poll_level)
{
	.type = KEVENT_POLL,
	.mode = LEVEL,
};

FIXTURE_VARIANT_ADD(flat, poll_edge)
{
	.type = KEVENT_POLL,
	.mode = EDGE,
};

FIXTURE_SETUP(flat)
{
	int i;

	memset(self, 0, sizeof(*self));
	self->kq = kevent_init(NULL, 0, 0);
	ASSERT_GE(self->kq, 0);
	for (i = 0; i < NR_SOURCES; i++)
		ASSERT_EQ(source_open(&self->s[i], variant->type), 0);
}

FIXTURE_TEARDOWN(flat)
{
	int i;

	for (i = 0; i < NR_SOURCES; i++)
		source_close(&self->s[i]);
	close(self->kq);
}

static int watch_as(int kq, const FIXTURE_VARIANT(flat) *variant,
		    struct source *s, unsigned int more)
{
	/* RECV and POLLIN are the same bit. */
	return add_fd(kq, variant->type, s->fd[0], KEVENT_SOCKET_RECV,
		      mode_flags[variant->mode] | more);
}

static void start(struct __test_metadata *_metadata, struct waiter *w,
		  enum wait_how how, int fd, int rounds, int drain)
{
	w->how = how;
	w->fd = fd;
	w->rounds = rounds;
	w->drain = drain;
	ASSERT_EQ(waiter_start(w), 0);
}

/* === One queue =========================================================== */

/*
 *	t0
 *	|
 *	kq
 *	| mode
 *	s0
 */
TEST_F(flat, one_thread_one_source)
{
	struct ukevent ev[4];

	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	EXPECT_EQ(get(self->kq, ev, 4, 0), 0);
	ASSERT_TRUE(fire(&self->s[0]));
	EXPECT_EQ(get(self->kq, ev, 4, LONG_MS), 1);
	EXPECT_EQ(ev[0].id.raw[0], self->s[0].fd[0]);
	EXPECT_EQ(get(self->kq, ev, 4, 0), variant->mode == LEVEL);
	empty(&self->s[0]);
	EXPECT_EQ(get(self->kq, ev, 4, 0), 0);
	ASSERT_TRUE(fire(&self->s[0]));
	EXPECT_EQ(get(self->kq, ev, 4, 0), variant->mode != ONESHOT);
}

/*
 *	   t0
 *	   |
 *	   kq
 *	  /  \  mode
 *	s0    s1
 */
TEST_F(flat, one_thread_two_sources)
{
	struct ukevent ev[4];
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(watch_as(self->kq, variant, &self->s[i], 0), 0);
		ASSERT_TRUE(fire(&self->s[i]));
	}
	EXPECT_EQ(get(self->kq, ev, 4, LONG_MS), 2);
	EXPECT_EQ(ev[0].id.raw[0], self->s[0].fd[0]);
	EXPECT_EQ(ev[1].id.raw[0], self->s[1].fd[0]);
	EXPECT_EQ(get(self->kq, ev, 4, 0), variant->mode == LEVEL ? 2 : 0);
	empty(&self->s[0]);
	EXPECT_EQ(get(self->kq, ev, 4, 0), variant->mode == LEVEL);
	if (variant->mode == LEVEL)
		EXPECT_EQ(ev[0].id.raw[0], self->s[1].fd[0]);
}

/*
 *	   t0            one event for each call: in the order in which they
 *	   |             happened, none before all others had their turn
 *	   kq
 *	 / | \  mode
 *	s0 s1 s2
 */
TEST_F(flat, one_event_at_a_time_in_turn)
{
	struct ukevent ev;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(watch_as(self->kq, variant, &self->s[i], 0), 0);
	for (i = 2; i >= 0; i--)
		ASSERT_TRUE(fire(&self->s[i]));
	for (i = 2; i >= 0; i--) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_EQ(ev.id.raw[0], self->s[i].fd[0]);
	}
	for (i = 2; i >= 0 && variant->mode == LEVEL; i--) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_EQ(ev.id.raw[0], self->s[i].fd[0]);
	}
	if (variant->mode != LEVEL)
		EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
}

/*
 *	   t0               not all sources are in the same mode
 *	   |
 *	   kq
 *	 / | \  level, edge, oneshot
 *	s0 s1 s2
 */
TEST_F(flat, modes_do_not_mix)
{
	struct ukevent ev[4];
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(add_fd(self->kq, variant->type, self->s[i].fd[0],
				 KEVENT_SOCKET_RECV, mode_flags[i]), 0);
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(fire(&self->s[i]));
	EXPECT_EQ(get(self->kq, ev, 4, LONG_MS), 3);
	EXPECT_EQ(get(self->kq, ev, 4, 0), 1);
	EXPECT_EQ(ev[0].id.raw[0], self->s[LEVEL].fd[0]);
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(fire(&self->s[i]));
	EXPECT_EQ(get(self->kq, ev, 4, LONG_MS), 2);
	empty(&self->s[LEVEL]);
	EXPECT_EQ(get(self->kq, ev, 4, 0), 0);
}

/*
 *	t0  t1  t2  t3
 *	  \  \  /  /
 *	     kq
 *	     | mode
 *	     s0
 */
TEST_F(flat, one_event_wakes_one_thread)
{
	int i;

	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	for (i = 0; i < 4; i++)
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 1, 0);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 4);
	EXPECT_EQ(self->w[0].calls, 1);
	for (i = 1; i < 4; i++)
		EXPECT_EQ(waiter_wakes(&self->w[i]), 0);
	EXPECT_EQ(waiters_events(self->w, 4), 1);
	waiters_end(self->w, 4);
}

/*
 *	t0  t1       t0 took the event, emptied the source and does not come
 *	  \  /       back for long: what happens next is t1's
 *	   kq
 *	   | mode
 *	   s0
 */
TEST_F(flat, the_next_event_wakes_the_next_thread)
{
	int i;

	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	for (i = 0; i < 2; i++)
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 1, 1);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 2);
	EXPECT_EQ(self->w[0].calls, 1);
	EXPECT_EQ(waiter_wakes(&self->w[1]), 0);
	if (variant->mode == ONESHOT)
		ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 2);
	EXPECT_EQ(self->w[1].calls, 1);
	EXPECT_EQ(unread(&self->s[0]), 0);
	waiters_end(self->w, 2);
}

/*
 *	t0  t1       the same, but t0 has read nothing yet
 *	  \  /
 *	   kq
 *	   | mode
 *	   s0
 */
TEST_F(flat, more_of_the_same_wakes_the_next_thread)
{
	int i;

	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	for (i = 0; i < 2; i++)
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 1, 0);
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(fire(&self->s[0]));
		if (i && variant->mode == ONESHOT)
			ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0),
				  0);
		settle(self->w, 2);
		EXPECT_EQ(waiters_calls(self->w, 2), i + 1);
	}
	waiters_end(self->w, 2);
}

/*
 *	t0  t1  t2  t3      levels happen in one call, which lets nobody take
 *	  \  \  /  /        the first before the second is there: one that came
 *	     kq             back meanwhile would be t1's as well
 *	    /  \  mode
 *	   s0   s1
 */
TEST_F(flat, two_events_wake_two_threads)
{
	struct ukevent both[2];
	int i;

	for (i = 0; i < 2; i++)
		both[i] = interest(variant->type, self->s[i].fd[0],
				   KEVENT_SOCKET_RECV,
				   mode_flags[variant->mode] |
				   KEVENT_REQ_ALWAYS_QUEUE);
	if (variant->mode != LEVEL)
		ASSERT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, 2, both), 0);
	for (i = 0; i < 4; i++)
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 1, 0);
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(fire(&self->s[i]));
	if (variant->mode == LEVEL)
		ASSERT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, 2, both), 0);
	settle(self->w, 4);
	EXPECT_EQ(self->w[0].calls, 1);
	EXPECT_EQ(self->w[1].calls, 1);
	EXPECT_NE(self->w[0].got[0].id.raw_u64, self->w[1].got[0].id.raw_u64);
	for (i = 2; i < 4; i++)
		EXPECT_EQ(waiter_wakes(&self->w[i]), 0);
	waiters_end(self->w, 4);
}

/*
 *	t0  t1          each has room for all of it, and drains what it has:
 *	  \  /          nothing is told twice, whoever was faster
 *	   kq
 *	 / | \  mode
 *	s0 s1 s2
 */
TEST_F(flat, big_arrays_share_what_there_is)
{
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(watch_as(self->kq, variant, &self->s[i], 0), 0);
	for (i = 0; i < 2; i++) {
		self->w[i].max = 8;
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 100, 1);
	}
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(fire(&self->s[i]));
	settle(self->w, 2);
	if (variant->mode != LEVEL)
		EXPECT_EQ(waiters_events(self->w, 2), 3);
	EXPECT_GE(waiters_events(self->w, 2), 3);
	EXPECT_EQ(waiters_bytes(self->w, 2), 3);
	waiters_end(self->w, 2);
}

/*
 *	t0 t1 t2 t3       first come, first served, and then to the end of the
 *	  \  \ /  /       line
 *	     kq
 *	     | mode
 *	     s0
 */
TEST_F(flat, first_come_first_served)
{
	int i, round;

	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	for (i = 0; i < 4; i++) {
		self->w[i].order = &self->order;
		self->w[i].rearm = variant->mode == ONESHOT;
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 100, 1);
	}
	for (round = 0; round < 12; round++) {
		ASSERT_TRUE(fire(&self->s[0]));
		settle(self->w, 4);
		EXPECT_EQ(self->w[round % 4].turn, round + 1);
		EXPECT_EQ(waiters_calls(self->w, 4), round + 1);
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ(waiter_wakes(&self->w[i]), 3);
	EXPECT_EQ(waiters_bytes(self->w, 4), 12);
	waiters_end(self->w, 4);
}

/*
 *	t0 x  t2 t3       t1 leaves because of a signal: the others keep their
 *	  \  \ /  /       places
 *	     kq
 *	     | mode
 *	     s0
 */
TEST_F(flat, who_leaves_does_not_disturb_the_line)
{
	static const int line[] = { 0, 2, 3 };
	int i;

	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	for (i = 0; i < 4; i++) {
		self->w[i].order = &self->order;
		self->w[i].rearm = variant->mode == ONESHOT;
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 100, 1);
	}
	pthread_kill(self->w[1].thread, SIGUSR1);
	settle(self->w, 4);
	EXPECT_EQ(self->w[1].err, -EINTR);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(waiter_wakes(&self->w[line[i]]), 0);
		ASSERT_TRUE(fire(&self->s[0]));
		settle(self->w, 4);
		EXPECT_EQ(self->w[line[i]].turn, i + 1);
	}
	waiters_end(self->w, 4);
}

/*
 *	t0 (2) t1 (1)     t0 wants two events, t1 is content with one, and has
 *	     \ /          it though t0 came first
 *	     kq
 *	    /  \  mode
 *	   s0   s1
 */
TEST_F(flat, who_wants_more_does_not_hold_up_others)
{
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(watch_as(self->kq, variant, &self->s[i], 0), 0);
	self->w[0].min = 2;
	self->w[0].max = 2;
	for (i = 0; i < 2; i++)
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 1, 1);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 2);
	EXPECT_EQ(self->w[0].calls, 0);
	EXPECT_EQ(self->w[1].calls, 1);
	if (variant->mode == ONESHOT)
		ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(fire(&self->s[i]));
	settle(self->w, 2);
	EXPECT_EQ(self->w[0].calls, 1);
	EXPECT_EQ(self->w[0].nr, 2);
	waiters_end(self->w, 2);
}

/*
 *	t0  t1       t0 is woken, and has given memory that is not there: the
 *	  \  /       event stays, and is t1's
 *	   kq
 *	   | mode
 *	   s0
 */
TEST_F(flat, who_cannot_take_it_leaves_it_to_the_next)
{
	int i;

	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	self->w[0].buf = (void *)8;
	for (i = 0; i < 2; i++)
		start(_metadata, &self->w[i], WAIT_GET, self->kq, 1, 1);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 2);
	EXPECT_EQ(self->w[0].err, -EFAULT);
	EXPECT_EQ(self->w[1].calls, 1);
	EXPECT_EQ(unread(&self->s[0]), 0);
	waiters_end(self->w, 2);
}

/*
 *	t0  t1  p0  e0      of the threads in the queue one has the event; a poll()
 *	  \  \  /   |       of the queue, and who watches the source with an
 *	     kq     ep      epoll, see it, too
 *	      \    /  mode
 *	        s0
 */
TEST_F(flat, pollers_and_others_see_it_too)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	ASSERT_GE(ep, 0);
	ASSERT_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, self->s[0].fd[0], &e), 0);
	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	start(_metadata, &self->w[0], WAIT_GET, self->kq, 1, 0);
	start(_metadata, &self->w[1], WAIT_GET, self->kq, 1, 0);
	start(_metadata, &self->w[2], WAIT_POLL, self->kq, 1, 0);
	start(_metadata, &self->w[3], WAIT_EPOLL, ep, 1, 0);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 4);
	EXPECT_EQ(self->w[0].calls, 1);
	EXPECT_EQ(waiter_wakes(&self->w[1]), 0);
	/* It may look when t0 already had it. */
	if (variant->mode == LEVEL)
		EXPECT_EQ(self->w[2].calls, 1);
	EXPECT_EQ(self->w[3].calls, 1);
	waiters_end(self->w, 4);
	close(ep);
}

/*
 *	process 0    process 1
 *	      \       /
 *	         kq
 *	         | mode
 *	         s0
 */
TEST_F(flat, one_event_wakes_one_process)
{
	struct waiter look[2] = { 0 };
	struct ukevent ev;
	int i, status;
	char path[64];
	pid_t pid[2], first;

	ASSERT_EQ(watch_as(self->kq, variant, &self->s[0], 0), 0);
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(kevent_get_events(self->kq, 1, 1, NULL, &ev, 0));
		snprintf(path, sizeof(path), "/proc/%d/syscall", pid[i]);
		look[i].syscall_fd = open(path, O_RDONLY);
		snprintf(path, sizeof(path), "/proc/%d/status", pid[i]);
		look[i].status_fd = open(path, O_RDONLY);
		look[i].sysnr = __NR_kevent_get_events;
		while (!waiter_sleeps(&look[i]))
			sched_yield();
	}
	ASSERT_TRUE(fire(&self->s[0]));
	first = waitpid(-1, &status, 0);
	EXPECT_EQ(first, pid[0]);
	EXPECT_EQ(WEXITSTATUS(status), 1);
	EXPECT_TRUE(waiter_sleeps(&look[1]));
	kill(pid[1], SIGKILL);
	EXPECT_EQ(waitpid(pid[1], &status, 0), pid[1]);
	for (i = 0; i < 2; i++) {
		close(look[i].syscall_fd);
		close(look[i].status_fd);
	}
}

/* === Several queues ====================================================== */

/*
 *	t0  t1  t2          each event is for one queue, in turn
 *	|   |   |
 *	a   b   c
 *	 \  |  /  mode
 *	   s0
 */
TEST_F(flat, queues_take_turns)
{
	int kq[3], i, round;

	for (i = 0; i < 3; i++) {
		kq[i] = kevent_init(NULL, 0, 0);
		ASSERT_GE(kq[i], 0);
		ASSERT_EQ(watch_as(kq[i], variant, &self->s[0], 0), 0);
		self->w[i].rearm = variant->mode == ONESHOT;
		self->w[i].order = &self->order;
		start(_metadata, &self->w[i], WAIT_GET, kq[i], 100, 1);
	}
	for (round = 0; round < 9; round++) {
		ASSERT_TRUE(fire(&self->s[0]));
		settle(self->w, 3);
		EXPECT_EQ(self->w[round % 3].turn, round + 1);
		EXPECT_EQ(waiters_calls(self->w, 3), round + 1);
	}
	EXPECT_EQ(waiters_bytes(self->w, 3), 9);
	waiters_end(self->w, 3);
	for (i = 0; i < 3; i++)
		close(kq[i]);
}

/*
 *	t0  t1  t2          each event is for each queue
 *	|   |   |
 *	a   b   c
 *	 \  |  /  mode, WAKEUP_ALL
 *	   s0
 */
TEST_F(flat, wakeup_all_is_for_all_queues)
{
	int kq[3], i;

	for (i = 0; i < 3; i++) {
		kq[i] = kevent_init(NULL, 0, 0);
		ASSERT_GE(kq[i], 0);
		ASSERT_EQ(watch_as(kq[i], variant, &self->s[0],
				   KEVENT_REQ_WAKEUP_ALL), 0);
		start(_metadata, &self->w[i], WAIT_GET, kq[i], 1, 0);
	}
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 3);
	EXPECT_EQ(waiters_calls(self->w, 3), 3);
	EXPECT_EQ(waiters_events(self->w, 3), 3);
	waiters_end(self->w, 3);
	for (i = 0; i < 3; i++)
		close(kq[i]);
}

/*
 *	t0  t1  t2  t3      c and d ask for all: they get all; of a and b one
 *	|   |   |   |       gets it
 *	a   b   c   d
 *	 \  \  /   /  mode, c and d WAKEUP_ALL
 *	    s0
 */
TEST_F(flat, some_take_turns_and_some_want_all)
{
	int kq[4], i;

	for (i = 0; i < 4; i++) {
		kq[i] = kevent_init(NULL, 0, 0);
		ASSERT_GE(kq[i], 0);
		ASSERT_EQ(watch_as(kq[i], variant, &self->s[0],
				   i < 2 ? 0 : KEVENT_REQ_WAKEUP_ALL), 0);
		start(_metadata, &self->w[i], WAIT_GET, kq[i], 1, 0);
	}
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 4);
	EXPECT_EQ(self->w[0].calls, 1);
	EXPECT_EQ(waiter_wakes(&self->w[1]), 0);
	EXPECT_EQ(self->w[2].calls, 1);
	EXPECT_EQ(self->w[3].calls, 1);
	waiters_end(self->w, 4);
	for (i = 0; i < 4; i++)
		close(kq[i]);
}

/*
 *	t0 t1  t2 t3        the event is for one queue, and there for the one
 *	  \/    \/          that came first
 *	   a    b
 *	    \  /  mode
 *	     s0
 */
TEST_F(flat, threads_of_queues_take_turns)
{
	static const int line[] = { 0, 2, 1, 3 };
	int kq[2], i;

	for (i = 0; i < 4; i++) {
		if (!(i % 2)) {
			kq[i / 2] = kevent_init(NULL, 0, 0);
			ASSERT_GE(kq[i / 2], 0);
			ASSERT_EQ(watch_as(kq[i / 2], variant, &self->s[0], 0),
				  0);
		}
		self->w[i].rearm = variant->mode == ONESHOT;
		start(_metadata, &self->w[i], WAIT_GET, kq[i / 2], 1, 1);
	}
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(fire(&self->s[0]));
		settle(self->w, 4);
		EXPECT_EQ(self->w[line[i]].calls, 1);
		EXPECT_EQ(waiters_calls(self->w, 4), i + 1);
	}
	EXPECT_EQ(unread(&self->s[0]), 0);
	waiters_end(self->w, 4);
	for (i = 0; i < 2; i++)
		close(kq[i]);
}

/*
 *	t0  t1  t2          queues of all kinds take turns
 *	|   |   |
 *	kq  m   r
 *	 \  |  /  mode
 *	   s0
 */
TEST_F(flat, queues_of_all_kinds_take_turns)
{
	static const enum wait_how how[] = { WAIT_GET, WAIT_MAP, WAIT_RING };
	struct kevent_ring *ring = calloc(1, 4096);
	struct map map = { 0 };
	int i, kq[3];

	kq[0] = kevent_init(NULL, 0, 0);
	ASSERT_EQ(map_open(&map, 8), 0);
	kq[1] = map.fd;
	kq[2] = kevent_init(ring, 8, 0);
	ASSERT_GE(kq[2], 0);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(watch_as(kq[i], variant, &self->s[0], 0), 0);
		self->w[i].map = &map;
		start(_metadata, &self->w[i], how[i], kq[i], 1, 0);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(fire(&self->s[0]));
		settle(self->w, 3);
		EXPECT_EQ(self->w[i].calls, 1);
		EXPECT_EQ(waiters_calls(self->w, 3), i + 1);
	}
	EXPECT_EQ(ring->ring_kidx, 1);
	waiters_end(self->w, 3);
	map_close(&map);
	close(kq[0]);
	close(kq[2]);
	free(ring);
}

/*
 * Queues take turns, whatever it is that they watch. "write" makes news there.
 */
static void turns(struct __test_metadata *_metadata, unsigned int type, int fd,
		  int write_fd, int inner)
{
	struct waiter w[3] = { 0 };
	uint64_t one = 1;
	struct ukevent ev;
	int i, kq[3], order = 0, round;

	for (i = 0; i < 3; i++) {
		kq[i] = kevent_init(NULL, 0, 0);
		ASSERT_GE(kq[i], 0);
		ASSERT_EQ(add_fd(kq[i], type, fd, KEVENT_POLL_POLLIN,
				 KEVENT_REQ_ET), 0);
		w[i].order = &order;
		start(_metadata, &w[i], WAIT_GET, kq[i], 100, 0);
	}
	for (round = 0; round < 9; round++) {
		ASSERT_EQ(write(write_fd, &one, sizeof(one)), sizeof(one));
		settle(w, 3);
		EXPECT_EQ(w[round % 3].turn, round + 1);
		EXPECT_EQ(waiters_calls(w, 3), round + 1);
		if (inner >= 0)
			EXPECT_EQ(get(inner, &ev, 1, 0), 1);
	}
	waiters_end(w, 3);
	for (i = 0; i < 3; i++)
		close(kq[i]);
}

/*
 *	t0  t1  t2
 *	|   |   |
 *	a   b   c
 *	 \  |  /  edge
 *	  eventfd
 */
TEST(queues_take_turns_at_an_eventfd)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	ASSERT_GE(fd, 0);
	turns(_metadata, KEVENT_POLL, fd, fd, -1);
	close(fd);
}

/*
 *	t0  t1  t2
 *	|   |   |
 *	a   b   c
 *	 \  |  /  edge
 *	   kq
 *	   | edge
 *	   s0
 */
TEST(queues_take_turns_at_a_queue)
{
	int kq = kevent_init(NULL, 0, 0);
	struct source s;

	ASSERT_GE(kq, 0);
	ASSERT_EQ(source_open(&s, KEVENT_SOCKET), 0);
	ASSERT_EQ(add_fd(kq, KEVENT_SOCKET, s.fd[0], KEVENT_SOCKET_RECV,
			 KEVENT_REQ_ET), 0);
	turns(_metadata, KEVENT_POLL, kq, s.fd[1], kq);
	close(kq);
	source_close(&s);
}

/* === Mapped ring ========================================================= */

/*
 *	t0  t1  t2  t3
 *	  \  \  /  /
 *	     m
 *	     | mode
 *	     s0
 */
TEST_F(flat, one_slot_wakes_one_thread)
{
	struct map map = { 0 };
	int i, round;

	ASSERT_EQ(map_open(&map, 8), 0);
	ASSERT_EQ(watch_as(map.fd, variant, &self->s[0], 0), 0);
	for (i = 0; i < 4; i++) {
		self->w[i].map = &map;
		start(_metadata, &self->w[i], WAIT_MAP, map.fd, 1, 1);
	}
	for (round = 0; round < 4; round++) {
		ASSERT_TRUE(fire(&self->s[0]));
		settle(self->w, 4);
		EXPECT_EQ(self->w[round].calls, 1);
		for (i = round + 1; i < 4; i++)
			EXPECT_EQ(waiter_wakes(&self->w[i]), 0);
		if (variant->mode == ONESHOT)
			ASSERT_EQ(watch_as(map.fd, variant, &self->s[0], 0), 0);
	}
	EXPECT_EQ(waiters_events(self->w, 4), 4);
	EXPECT_EQ(waiters_bytes(self->w, 4), 4);
	waiters_end(self->w, 4);
	map_close(&map);
}

/*
 *	t0  t1  t2  t3
 *	  \  \  /  /
 *	      m
 *	    /  \  mode
 *	   s0   s1
 */
TEST_F(flat, two_slots_wake_two_threads)
{
	struct map map = { 0 };
	int i;

	ASSERT_EQ(map_open(&map, 8), 0);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(watch_as(map.fd, variant, &self->s[i], 0), 0);
	for (i = 0; i < 4; i++) {
		self->w[i].map = &map;
		start(_metadata, &self->w[i], WAIT_MAP, map.fd, 1, 1);
	}
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(fire(&self->s[i]));
	settle(self->w, 4);
	EXPECT_EQ(self->w[0].calls, 1);
	EXPECT_EQ(self->w[1].calls, 1);
	EXPECT_NE(self->w[0].got[0].id.raw_u64, self->w[1].got[0].id.raw_u64);
	for (i = 2; i < 4; i++)
		EXPECT_EQ(waiter_wakes(&self->w[i]), 0);
	waiters_end(self->w, 4);
	map_close(&map);
}

/*
 *	t0  t1  t2          each event is for one ring, in turn
 *	|   |   |
 *	m0  m1  m2
 *	 \  |  /  mode
 *	   s0
 */
TEST_F(flat, rings_take_turns)
{
	struct map map[3] = { 0 };
	int i, round;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(map_open(&map[i], 8), 0);
		ASSERT_EQ(watch_as(map[i].fd, variant, &self->s[0], 0), 0);
		self->w[i].map = &map[i];
		self->w[i].rearm = variant->mode == ONESHOT;
		start(_metadata, &self->w[i], WAIT_MAP, map[i].fd, 100, 1);
	}
	for (round = 0; round < 9; round++) {
		ASSERT_TRUE(fire(&self->s[0]));
		settle(self->w, 3);
		EXPECT_EQ(self->w[round % 3].calls, round / 3 + 1);
		EXPECT_EQ(waiters_calls(self->w, 3), round + 1);
	}
	EXPECT_EQ(waiters_bytes(self->w, 3), 9);
	waiters_end(self->w, 3);
	for (i = 0; i < 3; i++)
		map_close(&map[i]);
}

/* === The program's own ring ============================================== */

/*
 *	t0  t1  t2  t3
 *	  \  \  /  /
 *	     r
 *	     | mode
 *	     s0
 */
TEST_F(flat, one_event_in_the_ring_wakes_one_thread)
{
	struct kevent_ring *ring = calloc(1, 4096);
	int i, kq = kevent_init(ring, 8, 0);

	ASSERT_GE(kq, 0);
	ASSERT_EQ(watch_as(kq, variant, &self->s[0], 0), 0);
	for (i = 0; i < 4; i++)
		start(_metadata, &self->w[i], WAIT_RING, kq, 1, 0);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 4);
	EXPECT_EQ(self->w[0].calls, 1);
	EXPECT_EQ(ring->ring_kidx, 1);
	EXPECT_EQ(ring->event[0].id.raw[0], self->s[0].fd[0]);
	for (i = 1; i < 4; i++)
		EXPECT_EQ(waiter_wakes(&self->w[i]), 0);
	waiters_end(self->w, 4);
	close(kq);
	free(ring);
}

/* === Many events ========================================================= */

#define NR_FLOW_SOURCES		8
#define NR_FLOW_EVENTS		2000

struct flow {
	struct source s[NR_FLOW_SOURCES];
	long written;
};

static void *flow_produce(void *arg)
{
	struct flow *flow = arg;
	int i;

	for (i = 0; i < NR_FLOW_EVENTS; i++)
		if (fire(&flow->s[i * 7 % NR_FLOW_SOURCES]))
			__atomic_add_fetch(&flow->written, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void flow_open(struct __test_metadata *_metadata, struct flow *flow,
		      unsigned int type)
{
	int i;

	memset(flow, 0, sizeof(*flow));
	for (i = 0; i < NR_FLOW_SOURCES; i++)
		ASSERT_EQ(source_open(&flow->s[i], type), 0);
}

/*
 * Two threads write at once, and when they are done and everybody sleeps again
 * there is nothing unread, nor an event that nobody looks at.
 */
static void flow_run(struct __test_metadata *_metadata, struct flow *flow,
		     struct waiter *w, int nr, int storm)
{
	struct ukevent ev;
	pthread_t t[2];
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, flow_produce, flow), 0);
	/* Signals take waiters out of the line while they are being woken. */
	for (i = 0; i < storm; i++)
		pthread_kill(w[i % nr].thread, SIGUSR1);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	settle(w, nr);
	EXPECT_EQ(waiters_bytes(w, nr), flow->written);
	for (i = 0; i < NR_FLOW_SOURCES; i++)
		EXPECT_EQ(unread(&flow->s[i]), 0);
	waiters_end(w, nr);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(get(w[i].fd, &ev, 1, 0), 0);
	for (i = 0; i < NR_FLOW_SOURCES; i++)
		source_close(&flow->s[i]);
}

/*
 *	p0 p1 -> s0 ... s7 -> mode kq -> t0 t1 t2 t3
 */
TEST_F(flat, nothing_is_lost_on_the_way_to_one_queue)
{
	struct flow flow;
	int i;

	flow_open(_metadata, &flow, variant->type);
	for (i = 0; i < NR_FLOW_SOURCES; i++)
		ASSERT_EQ(watch_as(self->kq, variant, &flow.s[i], 0), 0);
	for (i = 0; i < 4; i++) {
		self->w[i].rearm = variant->mode == ONESHOT;
		self->w[i].max = 1 + i;
		start(_metadata, &self->w[i], WAIT_GET, self->kq, INT_MAX, 1);
	}
	flow_run(_metadata, &flow, self->w, 4, 0);
}

/*
 *	p0 p1 -> s0 ... s7 -> mode kq -> t0 t1 t2 t3 <- signals
 */
TEST_F(flat, nothing_is_lost_when_signals_interfere)
{
	struct flow flow;
	int i;

	flow_open(_metadata, &flow, variant->type);
	for (i = 0; i < NR_FLOW_SOURCES; i++)
		ASSERT_EQ(watch_as(self->kq, variant, &flow.s[i], 0), 0);
	for (i = 0; i < 4; i++) {
		self->w[i].rearm = variant->mode == ONESHOT;
		self->w[i].again = 1;
		start(_metadata, &self->w[i], WAIT_GET, self->kq, INT_MAX, 1);
	}
	flow_run(_metadata, &flow, self->w, 4, 1000);
}

/*
 *	                             a -> t0 t1
 *	p0 p1 -> s0 ... s7 -> mode <
 *	                             b -> t2 t3
 */
TEST_F(flat, nothing_is_lost_between_queues)
{
	struct flow flow;
	int i, j, kq[2];

	flow_open(_metadata, &flow, variant->type);
	for (j = 0; j < 2; j++) {
		kq[j] = kevent_init(NULL, 0, 0);
		ASSERT_GE(kq[j], 0);
		for (i = 0; i < NR_FLOW_SOURCES; i++)
			ASSERT_EQ(watch_as(kq[j], variant, &flow.s[i], 0), 0);
	}
	for (i = 0; i < 4; i++) {
		self->w[i].rearm = variant->mode == ONESHOT;
		start(_metadata, &self->w[i], WAIT_GET, kq[i / 2], INT_MAX, 1);
	}
	flow_run(_metadata, &flow, self->w, 4, 0);
	for (j = 0; j < 2; j++)
		close(kq[j]);
}

/*
 *	p0 p1 -> s0 ... s7 -> mode m -> t0 t1 t2 t3     with four slots
 */
TEST_F(flat, nothing_is_lost_in_a_small_ring)
{
	struct map map = { 0 };
	struct flow flow;
	int i;

	flow_open(_metadata, &flow, variant->type);
	ASSERT_EQ(map_open(&map, 4), 0);
	for (i = 0; i < NR_FLOW_SOURCES; i++)
		ASSERT_EQ(watch_as(map.fd, variant, &flow.s[i], 0), 0);
	for (i = 0; i < 4; i++) {
		self->w[i].rearm = variant->mode == ONESHOT;
		self->w[i].again = 1;
		self->w[i].map = &map;
		start(_metadata, &self->w[i], WAIT_MAP, map.fd, INT_MAX, 1);
	}
	flow_run(_metadata, &flow, self->w, 4, 200);
	map_close(&map);
}

/* === Queues in epolls, epolls and queues in queues ======================= */

enum outer { EPOLL_QUEUE, QUEUE_QUEUE, QUEUE_MAP };

FIXTURE(nest)
{
	struct source s[2];
	struct waiter w[4];
	struct map map;
	int outer;
	int inner;
};

FIXTURE_VARIANT(nest)
{
	enum outer kind;
	enum mode outer;
	enum mode inner;
};

FIXTURE_VARIANT_ADD(nest, epoll_level_level)
{
	.kind = EPOLL_QUEUE,
	.outer = LEVEL,
	.inner = LEVEL,
};

FIXTURE_VARIANT_ADD(nest, epoll_level_edge)
{
	.kind = EPOLL_QUEUE,
	.outer = LEVEL,
	.inner = EDGE,
};

FIXTURE_VARIANT_ADD(nest, epoll_edge_level)
{
	.kind = EPOLL_QUEUE,
	.outer = EDGE,
	.inner = LEVEL,
};

FIXTURE_VARIANT_ADD(nest, epoll_edge_edge)
{
	.kind = EPOLL_QUEUE,
	.outer = EDGE,
	.inner = EDGE,
};

FIXTURE_VARIANT_ADD(nest, epoll_oneshot_level)
{
	.kind = EPOLL_QUEUE,
	.outer = ONESHOT,
	.inner = LEVEL,
};

FIXTURE_VARIANT_ADD(nest, epoll_oneshot_edge)
{
	.kind = EPOLL_QUEUE,
	.outer = ONESHOT,
	.inner = EDGE,
};

FIXTURE_VARIANT_ADD(nest, queue_level_level)
{
	.kind = QUEUE_QUEUE,
	.outer = LEVEL,
	.inner = LEVEL,
};

FIXTURE_VARIANT_ADD(nest, queue_level_edge)
{
	.kind = QUEUE_QUEUE,
	.outer = LEVEL,
	.inner = EDGE,
};

FIXTURE_VARIANT_ADD(nest, queue_edge_level)
{
	.kind = QUEUE_QUEUE,
	.outer = EDGE,
	.inner = LEVEL,
};

FIXTURE_VARIANT_ADD(nest, queue_edge_edge)
{
	.kind = QUEUE_QUEUE,
	.outer = EDGE,
	.inner = EDGE,
};

FIXTURE_VARIANT_ADD(nest, queue_oneshot_level)
{
	.kind = QUEUE_QUEUE,
	.outer = ONESHOT,
	.inner = LEVEL,
};

FIXTURE_VARIANT_ADD(nest, queue_oneshot_edge)
{
	.kind = QUEUE_QUEUE,
	.outer = ONESHOT,
	.inner = EDGE,
};

FIXTURE_VARIANT_ADD(nest, map_level_level)
{
	.kind = QUEUE_MAP,
	.outer = LEVEL,
	.inner = LEVEL,
};

FIXTURE_VARIANT_ADD(nest, map_level_edge)
{
	.kind = QUEUE_MAP,
	.outer = LEVEL,
	.inner = EDGE,
};

FIXTURE_VARIANT_ADD(nest, map_edge_level)
{
	.kind = QUEUE_MAP,
	.outer = EDGE,
	.inner = LEVEL,
};

FIXTURE_VARIANT_ADD(nest, map_edge_edge)
{
	.kind = QUEUE_MAP,
	.outer = EDGE,
	.inner = EDGE,
};

static int outer_open(enum outer kind)
{
	return kind == EPOLL_QUEUE ? epoll_create1(0) : kevent_init(NULL, 0, 0);
}

/* Let one watch another. */
static int outer_watch(const FIXTURE_VARIANT(nest) *variant, int outer,
		       int inner, unsigned int more)
{
	static const unsigned int flags[] = { 0, EPOLLET, EPOLLONESHOT };
	struct epoll_event e = {
		.events = EPOLLIN | flags[variant->outer],
		.data.fd = inner,
	};

	if (variant->kind == EPOLL_QUEUE)
		return epoll_ctl(outer, EPOLL_CTL_ADD, inner, &e);
	return add_fd(outer, KEVENT_POLL, inner, KEVENT_POLL_POLLIN,
		      mode_flags[variant->outer] | more);
}

static int outer_get(enum outer kind, int outer, long n)
{
	struct epoll_event e[4];
	struct ukevent ev[4];

	return kind == EPOLL_QUEUE ? epoll_wait(outer, e, 4, n) :
				     get(outer, ev, 4, n);
}

static enum wait_how outer_how(enum outer kind)
{
	return kind == EPOLL_QUEUE ? WAIT_EPOLL : WAIT_GET;
}

FIXTURE_SETUP(nest)
{
	int i;

	memset(self, 0, sizeof(*self));
	if (variant->kind == QUEUE_MAP) {
		ASSERT_EQ(map_open(&self->map, 8), 0);
		self->inner = self->map.fd;
	} else {
		self->inner = kevent_init(NULL, 0, 0);
	}
	self->outer = outer_open(variant->kind);
	ASSERT_GE(self->inner, 0);
	ASSERT_GE(self->outer, 0);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(source_open(&self->s[i], KEVENT_SOCKET), 0);
	ASSERT_EQ(add_fd(self->inner, KEVENT_SOCKET, self->s[0].fd[0],
			 KEVENT_SOCKET_RECV, mode_flags[variant->inner]), 0);
	ASSERT_EQ(outer_watch(variant, self->outer, self->inner, 0), 0);
}

FIXTURE_TEARDOWN(nest)
{
	close(self->outer);
	close(self->inner);
	source_close(&self->s[0]);
	source_close(&self->s[1]);
}

/*
 *	t0
 *	|
 *	ep or kq
 *	| mode
 *	kq or m
 *	| mode
 *	s0
 */
TEST_F(nest, one_thread)
{
	struct ukevent ev;
	int kind = variant->kind;

	EXPECT_EQ(outer_get(kind, self->outer, 0), 0);
	ASSERT_TRUE(fire(&self->s[0]));
	EXPECT_EQ(outer_get(kind, self->outer, LONG_MS), 1);
	EXPECT_EQ(outer_get(kind, self->outer, 0), variant->outer == LEVEL);
	ASSERT_EQ(get(self->inner, &ev, 1, 0), 1);
	EXPECT_EQ(ev.id.raw[0], self->s[0].fd[0]);
	/* The inner level still holds, the inner edge is over. */
	EXPECT_EQ(outer_get(kind, self->outer, 0), variant->outer == LEVEL &&
		  variant->inner == LEVEL);
	empty(&self->s[0]);
	/* A slot that was written stays, though what it tells is over. */
	if (kind == QUEUE_MAP && variant->outer == LEVEL &&
	    variant->inner == LEVEL)
		EXPECT_EQ(get(self->inner, &ev, 1, 0), 1);
	EXPECT_EQ(outer_get(kind, self->outer, 0), 0);
	EXPECT_EQ(get(self->inner, &ev, 1, 0), 0);
	ASSERT_TRUE(fire(&self->s[0]));
	EXPECT_EQ(outer_get(kind, self->outer, 0), variant->outer != ONESHOT);
	EXPECT_EQ(get(self->inner, &ev, 1, 0), 1);
}

/*
 *	t0   t1          a level wakes the next thread of an epoll when the
 *	 \   /           first one leaves with the event, as it always has; a
 *	ep or kq         queue wakes one
 *	   | mode
 *	kq or m
 *	   | mode
 *	   s0
 */
TEST_F(nest, two_threads)
{
	int i;

	for (i = 0; i < 2; i++)
		start(_metadata, &self->w[i], outer_how(variant->kind),
		      self->outer, 1, 0);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 2);
	EXPECT_EQ(waiters_calls(self->w, 2),
		  variant->kind == EPOLL_QUEUE && variant->outer == LEVEL ?
		  2 : 1);
	waiters_end(self->w, 2);
}

/*
 *	t0   t1
 *	|    |
 *	ep or kq, two of them, queues with WAKEUP_ALL
 *	 \   /  mode
 *	kq or m
 *	   | mode
 *	   s0
 */
TEST_F(nest, two_that_watch_one)
{
	int outer[2], i;

	for (i = 0; i < 2; i++) {
		outer[i] = outer_open(variant->kind);
		ASSERT_GE(outer[i], 0);
		ASSERT_EQ(outer_watch(variant, outer[i], self->inner,
				      KEVENT_REQ_WAKEUP_ALL), 0);
		start(_metadata, &self->w[i], outer_how(variant->kind),
		      outer[i], 1, 0);
	}
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 2);
	EXPECT_EQ(waiters_calls(self->w, 2), 2);
	waiters_end(self->w, 2);
	for (i = 0; i < 2; i++)
		close(outer[i]);
}

/*
 *	t0               t1 takes what the inner queue has, t0 is told that
 *	|                there is something as long as there is
 *	ep or kq   t1
 *	   | mode /
 *	kq or m
 *	   | mode
 *	   s0
 */
TEST_F(nest, one_inside_one_outside)
{
	start(_metadata, &self->w[0], outer_how(variant->kind), self->outer, 1,
	      0);
	self->w[1].map = &self->map;
	start(_metadata, &self->w[1], variant->kind == QUEUE_MAP ? WAIT_MAP :
	      WAIT_GET, self->inner, 1, 0);
	ASSERT_TRUE(fire(&self->s[0]));
	settle(self->w, 2);
	EXPECT_EQ(self->w[1].calls, 1);
	EXPECT_EQ(self->w[1].got[0].id.raw[0], self->s[0].fd[0]);
	if (variant->inner == LEVEL)
		EXPECT_EQ(self->w[0].calls, 1);
	waiters_end(self->w, 2);
}

/*
 *	     t0
 *	     |
 *	ep or kq
 *	  /     \  mode
 *	kq or m  kq
 *	|         | mode
 *	s0        s1
 */
TEST_F(nest, one_watches_two)
{
	int kind = variant->kind;
	int kq = kevent_init(NULL, 0, 0);

	ASSERT_GE(kq, 0);
	ASSERT_EQ(add_fd(kq, KEVENT_SOCKET, self->s[1].fd[0],
			 KEVENT_SOCKET_RECV, mode_flags[variant->inner]), 0);
	ASSERT_EQ(outer_watch(variant, self->outer, kq, 0), 0);
	ASSERT_TRUE(fire(&self->s[0]));
	ASSERT_TRUE(fire(&self->s[1]));
	EXPECT_EQ(outer_get(kind, self->outer, LONG_MS), 2);
	EXPECT_EQ(outer_get(kind, self->outer, 0),
		  variant->outer == LEVEL ? 2 : 0);
	close(kq);
}

/*
 *	      t0           what happens once is told once by each of those
 *	      |            that were told; of two queues that is one
 *	  ep or kq
 *	  /      \  mode
 *	kq or m   kq
 *	  \      /  mode
 *	     s0
 */
TEST_F(nest, diamond)
{
	int kind = variant->kind;
	int kq = kevent_init(NULL, 0, 0);

	ASSERT_GE(kq, 0);
	ASSERT_EQ(add_fd(kq, KEVENT_SOCKET, self->s[0].fd[0],
			 KEVENT_SOCKET_RECV, mode_flags[variant->inner]), 0);
	ASSERT_EQ(outer_watch(variant, self->outer, kq, 0), 0);
	ASSERT_TRUE(fire(&self->s[0]));
	EXPECT_EQ(outer_get(kind, self->outer, LONG_MS), 1);
	close(kq);
}

/*
 *	      t0           the same, and both ask for all: both are told
 *	      |
 *	  ep or kq
 *	  /      \  mode
 *	kq or m   kq
 *	  \      /  mode, WAKEUP_ALL
 *	     s0
 */
TEST_F(nest, diamond_wakeup_all)
{
	int i, fd = self->s[0].fd[0], kq[2] = { self->inner };

	kq[1] = kevent_init(NULL, 0, 0);
	ASSERT_GE(kq[1], 0);
	ASSERT_EQ(change(self->inner, KEVENT_CTL_REMOVE,
			 interest(KEVENT_SOCKET, fd, 0, 0)), 0);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(add_fd(kq[i], KEVENT_SOCKET, fd, KEVENT_SOCKET_RECV,
				 mode_flags[variant->inner] |
				 KEVENT_REQ_WAKEUP_ALL), 0);
	ASSERT_EQ(outer_watch(variant, self->outer, kq[1], 0), 0);
	ASSERT_TRUE(fire(&self->s[0]));
	EXPECT_EQ(outer_get(variant->kind, self->outer, LONG_MS), 2);
	EXPECT_EQ(outer_get(variant->kind, self->outer, 0),
		  variant->outer == LEVEL ? 2 : 0);
	close(kq[1]);
}

/*
 *	t0               an event that comes while t0 is between its calls
 *	|                waits for it there, whatever is taken inside
 *	ep or kq
 *	| mode
 *	kq or m
 *	| mode
 *	s0
 */
TEST_F(nest, again_and_again)
{
	struct ukevent ev;
	int i, kind = variant->kind;

	for (i = 0; i < 50; i++) {
		ASSERT_TRUE(fire(&self->s[0]));
		ASSERT_EQ(outer_get(kind, self->outer, LONG_MS), 1);
		ASSERT_EQ(get(self->inner, &ev, 1, 0), 1);
		empty(&self->s[0]);
		if (variant->outer == ONESHOT) {
			struct epoll_event e = {
				.events = EPOLLIN | EPOLLONESHOT,
			};

			ASSERT_EQ(kind == EPOLL_QUEUE ?
				  epoll_ctl(self->outer, EPOLL_CTL_MOD,
					    self->inner, &e) :
				  outer_watch(variant, self->outer,
					      self->inner, 0), 0);
		}
	}
	EXPECT_EQ(outer_get(kind, self->outer, 0), 0);
}

TEST_HARNESS_MAIN
