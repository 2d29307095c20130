// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: KUnit tests of rings, entries and capture.
 *
 * A reader that never starts gets packets made here, so nothing but the test
 * moves its rings.
 */

#include <kunit/test.h>
#include <linux/if_arp.h>
#include <linux/nta.h>
#include <linux/skbuff.h>

#include "../ring.h"

#define NR_SLOTS	16
#define LIMIT		SZ_512K

struct zcs_test {
	struct zcs_reader	*r;
	struct zcs_cpu_ring	*ring;
};

static int zcs_test_init(struct kunit *test)
{
	struct zcs_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct zcs_setup setup = {
		.size		= sizeof(setup),
		.flags		= ZCS_SETUP_ALL_NETNS,
		.nr_slots	= NR_SLOTS,
		.netns_fd	= -1,
		.limit		= LIMIT,
	};

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->r = zcs_reader_new();
	KUNIT_ASSERT_NOT_NULL(test, t->r);
	KUNIT_ASSERT_EQ(test, zcs_reader_setup(t->r, &setup), 0);
	t->ring = &t->r->ring[0];
	return 0;
}

static void zcs_test_exit(struct kunit *test)
{
	struct zcs_test *t = test->priv;

	if (t)
		zcs_reader_free(t->r);
}

static struct sk_buff *zcs_make(struct kunit *test, unsigned int len, gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL | gfp);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put(skb, len);
	for (i = 0; i < len; i++)
		skb->data[i] = i * 7 + len;
	return skb;
}

/* Capture @skb as if it passed a device; leaves it to the caller. */
static void zcs_tap_it(struct zcs_test *t, struct sk_buff *skb, u32 cap_len)
{
	struct zcs_view v = {
		.skb		= skb,
		.link		= ZCS_LINK_ETHER,
		.d.wire_len	= skb->len,
		.d.hw_type	= ARPHRD_ETHER,
		.d.direction	= ZCS_DIR_IN,
		.d.net_off	= 14,
		.d.trans_off	= ZCS_OFF_UNKNOWN,
	};

	zcs_view_skb(&v, ZCS_F_LINK);
	local_bh_disable();
	zcs_capture(t->ring, &v, cap_len);
	local_bh_enable();
}

/* Capture a packet and free it, as the stack does. */
static void zcs_pass(struct kunit *test, unsigned int len)
{
	struct sk_buff *skb = zcs_make(test, len, 0);

	zcs_tap_it(test->priv, skb, len);
	kfree_skb(skb);
}

static void zcs_map_mode(struct zcs_test *t)
{
	WRITE_ONCE(t->r->mode, ZCS_MODE_MAPPED);
}

static int zcs_move_tail(struct zcs_test *t, u32 tail)
{
	WRITE_ONCE(t->r->tails[0].tail, tail);
	return zcs_release_all(t->r);
}

static int zcs_give_back(struct zcs_test *t, u32 pos)
{
	int ret;

	raw_spin_lock_irq(&t->ring->lock);
	ret = zcs_ring_release_one(t->ring, pos);
	raw_spin_unlock_irq(&t->ring->lock);
	return ret;
}

/* What part @i of the packet at @pos says must lie where it says. */
static const void *zcs_seg_ptr(struct kunit *test, u32 pos, unsigned int i)
{
	struct zcs_test *t = test->priv;
	const struct zcs_entry *e = zcs_ring_entry(t->ring, pos);
	const struct zcs_seg *seg = &zcs_ring_slot(t->ring, pos)->seg[i];
	void *base = (void *)(e->ref[i] & ~ZCS_REF_MASK);

	KUNIT_ASSERT_LT(test, i, e->nr_refs);
	if ((e->ref[i] & ZCS_REF_MASK) == ZCS_REF_PAGE)
		base = page_address(base);
	KUNIT_EXPECT_EQ(test, seg->chunk, (u64)nta_map_place(base));
	KUNIT_EXPECT_LE(test, (u64)seg->off + seg->len, (u64)seg->size);
	return base + seg->off;
}

static void zcs_expect_ledger(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	const struct zcs_ring *m = t->ring->mem;

	KUNIT_EXPECT_EQ(test, m->passed, m->shown + m->missed_ring +
			m->missed_limit + m->missed_memory);
	KUNIT_EXPECT_EQ(test, m->head, t->ring->head);
	KUNIT_EXPECT_LE(test, t->ring->head - t->ring->tail, (u32)NR_SLOTS);
}

static void small_packets_are_inline(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	const struct zcs_desc *d = zcs_ring_slot(t->ring, 0);
	struct sk_buff *skb = zcs_make(test, ZCS_HEAD_LEN, 0);

	zcs_tap_it(t, skb, skb->len);
	KUNIT_EXPECT_EQ(test, t->ring->head, 1u);
	KUNIT_EXPECT_EQ(test, d->flags, ZCS_F_LINK | ZCS_F_INLINE);
	KUNIT_EXPECT_EQ(test, d->nr_segs, 0);
	KUNIT_EXPECT_EQ(test, d->head_len, (u16)ZCS_HEAD_LEN);
	KUNIT_EXPECT_MEMEQ(test, d->head, skb->data, ZCS_HEAD_LEN);
	KUNIT_EXPECT_EQ(test, zcs_reader_held(t->r), 0ULL);
	kfree_skb(skb);
	zcs_expect_ledger(test);
}

static void chunk_outlives_its_packet(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	struct sk_buff *skb = zcs_make(test, 1500, 0);
	u8 *copy = kunit_kmalloc(test, 1500, GFP_KERNEL);
	const void *head = skb->head, *data;

	KUNIT_ASSERT_TRUE(test, nta_owns(head));
	memcpy(copy, skb->data, 1500);
	zcs_tap_it(t, skb, 1500);
	kfree_skb(skb);

	KUNIT_EXPECT_GT(test, zcs_reader_held(t->r), 1500ULL);
	data = zcs_seg_ptr(test, 0, 0);
	KUNIT_EXPECT_MEMEQ(test, data, copy, 1500);
	KUNIT_EXPECT_EQ(test, zcs_ring_slot(t->ring, 0)->flags & ZCS_F_COPIED,
			0u);

	zcs_map_mode(t);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 1), 0);
	KUNIT_EXPECT_EQ(test, zcs_reader_held(t->r), 0ULL);
	KUNIT_EXPECT_EQ(test, t->ring->tail, 1u);
}

static void snapshot_keeps_the_headers(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	struct sk_buff *skb = zcs_make(test, 400, 0);
	u8 first = skb->data[8];

	zcs_tap_it(t, skb, 400);
	skb->data[8] ^= 0xff;
	KUNIT_EXPECT_EQ(test, zcs_ring_slot(t->ring, 0)->head[8], first);
	kfree_skb(skb);
}

static void foreign_memory_is_copied(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	/* NTA leaves other zones to kmalloc(). */
	struct sk_buff *skb = zcs_make(test, 700, __GFP_DMA32);
	const struct zcs_desc *d = zcs_ring_slot(t->ring, 0);

	if (nta_owns(skb->head)) {
		kfree_skb(skb);
		kunit_skip(test, "no memory that is not of NTA");
	}
	zcs_tap_it(t, skb, 700);
	KUNIT_EXPECT_EQ(test, d->flags & ZCS_F_COPIED, ZCS_F_COPIED);
	KUNIT_EXPECT_EQ(test, d->seg[0].flags, ZCS_SEG_COPIED);
	KUNIT_EXPECT_EQ(test, t->ring->mem->copied_packets, 1ULL);
	KUNIT_EXPECT_EQ(test, t->ring->mem->copied_bytes, 700ULL);
	KUNIT_EXPECT_MEMEQ(test, zcs_seg_ptr(test, 0, 0), skb->data, 700);
	kfree_skb(skb);
}

static void pages_of_others_are_copied(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	struct sk_buff *skb = zcs_make(test, 200, 0);
	struct page *page = alloc_page(GFP_KERNEL);
	const struct zcs_desc *d = zcs_ring_slot(t->ring, 0);

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(page_address(page), 0x5a, PAGE_SIZE);
	skb_fill_page_desc(skb, 0, page, 100, 1000);
	skb->len += 1000;
	skb->data_len += 1000;
	zcs_tap_it(t, skb, 1200);
	KUNIT_EXPECT_EQ(test, d->nr_segs, 2);
	KUNIT_EXPECT_EQ(test, d->seg[0].flags, 0u);
	KUNIT_EXPECT_EQ(test, d->seg[1].flags, ZCS_SEG_COPIED);
	KUNIT_EXPECT_EQ(test, d->seg[1].len, 1000u);
	KUNIT_EXPECT_EQ(test, *(u8 *)zcs_seg_ptr(test, 0, 1), 0x5a);
	KUNIT_EXPECT_EQ(test, t->ring->mem->copied_bytes, 1000ULL);
	/* What it held is its own: the page is the stack's alone. */
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	kfree_skb(skb);
}

static void blocks_are_held_by_reference(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	struct sk_buff *skb = zcs_make(test, 100, 0);
	struct page_frag frag = {};
	const struct zcs_desc *d = zcs_ring_slot(t->ring, 0);
	int refs;

	KUNIT_ASSERT_TRUE(test, nta_page_frag_refill(1, &frag, GFP_KERNEL));
	get_page(frag.page);
	skb_fill_page_desc(skb, 0, frag.page, 4096, 20000);
	skb->len += 20000;
	skb->data_len += 20000;
	refs = page_ref_count(frag.page);
	zcs_tap_it(t, skb, skb->len);
	KUNIT_EXPECT_EQ(test, d->nr_segs, 2);
	KUNIT_EXPECT_EQ(test, d->seg[1].off, 4096u);
	KUNIT_EXPECT_EQ(test, d->seg[1].len, 20000u);
	KUNIT_EXPECT_EQ(test, t->ring->mem->copied_bytes, 0ULL);
	KUNIT_EXPECT_EQ(test, page_ref_count(frag.page), refs + 1);
	zcs_seg_ptr(test, 0, 1);
	zcs_map_mode(t);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 1), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(frag.page), refs);
	kfree_skb(skb);
	put_page(frag.page);
}

/* Parts that do not fit into the first slot are in further ones. */
static void many_parts_take_more_slots(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	struct sk_buff *skb = zcs_make(test, 100, 0);
	struct page_frag frag = {};
	const struct zcs_more *more;
	int i;

	KUNIT_ASSERT_TRUE(test, nta_page_frag_refill(1, &frag, GFP_KERNEL));
	for (i = 0; i < 13; i++) {
		get_page(frag.page);
		skb_fill_page_desc(skb, i, frag.page, i * 2048, 100 + i);
		skb->len += 100 + i;
		skb->data_len += 100 + i;
	}
	zcs_tap_it(t, skb, skb->len);
	KUNIT_EXPECT_EQ(test, zcs_ring_slot(t->ring, 0)->nr_segs, 14);
	KUNIT_EXPECT_EQ(test, zcs_ring_slot(t->ring, 0)->nr_slots, 3);
	KUNIT_EXPECT_EQ(test, t->ring->head, 3u);
	more = (void *)zcs_ring_slot(t->ring, 2);
	KUNIT_EXPECT_EQ(test, more->seg[1].len, 112u);
	KUNIT_EXPECT_EQ(test, more->seg[1].off, 12 * 2048u);
	kfree_skb(skb);
	KUNIT_EXPECT_EQ(test, page_ref_count(frag.page), 14);

	/* A tail in the middle of the packet is refused, and frees nothing. */
	zcs_map_mode(t);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, page_ref_count(frag.page), 14);
	KUNIT_EXPECT_EQ(test, t->ring->mem->bad_releases, 2ULL);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 3), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(frag.page), 1);
	put_page(frag.page);
}

static void too_many_parts_are_copied(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	struct sk_buff *skb = zcs_make(test, 100, 0), *list;
	struct sk_buff **next = &skb_shinfo(skb)->frag_list;
	const struct zcs_desc *d = zcs_ring_slot(t->ring, 0);
	int i;

	for (i = 0; i < ZCS_SEGS_MAX; i++) {
		list = zcs_make(test, 300, 0);
		*next = list;
		next = &list->next;
		skb->len += 300;
		skb->data_len += 300;
	}
	zcs_tap_it(t, skb, skb->len);
	KUNIT_EXPECT_EQ(test, d->nr_segs, 2);
	KUNIT_EXPECT_EQ(test, d->cap_len, skb->len);
	KUNIT_EXPECT_EQ(test, t->ring->mem->copied_bytes, (u64)skb->len);
	kfree_skb(skb);
}

static void tails_are_checked(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	static const u32 wrong[] = { 5, 6, 1000, U32_MAX, U32_MAX - 3,
				     0x80000000 };
	unsigned int i;

	zcs_map_mode(t);
	for (i = 0; i < 4; i++)
		zcs_pass(test, 1000);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		u64 held = zcs_reader_held(t->r);

		KUNIT_EXPECT_EQ(test, zcs_move_tail(t, wrong[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, t->ring->mem->bad_releases, i + 1ULL);
		KUNIT_EXPECT_EQ(test, zcs_reader_held(t->r), held);
		KUNIT_EXPECT_EQ(test, t->ring->tail, 0u);
	}
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 3), 0);
	/* Backwards. */
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, t->ring->tail, 3u);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 4), 0);
	KUNIT_EXPECT_EQ(test, zcs_reader_held(t->r), 0ULL);
	zcs_expect_ledger(test);
}

static void positions_wrap(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	u32 start = U32_MAX - 5;
	unsigned int i;

	zcs_map_mode(t);
	t->ring->head = start;
	t->ring->mem->head = start;
	t->ring->tail = start;
	t->r->tails[0].tail = start;
	for (i = 0; i < 12; i++)
		zcs_pass(test, 500);
	KUNIT_EXPECT_EQ(test, t->ring->head, start + 12);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, start - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, start + 13), -EINVAL);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, start + 9), 0);
	KUNIT_EXPECT_EQ(test, t->ring->tail, start + 9);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, start + 12), 0);
	zcs_expect_ledger(test);
}

static void full_ring_misses_and_says_where(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	const struct zcs_desc *d;
	unsigned int i;

	zcs_map_mode(t);
	for (i = 0; i < NR_SLOTS + 5; i++)
		zcs_pass(test, 100);
	KUNIT_EXPECT_EQ(test, t->ring->mem->shown, (u64)NR_SLOTS);
	KUNIT_EXPECT_EQ(test, t->ring->mem->missed_ring, 5ULL);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 1), 0);
	zcs_pass(test, 100);
	d = zcs_ring_slot(t->ring, NR_SLOTS);
	KUNIT_EXPECT_EQ(test, d->missed, 5u);
	KUNIT_EXPECT_EQ(test, d->seq, NR_SLOTS + 5ULL);
	zcs_expect_ledger(test);

	/* The producer looks at the tail by itself when it is short. */
	WRITE_ONCE(t->r->tails[0].tail, 5);
	zcs_pass(test, 100);
	KUNIT_EXPECT_EQ(test, t->ring->tail, 5u);
	KUNIT_EXPECT_EQ(test, t->ring->mem->missed_ring, 5ULL);
	zcs_expect_ledger(test);
}

static void limit_is_kept(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	u64 most = 0;
	unsigned int i;

	zcs_map_mode(t);
	for (i = 0; i < NR_SLOTS; i++)
		zcs_pass(test, 65000);
	for (i = 0; i < 3; i++) {
		most = max(most, zcs_reader_held(t->r));
		zcs_pass(test, 65000);
	}
	KUNIT_EXPECT_LE(test, most, (u64)LIMIT);
	KUNIT_EXPECT_GT(test, most, (u64)LIMIT - 70000);
	KUNIT_EXPECT_GE(test, t->ring->mem->missed_limit, 1ULL);
	zcs_expect_ledger(test);

	/* Small ones need nothing of it. */
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, 2), 0);
	zcs_pass(test, 60);
	KUNIT_EXPECT_EQ(test, zcs_move_tail(t, t->ring->head), 0);
	KUNIT_EXPECT_EQ(test, zcs_reader_held(t->r), 0ULL);
	KUNIT_EXPECT_EQ(test, t->ring->quota + atomic64_read(&t->r->pool),
			(u64)LIMIT);
}

/* What one ring does not need any more, another one gets. */
static void quota_moves_between_rings(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	struct zcs_cpu_ring *other;
	unsigned int i;

	if (t->r->nr_rings < 2)
		kunit_skip(test, "one CPU");
	zcs_map_mode(t);
	other = &t->r->ring[1];
	for (i = 0; i < 7; i++)
		zcs_pass(test, 65000);
	/* Released, and nobody has looked yet. */
	WRITE_ONCE(t->r->tails[0].tail, t->ring->head);
	t->r->stolen = jiffies - 1;
	t->ring = other;
	for (i = 0; i < 7; i++)
		zcs_pass(test, 65000);
	KUNIT_EXPECT_EQ(test, other->mem->missed_limit, 0ULL);
	KUNIT_EXPECT_EQ(test, other->mem->shown, 7ULL);
}

static void releases_come_in_any_order(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	unsigned int i;

	WRITE_ONCE(t->r->mode, ZCS_MODE_READ);
	for (i = 0; i < 6; i++)
		zcs_pass(test, 1000);

	/* Not read yet. */
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 0), -EINVAL);
	WRITE_ONCE(t->ring->read_pos, 5);
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 5), -EINVAL);

	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 3), 1);
	KUNIT_EXPECT_EQ(test, t->ring->tail, 0u);
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 1), 1);
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 0), 1);
	KUNIT_EXPECT_EQ(test, t->ring->tail, 2u);
	/* Stale, and far off. */
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 1u << 31), -EINVAL);
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 2), 1);
	KUNIT_EXPECT_EQ(test, t->ring->tail, 4u);
	KUNIT_EXPECT_EQ(test, zcs_give_back(t, 4), 1);
	KUNIT_EXPECT_EQ(test, t->ring->tail, 5u);
	KUNIT_EXPECT_EQ(test, t->ring->mem->bad_releases, 5ULL);
	zcs_expect_ledger(test);
}

static void snaplen_holds_no_more_than_it_shows(struct kunit *test)
{
	struct zcs_test *t = test->priv;
	struct sk_buff *skb = zcs_make(test, 1400, 0);
	const struct zcs_desc *d = zcs_ring_slot(t->ring, 0);

	zcs_tap_it(t, skb, 96);
	KUNIT_EXPECT_EQ(test, d->cap_len, 96u);
	KUNIT_EXPECT_EQ(test, d->wire_len, 1400u);
	KUNIT_EXPECT_EQ(test, d->flags & ZCS_F_TRUNC, ZCS_F_TRUNC);
	KUNIT_EXPECT_EQ(test, zcs_reader_held(t->r), 0ULL);
	kfree_skb(skb);
}

static struct kunit_case zcs_ring_cases[] = {
	KUNIT_CASE(small_packets_are_inline),
	KUNIT_CASE(chunk_outlives_its_packet),
	KUNIT_CASE(snapshot_keeps_the_headers),
	KUNIT_CASE(foreign_memory_is_copied),
	KUNIT_CASE(pages_of_others_are_copied),
	KUNIT_CASE(blocks_are_held_by_reference),
	KUNIT_CASE(many_parts_take_more_slots),
	KUNIT_CASE(too_many_parts_are_copied),
	KUNIT_CASE(tails_are_checked),
	KUNIT_CASE(positions_wrap),
	KUNIT_CASE(full_ring_misses_and_says_where),
	KUNIT_CASE(limit_is_kept),
	KUNIT_CASE(quota_moves_between_rings),
	KUNIT_CASE(releases_come_in_any_order),
	KUNIT_CASE(snaplen_holds_no_more_than_it_shows),
	{}
};

static struct kunit_suite zcs_ring_suite = {
	.name		= "zc_sniffer_ring",
	.init		= zcs_test_init,
	.exit		= zcs_test_exit,
	.test_cases	= zcs_ring_cases,
};

kunit_test_suite(zcs_ring_suite);
