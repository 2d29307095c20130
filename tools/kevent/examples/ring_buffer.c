// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring in process memory: filled by kevent_wait(), emptied by kevent_commit().
 *
 * Pipes make the events, and edges, so that each write is one. Laps of the ring
 * are counted in ring_over.
 */

#include <fcntl.h>

#include "check.h"

#define RING	8
#define PIPES	12

static struct kevent_ring *ring;
static int fds[PIPES][2];
static int queue;

static void write_to(int first, int nr)
{
	int i;

	for (i = first; i < first + nr; i++)
		CHECK(write(fds[i][1], "x", 1) == 1);
}

/* Look at what is in the ring from @uidx on; the new index. */
static unsigned int consume(unsigned int uidx, int nr)
{
	char buf[64];

	while (nr--) {
		struct ukevent *uk = &ring->event[uidx];

		CHECK(uk->type == KEVENT_PIPE && uk->user[0] == 0x20061223);
		CHECK(uk->ret_flags & KEVENT_RET_DONE);
		CHECK(read(uk->id.raw[0], buf, sizeof(buf)) == 1);
		uidx = (uidx + 1) % RING;
	}
	return uidx;
}

static void check_init(void)
{
	CHECK(kevent_init(ring, 1, 0) < 0 && errno == EINVAL);
	CHECK(kevent_init(ring, 0, 0) < 0 && errno == EINVAL);
	CHECK(kevent_init(NULL, RING, 0) < 0 && errno == EINVAL);
	CHECK(kevent_init(NULL, 0, 1U << 31) < 0 && errno == EINVAL);
}

/* More events than slots, for several laps. */
static void check_laps(void)
{
	unsigned int uidx = 0, laps = 0, next;
	int round, n;

	for (round = 0; round < 10; round++) {
		write_to(0, 5);
		n = kevent_wait(queue, RING, uidx, LONG_MS);
		CHECK(n == 5 && ring->ring_kidx == (uidx + 5) % RING);
		next = consume(uidx, n);
		CHECK(kevent_commit(queue, next, ring->ring_over) == 5);
		laps += next < uidx;
		uidx = next;
		CHECK(ring->ring_over == laps);
	}

	/* One slot stays free. What finds no room comes afterwards. */
	write_to(0, PIPES);
	CHECK(kevent_wait(queue, RING, uidx, LONG_MS) == RING - 1);
	CHECK(kevent_wait(queue, RING, uidx, 0) == 0);
	next = consume(uidx, RING - 1);
	CHECK(kevent_commit(queue, next, ring->ring_over) == RING - 1);
	uidx = next;
	CHECK(kevent_wait(queue, RING, uidx, LONG_MS) == PIPES - (RING - 1));
	next = consume(uidx, PIPES - (RING - 1));
	CHECK(kevent_commit(queue, next, ring->ring_over) == PIPES - (RING - 1));
	uidx = next;

	/* Somebody else has committed since: no sleep. */
	CHECK(kevent_wait(queue, RING, (uidx + 1) % RING, LONG_MS) == 0);
	CHECK(kevent_commit(queue, uidx, ring->ring_over) == 0);
	CHECK(kevent_commit(queue, RING, ring->ring_over) < 0 && errno == EINVAL);
	CHECK(kevent_commit(queue, uidx, ring->ring_over + 1) < 0 && errno == EOVERFLOW);
	CHECK(kevent_wait(queue, RING + 1, uidx, 0) < 0 && errno == EINVAL);
}

/* kevent_get_events() puts them into the ring, too, as long as there is room. */
static void check_both(void)
{
	struct ukevent uk[PIPES];
	unsigned int kidx = ring->ring_kidx;
	char buf[64];
	int i, n;

	write_to(0, 2);
	CHECK(kevent_get_events(queue, 2, PIPES, LONG_MS, uk) == 2);
	CHECK(ring->ring_kidx == (kidx + 2) % RING);
	CHECK(!memcmp(&ring->event[kidx].id, &uk[0].id, sizeof(uk[0].id)));
	for (i = 0; i < 2; i++) {
		CHECK(!(uk[i].ret_flags & KEVENT_RET_COPY_FAILED));
		CHECK(read(uk[i].id.raw[0], buf, sizeof(buf)) == 1);
	}

	/* Fill it. */
	write_to(0, RING - 3);
	CHECK(kevent_wait(queue, RING, kidx, LONG_MS) == RING - 3);
	write_to(RING - 3, 2);
	n = kevent_get_events(queue, 2, PIPES, LONG_MS, uk);
	CHECK(n == 2 && uk[0].ret_flags & KEVENT_RET_COPY_FAILED &&
	      uk[1].ret_flags & KEVENT_RET_COPY_FAILED);
}

int main(void)
{
	struct ukevent uk;
	int i;

	ring = calloc(1, sizeof(*ring) + RING * sizeof(ring->event[0]));
	queue = kevent_init(ring, RING, 0);
	need(queue);
	for (i = 0; i < PIPES; i++) {
		CHECK(!pipe(fds[i]));
		uk = interest(KEVENT_PIPE, fds[i][0], KEVENT_SOCKET_RECV, KEVENT_REQ_ET);
		CHECK(ctl_one(queue, KEVENT_CTL_ADD, &uk) == 0);
	}
	check_init();
	check_laps();
	check_both();
	return done("ring_buffer");
}
