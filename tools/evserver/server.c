// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: the loop: wait, do what there is to do, close what took too long.
 *
 * A cookie is a descriptor's number and a count, so that an event of a connection
 * whose number belongs to another one by now is known. The listener and the
 * signals have the counts 0 and 1.
 *
 * Without a descriptor for a new connection the listener is not looked at. It is
 * again when a connection has ended or, since others may have freed what was
 * missing, after a second.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

#define EVENTS		1024

/* Connections that are accepted before others have their turn. */
#define ACCEPT_MAX	256

/* More connections than this are not looked after. */
#define FDS_MAX		(1U << 22)

#define RETRY_MS	1000

TAILQ_HEAD(conns, conn);

enum {
	SERIAL_LISTENER,
	SERIAL_SIGNALS,
	SERIAL_FIRST,
};

#define SERIAL_MAX	((1U << (COOKIE_BITS - 32)) - 1)

struct server {
	const struct server_options	*opts;
	const struct engine_ops		*ops;
	struct http_document		*doc;
	struct engine			*engine;
	struct counts			*counts;
	int				signals;
	uint32_t			serial;
	uint64_t			now;
	uint64_t			retry;		/* when to accept again */
	bool				paused;
	bool				more;		/* to accept, after others */
	unsigned int			stopping;	/* signals seen */
	unsigned int			nr_conns;
	unsigned int			nr_by_fd;
	struct conn			**by_fd;
	struct conns			by_deadline;
	struct conns			by_turn;
	struct event			events[EVENTS];
};

static uint64_t cookie_of(int fd, uint32_t serial)
{
	return (uint64_t)serial << 32 | (uint32_t)fd;
}

static void update_time(struct server *srv)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	srv->now = ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	http_date(srv->doc, ts.tv_sec);
}

/* === Connections === */

static struct conn *find(struct server *srv, uint64_t cookie)
{
	uint32_t fd = cookie;
	struct conn *conn = fd < srv->nr_by_fd ? srv->by_fd[fd] : NULL;

	return conn && conn->cookie == cookie ? conn : NULL;
}

/* Its time begins anew. All have the same, so it is the last one's. */
static void touch(struct server *srv, struct conn *conn)
{
	conn->touched = false;
	conn->deadline = srv->now + srv->opts->timeout;
	TAILQ_REMOVE(&srv->by_deadline, conn, by_deadline);
	TAILQ_INSERT_TAIL(&srv->by_deadline, conn, by_deadline);
}

static void end(struct server *srv, struct conn *conn)
{
	if (conn->want == CONN_TURN)
		TAILQ_REMOVE(&srv->by_turn, conn, by_turn);
	TAILQ_REMOVE(&srv->by_deadline, conn, by_deadline);
	srv->by_fd[conn->fd] = NULL;
	srv->ops->forget(srv->engine, conn->fd, conn->cookie);
	close(conn->fd);
	free(conn);
	srv->nr_conns--;
	if (srv->paused)
		srv->retry = srv->now;
}

/* What an engine looks for when a connection waits for this. */
static unsigned int interest_of(enum conn_want want)
{
	return want == CONN_OUTPUT ? EV_OUT : EV_IN;
}

/* A connection has run: see to it that it runs again when it should. */
static void settle(struct server *srv, struct conn *conn, enum conn_want want)
{
	enum conn_want old = conn->want;

	/* Nothing new is begun. */
	if (srv->stopping && conn->state == CONN_READ)
		want = CONN_END;
	if (want == CONN_END) {
		end(srv, conn);
		return;
	}
	if (conn->touched)
		touch(srv, conn);
	if (old == CONN_TURN)
		TAILQ_REMOVE(&srv->by_turn, conn, by_turn);
	if (want == CONN_TURN)
		TAILQ_INSERT_TAIL(&srv->by_turn, conn, by_turn);
	conn->want = want;
	if (interest_of(want) != interest_of(old) &&
	    srv->ops->want(srv->engine, KIND_STREAM, conn->fd, conn->cookie, interest_of(want))) {
		srv->counts->resets++;
		end(srv, conn);
	}
}

static void tell(struct server *srv, struct conn *conn, const struct event *ev)
{
	enum conn_want want;

	if (ev->what & EV_FAILED) {
		srv->counts->resets++;
		end(srv, conn);
		return;
	}
	/* The end, and nothing before it: there is no need to read that. */
	if (ev->what & EV_HUP && !ev->count && conn->state == CONN_READ && !conn->have &&
	    !conn->has_head) {
		end(srv, conn);
		return;
	}
	if (ev->what & EV_ENDED && interest_of(conn->want) == EV_IN &&
	    srv->ops->want(srv->engine, KIND_STREAM, conn->fd, conn->cookie, EV_IN)) {
		end(srv, conn);
		return;
	}
	want = conn_run(conn, srv->doc, srv->counts, ev->what & EV_HUP);
	settle(srv, conn, want);
}

/* === The listener === */

static int listen_to(struct server *srv, bool on)
{
	return srv->ops->want(srv->engine, KIND_LISTENER, srv->opts->listener,
			      cookie_of(srv->opts->listener, SERIAL_LISTENER), on ? EV_IN : 0);
}

static int pause_accept(struct server *srv)
{
	srv->counts->pauses++;
	srv->paused = true;
	srv->retry = srv->now + RETRY_MS;
	return listen_to(srv, false);
}

static int resume_accept(struct server *srv)
{
	srv->paused = false;
	return listen_to(srv, true);
}

static int add_conn(struct server *srv, int fd)
{
	struct conn *conn = malloc(sizeof(*conn));
	int err = -ENOMEM;

	if (!conn)
		goto err;
	/* The buffers need not be clean. */
	memset(conn, 0, offsetof(struct conn, reply));
	if (srv->serial == SERIAL_MAX)
		srv->serial = SERIAL_FIRST - 1;
	conn->fd = fd;
	conn->cookie = cookie_of(fd, ++srv->serial);
	err = srv->ops->add(srv->engine, KIND_STREAM, fd, conn->cookie);
	if (err)
		goto err;
	conn->deadline = srv->now + srv->opts->timeout;
	TAILQ_INSERT_TAIL(&srv->by_deadline, conn, by_deadline);
	srv->by_fd[fd] = conn;
	srv->nr_conns++;
	srv->counts->accepted++;
	return 0;
err:
	close(fd);
	free(conn);
	return err;
}

/* Is it for want of something that others may give back? */
static bool is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM || err == ENOSPC;
}

/* Accept what there is: so many, if that is known. */
static int accept_conns(struct server *srv, uint32_t count)
{
	unsigned int i;
	int fd, err;

	srv->more = false;
	for (i = 0; i < count; i++) {
		if (i == ACCEPT_MAX) {
			srv->more = true;
			return 0;
		}
		fd = accept4(srv->opts->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		err = fd < 0 ? errno : 0;
		if (!err && (unsigned int)fd >= srv->nr_by_fd) {
			close(fd);
			err = EMFILE;
		}
		if (!err)
			err = -add_conn(srv, fd);
		if (is_shortage(err))
			return pause_accept(srv);
		if (err == EAGAIN || err == EWOULDBLOCK)
			return 0;
		/* Others are those of a connection that was gone before. */
		if (err == EBADF || err == EINVAL || err == ENOTSOCK)
			return -err;
	}
	return 0;
}

/* === Signals === */

static int stop(struct server *srv)
{
	struct conn *conn, *next;

	if (srv->stopping++)
		return 0;
	srv->more = false;
	if (!srv->paused && listen_to(srv, false))
		return -EIO;
	srv->paused = false;
	for (conn = TAILQ_FIRST(&srv->by_deadline); conn; conn = next) {
		next = TAILQ_NEXT(conn, by_deadline);
		if (conn->state == CONN_READ)
			end(srv, conn);
	}
	return 0;
}

static int take_signals(struct server *srv)
{
	struct signalfd_siginfo info;

	while (read(srv->signals, &info, sizeof(info)) == sizeof(info)) {
		int err = stop(srv);

		if (err)
			return err;
	}
	return 0;
}

/* === The loop === */

static int dispatch(struct server *srv, const struct event *ev)
{
	uint32_t serial = ev->cookie >> 32;
	struct conn *conn;

	if (serial < SERIAL_FIRST) {
		if (ev->what & EV_FAILED)
			return -EIO;
		if (ev->what & EV_ENDED && !(serial == SERIAL_LISTENER && srv->paused)) {
			int fd = (int)ev->cookie;
			int err = srv->ops->want(srv->engine, serial == SERIAL_LISTENER ?
						 KIND_LISTENER : KIND_OTHER, fd, ev->cookie,
						 EV_IN);

			if (err)
				return err;
		}
		if (serial == SERIAL_SIGNALS)
			return take_signals(srv);
		return srv->paused || srv->stopping ? 0 : accept_conns(srv, ev->count);
	}
	conn = find(srv, ev->cookie);
	if (conn)
		tell(srv, conn, ev);
	else
		srv->counts->late++;
	return 0;
}

/* Those that had more to do when this round began. */
static int take_turns(struct server *srv)
{
	struct conn *conn, *last = TAILQ_LAST(&srv->by_turn, conns);
	bool done = !last;

	while (!done) {
		conn = TAILQ_FIRST(&srv->by_turn);
		done = conn == last;
		settle(srv, conn, conn_run(conn, srv->doc, srv->counts, true));
	}
	return srv->more ? accept_conns(srv, COUNT_UNKNOWN) : 0;
}

static void expire(struct server *srv)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&srv->by_deadline)) && conn->deadline <= srv->now) {
		/* What lingers after this has its time, too. */
		conn->touched = true;
		settle(srv, conn, conn_expire(conn, srv->doc, srv->counts));
	}
}

static int time_left(struct server *srv)
{
	struct conn *conn = TAILQ_FIRST(&srv->by_deadline);
	uint64_t first = conn ? conn->deadline : UINT64_MAX;

	if (!TAILQ_EMPTY(&srv->by_turn) || srv->more)
		return 0;
	if (srv->paused && srv->retry < first)
		first = srv->retry;
	if (first == UINT64_MAX)
		return -1;
	/* The clock is coarse: a little late is better than twice. */
	return first > srv->now ? (int)(first - srv->now) + 1 : 0;
}

static int loop(struct server *srv)
{
	int i, nr, err;

	while (!srv->stopping || (srv->stopping == 1 && srv->nr_conns)) {
		nr = srv->ops->wait(srv->engine, srv->events, EVENTS, time_left(srv));
		if (nr < 0)
			return nr;
		update_time(srv);
		srv->counts->waits++;
		srv->counts->events += nr;
		for (i = 0; i < nr; i++) {
			err = dispatch(srv, &srv->events[i]);
			if (err)
				return err;
		}
		err = take_turns(srv);
		if (err)
			return err;
		expire(srv);
		if (srv->paused && srv->retry <= srv->now && !srv->stopping) {
			err = resume_accept(srv);
			if (err)
				return err;
		}
	}
	return 0;
}

static int prepare(struct server *srv)
{
	struct rlimit limit;
	sigset_t set;
	int err;

	update_time(srv);
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	srv->nr_by_fd = limit.rlim_cur < FDS_MAX ? limit.rlim_cur : FDS_MAX;
	srv->by_fd = calloc(srv->nr_by_fd, sizeof(struct conn *));
	if (!srv->by_fd)
		return -ENOMEM;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	srv->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (srv->signals < 0)
		return -errno;
	err = srv->ops->open(&srv->engine);
	if (err)
		return err;
	srv->engine->ops = srv->ops;
	err = srv->ops->add(srv->engine, KIND_OTHER, srv->signals,
			    cookie_of(srv->signals, SERIAL_SIGNALS));
	if (err)
		return err;
	return srv->ops->add(srv->engine, KIND_LISTENER, srv->opts->listener,
			     cookie_of(srv->opts->listener, SERIAL_LISTENER));
}

int server_run(const struct server_options *opts, struct http_document *doc,
	       struct server_result *res)
{
	struct server *srv = calloc(1, sizeof(*srv));
	struct conn *conn;
	int err;

	if (!srv)
		return -ENOMEM;
	memset(res, 0, sizeof(*res));
	srv->opts = opts;
	srv->ops = opts->ops;
	srv->doc = doc;
	srv->counts = &res->counts;
	srv->serial = SERIAL_FIRST - 1;
	srv->signals = -1;
	TAILQ_INIT(&srv->by_deadline);
	TAILQ_INIT(&srv->by_turn);

	err = prepare(srv);
	if (!err)
		err = loop(srv);
	while ((conn = TAILQ_FIRST(&srv->by_deadline)))
		end(srv, conn);
	if (srv->engine) {
		res->nr_waits = srv->engine->nr_waits;
		res->nr_changes = srv->engine->nr_changes;
		srv->ops->close(srv->engine);
	}
	if (srv->signals >= 0)
		close(srv->signals);
	free(srv->by_fd);
	free(srv);
	if (err)
		fprintf(stderr, "evserver: %s: %s\n", opts->ops->name, strerror(-err));
	return err;
}
