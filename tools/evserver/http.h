/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evserver: HTTP/1.1, as much of it as one document needs. No input or output.
 */
#ifndef _EVSERVER_HTTP_H
#define _EVSERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Room for a request's head: a longer one is answered with 414 or 431. */
#define HTTP_HEAD_MAX	8192
/* A body that comes along is read and forgotten; a longer one is answered with 413. */
#define HTTP_BODY_MAX	65536
/* Room for a reply's head, and for an error's text with it. */
#define HTTP_REPLY_MAX	512

/**
 * struct http_document - what is served
 * @name: path besides "/", with the slash, or NULL
 * @type: Content-Type
 * @data: it
 * @len: bytes of @data
 * @now: second that @heads say
 * @heads: of a reply with the document: connection kept; kept in HTTP/1.0; closed
 * @head_lens: their lengths
 */
struct http_document {
	const char	*name;
	const char	*type;
	const char	*data;
	size_t		len;
	time_t		now;
	char		heads[3][HTTP_REPLY_MAX];
	size_t		head_lens[3];
};

/**
 * struct http_request - a request, as far as it has come; all zeros at first
 * @status: of the reply: 200 or an error
 * @is_head: HEAD: a reply without its body
 * @is_old: HTTP/1.0
 * @keep: the connection is kept
 * @body: bytes of the body that follows
 * @start: where it begins
 * @line: where its last line begins
 * @scanned: how far the end of that was looked for
 */
struct http_request {
	unsigned int	status;
	bool		is_head;
	bool		is_old;
	bool		keep;
	size_t		body;
	size_t		start;
	size_t		line;
	size_t		scanned;
};

/**
 * http_parse() - look for a request at the front of a buffer
 * @req: out; as the last call left it when there is more of the same request
 * @doc: what is served
 * @buf: what has come
 * @len: bytes of it; a request that does not fit into HTTP_HEAD_MAX is an error
 *
 * Return: length of the head, 0 when more is needed. After an error that makes
 * the rest meaningless all of @len, and @req->keep is false.
 */
size_t http_parse(struct http_request *req, const struct http_document *doc, const char *buf,
		  size_t len);

/**
 * http_date() - make replies say the time
 * @doc: what is served
 * @now: the time
 */
void http_date(struct http_document *doc, time_t now);

/**
 * http_reply() - head of a reply
 * @doc: what is served
 * @req: the request
 * @out: HTTP_REPLY_MAX bytes
 * @body: whether the document follows
 *
 * Return: length of @out, in which an error's text is included.
 */
size_t http_reply(const struct http_document *doc, const struct http_request *req, char *out,
		  bool *body);

#endif /* _EVSERVER_HTTP_H */
