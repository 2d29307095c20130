/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evserver: the server's loop.
 */
#ifndef _EVSERVER_SERVER_H
#define _EVSERVER_SERVER_H

#include "conn.h"
#include "engine.h"

/**
 * struct server_options - what to serve, and how
 * @ops: the engine
 * @listener: socket that listens, not blocking
 * @timeout: milliseconds that a connection may do nothing
 */
struct server_options {
	const struct engine_ops	*ops;
	int			listener;
	unsigned int		timeout;
};

/**
 * struct server_result - what was done
 * @counts: what happened
 * @nr_waits: system calls of the engine that waited
 * @nr_changes: and that changed interests
 */
struct server_result {
	struct counts	counts;
	uint64_t	nr_waits;
	uint64_t	nr_changes;
};

/**
 * server_run() - serve until SIGINT or SIGTERM, which must be blocked
 * @opts: options
 * @doc: what is served
 * @res: out
 *
 * After the signal replies that have begun are sent, and nothing else; a second
 * signal ends these, too. Says on standard error what failed.
 *
 * Return: 0 after a signal, or a negative errno.
 */
int server_run(const struct server_options *opts, struct http_document *doc,
	       struct server_result *res);

#endif /* _EVSERVER_SERVER_H */
