// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: requests and replies.
 *
 * Strict, as RFC 9112 lets a server be: lines end in CR LF, names of fields are
 * tokens with nothing between them and the colon, no line is folded, HTTP/1.1
 * has one Host. After a request of which nobody can say where it ends the
 * connection does.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* A stretch of the buffer. */
struct span {
	const char	*at;
	size_t		len;
};

/* === Replies === */

struct status {
	unsigned int	code;
	const char	*text;
};

static const struct status statuses[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 417, "Expectation Failed" },
	{ 431, "Request Header Fields Too Large" },
	{ 501, "Not Implemented" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *text_of(unsigned int code)
{
	unsigned int i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].code == code)
			return statuses[i].text;
	}
	return "";
}

enum {
	KEPT,
	KEPT_OLD,
	CLOSED,
};

/* HTTP/1.1 keeps a connection unless told; an old client wants to be told. */
static unsigned int connection_of(const struct http_request *req)
{
	return !req->keep ? CLOSED : req->is_old ? KEPT_OLD : KEPT;
}

static const char * const connections[] = {
	[KEPT]		= "",
	[KEPT_OLD]	= "Connection: keep-alive\r\n",
	[CLOSED]	= "Connection: close\r\n",
};

static size_t format(const struct http_document *doc, unsigned int code, unsigned int connection,
		     const char *type, size_t len, char *out)
{
	char date[64];
	struct tm tm;

	gmtime_r(&doc->now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return snprintf(out, HTTP_REPLY_MAX,
			"HTTP/1.1 %u %s\r\n"
			"Date: %s\r\n"
			"Server: evserver\r\n"
			"Content-Type: %s\r\n"
			"Content-Length: %zu\r\n"
			"%s%s\r\n",
			code, text_of(code), date, type, len,
			code == 405 ? "Allow: GET, HEAD\r\n" : "", connections[connection]);
}

void http_date(struct http_document *doc, time_t now)
{
	unsigned int i;

	if (doc->now == now)
		return;
	doc->now = now;
	for (i = KEPT; i <= CLOSED; i++)
		doc->head_lens[i] = format(doc, 200, i, doc->type, doc->len, doc->heads[i]);
}

size_t http_reply(const struct http_document *doc, const struct http_request *req, char *out,
		  bool *body)
{
	unsigned int connection = connection_of(req);
	size_t head;
	char text[64];
	int len;

	*body = req->status == 200 && !req->is_head && doc->len;
	if (req->status == 200) {
		memcpy(out, doc->heads[connection], doc->head_lens[connection]);
		return doc->head_lens[connection];
	}
	len = snprintf(text, sizeof(text), "%u %s\n", req->status, text_of(req->status));
	head = format(doc, req->status, connection, "text/plain", len, out);
	if (req->is_head)
		return head;
	memcpy(out + head, text, len);
	return head + len;
}

/* === Requests === */

static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (!is_token_char(s.at[i]))
			return false;
	}
	return s.len > 0;
}

static bool is(struct span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.at, text, s.len);
}

static bool is_nocase(struct span s, const char *text)
{
	return s.len == strlen(text) && !strncasecmp(s.at, text, s.len);
}

/* What is before the first c; the rest stays, without it. All, if there is none. */
static struct span cut(struct span *s, char c)
{
	const char *at = s->len ? memchr(s->at, c, s->len) : NULL;
	struct span first = *s;

	if (at) {
		first.len = at - s->at;
		s->len -= first.len + 1;
		s->at = at + 1;
	} else {
		s->at += s->len;
		s->len = 0;
	}
	return first;
}

static struct span trim(struct span s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Of a list, with commas. */
static bool has_element(struct span list, const char *name)
{
	while (list.len) {
		if (is_nocase(trim(cut(&list, ',')), name))
			return true;
	}
	return false;
}

/* 0, or the status that tells what is wrong. */
static unsigned int parse_method(struct http_request *req, struct span method)
{
	static const char * const others[] = {
		"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT",
	};
	unsigned int i;

	req->is_head = is(method, "HEAD");
	if (req->is_head || is(method, "GET"))
		return 0;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (is(method, others[i]))
			return 405;
	}
	return 501;
}

static bool is_version(struct span s)
{
	return s.len == 8 && !memcmp(s.at, "HTTP/", 5) && s.at[5] >= '0' && s.at[5] <= '9' &&
	       s.at[6] == '.' && s.at[7] >= '0' && s.at[7] <= '9';
}

static bool is_target(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = s.at[i];

		if (c <= ' ' || c == 0x7f || c == '#')
			return false;
	}
	return s.len > 0;
}

static bool is_there(const struct http_document *doc, struct span target)
{
	struct span path;

	/* As a proxy is asked: the name of the host does not matter. */
	if (target.len > 7 && !strncasecmp(target.at, "http://", 7)) {
		target.at += 7;
		target.len -= 7;
		while (target.len && *target.at != '/' && *target.at != '?') {
			target.at++;
			target.len--;
		}
		if (!target.len || *target.at == '?')
			return true;
	}
	path = cut(&target, '?');
	return is(path, "/") || (doc->name && is(path, doc->name));
}

/* What the fields say, of those that matter. */
struct fields {
	unsigned int	nr_hosts;
	bool		has_length;
	bool		too_long;
	bool		is_coded;
	bool		expects;
	bool		close;
	bool		keep;
};

static bool parse_length(struct http_request *req, struct fields *f, struct span value)
{
	size_t len = 0, i;
	bool too_long = false;

	for (i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
		len = 10 * len + (value.at[i] - '0');
		if (len > HTTP_BODY_MAX) {
			too_long = true;
			len = HTTP_BODY_MAX;
		}
	}
	if (!value.len || (f->has_length && (len != req->body || too_long != f->too_long)))
		return false;
	f->has_length = true;
	f->too_long = too_long;
	req->body = len;
	return true;
}

static bool parse_field(struct http_request *req, struct fields *f, struct span line)
{
	bool has_colon = memchr(line.at, ':', line.len);
	struct span name = cut(&line, ':'), value = trim(line);
	size_t i;

	if (!has_colon || !is_token(name))
		return false;
	for (i = 0; i < value.len; i++) {
		unsigned char c = value.at[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	if (is_nocase(name, "Host"))
		f->nr_hosts++;
	else if (is_nocase(name, "Content-Length"))
		return parse_length(req, f, value);
	else if (is_nocase(name, "Transfer-Encoding"))
		f->is_coded = true;
	else if (is_nocase(name, "Expect"))
		f->expects = true;
	else if (is_nocase(name, "Connection")) {
		f->close |= has_element(value, "close");
		f->keep |= has_element(value, "keep-alive");
	}
	return true;
}

/* Parse a whole head. Return: the status. framed: it is known where the request ends. */
static unsigned int parse_head(struct http_request *req, const struct http_document *doc,
			       struct span head, bool *framed)
{
	struct span line = cut(&head, '\n'), method, target, version;
	struct fields f = {};
	unsigned int status;

	line.len--;
	method = cut(&line, ' ');
	target = cut(&line, ' ');
	version = line;
	if (!is_token(method) || !is_target(target) || !is_version(version))
		return 400;
	status = parse_method(req, method);
	if (version.at[5] != '1')
		return 505;
	req->is_old = version.at[7] == '0';

	for (;;) {
		line = cut(&head, '\n');
		line.len--;
		if (!line.len)
			break;
		if (!parse_field(req, &f, line))
			return 400;
	}
	if (f.nr_hosts > 1 || (!f.nr_hosts && !req->is_old) || (f.is_coded && f.has_length))
		return 400;
	if (f.is_coded)
		return 501;
	if (f.too_long)
		return 413;
	if (f.expects && req->body)
		return 417;
	/* Other forms of a target go with other methods. */
	if (!status && *target.at != '/' && (target.len <= 7 || strncasecmp(target.at, "http://", 7)))
		return 400;
	*framed = true;
	req->keep = !f.close && (!req->is_old || f.keep);
	if (status)
		return status;
	return is_there(doc, target) ? 200 : 404;
}

/* Nobody can say where this one ends. */
static size_t refuse(struct http_request *req, unsigned int status, size_t len)
{
	req->status = status;
	req->keep = false;
	req->body = 0;
	return len;
}

size_t http_parse(struct http_request *req, const struct http_document *doc, const char *buf,
		  size_t len)
{
	const char *at;

	/* There may be empty lines before a request, left from the last one's body. */
	while (req->line == req->start && len - req->start >= 2 &&
	       !memcmp(buf + req->start, "\r\n", 2))
		req->start = req->line = req->scanned = req->start + 2;

	while ((at = memchr(buf + req->scanned, '\n', len - req->scanned))) {
		const char *line = buf + req->line;

		req->line = req->scanned = at - buf + 1;
		if (at == line || at[-1] != '\r')
			return refuse(req, 400, len);
		if (at == line + 1) {
			struct span head = { buf + req->start, req->line - req->start };
			bool framed = false;

			req->status = parse_head(req, doc, head, &framed);
			if (!framed)
				return refuse(req, req->status, len);
			return req->line;
		}
	}
	req->scanned = len;
	if (len >= HTTP_HEAD_MAX)
		return refuse(req, req->line == req->start ? 414 : 431, len);
	/* Something else than HTTP may never send a line. */
	if (len > req->start && buf[req->start] != '\r' && !is_token_char(buf[req->start]))
		return refuse(req, 400, len);
	return 0;
}
