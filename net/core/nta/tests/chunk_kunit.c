// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for NTA's free chunks: bins, splitting, merging, repair.
 *
 * Each case works on a CPU of its own that no real CPU is, with one node from
 * the page allocator, so nothing else allocates from it and every step can be
 * predicted. A picture of the node stands in the comments: "a" to "c" are
 * chunks in use, "." is free.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/bitmap.h>

#include "nta.h"

struct chunk_fixture {
	struct nta_cpu	c;
	struct nta_node	*node;
	unsigned int	reports;
};

static void chunk_count_report(const char *what, const struct nta_node *node,
			       const void *ptr, unsigned int units)
{
	struct chunk_fixture *f = kunit_get_current_test()->priv;

	f->reports++;
}

static void chunk_expect_sound(struct kunit *test, unsigned long chunks_in_use)
{
	struct chunk_fixture *f = test->priv;
	unsigned long live = 0, queued = 0;

	KUNIT_EXPECT_STREQ(test, nta_check_cpu(&f->c, &live, &queued) ?: "",
			   "");
	KUNIT_EXPECT_EQ(test, live, chunks_in_use);
	KUNIT_EXPECT_EQ(test, queued, 0);
}

static int chunk_init(struct kunit *test)
{
	struct chunk_fixture *f;

	f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f);
	f->c.cpu = nr_cpu_ids;
	f->c.flush_class = 1;
	INIT_LIST_HEAD(&f->c.nodes);
	f->node = nta_node_grow(NTA_NODE_UNITS / 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->node);
	nta_node_adopt(&f->c, f->node);
	test->priv = f;
	kunit_activate_static_stub(test, nta_report, chunk_count_report);
	return 0;
}

/* Make the nodes whole again, whatever the case left, and give them back. */
static void chunk_exit(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	struct nta_node *node, *next;

	if (!f)
		return;
	list_for_each_entry_safe(node, next, &f->c.nodes, list) {
		list_del(&node->list);
		bitmap_zero(node->start, node->nr_units + 1);
		bitmap_zero(node->edge, node->nr_units);
		__set_bit(0, node->start);
		__set_bit(node->nr_units, node->start);
		__set_bit(0, node->edge);
		__set_bit(node->nr_units - 1, node->edge);
		node->nr_used = 0;
		nta_debug_node_fill(node);
		nta_depot_put(node);
	}
	nta_depot_trim(NUMA_NO_NODE, ULONG_MAX, 0);
}

/* === Bins ================================================================ */

/* A chunk is never in a bin above the one of a longer chunk. */
static void bins_are_sorted_by_size(struct kunit *test)
{
	unsigned int units, bin, last = 0;

	for (units = 1; units <= NTA_NODE_UNITS; units++) {
		bin = nta_bin_of(units);
		KUNIT_ASSERT_GE(test, bin, last);
		KUNIT_ASSERT_LT(test, bin, NTA_NR_BINS);
		last = bin;
	}
}

/* Below NTA_BIN_LINEAR a bin has one size. */
static void small_bins_are_exact(struct kunit *test)
{
	unsigned int units;

	for (units = 1; units < NTA_BIN_LINEAR; units++)
		KUNIT_EXPECT_EQ(test, nta_bin_of(units), units);
}

static void largest_free_is_close(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned int free, said;

	for (free = f->node->nr_units; free > 1; free -= free / 3 + 1) {
		unsigned long *chunk;

		said = nta_largest_free(&f->c);
		KUNIT_EXPECT_LE(test, said, free);
		KUNIT_EXPECT_GE(test, said, free - free / NTA_BIN_SUB);
		/* Cut a third and one from the front: the rest is one run. */
		if (free / 3 + 1 >= free)
			break;
		chunk = nta_chunk_take(&f->c, free / 3 + 1);
		KUNIT_ASSERT_NOT_NULL(test, chunk);
	}
}

/* === Split and merge ===================================================== */

/* before: [....]  now: [aa..] */
static void take_cuts_from_the_front(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned long *a = nta_chunk_take(&f->c, 2);

	KUNIT_EXPECT_PTR_EQ(test, (void *)a, f->node->base);
	KUNIT_EXPECT_EQ(test, f->c.stats.splits, 1);
	KUNIT_EXPECT_EQ(test, f->node->nr_used, 2);
	chunk_expect_sound(test, 1);

	nta_chunk_put(&f->c, f->node, 0, 2);
	KUNIT_EXPECT_EQ(test, f->c.stats.merges, 1);
	KUNIT_EXPECT_EQ(test, f->node->nr_used, 0);
	chunk_expect_sound(test, 0);
}

/* before: [....]  now: [aaaa]: nothing is cut when it fits exactly. */
static void take_of_everything_does_not_split(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned int all = f->node->nr_units;

	KUNIT_ASSERT_NOT_NULL(test, nta_chunk_take(&f->c, all));
	KUNIT_EXPECT_EQ(test, f->c.stats.splits, 0);
	KUNIT_EXPECT_NULL(test, nta_chunk_take(&f->c, 1));
	chunk_expect_sound(test, 1);
	nta_chunk_put(&f->c, f->node, 0, all);
	chunk_expect_sound(test, 0);
}

struct chunk_order {
	const char	*name;
	u8		order[3];
	u8		merges[3];	/* after each free, in all */
};

/*
 * [aabbbbc...]: three chunks in a row, freed in every order. The last free
 * always ends with one run; how many merges each free makes depends on which
 * neighbours are free by then ("c" has free memory to its right).
 */
static const struct chunk_order chunk_orders[] = {
	{ .name = "a b c", .order = { 0, 1, 2 }, .merges = { 0, 1, 3 } },
	{ .name = "a c b", .order = { 0, 2, 1 }, .merges = { 0, 1, 3 } },
	{ .name = "b a c", .order = { 1, 0, 2 }, .merges = { 0, 1, 3 } },
	{ .name = "b c a", .order = { 1, 2, 0 }, .merges = { 0, 2, 3 } },
	{ .name = "c a b", .order = { 2, 0, 1 }, .merges = { 1, 1, 3 } },
	{ .name = "c b a", .order = { 2, 1, 0 }, .merges = { 1, 2, 3 } },
};

KUNIT_ARRAY_PARAM_DESC(chunk_order, chunk_orders, name);

static void free_merges_in_any_order(struct kunit *test)
{
	static const unsigned int units[3] = { 2, 4, 1 };
	const struct chunk_order *o = test->param_value;
	struct chunk_fixture *f = test->priv;
	unsigned int unit[3], i;

	for (i = 0; i < 3; i++) {
		unsigned long *chunk = nta_chunk_take(&f->c, units[i]);

		KUNIT_ASSERT_NOT_NULL(test, chunk);
		unit[i] = nta_unit_of(f->node, chunk);
	}
	chunk_expect_sound(test, 3);

	for (i = 0; i < 3; i++) {
		nta_chunk_put(&f->c, f->node, unit[o->order[i]],
			      units[o->order[i]]);
		KUNIT_EXPECT_EQ(test, f->c.stats.merges, o->merges[i]);
		chunk_expect_sound(test, 2 - i);
	}
	KUNIT_EXPECT_EQ(test, nta_largest_free(&f->c), f->node->nr_units);
}

/* before: [aabbcc...] with a and c free  now: b's place is taken first */
static void take_prefers_the_exact_hole(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned long *a = nta_chunk_take(&f->c, 2);
	unsigned long *b = nta_chunk_take(&f->c, 3);
	unsigned long *c = nta_chunk_take(&f->c, 5);

	KUNIT_ASSERT_NOT_NULL(test, c);
	nta_chunk_put(&f->c, f->node, nta_unit_of(f->node, b), 3);
	KUNIT_EXPECT_PTR_EQ(test, nta_chunk_take(&f->c, 3), b);
	nta_chunk_put(&f->c, f->node, nta_unit_of(f->node, a), 2);
	KUNIT_EXPECT_PTR_EQ(test, nta_chunk_take(&f->c, 1), a);
	chunk_expect_sound(test, 3);
}

/* A wholly free node beyond the reserve leaves the CPU. */
static void whole_nodes_go_to_the_depot(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned int units = f->node->nr_units;
	struct nta_node *node;

	KUNIT_ASSERT_NOT_NULL(test, nta_chunk_take(&f->c, units));
	node = nta_node_grow(1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, node);
	nta_node_adopt(&f->c, node);
	KUNIT_ASSERT_NOT_NULL(test, nta_chunk_take(&f->c, node->nr_units));
	KUNIT_EXPECT_EQ(test, f->c.nr_whole, 0);

	/* The first one to come free stays, the second one goes. */
	nta_chunk_put(&f->c, f->node, 0, units);
	KUNIT_EXPECT_EQ(test, f->c.nr_nodes, 2);
	KUNIT_EXPECT_EQ(test, f->c.nr_whole, 1);
	nta_chunk_put(&f->c, node, 0, node->nr_units);
	KUNIT_EXPECT_EQ(test, f->c.nr_nodes, 1);
	KUNIT_EXPECT_EQ(test, f->c.nr_whole, 1);
	chunk_expect_sound(test, 0);
}

/* === Repair ============================================================== */

struct chunk_damage {
	const char	*name;
	int		word;	/* of the free chunk; -1: its last one */
};

static const struct chunk_damage chunk_damages[] = {
	{ .name = "canary",	.word = NTA_W_CANARY },
	{ .name = "length",	.word = NTA_W_UNITS },
	{ .name = "end",	.word = -1 },
};

KUNIT_ARRAY_PARAM_DESC(chunk_damage, chunk_damages, name);

/*
 * [aa..bb...]: the hole is damaged. The request that meets it is served from
 * elsewhere, the hole is reported once and never used again.
 */
static void damaged_free_chunk_is_quarantined(struct kunit *test)
{
	const struct chunk_damage *d = test->param_value;
	struct chunk_fixture *f = test->priv;
	unsigned long *hole, *chunk;
	unsigned int word;

	KUNIT_ASSERT_NOT_NULL(test, nta_chunk_take(&f->c, 2));
	hole = nta_chunk_take(&f->c, 2);
	KUNIT_ASSERT_NOT_NULL(test, hole);
	KUNIT_ASSERT_NOT_NULL(test, nta_chunk_take(&f->c, 2));
	nta_chunk_put(&f->c, f->node, nta_unit_of(f->node, hole), 2);

	word = d->word >= 0 ? d->word : 2 * NTA_UNIT / sizeof(*hole) - 1;
	hole[word] ^= 0x5a;

	chunk = nta_chunk_take(&f->c, 2);
	KUNIT_EXPECT_NOT_NULL(test, chunk);
	KUNIT_EXPECT_PTR_NE(test, chunk, hole);
	KUNIT_EXPECT_EQ(test, f->reports, 1);
	KUNIT_EXPECT_EQ(test, f->c.stats.quarantined, 1);
	KUNIT_EXPECT_EQ(test, f->c.stats.quarantined_units, 2);
	chunk_expect_sound(test, 4);
}

/* The neighbour of a damaged hole comes back and is not merged with it. */
static void free_beside_damage_does_not_merge(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned long *hole, *right;

	hole = nta_chunk_take(&f->c, 3);
	KUNIT_ASSERT_NOT_NULL(test, hole);
	right = nta_chunk_take(&f->c, 3);
	KUNIT_ASSERT_NOT_NULL(test, right);
	KUNIT_ASSERT_NOT_NULL(test, nta_chunk_take(&f->c, 3));
	nta_chunk_put(&f->c, f->node, nta_unit_of(f->node, hole), 3);
	hole[NTA_W_CANARY] = 0;

	nta_chunk_put(&f->c, f->node, nta_unit_of(f->node, right), 3);
	KUNIT_EXPECT_EQ(test, f->reports, 1);
	chunk_expect_sound(test, 2);
}

/* === Hot lists =========================================================== */

/* The first chunk beyond the limit brings the list down to half of it. */
static void hot_list_is_bounded(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned long *chunk[9];
	unsigned int i;

	f->c.hot[2].limit = 8;
	for (i = 0; i < ARRAY_SIZE(chunk); i++) {
		chunk[i] = nta_chunk_take(&f->c, 2);
		KUNIT_ASSERT_NOT_NULL(test, chunk[i]);
	}
	for (i = 0; i < 8; i++)
		nta_free_local(&f->c, f->node, chunk[i], 2);
	KUNIT_EXPECT_EQ(test, f->c.hot[2].nr, 8);
	nta_free_local(&f->c, f->node, chunk[8], 2);
	KUNIT_EXPECT_EQ(test, f->c.hot[2].nr, 4);
	chunk_expect_sound(test, 0);

	KUNIT_EXPECT_EQ(test, nta_hot_flush(&f->c, UINT_MAX, false), 4);
	KUNIT_EXPECT_EQ(test, nta_largest_free(&f->c), f->node->nr_units);
	chunk_expect_sound(test, 0);
}

/* Ageing leaves alone what was asked for since it last looked. */
static void ageing_spares_sizes_in_use(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned long *chunk = nta_chunk_take(&f->c, 2);

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	f->c.hot[2].limit = 8;
	f->c.hot[2].allocs++;
	nta_free_local(&f->c, f->node, chunk, 2);
	KUNIT_EXPECT_EQ(test, nta_hot_flush(&f->c, UINT_MAX, true), 0);
	KUNIT_EXPECT_EQ(test, nta_hot_flush(&f->c, UINT_MAX, true), 1);
	chunk_expect_sound(test, 0);
}

/* A size that is too small, too large or nonsense: the bitmap decides. */
static void free_trusts_the_bitmap_not_the_caller(struct kunit *test)
{
	static const unsigned int said[] = { 0, 1, 4, 200, UINT_MAX };
	struct chunk_fixture *f = test->priv;
	unsigned long *chunk;
	unsigned int i;

	f->c.hot[3].limit = 8;
	for (i = 0; i < ARRAY_SIZE(said); i++) {
		chunk = nta_chunk_take(&f->c, 3);
		KUNIT_ASSERT_NOT_NULL(test, chunk);
		nta_free_local(&f->c, f->node, chunk, said[i]);
		KUNIT_EXPECT_EQ(test, f->c.hot[3].nr, i + 1);
	}
	chunk_expect_sound(test, 0);
	nta_hot_flush(&f->c, UINT_MAX, false);
	chunk_expect_sound(test, 0);
}

/* Neither inside a chunk nor of a chunk that is free. */
static void free_of_no_chunk_is_refused(struct kunit *test)
{
	struct chunk_fixture *f = test->priv;
	unsigned long *chunk = nta_chunk_take(&f->c, 3);

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	f->c.hot[3].limit = 8;
	nta_free_local(&f->c, f->node, (void *)chunk + NTA_UNIT, 2);
	KUNIT_EXPECT_EQ(test, f->reports, 1);
	nta_free_local(&f->c, f->node, (void *)chunk + 8, 3);
	KUNIT_EXPECT_EQ(test, f->reports, 2);
	nta_free_local(&f->c, f->node, (void *)chunk + 3 * NTA_UNIT, 3);
	KUNIT_EXPECT_EQ(test, f->reports, 3);
	KUNIT_EXPECT_EQ(test, f->c.stats.bad_frees, 3);
	chunk_expect_sound(test, 1);
	nta_chunk_put(&f->c, f->node, 0, 3);
}

static struct kunit_case nta_chunk_cases[] = {
	KUNIT_CASE(bins_are_sorted_by_size),
	KUNIT_CASE(small_bins_are_exact),
	KUNIT_CASE(largest_free_is_close),
	KUNIT_CASE(take_cuts_from_the_front),
	KUNIT_CASE(take_of_everything_does_not_split),
	KUNIT_CASE_PARAM(free_merges_in_any_order, chunk_order_gen_params),
	KUNIT_CASE(take_prefers_the_exact_hole),
	KUNIT_CASE(whole_nodes_go_to_the_depot),
	KUNIT_CASE_PARAM(damaged_free_chunk_is_quarantined,
			 chunk_damage_gen_params),
	KUNIT_CASE(free_beside_damage_does_not_merge),
	KUNIT_CASE(hot_list_is_bounded),
	KUNIT_CASE(ageing_spares_sizes_in_use),
	KUNIT_CASE(free_trusts_the_bitmap_not_the_caller),
	KUNIT_CASE(free_of_no_chunk_is_refused),
	{}
};

static struct kunit_suite nta_chunk_suite = {
	.name = "nta_chunk",
	.init = chunk_init,
	.exit = chunk_exit,
	.test_cases = nta_chunk_cases,
};

kunit_test_suite(nta_chunk_suite);

MODULE_DESCRIPTION("KUnit tests for free chunks of the network tree allocator");
MODULE_LICENSE("GPL");
