// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the calls of a 32-bit program.
 *
 * All structures are the same for both, so a 64-bit program may make 32-bit
 * calls, with int $0x80, as long as its addresses have no more bits.
 */

#define _GNU_SOURCE
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kselftest_harness.h"
#include "kevent_test.h"

#ifdef __x86_64__

#define NR32_TIMER_CREATE	259
#define NR32_TIMER_SETTIME64	409

/* What the calls read and write, below 2 GiB. */
struct low {
	struct ukevent		event[4];
	struct __kernel_timespec timeout;
	struct kevent_args	args;
	sigset_t		mask;
	int			sigevent[16];	/* of 32 bit */
	int			timer;
	struct __kernel_timespec its[2];
	char			ring[sizeof(struct kevent_ring) +
				     8 * sizeof(struct ukevent)]
				__attribute__((aligned(8)));
};

static long call32(long nr, long a, long b, long c, long d, long e, long f)
{
	int ret = nr;

	asm volatile("xchg %%rbp, %[f]\n\t"
		     "int $0x80\n\t"
		     "xchg %%rbp, %[f]"
		     : "+a" (ret), [f] "+&r" (f)
		     : "b" (a), "c" (b), "d" (c), "S" (d), "D" (e)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static sigjmp_buf no_call32;

static void on_fault(int sig)
{
	siglongjmp(no_call32, 1);
}

static int call32_works(void)
{
	int works = 0;

	signal(SIGSEGV, on_fault);
	if (!sigsetjmp(no_call32, 1)) {
		call32(20, 0, 0, 0, 0, 0, 0);	/* getpid() */
		works = 1;
	}
	signal(SIGSEGV, SIG_DFL);
	return works;
}

static void on_signal(int sig)
{
}

FIXTURE(compat)
{
	struct low *low;
	int kq;
};

FIXTURE_SETUP(compat)
{
	if (!call32_works())
		SKIP(return, "no 32-bit system calls");
	self->low = mmap(NULL, sizeof(*self->low), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(self->low, MAP_FAILED);
	self->kq = call32(__NR_kevent_init, 0, 0, 0, 0, 0, 0);
	ASSERT_GE(self->kq, 0);
}

FIXTURE_TEARDOWN(compat)
{
	close(self->kq);
	munmap(self->low, sizeof(*self->low));
}

static int ctl32(int kq, unsigned int cmd, unsigned int num, struct low *low)
{
	return call32(__NR_kevent_ctl, kq, cmd, num, (long)low->event, 0, 0);
}

static int get32(int kq, unsigned int min, struct low *low, void *timeout,
		 unsigned int flags)
{
	return call32(__NR_kevent_get_events, kq, min, 4, (long)timeout,
		      (long)low->event, flags);
}

TEST_F(compat, events_are_added_marked_and_fetched)
{
	struct low *low = self->low;
	uint64_t id = 0x123456789abcdef0ULL;

	low->event[0] = interest(KEVENT_USER, id, 0, 0);
	low->event[0].cookie = ~0ULL - 1;
	low->event[1] = interest(KEVENT_MAX + 1, 1, 0, 0);
	ASSERT_EQ(ctl32(self->kq, KEVENT_CTL_ADD, 2, low), 1);
	EXPECT_EQ(low->event[0].type, KEVENT_MAX + 1);
	EXPECT_EQ((int)low->event[0].ret_data[1], -ENOSYS);

	low->event[0] = interest(KEVENT_USER, id, 0, 0);
	low->event[0].ret_data[1] = 77;
	ASSERT_EQ(ctl32(self->kq, KEVENT_CTL_READY, 1, low), 1);
	memset(low->event, 0, sizeof(low->event));
	ASSERT_EQ(get32(self->kq, 1, low, NULL, 0), 1);
	EXPECT_EQ(low->event[0].id.raw_u64, id);
	EXPECT_EQ(low->event[0].cookie, ~0ULL - 1);
	EXPECT_EQ(low->event[0].ret_data[1], 77);
}

/* 32-bit programs may leave rubbish where their long ends. */
TEST_F(compat, the_upper_half_of_nanoseconds_is_padding)
{
	struct low *low = self->low;

	low->timeout.tv_sec = 0;
	low->timeout.tv_nsec = 0xdeadbeef00000000ULL;
	EXPECT_EQ(get32(self->kq, 1, low, &low->timeout, 0), 0);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 4, &low->timeout, low->event,
				    0), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(compat, a_signal_mask_and_a_clock_are_taken)
{
	struct low *low = self->low;
	sigset_t usr1;

	signal(SIGUSR1, on_signal);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);

	memset(&low->args, 0, sizeof(low->args));
	low->timeout = ms(LONG_MS);
	low->args.timeout = (unsigned long)&low->timeout;
	low->args.clockid = CLOCK_BOOTTIME;
	sigemptyset(&low->mask);
	low->args.sigmask = (unsigned long)&low->mask;
	low->args.sigsetsize = 8;
	EXPECT_EQ(get32(self->kq, 1, low, &low->args, KEVENT_FLAGS_ARGS),
		  -EINTR);
	low->args.sigsetsize = 4;
	EXPECT_EQ(get32(self->kq, 1, low, &low->args, KEVENT_FLAGS_ARGS),
		  -EINVAL);
}

TEST_F(compat, a_ring_in_memory_is_filled_and_committed)
{
	struct low *low = self->low;
	struct kevent_ring *ring = (void *)low->ring;
	int kq;

	kq = call32(__NR_kevent_init, (long)ring, 8, 0, 0, 0, 0);
	ASSERT_GE(kq, 0);
	low->event[0] = interest(KEVENT_USER, 5, 0, 0);
	ASSERT_EQ(ctl32(kq, KEVENT_CTL_ADD, 1, low), 0);
	ASSERT_EQ(ctl32(kq, KEVENT_CTL_READY, 1, low), 1);
	ASSERT_EQ(call32(__NR_kevent_wait, kq, 8, 0, 0, 0, 0), 1);
	EXPECT_EQ(ring->ring_kidx, 1);
	EXPECT_EQ(ring->event[0].id.raw_u64, 5);
	EXPECT_EQ(call32(__NR_kevent_commit, kq, 1, ring->ring_over, 0, 0, 0),
		  1);
	close(kq);
}

TEST_F(compat, a_posix_timer_tells)
{
	struct low *low = self->low;

	memset(low->sigevent, 0, sizeof(low->sigevent));
	low->sigevent[0] = 4321;		/* sigev_value */
	low->sigevent[2] = SIGEV_KEVENT;
	low->sigevent[3] = self->kq;		/* sigev_notify_thread_id */
	ASSERT_EQ(call32(NR32_TIMER_CREATE, CLOCK_MONOTONIC,
			 (long)low->sigevent, (long)&low->timer, 0, 0, 0), 0);
	memset(low->its, 0, sizeof(low->its));
	low->its[1].tv_nsec = 1;		/* it_value */
	ASSERT_EQ(call32(NR32_TIMER_SETTIME64, low->timer, 0, (long)low->its,
			 0, 0, 0), 0);
	ASSERT_EQ(get32(self->kq, 1, low, NULL, 0), 1);
	EXPECT_EQ(low->event[0].type, KEVENT_POSIX_TIMER);
	EXPECT_EQ(low->event[0].id.raw[0], low->timer);
	EXPECT_EQ((uint32_t)low->event[0].cookie, 4321);
}

#else

TEST(other_architectures_have_their_own_way)
{
	SKIP(return, "written for x86-64");
}

#endif

TEST_HARNESS_MAIN
