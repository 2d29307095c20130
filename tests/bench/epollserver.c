// SPDX-License-Identifier: GPL-2.0-only
/*
 * A web server of one thread on epoll, as plain as can be: every request gets
 * the same page from memory, with keep-alive if it is asked for. What the
 * kernel does for a request is all there is to measure.
 *
 *   epollserver [PORT [BYTES]]		8080, 1024
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_REQUEST	4096
#define EVENTS		256

struct conn {
	int	fd;
	size_t	got;		/* of the request */
	size_t	sent;		/* of the reply */
	bool	replying;
	bool	keep;
	char	buf[MAX_REQUEST + 1];
};

struct reply {
	char	*data;
	size_t	len;
};

static struct reply replies[2];	/* close, keep-alive */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void make_reply(struct reply *reply, bool keep, size_t bytes)
{
	char head[256];
	int len;

	len = snprintf(head, sizeof(head),
		       "HTTP/1.%d 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n",
		       keep, bytes, keep ? "keep-alive" : "close");
	reply->len = (size_t)len + bytes;
	reply->data = malloc(reply->len);
	if (!reply->data)
		die("malloc");
	memcpy(reply->data, head, (size_t)len);
	memset(reply->data + len, 'n', bytes);
}

static void conn_close(struct conn *conn)
{
	close(conn->fd);
	free(conn);
}

/* Whole request here? The rest of the buffer, if any, is the next one. */
static bool conn_parse(struct conn *conn)
{
	char *end;
	size_t len;

	conn->buf[conn->got] = '\0';
	end = strstr(conn->buf, "\r\n\r\n");
	if (!end)
		return false;
	*end = '\0';
	conn->keep = strcasestr(conn->buf, "\nconnection: keep-alive") ||
		     (strstr(conn->buf, "HTTP/1.1") &&
		      !strcasestr(conn->buf, "\nconnection: close"));
	len = (size_t)(end + 4 - conn->buf);
	memmove(conn->buf, conn->buf + len, conn->got - len);
	conn->got -= len;
	conn->replying = true;
	conn->sent = 0;
	return true;
}

/* False: the connection is done with. */
static bool conn_reply(struct conn *conn)
{
	const struct reply *reply = &replies[conn->keep];
	ssize_t n;

	while (conn->sent < reply->len) {
		n = send(conn->fd, reply->data + conn->sent,
			 reply->len - conn->sent, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		conn->sent += (size_t)n;
	}
	conn->replying = false;
	return conn->keep;
}

static bool conn_event(struct conn *conn)
{
	ssize_t n;

	for (;;) {
		if (conn->replying) {
			if (!conn_reply(conn))
				return false;
			if (conn->replying)
				return true;	/* EPOLLOUT will tell */
		}
		if (conn->got && conn_parse(conn))
			continue;
		if (conn->got == MAX_REQUEST)
			return false;
		n = recv(conn->fd, conn->buf + conn->got,
			 MAX_REQUEST - conn->got, 0);
		if (n < 0)
			return errno == EAGAIN;
		if (!n)
			return false;
		conn->got += (size_t)n;
	}
}

static void accept_all(int ep, int listener)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	struct conn *conn;
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		conn = calloc(1, sizeof(*conn));
		if (!conn) {
			close(fd);
			return;
		}
		conn->fd = fd;
		ev.data.ptr = conn;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
			conn_close(conn);
	}
}

static int make_listener(unsigned short port)
{
	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	int fd, one = 1;

	fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
	if (listen(fd, 4096))
		die("listen");
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 8080;
	unsigned long bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 1024;
	struct epoll_event evs[EVENTS], ev = { .events = EPOLLIN };
	int ep, listener, n, i;

	if (!port || port > 65535 || bytes > 1 << 24) {
		fprintf(stderr, "usage: epollserver [PORT [BYTES]]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	make_reply(&replies[0], false, bytes);
	make_reply(&replies[1], true, bytes);
	listener = make_listener((unsigned short)port);
	ep = epoll_create1(0);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev))
		die("epoll");

	for (;;) {
		n = epoll_wait(ep, evs, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (i = 0; i < n; i++) {
			struct conn *conn = evs[i].data.ptr;

			if (!conn)
				accept_all(ep, listener);
			else if (!conn_event(conn))
				conn_close(conn);
		}
	}
}
