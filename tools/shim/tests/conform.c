// SPDX-License-Identifier: GPL-2.0-only
/*
 * What epoll does, as TAP. Knows of epoll only: it passes without the library,
 * and has to pass with it.
 *
 *   epoll-conform [kevent]
 *
 * With "kevent" the points in which kevent-epoll differs, and says so in its
 * manual, are expected to differ.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned int nr, nr_failed;
static bool on_kevent;

static void result(bool ok, const char *what)
{
	printf("%sok %u %s\n", ok ? "" : "not ", ++nr, what);
	nr_failed += !ok;
}

/* An expression that must be true is its own title. */
#define T(expr)		result(expr, #expr)

static int ctl(int epfd, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	return epoll_ctl(epfd, op, fd, &ev) ? -errno : 0;
}

static int add(int epfd, int fd, uint32_t events)
{
	return ctl(epfd, EPOLL_CTL_ADD, fd, events, fd);
}

static int mod(int epfd, int fd, uint32_t events)
{
	return ctl(epfd, EPOLL_CTL_MOD, fd, events, fd);
}

static int del(int epfd, int fd)
{
	return ctl(epfd, EPOLL_CTL_DEL, fd, 0, 0);
}

static struct epoll_event got[64];

/* Number of events that are there. */
static int now(int epfd)
{
	memset(got, 0, sizeof(got));
	return epoll_wait(epfd, got, 64, 0);
}

/* The events of a descriptor, of which alone there are some. */
static uint32_t only(int epfd, int fd)
{
	return now(epfd) == 1 && got[0].data.u64 == (uint64_t)fd ? got[0].events : 0;
}

static void put(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void drain(int fd)
{
	char buf[64];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

static int event_fd(void)
{
	return eventfd(0, EFD_NONBLOCK);
}

static void test_errors(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), fd = event_fd(), other = event_fd();
	int file = open("/proc/self/exe", O_RDONLY), closed = dup(fd);
	struct timespec bad = { .tv_nsec = 1000000000 };
	struct epoll_event ev;

	close(closed);
	puts("# errors");
	T(ep >= 0);
	T(fcntl(ep, F_GETFD) == FD_CLOEXEC);
	T(epoll_create1(1) == -1 && errno == EINVAL);
	T(epoll_create(0) == -1 && errno == EINVAL);
	T(add(ep, fd, EPOLLIN) == 0);
	T(add(ep, fd, EPOLLIN) == -EEXIST);
	T(add(ep, closed, EPOLLIN) == -EBADF);
	T(add(ep, -1, EPOLLIN) == -EBADF);
	T(mod(ep, closed, EPOLLIN) == -EBADF);
	T(del(ep, closed) == -EBADF);
	T(add(closed, fd, EPOLLIN) == -EBADF);
	T(add(other, fd, EPOLLIN) == -EINVAL);
	T(add(ep, ep, EPOLLIN) == -EINVAL);
	T(add(ep, file, EPOLLIN) == -EPERM);
	T(mod(ep, other, EPOLLIN) == -ENOENT);
	T(del(ep, other) == -ENOENT);
	T(ctl(ep, 17, fd, EPOLLIN, 0) == -EINVAL);
	T(epoll_ctl(ep, EPOLL_CTL_ADD, other, NULL) == -1 && errno == EFAULT);
	T(epoll_wait(ep, &ev, 0, 0) == -1 && errno == EINVAL);
	T(epoll_wait(fd, &ev, 1, 0) == -1 && errno == EINVAL);
	T(epoll_wait(closed, &ev, 1, 0) == -1 && errno == EBADF);
	T(epoll_pwait2(ep, &ev, 1, &bad, NULL) == -1 && errno == EINVAL);
	T(add(ep, other, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT) == -EINVAL);
	T(mod(ep, fd, EPOLLIN | EPOLLEXCLUSIVE) == -EINVAL);
	T(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL) == 0);
	T(del(ep, fd) == -ENOENT);
	close(ep);
	close(fd);
	close(other);
	close(file);
}

static void test_level(void)
{
	int ep = epoll_create1(0), fd = event_fd();

	puts("# level");
	add(ep, fd, EPOLLIN);
	T(now(ep) == 0);
	put(fd);
	T(only(ep, fd) == EPOLLIN);
	T(only(ep, fd) == EPOLLIN);
	drain(fd);
	T(now(ep) == 0);
	T(mod(ep, fd, EPOLLIN | EPOLLOUT) == 0);
	T(only(ep, fd) == EPOLLOUT);
	put(fd);
	T(only(ep, fd) == (EPOLLIN | EPOLLOUT));
	T(mod(ep, fd, 0) == 0);
	T(now(ep) == 0);
	T(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0x123456789abcdef0) == 0);
	T(now(ep) == 1 && got[0].data.u64 == 0x123456789abcdef0);
	T(del(ep, fd) == 0);
	T(now(ep) == 0);
	T(add(ep, fd, EPOLLIN) == 0);
	T(only(ep, fd) == EPOLLIN);
	close(ep);
	close(fd);
}

static void test_edge(void)
{
	int ep = epoll_create1(0), fd = event_fd();

	puts("# edge");
	add(ep, fd, EPOLLIN | EPOLLET);
	put(fd);
	T(only(ep, fd) == EPOLLIN);
	T(now(ep) == 0);
	put(fd);
	T(only(ep, fd) == EPOLLIN);
	T(now(ep) == 0);
	put(fd);
	put(fd);
	T(only(ep, fd) == EPOLLIN);
	T(now(ep) == 0);
	T(mod(ep, fd, EPOLLIN | EPOLLET) == 0);
	T(only(ep, fd) == EPOLLIN);
	put(fd);
	drain(fd);
	T(now(ep) == 0);
	close(ep);
	close(fd);
}

static void test_oneshot(void)
{
	int ep = epoll_create1(0), fd = event_fd();

	puts("# oneshot");
	T(add(ep, fd, EPOLLIN | EPOLLONESHOT) == 0);
	put(fd);
	T(only(ep, fd) == EPOLLIN);
	T(now(ep) == 0);
	put(fd);
	T(now(ep) == 0);
	T(mod(ep, fd, EPOLLIN | EPOLLONESHOT) == 0);
	T(only(ep, fd) == EPOLLIN);
	T(now(ep) == 0);
	T(mod(ep, fd, EPOLLIN | EPOLLONESHOT) == 0);
	T(mod(ep, fd, EPOLLIN | EPOLLONESHOT) == 0);
	T(only(ep, fd) == EPOLLIN);
	T(mod(ep, fd, EPOLLIN) == 0);
	T(only(ep, fd) == EPOLLIN);
	T(only(ep, fd) == EPOLLIN);
	T(mod(ep, fd, EPOLLIN | EPOLLONESHOT | EPOLLET) == 0);
	T(only(ep, fd) == EPOLLIN);
	T(del(ep, fd) == 0);
	T(mod(ep, fd, EPOLLIN | EPOLLONESHOT) == -ENOENT);
	T(add(ep, fd, EPOLLIN | EPOLLONESHOT) == 0);
	T(only(ep, fd) == EPOLLIN);
	T((add(ep, fd, EPOLLIN | EPOLLONESHOT) == 0) == on_kevent);
	close(ep);
	close(fd);
}

static void test_streams(void)
{
	int ep = epoll_create1(0), sv[2], pipes[2];

	puts("# streams");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv) || pipe2(pipes, O_NONBLOCK))
		abort();
	add(ep, sv[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	T(only(ep, sv[0]) == EPOLLOUT);
	put(sv[1]);
	T(only(ep, sv[0]) == (EPOLLIN | EPOLLOUT));
	drain(sv[0]);
	shutdown(sv[1], SHUT_WR);
	T(only(ep, sv[0]) == (EPOLLIN | EPOLLOUT | EPOLLRDHUP));
	mod(ep, sv[0], 0);
	T(now(ep) == 0);
	close(sv[1]);
	T(only(ep, sv[0]) == EPOLLHUP);
	del(ep, sv[0]);
	add(ep, pipes[0], EPOLLIN);
	add(ep, pipes[1], EPOLLOUT);
	T(only(ep, pipes[1]) == EPOLLOUT);
	while (write(pipes[1], got, sizeof(got)) > 0)
		;
	T(only(ep, pipes[0]) == EPOLLIN);
	drain(pipes[0]);
	T(only(ep, pipes[1]) == EPOLLOUT);
	close(pipes[1]);
	T(only(ep, pipes[0]) == EPOLLHUP);
	close(pipes[0]);
	T(now(ep) == 0);
	close(sv[0]);
	close(ep);
}

static void test_close(void)
{
	int ep = epoll_create1(0), fd = event_fd(), copy, again;
	struct pollfd pfd = { .fd = ep, .events = POLLIN };

	puts("# close");
	add(ep, fd, EPOLLIN);
	put(fd);
	close(fd);
	T(now(ep) == 0);
	T(poll(&pfd, 1, 0) == 0);
	again = event_fd();
	T(again == fd);
	T(mod(ep, again, EPOLLIN) == -ENOENT);
	T(add(ep, again, EPOLLIN) == 0);
	put(again);
	T(only(ep, again) == EPOLLIN);
	drain(again);

	/* The file lives on in the other descriptor; so does epoll's interest. */
	copy = dup(again);
	close(again);
	put(copy);
	T((now(ep) == 0) == on_kevent);
	T(add(ep, copy, EPOLLIN) == 0);
	T(now(ep) == (on_kevent ? 1 : 2));
	close(copy);
	T(now(ep) == 0);
	close(ep);
}

static void test_many(void)
{
	int ep = epoll_create1(0), fds[600], i, n, seen = 0, rounds = 0;
	static struct epoll_event events[600];
	bool is_seen[600] = {};

	puts("# many");
	for (i = 0; i < 600; i++) {
		fds[i] = event_fd();
		put(fds[i]);
		ctl(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN, i);
	}
	/* With little room all get their turn. */
	while (seen < 600 && rounds++ < 1000) {
		n = epoll_wait(ep, events, 7, 0);
		for (i = 0; i < n; i++) {
			seen += !is_seen[events[i].data.u64];
			is_seen[events[i].data.u64] = true;
		}
	}
	T(seen == 600);
	T(rounds <= 600 / 7 + 1);
	n = epoll_wait(ep, events, 600, 0);
	T(n > 200 && n <= 600);
	for (i = 0; i < 600; i++)
		close(fds[i]);
	T(epoll_wait(ep, events, 600, 0) == 0);
	close(ep);
}

static void test_exclusive(void)
{
	int first = epoll_create1(0), second = epoll_create1(0), fd = event_fd();

	puts("# exclusive");
	add(first, fd, EPOLLIN | EPOLLET);
	add(second, fd, EPOLLIN | EPOLLET);
	put(fd);
	T(now(first) == 1);
	T(now(second) == 1);
	del(first, fd);
	del(second, fd);
	drain(fd);
	T(add(first, fd, EPOLLIN | EPOLLEXCLUSIVE) == 0);
	T(add(second, fd, EPOLLIN | EPOLLEXCLUSIVE) == 0);
	put(fd);
	T(now(first) + now(second) >= 1);
	close(first);
	close(second);
	close(fd);
}

static void test_nested(void)
{
	int outer = epoll_create1(0), inner = epoll_create1(0), fd = event_fd();
	struct pollfd pfd = { .fd = inner, .events = POLLIN };

	puts("# nested");
	add(inner, fd, EPOLLIN);
	T(add(outer, inner, EPOLLIN) == 0);
	T(now(outer) == 0);
	T(poll(&pfd, 1, 0) == 0);
	put(fd);
	T(poll(&pfd, 1, 0) == 1 && pfd.revents == POLLIN);
	T(only(outer, inner) == EPOLLIN);
	T(only(inner, fd) == EPOLLIN);
	T(only(outer, inner) == EPOLLIN);
	drain(fd);
	T(now(inner) == 0);
	T(now(outer) == 0);
	T(poll(&pfd, 1, 0) == 0);
	T(add(inner, outer, EPOLLIN) == -ELOOP);
	T(mod(outer, inner, EPOLLIN | EPOLLET) == 0);
	put(fd);
	T(only(outer, inner) == EPOLLIN);
	T(now(outer) == 0);
	close(inner);
	T(now(outer) == 0);
	close(outer);
	close(fd);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void test_waiting(void)
{
	int ep = epoll_create1(0), fd = event_fd(), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec soon = { .it_value.tv_nsec = 20000000 };
	struct itimerval shot = { .it_value.tv_usec = 20000 };
	struct timespec ts = { .tv_nsec = 20000000 }, before, after;
	struct sigaction action = { .sa_handler = on_alarm };
	sigset_t blocked, none;
	struct epoll_event ev;

	puts("# waiting");
	clock_gettime(CLOCK_MONOTONIC, &before);
	T(epoll_wait(ep, &ev, 1, 20) == 0);
	T(epoll_pwait2(ep, &ev, 1, &ts, NULL) == 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	T((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 40000000);
	add(ep, timer, EPOLLIN);
	timerfd_settime(timer, 0, &soon, NULL);
	T(epoll_wait(ep, &ev, 1, -1) == 1 && ev.data.u64 == (uint64_t)timer);
	del(ep, timer);

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &shot, NULL);
	T(epoll_wait(ep, &ev, 1, -1) == -1 && errno == EINTR);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGALRM);
	T(epoll_wait(ep, &ev, 1, 0) == 0);
	T(epoll_pwait(ep, &ev, 1, -1, &none) == -1 && errno == EINTR);
	T(epoll_pwait(ep, &ev, 1, 0, &none) == 0);
	add(ep, fd, EPOLLIN);
	put(fd);
	raise(SIGALRM);
	T(epoll_pwait(ep, &ev, 1, -1, &blocked) == 1);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	close(ep);
	close(fd);
	close(timer);
}

static void test_fork(void)
{
	int ep = epoll_create1(0), fd = event_fd(), dupped = dup(ep), status = -1;
	struct epoll_event ev;
	pid_t pid;

	puts("# fork and dup");
	T(add(dupped, fd, EPOLLIN) == 0);
	T(add(ep, fd, EPOLLIN) == -EEXIST);
	pid = fork();
	if (!pid) {
		/* Here it is closed, there it is not. */
		int other = event_fd();

		if (epoll_wait(ep, &ev, 1, -1) != 1 || ev.data.u64 != (uint64_t)fd)
			_exit(1);
		close(fd);
		_exit(add(ep, other, EPOLLIN) ? 2 : 0);
	}
	put(fd);
	waitpid(pid, &status, 0);
	T(status == 0);
	T(only(ep, fd) == EPOLLIN);
	close(ep);
	T(only(dupped, fd) == EPOLLIN);
	close(dupped);
	close(fd);
}

#define NR_TOKENS	20000

static struct {
	int		ep;
	int		fds[8];
	unsigned int	tokens;
	unsigned int	wrong;
} team;

/* Each descriptor is with one thread at a time, as oneshot has it. */
static void *take_tokens(void *arg)
{
	struct epoll_event ev;
	uint64_t value;
	int fd;

	(void)arg;
	for (;;) {
		if (epoll_wait(team.ep, &ev, 1, -1) != 1)
			continue;
		fd = ev.data.u64;
		if (fd == team.fds[0]) {
			/* A level that holds wakes one of them, which is to wake the next. */
			put(fd);
			return NULL;
		}
		if (read(fd, &value, sizeof(value)) != sizeof(value))
			__atomic_add_fetch(&team.wrong, 1, __ATOMIC_RELAXED);
		else
			__atomic_add_fetch(&team.tokens, 1, __ATOMIC_SEQ_CST);
		if (mod(team.ep, fd, EPOLLIN | EPOLLONESHOT))
			__atomic_add_fetch(&team.wrong, 1, __ATOMIC_RELAXED);
	}
}

static void test_threads(void)
{
	pthread_t threads[4];
	unsigned int i;

	puts("# threads");
	team.ep = epoll_create1(0);
	team.fds[0] = event_fd();
	add(team.ep, team.fds[0], EPOLLIN);
	for (i = 1; i < 8; i++) {
		team.fds[i] = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
		add(team.ep, team.fds[i], EPOLLIN | EPOLLONESHOT);
	}
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, take_tokens, NULL);
	for (i = 0; i < NR_TOKENS; i++)
		put(team.fds[1 + i % 7]);
	while (__atomic_load_n(&team.tokens, __ATOMIC_SEQ_CST) < NR_TOKENS)
		sched_yield();
	put(team.fds[0]);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	T(team.tokens == NR_TOKENS);
	T(team.wrong == 0);
	for (i = 0; i < 8; i++)
		close(team.fds[i]);
	close(team.ep);
}

int main(int argc, char **argv)
{
	on_kevent = argc > 1 && !strcmp(argv[1], "kevent");
	alarm(300);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13");
	if (epoll_create1(0) < 0) {
		printf("Bail out! no epoll: %s\n", strerror(errno));
		return 1;
	}
	test_errors();
	test_level();
	test_edge();
	test_oneshot();
	test_streams();
	test_close();
	test_many();
	test_exclusive();
	test_nested();
	test_fork();
	test_threads();
	test_waiting();
	printf("1..%u\n", nr);
	return nr_failed != 0;
}
