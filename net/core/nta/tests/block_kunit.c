// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for blocks of NTA: a block comes back to NTA in whatever way its
 * last reference is dropped, and a place in the map is never two blocks'.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/skbuff.h>
#include <net/xdp.h>

#include "nta.h"

static u64 block_frees(void)
{
	u64 nr = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		nr += per_cpu(nta_cpu, cpu).stats.block_frees;
	return nr;
}

/* A block with one reference, which is the caller's. */
static struct page *block_get(struct kunit *test)
{
	struct page_frag pfrag = { };

	KUNIT_ASSERT_TRUE(test, nta_page_frag_refill(32, &pfrag, GFP_KERNEL));
	KUNIT_ASSERT_TRUE(test, PageNta(pfrag.page));
	KUNIT_ASSERT_EQ(test, page_ref_count(pfrag.page), 1);
	return pfrag.page;
}

/* Drop the last reference of a block, and take it from this CPU's list. */
static struct page *block_end(struct page *page)
{
	struct nta_cpu *c;

	migrate_disable();
	put_page(page);
	c = nta_enter();
	page = nta_block_pop(c);
	nta_exit(c);
	migrate_enable();
	return page;
}

/* === The last reference ================================================== */

static void put_by_page(struct page *page)
{
	put_page(page);
}

static void put_by_tail_page(struct page *page)
{
	put_page(page + 1);
}

static void put_by_frag(struct page *page)
{
	page_frag_free(page_address(page) + 100);
}

static void put_by_release(struct page *page)
{
	struct page *pages[] = { page };

	release_pages(pages, 1);
}

static void put_by_skb_frag(struct page *page)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL);

	skb_add_rx_frag(skb, 0, page, 0, 64, 64);
	kfree_skb(skb);
}

/* As tun and drivers do: the packet's head is the fragment. */
static void put_by_skb_head(struct page *page)
{
	kfree_skb(build_skb(page_address(page), 2048));
}

/* ... and as GRO steals it: the head becomes a fragment of another packet. */
static void put_by_stolen_head(struct page *page)
{
	struct sk_buff *skb = build_skb(page_address(page), 2048);
	struct sk_buff *to = alloc_skb(64, GFP_KERNEL);
	bool stolen;
	int delta;

	skb_put(skb, 100);
	if (skb_try_coalesce(to, skb, &stolen, &delta))
		kfree_skb_partial(skb, stolen);
	else
		kfree_skb(skb);
	kfree_skb(to);
}

static void put_by_xdp_frame(struct page *page)
{
	struct xdp_frame *frame = page_address(page);

	memset(frame, 0, sizeof(*frame));
	frame->data = frame + 1;
	frame->mem.type = MEM_TYPE_PAGE_SHARED;
	xdp_return_frame(frame);
}

struct block_put {
	const char	*name;
	void		(*put)(struct page *page);
};

static const struct block_put block_puts[] = {
	{ "put_page", put_by_page },
	{ "put_page_tail", put_by_tail_page },
	{ "page_frag_free", put_by_frag },
	{ "release_pages", put_by_release },
	{ "skb_frag", put_by_skb_frag },
	{ "skb_head", put_by_skb_head },
	{ "skb_head_stolen", put_by_stolen_head },
	{ "xdp_frame", put_by_xdp_frame },
};

static void block_put_desc(const struct block_put *p, char *desc)
{
	strscpy(desc, p->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(block_put, block_puts, block_put_desc);

static void last_reference_ends_in_nta(struct kunit *test)
{
	const struct block_put *p = test->param_value;
	struct page *page = block_get(test);
	u64 before = block_frees();

	p->put(page);
	KUNIT_EXPECT_EQ(test, block_frees(), before + 1);
	nta_block_destroy(block_end(block_get(test)));
}

/* === The map ============================================================= */

static struct {
	u64		off;	/* place of the block that goes */
	struct page	*page;	/* block that asks for a place meanwhile */
	s64		place;	/* place that @page got */
} zap;

/* In place of the zap: page tables may have the old block until it returns. */
static void block_zap(u64 off, u64 len)
{
	zap.off = off;
	zap.place = nta_map_place(page_address(zap.page));
}

static void place_is_not_given_again_before_the_zap(struct kunit *test)
{
	struct page *page = block_get(test);
	s64 place = nta_map_place(page_address(page));

	KUNIT_ASSERT_GE(test, place, 0);
	page = block_end(page);
	zap.page = block_get(test);
	kunit_activate_static_stub(test, nta_map_forget, block_zap);
	nta_map_end_block(page);
	KUNIT_EXPECT_EQ(test, zap.off, place);
	KUNIT_EXPECT_GE(test, zap.place, 0);
	KUNIT_EXPECT_NE(test, zap.place, place);
	/* After the zap, the place is free for another block. */
	nta_map_end_block(block_end(zap.page));
	page = block_get(test);
	KUNIT_EXPECT_EQ(test, nta_map_place(page_address(page)), place);
	nta_map_end_block(block_end(page));
}

static struct kunit_case nta_block_cases[] = {
	KUNIT_CASE_PARAM(last_reference_ends_in_nta, block_put_gen_params),
	KUNIT_CASE(place_is_not_given_again_before_the_zap),
	{}
};

static struct kunit_suite nta_block_suite = {
	.name = "nta_block",
	.test_cases = nta_block_cases,
};

kunit_test_suite(nta_block_suite);
