// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: each source tells what it should, and nothing else.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "kevent_test.h"

FIXTURE(source)
{
	int kq;
};

FIXTURE_SETUP(source)
{
	self->kq = kevent_init(NULL, 0, 0);
	ASSERT_GE(self->kq, 0);
}

FIXTURE_TEARDOWN(source)
{
	close(self->kq);
}

static int listen_tcp(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (void *)addr, sizeof(*addr)) || listen(fd, 16) ||
	    getsockname(fd, (void *)addr, &len))
		return -1;
	return fd;
}

TEST_F(source, socket_tells_bytes_and_connections)
{
	struct sockaddr_in addr;
	struct ukevent ev;
	int l, a, b;

	l = listen_tcp(&addr);
	ASSERT_GE(l, 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, l, KEVENT_SOCKET_ACCEPT, 0),
		  0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	a = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(connect(a, (void *)&addr, sizeof(addr)), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw[0], l);
	EXPECT_EQ(ev.ret_data[1], 1);
	b = accept(l, NULL, NULL);
	ASSERT_GE(b, 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);

	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, b, KEVENT_SOCKET_RECV, 0), 0);
	ASSERT_EQ(write(a, "12345", 5), 5);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw[0], b);
	EXPECT_EQ(ev.ret_data[0] & KEVENT_POLL_POLLIN, KEVENT_POLL_POLLIN);
	EXPECT_EQ(ev.ret_data[1], 5);

	/* The end is an event, not a failure. */
	close(a);
	do {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	} while (!(ev.ret_data[0] & KEVENT_POLL_POLLRDHUP));
	EXPECT_EQ(ev.ret_flags, KEVENT_RET_DONE);
	close(b);
	close(l);
}

/* FIN is not counted as a byte: behind data, alone, and after it was read. */
TEST_F(source, socket_tells_bytes_before_the_end)
{
	struct sockaddr_in addr;
	struct ukevent ev;
	char buf[8];
	int l, a, b;

	l = listen_tcp(&addr);
	ASSERT_GE(l, 0);
	a = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(connect(a, (void *)&addr, sizeof(addr)), 0);
	b = accept(l, NULL, NULL);
	ASSERT_GE(b, 0);
	ASSERT_EQ(write(a, "abc", 3), 3);
	ASSERT_EQ(shutdown(a, SHUT_WR), 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, b, KEVENT_SOCKET_RECV, 0), 0);
	do {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	} while (!(ev.ret_data[0] & KEVENT_POLL_POLLRDHUP));
	EXPECT_EQ(ev.ret_data[1], 3);
	ASSERT_EQ(read(b, buf, sizeof(buf)), 3);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[1], 0);
	ASSERT_EQ(read(b, buf, sizeof(buf)), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[1], 0);
	close(a);
	close(b);
	close(l);
}

/* AF_UNIX has no backlog counter: see kevent_socket_measure(). */
TEST_F(source, socket_tells_connections_of_unix_sockets)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	struct ukevent ev;
	int l, s[3], i;

	l = socket(AF_UNIX, SOCK_STREAM, 0);
	/* Autobind: the kernel chooses the name. */
	ASSERT_EQ(bind(l, (void *)&addr, sizeof(sa_family_t)), 0);
	ASSERT_EQ(listen(l, 5), 0);
	ASSERT_EQ(getsockname(l, (void *)&addr, &len), 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, l, KEVENT_SOCKET_ACCEPT, 0),
		  0);
	for (i = 0; i < 3; i++) {
		s[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		ASSERT_EQ(connect(s[i], (void *)&addr, len), 0);
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_EQ(ev.ret_data[1], i + 1);
	}
	close(accept(l, NULL, NULL));
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[1], 2);
	for (i = 0; i < 3; i++)
		close(s[i]);
	close(l);
}

TEST_F(source, socket_send_tells_of_room)
{
	char buf[4096] = { 0 };
	struct ukevent ev;
	int s[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s), 0);
	while (write(s[0], buf, sizeof(buf)) > 0)
		;
	ASSERT_EQ(add_fd(self->kq, KEVENT_SOCKET, s[0], KEVENT_SOCKET_SEND, 0),
		  0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	while (read(s[1], buf, sizeof(buf)) > 0)
		;
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0] & KEVENT_POLL_POLLOUT, KEVENT_POLL_POLLOUT);
	close(s[1]);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0] & KEVENT_POLL_POLLHUP, KEVENT_POLL_POLLHUP);
	close(s[0]);
}

TEST_F(source, socket_and_pipe_refuse_other_files)
{
	int p[2], s[2];

	ASSERT_EQ(pipe(p), 0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	EXPECT_EQ(add_fd(self->kq, KEVENT_SOCKET, p[0], 1, 0), -EINVAL);
	EXPECT_EQ(add_fd(self->kq, KEVENT_PIPE, s[0], 1, 0), -EINVAL);
	EXPECT_EQ(add_fd(self->kq, KEVENT_PIPE, p[0], KEVENT_SOCKET_ACCEPT, 0),
		  -EINVAL);
	EXPECT_EQ(add_fd(self->kq, KEVENT_PIDFD, s[0], 1, 0), -EINVAL);
}

TEST_F(source, pipe_tells_of_the_other_end)
{
	struct ukevent ev;
	int p[2], q[2];

	ASSERT_EQ(pipe(p), 0);
	ASSERT_EQ(pipe(q), 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, 0),
		  0);
	close(p[1]);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_POLL_POLLHUP);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, ev), 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, q[1], KEVENT_MASK_EMPTY, 0), 0);
	close(q[0]);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_POLL_POLLERR);
	close(p[0]);
	close(q[1]);
}

TEST_F(source, poll_takes_what_can_be_polled)
{
	struct ukevent ev;
	uint64_t one = 1;
	int fd, file;

	fd = eventfd(0, EFD_NONBLOCK);
	file = open("/proc/self/exe", O_RDONLY);
	ASSERT_GE(fd, 0);
	ASSERT_GE(file, 0);
	EXPECT_EQ(add_fd(self->kq, KEVENT_POLL, file, KEVENT_POLL_POLLIN, 0),
		  -EPERM);
	EXPECT_EQ(add_fd(self->kq, KEVENT_POLL, fd, 1 << 28, 0), -EINVAL);
	ASSERT_EQ(add_fd(self->kq, KEVENT_POLL, fd, KEVENT_POLL_POLLIN, 0), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	ASSERT_EQ(write(fd, &one, 8), 8);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_POLL_POLLIN);
	ASSERT_EQ(read(fd, &one, 8), 8);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	close(fd);
	close(file);
}

TEST_F(source, inode_tells_what_happens_in_a_directory)
{
	char dir[] = "/tmp/kevent.XXXXXX", a[64], b[64];
	struct ukevent ev;
	int fd, file;

	ASSERT_NE(mkdtemp(dir), NULL);
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	fd = open(dir, O_PATH);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_INODE, fd, KEVENT_MASK_ALL, 0), 0);

	file = open(a, O_CREAT | O_RDWR, 0600);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_INODE_CREATE);
	ASSERT_EQ(write(file, "x", 1), 1);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_INODE_MODIFY);
	fchmod(file, 0640);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_INODE_ATTRIB);
	ASSERT_EQ(rename(a, b), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_INODE_RENAME);
	close(file);
	ASSERT_EQ(unlink(b), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0] & KEVENT_INODE_REMOVE, KEVENT_INODE_REMOVE);
	close(fd);
	rmdir(dir);
}

TEST_F(source, inode_tells_of_a_file_and_its_end)
{
	char path[] = "/tmp/kevent.XXXXXX";
	int fd = mkstemp(path);
	struct ukevent ev;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_INODE, fd, KEVENT_INODE_REMOVE |
			 KEVENT_INODE_MODIFY, 0), 0);
	ASSERT_EQ(write(fd, "x", 1), 1);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_INODE_MODIFY);
	EXPECT_EQ(ev.ret_data[1], 1);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	unlink(path);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], KEVENT_INODE_REMOVE);
	close(fd);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_flags & KEVENT_RET_CLOSED, KEVENT_RET_CLOSED);
}

TEST_F(source, timer_repeats_and_counts)
{
	struct ukevent ev, t = interest(KEVENT_TIMER, 0, KEVENT_TIMER_FIRED, 0);
	unsigned int sum = 0;

	EXPECT_EQ(add(self->kq, t), -EINVAL);
	t.id.raw[1] = 1000000000;
	EXPECT_EQ(add(self->kq, t), -EINVAL);
	t.id.raw[1] = 1000000;
	ASSERT_EQ(add(self->kq, t), 0);
	while (sum < 20) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_GE(ev.ret_data[1], 1);
		sum += ev.ret_data[1];
	}
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, t), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);

	/* As fast as it can be asked for: nothing bad happens. */
	t.id.raw[1] = 1;
	ASSERT_EQ(add(self->kq, t), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, t), 0);
}

TEST_F(source, timer_once_and_at_a_point_in_time)
{
	struct ukevent ev, t = interest(KEVENT_TIMER, 0, KEVENT_TIMER_FIRED,
					KEVENT_REQ_ONESHOT);
	struct timespec now;

	t.id.raw[1] = 1000000;
	ASSERT_EQ(add(self->kq, t), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[1], 1);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);

	clock_gettime(CLOCK_REALTIME, &now);
	t.id.raw[0] = now.tv_sec - 1;
	t.req_flags = KEVENT_REQ_ABSTIME | KEVENT_REQ_REALTIME;
	EXPECT_EQ(add(self->kq, t), -EINVAL);
	t.req_flags |= KEVENT_REQ_ONESHOT;
	ASSERT_EQ(add(self->kq, t), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw[0], now.tv_sec - 1);
}

TEST_F(source, posix_timer_goes_to_the_queue)
{
	struct sigevent sev = { .sigev_notify = SIGEV_KEVENT };
	struct itimerspec once = { .it_value.tv_nsec = 1000000 };
	struct itimerspec again = { { 0, 1000000 }, { 0, 1000000 } };
	unsigned int sum = 0;
	struct ukevent ev;
	int id;

	sev.sigev_value.sival_ptr = (void *)0x1234;
	KEVENT_SIGEV_FD(&sev) = -1;
	EXPECT_EQ(syscall(SYS_timer_create, CLOCK_MONOTONIC, &sev, &id), -1);
	EXPECT_EQ(errno, EBADF);
	KEVENT_SIGEV_FD(&sev) = 0;
	EXPECT_EQ(syscall(SYS_timer_create, CLOCK_MONOTONIC, &sev, &id), -1);
	KEVENT_SIGEV_FD(&sev) = self->kq;
	ASSERT_EQ(syscall(SYS_timer_create, CLOCK_MONOTONIC, &sev, &id), 0);
	ASSERT_EQ(syscall(SYS_timer_settime, id, 0, &once, NULL), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.type, KEVENT_POSIX_TIMER);
	EXPECT_EQ(ev.id.raw[0], id);
	EXPECT_EQ(ev.cookie, 0x1234);
	EXPECT_EQ(ev.ret_data[0], 0);
	EXPECT_EQ(ev.ret_data[1], 1);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);

	ASSERT_EQ(syscall(SYS_timer_settime, id, 0, &again, NULL), 0);
	while (sum < 20) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_EQ(ev.ret_data[0], ev.ret_data[1] - 1);
		sum += ev.ret_data[1];
	}
	/* It is not kevent_ctl()'s. */
	EXPECT_EQ(change(self->kq, KEVENT_CTL_REMOVE, ev), -EINVAL);
	ASSERT_EQ(syscall(SYS_timer_delete, id), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, SHORT_MS), 0);
}

TEST_F(source, posix_timer_survives_its_queue)
{
	struct itimerspec again = { { 0, 1000000 }, { 0, 1000000 } };
	struct sigevent sev = { .sigev_notify = SIGEV_KEVENT };
	unsigned int sum = 0;
	struct ukevent ev;
	int i, id[2];

	for (i = 0; i < 2; i++) {
		KEVENT_SIGEV_FD(&sev) = self->kq;
		ASSERT_EQ(syscall(SYS_timer_create, CLOCK_MONOTONIC, &sev,
				  &id[i]), 0);
		ASSERT_EQ(syscall(SYS_timer_settime, id[i], 0, &again, NULL),
			  0);
		if (i)
			break;
		close(self->kq);
		self->kq = kevent_init(NULL, 0, 0);
	}
	/* What the second one tells the first one had to tell, too. */
	while (sum < 20) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		EXPECT_EQ(ev.id.raw[0], id[1]);
		sum += ev.ret_data[1];
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(syscall(SYS_timer_delete, id[i]), 0);
}

static volatile int handled;

static void handler(int sig)
{
	handled++;
}

TEST_F(source, signal_is_told_and_delivered)
{
	struct ukevent ev;

	signal(SIGUSR1, handler);
	EXPECT_EQ(add(self->kq, interest(KEVENT_SIGNAL, 0, 1, 0)), -EINVAL);
	EXPECT_EQ(add(self->kq, interest(KEVENT_SIGNAL, 65, 1, 0)), -EINVAL);
	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGUSR1,
					 KEVENT_SIGNAL_DELIVERY, 0)), 0);
	handled = 0;
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(handled, 1);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.id.raw_u64, SIGUSR1);
	EXPECT_EQ(ev.ret_data[0], 1);
	EXPECT_EQ(ev.ret_data[1], getpid());
	kill(getpid(), SIGUSR1);
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	EXPECT_EQ(handled, 3);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], 2);
}

TEST_F(source, signal_nomask_is_not_delivered)
{
	struct ukevent ev;

	signal(SIGUSR1, handler);
	EXPECT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGKILL |
					 KEVENT_SIGNAL_NOMASK, 1, 0)), -EINVAL);
	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGUSR1 |
					 KEVENT_SIGNAL_NOMASK, 1, 0)), 0);
	handled = 0;
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(handled, 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	close(self->kq);
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(handled, 1);
	self->kq = kevent_init(NULL, 0, 0);
}

static int take(int sig, siginfo_t *info)
{
	struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	/* The C library makes SI_USER of SI_TKILL. */
	return syscall(SYS_rt_sigtimedwait, &set, info, &now, 8);
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Blocked, so that it stays; the event says that it is there to be taken. */
TEST_F(source, a_blocked_signal_keeps_its_siginfo)
{
	int sig = SIGRTMIN, i;
	struct ukevent ev;
	siginfo_t info;

	block(sig);
	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, sig,
					 KEVENT_SIGNAL_PROCESS, 0)), 0);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(sigqueue(getpid(), sig, (union sigval){ .sival_int =
								  i }), 0);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], 3);
	EXPECT_EQ(ev.ret_data[1], getpid());
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(take(sig, &info), sig);
		EXPECT_EQ(info.si_code, SI_QUEUE);
		EXPECT_EQ(info.si_value.sival_int, i);
		EXPECT_EQ(info.si_pid, getpid());
		EXPECT_EQ(info.si_uid, getuid());
	}
	EXPECT_EQ(take(sig, &info), -1);
}

/* To a thread: it is that thread's to take. */
TEST_F(source, a_blocked_signal_of_a_thread_keeps_its_siginfo)
{
	struct ukevent ev;
	siginfo_t info;

	block(SIGUSR1);
	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGUSR1,
					 KEVENT_SIGNAL_THREAD, 0)), 0);
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	EXPECT_EQ(take(SIGUSR1, &info), SIGUSR1);
	/* Sent twice, queued once, as below SIGRTMIN. */
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[0], 2);
	ASSERT_EQ(take(SIGUSR1, &info), SIGUSR1);
	EXPECT_EQ(info.si_code, SI_TKILL);
	EXPECT_EQ(take(SIGUSR1, &info), -1);
}

/* With NOMASK it is never pending, blocked or not. */
TEST_F(source, signal_nomask_is_not_pending)
{
	struct ukevent ev;
	siginfo_t info;

	block(SIGRTMIN);
	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGRTMIN |
					 KEVENT_SIGNAL_NOMASK, 1, 0)), 0);
	kill(getpid(), SIGRTMIN);
	EXPECT_EQ(take(SIGRTMIN, &info), -1);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(ev.ret_data[1], getpid());
}

#define NR_SIGNALS	500

static void *send_signals(void *arg)
{
	union sigval value = { };

	for (; value.sival_int < NR_SIGNALS; value.sival_int++)
		if (sigqueue(getpid(), SIGRTMIN, value))
			break;
	return NULL;
}

/* As many as the event counts are there when it is told, not soon after. */
TEST_F(source, a_signal_is_pending_when_it_is_told)
{
	unsigned int sum = 0, i;
	struct ukevent ev;
	siginfo_t info;
	pthread_t t;

	block(SIGRTMIN);
	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGRTMIN,
					 KEVENT_SIGNAL_PROCESS, 0)), 0);
	ASSERT_EQ(pthread_create(&t, NULL, send_signals, NULL), 0);
	while (sum < NR_SIGNALS) {
		ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
		for (i = 0; i < ev.ret_data[0]; i++) {
			ASSERT_EQ(take(SIGRTMIN, &info), SIGRTMIN);
			EXPECT_EQ(info.si_value.sival_int, sum + i);
		}
		sum += i;
	}
	pthread_join(t, NULL);
	EXPECT_EQ(sum, NR_SIGNALS);
}

TEST_F(source, signal_is_not_inherited)
{
	struct ukevent ev;
	pid_t pid;
	int status;

	signal(SIGUSR1, handler);
	ASSERT_EQ(add(self->kq, interest(KEVENT_SIGNAL, SIGUSR1 |
					 KEVENT_SIGNAL_NOMASK, 1, 0)), 0);
	pid = fork();
	if (!pid) {
		handled = 0;
		kill(getpid(), SIGUSR1);
		_exit(handled);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 1);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
}

TEST_F(source, a_fault_is_delivered_all_the_same)
{
	pid_t pid;
	int status;

	pid = fork();
	if (!pid) {
		int kq = kevent_init(NULL, 0, 0);

		signal(SIGSEGV, SIG_DFL);
		if (add(kq, interest(KEVENT_SIGNAL, SIGSEGV |
				     KEVENT_SIGNAL_NOMASK, 1, 0)))
			_exit(1);
		*(volatile char *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE |
				       MAP_ANONYMOUS, -1, 0) = 0;
		_exit(2);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

TEST_F(source, user_events_count)
{
	struct ukevent u = interest(KEVENT_USER, 77, 0, 0), ev;

	ASSERT_EQ(add(self->kq, u), 0);
	u.ret_data[1] = 5;
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 1, &u), 1);
	u.ret_data[1] = 6;
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 1, &u), 1);
	ASSERT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.ret_data[0], 2);
	EXPECT_EQ(ev.ret_data[1], 6);
	u.id.raw_u64 = 78;
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 1, &u), 0);
	EXPECT_EQ(u.ret_flags & KEVENT_RET_BROKEN, KEVENT_RET_BROKEN);
}

TEST_F(source, ready_marks_any_interest)
{
	struct ukevent ev;
	int p[2];

	ASSERT_EQ(pipe(p), 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, 0),
		  0);
	ev = interest(KEVENT_PIPE, p[0], 0, 0);
	EXPECT_EQ(kevent_ctl(self->kq, KEVENT_CTL_READY, 1, &ev), 1);
	ASSERT_EQ(get(self->kq, &ev, 1, 0), 1);
	EXPECT_EQ(ev.ret_data[0], 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
}

TEST_F(source, pidfd_tells_the_status)
{
	struct ukevent ev;
	int fd, go[2];
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(go), 0);
	pid = fork();
	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &c, 1) ? 1 : 42);
	}
	fd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(add_fd(self->kq, KEVENT_PIDFD, fd, KEVENT_POLL_POLLIN,
			 KEVENT_REQ_ONESHOT), 0);
	EXPECT_EQ(get(self->kq, &ev, 1, 0), 0);
	close(go[1]);
	ASSERT_EQ(get(self->kq, &ev, 1, LONG_MS), 1);
	EXPECT_EQ(WEXITSTATUS(ev.ret_data[1]), 42);
	waitpid(pid, NULL, 0);
	close(fd);
}

TEST_HARNESS_MAIN
