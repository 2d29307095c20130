// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the ring in the program's memory, as of 2006.
 */

#define _GNU_SOURCE
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "kevent_waiter.h"

#define SIZE 8

FIXTURE(ring)
{
	struct kevent_ring *ring;
	int kq;
};

FIXTURE_SETUP(ring)
{
	int i;

	self->ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->ring, MAP_FAILED);
	self->kq = kevent_init(self->ring, SIZE, 0);
	ASSERT_GE(self->kq, 0);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(add(self->kq, interest(KEVENT_USER, i, 0, 0)), 0);
}

FIXTURE_TEARDOWN(ring)
{
	close(self->kq);
	munmap(self->ring, 4096);
}

static void ready(int kq, int first, int nr)
{
	struct ukevent ev[20];
	int i;

	for (i = 0; i < nr; i++)
		ev[i] = interest(KEVENT_USER, first + i, 0, 0);
	kevent_ctl(kq, KEVENT_CTL_READY, nr, ev);
}

static int wait_for(int kq, unsigned int num, unsigned int old, long n)
{
	struct __kernel_timespec ts = ms(n);

	return kevent_wait(kq, num, old, &ts, 0);
}

TEST_F(ring, wait_moves_events_to_it)
{
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, 0), 0);
	ready(self->kq, 0, 3);
	EXPECT_EQ(self->ring->ring_kidx, 0);
	EXPECT_EQ(wait_for(self->kq, 2, 0, LONG_MS), 2);
	EXPECT_EQ(self->ring->ring_kidx, 2);
	EXPECT_EQ(self->ring->event[1].id.raw_u64, 1);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, LONG_MS), 1);
	EXPECT_EQ(kevent_commit(self->kq, 3, 0), 3);
	EXPECT_EQ(wait_for(self->kq, SIZE + 1, 0, 0), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(ring, a_full_ring_takes_no_more_and_loses_none)
{
	ready(self->kq, 0, 10);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, LONG_MS), SIZE - 1);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, SHORT_MS), 0);
	EXPECT_EQ(kevent_commit(self->kq, SIZE - 1, 0), SIZE - 1);
	EXPECT_EQ(wait_for(self->kq, SIZE, SIZE - 1, LONG_MS), 3);
	EXPECT_EQ(self->ring->event[SIZE - 1].id.raw_u64, 7);
	EXPECT_EQ(self->ring->event[0].id.raw_u64, 8);
	EXPECT_EQ(self->ring->event[1].id.raw_u64, 9);
	EXPECT_EQ(self->ring->ring_kidx, 2);
	EXPECT_EQ(kevent_commit(self->kq, 2, 0), 3);
	EXPECT_EQ(self->ring->ring_over, 1);
}

TEST_F(ring, commit_checks_its_index)
{
	ready(self->kq, 0, 5);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, LONG_MS), 5);
	EXPECT_EQ(kevent_commit(self->kq, SIZE, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_commit(self->kq, 6, 0), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(kevent_commit(self->kq, 3, 7), -1);
	EXPECT_EQ(errno, EOVERFLOW);
	EXPECT_EQ(kevent_commit(self->kq, 4, 0), 4);
	/* Somebody was slower, and does no harm. */
	EXPECT_EQ(kevent_commit(self->kq, 2, 0), 0);
	EXPECT_EQ(kevent_commit(self->kq, 5, 0), 1);
}

TEST_F(ring, get_events_puts_them_there_too)
{
	struct ukevent ev[10];

	ready(self->kq, 0, 8);
	EXPECT_EQ(get(self->kq, ev, 10, 0), 8);
	EXPECT_EQ(self->ring->ring_kidx, SIZE - 1);
	EXPECT_EQ(ev[6].ret_flags, KEVENT_RET_DONE);
	EXPECT_EQ(ev[7].ret_flags, KEVENT_RET_DONE | KEVENT_RET_COPY_FAILED);
}

TEST_F(ring, a_wait_with_an_old_index_returns)
{
	ready(self->kq, 0, 2);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, LONG_MS), 2);
	EXPECT_EQ(kevent_commit(self->kq, 1, 0), 1);
	EXPECT_EQ(kevent_wait(self->kq, SIZE, 0, NULL, 0), 0);
}

TEST_F(ring, a_fault_leaves_the_event)
{
	ready(self->kq, 0, 1);
	ASSERT_EQ(mprotect(self->ring, 4096, PROT_READ), 0);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, 0), -1);
	EXPECT_EQ(errno, EFAULT);
	ASSERT_EQ(mprotect(self->ring, 4096, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, LONG_MS), 1);
}

TEST_F(ring, commit_wakes_who_waits_for_room)
{
	struct waiter w = { .how = WAIT_RING, .fd = self->kq, .max = SIZE };

	ready(self->kq, 0, 9);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, LONG_MS), SIZE - 1);
	ASSERT_EQ(waiter_start(&w), 0);
	EXPECT_EQ(w.calls, 0);
	EXPECT_EQ(kevent_commit(self->kq, 3, 0), 3);
	settle(&w, 1);
	EXPECT_EQ(w.nr, 2);
	waiters_end(&w, 1);
}

/* In a child: other memory is at the ring's address, and must not change. */
static int use_from_elsewhere(int kq, struct kevent_ring *ring)
{
	char *memory = (char *)ring;
	struct ukevent ev;
	int i, bad = 0;

	if (munmap(ring, 4096) ||
	    mmap(ring, 4096, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != ring)
		return 1;
	memset(memory, 0x5a, 4096);
	bad |= get(kq, &ev, 1, 0) != -1 || errno != EXDEV;
	bad |= wait_for(kq, SIZE, 0, 0) != -1 || errno != EXDEV;
	bad |= kevent_commit(kq, 1, 0) != -1 || errno != EXDEV;
	/* KEVENT_CTL_READY needs no ring: the parent gets the event. */
	ready(kq, 4, 1);
	for (i = 0; i < 4096; i++)
		bad |= memory[i] != 0x5a;
	return bad;
}

TEST_F(ring, calls_from_other_memory_are_refused)
{
	pid_t pid;
	int status;

	ready(self->kq, 3, 1);
	pid = fork();
	if (!pid)
		_exit(use_from_elsewhere(self->kq, self->ring));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(self->ring->ring_kidx, 0);
	EXPECT_EQ(wait_for(self->kq, SIZE, 0, LONG_MS), 2);
	EXPECT_EQ(self->ring->event[0].id.raw_u64, 3);
	EXPECT_EQ(self->ring->event[1].id.raw_u64, 4);
}

/* A child of vfork() has the same memory: it may use the ring. */
TEST_F(ring, processes_with_the_same_memory_share_it)
{
	int status;
	pid_t pid;

	ready(self->kq, 4, 1);
	pid = vfork();
	if (!pid)
		_exit(wait_for(self->kq, SIZE, 0, LONG_MS) != 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(self->ring->event[0].id.raw_u64, 4);
}

TEST_HARNESS_MAIN
