// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: tests of its HTTP, as TAP. Every request comes in one piece, byte by
 * byte, and with something behind it: the result is the same. Then random ones.
 *
 *   unit [RANDOM-REQUESTS [SEED]]
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define CRLF	"\r\n"
#define HOST	"Host: here" CRLF

static struct http_document doc = {
	.name = "/page", .type = "text/plain", .data = "0123456789", .len = 10,
};

static unsigned int nr, nr_failed;

static void result(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void result(bool ok, const char *fmt, ...)
{
	va_list args;

	printf("%sok %u ", ok ? "" : "not ", ++nr);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	nr_failed += !ok;
}

/* What a request is to come to: 0 when it is not whole. */
static const struct {
	const char	*what;
	const char	*text;
	unsigned int	status;
	bool		keep;
	size_t		body;
} requests[] = {
	{ "plain", "GET / HTTP/1.1" CRLF HOST CRLF, 200, true, 0 },
	{ "by name", "GET /page HTTP/1.1" CRLF HOST CRLF, 200, true, 0 },
	{ "with a query", "GET /page?a=b HTTP/1.1" CRLF HOST CRLF, 200, true, 0 },
	{ "as to a proxy", "GET http://there/page HTTP/1.1" CRLF HOST CRLF, 200, true, 0 },
	{ "as to a proxy, no path", "GET http://there HTTP/1.1" CRLF HOST CRLF, 200, true, 0 },
	{ "as to a proxy, other path", "GET http://a/b HTTP/1.1" CRLF HOST CRLF, 404, true, 0 },
	{ "HEAD", "HEAD / HTTP/1.1" CRLF HOST CRLF, 200, true, 0 },
	{ "HTTP/1.0", "GET / HTTP/1.0" CRLF CRLF, 200, false, 0 },
	{ "HTTP/1.0, kept", "GET / HTTP/1.0" CRLF "Connection: Keep-Alive" CRLF CRLF, 200, true, 0 },
	{ "close", "GET / HTTP/1.1" CRLF HOST "Connection: close" CRLF CRLF, 200, false, 0 },
	{ "close in a list", "GET / HTTP/1.1" CRLF HOST "connection: a ,\tCLOSE , b" CRLF CRLF,
	  200, false, 0 },
	{ "something like close", "GET / HTTP/1.1" CRLF HOST "Connection: closed" CRLF CRLF,
	  200, true, 0 },
	{ "HTTP/1.9", "GET / HTTP/1.9" CRLF HOST CRLF, 200, true, 0 },
	{ "empty lines before", CRLF CRLF "GET / HTTP/1.1" CRLF HOST CRLF, 200, true, 0 },
	{ "a body", "GET / HTTP/1.1" CRLF HOST "Content-Length: 7" CRLF CRLF, 200, true, 7 },
	{ "a length twice, the same", "GET / HTTP/1.1" CRLF HOST "Content-Length: 7" CRLF
	  "Content-Length: 7" CRLF CRLF, 200, true, 7 },
	{ "no such page", "GET /other HTTP/1.1" CRLF HOST CRLF, 404, true, 0 },
	{ "longer than the page", "GET /pages HTTP/1.1" CRLF HOST CRLF, 404, true, 0 },
	{ "POST", "POST / HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF CRLF, 405, true, 3 },
	{ "OPTIONS *", "OPTIONS * HTTP/1.1" CRLF HOST CRLF, 405, true, 0 },
	{ "an unknown method", "BREW / HTTP/1.1" CRLF HOST CRLF, 501, true, 0 },
	{ "a method in small letters", "get / HTTP/1.1" CRLF HOST CRLF, 501, true, 0 },
	{ "chunks", "GET / HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked" CRLF CRLF,
	  501, false, 0 },
	{ "chunks and a length", "GET / HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked" CRLF
	  "Content-Length: 3" CRLF CRLF, 400, false, 0 },
	{ "a long body", "GET / HTTP/1.1" CRLF HOST "Content-Length: 65537" CRLF CRLF,
	  413, false, 0 },
	{ "the longest body", "GET / HTTP/1.1" CRLF HOST "Content-Length: 65536" CRLF CRLF,
	  200, true, 65536 },
	{ "a length of 2^64", "GET / HTTP/1.1" CRLF HOST "Content-Length: 18446744073709551616"
	  CRLF CRLF, 413, false, 0 },
	{ "a body that waits", "GET / HTTP/1.1" CRLF HOST "Content-Length: 7" CRLF
	  "Expect: 100-continue" CRLF CRLF, 417, false, 0 },
	{ "HTTP/2.0", "GET / HTTP/2.0" CRLF HOST CRLF, 505, false, 0 },
	{ "no version", "GET /" CRLF CRLF, 400, false, 0 },
	{ "another protocol", "GET / FTP/1.1" CRLF HOST CRLF, 400, false, 0 },
	{ "a version that is none", "GET / HTTP/1.x" CRLF HOST CRLF, 400, false, 0 },
	{ "two spaces", "GET  / HTTP/1.1" CRLF HOST CRLF, 400, false, 0 },
	{ "a space behind", "GET / HTTP/1.1 " CRLF HOST CRLF, 400, false, 0 },
	{ "a space before", " GET / HTTP/1.1" CRLF HOST CRLF, 400, false, 0 },
	{ "no path", "GET page HTTP/1.1" CRLF HOST CRLF, 400, false, 0 },
	{ "a fragment", "GET /#a HTTP/1.1" CRLF HOST CRLF, 400, false, 0 },
	{ "a control character in the path", "GET /\001 HTTP/1.1" CRLF HOST CRLF, 400, false, 0 },
	{ "no host", "GET / HTTP/1.1" CRLF CRLF, 400, false, 0 },
	{ "two hosts", "GET / HTTP/1.1" CRLF HOST HOST CRLF, 400, false, 0 },
	{ "no colon", "GET / HTTP/1.1" CRLF HOST "Accept" CRLF CRLF, 400, false, 0 },
	{ "no name", "GET / HTTP/1.1" CRLF HOST ": a" CRLF CRLF, 400, false, 0 },
	{ "a space before the colon", "GET / HTTP/1.1" CRLF HOST "Accept : a" CRLF CRLF,
	  400, false, 0 },
	{ "a folded line", "GET / HTTP/1.1" CRLF HOST " more" CRLF CRLF, 400, false, 0 },
	{ "a control character in a field", "GET / HTTP/1.1" CRLF HOST "A: \001" CRLF CRLF,
	  400, false, 0 },
	{ "a return in a field", "GET / HTTP/1.1" CRLF HOST "A: b\rc" CRLF CRLF, 400, false, 0 },
	{ "a length with a sign", "GET / HTTP/1.1" CRLF HOST "Content-Length: +7" CRLF CRLF,
	  400, false, 0 },
	{ "no length", "GET / HTTP/1.1" CRLF HOST "Content-Length:" CRLF CRLF, 400, false, 0 },
	{ "a length twice, different", "GET / HTTP/1.1" CRLF HOST "Content-Length: 7" CRLF
	  "Content-Length: 8" CRLF CRLF, 400, false, 0 },
	{ "lines that end in LF", "GET / HTTP/1.1\nHost: here\n\n", 400, false, 0 },
	{ "one line that ends in LF", "GET / HTTP/1.1" CRLF "Host: here\n", 400, false, 0 },
	{ "an LF and nothing", "\n", 400, false, 0 },
	{ "another protocol's first bytes", "\026\003\001\002", 400, false, 0 },
	{ "nothing", "", 0, false, 0 },
	{ "the beginning", "GET / HTTP/1.1" CRLF "Host: he", 0, false, 0 },
	{ "all but the end", "GET / HTTP/1.1" CRLF HOST "\r", 0, false, 0 },
};

#define NR_REQUESTS	(sizeof(requests) / sizeof(requests[0]))

/* On the heap, so that a sanitizer sees a step too far. */
static size_t parse(struct http_request *req, const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	size_t ret;

	memcpy(copy, text, len);
	ret = http_parse(req, &doc, copy, len);
	free(copy);
	return ret;
}

static size_t parse_bytewise(struct http_request *req, const char *text, size_t len)
{
	size_t i, ret = 0;

	for (i = 0; i <= len && !ret; i++)
		ret = parse(req, text, i);
	return ret;
}

static bool is_right(unsigned int i, const struct http_request *req, size_t ret)
{
	if (!requests[i].status)
		return !ret;
	return ret && req->status == requests[i].status && req->keep == requests[i].keep &&
	       req->body == requests[i].body;
}

static void test_requests(void)
{
	unsigned int i;

	for (i = 0; i < NR_REQUESTS; i++) {
		struct http_request whole = {}, bytes = {}, more = {};
		size_t len = strlen(requests[i].text), ret;
		char *text = NULL;

		ret = parse(&whole, requests[i].text, len);
		result(is_right(i, &whole, ret) && (!ret || ret == len), "%s: %u",
		       requests[i].what, requests[i].status);
		ret = parse_bytewise(&bytes, requests[i].text, len);
		result(is_right(i, &bytes, ret), "%s, byte by byte", requests[i].what);
		if (!requests[i].status)
			continue;
		if (asprintf(&text, "%s%s", requests[i].text, "GET / HT") < 0)
			abort();
		ret = parse(&more, text, strlen(text));
		/* After an error nothing is left that would be understood. */
		result(is_right(i, &more, ret) && (ret == len || !more.keep),
		       "%s, with more behind", requests[i].what);
		free(text);
	}
}

static void test_long(void)
{
	struct http_request req = {};
	char text[HTTP_HEAD_MAX];
	size_t i, ret;

	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	ret = parse(&req, text, sizeof(text) - 1);
	result(!ret, "a long line may still end");
	ret = parse(&req, text, sizeof(text));
	result(ret == sizeof(text) && req.status == 414 && !req.keep, "a line that is too long");

	memset(&req, 0, sizeof(req));
	memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
	ret = parse(&req, text, sizeof(text));
	result(ret == sizeof(text) && req.status == 431 && !req.keep, "fields that are too long");

	memset(&req, 0, sizeof(req));
	for (i = 0; i < sizeof(text); i++)
		text[i] = "\r\n"[i % 2];
	ret = parse(&req, text, sizeof(text));
	result(ret == sizeof(text) && req.status == 414, "nothing but empty lines");
}

static void test_replies(void)
{
	static const unsigned int all[] = { 400, 404, 405, 408, 413, 414, 417, 431, 501, 505 };
	struct http_request req = { .status = 200, .keep = true };
	char out[HTTP_REPLY_MAX + 1], expected[64];
	unsigned int i;
	size_t len;
	bool body;

	http_date(&doc, 784111777);
	len = http_reply(&doc, &req, out, &body);
	out[len] = '\0';
	result(body && !strcmp(out, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			       "Server: evserver\r\nContent-Type: text/plain\r\n"
			       "Content-Length: 10\r\n\r\n"), "reply");
	req.is_old = true;
	len = http_reply(&doc, &req, out, &body);
	out[len] = '\0';
	result(strstr(out, "\r\nConnection: keep-alive\r\n\r\n"), "reply to an old client, kept");
	req.keep = false;
	req.is_head = true;
	len = http_reply(&doc, &req, out, &body);
	out[len] = '\0';
	result(!body && strstr(out, "\r\nContent-Length: 10\r\nConnection: close\r\n\r\n"),
	       "reply to HEAD, closed");
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *text;

		req.status = all[i];
		req.is_head = false;
		len = http_reply(&doc, &req, out, &body);
		out[len] = '\0';
		text = strstr(out, "\r\n\r\n");
		snprintf(expected, sizeof(expected), "Content-Length: %zu\r\n",
			 text ? strlen(text + 4) : 0);
		result(text && atoi(text + 4) == (int)all[i] && atoi(out + 9) == (int)all[i] &&
		       strstr(out, expected) && !body, "reply with %u", all[i]);
	}
}

static uint64_t state;

static unsigned int draw(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* Requests with bytes changed and pieces cut out: in any pieces the same comes out. */
static void test_random(unsigned long rounds)
{
	unsigned long round, wrong = 0;

	for (round = 0; round < rounds; round++) {
		struct http_request whole = {}, bytes = {};
		const char *from = requests[draw(NR_REQUESTS)].text;
		size_t len = strlen(from), i, ret, ret_bytes;
		char text[256];

		memcpy(text, from, len);
		for (i = draw(4); i && len; i--) {
			if (draw(2)) {
				text[draw(len)] = draw(256);
			} else {
				size_t at = draw(len), cut = 1 + draw(len - at);

				memmove(text + at, text + at + cut, len - at - cut);
				len -= cut;
			}
		}
		ret = parse(&whole, text, len);
		ret_bytes = parse_bytewise(&bytes, text, len);
		if (!!ret != !!ret_bytes || (ret && (whole.keep != bytes.keep ||
						     (whole.keep && ret != ret_bytes))))
			wrong++;
	}
	result(!wrong, "%lu random requests, in one piece and byte by byte", rounds);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;

	state = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	puts("TAP version 13");
	test_requests();
	test_long();
	test_replies();
	test_random(rounds);
	printf("1..%u\n", nr);
	return nr_failed != 0;
}
