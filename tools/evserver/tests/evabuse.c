// SPDX-License-Identifier: GPL-2.0-only
/*
 * evabuse: a client that misbehaves, and looks whether evserver behaves; with -a,
 * any server. Which errors it answers with is left to it then, and whether it does
 * or only closes.
 *
 *   evabuse PORT malformed      refused with the right status, and closed
 *   evabuse PORT pipeline N     N requests at once: N answers
 *   evabuse PORT bytewise       a request in pieces of a byte
 *   evabuse PORT half           the client's side is shut before the answer
 *   evabuse PORT reset N        N connections that end with a reset, at any point
 *   evabuse PORT slow           a request that does not end: 408; none: closed
 *   evabuse PORT stall          who does not read his answer is closed
 *   evabuse PORT crowd N        N connections held at once, all answered in the end
 *   evabuse PORT random N SEED  N times random bytes, then a good request
 *
 * Exit: 0 it behaves, 1 with the reason, 2 wrong call. Nothing hangs for longer
 * than ten minutes: many clients at once on a slow machine take one or two.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Seconds. */
#define HANG	600

#define CRLF	"\r\n"
#define GOOD	"GET / HTTP/1.1" CRLF "Host: here" CRLF CRLF
#define LAST	"GET / HTTP/1.1" CRLF "Host: here" CRLF "Connection: close" CRLF CRLF

static unsigned int port;
static bool any;

static noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static noreturn void die(const char *fmt, ...)
{
	va_list args;

	fputs("evabuse: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static int dial(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect: %s", strerror(errno));
	return fd;
}

/* The server may close before it has read everything. */
static void put(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= n;
	}
}

/* All until the end; the number of bytes, a NUL behind them. */
static size_t get_all(int fd, char *buf, size_t room, const char *what)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, buf + len, room - 1 - len, 0)) > 0)
		len += n;
	if (n < 0)
		die("%s: %s after %zu bytes of the answer", what, strerror(errno), len);
	buf[len] = '\0';
	return len;
}

/* One whole answer from the front of what has come; its length, or 0. */
static size_t answer(const char *buf, size_t len)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4);
	const char *length = memmem(buf, len, "\r\nContent-Length: ", 18);
	size_t all;

	if (!end || !length || length > end)
		return 0;
	all = end + 4 - buf + strtoul(length + 18, NULL, 10);
	return all <= len ? all : 0;
}

/* Read one answer from a connection that stays. */
static void get_one(int fd, const char *what)
{
	static char buf[1 << 18];
	size_t len = 0;
	ssize_t n;

	while (!answer(buf, len)) {
		n = recv(fd, buf + len, sizeof(buf) - len, 0);
		if (n <= 0)
			die("%s: no answer, %zu bytes: %s", what, len,
			    n ? strerror(errno) : "closed");
		len += n;
	}
	if (strncmp(buf, "HTTP/1.1 200 ", 13))
		die("%s: answer %.12s", what, buf);
}

static void good(const char *after)
{
	int fd = dial();

	put(fd, GOOD, strlen(GOOD));
	get_one(fd, after);
	close(fd);
}

/* === What it does === */

static const struct {
	const char	*text;
	unsigned int	status;
} bad[] = {
	{ "GET / HTTP/1.1" CRLF CRLF, 400 },
	{ "GET /", 0 },
	{ "\n", 400 },
	{ "GET / HTTP/1.1\n\n", 400 },
	{ "\026\003\001\002\000\001\000\001", 400 },
	{ "GET / HTTP/1.1" CRLF "Host : here" CRLF CRLF, 400 },
	{ "GET / HTTP/1.1" CRLF "Host: here" CRLF "Content-Length: -1" CRLF CRLF, 400 },
	{ "GET / HTTP/1.1" CRLF "Host: here" CRLF "Content-Length: 99999999999999" CRLF CRLF, 413 },
	{ "GET / HTTP/1.1" CRLF "Host: here" CRLF "Transfer-Encoding: chunked" CRLF CRLF "0" CRLF
	  CRLF, 501 },
	{ "GET / HTTP/3.0" CRLF "Host: here" CRLF CRLF, 505 },
	{ "POST / HTTP/1.1" CRLF "Host: here" CRLF "Connection: close" CRLF
	  "Content-Length: 4" CRLF CRLF "body", 405 },
	{ "GET /none HTTP/1.1" CRLF "Host: here" CRLF "Connection: close" CRLF CRLF, 404 },
	/* A good one before, then one of which nobody knows where it ends. */
	{ GOOD "GET / HTTP/1.1" CRLF "Host: a" CRLF "Host: b" CRLF CRLF GOOD, 400 },
};

static void malformed(void)
{
	char buf[65536], *text, *last;
	unsigned int i, status;
	size_t len;
	int fd;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd = dial();
		put(fd, bad[i].text, strlen(bad[i].text));
		/* What never becomes a request ends when the client does. */
		if (!bad[i].status || any)
			shutdown(fd, SHUT_WR);
		len = get_all(fd, buf, sizeof(buf), bad[i].text);
		close(fd);
		last = buf;
		for (text = buf; (text = strstr(text, "HTTP/1.1 ")); text++)
			last = text;
		status = len ? atoi(last + 9) : 0;
		if (status != bad[i].status && !any)
			die("status %u, expected %u, for: %s", status, bad[i].status, bad[i].text);
	}

	/* Longer than there is room for, and much behind it. */
	text = malloc(1 << 20);
	if (!text)
		die("no memory");
	memset(text, 'a', 1 << 20);
	for (i = 0; i < 2; i++) {
		memcpy(text, i ? "GET / HTTP/1.1\r\nA: " : "GET /", i ? 19 : 5);
		fd = dial();
		put(fd, text, 100000);
		get_all(fd, buf, sizeof(buf), "too long");
		close(fd);
		if (atoi(buf + 9) != (i ? 431 : 414) && !any)
			die("too long: answer %.12s", buf);
	}
	free(text);
	good("malformed requests");
}

static void pipeline(unsigned int nr)
{
	size_t room = nr * sizeof(GOOD) + sizeof(LAST), len = 0, got = 0, all;
	char *text = malloc(room), *buf = malloc(1 << 22);
	struct pollfd pfd = { .events = POLLIN | POLLOUT };
	unsigned int i, answers = 0;
	size_t sent = 0;
	ssize_t n;

	if (!text || !buf)
		die("no memory");
	for (i = 1; i < nr; i++)
		len += sprintf(text + len, GOOD);
	len += sprintf(text + len, LAST);
	pfd.fd = dial();
	for (;;) {
		if (poll(&pfd, 1, -1) < 0)
			die("poll: %s", strerror(errno));
		if (pfd.revents & POLLOUT) {
			n = send(pfd.fd, text + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (n > 0)
				sent += n;
			if (sent == len)
				pfd.events = POLLIN;
		}
		if (!(pfd.revents & ~POLLOUT))
			continue;
		n = recv(pfd.fd, buf + got, (1 << 22) - got, 0);
		if (n < 0)
			die("pipeline: %s", strerror(errno));
		if (!n)
			break;
		got += n;
		while ((all = answer(buf, got))) {
			answers++;
			got -= all;
			memmove(buf, buf + all, got);
		}
	}
	if (answers != nr || got)
		die("pipeline: %u answers to %u requests, and %zu bytes", answers, nr, got);
	close(pfd.fd);
	free(text);
	free(buf);
}

static void bytewise(void)
{
	char buf[65536];
	unsigned int i;
	int fd = dial();

	for (i = 0; i < strlen(LAST); i++)
		put(fd, LAST + i, 1);
	get_all(fd, buf, sizeof(buf), "bytewise");
	if (strncmp(buf, "HTTP/1.1 200 ", 13) || !answer(buf, strlen(buf)))
		die("bytewise: answer %.12s", buf);
	close(fd);
}

static void half(void)
{
	char buf[65536];
	int fd = dial();

	put(fd, GOOD, strlen(GOOD));
	shutdown(fd, SHUT_WR);
	get_all(fd, buf, sizeof(buf), "half");
	if (strncmp(buf, "HTTP/1.1 200 ", 13) || !answer(buf, strlen(buf)))
		die("half closed: answer %.12s", buf);
	close(fd);
}

static void reset(unsigned int nr)
{
	const struct linger now = { .l_onoff = 1 };
	unsigned int i;
	int fd;

	for (i = 0; i < nr; i++) {
		fd = dial();
		if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)))
			die("SO_LINGER: %s", strerror(errno));
		put(fd, GOOD GOOD, i % (2 * strlen(GOOD) + 1));
		if (i % 3 == 2 && i % (2 * strlen(GOOD) + 1) >= strlen(GOOD))
			get_one(fd, "before a reset");
		close(fd);
	}
	good("resets");
}

static void slow(void)
{
	char buf[65536];
	int idle = dial(), begun = dial(), kept = dial();

	put(begun, GOOD, 10);
	put(kept, GOOD, strlen(GOOD));
	get_one(kept, "slow");
	if (get_all(idle, buf, sizeof(buf), "idle"))
		die("idle: answer %.12s, expected none", buf);
	get_all(begun, buf, sizeof(buf), "slow");
	if (strncmp(buf, "HTTP/1.1 408 ", 13) && !any)
		die("slow: answer %.12s", buf);
	if (get_all(kept, buf, sizeof(buf), "kept"))
		die("kept: answer %.12s, expected none", buf);
	close(idle);
	close(begun);
	close(kept);
}

/* Requests until the server takes no more, no answer is read. */
static void stall(void)
{
	struct pollfd pfd = { .fd = dial() };
	char buf[65536];
	ssize_t n;

	do {
		n = send(pfd.fd, GOOD, strlen(GOOD), MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n > 0);
	/* HUP or ERR: the server has given up. */
	pfd.events = 0;
	if (poll(&pfd, 1, -1) < 0)
		die("poll: %s", strerror(errno));
	while (recv(pfd.fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	close(pfd.fd);
	good("a stalled client");
}

/*
 * More connections than the server has descriptors. Each that is answered is
 * closed, but not before the server had time to be restless.
 */
static void crowd(unsigned int nr)
{
	struct pollfd *pfds = calloc(nr, sizeof(*pfds));
	struct rlimit limit;
	unsigned int i, left = nr;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (!pfds)
		die("no memory");
	for (i = 0; i < nr; i++) {
		pfds[i] = (struct pollfd){ .fd = dial(), .events = POLLIN };
		put(pfds[i].fd, GOOD, strlen(GOOD));
	}
	/* As long as any answers come, wait for more of them. */
	poll(NULL, 0, 500);
	while (left) {
		if (poll(pfds, nr, -1) < 0)
			die("poll: %s", strerror(errno));
		for (i = 0; i < nr; i++) {
			if (pfds[i].fd < 0 || !pfds[i].revents)
				continue;
			get_one(pfds[i].fd, "in a crowd");
			close(pfds[i].fd);
			pfds[i].fd = -1;
			left--;
		}
	}
	free(pfds);
	good("a crowd");
}

static void random_bytes(unsigned int nr, unsigned int seed)
{
	static const char * const pieces[] = {
		"GET", "HEAD", " ", "/", "HTTP/1.1", CRLF, "\r", "\n", "Host:", "here", ":",
		"Content-Length: 3", "Connection: close", CRLF CRLF, "POST",
	};
	char text[2048], buf[1 << 18];
	unsigned int i, j, nr_pieces;
	size_t len;
	int fd;

	srandom(seed);
	for (i = 0; i < nr; i++) {
		fd = dial();
		len = 0;
		nr_pieces = random() % 40;
		for (j = 0; j < nr_pieces; j++) {
			if (random() % 8)
				len += sprintf(text + len, "%s", pieces[random() %
					       (sizeof(pieces) / sizeof(pieces[0]))]);
			else
				text[len++] = random();
		}
		put(fd, text, len);
		shutdown(fd, SHUT_WR);
		while (recv(fd, buf, sizeof(buf), 0) > 0)
			;
		close(fd);
	}
	good("random bytes");
}

int main(int argc, char **argv)
{
	const char *what;
	unsigned int nr;

	any = argc > 1 && !strcmp(argv[1], "-a");
	argc -= any;
	argv += any;
	what = argc > 2 ? argv[2] : "";
	nr = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
	port = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	alarm(HANG);
	if (!strcmp(what, "malformed"))
		malformed();
	else if (!strcmp(what, "pipeline"))
		pipeline(nr);
	else if (!strcmp(what, "bytewise"))
		bytewise();
	else if (!strcmp(what, "half"))
		half();
	else if (!strcmp(what, "reset"))
		reset(nr);
	else if (!strcmp(what, "slow"))
		slow();
	else if (!strcmp(what, "stall"))
		stall();
	else if (!strcmp(what, "crowd"))
		crowd(nr);
	else if (!strcmp(what, "random"))
		random_bytes(nr, argc > 4 ? strtoul(argv[4], NULL, 10) : 1);
	else {
		fprintf(stderr, "Usage: evabuse [-a] PORT WHAT [NUMBER [SEED]]\n");
		return 2;
	}
	return 0;
}
