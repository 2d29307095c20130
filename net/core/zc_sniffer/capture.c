// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: capture - from a packet to a slot.
 *
 * Overview
 * --------
 *
 * The packet stays where it is and who it belongs to. The slot gets a snapshot
 * of its first ZCS_HEAD_LEN bytes, and for the bytes beyond it says where in
 * NTA's memory they lie, and keeps that memory from being reused:
 *
 *   skb->head, a chunk of NTA    nta_hold(): the stack frees it when it likes,
 *                                and the last holder really does
 *   fragment in a block of NTA   get_page()
 *   anything else                copied into a chunk of our own, counted
 *
 * A part that ends within the snapshot needs none of that.
 *
 * A hold is not a reference on the packet: the stack does not see it, finds the
 * packet as unshared as before, and copies nothing on its account. The price is
 * that the stack may still write to the bytes. It does so to headers, which is
 * why there is a snapshot; see Documentation/networking/zc_sniffer.rst for the
 * rest.
 *
 * The parts are collected twice: first counted, with what they will be charged,
 * then taken. In between it is decided whether there is room; so a packet that
 * is missed costs nothing but the counting.
 *
 * Locking: runs on the CPU of the ring with softirqs off (tap) or interrupts
 * off (free), which makes it the only producer; see ring.h.
 */

#include <linux/mm.h>
#include <linux/nta.h>
#include <linux/unaligned.h>

#include "ring.h"

/* Copies are cut into pieces that can be had in atomic context. */
#define ZCS_COPY_MAX	SZ_16K

/* Parts are at least this much on the bill: what they pin is larger. */
#define ZCS_PAGE_CHARGE	2048

/* === Parts =============================================================== */

/* A piece that the snapshot has whole. */
static bool zcs_plan_covered(struct zcs_plan *p, u32 len)
{
	struct zcs_part *part;

	if (p->covered + len > ZCS_HEAD_LEN || p->nr == ZCS_SEGS_MAX)
		return false;
	part = &p->part[p->nr++];
	part->ref = ZCS_REF_NONE;
	part->len = len;
	p->covered += len;
	return true;
}

/* A piece that must be copied: one part as long as what comes joins it. */
static bool zcs_plan_copy(struct zcs_plan *p, u32 len)
{
	struct zcs_part *part = p->nr ? &p->part[p->nr - 1] : NULL;

	p->covered = ZCS_HEAD_LEN;
	p->copied += len;
	p->bytes += len;
	while (len) {
		u32 n;

		if (part && !part->ref && part->len < ZCS_COPY_MAX) {
			n = min_t(u32, len, ZCS_COPY_MAX - part->len);
			part->len += n;
		} else {
			if (p->nr == ZCS_SEGS_MAX)
				return false;
			n = min_t(u32, len, ZCS_COPY_MAX);
			part = &p->part[p->nr++];
			part->ref = 0;
			part->len = n;
			p->nr_copies++;
		}
		len -= n;
	}
	return true;
}

static bool zcs_plan_add(struct zcs_plan *p, unsigned long ref,
			 const void *ptr, u32 len, u32 size, u32 charge)
{
	struct zcs_part *part;

	if (p->nr == ZCS_SEGS_MAX)
		return false;
	p->covered = ZCS_HEAD_LEN;
	part = &p->part[p->nr++];
	part->ref = ref;
	part->ptr = ptr;
	part->len = len;
	part->size = size;
	p->bytes += charge;
	return true;
}

/* Bytes @ptr to @ptr + @len of the linear part of @skb. */
static bool zcs_plan_head(struct zcs_plan *p, const struct sk_buff *skb,
			  const void *ptr, u32 len)
{
	u32 size;

	if (zcs_plan_covered(p, len))
		return true;
	if (is_vmalloc_addr(skb->head) || !nta_owns(skb->head) ||
	    skb->head_frag)
		return zcs_plan_copy(p, len);
	size = skb_end_offset(skb) +
	       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	return zcs_plan_add(p, (unsigned long)skb->head | ZCS_REF_CHUNK, ptr,
			    len, size, size);
}

static bool zcs_plan_frag(struct zcs_plan *p, const skb_frag_t *frag, u32 off,
			  u32 len)
{
	struct page *page = skb_frag_page(frag);
	struct page *head = compound_head(page);
	const void *ptr;

	if (zcs_plan_covered(p, len))
		return true;
	if (!PageNta(head) || !PageCompound(head))
		return zcs_plan_copy(p, len);
	ptr = page_address(page) + skb_frag_off(frag) + off;
	return zcs_plan_add(p, (unsigned long)head | ZCS_REF_PAGE, ptr, len,
			    PAGE_SIZE << NTA_BLOCK_ORDER,
			    max_t(u32, len, ZCS_PAGE_CHARGE));
}

/* Parts of one skb from @off on (from skb->data), @len bytes of them. */
static bool zcs_plan_skb(struct zcs_plan *p, const struct sk_buff *skb,
			 int off, u32 len)
{
	int headlen = skb_headlen(skb);
	const skb_frag_t *frag;
	struct sk_buff *list;
	unsigned int i;
	u32 n, end;

	if (len && off < headlen) {
		n = min_t(u32, len, headlen - off);
		if (!zcs_plan_head(p, skb, skb->data + off, n))
			return false;
		off += n;
		len -= n;
	}
	off -= headlen;
	for (i = 0; len && i < skb_shinfo(skb)->nr_frags; i++) {
		frag = &skb_shinfo(skb)->frags[i];
		end = skb_frag_size(frag);
		if (off < (int)end) {
			n = min_t(u32, len, end - off);
			if (!zcs_plan_frag(p, frag, off, n))
				return false;
			off += n;
			len -= n;
		}
		off -= end;
	}
	if (!len)
		return true;
	skb_walk_frags(skb, list) {
		if (off < (int)list->len) {
			n = min_t(u32, len, list->len - off);
			/* A list in a list is rare enough to be copied. */
			if (skb_has_frag_list(list)) {
				if (!zcs_plan_copy(p, n))
					return false;
			} else if (!zcs_plan_skb(p, list, off, n)) {
				return false;
			}
			off += n;
			len -= n;
		}
		off -= list->len;
		if (!len)
			break;
	}
	return !len;
}

static void zcs_plan_clear(struct zcs_plan *p)
{
	p->nr = 0;
	p->nr_copies = 0;
	p->bytes = 0;
	p->copied = 0;
	p->covered = 0;
}

static bool zcs_plan_make(struct zcs_plan *p, const struct zcs_view *v,
			  u32 cap_len)
{
	zcs_plan_clear(p);
	if (zcs_plan_skb(p, v->skb, v->start, cap_len))
		return true;

	/* More parts than can be told: copy it all. */
	zcs_plan_clear(p);
	return zcs_plan_copy(p, cap_len);
}

/* === Taking ============================================================== */

/* Bytes of the packet from @off on, counted from its first one. */
static int zcs_copy_bits(const struct zcs_view *v, u32 off, void *to, u32 len)
{
	/* skb_copy_bits() takes a negative offset into the headroom. */
	return skb_copy_bits(v->skb, v->start + (int)off, to, len);
}

static bool zcs_copy(struct zcs_part *part, const struct zcs_view *v, u32 off)
{
	unsigned int size;
	void *chunk;

	chunk = nta_alloc(part->len, &size, GFP_ATOMIC | __GFP_NOWARN,
			  NUMA_NO_NODE);
	if (!chunk)
		return false;
	if (zcs_copy_bits(v, off, chunk, part->len)) {
		nta_free(chunk);
		return false;
	}
	part->ref = (unsigned long)chunk | ZCS_REF_COPY;
	part->ptr = chunk;
	part->size = size;
	return true;
}

static bool zcs_part_take(struct zcs_plan *p, struct zcs_part *part,
			  const struct zcs_view *v, u32 off)
{
	void *ptr = (void *)(part->ref & ~ZCS_REF_MASK);

	if (!part->ref)
		return zcs_copy(part, v, off);
	switch (part->ref & ZCS_REF_MASK) {
	case ZCS_REF_NONE:
		return true;
	case ZCS_REF_CHUNK:
		if (likely(!nta_hold(ptr)))
			return true;
		/* No hold words, or held too often: a copy will do. */
		part->ref = 0;
		if (!zcs_copy(part, v, off))
			return false;
		p->nr_copies++;
		p->copied += part->len;
		return true;
	case ZCS_REF_PAGE:
		get_page(ptr);
		return true;
	}
	return false;
}

/* Where the part lies, for user space. False: that cannot be told. */
static bool zcs_seg_fill(struct zcs_seg *seg, const struct zcs_part *part)
{
	const void *base = (void *)(part->ref & ~ZCS_REF_MASK);
	s64 place;

	if (part->ref == ZCS_REF_NONE) {
		memset(seg, 0, sizeof(*seg));
		seg->len = part->len;
		seg->flags = ZCS_SEG_HEAD;
		return true;
	}
	if ((part->ref & ZCS_REF_MASK) == ZCS_REF_PAGE)
		base = page_address(base);
	place = nta_map_place(base);
	if (unlikely(place < 0))
		return false;
	seg->chunk = place;
	seg->size = part->size;
	seg->off = part->ptr - base;
	seg->len = part->len;
	seg->flags = (part->ref & ZCS_REF_MASK) == ZCS_REF_COPY ?
		     ZCS_SEG_COPIED : 0;
	return true;
}

/* Take all parts and enter them. False: undone, memory is short. */
static bool zcs_take(struct zcs_cpu_ring *ring, u32 pos, struct zcs_plan *p,
		     const struct zcs_view *v)
{
	struct zcs_desc *d = zcs_ring_slot(ring, pos);
	struct zcs_entry *e = zcs_ring_entry(ring, pos);
	struct zcs_seg *seg = d->seg;
	struct zcs_more *more;
	unsigned int i, slot = 0, max = ZCS_SEGS;
	u32 off = 0;

	e->nr_refs = 0;
	for (i = 0; i < p->nr; i++) {
		if (e->nr_refs == max) {
			slot++;
			max = ZCS_MORE_SEGS;
			e = zcs_ring_entry(ring, pos + slot);
			e->nr_refs = 0;
			e->state = ZCS_ENTRY_MORE;
			more = (void *)zcs_ring_slot(ring, pos + slot);
			more->reserved[0] = 0;
			more->reserved[1] = 0;
			seg = more->seg;
		}
		if (!zcs_part_take(p, &p->part[i], v, off))
			goto undo;
		e->ref[e->nr_refs] = p->part[i].ref;
		if (!zcs_seg_fill(&seg[e->nr_refs++], &p->part[i]))
			goto undo;
		off += p->part[i].len;
	}
	return true;

undo:
	for (i = 0; i <= slot; i++)
		zcs_entry_drop(zcs_ring_entry(ring, pos + i));
	return false;
}

/* === The slot ============================================================ */

static void zcs_count(u64 *counter, u64 n)
{
	WRITE_ONCE(*counter, *counter + n);
}

static noinline void zcs_miss(struct zcs_cpu_ring *ring, u64 *cause)
{
	zcs_count(cause, 1);
	zcs_count(&ring->mem->passed, 1);
	WRITE_ONCE(ring->missed, ring->missed + 1);
	zcs_ring_wake(ring);
}

static noinline bool zcs_make_room(struct zcs_cpu_ring *ring, u32 nr_slots)
{
	int more;

	do {
		more = zcs_ring_reap(ring);
		if (zcs_ring_room(ring) >= nr_slots)
			return true;
	} while (more > 0);
	return false;
}

/* Room and quota for a packet; if there is not, it is missed and counted. */
static __always_inline bool zcs_reserve(struct zcs_cpu_ring *ring,
					u32 nr_slots, u32 bytes)
{
	if (unlikely(zcs_ring_room(ring) < nr_slots) &&
	    !zcs_make_room(ring, nr_slots)) {
		zcs_miss(ring, &ring->mem->missed_ring);
		return false;
	}
	if (unlikely(ring->mem->charged - READ_ONCE(ring->returned) + bytes >
		     READ_ONCE(ring->quota)) &&
	    bytes && !zcs_ring_grant(ring, bytes)) {
		zcs_miss(ring, &ring->mem->missed_limit);
		return false;
	}
	return true;
}

/* A row of moves: cheaper than what memcpy() does for as little as this. */
static __always_inline void zcs_copy_words(void *to, const void *from,
					   unsigned int bytes)
{
	const u64 *src = from;
	u64 *dst = to;
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < bytes / sizeof(u64); i++)
		dst[i] = get_unaligned(&src[i]);
}

/* All but the parts. */
static __always_inline void zcs_desc_fill(struct zcs_cpu_ring *ring,
					  struct zcs_desc *d,
					  const struct zcs_view *v,
					  u32 cap_len, u32 flags, u32 nr_segs,
					  u32 nr_slots)
{
	u32 head_len = min_t(u32, cap_len, ZCS_HEAD_LEN);
	const struct sk_buff *skb = v->skb;

	zcs_copy_words(d, &v->d, ZCS_DESC_FIXED);
	d->seq = ring->mem->passed;
	d->pos = ring->head;
	d->cap_len = cap_len;
	d->cpu = ring->cpu;
	d->head_len = head_len;
	d->nr_segs = nr_segs;
	d->nr_slots = nr_slots;
	if (cap_len < v->d.wire_len)
		flags |= ZCS_F_TRUNC;
	if (flags)
		d->flags |= flags;
	d->missed = ring->missed;

	if (unlikely(v->start + (int)head_len > (int)skb_headlen(skb))) {
		if (zcs_copy_bits(v, 0, d->head, head_len))
			d->head_len = 0;
	} else if (head_len == ZCS_HEAD_LEN) {
		zcs_copy_words(d->head, skb->data + v->start, ZCS_HEAD_LEN);
	} else {
		memcpy(d->head, skb->data + v->start, head_len);
	}
}

/* The slot is filled: count it and show it. */
static __always_inline void zcs_show(struct zcs_cpu_ring *ring, u32 nr_slots,
				     u32 nr_refs, u32 bytes)
{
	struct zcs_entry *e = zcs_ring_entry(ring, ring->head);
	struct zcs_ring *mem = ring->mem;

	e->nr_refs = nr_refs;
	e->bytes = bytes;
	e->nr_slots = nr_slots;
	e->state = ZCS_ENTRY_USED;
	WRITE_ONCE(mem->charged, mem->charged + bytes);
	zcs_count(&mem->shown, 1);
	zcs_count(&mem->passed, 1);
	if (unlikely(ring->missed))
		WRITE_ONCE(ring->missed, 0);
	zcs_ring_submit(ring, ring->head + nr_slots);
}

/* Packets of any shape, through a plan. */
static noinline void zcs_capture_any(struct zcs_cpu_ring *ring,
				     const struct zcs_view *v, u32 cap_len)
{
	struct zcs_plan *p = &ring->plan;
	unsigned int nr_slots = 1;
	struct zcs_desc *d;
	u32 flags = 0;

	if (!zcs_plan_make(p, v, cap_len)) {
		zcs_miss(ring, &ring->mem->missed_memory);
		return;
	}
	if (p->nr > ZCS_SEGS)
		nr_slots += DIV_ROUND_UP(p->nr - ZCS_SEGS, ZCS_MORE_SEGS);
	if (!zcs_reserve(ring, nr_slots, p->bytes))
		return;
	if (!zcs_take(ring, ring->head, p, v)) {
		zcs_miss(ring, &ring->mem->missed_memory);
		return;
	}
	if (p->nr_copies) {
		flags |= ZCS_F_COPIED;
		zcs_count(&ring->mem->copied_packets, 1);
		zcs_count(&ring->mem->copied_bytes, p->copied);
	}
	d = zcs_ring_slot(ring, ring->head);
	zcs_desc_fill(ring, d, v, cap_len, flags, p->nr, nr_slots);
	zcs_show(ring, nr_slots, min_t(u32, p->nr, ZCS_SEGS), p->bytes);
}

/* All of it is in the slot. */
static __always_inline void zcs_capture_inline(struct zcs_cpu_ring *ring,
					       const struct zcs_view *v,
					       u32 cap_len)
{
	struct zcs_desc *d = zcs_ring_slot(ring, ring->head);

	if (!zcs_reserve(ring, 1, 0))
		return;
	zcs_desc_fill(ring, d, v, cap_len, ZCS_F_INLINE, 0, 1);
	zcs_show(ring, 1, 0, 0);
}

/* All of it is in one chunk, which may be NTA's or not: false then. */
static __always_inline bool zcs_capture_chunk(struct zcs_cpu_ring *ring,
					      const struct zcs_view *v,
					      u32 cap_len)
{
	struct zcs_desc *d = zcs_ring_slot(ring, ring->head);
	const struct sk_buff *skb = v->skb;
	u32 size = skb_end_offset(skb) +
		   SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	s64 place;

	if (!zcs_reserve(ring, 1, size))
		return true;
	place = nta_hold_at(skb->head);
	if (unlikely(place < 0))
		return false;
	zcs_desc_fill(ring, d, v, cap_len, 0, 1, 1);
	d->seg[0].chunk = place;
	d->seg[0].size = size;
	d->seg[0].off = skb->data + v->start - skb->head;
	d->seg[0].len = cap_len;
	d->seg[0].flags = 0;
	zcs_ring_entry(ring, ring->head)->ref[0] =
		(unsigned long)skb->head | ZCS_REF_CHUNK;
	zcs_show(ring, 1, 1, size);
	return true;
}

/**
 * zcs_capture() - show a packet to a reader
 * @ring: the reader's ring of this CPU
 * @v: the packet, which its filter let pass
 * @cap_len: bytes to show
 *
 * Counts the packet, one way or another.
 *
 * Context: The ring's producer: softirqs off, or interrupts off.
 */
void zcs_capture(struct zcs_cpu_ring *ring, const struct zcs_view *v,
		 u32 cap_len)
{
	const struct sk_buff *skb = v->skb;
	int in_head = (int)skb_headlen(skb) - v->start;

	/* Take a batch back now and then. */
	if (unlikely(!(ring->head & 31)))
		zcs_ring_reap(ring);

	if (unlikely(skb->unreadable))
		cap_len = min_t(u32, cap_len, in_head);

	if (cap_len <= ZCS_HEAD_LEN)
		zcs_capture_inline(ring, v, cap_len);
	/* What has no link-layer header may be netlink's, in vmalloc memory. */
	else if ((int)cap_len > in_head || v->link != ZCS_LINK_ETHER ||
		 !zcs_capture_chunk(ring, v, cap_len))
		zcs_capture_any(ring, v, cap_len);
}
