// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event test: every kind of event but signals and POSIX timers, every flag.
 *
 *   evtest [NAME...]     names: see tests[]; all unless given
 *
 * The values of the published constants are checked at build time.
 */

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"

#define IS(constant, value)	_Static_assert((constant) == (value), #constant)

IS(KEVENT_SOCKET, 0);
IS(KEVENT_INODE, 1);
IS(KEVENT_TIMER, 2);
IS(KEVENT_POLL, 3);
IS(KEVENT_NAIO, 4);
IS(KEVENT_AIO, 5);
IS(KEVENT_PIPE, 6);
IS(KEVENT_SIGNAL, 7);
IS(KEVENT_POSIX_TIMER, 8);
IS(KEVENT_REQ_ONESHOT, 0x1);
IS(KEVENT_REQ_WAKEUP_ALL, 0x2);
IS(KEVENT_REQ_ET, 0x4);
IS(KEVENT_REQ_LAST_CHECK, 0x8);
IS(KEVENT_REQ_ALWAYS_QUEUE, 0x10);
IS(KEVENT_RET_BROKEN, 0x1);
IS(KEVENT_RET_DONE, 0x2);
IS(KEVENT_RET_COPY_FAILED, 0x4);
IS(KEVENT_CTL_ADD, 0);
IS(KEVENT_CTL_REMOVE, 1);
IS(KEVENT_CTL_MODIFY, 2);
IS(KEVENT_CTL_READY, 3);
IS(KEVENT_FLAGS_ABSTIME, 1);
IS(KEVENT_TIMER_FIRED, 0x1);
IS(KEVENT_SOCKET_RECV, 0x1);
IS(KEVENT_SOCKET_ACCEPT, 0x2);
IS(KEVENT_SOCKET_SEND, 0x4);
IS(KEVENT_INODE_CREATE, 0x1);
IS(KEVENT_INODE_REMOVE, 0x2);
IS(KEVENT_AIO_BIO, 0x1);
IS(KEVENT_SIGNAL_DELIVERY, 0x1);
IS(KEVENT_SIGNAL_NOMASK, 0x8000000000000000ULL);
IS(KEVENT_POLL_POLLIN, POLLIN);
IS(KEVENT_POLL_POLLPRI, POLLPRI);
IS(KEVENT_POLL_POLLOUT, POLLOUT);
IS(KEVENT_POLL_POLLERR, POLLERR);
IS(KEVENT_POLL_POLLHUP, POLLHUP);
IS(KEVENT_POLL_POLLNVAL, POLLNVAL);
IS(KEVENT_POLL_POLLRDNORM, POLLRDNORM);
IS(KEVENT_POLL_POLLRDBAND, POLLRDBAND);
IS(KEVENT_POLL_POLLWRNORM, POLLWRNORM);
IS(KEVENT_POLL_POLLWRBAND, POLLWRBAND);
IS(KEVENT_POLL_POLLMSG, POLLMSG);
IS(KEVENT_POLL_POLLREMOVE, POLLREMOVE);
IS(KEVENT_POLL_POLLRDHUP, POLLRDHUP);
IS(KEVENT_MASK_ALL, 0xffffffff);
IS(KEVENT_MASK_EMPTY, 0);
IS(SIGEV_KEVENT, 8);
IS(sizeof(struct kevent_id), 8);
IS(sizeof(struct ukevent), 40);
IS(__builtin_offsetof(struct ukevent, type), 8);
IS(__builtin_offsetof(struct ukevent, event), 12);
IS(__builtin_offsetof(struct ukevent, req_flags), 16);
IS(__builtin_offsetof(struct ukevent, ret_flags), 20);
IS(__builtin_offsetof(struct ukevent, ret_data), 24);
IS(__builtin_offsetof(struct ukevent, user), 32);
IS(__builtin_offsetof(struct ukevent, ptr), 32);
IS(__builtin_offsetof(struct kevent_ring, ring_kidx), 0);
IS(__builtin_offsetof(struct kevent_ring, ring_over), 4);
IS(__builtin_offsetof(struct kevent_ring, event), 8);

static char buf[4096];

/* Number of events that are there, or come soon enough. */
static int get(int queue, struct ukevent *uk)
{
	return kevent_get_events(queue, 1, 1, LONG_MS, uk);
}

static int get_now(int queue, struct ukevent *uk)
{
	return kevent_get_events(queue, 1, 1, 0, uk);
}

static int add(int queue, unsigned int type, int fd, unsigned int event, unsigned int req_flags)
{
	struct ukevent uk = interest(type, fd, event, req_flags);

	return ctl_one(queue, KEVENT_CTL_ADD, &uk);
}

static int drop(int queue, unsigned int type, int fd)
{
	struct ukevent uk = interest(type, fd, 0, 0);

	return ctl_one(queue, KEVENT_CTL_REMOVE, &uk) ? -1 : broken(&uk);
}

/* === Descriptors ========================================================== */

static void test_pipe(int queue)
{
	struct ukevent uk;
	int p[2];

	CHECK(!pipe(p));
	CHECK(add(queue, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, 0) == 0);
	CHECK(get_now(queue, &uk) == 0);
	CHECK(write(p[1], "abc", 3) == 3);
	CHECK(get(queue, &uk) == 1);
	CHECK(uk.type == KEVENT_PIPE && (int)uk.id.raw[0] == p[0] && !uk.id.raw[1]);
	CHECK(uk.user[0] == 0x20061223 && uk.ret_flags & KEVENT_RET_DONE);
	CHECK(uk.ret_data[0] & KEVENT_POLL_POLLIN && uk.ret_data[1] == 0);
	CHECK(get(queue, &uk) == 1);
	CHECK(read(p[0], buf, sizeof(buf)) == 3);
	CHECK(get_now(queue, &uk) == 0);

	/* Ready at once: handed back, and not registered. */
	uk = interest(KEVENT_PIPE, p[1], KEVENT_SOCKET_SEND, 0);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 1);
	CHECK(uk.ret_flags == KEVENT_RET_DONE && uk.ret_data[0] & KEVENT_POLL_POLLOUT);
	CHECK(drop(queue, KEVENT_PIPE, p[1]) == ENOENT);

	/* The end of the data is an event, and not broken. */
	CHECK(!close(p[1]));
	CHECK(get(queue, &uk) == 1 && uk.ret_data[0] & KEVENT_POLL_POLLHUP && !broken(&uk));

	/* What is closed says so, once. */
	CHECK(!close(p[0]));
	CHECK(get(queue, &uk) == 1 && uk.ret_flags & KEVENT_RET_CLOSED);
	CHECK(get_now(queue, &uk) == 0);
	CHECK(add(queue, KEVENT_PIPE, queue, KEVENT_SOCKET_RECV, 0) == 1);
}

static void test_socket(int queue)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener, client, server;
	struct ukevent uk;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(!bind(listener, (struct sockaddr *)&addr, len) && !listen(listener, 8) &&
	      !getsockname(listener, (struct sockaddr *)&addr, &len));
	CHECK(add(queue, KEVENT_SOCKET, listener, KEVENT_SOCKET_ACCEPT, 0) == 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(!connect(client, (struct sockaddr *)&addr, len));
	CHECK(get(queue, &uk) == 1 && (int)uk.id.raw[0] == listener && uk.ret_data[1] == 1);
	server = accept(listener, NULL, NULL);
	CHECK(server >= 0 && get_now(queue, &uk) == 0);

	CHECK(add(queue, KEVENT_SOCKET, server, KEVENT_SOCKET_RECV, 0) == 0);
	CHECK(send(client, "hello", 5, 0) == 5);
	CHECK(get(queue, &uk) == 1 && (int)uk.id.raw[0] == server && uk.ret_data[1] == 5);
	CHECK(recv(server, buf, sizeof(buf), 0) == 5);
	CHECK(get_now(queue, &uk) == 0);

	/* Both interests in one socket. */
	uk = interest(KEVENT_SOCKET, server, KEVENT_SOCKET_RECV | KEVENT_SOCKET_SEND, 0);
	CHECK(ctl_one(queue, KEVENT_CTL_MODIFY, &uk) == 0 && !broken(&uk));
	CHECK(get(queue, &uk) == 1 && uk.ret_data[0] & KEVENT_POLL_POLLOUT);
	CHECK(drop(queue, KEVENT_SOCKET, server) == 0);

	CHECK(add(queue, KEVENT_SOCKET, server, KEVENT_SOCKET_RECV, 0) == 0);
	close(client);
	CHECK(get(queue, &uk) == 1 && !broken(&uk));
	CHECK(uk.ret_data[0] & (KEVENT_POLL_POLLRDHUP | KEVENT_POLL_POLLIN));
	CHECK(drop(queue, KEVENT_SOCKET, server) == 0 && drop(queue, KEVENT_SOCKET, listener) == 0);
	close(server);
	close(listener);
	CHECK(get_now(queue, &uk) == 0);
}

static void test_poll(int queue)
{
	struct ukevent uk;
	__u64 one = 1;
	int fd, pair[2];

	fd = eventfd(0, EFD_NONBLOCK);
	CHECK(add(queue, KEVENT_POLL, fd, KEVENT_POLL_POLLIN, 0) == 0);
	CHECK(write(fd, &one, 8) == 8);
	CHECK(get(queue, &uk) == 1 && uk.type == KEVENT_POLL);
	CHECK(uk.ret_data[0] == KEVENT_POLL_POLLIN);
	CHECK(read(fd, &one, 8) == 8 && get_now(queue, &uk) == 0);
	uk = interest(KEVENT_POLL, fd, KEVENT_MASK_EMPTY, 0);
	CHECK(ctl_one(queue, KEVENT_CTL_MODIFY, &uk) == 0 && !broken(&uk));
	CHECK(write(fd, &one, 8) == 8 && get_now(queue, &uk) == 0);
	CHECK(drop(queue, KEVENT_POLL, fd) == 0);
	uk = interest(KEVENT_POLL, fd, KEVENT_MASK_ALL, KEVENT_REQ_ALWAYS_QUEUE |
		      KEVENT_REQ_LAST_CHECK);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	CHECK(get(queue, &uk) == 1 && uk.ret_data[0] & KEVENT_POLL_POLLOUT);
	CHECK(drop(queue, KEVENT_POLL, fd) == 0);
	close(fd);

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK(add(queue, KEVENT_POLL, pair[0], KEVENT_POLL_POLLRDHUP, 0) == 0);
	CHECK(!shutdown(pair[1], SHUT_WR));
	CHECK(get(queue, &uk) == 1 && uk.ret_data[0] & KEVENT_POLL_POLLRDHUP);
	CHECK(drop(queue, KEVENT_POLL, pair[0]) == 0);
	close(pair[0]);
	close(pair[1]);

	/* A file that is always ready cannot be polled. */
	fd = open("/proc/self/exe", O_RDONLY);
	uk = interest(KEVENT_POLL, fd, KEVENT_POLL_POLLIN, 0);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 1 && broken(&uk) == EPERM);
	close(fd);
}

static bool happened(int queue, unsigned int bit)
{
	struct ukevent uk;

	return get(queue, &uk) == 1 && uk.type == KEVENT_INODE && uk.ret_data[0] & bit &&
	       uk.ret_data[1] >= 1;
}

static void test_inode(int queue)
{
	char dir[] = "/tmp/evtestXXXXXX";
	struct ukevent uk;
	int at, fd;

	CHECK(mkdtemp(dir) != NULL);
	at = open(dir, O_PATH | O_DIRECTORY);
	CHECK(add(queue, KEVENT_INODE, at,
		  KEVENT_INODE_CREATE | KEVENT_INODE_REMOVE | KEVENT_INODE_MODIFY |
		  KEVENT_INODE_ATTRIB | KEVENT_INODE_RENAME, 0) == 0);
	CHECK(get_now(queue, &uk) == 0);
	fd = openat(at, "a", O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0 && happened(queue, KEVENT_INODE_CREATE));
	CHECK(write(fd, "x", 1) == 1 && happened(queue, KEVENT_INODE_MODIFY));
	CHECK(!fchmod(fd, 0400) && happened(queue, KEVENT_INODE_ATTRIB));
	CHECK(!renameat(at, "a", at, "b") && happened(queue, KEVENT_INODE_RENAME));
	close(fd);
	while (get_now(queue, &uk) > 0)
		;
	CHECK(!unlinkat(at, "b", 0) && happened(queue, KEVENT_INODE_REMOVE));
	CHECK(drop(queue, KEVENT_INODE, at) == 0);
	close(at);
	CHECK(!rmdir(dir));
	CHECK(get_now(queue, &uk) == 0);
}

static void test_pidfd(int queue)
{
	struct ukevent uk;
	int go[2], fd;
	pid_t pid;

	CHECK(!pipe(go));
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (read(go[0], buf, 1) >= 0)
			_exit(3);
	}
	fd = syscall(SYS_pidfd_open, pid, 0);
	CHECK(add(queue, KEVENT_PIDFD, fd, KEVENT_POLL_POLLIN, KEVENT_REQ_ONESHOT) == 0);
	CHECK(get_now(queue, &uk) == 0);
	close(go[1]);
	CHECK(get(queue, &uk) == 1 && uk.type == KEVENT_PIDFD);
	CHECK(uk.ret_data[0] & KEVENT_POLL_POLLIN);
	CHECK(WIFEXITED(uk.ret_data[1]) && WEXITSTATUS(uk.ret_data[1]) == 3);
	CHECK(drop(queue, KEVENT_PIDFD, fd) == ENOENT);
	CHECK(waitpid(pid, NULL, 0) == pid);
	close(fd);
	close(go[0]);
}

/* === Others =============================================================== */

static struct ukevent timer(unsigned int sec, unsigned int nsec, unsigned int req_flags)
{
	struct ukevent uk = interest(KEVENT_TIMER, sec, KEVENT_TIMER_FIRED, req_flags);

	uk.id.raw[1] = nsec;
	return uk;
}

static void check_abstime(int queue, clockid_t clockid, unsigned int flag)
{
	struct timespec now;
	struct ukevent uk;

	clock_gettime(clockid, &now);
	uk = timer(now.tv_sec + 1, now.tv_nsec, KEVENT_REQ_ONESHOT | KEVENT_REQ_ABSTIME | flag);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	CHECK(get_now(queue, &uk) == 0);
	CHECK(get(queue, &uk) == 1 && uk.ret_data[1] == 1);
	CHECK(get_now(queue, &uk) == 0);
}

static void test_timer(int queue)
{
	struct ukevent uk = timer(0, 2000000, 0), ev;
	unsigned int sum = 0;

	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	while (sum < 5) {
		if (!CHECK(get(queue, &ev) == 1 && ev.type == KEVENT_TIMER))
			break;
		CHECK(ev.ret_data[1] >= 1 && ev.id.raw_u64 == uk.id.raw_u64);
		sum += ev.ret_data[1];
	}
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0 && !broken(&uk));
	CHECK(get_now(queue, &ev) == 0);

	uk = timer(0, 1000000, KEVENT_REQ_ONESHOT);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0 && get(queue, &ev) == 1);
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0 && broken(&uk) == ENOENT);
	uk = timer(0, 1000000000, 0);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 1 && broken(&uk) == EINVAL);
	check_abstime(queue, CLOCK_MONOTONIC, 0);
	check_abstime(queue, CLOCK_REALTIME, KEVENT_REQ_REALTIME);
	check_abstime(queue, CLOCK_BOOTTIME, KEVENT_REQ_BOOTTIME);
}

static void test_user(int queue)
{
	struct ukevent uk = interest_u64(KEVENT_USER, 0x123456789abcdefULL, KEVENT_MASK_ALL, 0), ev;

	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	CHECK(get_now(queue, &ev) == 0);
	uk.ret_data[1] = 7;
	CHECK(ctl_one(queue, KEVENT_CTL_READY, &uk) == 1);
	CHECK(get(queue, &ev) == 1 && ev.type == KEVENT_USER && ev.id.raw_u64 == uk.id.raw_u64);
	CHECK(ev.ret_data[0] == 1 && ev.ret_data[1] == 7);
	CHECK(ctl_one(queue, KEVENT_CTL_READY, &uk) == 1 &&
	      ctl_one(queue, KEVENT_CTL_READY, &uk) == 1);
	CHECK(get(queue, &ev) == 1 && ev.ret_data[0] == 2);
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0 && !broken(&uk));
	CHECK(ctl_one(queue, KEVENT_CTL_READY, &uk) == 0 && broken(&uk) == ENOENT);

	/* Nothing named: whoever waits is woken. */
	CHECK(kevent_ctl(queue, KEVENT_CTL_READY, 0, NULL) == 0);
	CHECK(get(queue, &ev) == 0);
}

/* === Flags ================================================================ */

static void test_flags(int queue)
{
	struct ukevent uk;
	int p[2];

	CHECK(!pipe(p));
	CHECK(add(queue, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, KEVENT_REQ_ONESHOT) == 0);
	CHECK(write(p[1], "x", 1) == 1 && get(queue, &uk) == 1 && get_now(queue, &uk) == 0);
	CHECK(drop(queue, KEVENT_PIPE, p[0]) == ENOENT);

	/* Edges: a write is an event, data that stay are none. */
	CHECK(add(queue, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV,
		  KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE) == 0);
	CHECK(get(queue, &uk) == 1 && get_now(queue, &uk) == 0);
	CHECK(read(p[0], buf, sizeof(buf)) == 1);
	CHECK(write(p[1], "x", 1) == 1 && get(queue, &uk) == 1 && get_now(queue, &uk) == 0);
	CHECK(drop(queue, KEVENT_PIPE, p[0]) == 0);

	/* Looked at again before it is told: read in between, it is none. */
	CHECK(read(p[0], buf, sizeof(buf)) == 1);
	CHECK(add(queue, KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, KEVENT_REQ_LAST_CHECK) == 0);
	CHECK(write(p[1], "x", 1) == 1 && read(p[0], buf, sizeof(buf)) == 1);
	CHECK(get_now(queue, &uk) == 0);
	CHECK(drop(queue, KEVENT_PIPE, p[0]) == 0);

	/* Ready from the start, whatever the source says. */
	CHECK(add(queue, KEVENT_USER, 5, KEVENT_MASK_ALL,
		  KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE) == 0);
	CHECK(get(queue, &uk) == 1 && uk.type == KEVENT_USER);
	CHECK(drop(queue, KEVENT_USER, 5) == 0);

	/* Two interests in one pipe, by their cookies. */
	uk = interest(KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, KEVENT_REQ_COOKIE);
	uk.cookie = 1;
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 1 && broken(&uk) == EEXIST);
	uk.cookie = 2;
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0 && !broken(&uk));
	uk.cookie = 1;
	CHECK(ctl_one(queue, KEVENT_CTL_REMOVE, &uk) == 0 && !broken(&uk));
	close(p[0]);
	close(p[1]);
}

/* How many of two queues are told of a write. */
static int nr_told(unsigned int flag)
{
	int queues[2], p[2], i, n = 0;
	struct ukevent uk;

	CHECK(!pipe(p));
	for (i = 0; i < 2; i++) {
		queues[i] = kevent_init(NULL, 0, 0);
		CHECK(add(queues[i], KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV,
			  KEVENT_REQ_ET | flag) == 0);
	}
	CHECK(write(p[1], "x", 1) == 1);
	for (i = 0; i < 2; i++) {
		n += get_now(queues[i], &uk);
		close(queues[i]);
	}
	close(p[0]);
	close(p[1]);
	return n;
}

static void test_wakeup(int queue)
{
	(void)queue;
	CHECK(nr_told(0) == 1);
	CHECK(nr_told(KEVENT_REQ_WAKEUP_ALL) == 2);
}

/* === Calls ================================================================ */

static void test_ctl(int queue)
{
	struct ukevent uk[5];
	int p[2], i;

	CHECK(!pipe(p));
	for (i = 0; i < 5; i++)
		uk[i] = interest(KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, 0);
	uk[1].type = KEVENT_MAX + 1;
	uk[2].id.raw[0] = 9999;
	uk[4].type = KEVENT_AIO;
	uk[4].event = KEVENT_AIO_BIO;
	CHECK(kevent_ctl(queue, KEVENT_CTL_ADD, 5, uk) == 4);
	CHECK(broken(&uk[0]) == ENOSYS && broken(&uk[1]) == EBADF && broken(&uk[2]) == EEXIST &&
	      broken(&uk[3]) && uk[4].type == KEVENT_PIPE && !uk[4].ret_flags);
	uk[0] = interest(KEVENT_NAIO, p[0], KEVENT_SOCKET_RECV, 0);
	CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk[0]) == 1 && broken(&uk[0]));
	CHECK(drop(queue, KEVENT_PIPE, p[0]) == 0 && drop(queue, KEVENT_PIPE, p[0]) == ENOENT);
	uk[0] = interest(KEVENT_PIPE, p[0], KEVENT_SOCKET_RECV, 0);
	CHECK(ctl_one(queue, KEVENT_CTL_MODIFY, &uk[0]) == 0 && broken(&uk[0]) == ENOENT);
	CHECK(kevent_ctl(queue, 77, 1, uk) < 0 && errno == EINVAL);
	CHECK(kevent_ctl(-1, KEVENT_CTL_ADD, 1, uk) < 0 && errno == EBADF);
	CHECK(kevent_ctl(p[0], KEVENT_CTL_ADD, 1, uk) < 0 && errno == EINVAL);
	CHECK(kevent_ctl(queue, KEVENT_CTL_ADD, 1, NULL) < 0 && errno == EFAULT);
	CHECK(kevent_get_events(queue, 2, 1, 0, uk) < 0 && errno == EINVAL);
	close(p[0]);
	close(p[1]);
}

static void nothing(int sig)
{
	(void)sig;
}

static void test_wait(int queue)
{
	struct kevent_args args = {};
	struct __kernel_timespec ts = { .tv_sec = 1 };
	struct pollfd pfd = { .fd = queue, .events = POLLIN };
	struct sigaction sa = { .sa_handler = nothing };
	sigset_t none, usr1;
	struct ukevent uk;
	int other;

	/* A point in time that has passed, of two clocks. */
	CHECK(syscall(__NR_kevent_get_events, queue, 1, 1, &ts, &uk, KEVENT_FLAGS_ABSTIME) == 0);
	args.timeout = (uintptr_t)&ts;
	args.clockid = CLOCK_MONOTONIC;
	CHECK(syscall(__NR_kevent_get_events, queue, 1, 1, &args, &uk,
		      KEVENT_FLAGS_ABSTIME | KEVENT_FLAGS_ARGS) == 0);

	/* A signal that only the wait lets through. */
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	kill(getpid(), SIGUSR1);
	ts = from_ms(LONG_MS);
	args.sigmask = (uintptr_t)&none;
	args.sigsetsize = 8;
	CHECK(syscall(__NR_kevent_get_events, queue, 1, 1, &args, &uk, KEVENT_FLAGS_ARGS) < 0 &&
	      errno == EINTR);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);

	CHECK(syscall(__NR_kevent_get_events, queue, 1, 1, &ts, &uk, 1U << 30) < 0 &&
	      errno == EINVAL);
	ts.tv_nsec = 1000000000;
	CHECK(syscall(__NR_kevent_get_events, queue, 1, 1, &ts, &uk, 0) < 0 && errno == EINVAL);

	/* The queue can be polled. */
	CHECK(poll(&pfd, 1, 0) == 0);
	CHECK(add(queue, KEVENT_USER, 1, KEVENT_MASK_ALL,
		  KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_ONESHOT) == 0);
	CHECK(poll(&pfd, 1, LONG_MS) == 1 && pfd.revents == POLLIN);
	CHECK(get(queue, &uk) == 1 && poll(&pfd, 1, 0) == 0);

	other = kevent_init(NULL, 0, KEVENT_INIT_CLOEXEC | KEVENT_INIT_NONBLOCK);
	CHECK(fcntl(other, F_GETFD) == FD_CLOEXEC && fcntl(other, F_GETFL) & O_NONBLOCK);
	CHECK(syscall(__NR_kevent_get_events, other, 1, 1, NULL, &uk, 0) <= 0);
	close(other);
}

static const struct {
	const char	*name;
	void		(*run)(int queue);
} tests[] = {
	{ "pipe", test_pipe }, { "socket", test_socket }, { "poll", test_poll },
	{ "inode", test_inode }, { "pidfd", test_pidfd }, { "timer", test_timer },
	{ "user", test_user }, { "flags", test_flags }, { "wakeup", test_wakeup },
	{ "ctl", test_ctl }, { "wait", test_wait },
};

#define NR_TESTS	(sizeof(tests) / sizeof(tests[0]))

static void run(unsigned int i)
{
	int queue = kevent_init(NULL, 0, 0);

	need(queue);
	printf("# %s\n", tests[i].name);
	fflush(stdout);
	tests[i].run(queue);
	close(queue);
}

int main(int argc, char **argv)
{
	unsigned int i;
	int arg;

	if (argc == 1) {
		for (i = 0; i < NR_TESTS; i++)
			run(i);
	}
	for (arg = 1; arg < argc; arg++) {
		for (i = 0; i < NR_TESTS && strcmp(argv[arg], tests[i].name); i++)
			;
		if (i == NR_TESTS) {
			fprintf(stderr, "evtest: no test '%s'\n", argv[arg]);
			return 2;
		}
		run(i);
	}
	return done("evtest");
}
