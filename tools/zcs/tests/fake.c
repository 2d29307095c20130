// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings in memory, as the kernel would fill them.
 *
 * Each packet's parts lie at the end of allocated memory or before other
 * packets, and descriptors in heap memory, so that a sanitizer sees a step too
 * far.
 */

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define DATA_SIZE	(16UL << 20)
#define CHUNK		64

static struct zcs_ring *ring_of(struct fake *f, unsigned int ring)
{
	return (struct zcs_ring *)(f->rings + ring * f->ring_size);
}

/* Rings whose counters start at @first. */
void fake_init(struct fake *f, unsigned int nr_rings, uint32_t first)
{
	unsigned int i;

	memset(f, 0, sizeof(*f));
	f->ring_size = 4096 + FAKE_SLOTS * sizeof(struct zcs_desc);
	f->rings = calloc(nr_rings, f->ring_size);
	f->tails = calloc(nr_rings, sizeof(*f->tails));
	f->data = malloc(DATA_SIZE);
	for (i = 0; i < nr_rings; i++) {
		struct zcs_ring *r = ring_of(f, i);

		r->nr_slots = FAKE_SLOTS;
		r->slots_off = 4096;
		r->cpu = i;
		r->head = first;
		f->tails[i].tail = first;
	}
	f->z.fd = -1;
	f->z.data = f->data;
	f->z.data_size = DATA_SIZE;
	if (zcs_rings_init(&f->z, f->rings, f->ring_size, nr_rings, f->tails))
		abort();
}

void fake_uninit(struct fake *f)
{
	zcs_rings_uninit(&f->z);
	free(f->rings);
	free(f->tails);
	free(f->data);
}

static void put_seg(struct fake *f, struct zcs_seg *seg, const uint8_t *bytes, size_t len)
{
	seg->chunk = f->used;
	seg->off = CHUNK / 2;
	seg->size = (uint32_t)(seg->off + len);
	seg->len = (uint32_t)len;
	seg->flags = 0;
	memcpy(f->data + seg->chunk + seg->off, bytes, len);
	f->used += (seg->size + CHUNK - 1) / CHUNK * CHUNK;
	if (f->used > DATA_SIZE)
		abort();
}

/*
 * A packet in @nr_segs parts, none if it is all in the snapshot. What the
 * snapshot covers is spoilt in the parts, as the stack may do.
 */
struct zcs_desc *fake_add(struct fake *f, unsigned int ring, uint64_t ts_ns, const uint8_t *bytes,
			  size_t len, unsigned int nr_segs)
{
	struct zcs_ring *r = ring_of(f, ring);
	struct zcs_desc *slots = (struct zcs_desc *)((uint8_t *)r + r->slots_off), *d;
	size_t done = 0, part, head;
	unsigned int i, more = 0;

	if (nr_segs > ZCS_SEGS)
		more = (nr_segs - ZCS_SEGS + ZCS_MORE_SEGS - 1) / ZCS_MORE_SEGS;
	d = &slots[r->head % FAKE_SLOTS];
	memset(d, 0, sizeof(*d));
	head = len < ZCS_HEAD_LEN ? len : ZCS_HEAD_LEN;
	*d = (struct zcs_desc){
		.seq = r->passed++,
		.ts_ns = ts_ns,
		.pos = r->head,
		.ifindex = 1,
		.wire_len = (uint32_t)len,
		.cap_len = (uint32_t)len,
		.cpu = (uint16_t)ring,
		.mac_off = ZCS_OFF_UNKNOWN,
		.net_off = ZCS_OFF_UNKNOWN,
		.trans_off = ZCS_OFF_UNKNOWN,
		.head_len = (uint16_t)head,
		.hw_type = 1,
		.direction = ZCS_DIR_IN,
		.nr_segs = (uint8_t)nr_segs,
		.nr_slots = (uint8_t)(1 + more),
		.flags = ZCS_F_LINK | (nr_segs ? 0 : ZCS_F_INLINE),
	};
	memcpy(d->head, bytes, head);
	for (i = 0; i < nr_segs; i++) {
		struct zcs_seg *seg;

		if (i < ZCS_SEGS) {
			seg = &d->seg[i];
		} else {
			unsigned int at = i - ZCS_SEGS;
			struct zcs_more *slot = (struct zcs_more *)
				&slots[(r->head + 1 + at / ZCS_MORE_SEGS) % FAKE_SLOTS];

			seg = &slot->seg[at % ZCS_MORE_SEGS];
		}
		part = i + 1 == nr_segs ? len - done : len / nr_segs;
		put_seg(f, seg, bytes + done, part);
		if (done < head)
			memset(f->data + seg->chunk + seg->off, 0xee,
			       part < head - done ? part : head - done);
		done += part;
	}
	r->head += d->nr_slots;
	r->shown++;
	return d;
}
