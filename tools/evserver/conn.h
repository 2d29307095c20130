/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evserver: one connection, from request to reply and on.
 */
#ifndef _EVSERVER_CONN_H
#define _EVSERVER_CONN_H

#include <stdint.h>
#include <sys/queue.h>

#include "http.h"

/**
 * struct counts - what happened
 * @accepted: connections
 * @requests: requests that were answered, whatever the answer
 * @replies: answers by their first digit
 * @bytes: sent
 * @timeouts: connections whose time was over, but for idle ones
 * @idle: connections without a request whose time was over
 * @resets: connections that failed
 * @cut: connections that ended within a request
 * @pauses: times that there was no descriptor for a connection
 * @waits: harvests of events
 * @events: events
 * @late: events of connections that were gone
 */
struct counts {
	uint64_t	accepted;
	uint64_t	requests;
	uint64_t	replies[6];
	uint64_t	bytes;
	uint64_t	timeouts;
	uint64_t	idle;
	uint64_t	resets;
	uint64_t	cut;
	uint64_t	pauses;
	uint64_t	waits;
	uint64_t	events;
	uint64_t	late;
};

enum conn_state {
	CONN_READ,	/* a request, or waits for one */
	CONN_WRITE,	/* the reply */
	CONN_LINGER,	/* the last reply is sent: reads until the peer has it */
};

/* What a connection waits for. */
enum conn_want {
	CONN_INPUT,
	CONN_OUTPUT,
	CONN_TURN,	/* has more to do, after others */
	CONN_END,	/* to be closed */
};

/**
 * struct conn - a connection
 * @by_deadline: all connections, those whose time is over first
 * @by_turn: those that have more to do
 * @fd: its socket
 * @cookie: of its events
 * @deadline: when its time is over, milliseconds
 * @state: see enum conn_state
 * @want: what conn_run() returned last
 * @touched: what it waited for has come; its time begins anew
 * @has_head: the request's head was parsed, its body has not come as a whole
 * @have: bytes in @buf
 * @req: the request
 * @reply: its answer's head
 * @reply_len: bytes of @reply
 * @sent: bytes of the answer that are sent
 * @with_body: the document is part of the answer
 * @lingered: bytes read in CONN_LINGER
 * @buf: what has come
 */
struct conn {
	TAILQ_ENTRY(conn)	by_deadline;
	TAILQ_ENTRY(conn)	by_turn;
	int			fd;
	uint64_t		cookie;
	uint64_t		deadline;
	enum conn_state		state;
	enum conn_want		want;
	bool			touched;
	bool			has_head;
	size_t			have;
	struct http_request	req;
	size_t			reply_len;
	size_t			sent;
	bool			with_body;
	size_t			lingered;
	char			reply[HTTP_REPLY_MAX];
	char			buf[HTTP_HEAD_MAX];
};

/**
 * conn_run() - go on as far as the socket lets
 * @conn: the connection
 * @doc: what is served
 * @counts: updated
 * @hangup: the end of input was seen: read until it comes
 *
 * Return: what it waits for.
 */
enum conn_want conn_run(struct conn *conn, const struct http_document *doc,
			struct counts *counts, bool hangup);

/**
 * conn_expire() - its time is over
 * @conn: the connection
 * @doc: what is served
 * @counts: updated
 *
 * Return: what it waits for: if a request has begun it gets an answer.
 */
enum conn_want conn_expire(struct conn *conn, const struct http_document *doc,
			   struct counts *counts);

#endif /* _EVSERVER_CONN_H */
