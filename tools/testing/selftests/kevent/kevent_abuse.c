// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: what no program does on purpose.
 *
 * Arguments at and beyond their bounds, memory that is not there or comes late,
 * descriptors that go while they are looked at, many waiters, consumers that
 * lie, limits. With SHORT=1 in the environment there is less of it.
 */

#define _GNU_SOURCE
#include <limits.h>
#include <linux/userfaultfd.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "kevent_waiter.h"

#define PAGE		4096
#define RING_SIZE	8

/* The first number, or the second one when time is short. */
static int scaled(int many, int few)
{
	const char *env = getenv("SHORT");

	return env && *env == '1' ? few : many;
}

FIXTURE(abuse)
{
	int kq;
	int rq;
	int p[2];
	struct kevent_ring *ring;
	/* A page, and behind it none. */
	char *page;
	struct ukevent *last;
};

FIXTURE_SETUP(abuse)
{
	self->kq = kevent_init(NULL, 0, 0);
	ASSERT_GE(self->kq, 0);
	ASSERT_EQ(pipe2(self->p, O_NONBLOCK), 0);
	self->ring = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->ring, MAP_FAILED);
	self->rq = kevent_init(self->ring, RING_SIZE, 0);
	ASSERT_GE(self->rq, 0);
	self->page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->page, MAP_FAILED);
	ASSERT_EQ(mprotect(self->page + PAGE, PAGE, PROT_NONE), 0);
	self->last = (struct ukevent *)(self->page + PAGE) - 1;
}

FIXTURE_TEARDOWN(abuse)
{
	close(self->kq);
	close(self->rq);
	close(self->p[0]);
	close(self->p[1]);
	munmap(self->ring, PAGE);
	munmap(self->page, 2 * PAGE);
}

#define ABUSE(_name)	TEST_F(abuse, _name)

#define EXPECT_ERRNO(_call, _errno)		\
	do {					\
		EXPECT_EQ(_call, -1);		\
		EXPECT_EQ(errno, _errno);	\
	} while (0)

/* It still does what it is for. */
static void still_works(struct __test_metadata *_metadata, int kq)
{
	struct ukevent ev[64];
	int p[2];
	char c;

	while (get(kq, ev, 64, 0) > 0)
		if (ev[0].ret_flags & ~(KEVENT_RET_CLOSED | KEVENT_RET_STALE |
					KEVENT_RET_COPY_FAILED))
			change(kq, KEVENT_CTL_REMOVE, ev[0]);
	ASSERT_EQ(pipe2(p, O_NONBLOCK), 0);
	ASSERT_EQ(add_fd(kq, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, 0), 0);
	EXPECT_EQ(get(kq, ev, 1, 0), 0);
	ASSERT_EQ(write(p[1], "x", 1), 1);
	EXPECT_EQ(get(kq, ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev[0].id.raw[0], p[0]);
	ASSERT_EQ(read(p[0], &c, 1), 1);
	EXPECT_EQ(change(kq, KEVENT_CTL_REMOVE, ev[0]), 0);
	EXPECT_EQ(get(kq, ev, 1, 0), 0);
	close(p[0]);
	close(p[1]);
}

/* === Arguments =========================================================== */

ABUSE(sizes_of_rings)
{
	static const unsigned int bad[] = {
		1, KEVENT_RING_MAX + 1, 0x7fffffff, 0x80000000, 0x80000001,
		0xffffffff,
	};
	struct map map = { 0 };
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_ERRNO(kevent_init(NULL, bad[i], KEVENT_INIT_MAP), EINVAL);
		EXPECT_ERRNO(kevent_init(self->ring, bad[i], 0), EINVAL);
	}
	for (i = KEVENT_RING_MIN; i < 70; i++) {
		ASSERT_EQ(map_open(&map, i), 0);
		EXPECT_GE(map.head->nr_slots, i);
		EXPECT_LT(map.head->nr_slots, 2 * i);
		EXPECT_EQ(map.head->nr_slots & (map.head->nr_slots - 1), 0);
		map_close(&map);
	}
	fd = kevent_init(NULL, KEVENT_RING_MAX, KEVENT_INIT_MAP);
	if (fd < 0)
		EXPECT_EQ(errno, ENOMEM);
	close(fd);
}

ABUSE(rings_that_are_not_there)
{
	uintptr_t bad[] = {
		8, PAGE, 0x7ffffffff000, 0x8000000000000000, -PAGE, -8,
		(uintptr_t)self->page + PAGE,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_ERRNO(kevent_init((void *)bad[i], 8, 0), EFAULT);
	/* The head is there, the slots are not: that shows later. */
	i = kevent_init(self->page + PAGE - 8, 8, 0);
	ASSERT_GE(i, 0);
	ASSERT_EQ(add(i, interest(KEVENT_USER, 1, 0, KEVENT_REQ_READY)), 0);
	EXPECT_ERRNO(kevent_wait(i, 8, 0, NULL, 0), EFAULT);
	ASSERT_EQ(mprotect(self->page + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(kevent_wait(i, 8, 0, NULL, 0), 1);
	close(i);
}

ABUSE(batches_of_nothing)
{
	int cmd;

	for (cmd = 0; cmd < 4; cmd++) {
		EXPECT_EQ(kevent_ctl(self->kq, cmd, 0, NULL), 0);
		EXPECT_EQ(kevent_ctl(self->kq, cmd, 0, (void *)-8), 0);
		EXPECT_ERRNO(kevent_ctl(self->kq, cmd, 1, NULL), EFAULT);
		EXPECT_ERRNO(kevent_ctl(self->kq, cmd, 1, (void *)-8), EFAULT);
	}
	for (cmd = 4; cmd; cmd <<= 1) {
		EXPECT_ERRNO(kevent_ctl(self->kq, cmd, 1, self->last), EINVAL);
		EXPECT_ERRNO(kevent_ctl(self->kq, cmd, 0, NULL), EINVAL);
	}
	still_works(_metadata, self->kq);
}

/* Half of the batch is there: what was worked off stays so. */
ABUSE(batches_that_end_in_nothing)
{
	struct ukevent *ev = self->last - 63;
	struct ukevent out[128];
	int i;

	for (i = 0; i < 64; i++)
		ev[i] = interest(KEVENT_USER, i, 0, 0);
	EXPECT_ERRNO(kevent_ctl(self->kq, KEVENT_CTL_ADD, 65, ev), EFAULT);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(ev[i].ret_flags, 0);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 64, ev), 64);
	EXPECT_EQ(get(self->kq, out, 128, 0), 64);
	/* Three, and the fourth is half there: none was worked off. */
	ev = (struct ukevent *)(self->page + PAGE - 20) - 3;
	for (i = 0; i < 3; i++)
		ev[i] = interest(KEVENT_USER, 100 + i, 0, 0);
	EXPECT_ERRNO(kevent_ctl(self->kq, KEVENT_CTL_ADD, 4, ev), EFAULT);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, ev[0]), -ENOENT);
	still_works(_metadata, self->kq);
}

ABUSE(batches_that_cannot_be_written)
{
	struct ukevent *ev = (void *)self->page;
	struct ukevent it = interest(KEVENT_USER, 7, 0, 0);

	*ev = it;
	ASSERT_EQ(mprotect(self->page, PAGE, PROT_READ), 0);
	EXPECT_ERRNO(kevent_ctl(self->kq, KEVENT_CTL_ADD, 1, ev), EFAULT);
	EXPECT_EQ(add(self->kq, it), -EEXIST);
	EXPECT_ERRNO(kevent_ctl(self->kq, KEVENT_CTL_REMOVE, 1, ev), EFAULT);
	EXPECT_EQ(add(self->kq, it), 0);
}

ABUSE(every_word_of_an_interest)
{
	struct ukevent ev;
	int word, bit, ret;

	for (word = 0; word < 10; word++)
		for (bit = 0; bit < 32; bit++) {
			ev = interest(KEVENT_PIPE, self->p[0],
				      KEVENT_SOCKET_RECV, 0);
			((uint32_t *)&ev)[word] ^= 1U << bit;
			ret = kevent_ctl(self->kq, KEVENT_CTL_ADD, 1, &ev);
			ASSERT_GE(ret, 0);
			ASSERT_LE(ret, 1);
			EXPECT_EQ(!!(ev.ret_flags & KEVENT_RET_DONE), ret);
			if (ev.ret_flags & KEVENT_RET_BROKEN)
				EXPECT_LT((int)ev.ret_data[1], 0);
			if (!ret)
				EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE,
						 ev), 0);
		}
	still_works(_metadata, self->kq);
}

ABUSE(arguments_of_get_events)
{
	struct kevent_args args = { .clockid = CLOCK_MONOTONIC };
	struct __kernel_timespec now = { 0 };
	struct ukevent *ev = self->last;
	int i;

	EXPECT_ERRNO(kevent_get_events(self->kq, 0, 0, &now, ev, 0), EINVAL);
	EXPECT_ERRNO(kevent_get_events(self->kq, 2, 1, &now, ev, 0), EINVAL);
	EXPECT_ERRNO(kevent_get_events(self->kq, -1, -1, &now, ev, 0), EINVAL);
	EXPECT_EQ(kevent_get_events(self->kq, 0, 1, &now, ev, 0), 0);
	EXPECT_ERRNO(kevent_get_events(self->kq, 1, 1, &now, (void *)-8, 0),
		     EFAULT);
	EXPECT_ERRNO(kevent_get_events(self->kq, 1, 1, (void *)-8, ev, 0),
		     EFAULT);
	EXPECT_ERRNO(kevent_get_events(self->kq, 1, 1, self->page + PAGE - 8,
				       ev, 0), EFAULT);
	EXPECT_ERRNO(kevent_get_events(self->kq, 1, 1, self->page + PAGE - 32,
				       ev, KEVENT_FLAGS_ARGS), EFAULT);
	args.timeout = (uintptr_t)&now;
	args.sigmask = 8;
	args.sigsetsize = 8;
	EXPECT_ERRNO(kevent_get_events(self->kq, 1, 1, &args, ev,
				       KEVENT_FLAGS_ARGS), EFAULT);
	args.sigmask = 0;
	for (i = 0; i < 32; i++) {
		args.reserved = 1U << i;
		EXPECT_ERRNO(kevent_get_events(self->kq, 1, 1, &args, ev,
					       KEVENT_FLAGS_ARGS), EINVAL);
	}
	args.reserved = 0;
	for (i = -40; i < 40; i++) {
		if (i == 0 || i == 1 || i == 7 || i == 11)
			continue;
		args.clockid = i;
		EXPECT_ERRNO(kevent_get_events(self->kq, 1, 1, &args, ev,
					       KEVENT_FLAGS_ARGS), EINVAL);
	}
	/* The largest times there are do not overflow to the past. */
	args.clockid = CLOCK_MONOTONIC;
	now = (struct __kernel_timespec){ LLONG_MAX, 999999999 };
	ASSERT_EQ(add(self->kq, interest(KEVENT_USER, 1, 0, KEVENT_REQ_READY)),
		  0);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 1, &args, ev,
				    KEVENT_FLAGS_ARGS), 1);
	EXPECT_EQ(ev->id.raw_u64, 1);
}

/* It went on for ever. */
TEST_F(abuse, no_array_at_all)
{
	struct ukevent ev;

	ASSERT_EQ(add(self->kq, interest(KEVENT_USER, 1, 0, KEVENT_REQ_READY)),
		  0);
	EXPECT_ERRNO(kevent_get_events(self->kq, 1, 1, NULL, NULL, 0), EFAULT);
	ASSERT_EQ(add(self->rq, interest(KEVENT_USER, 1, 0, KEVENT_REQ_READY)),
		  0);
	EXPECT_ERRNO(kevent_get_events(self->rq, 1, 1, NULL, NULL, 0), EFAULT);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(get(self->rq, &ev, 1, 0), 1);
}

struct sleeper {
	pthread_t thread;
	int kq;
	int ret;
	struct __kernel_timespec ts;
};

static void *sleeper_run(void *arg)
{
	struct sleeper *s = arg;
	struct ukevent ev;

	s->ret = kevent_get_events(s->kq, 1, 1, &s->ts, &ev, 0);
	return NULL;
}

ABUSE(times_that_never_come)
{
	static const long long secs[] = {
		1LL << 31, 1LL << 33, 9223372036LL, 9223372037LL, 1LL << 40,
		LLONG_MAX / 2, LLONG_MAX,
	};
	struct sleeper s[ARRAY_SIZE(secs)] = { 0 };
	struct waiter w = { .how = WAIT_GET, .fd = self->kq };
	int i;

	for (i = 0; i < ARRAY_SIZE(secs); i++) {
		s[i].kq = self->kq;
		s[i].ret = 77;
		s[i].ts.tv_sec = secs[i];
		ASSERT_EQ(pthread_create(&s[i].thread, NULL, sleeper_run,
					 &s[i]), 0);
	}
	/* They came before this one, or come to find their event. */
	ASSERT_EQ(waiter_start(&w), 0);
	for (i = 0; i <= ARRAY_SIZE(secs); i++)
		ASSERT_EQ(add(self->kq, interest(KEVENT_USER, i, 0,
						 KEVENT_REQ_READY |
						 KEVENT_REQ_ONESHOT)), 0);
	for (i = 0; i < ARRAY_SIZE(secs); i++) {
		pthread_join(s[i].thread, NULL);
		EXPECT_EQ(s[i].ret, 1);
	}
	waiters_end(&w, 1);
	EXPECT_EQ(w.nr, 1);
}

ABUSE(arguments_of_wait)
{
	struct __kernel_timespec now = { 0 };
	struct map map = { 0 };
	int bit;

	EXPECT_ERRNO(kevent_wait(self->kq, 1, 0, &now, 0), EINVAL);
	EXPECT_ERRNO(kevent_wait(self->rq, RING_SIZE + 1, 0, &now, 0), EINVAL);
	EXPECT_ERRNO(kevent_wait(self->rq, -1, 0, &now, 0), EINVAL);
	EXPECT_EQ(kevent_wait(self->rq, 0, 0, &now, 0), 0);
	/* Not the index that it has: it returns at once. */
	for (bit = 0; bit < 32; bit++)
		EXPECT_EQ(kevent_wait(self->rq, 1, 1U << bit, NULL, 0), 0);
	ASSERT_EQ(map_open(&map, 4), 0);
	for (bit = 0; bit < 31; bit++)
		EXPECT_ERRNO(kevent_wait(map.fd, 1, 1U << bit, &now, 0),
			     EINVAL);
	EXPECT_EQ(kevent_wait(map.fd, -1, 0, &now, 0), 0);
	map_close(&map);
}

/* It can never hold so many at once: then as many as it holds are enough. */
ABUSE(more_events_are_wanted_than_there_are_slots)
{
	struct waiter w = { .how = WAIT_GET, .min = 6, .max = 8 };
	struct map map = { 0 };
	int i;

	ASSERT_EQ(map_open(&map, 4), 0);
	w.fd = map.fd;
	ASSERT_EQ(waiter_start(&w), 0);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(add(map.fd, interest(KEVENT_USER, i, 0,
					       KEVENT_REQ_READY)), 0);
	settle(&w, 1);
	EXPECT_GE(w.nr, 4);
	waiters_end(&w, 1);
	map_close(&map);
}

/* Whatever is committed: no more is freed than was written. */
ABUSE(arguments_of_commit)
{
	struct __kernel_timespec now = { 0 };
	unsigned int round, seed = 1;
	long moved = 0, freed = 0;
	int i, ret;

	for (i = 0; i < 40; i++)
		ASSERT_EQ(add(self->rq, interest(KEVENT_USER, i, 0, 0)), 0);
	for (round = 0; round < 2000; round++) {
		struct ukevent it = interest(KEVENT_USER, round % 40, 0, 0);

		ASSERT_EQ(kevent_ctl(self->rq, KEVENT_CTL_READY, 1, &it), 1);
		ret = kevent_wait(self->rq, 1 + round % 3, -1, &now, 0);
		ASSERT_GE(ret, 0);
		moved += ret;
		seed = seed * 1664525 + 1013904223;
		ret = kevent_commit(self->rq, (seed >> 8) % (RING_SIZE + 2),
				    self->ring->ring_over - (seed >> 20) % 3);
		if (ret > 0)
			freed += ret;
		else if (ret)
			EXPECT_TRUE(errno == EINVAL || errno == EOVERFLOW);
		ASSERT_LE(freed, moved);
		ASSERT_LE(moved - freed, RING_SIZE - 1);
		EXPECT_EQ(self->ring->ring_over, freed / RING_SIZE);
		EXPECT_EQ(self->ring->ring_kidx, moved % RING_SIZE);
	}
}

/* === Memory ============================================================== */

/*
 * The ring is not there when the kernel wants to write to it, and has to be
 * brought. Bringing it changes nothing in it.
 */
ABUSE(bringing_the_ring_changes_nothing)
{
	int i;

	for (i = 0; i < 12; i++)
		ASSERT_EQ(add(self->rq, interest(KEVENT_USER, i, 0,
						 KEVENT_REQ_READY |
						 KEVENT_REQ_ONESHOT)), 0);
	ASSERT_EQ(kevent_wait(self->rq, RING_SIZE, 0, NULL, 0), RING_SIZE - 1);
	ASSERT_EQ(kevent_commit(self->rq, RING_SIZE - 1, 0), RING_SIZE - 1);
	ASSERT_EQ(kevent_wait(self->rq, RING_SIZE, RING_SIZE - 1, NULL, 0), 5);
	ASSERT_EQ(self->ring->ring_kidx, 4);
	/* Shared memory: the page stays, the mapping of it goes. */
	ASSERT_EQ(madvise(self->ring, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(kevent_commit(self->rq, 2, 0), 3);
	EXPECT_EQ(self->ring->ring_over, 1);
	EXPECT_EQ(self->ring->ring_kidx, 4);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(self->ring->event[i].id.raw_u64, i + RING_SIZE);
	/* Where no event comes: what is behind the array is not touched. */
	memset(self->page, 0xa5, PAGE);
	EXPECT_EQ(get(self->rq, (void *)self->page, 4, 0), 0);
	for (i = 0; i < PAGE; i++)
		ASSERT_EQ((unsigned char)self->page[i], 0xa5);
}

/* Pages that somebody else brings, and what he does first. */
struct late {
	int uffd;
	int kq;
	int fd;
	char *at;
	pthread_t thread;
	volatile int faults;
	volatile int hold;
	int take;
	int bad;
};

static void *late_run(void *arg)
{
	static char content[PAGE] __attribute__((aligned(PAGE)));
	struct late *l = arg;
	struct uffd_msg msg;
	struct uffdio_copy copy = {
		.src = (uintptr_t)content,
		.len = PAGE,
	};
	struct ukevent ev;

	while (read(l->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			break;
		l->faults++;
		/* Whoever waits for the page must not hold anything. */
		l->bad |= add(l->kq, interest(KEVENT_USER, 999, 0, 0)) != 0;
		l->bad |= change(l->kq, KEVENT_CTL_REMOVE,
				 interest(KEVENT_USER, 999, 0, 0)) != 0;
		if (l->take)
			get(l->kq, &ev, 1, 0);
		if (l->fd >= 0)
			close(l->fd);
		while (l->hold)
			sched_yield();
		copy.dst = msg.arg.pagefault.address & -PAGE;
		*(struct ukevent *)content = interest(KEVENT_USER, 5, 0, 0);
		if (ioctl(l->uffd, UFFDIO_COPY, &copy))
			l->bad = 1;
	}
	return NULL;
}

static int late_open(struct late *l, int kq)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range.len = PAGE,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	memset(l, 0, sizeof(*l));
	l->kq = kq;
	l->fd = -1;
	l->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (l->uffd < 0)
		return -errno;
	l->at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)l->at;
	if (l->at == MAP_FAILED || ioctl(l->uffd, UFFDIO_API, &api) ||
	    ioctl(l->uffd, UFFDIO_REGISTER, &reg) ||
	    pthread_create(&l->thread, NULL, late_run, l))
		return -EINVAL;
	return 0;
}

static void late_close(struct late *l)
{
	pthread_cancel(l->thread);
	pthread_join(l->thread, NULL);
	close(l->uffd);
	munmap(l->at, PAGE);
}

ABUSE(a_batch_comes_late)
{
	struct late l;
	int ret = late_open(&l, self->kq);

	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(ret, 0);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_ADD, 1, (void *)l.at), 0);
	EXPECT_EQ(l.faults, 1);
	EXPECT_EQ(l.bad, 0);
	EXPECT_EQ(add(self->kq, interest(KEVENT_USER, 5, 0, 0)), -EEXIST);
	late_close(&l);
}

/* The handler takes the event that the fault was about: then it is gone. */
ABUSE(an_array_comes_late)
{
	struct late l;
	int ret = late_open(&l, self->kq);

	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(ret, 0);
	l.take = 1;
	ASSERT_EQ(add(self->kq, interest(KEVENT_USER, 1, 0, KEVENT_REQ_READY)),
		  0);
	ASSERT_EQ(add(self->kq, interest(KEVENT_USER, 2, 0, KEVENT_REQ_READY)),
		  0);
	EXPECT_EQ(kevent_get_events(self->kq, 1, 4, NULL, (void *)l.at, 0), 1);
	EXPECT_EQ(l.faults, 1);
	EXPECT_EQ(l.bad, 0);
	EXPECT_EQ(((struct ukevent *)l.at)->id.raw_u64, 2);
	late_close(&l);
}

/* A watched descriptor is closed while an array of its queue is waited for. */
ABUSE(a_close_does_not_wait_for_memory)
{
	struct ukevent *ev;
	struct late l;
	int ret = late_open(&l, self->rq);

	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	l.fd = self->p[0];
	EXPECT_EQ(kevent_get_events(self->kq, 1, 4, NULL, (void *)l.at, 0), 1);
	EXPECT_EQ(l.bad, 0);
	ev = (void *)l.at;
	EXPECT_EQ(ev->ret_flags, KEVENT_RET_CLOSED | KEVENT_RET_DONE);
	late_close(&l);
	self->p[0] = -1;
}

ABUSE(a_ring_comes_late)
{
	struct late l;
	int kq, ret = late_open(&l, self->kq);

	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(ret, 0);
	kq = kevent_init(l.at, RING_SIZE, 0);
	ASSERT_GE(kq, 0);
	EXPECT_EQ(l.faults, 1);
	/* It goes, and comes again. */
	l.kq = kq;
	ASSERT_EQ(madvise(l.at, PAGE, MADV_DONTNEED), 0);
	ASSERT_EQ(add(kq, interest(KEVENT_USER, 1, 0, KEVENT_REQ_READY)), 0);
	ASSERT_EQ(add(kq, interest(KEVENT_USER, 2, 0, KEVENT_REQ_READY)), 0);
	EXPECT_EQ(kevent_wait(kq, RING_SIZE, 0, NULL, 0), 2);
	EXPECT_EQ(l.faults, 2);
	EXPECT_EQ(l.bad, 0);
	late_close(&l);
	close(kq);
}

/*
 *	t0              t0 looks if the queue has something, which takes long:
 *	|               a thread of the epoll stands still in the middle of its
 *	kq - t1         call. It has; and t1, which comes meanwhile, is to have
 *	|               it.
 *	ep - late
 *	|
 *	pipe
 */
ABUSE(a_look_hides_no_event)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct waiter late = { .how = WAIT_EPOLL };
	struct waiter w[2] = { { .how = WAIT_POLL }, { .how = WAIT_GET } };
	int i, ep = epoll_create1(0);
	struct late l;
	int ret = late_open(&l, self->rq);

	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(ret, 0);
	ASSERT_GE(ep, 0);
	ASSERT_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, self->p[0], &e), 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_POLL, ep, KEVENT_POLL_POLLIN,
			 KEVENT_REQ_ET), 0);
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	l.hold = 1;
	late.fd = ep;
	late.buf = (void *)l.at;
	ASSERT_EQ(waiter_launch(&late), 0);
	while (!l.faults)
		sched_yield();
	for (i = 0; i < 2; i++) {
		w[i].fd = self->kq;
		ASSERT_EQ(waiter_launch(&w[i]), 0);
		while (!waiter_in_call(&w[i]))
			sched_yield();
	}
	l.hold = 0;
	settle(&late, 1);
	settle(w, 2);
	EXPECT_EQ(w[0].calls, 1);
	EXPECT_EQ(w[1].calls, 1);
	EXPECT_EQ(l.bad, 0);
	waiters_end(&late, 1);
	waiters_end(w, 2);
	late_close(&l);
	close(ep);
}

/* === Descriptors ========================================================= */

ABUSE(what_cannot_be_watched)
{
	int null = open("/dev/null", O_RDWR);
	int path = open("/dev/null", O_PATH);
	int file = open("/proc/self/exe", O_RDONLY);
	int i;

	EXPECT_EQ(add_fd(self->kq, KEVENT_POLL, file, KEVENT_POLL_POLLIN, 0),
		  -EPERM);
	EXPECT_EQ(add_fd(self->kq, KEVENT_POLL, path, KEVENT_POLL_POLLIN, 0),
		  -EBADF);
	EXPECT_EQ(add_fd(self->kq, KEVENT_PIDFD, null, KEVENT_POLL_POLLIN, 0),
		  -EINVAL);
	for (i = 0; i < 12; i++)
		add_fd(self->kq, i, -1, 1, 0);
	close(null);
	close(path);
	close(file);
	still_works(_metadata, self->kq);
}

ABUSE(a_queue_is_closed_under_its_waiter)
{
	struct waiter w = { .how = WAIT_GET };

	w.fd = kevent_init(NULL, 0, 0);
	ASSERT_GE(w.fd, 0);
	ASSERT_EQ(add_fd(w.fd, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV, 0),
		  0);
	ASSERT_EQ(waiter_start(&w), 0);
	close(w.fd);
	/* The call that runs keeps it. */
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	settle(&w, 1);
	EXPECT_EQ(w.nr, 1);
	waiters_end(&w, 1);
}

ABUSE(exec_closes)
{
	struct ukevent ev;
	int status;
	pid_t pid = fork();

	if (!pid) {
		fcntl(self->p[0], F_SETFD, FD_CLOEXEC);
		if (add_fd(self->kq, KEVENT_PIPE, self->p[0],
			   KEVENT_SOCKET_RECV, 0))
			_exit(1);
		/* A process that stays until nobody writes any more. */
		dup2(self->p[1], 1);
		execl("/bin/sh", "sh", "-c", "exit 3", NULL);
		_exit(2);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 3);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_CLOSED | KEVENT_RET_DONE);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
}

static int send_fd(int s, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(s, &msg, 0) == 1;
}

static int receive_fd(int s)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(s, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

ABUSE(a_queue_travels)
{
	int s[2], status;
	struct ukevent ev;
	pid_t pid;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	pid = fork();
	if (!pid) {
		int kq;

		close(self->kq);
		kq = receive_fd(s[1]);
		if (kq < 0 || get(kq, &ev, 1, LONG_MS) != 1 ||
		    ev.id.raw_u64 != 1)
			_exit(1);
		_exit(!!add(kq, interest(KEVENT_USER, 2, 0, KEVENT_REQ_READY)));
	}
	ASSERT_TRUE(send_fd(s[0], self->kq));
	ASSERT_EQ(add(self->kq, interest(KEVENT_USER, 1, 0, KEVENT_REQ_READY)),
		  0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw_u64, 2);
	close(s[0]);
	close(s[1]);
}

/* A queue in a socket that it watches, and nobody has either. */
ABUSE(a_queue_travels_in_what_it_watches)
{
	int i, s[2], kq;

	for (i = 0; i < scaled(500, 100); i++) {
		ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
		kq = kevent_init(NULL, i & 1 ? 8 : 0, i & 1 ? KEVENT_INIT_MAP :
				 0);
		ASSERT_GE(kq, 0);
		ASSERT_EQ(add_fd(kq, KEVENT_SOCKET, s[0], KEVENT_SOCKET_RECV,
				 i & 2 ? KEVENT_REQ_ET : 0), 0);
		ASSERT_TRUE(send_fd(s[1], kq));
		if (i & 4)
			ASSERT_TRUE(send_fd(s[1], s[0]));
		close(kq);
		close(s[0]);
		close(s[1]);
	}
	still_works(_metadata, self->kq);
}

/* The number is another file's while a batch adds it. */
struct swap {
	int kq;
	int fd[4];
	int a[2], b[2];
	volatile int stop;
};

static void *swap_run(void *arg)
{
	struct swap *swap = arg;
	int i = 0;

	while (!swap->stop) {
		dup2(i & 1 ? swap->a[0] : swap->b[0], swap->fd[i / 2 % 4]);
		i++;
	}
	return NULL;
}

static void *swap_get(void *arg)
{
	struct swap *swap = arg;
	struct ukevent ev[8];

	while (!swap->stop)
		get(swap->kq, ev, 8, 0);
	return NULL;
}

ABUSE(numbers_change_while_they_are_added)
{
	struct swap swap = { .kq = self->kq };
	struct ukevent it[4], ev[8];
	pthread_t t[2];
	int i, j, round;

	ASSERT_EQ(pipe2(swap.a, O_NONBLOCK), 0);
	ASSERT_EQ(pipe2(swap.b, O_NONBLOCK), 0);
	for (i = 0; i < 4; i++)
		swap.fd[i] = dup(swap.a[0]);
	ASSERT_EQ(pthread_create(&t[0], NULL, swap_run, &swap), 0);
	ASSERT_EQ(pthread_create(&t[1], NULL, swap_get, &swap), 0);
	for (round = 0; round < scaled(3000, 500); round++) {
		for (i = 0; i < 4; i++)
			it[i] = interest(KEVENT_PIPE, swap.fd[i],
					 KEVENT_SOCKET_RECV, round & 1 ?
					 KEVENT_REQ_ET : 0);
		ASSERT_GE(kevent_ctl(self->kq, KEVENT_CTL_ADD, 4, it), 0);
	}
	swap.stop = 1;
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	/* Whatever is there now is about what the numbers mean now. */
	while (get(self->kq, ev, 8, 0) > 0)
		;
	for (i = 0; i < 4; i++)
		add_fd(self->kq, KEVENT_PIPE, swap.fd[i], KEVENT_SOCKET_RECV, 0);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(dup2(swap.a[0], swap.fd[i]), swap.fd[i]);
	while ((j = get(self->kq, ev, 8, 0)) > 0)
		for (i = 0; i < j; i++)
			EXPECT_EQ(ev[i].ret_flags, KEVENT_RET_CLOSED |
				  KEVENT_RET_DONE);
	/* Nobody looks at b any more, unless its number stayed a's. */
	ASSERT_EQ(write(swap.b[1], "x", 1), 1);
	EXPECT_EQ(get(self->kq, ev, 8, 0), 0);
	for (i = 0; i < 4; i++)
		close(swap.fd[i]);
	for (i = 0; i < 2; i++) {
		close(swap.a[i]);
		close(swap.b[i]);
	}
	still_works(_metadata, self->kq);
}

/* === Many ================================================================ */

struct crowd {
	int kq;
	int nr;
	volatile int arrived;
};

static void *crowd_run(void *arg)
{
	struct crowd *c = arg;
	struct ukevent ev;

	__atomic_add_fetch(&c->arrived, 1, __ATOMIC_SEQ_CST);
	if (kevent_get_events(c->kq, 1, 1, NULL, &ev, 0) == 1)
		__atomic_add_fetch(&c->nr, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

ABUSE(thousands_wait)
{
	int i, nr = scaled(2000, 200);
	pthread_t *t = calloc(nr, sizeof(*t));
	struct crowd c = { .kq = self->kq };
	pthread_attr_t attr;
	struct ukevent ev;

	ASSERT_NE(t, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(pthread_create(&t[i], &attr, crowd_run, &c), 0);
	while (c.arrived < nr)
		sched_yield();
	for (i = 0; i < nr; i++)
		ASSERT_EQ(add(self->kq, interest(KEVENT_USER, i, 0,
						 KEVENT_REQ_ONESHOT |
						 KEVENT_REQ_READY)), 0);
	for (i = 0; i < nr; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(c.nr, nr);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	pthread_attr_destroy(&attr);
	free(t);
}

ABUSE(many_queues_watch_one_file)
{
	int i, nr = scaled(400, 100), told = 0;
	int *kq = calloc(nr, sizeof(*kq));
	struct rlimit limit = { 4096, 4096 };
	struct ukevent ev;

	setrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < nr; i++) {
		kq[i] = kevent_init(NULL, 0, 0);
		ASSERT_GE(kq[i], 0);
		ASSERT_EQ(add_fd(kq[i], KEVENT_PIPE, self->p[0],
				 KEVENT_SOCKET_RECV, KEVENT_REQ_ET |
				 (i & 1 ? KEVENT_REQ_WAKEUP_ALL : 0)), 0);
	}
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	for (i = 0; i < nr; i++)
		told += get(kq[i], &ev, 1, 0);
	EXPECT_EQ(told, nr / 2 + 1);
	close(self->p[0]);
	self->p[0] = -1;
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(get(kq[i], &ev, 1, 0), 1);
		EXPECT_EQ(ev.ret_flags, KEVENT_RET_CLOSED | KEVENT_RET_DONE);
		close(kq[i]);
	}
	free(kq);
}

/* === A consumer that lies ================================================ */

struct liar {
	struct map *map;
	volatile int stop;
};

static void *lie(void *arg)
{
	struct liar *liar = arg;
	unsigned int state = 1;

	while (!liar->stop) {
		state = state * 1664525 + 1013904223;
		liar->map->tail->uidx = state & 0x10000 ? state :
			liar->map->head->kidx + ((state >> 8) & 15) - 8;
	}
	return NULL;
}

ABUSE(the_index_is_overwritten_all_the_time)
{
	struct liar liar = { 0 };
	struct map map = { 0 };
	struct ukevent ev[16];
	pthread_t t;
	char buf[64];
	int i;

	ASSERT_EQ(map_open(&map, 8), 0);
	ASSERT_EQ(add_fd(map.fd, KEVENT_PIPE, self->p[0], KEVENT_SOCKET_RECV,
			 0), 0);
	liar.map = &map;
	ASSERT_EQ(pthread_create(&t, NULL, lie, &liar), 0);
	for (i = 0; i < scaled(5000, 1000); i++) {
		add(map.fd, interest(KEVENT_USER, i % 32, 0, KEVENT_REQ_READY |
				     (i & 1 ? KEVENT_REQ_ONESHOT : 0)));
		ASSERT_EQ(write(self->p[1], "x", 1), 1);
		ASSERT_EQ(read(self->p[0], buf, sizeof(buf)), 1);
		get(map.fd, ev, 16, 0);
		kevent_wait(map.fd, i % 9, map.head->kidx - i % 10,
			    &(struct __kernel_timespec){ }, 0);
		kevent_commit(map.fd, map.head->kidx - i % 9, 0);
		if (i % 3 == 0)
			change(map.fd, KEVENT_CTL_REMOVE,
			       interest(KEVENT_USER, i % 32, 0, 0));
	}
	liar.stop = 1;
	pthread_join(t, NULL);
	/* It harmed itself only, and until it stopped. */
	map.tail->uidx = map.head->kidx;
	for (i = 0; i < 32; i++)
		change(map.fd, KEVENT_CTL_REMOVE, interest(KEVENT_USER, i, 0,
							   0));
	while (get(map.fd, ev, 16, 0) > 0)
		;
	ASSERT_EQ(write(self->p[1], "x", 1), 1);
	ASSERT_EQ(map_wait(&map, LONG_MS), 1);
	ASSERT_EQ(map_take(&map, ev), 1);
	EXPECT_EQ(ev[0].id.raw[0], self->p[0]);
	map_close(&map);
}

ABUSE(the_ring_in_memory_is_overwritten)
{
	struct __kernel_timespec now = { 0 };
	int i;

	for (i = 0; i < 100; i++) {
		memset(self->ring, i, PAGE);
		ASSERT_EQ(add(self->rq, interest(KEVENT_USER, i, 0,
						 KEVENT_REQ_ONESHOT |
						 KEVENT_REQ_READY)), 0);
		/* The kernel does not read it. */
		ASSERT_EQ(kevent_wait(self->rq, 1, i % RING_SIZE, &now, 0), 1);
		EXPECT_EQ(self->ring->ring_kidx, (i + 1) % RING_SIZE);
		EXPECT_EQ(self->ring->event[i % RING_SIZE].id.raw_u64, i);
		EXPECT_EQ(kevent_commit(self->rq, (i + 1) % RING_SIZE,
					i / RING_SIZE), 1);
	}
}

/* === Limits ============================================================== */

static int sysctl_set(const char *name, const char *value, char *old)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return -1;
	if (old) {
		len = read(fd, old, 31);
		old[len > 0 ? len : 0] = 0;
		lseek(fd, 0, SEEK_SET);
	}
	len = write(fd, value, strlen(value));
	close(fd);
	return len == strlen(value) ? 0 : -1;
}

ABUSE(a_user_has_a_limit)
{
	struct ukevent ev[2000];
	char old[32];
	int i, back, nr = 0;
	int kq = kevent_init(NULL, 0, 0);

	if (sysctl_set("kevent_max_user", "1000", old))
		SKIP(return, "needs root");
	for (i = 0; i < 2000; i++)
		ev[i] = interest(KEVENT_USER, i, 0, 0);
	back = kevent_ctl(kq, KEVENT_CTL_ADD, 2000, ev);
	EXPECT_GE(back, 1000);
	for (i = 0; i < back; i++)
		nr += (int)ev[i].ret_data[1] == -ENOSPC;
	EXPECT_EQ(nr, back);
	/* What is given back can be had again. */
	close(kq);
	kq = kevent_init(NULL, 0, 0);
	EXPECT_EQ(add(kq, interest(KEVENT_USER, 1, 0, 0)), 0);
	close(kq);
	EXPECT_EQ(sysctl_set("kevent_max_user", old, NULL), 0);
}

ABUSE(queues_can_be_forbidden)
{
	int status;
	char old[32];
	pid_t pid;

	if (sysctl_set("kevent_disabled", "1", old))
		SKIP(return, "needs root");
	pid = fork();
	if (!pid) {
		int fd = kevent_init(NULL, 0, 0);

		if (fd < 0 || setuid(12345))
			_exit(1);
		if (kevent_init(NULL, 0, 0) >= 0 || errno != EPERM)
			_exit(2);
		/* What there is stays of use. */
		_exit(add(fd, interest(KEVENT_USER, 1, 0, 0)) ? 3 : 0);
	}
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(sysctl_set("kevent_disabled", "2", NULL), 0);
	EXPECT_ERRNO(kevent_init(NULL, 0, 0), EPERM);
	EXPECT_EQ(sysctl_set("kevent_disabled", "3", NULL), -1);
	EXPECT_EQ(sysctl_set("kevent_disabled", old, NULL), 0);
	still_works(_metadata, self->kq);
}

ABUSE(descriptors_run_out)
{
	struct rlimit limit, few;
	int fds[64], i, nr = 0;

	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 40;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (nr < 64 && (fds[nr] = kevent_init(NULL, nr & 1 ? 8 : 0,
						 nr & 1 ? KEVENT_INIT_MAP :
						 0)) >= 0)
		nr++;
	EXPECT_EQ(errno, EMFILE);
	EXPECT_LT(nr, 40);
	for (i = 0; i < nr; i++)
		close(fds[i]);
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	still_works(_metadata, self->kq);
}

TEST_HARNESS_MAIN
