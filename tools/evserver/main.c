// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: a web server of one thread for one document, to compare event
 * systems with: everything but the engine is the same code.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "document.h"
#include "server.h"

#define WORKERS_MAX	64

static const struct engine_ops * const engines[] = {
	&engine_ring, &engine_kevent, &engine_epoll, &engine_poll, &engine_uring,
};

#define NR_ENGINES	(sizeof(engines) / sizeof(engines[0]))

struct options {
	const struct engine_ops	*ops;
	const char		*bind;
	unsigned int		port;
	const char		*file;
	size_t			size;
	unsigned int		timeout;
	unsigned int		nr_workers;
	bool			json;
};

static noreturn void end_with(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static noreturn void end_with(int status, const char *fmt, ...)
{
	va_list args;

	fputs("evserver: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

/* === Setting up === */

union address {
	struct sockaddr		any;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
};

static int listen_at(const char *host, unsigned int port)
{
	union address addr = {};
	socklen_t len;
	int fd, one = 1;

	if (inet_pton(AF_INET, host, &addr.in.sin_addr) == 1) {
		addr.in.sin_family = AF_INET;
		addr.in.sin_port = htons(port);
		len = sizeof(addr.in);
	} else if (inet_pton(AF_INET6, host, &addr.in6.sin6_addr) == 1) {
		addr.in6.sin6_family = AF_INET6;
		addr.in6.sin6_port = htons(port);
		len = sizeof(addr.in6);
	} else {
		end_with(2, "--bind is an IPv4 or IPv6 address, not '%s'", host);
	}
	fd = socket(addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Connections have what the listener has. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    bind(fd, &addr.any, len) || listen(fd, INT32_MAX))
		end_with(1, "cannot listen at %s, port %u: %s", host, port, strerror(errno));
	return fd;
}

/* As many descriptors as may be had. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void say_where(const struct options *opts, int fd)
{
	union address addr;
	socklen_t len = sizeof(addr);
	unsigned int port;

	if (getsockname(fd, &addr.any, &len))
		end_with(1, "where does it listen? %s", strerror(errno));
	port = ntohs(addr.any.sa_family == AF_INET ? addr.in.sin_port : addr.in6.sin6_port);
	if (opts->json)
		printf("{\"engine\": \"%s\", \"address\": \"%s\", \"port\": %u}\n",
		       opts->ops->name, opts->bind, port);
	else
		printf("%s: listens at %s, port %u\n", opts->ops->name, opts->bind, port);
	fflush(stdout);
}

/* === Results === */

static void print_json(const struct options *opts, const struct server_result *res,
		       unsigned int worker)
{
	const struct counts *c = &res->counts;

	printf("{\"engine\": \"%s\", \"worker\": %u, \"accepted\": %" PRIu64
	       ", \"requests\": %" PRIu64 ", \"replies\": {\"2xx\": %" PRIu64
	       ", \"4xx\": %" PRIu64 ", \"5xx\": %" PRIu64 "}, \"bytes\": %" PRIu64
	       ", \"timeouts\": %" PRIu64 ", \"idle\": %" PRIu64 ", \"resets\": %" PRIu64
	       ", \"cut\": %" PRIu64 ", \"pauses\": %" PRIu64 ", \"rounds\": %" PRIu64
	       ", \"events\": %" PRIu64 ", \"late\": %" PRIu64 ", \"waits\": %" PRIu64
	       ", \"changes\": %" PRIu64 "}\n",
	       opts->ops->name, worker, c->accepted, c->requests, c->replies[2], c->replies[4],
	       c->replies[5], c->bytes, c->timeouts, c->idle, c->resets, c->cut, c->pauses,
	       c->waits, c->events, c->late, res->nr_waits, res->nr_changes);
}

static void print_text(const struct options *opts, const struct server_result *res,
		       unsigned int worker)
{
	const struct counts *c = &res->counts;

	printf("%s", opts->ops->name);
	if (opts->nr_workers > 1)
		printf(", worker %u", worker);
	printf(": %" PRIu64 " connections, %" PRIu64 " requests (%" PRIu64 " 2xx, %" PRIu64
	       " 4xx, %" PRIu64 " 5xx), %" PRIu64 " bytes\n",
	       c->accepted, c->requests, c->replies[2], c->replies[4], c->replies[5], c->bytes);
	printf("  %" PRIu64 " timed out, %" PRIu64 " idle, %" PRIu64 " reset, %" PRIu64
	       " cut off; %" PRIu64 " times out of descriptors\n",
	       c->timeouts, c->idle, c->resets, c->cut, c->pauses);
	printf("  %" PRIu64 " events (%" PRIu64 " late) in %" PRIu64 " rounds; %" PRIu64
	       " calls waited, %" PRIu64 " changed interests\n",
	       c->events, c->late, c->waits, res->nr_waits, res->nr_changes);
}

/* === Running === */

static int serve(const struct options *opts, int listener, struct http_document *doc,
		 unsigned int worker)
{
	const struct server_options server = {
		.ops = opts->ops, .listener = listener, .timeout = opts->timeout,
	};
	struct server_result res;

	if (server_run(&server, doc, &res))
		return 1;
	if (opts->json)
		print_json(opts, &res, worker);
	else
		print_text(opts, &res, worker);
	return fflush(stdout) ? 1 : 0;
}

/*
 * Processes that share the listener. If one ends before it was told to, all do.
 * A worker's signals stay blocked: it reads them.
 */
static int serve_with_workers(const struct options *opts, int listener,
			      struct http_document *doc, const sigset_t *set)
{
	unsigned int i, left = opts->nr_workers;
	pid_t pids[WORKERS_MAX] = {};
	int sig, status, failed = 0;
	pid_t pid;

	for (i = 0; i < opts->nr_workers; i++) {
		pids[i] = fork();
		if (!pids[i])
			return serve(opts, listener, doc, i);
		if (pids[i] < 0) {
			fprintf(stderr, "evserver: no worker %u: %s\n", i, strerror(errno));
			left -= opts->nr_workers - i;
			failed = 1;
			break;
		}
	}
	close(listener);
	sig = failed ? SIGTERM : 0;
	while (left) {
		if (!sig)
			sigwait(set, &sig);
		for (i = 0; sig != SIGCHLD && i < opts->nr_workers; i++) {
			if (pids[i] > 0)
				kill(pids[i], sig);
		}
		sig = 0;
		while (left && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
			left--;
			for (i = 0; i < opts->nr_workers; i++) {
				if (pids[i] == pid)
					pids[i] = 0;
			}
			if (!WIFEXITED(status) || WEXITSTATUS(status)) {
				failed = 1;
				sig = SIGTERM;
			}
		}
	}
	return failed;
}

/* === Options === */

static void usage(void)
{
	unsigned int i;

	puts("Usage: evserver [OPTION...]\n"
	     "Serve one document over HTTP/1.1, on an event system of your choice.\n\n"
	     "  -e, --engine NAME     event system (epoll)\n"
	     "  -b, --bind ADDRESS    where to listen (0.0.0.0)\n"
	     "  -p, --port PORT       and at which port; 0: any that is free (8080)\n"
	     "  -s, --size BYTES      size of the document (1024)\n"
	     "  -f, --file FILE       serve this instead\n"
	     "  -t, --timeout SECONDS close a connection that does nothing for so long (30)\n"
	     "  -w, --workers N       processes that share the listener (1)\n"
	     "  -j, --json            say where it listens, and at the end what it did, as\n"
	     "                        JSON, an object a line\n"
	     "  -h, --help            this\n\nEngines:");
	for (i = 0; i < NR_ENGINES; i++)
		printf(" %s", engines[i]->name);
	puts("\nExit: 0 after SIGINT or SIGTERM, 1 when something failed, 2 for a wrong call.");
}

static size_t number(const char *option, const char *arg, size_t min, size_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(arg, &end, 10);
	if (errno || end == arg || *end || *arg == '-' || n < min || n > max)
		end_with(2, "--%s is a number from %zu to %zu, not '%s'", option, min, max, arg);
	return n;
}

static const struct engine_ops *engine_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_ENGINES; i++) {
		if (!strcmp(name, engines[i]->name))
			return engines[i];
	}
	end_with(2, "unknown engine '%s'; --help lists them", name);
}

static void parse_options(struct options *opts, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "engine", required_argument, NULL, 'e' },
		{ "bind", required_argument, NULL, 'b' },
		{ "port", required_argument, NULL, 'p' },
		{ "size", required_argument, NULL, 's' },
		{ "file", required_argument, NULL, 'f' },
		{ "timeout", required_argument, NULL, 't' },
		{ "workers", required_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "e:b:p:s:f:t:w:jh", longs, NULL)) != -1) {
		switch (opt) {
		case 'e':
			opts->ops = engine_of(optarg);
			break;
		case 'b':
			opts->bind = optarg;
			break;
		case 'p':
			opts->port = number("port", optarg, 0, 65535);
			break;
		case 's':
			opts->size = number("size", optarg, 0, 1U << 30);
			break;
		case 'f':
			opts->file = optarg;
			break;
		case 't':
			opts->timeout = 1000 * number("timeout", optarg, 1, 1000000);
			break;
		case 'w':
			opts->nr_workers = number("workers", optarg, 1, WORKERS_MAX);
			break;
		case 'j':
			opts->json = true;
			break;
		case 'h':
			usage();
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		end_with(2, "what is '%s'?", argv[optind]);
}

int main(int argc, char **argv)
{
	struct options opts = {
		.ops = &engine_epoll, .bind = "0.0.0.0", .port = 8080, .size = 1024,
		.timeout = 30000, .nr_workers = 1,
	};
	struct http_document doc = {};
	int listener, err, status;
	sigset_t set;

	parse_options(&opts, argc, argv);
	err = opts.file ? document_of_file(&doc, opts.file) : document_of_size(&doc, opts.size);
	if (err)
		end_with(1, "%s: %s", opts.file ? opts.file : "no document", strerror(-err));
	raise_limit();
	listener = listen_at(opts.bind, opts.port);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (opts.nr_workers > 1)
		sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	say_where(&opts, listener);
	status = opts.nr_workers == 1 ? serve(&opts, listener, &doc, 0) :
					serve_with_workers(&opts, listener, &doc, &set);
	document_free(&doc);
	return status;
}
