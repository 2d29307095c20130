// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent_bench: descriptors to watch.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* One eventfd stands behind so many idle descriptors. */
#define IDLE_SHARE	256

static void allow_files(unsigned long nr)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= nr)
		return;
	limit.rlim_cur = nr;
	if (limit.rlim_max < nr)
		limit.rlim_max = nr;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("cannot have %lu open files: %s", nr, strerror(errno));
}

static int listener_open(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_in){ .sin_family = AF_INET };
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)addr, len) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)addr, &len))
		die("no listening socket: %s", strerror(errno));
	return fd;
}

static int inet_pair(int listener, const struct sockaddr_in *addr, int *pair)
{
	int on = 1;

	pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair[1] < 0 || connect(pair[1], (const struct sockaddr *)addr, sizeof(*addr)))
		return -1;
	pair[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (pair[0] < 0)
		return -1;
	return setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void channels_open(struct channels *ch, enum kind kind, unsigned int nr, bool blocking)
{
	struct sockaddr_in addr;
	int listener = -1, pair[2], err;
	unsigned int i;

	allow_files(2UL * nr + 64);
	if (kind == INET)
		listener = listener_open(&addr);
	ch->nr = nr;
	ch->rd = calloc(nr, sizeof(*ch->rd));
	ch->wr = calloc(nr, sizeof(*ch->wr));
	if (!ch->rd || !ch->wr)
		die("no memory for %u channels", nr);
	for (i = 0; i < nr; i++) {
		if (kind == PIPE)
			err = pipe2(pair, O_CLOEXEC);
		else if (kind == UNIX)
			err = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
		else
			err = inet_pair(listener, &addr, pair);
		if (err || (!blocking && fcntl(pair[0], F_SETFL, O_NONBLOCK)))
			die("channel %u: %s", i, strerror(errno));
		ch->rd[i] = pair[0];
		ch->wr[i] = pair[1];
	}
	if (listener >= 0)
		close(listener);
}

void channels_close(struct channels *ch)
{
	unsigned int i;

	for (i = 0; i < ch->nr; i++) {
		close(ch->rd[i]);
		close(ch->wr[i]);
	}
	free(ch->rd);
	free(ch->wr);
}

int *idle_open(unsigned int nr, unsigned int nr_others)
{
	int *fds = malloc(nr * sizeof(*fds));
	unsigned int i;

	if (!fds)
		die("no memory for %u idle descriptors", nr);
	allow_files(nr + (unsigned long)nr_others);
	for (i = 0; i < nr; i++) {
		fds[i] = i % IDLE_SHARE ? fcntl(fds[i - 1], F_DUPFD_CLOEXEC, fds[i - 1]) :
					  eventfd(0, EFD_CLOEXEC);
		if (fds[i] < 0)
			die("idle descriptor %u: %s", i, strerror(errno));
	}
	return fds;
}

void idle_close(int *fds, unsigned int nr)
{
	while (nr--)
		close(fds[nr]);
	free(fds);
}
