// SPDX-License-Identifier: GPL-2.0
/*
 * Random system calls of kevent, from several threads at once. Prints TAP.
 *
 *   kevent_fuzz [-n COUNT] [-s SEED] [-t THREADS]
 *
 *   -n COUNT    calls, of all threads together (1000000)
 *   -s SEED     where to begin (1)
 *   -t THREADS  how many threads (4)
 *
 * Each thread's calls follow from the seed, how they mix does not. What they
 * return does not matter, only that the machine survives, and that a
 * well-behaved queue beside them misses nothing and sees nothing wrong.
 * Exit: 0, 1 a point failed, 2 wrong call.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"

#include "kevent_test.h"

#define NR_QUEUES	6
#define NR_FILES	16
#define NR_PAGES	16
#define NR_MAPS		4
#define NR_TIMERS	4
#define PAGE		4096
#define MAX_THREADS	16

/*
 * Queues and files have fixed numbers, so that a thread may close what another
 * one has just opened there, and never anything else.
 */
#define QUEUE_BASE	100
#define FILE_BASE	(QUEUE_BASE + NR_QUEUES)
#define MAX_FD		(FILE_BASE + NR_FILES)

static unsigned long nr_calls = 1000000;
static uint64_t seed = 1;
static unsigned int nr_threads = 4;

/* Memory that comes and goes while the kernel writes there. */
static char *pages;
static int timers[NR_TIMERS];

struct fuzzer {
	pthread_t	thread;
	uint64_t	state;
	unsigned long	left;
	volatile unsigned long done;
	unsigned long	worked;
	unsigned long	events;
	volatile int	ended;
	struct {
		void	*at;
		size_t	len;
	}		map[NR_MAPS];
};

/* === Chance ============================================================== */

static uint32_t any(struct fuzzer *f)
{
	f->state = f->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return f->state >> 33;
}

static uint32_t below(struct fuzzer *f, uint32_t n)
{
	return any(f) % n;
}

static uint64_t odd_number(struct fuzzer *f)
{
	static const uint64_t edge[] = {
		0, 1, 2, 3, 7, 8, 9, 15, 16, 64, 255, 256, 4095, 4096, 65535,
		65536, 1 << 20, (1 << 20) + 1, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffff000,
	};

	switch (below(f, 3)) {
	case 0:
		return edge[below(f, ARRAY_SIZE(edge))];
	case 1:
		return 1ULL << below(f, 64);
	}
	return (uint64_t)any(f) << 32 | any(f);
}

static int a_queue(struct fuzzer *f)
{
	return QUEUE_BASE + below(f, NR_QUEUES);
}

static int a_file(struct fuzzer *f)
{
	return FILE_BASE + below(f, NR_FILES);
}

static int any_fd(struct fuzzer *f)
{
	return QUEUE_BASE + below(f, NR_QUEUES + NR_FILES);
}

/* The thread's own memory, memory that may be gone, or nowhere. */
static void *somewhere(struct fuzzer *f, void *own)
{
	switch (below(f, 8)) {
	case 0:
		return pages + below(f, NR_PAGES) * PAGE + below(f, PAGE);
	case 1:
		/* The last element of a page, or the first half of it. */
		return pages + (1 + below(f, NR_PAGES)) * PAGE -
		       (below(f, 2) ? 40 : 20);
	case 2:
		return below(f, 8) ? own : (void *)(uintptr_t)odd_number(f);
	}
	return own;
}

/* === Interests =========================================================== */

static void an_interest(struct fuzzer *f, struct ukevent *ev)
{
	static const unsigned int reqs[] = {
		0, KEVENT_REQ_ET, KEVENT_REQ_ONESHOT, KEVENT_REQ_LAST_CHECK,
		KEVENT_REQ_READY, KEVENT_REQ_WAKEUP_ALL,
		KEVENT_REQ_ET | KEVENT_REQ_ONESHOT,
	};
	unsigned int i;

	memset(ev, 0, sizeof(*ev));
	ev->type = below(f, KEVENT_MAX);
	ev->req_flags = reqs[below(f, ARRAY_SIZE(reqs))];
	ev->event = KEVENT_MASK_ALL;
	if (below(f, 4))
		ev->event = 1 + below(f, 5);
	if (below(f, 2))
		ev->req_flags |= KEVENT_REQ_ALWAYS_QUEUE;
	if (below(f, 4) == 0) {
		ev->req_flags |= KEVENT_REQ_COOKIE;
		ev->cookie = below(f, 8);
	}
	switch (ev->type) {
	case KEVENT_TIMER:
		ev->event = KEVENT_TIMER_FIRED;
		ev->req_flags &= ~(KEVENT_REQ_ET | KEVENT_REQ_LAST_CHECK);
		ev->id.raw[0] = below(f, 8) ? 0 : below(f, 3);
		ev->id.raw[1] = 1000 << below(f, 20);
		if (below(f, 4) == 0)
			ev->req_flags |= KEVENT_REQ_ABSTIME |
					 KEVENT_REQ_ONESHOT;
		break;
	case KEVENT_SIGNAL:
		ev->id.raw_u64 = below(f, 2) ? SIGUSR2 : SIGCHLD;
		ev->event = 1 << below(f, 3);
		if (below(f, 2))
			ev->id.raw_u64 |= KEVENT_SIGNAL_NOMASK;
		break;
	case KEVENT_USER:
		ev->id.raw_u64 = below(f, 64);
		ev->event = 0;
		break;
	default:
		ev->id.raw[0] = any_fd(f);
	}
	/* One word at most is not what it should be. */
	if (below(f, 4) == 0) {
		i = below(f, sizeof(*ev) / 4);
		((uint32_t *)ev)[i] = odd_number(f);
	}
	/* That one is needed to get threads out of endless waits. */
	if (ev->type == KEVENT_SIGNAL &&
	    (ev->id.raw_u64 & ~KEVENT_SIGNAL_NOMASK) == SIGUSR1)
		ev->id.raw_u64 = SIGUSR2;
}

/* === Calls =============================================================== */

static void fuzz_ctl(struct fuzzer *f)
{
	static const unsigned int sizes[] = { 1, 1, 1, 2, 3, 4, 5, 64, 65, 200 };
	unsigned int i, nr = sizes[below(f, ARRAY_SIZE(sizes))];
	unsigned int cmd = below(f, 4);
	struct ukevent ev[200];

	/* Mostly one that adds: the others need something to work on. */
	if (below(f, 3) == 0)
		cmd = KEVENT_CTL_ADD;
	for (i = 0; i < nr; i++)
		an_interest(f, &ev[i]);
	if (below(f, 32) == 0)
		cmd = odd_number(f);
	if (below(f, 32) == 0)
		nr = below(f, 2) ? 0 : below(f, 200);
	if (kevent_ctl(a_queue(f), cmd, nr, somewhere(f, ev)) >= 0)
		f->worked += nr;
}

struct wait_args {
	struct __kernel_timespec ts;
	struct kevent_args	args;
	uint64_t		mask;
	const void		*timeout;
	unsigned int		flags;
};

static void a_timeout(struct fuzzer *f, struct wait_args *w)
{
	static const int clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
	};

	memset(w, 0, sizeof(*w));
	w->timeout = &w->ts;
	if (below(f, 2))
		w->ts.tv_nsec = below(f, 200000);
	if (below(f, 64) == 0)
		w->ts.tv_sec = odd_number(f);
	if (below(f, 3) == 0) {
		w->flags = KEVENT_FLAGS_ARGS;
		w->args.timeout = (uintptr_t)&w->ts;
		w->args.clockid = clocks[below(f, ARRAY_SIZE(clocks))];
		w->args.min_nr = below(f, 4);
		if (below(f, 4) == 0) {
			w->args.sigmask = (uintptr_t)&w->mask;
			w->args.sigsetsize = 8;
		}
		if (below(f, 2)) {
			w->flags |= KEVENT_FLAGS_COMMIT;
			w->args.new_uidx = below(f, 2) ? below(f, 32) :
							 odd_number(f);
			w->args.over = below(f, 4);
		}
		if (below(f, 8) == 0)
			((uint32_t *)&w->args)[below(f, 10)] = odd_number(f);
		w->timeout = &w->args;
	}
	if (below(f, 8) == 0)
		w->flags |= KEVENT_FLAGS_ABSTIME;
	if (below(f, 32) == 0)
		w->flags ^= odd_number(f);
	if (below(f, 16) == 0)
		w->timeout = somewhere(f, NULL);
}

static void fuzz_get(struct fuzzer *f)
{
	unsigned int max = 1 + below(f, 64), min = below(f, 3);
	struct ukevent ev[64];
	struct wait_args w;
	int nr;

	a_timeout(f, &w);
	if (below(f, 32) == 0)
		min = odd_number(f);
	/* What does not fit is behind memory that is not there. */
	if (below(f, 32) == 0) {
		kevent_get_events(a_queue(f), min, odd_number(f), w.timeout,
				  (void *)(pages + NR_PAGES * PAGE - 400),
				  w.flags);
		return;
	}
	nr = kevent_get_events(a_queue(f), min, max, w.timeout,
			       somewhere(f, ev), w.flags);
	if (nr > 0)
		f->events += nr;
}

static void fuzz_wait(struct fuzzer *f)
{
	struct wait_args w;
	int nr;

	a_timeout(f, &w);
	nr = kevent_wait(a_queue(f), below(f, 16) ? below(f, 10) :
			 odd_number(f), below(f, 4) ? below(f, 256) :
			 odd_number(f), w.timeout, w.flags);
	if (nr > 0)
		f->events += nr;
}

static void fuzz_commit(struct fuzzer *f)
{
	kevent_commit(a_queue(f), below(f, 4) ? below(f, 64) : odd_number(f),
		      below(f, 4) ? below(f, 8) : odd_number(f));
}

static void fuzz_init(struct fuzzer *f)
{
	unsigned int flags = KEVENT_INIT_CLOEXEC, num = 0;
	void *ring = NULL;
	int fd;

	switch (below(f, 4)) {
	case 0:
		flags |= KEVENT_INIT_MAP;
		num = 1 + below(f, 64);
		break;
	case 1:
		num = 2 + below(f, 64);
		ring = pages + below(f, NR_PAGES) * PAGE + 8 * below(f, 512);
		break;
	}
	if (below(f, 2))
		flags |= KEVENT_INIT_NONBLOCK;
	if (below(f, 16) == 0)
		num = odd_number(f);
	if (below(f, 16) == 0)
		flags ^= odd_number(f);
	if (below(f, 16) == 0)
		ring = somewhere(f, NULL);
	fd = kevent_init(ring, num, flags);
	if (fd < 0)
		return;
	dup2(fd, a_queue(f));
	close(fd);
}

/* No argument is what it should be. */
static void fuzz_wild(struct fuzzer *f)
{
	unsigned int nr = below(f, 5);
	uint64_t arg[6];
	int i, ret;

	for (i = 0; i < 6; i++)
		arg[i] = odd_number(f);
	if (below(f, 2))
		arg[0] = any_fd(f);
	ret = syscall(__NR_kevent_get_events + nr, arg[0], arg[1], arg[2],
		      arg[3], arg[4], arg[5]);
	if (__NR_kevent_get_events + nr == __NR_kevent_init && ret >= 0)
		close(ret);
}

/* === What is watched ===================================================== */

static int new_file(struct fuzzer *f, int fd[2])
{
	fd[1] = -1;
	switch (below(f, 10)) {
	case 0:
	case 1:
		return pipe2(fd, O_NONBLOCK | O_CLOEXEC);
	case 2:
	case 3:
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
				  SOCK_CLOEXEC, 0, fd);
	case 4:
		return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK |
				  SOCK_CLOEXEC, 0, fd);
	case 5:
		fd[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		break;
	case 6:
		fd[0] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK |
				       TFD_CLOEXEC);
		break;
	case 7:
		fd[0] = epoll_create1(EPOLL_CLOEXEC);
		break;
	case 8:
		fd[0] = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC |
			     (below(f, 2) ? O_PATH : 0));
		break;
	case 9:
		fd[0] = syscall(SYS_pidfd_open, getpid(), 0);
		break;
	}
	return fd[0] < 0;
}

static void fuzz_files(struct fuzzer *f)
{
	int fd[2], i;

	switch (below(f, 4)) {
	case 0:
		close(any_fd(f));
		break;
	case 1:
		dup2(any_fd(f), any_fd(f));
		break;
	default:
		if (new_file(f, fd))
			return;
		for (i = 0; i < 2; i++) {
			if (fd[i] < 0)
				continue;
			dup2(fd[i], a_file(f));
			close(fd[i]);
		}
	}
}

static void fuzz_io(struct fuzzer *f)
{
	struct itimerspec its = { .it_value.tv_nsec = 1000 };
	uint64_t buf[64] = { 1 };
	char name[32];
	ssize_t len;
	int fd;

	switch (below(f, 8)) {
	case 0:
		snprintf(name, sizeof(name), "/tmp/kevent_fuzz.%u",
			 below(f, 4));
		fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		if (below(f, 2))
			unlink(name);
		if (fd >= 0)
			close(fd);
		break;
	case 1:
		timerfd_settime(a_file(f), 0, &its, NULL);
		break;
	case 2:
		kill(getpid(), below(f, 2) ? SIGUSR2 : SIGCHLD);
		break;
	case 3:
		shutdown(a_file(f), below(f, 3));
		break;
	default:
		if (below(f, 2))
			len = write(a_file(f), buf, 8 << below(f, 6));
		else
			len = read(a_file(f), buf, sizeof(buf));
		(void)len;
	}
}

static void fuzz_poll(struct fuzzer *f)
{
	struct epoll_event e = { .events = EPOLLIN | odd_number(f) };
	struct pollfd pfd[2] = { { .events = 0x7f }, { .events = 0x7f } };

	switch (below(f, 4)) {
	case 0:
		pfd[0].fd = any_fd(f);
		pfd[1].fd = a_queue(f);
		poll(pfd, 2, below(f, 2));
		break;
	case 1:
		epoll_wait(a_file(f), &e, 1, below(f, 2));
		break;
	default:
		epoll_ctl(a_file(f), 1 + below(f, 3), any_fd(f), &e);
	}
}

static void fuzz_timer(struct fuzzer *f)
{
	struct itimerspec its = { 0 };
	struct sigevent sev = { .sigev_notify = SIGEV_KEVENT };
	int *timer = &timers[below(f, NR_TIMERS)];
	int id;

	switch (below(f, 3)) {
	case 0:
		KEVENT_SIGEV_FD(&sev) = any_fd(f);
		if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &sev, &id))
			return;
		id = __atomic_exchange_n(timer, id, __ATOMIC_SEQ_CST);
		if (id >= 0)
			syscall(SYS_timer_delete, id);
		break;
	case 1:
		its.it_value.tv_nsec = 1 + below(f, 1000000);
		if (below(f, 2))
			its.it_interval.tv_nsec = 1000 << below(f, 18);
		syscall(SYS_timer_settime, *timer, 0, &its, NULL);
		break;
	case 2:
		id = __atomic_exchange_n(timer, -1, __ATOMIC_SEQ_CST);
		if (id >= 0)
			syscall(SYS_timer_delete, id);
		break;
	}
}

/* Queues travel; what is never received goes with its socket. */
static void fuzz_pass(struct fuzzer *f)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = any_fd(f);

	if (below(f, 2)) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
		sendmsg(a_file(f), &msg, MSG_DONTWAIT);
		return;
	}
	if (recvmsg(a_file(f), &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	dup2(fd, any_fd(f));
	close(fd);
}

static void fuzz_memory(struct fuzzer *f)
{
	unsigned int i = below(f, NR_PAGES);
	char *at = pages + i * PAGE;

	switch (below(f, 4)) {
	case 0:
		mprotect(at, PAGE, PROT_READ);
		break;
	case 1:
		mprotect(at, PAGE, PROT_NONE);
		break;
	case 2:
		madvise(at, PAGE, MADV_DONTNEED);
		break;
	default:
		mprotect(at, PAGE, PROT_READ | PROT_WRITE);
	}
}

static void fuzz_map(struct fuzzer *f)
{
	unsigned int i = below(f, NR_MAPS);
	uint64_t off = below(f, 2) ? KEVENT_OFF_TAIL : KEVENT_OFF_MAP;
	size_t len = PAGE << below(f, 2);
	int prot = PROT_READ;
	void *at;

	if (f->map[i].at) {
		/* A consumer that lies. */
		if (f->map[i].len == 1)
			*(volatile uint32_t *)f->map[i].at = below(f, 2) ?
				below(f, 64) : odd_number(f);
		if (below(f, 8) == 0) {
			munmap(f->map[i].at, PAGE);
			f->map[i].at = NULL;
		}
		return;
	}
	if (off == KEVENT_OFF_TAIL)
		prot |= PROT_WRITE;
	if (below(f, 16) == 0)
		prot = below(f, 8);
	if (below(f, 16) == 0)
		off = odd_number(f) & -PAGE;
	at = mmap(NULL, len, prot, below(f, 16) ? MAP_SHARED : MAP_PRIVATE,
		  a_queue(f), off);
	if (at == MAP_FAILED)
		return;
	if (off == KEVENT_OFF_TAIL && len == PAGE && prot & PROT_WRITE) {
		f->map[i].at = at;
		f->map[i].len = 1;
		return;
	}
	munmap(at, len);
}

/* A process that has all of it, and goes at once, or becomes another. */
static void fuzz_fork(struct fuzzer *f)
{
	struct ukevent ev;
	int status, how = below(f, 2);
	pid_t pid;

	an_interest(f, &ev);
	pid = fork();
	if (!pid) {
		kevent_ctl(a_queue(f), KEVENT_CTL_ADD, 1, &ev);
		if (how)
			execl("/proc/self/exe", "kevent_fuzz", "-x", NULL);
		_exit(0);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
}

static void fuzz_one(struct fuzzer *f)
{
	switch (below(f, 32)) {
	case 0 ... 8:
		fuzz_ctl(f);
		break;
	case 9 ... 13:
		fuzz_get(f);
		break;
	case 14 ... 17:
		fuzz_wait(f);
		break;
	case 18 ... 19:
		fuzz_commit(f);
		break;
	case 20:
		fuzz_init(f);
		break;
	case 21:
		fuzz_wild(f);
		break;
	case 22 ... 23:
		fuzz_files(f);
		break;
	case 24 ... 26:
		fuzz_io(f);
		break;
	case 27:
		fuzz_poll(f);
		break;
	case 28:
		fuzz_timer(f);
		break;
	case 29:
		fuzz_pass(f);
		break;
	case 30:
		fuzz_memory(f);
		break;
	case 31:
		fuzz_map(f);
		if (below(f, 64) == 0)
			fuzz_fork(f);
		break;
	}
}

static void *fuzz_run(void *arg)
{
	struct fuzzer *f = arg;

	while (f->left--) {
		fuzz_one(f);
		f->done++;
	}
	f->ended = 1;
	return NULL;
}

/* === Points ============================================================== */

static void nothing(int sig)
{
}

/* One that waits for ever is told not to. */
static void wait_for_all(struct fuzzer *f)
{
	unsigned long seen[MAX_THREADS] = { 0 };
	struct timespec pause = { 0, 20000000 };
	unsigned int i, running;

	do {
		nanosleep(&pause, NULL);
		running = 0;
		for (i = 0; i < nr_threads; i++) {
			if (f[i].ended)
				continue;
			running++;
			if (f[i].done == seen[i])
				pthread_kill(f[i].thread, SIGUSR1);
			seen[i] = f[i].done;
		}
	} while (running);
	for (i = 0; i < nr_threads; i++)
		pthread_join(f[i].thread, NULL);
}

/* A queue of one's own, above the numbers that are fuzzed. */
static int good_queue(int p[2])
{
	struct ukevent ev;
	int kq, i, bad = 0;
	char c;

	kq = kevent_init(NULL, 0, KEVENT_INIT_CLOEXEC);
	if (kq < 0 || pipe2(p, O_NONBLOCK))
		return 1;
	if (add_fd(kq, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, KEVENT_REQ_ET))
		return 1;
	for (i = 0; i < 100 && !bad; i++) {
		if (write(p[1], "x", 1) != 1 || get(kq, &ev, 1, LONG_MS) != 1 ||
		    ev.id.raw[0] != p[0] || ev.ret_flags != KEVENT_RET_DONE ||
		    read(p[0], &c, 1) != 1 || get(kq, &ev, 1, 0))
			bad = 1;
	}
	close(kq);
	close(p[0]);
	close(p[1]);
	return bad;
}

static int fuzz(void)
{
	static struct fuzzer f[MAX_THREADS];
	unsigned long worked = 0, events = 0;
	unsigned int i;
	int fd, p[2];

	for (fd = QUEUE_BASE; fd < FILE_BASE; fd++) {
		int kq = kevent_init(NULL, fd & 1 ? 16 : 0, fd & 1 ?
				     KEVENT_INIT_MAP : 0);

		if (kq < 0 || dup2(kq, fd) < 0)
			return 1;
		close(kq);
	}
	for (i = 0; i < nr_threads; i++) {
		f[i].state = (seed * MAX_THREADS + i) * 0x9e3779b97f4a7c15ULL;
		f[i].left = nr_calls / nr_threads;
		if (pthread_create(&f[i].thread, NULL, fuzz_run, &f[i]))
			return 1;
	}
	wait_for_all(f);
	for (i = 0; i < nr_threads; i++) {
		worked += f[i].worked;
		events += f[i].events;
	}
	ksft_print_msg("%lu interests worked on, %lu events\n", worked, events);
	/* Or it was not much of a test. */
	if (worked < nr_calls / 8 || events < nr_calls / 100)
		return 1;
	if (good_queue(p)) {
		ksft_print_msg("a good queue suffered\n");
		return 1;
	}
	for (i = 0; i < NR_TIMERS; i++)
		if (timers[i] >= 0)
			syscall(SYS_timer_delete, timers[i]);
	for (fd = QUEUE_BASE; fd < MAX_FD; fd++)
		close(fd);
	return good_queue(p);
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = nothing };
	int opt, i;

	while ((opt = getopt(argc, argv, "n:s:t:xh")) != -1) {
		switch (opt) {
		case 'n':
			nr_calls = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			nr_threads = strtoul(optarg, NULL, 0);
			break;
		case 'x':
			/* Of fuzz_fork(): to have been started was all. */
			return 0;
		default:
			fprintf(stderr, "usage: kevent_fuzz [-n COUNT] [-s SEED] [-t THREADS]\n");
			return 2;
		}
	}
	if (!nr_threads || nr_threads > MAX_THREADS || nr_calls < nr_threads) {
		fprintf(stderr, "kevent_fuzz: 1 to %d threads, a call or more for each\n",
			MAX_THREADS);
		return 2;
	}
	ksft_print_header();
	ksft_set_plan(1);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < NR_TIMERS; i++)
		timers[i] = -1;
	pages = mmap(NULL, (NR_PAGES + 1) * PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED || munmap(pages + NR_PAGES * PAGE, PAGE))
		ksft_exit_fail_msg("no memory\n");
	ksft_test_result(!fuzz(), "fuzz %lu %llu\n", nr_calls,
			 (unsigned long long)seed);
	ksft_finished();
}
