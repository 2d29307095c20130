// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: connections to one listening socket spread over those who wait.
 *
 * Each connection is there, and everybody sleeps again, before the next one
 * comes: so it is the order of waking that spreads them, and nothing else.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "../kselftest_harness.h"
#include "kevent_waiter.h"

#define NR_WORKERS	4
#define NR_CONNECTIONS	200

FIXTURE(fair)
{
	struct waiter w[NR_WORKERS];
	struct map map[NR_WORKERS];
	struct sockaddr_in addr;
	int nr_queues;
	int l;
};

FIXTURE_VARIANT(fair)
{
	unsigned int req;
	enum wait_how how;
};

FIXTURE_VARIANT_ADD(fair, level)
{
	.how = WAIT_GET,
};

FIXTURE_VARIANT_ADD(fair, edge)
{
	.how = WAIT_GET,
	.req = KEVENT_REQ_ET,
};

FIXTURE_VARIANT_ADD(fair, map_level)
{
	.how = WAIT_MAP,
};

FIXTURE_VARIANT_ADD(fair, map_edge)
{
	.how = WAIT_MAP,
	.req = KEVENT_REQ_ET,
};

FIXTURE_SETUP(fair)
{
	socklen_t len = sizeof(self->addr);

	memset(self, 0, sizeof(*self));
	self->l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	self->addr.sin_family = AF_INET;
	self->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(bind(self->l, (void *)&self->addr, len), 0);
	ASSERT_EQ(listen(self->l, 16), 0);
	ASSERT_EQ(getsockname(self->l, (void *)&self->addr, &len), 0);
}

FIXTURE_TEARDOWN(fair)
{
	int i;

	for (i = 0; i < self->nr_queues; i++) {
		if (variant->how == WAIT_MAP)
			map_close(&self->map[i]);
		else
			close(self->map[i].fd);
	}
	close(self->l);
}

/* One more queue that watches the socket, in map[]. */
static void watch(struct __test_metadata *_metadata, FIXTURE_DATA(fair) *self,
		  const FIXTURE_VARIANT(fair) *variant)
{
	struct map *map = &self->map[self->nr_queues++];

	if (variant->how == WAIT_MAP) {
		ASSERT_EQ(map_open(map, 8), 0);
	} else {
		map->fd = kevent_init(NULL, 0, 0);
		ASSERT_GE(map->fd, 0);
	}
	ASSERT_EQ(add_fd(map->fd, KEVENT_SOCKET, self->l,
			 KEVENT_SOCKET_ACCEPT, variant->req), 0);
}

static void serve(struct __test_metadata *_metadata, struct waiter *w,
		  struct map *map, enum wait_how how)
{
	w->how = how;
	w->fd = map->fd;
	w->map = map;
	w->rounds = INT_MAX;
	w->accept = 1;
	ASSERT_EQ(waiter_start(w), 0);
}

/* One after the other; then no worker has a fifth more than another. */
static void connect_all(struct __test_metadata *_metadata,
			FIXTURE_DATA(fair) *self)
{
	int i, fd, sum = 0, least = INT_MAX, most = 0;

	for (i = 0; i < NR_CONNECTIONS; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		ASSERT_EQ(connect(fd, (void *)&self->addr, sizeof(self->addr)),
			  0);
		settle(self->w, NR_WORKERS);
		close(fd);
	}
	for (i = 0; i < NR_WORKERS; i++) {
		int nr = self->w[i].connections;

		sum += nr;
		least = nr < least ? nr : least;
		most = nr > most ? nr : most;
	}
	EXPECT_EQ(sum, NR_CONNECTIONS);
	EXPECT_LE(5 * most, 6 * least);
	waiters_end(self->w, NR_WORKERS);
}

/*
 *	t0  t1  t2  t3
 *	  \  \  /  /
 *	     kq
 *	     |
 *	  listener
 */
TEST_F(fair, threads_of_one_queue)
{
	int i;

	watch(_metadata, self, variant);
	for (i = 0; i < NR_WORKERS; i++)
		serve(_metadata, &self->w[i], &self->map[0], variant->how);
	connect_all(_metadata, self);
}

/*
 *	t0  t1  t2  t3
 *	|   |   |   |
 *	a   b   c   d
 *	 \   \ /   /
 *	  listener
 */
TEST_F(fair, threads_with_a_queue_each)
{
	int i;

	for (i = 0; i < NR_WORKERS; i++) {
		watch(_metadata, self, variant);
		serve(_metadata, &self->w[i], &self->map[i], variant->how);
	}
	connect_all(_metadata, self);
}

TEST_HARNESS_MAIN
