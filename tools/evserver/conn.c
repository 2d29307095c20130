// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: one connection.
 *
 *            request                  reply sent, kept
 *   READ ----------------> WRITE ------------------------> READ
 *     | end of input         |  reply sent, last           time is over
 *     v                      v                             with a request
 *    END <--- peer's end  LINGER <------- refused          begun: 408
 *
 * A request in the buffer is worked on before more is read, so requests may come
 * in one piece. A connection that could go on for ever gives way after a while.
 *
 * Whoever refuses a request has not read all of it. If he just closed, the kernel
 * would send a reset, which may overtake the answer: so he ends his side, and
 * reads until the peer ends the other one.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "conn.h"

/* Steps before others have their turn. */
#define STEPS_MAX	64

/* Who sends more than that after the last reply is not waited for. */
#define LINGER_MAX	(1 << 20)

/* Does the socket have more to read? */
static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK;
}

static void drop_front(struct conn *conn, size_t len)
{
	conn->have -= len;
	memmove(conn->buf, conn->buf + len, conn->have);
}

static void start_reply(struct conn *conn, const struct http_document *doc,
			struct counts *counts)
{
	counts->requests++;
	counts->replies[conn->req.status / 100]++;
	conn->reply_len = http_reply(doc, &conn->req, conn->reply, &conn->with_body);
	conn->sent = 0;
	conn->has_head = false;
	conn->state = CONN_WRITE;
}

/* True when a whole request was in the buffer, and is being answered. */
static bool take_request(struct conn *conn, const struct http_document *doc,
			 struct counts *counts)
{
	size_t len;

	if (!conn->has_head) {
		if (!conn->have)
			return false;
		len = http_parse(&conn->req, doc, conn->buf, conn->have);
		if (!len)
			return false;
		drop_front(conn, len);
		conn->has_head = true;
	}
	len = conn->have < conn->req.body ? conn->have : conn->req.body;
	if (len) {
		drop_front(conn, len);
		conn->req.body -= len;
	}
	if (conn->req.body)
		return false;
	start_reply(conn, doc, counts);
	return true;
}

/* True: go on; false: *want says why not. *drained: no more for now. */
static bool receive(struct conn *conn, struct counts *counts, bool *drained,
		    enum conn_want *want)
{
	size_t room = sizeof(conn->buf) - conn->have;
	ssize_t n = recv(conn->fd, conn->buf + conn->have, room, 0);

	if (n > 0) {
		/* The time for a request is that since its first byte. */
		if (!conn->have && !conn->has_head)
			conn->touched = true;
		conn->have += n;
		*drained = (size_t)n < room;
		return true;
	}
	if (n < 0 && errno == EINTR)
		return true;
	*want = n < 0 && would_block() ? CONN_INPUT : CONN_END;
	if (*want == CONN_END) {
		if (n < 0)
			counts->resets++;
		else if (conn->have || conn->has_head)
			counts->cut++;
	}
	return false;
}

static bool send_reply(struct conn *conn, const struct http_document *doc, struct counts *counts,
		       enum conn_want *want)
{
	size_t head = conn->sent < conn->reply_len ? conn->reply_len - conn->sent : 0;
	size_t total = conn->reply_len + (conn->with_body ? doc->len : 0);
	size_t from = head ? 0 : conn->sent - conn->reply_len;
	struct iovec iov[2] = {
		{ conn->reply + conn->reply_len - head, head },
		{ (char *)doc->data + from, conn->with_body ? doc->len - from : 0 },
	};
	struct msghdr msg = { .msg_iov = iov + !head, .msg_iovlen = 2 - !head };
	ssize_t n = sendmsg(conn->fd, &msg, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno == EINTR)
			return true;
		*want = would_block() ? CONN_OUTPUT : CONN_END;
		if (*want == CONN_END)
			counts->resets++;
		return false;
	}
	conn->touched = true;
	conn->sent += n;
	counts->bytes += n;
	if (conn->sent < total)
		return true;

	if (conn->req.keep) {
		memset(&conn->req, 0, sizeof(conn->req));
		conn->state = CONN_READ;
		return true;
	}
	if (conn->req.status == 200 || shutdown(conn->fd, SHUT_WR)) {
		*want = CONN_END;
		return false;
	}
	conn->lingered = 0;
	conn->state = CONN_LINGER;
	return true;
}

static bool linger(struct conn *conn, enum conn_want *want)
{
	ssize_t n = recv(conn->fd, conn->buf, sizeof(conn->buf), 0);

	if (n > 0) {
		conn->lingered += n;
		*want = CONN_END;
		return conn->lingered <= LINGER_MAX;
	}
	if (n < 0 && errno == EINTR)
		return true;
	*want = n < 0 && would_block() ? CONN_INPUT : CONN_END;
	return false;
}

enum conn_want conn_run(struct conn *conn, const struct http_document *doc,
			struct counts *counts, bool hangup)
{
	enum conn_want want = CONN_INPUT;
	bool drained = false, go_on = true;
	unsigned int steps;

	for (steps = 0; go_on; steps++) {
		if (steps == STEPS_MAX)
			return CONN_TURN;
		switch (conn->state) {
		case CONN_READ:
			if (take_request(conn, doc, counts))
				break;
			want = CONN_INPUT;
			/* Less came than asked for, and what comes now is told. */
			if (drained && !hangup)
				return want;
			go_on = receive(conn, counts, &drained, &want);
			break;
		case CONN_WRITE:
			go_on = send_reply(conn, doc, counts, &want);
			break;
		case CONN_LINGER:
			go_on = linger(conn, &want);
			break;
		}
	}
	return want;
}

enum conn_want conn_expire(struct conn *conn, const struct http_document *doc,
			   struct counts *counts)
{
	if (conn->state == CONN_READ && !conn->have && !conn->has_head) {
		counts->idle++;
		return CONN_END;
	}
	counts->timeouts++;
	if (conn->state != CONN_READ)
		return CONN_END;
	conn->req.status = 408;
	conn->req.keep = false;
	start_reply(conn, doc, counts);
	return conn_run(conn, doc, counts, false);
}
