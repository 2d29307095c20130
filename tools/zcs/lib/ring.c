// SPDX-License-Identifier: GPL-2.0-only
/*
 * libzcs: the consumer's side of the rings.
 *
 * One batch is what waited when refill() looked at the heads. Within it the
 * rings are merged by time: active[] holds the rings that have packets left,
 * ordered by the time of their next one, so the earliest packet is that of
 * active[0]. That ring stays first up to the time of the next packet of
 * active[1], then sinks to its new place; CPUs receive in bursts, so that is
 * rare.
 *
 * Barriers: the kernel writes the slots, then stores head with release; refill()
 * loads head with acquire (A). zcs_release() stores the tail with release after
 * the last read of a slot (B); the kernel loads it with acquire.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

int zcs_rings_init(struct zcs *z, const void *rings, size_t ring_size, unsigned int nr_rings,
		   struct zcs_tail *tails)
{
	unsigned int i;

	z->readers = calloc(nr_rings, sizeof(*z->readers));
	z->active = calloc(nr_rings, sizeof(*z->active));
	if (!z->readers || !z->active)
		return -ENOMEM;
	z->nr_rings = nr_rings;
	for (i = 0; i < nr_rings; i++) {
		const struct zcs_ring *ring = (const void *)((const char *)rings + i * ring_size);
		struct reader *r = &z->readers[i];
		uint64_t end = ring->slots_off + (uint64_t)ring->nr_slots * sizeof(*r->slots);

		if (!ring->nr_slots || ring->nr_slots & (ring->nr_slots - 1) || end > ring_size)
			return -EBADMSG;
		r->nr = i;
		r->ring = ring;
		r->slots = (const void *)((const char *)ring + ring->slots_off);
		r->mask = ring->nr_slots - 1;
		r->tail = &tails[i];
		r->released = tails[i].tail;
		r->pos = r->released;
		r->head = r->released;
	}
	return 0;
}

void zcs_rings_uninit(struct zcs *z)
{
	free(z->readers);
	free(z->active);
}

static uint64_t next_time(const struct reader *r)
{
	return r->slots[r->pos & r->mask].ts_ns;
}

static void set_bound(struct zcs *z)
{
	z->bound = z->nr_active > 1 ? next_time(z->active[1]) : UINT64_MAX;
}

/* Put active[0] where its next packet belongs. */
static void sink_first(struct zcs *z)
{
	struct reader *r = z->active[0];
	uint64_t time = next_time(r);
	unsigned int i;

	for (i = 1; i < z->nr_active && next_time(z->active[i]) < time; i++)
		z->active[i - 1] = z->active[i];
	z->active[i - 1] = r;
	set_bound(z);
}

static void drop_first(struct zcs *z)
{
	z->nr_active--;
	memmove(z->active, z->active + 1, z->nr_active * sizeof(*z->active));
	set_bound(z);
}

/* Look at all rings; collect those with packets. */
static void refill(struct zcs *z)
{
	unsigned int i;

	for (i = 0; i < z->nr_rings; i++) {
		struct reader *r = &z->readers[i];

		r->head = __atomic_load_n(&r->ring->head, __ATOMIC_ACQUIRE);	/* (A) */
		if (r->head == r->pos)
			continue;
		memmove(z->active + 1, z->active, z->nr_active * sizeof(*z->active));
		z->active[0] = r;
		z->nr_active++;
		sink_first(z);
	}
}

int zcs_next(struct zcs *z, struct zcs_packet *pkt)
{
	const struct zcs_desc *desc;
	struct reader *r;
	uint32_t slots;

	if (!z->nr_active) {
		refill(z);
		if (!z->nr_active)
			return 0;
	}
	r = z->active[0];
	desc = &r->slots[r->pos & r->mask];
	slots = desc->nr_slots;
	if (!slots || slots > r->head - r->pos)
		return -EBADMSG;
	pkt->desc = desc;
	pkt->ring = r->nr;
	r->pos += slots;
	if (r->pos == r->head)
		drop_first(z);
	else if (next_time(r) > z->bound)
		sink_first(z);
	return 1;
}

void zcs_release(struct zcs *z)
{
	unsigned int i;

	for (i = 0; i < z->nr_rings; i++) {
		struct reader *r = &z->readers[i];

		if (r->released == r->pos)
			continue;
		__atomic_store_n(&r->tail->tail, r->pos, __ATOMIC_RELEASE);	/* (B) */
		r->released = r->pos;
	}
}

int zcs_for_each(struct zcs *z, int (*fn)(struct zcs *z, const struct zcs_packet *pkt, void *arg),
		 void *arg)
{
	struct zcs_packet pkt;
	int ret;

	while ((ret = zcs_next(z, &pkt)) > 0) {
		ret = fn(z, &pkt, arg);
		if (ret)
			break;
	}
	zcs_release(z);
	return ret;
}

uint64_t zcs_waiting(const struct zcs *z)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < z->nr_rings; i++) {
		const struct reader *r = &z->readers[i];

		sum += __atomic_load_n(&r->ring->head, __ATOMIC_ACQUIRE) - r->pos;
	}
	return sum;
}

unsigned int zcs_nr_rings(const struct zcs *z)
{
	return z->nr_rings;
}

const struct zcs_ring *zcs_ring_info(const struct zcs *z, unsigned int ring)
{
	return ring < z->nr_rings ? z->readers[ring].ring : NULL;
}
