// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for NTA as its callers see it: sizes, refusals, frees anywhere,
 * holds, the gate, damage.
 *
 * They run on the live allocator of the CPU they find themselves on, so they
 * compare counters before and after instead of expecting absolute ones, and
 * every case ends with the check of the conservation law.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/cpu.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "nta.h"

static unsigned int alloc_reports;

static void alloc_count_report(const char *what, const struct nta_node *node,
			       const void *ptr, unsigned int units)
{
	alloc_reports++;
}

static void alloc_expect_sound(struct kunit *test)
{
	char msg[256];

	KUNIT_EXPECT_EQ_MSG(test, nta_check_all(msg, sizeof(msg)), 0, "%s",
			    msg);
}

static void *alloc_or_die(struct kunit *test, size_t need)
{
	unsigned int size = 0;
	void *ptr = nta_alloc(need, &size, GFP_KERNEL, NUMA_NO_NODE);

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	return ptr;
}

static int alloc_init(struct kunit *test)
{
	alloc_reports = 0;
	kunit_activate_static_stub(test, nta_report, alloc_count_report);
	return 0;
}

static void alloc_exit(struct kunit *test)
{
	alloc_expect_sound(test);
}

/* === Sizes (N2, N12) ===================================================== */

struct alloc_size {
	size_t	need;
	size_t	units;	/* of NTA_UNIT */
};

/* What the stack asks for: payload, headroom, skb_shared_info of 320 bytes. */
static const struct alloc_size alloc_sizes[] = {
	{ .need = 1,		.units = 1 },
	{ .need = NTA_UNIT - 1,	.units = 1 },
	{ .need = NTA_UNIT,	.units = 1 },
	{ .need = NTA_UNIT + 1,	.units = 2 },
	{ .need = 1500 + 64 + 320,  .units = DIV_ROUND_UP(1884, NTA_UNIT) },
	{ .need = 9000 + 64 + 320,  .units = DIV_ROUND_UP(9384, NTA_UNIT) },
	{ .need = 65536 + 320,	.units = DIV_ROUND_UP(65856, NTA_UNIT) },
	{ .need = NTA_MAX_SIZE,	.units = NTA_MAX_UNITS },
};

static void alloc_size_desc(const struct alloc_size *s, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%zu bytes", s->need);
}

KUNIT_ARRAY_PARAM(alloc_size, alloc_sizes, alloc_size_desc);

static void sizes_round_up_to_units_only(struct kunit *test)
{
	const struct alloc_size *s = test->param_value;
	unsigned int size = 0;
	u8 *ptr;

	ptr = nta_alloc(s->need, &size, GFP_KERNEL, NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_EQ(test, size, s->units << NTA_UNIT_SHIFT);
	KUNIT_EXPECT_EQ(test, nta_usable_size(ptr), size);
	KUNIT_EXPECT_EQ(test, ksize(ptr), size);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)ptr, NTA_UNIT));
	memset(ptr, 0x5a, size);
	nta_free_sized(ptr, size);
	KUNIT_EXPECT_EQ(test, alloc_reports, 0);
}

/* A jumbo frame takes its bytes and overhead, not a power of two (N12). */
static void jumbo_head_is_tight(struct kunit *test)
{
	struct sk_buff *skb = alloc_skb(9000 + NET_SKB_PAD, GFP_KERNEL);
	size_t want = SKB_HEAD_ALIGN(9000 + NET_SKB_PAD);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	if (!nta_owns(skb->head)) {
		kfree_skb(skb);
		kunit_skip(test, "net.core.nta does not cover heads");
	}
	KUNIT_EXPECT_EQ(test, nta_usable_size(skb->head), want);
	KUNIT_EXPECT_EQ(test, skb_end_offset(skb), SKB_WITH_OVERHEAD(want));
	kfree_skb(skb);
}

/* === Refusals (N1) ======================================================= */

struct alloc_refusal {
	const char		*name;
	size_t			need;
	gfp_t			gfp;
	int			cause;
};

static const struct alloc_refusal alloc_refusals[] = {
	{ .name = "nothing", .need = 0, .gfp = GFP_KERNEL,
	  .cause = NTA_FALLBACK_SIZE },
	{ .name = "too large", .need = NTA_MAX_SIZE + 1, .gfp = GFP_KERNEL,
	  .cause = NTA_FALLBACK_SIZE },
	{ .name = "beyond 32 bits", .need = (1UL << 32) + 64,
	  .gfp = GFP_KERNEL, .cause = NTA_FALLBACK_SIZE },
	{ .name = "DMA zone", .need = 100, .gfp = GFP_KERNEL | GFP_DMA,
	  .cause = NTA_FALLBACK_GFP },
	{ .name = "DMA32 zone", .need = 100, .gfp = GFP_KERNEL | GFP_DMA32,
	  .cause = NTA_FALLBACK_GFP },
	{ .name = "reclaimable", .need = 100,
	  .gfp = GFP_KERNEL | __GFP_RECLAIMABLE, .cause = NTA_FALLBACK_GFP },
};

KUNIT_ARRAY_PARAM_DESC(alloc_refusal, alloc_refusals, name);

static unsigned long alloc_fallbacks(int cause)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(nta_cpu.stats.fallback[cause], cpu);
	return sum;
}

static void refusals_are_counted(struct kunit *test)
{
	const struct alloc_refusal *r = test->param_value;
	unsigned long before = alloc_fallbacks(r->cause);
	unsigned int size = 77;

	KUNIT_EXPECT_NULL(test, nta_alloc(r->need, &size, r->gfp,
					  NUMA_NO_NODE));
	KUNIT_EXPECT_EQ(test, size, 77);
	KUNIT_EXPECT_GE(test, alloc_fallbacks(r->cause), before + 1);
}

static void foreign_numa_node_is_refused(struct kunit *test)
{
	unsigned long before = alloc_fallbacks(NTA_FALLBACK_NUMA);
	unsigned int size;

	KUNIT_EXPECT_NULL(test, nta_alloc(100, &size, GFP_KERNEL,
					  numa_mem_id() + 1));
	KUNIT_EXPECT_GE(test, alloc_fallbacks(NTA_FALLBACK_NUMA), before + 1);
}

/* === Recognition (N3) ==================================================== */

static void memory_is_recognised_by_its_page(struct kunit *test)
{
	u8 *mine = alloc_or_die(test, 9000);
	u8 *other = kmalloc(9000, GFP_KERNEL);
	struct nta_node *node;

	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_TRUE(test, nta_owns(mine));
	KUNIT_EXPECT_TRUE(test, nta_owns(mine + 8999));
	KUNIT_EXPECT_FALSE(test, nta_owns(other));
	node = nta_node_of(mine);
	KUNIT_EXPECT_PTR_EQ(test, node, nta_node_of(mine + 8999));
	KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(mine)), node->nid);
	/* kfree() does not mind which of the two it gets (N10). */
	kfree(mine);
	kfree(other);
}

/* === Reuse (N4) ========================================================== */

/* The newest chunk of a size is the next one of that size. */
static void reuse_is_last_in_first_out(struct kunit *test)
{
	unsigned int size;
	void *first, *second;

	/* Its list is not empty after this. */
	nta_free(alloc_or_die(test, 1900));

	preempt_disable();
	first = nta_alloc(1900, &size, GFP_ATOMIC, NUMA_NO_NODE);
	if (first)
		nta_free_sized(first, size);
	second = nta_alloc(1900, &size, GFP_ATOMIC, NUMA_NO_NODE);
	preempt_enable();

	KUNIT_EXPECT_NOT_NULL(test, first);
	KUNIT_EXPECT_PTR_EQ(test, first, second);
	if (second)
		nta_free(second);
}

/* A thousand rounds take no memory from the system. */
static void steady_use_takes_no_nodes(struct kunit *test)
{
	unsigned long before;
	unsigned int i, size;
	void *ptr;

	nta_free(alloc_or_die(test, 5000));
	migrate_disable();
	before = raw_cpu_read(nta_cpu.stats.grown);
	for (i = 0; i < 1000; i++) {
		ptr = nta_alloc(5000, &size, GFP_KERNEL, NUMA_NO_NODE);
		if (ptr)
			nta_free_sized(ptr, size);
	}
	KUNIT_EXPECT_EQ(test, raw_cpu_read(nta_cpu.stats.grown), before);
	migrate_enable();
}

/* === Frees elsewhere (N5) ================================================ */

#define ALLOC_REMOTE	(3 * NTA_OUTBOX + 1)

static void *remote_chunk[ALLOC_REMOTE];

static long alloc_on(void *unused)
{
	unsigned int i, size;

	for (i = 0; i < ALLOC_REMOTE; i++)
		remote_chunk[i] = nta_alloc(700, &size, GFP_KERNEL,
					    NUMA_NO_NODE);
	return 0;
}

static long free_on(void *unused)
{
	unsigned int i;

	for (i = 0; i < ALLOC_REMOTE; i++)
		if (remote_chunk[i])
			nta_free_sized(remote_chunk[i], 704);
	return 0;
}

static unsigned long alloc_sum_frees(void)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(nta_cpu.hot[nta_units(700) + NTA_PAD].frees,
			       cpu);
	return sum;
}

/*
 * CPU A allocates, CPU B frees in batches, A has them all back at its next
 * allocation; the one that is left in B's outbox comes when B is made to look.
 */
static void remote_frees_come_home(struct kunit *test)
{
	unsigned int a = cpumask_first(cpu_online_mask);
	unsigned int b = cpumask_next(a, cpu_online_mask);
	unsigned long batches, frees = alloc_sum_frees();
	struct nta_cpu *owner, *other;

	if (b >= nr_cpu_ids)
		kunit_skip(test, "needs two CPUs");
	owner = per_cpu_ptr(&nta_cpu, a);
	other = per_cpu_ptr(&nta_cpu, b);

	work_on_cpu(a, alloc_on, NULL);
	KUNIT_EXPECT_EQ(test, READ_ONCE(nta_node_of(remote_chunk[0])->cpu), a);
	batches = other->stats.remote_batches;
	work_on_cpu(b, free_on, NULL);
	KUNIT_EXPECT_GE(test, other->stats.remote_batches, batches + 3);
	alloc_expect_sound(test);

	/* Ageing of B empties its outbox, ageing of A takes them back. */
	WRITE_ONCE(other->flush_all, true);
	nta_kick(other);
	irq_work_sync(&other->kick);
	flush_delayed_work(&other->age);
	WRITE_ONCE(owner->flush_all, true);
	nta_kick(owner);
	irq_work_sync(&owner->kick);
	flush_delayed_work(&owner->age);
	KUNIT_EXPECT_GE(test, alloc_sum_frees(), frees + ALLOC_REMOTE);
	KUNIT_EXPECT_NULL(test, READ_ONCE(owner->remote));
	KUNIT_EXPECT_EQ(test, alloc_reports, 0);
}

/* === The gate (N9) ======================================================= */

/* A context that interrupted NTA: allocation is refused, a free is queued. */
static void gate_keeps_interrupts_out(struct kunit *test)
{
	unsigned long before = alloc_fallbacks(NTA_FALLBACK_CONTEXT);
	void *chunk = NULL, *refused = NULL;
	unsigned int size, nr = 0;
	struct nta_cpu *c;
	int waited = -1;

	/* Stay until a chunk of this very CPU is at hand. */
	migrate_disable();
	chunk = nta_alloc(300, &size, GFP_KERNEL, NUMA_NO_NODE);
	c = chunk ? nta_enter() : NULL;
	if (c) {
		refused = nta_alloc(300, &size, GFP_ATOMIC, NUMA_NO_NODE);
		waited = atomic_read(&c->nr_remote);
		nta_free(chunk);
		waited = atomic_read(&c->nr_remote) - waited;
		nr = nta_drain(c, UINT_MAX);
		nta_exit(c);
	}
	migrate_enable();

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	KUNIT_EXPECT_NULL(test, refused);
	KUNIT_EXPECT_EQ(test, waited, 1);
	KUNIT_EXPECT_GE(test, nr, 1);
	KUNIT_EXPECT_GE(test, alloc_fallbacks(NTA_FALLBACK_CONTEXT),
			before + 1);
}

static void alloc_from_irq(struct irq_work *work)
{
	unsigned int size;
	void *ptr = nta_alloc(300, &size, GFP_ATOMIC, NUMA_NO_NODE);

	if (ptr)
		nta_free_sized(ptr, size);
}

/* Hard interrupts may allocate and free. */
static void hard_interrupts_are_served(struct kunit *test)
{
	struct irq_work work = IRQ_WORK_INIT_HARD(alloc_from_irq);

	nta_free(alloc_or_die(test, 300));
	irq_work_queue(&work);
	irq_work_sync(&work);
	KUNIT_EXPECT_EQ(test, alloc_reports, 0);
}

/* === Holds (N7) ========================================================== */

/* Freed by the stack while two hold it: the second one to let go frees it. */
static void held_chunk_outlives_its_free(struct kunit *test)
{
	unsigned long *chunk;

	KUNIT_ASSERT_EQ(test, nta_hold_enable(), 0);
	chunk = alloc_or_die(test, 2000);
	memset(chunk, 0x3c, 2000);
	KUNIT_EXPECT_EQ(test, nta_hold(chunk), 0);
	KUNIT_EXPECT_EQ(test, nta_hold(chunk), 0);
	nta_free(chunk);
	alloc_expect_sound(test);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(chunk, 0x3c, 2000), NULL);
	nta_unhold(chunk, 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(chunk, 0x3c, 2000), NULL);
	nta_unhold(chunk, 0);
	KUNIT_EXPECT_NE(test, chunk[NTA_W_CANARY], 0x3c3c3c3c3c3c3c3cUL);

	/* And let go before the stack frees: as if it had not been held. */
	chunk = alloc_or_die(test, 2000);
	KUNIT_EXPECT_EQ(test, nta_hold(chunk), 0);
	nta_unhold(chunk, 0);
	nta_free(chunk);
	KUNIT_EXPECT_EQ(test, alloc_reports, 0);

	/* Misuse is reported and does no harm. */
	chunk = alloc_or_die(test, 2000);
	nta_unhold(chunk, 0);
	KUNIT_EXPECT_EQ(test, alloc_reports, 1);
	KUNIT_EXPECT_EQ(test, nta_hold(chunk), 0);
	nta_free(chunk);
	nta_free(chunk);
	KUNIT_EXPECT_EQ(test, alloc_reports, 2);
	nta_unhold(chunk, 0);
	nta_hold_disable();
}

static void holds_are_limited(struct kunit *test)
{
	unsigned int i, nr = 0;
	void *chunk;

	KUNIT_ASSERT_EQ(test, nta_hold_enable(), 0);
	chunk = alloc_or_die(test, 100);
	for (i = 0; i < 40000; i++)
		nr += !nta_hold(chunk);
	KUNIT_EXPECT_EQ(test, nr, 32767);
	KUNIT_EXPECT_EQ(test, nta_hold(chunk), -EOVERFLOW);
	nta_free(chunk);
	for (i = 0; i < nr; i++)
		nta_unhold(chunk, 0);
	nta_hold_disable();
	KUNIT_EXPECT_EQ(test, alloc_reports, 0);
}

/* === Damage (N8) ========================================================= */

static void double_free_is_refused(struct kunit *test)
{
	void *chunk = alloc_or_die(test, 1000);

	nta_free(chunk);
	nta_free(chunk);
	KUNIT_EXPECT_EQ(test, alloc_reports, 1);
}

static void free_inside_a_chunk_is_refused(struct kunit *test)
{
	u8 *chunk = alloc_or_die(test, 1000);
	unsigned int cpu;

	nta_free(chunk + 8);
	KUNIT_EXPECT_EQ(test, alloc_reports, 1);
	/* This one only the owner can see: be it. */
	cpu = READ_ONCE(nta_node_of(chunk)->cpu);
	migrate_disable();
	if (cpu == raw_smp_processor_id()) {
		nta_free(chunk + NTA_UNIT);
		KUNIT_EXPECT_EQ(test, alloc_reports, 2);
	}
	migrate_enable();
	nta_free(chunk);
}

/*
 * The first words of a free chunk are overwritten: the next allocation of its
 * size finds out, and gets another chunk.
 */
static void write_after_free_is_found(struct kunit *test)
{
	unsigned long *chunk, *next, saved;
	unsigned int size;

	nta_free(alloc_or_die(test, 60000));
	preempt_disable();
	chunk = nta_alloc(60000, &size, GFP_ATOMIC, NUMA_NO_NODE);
	next = NULL;
	if (chunk) {
		nta_free_sized(chunk, size);
		saved = chunk[NTA_W_CANARY];
		chunk[NTA_W_CANARY] = ~saved;
		next = nta_alloc(60000, &size, GFP_ATOMIC, NUMA_NO_NODE);
	}
	preempt_enable();

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	KUNIT_EXPECT_EQ(test, alloc_reports, 1);
	KUNIT_EXPECT_PTR_NE(test, next, chunk);
	if (next)
		nta_free(next);
}

/* One byte behind the end: a guard unit sees it in debug kernels. */
static void overrun_is_found(struct kunit *test)
{
	u8 *chunk;

	if (!IS_ENABLED(CONFIG_NTA_DEBUG))
		kunit_skip(test, "needs CONFIG_NTA_DEBUG");
	chunk = alloc_or_die(test, 1024);
	chunk[1024] = 1;
	nta_free(chunk);
	KUNIT_EXPECT_EQ(test, alloc_reports, 1);
	chunk[1024] = 0xbb;
	nta_free(chunk);
	KUNIT_EXPECT_EQ(test, alloc_reports, 1);
}

/* Free memory is poison all over in debug kernels, merged or not. */
static void late_write_is_found_anywhere(struct kunit *test)
{
	unsigned long *chunk, *next = NULL;
	unsigned int size;

	if (!IS_ENABLED(CONFIG_NTA_DEBUG))
		kunit_skip(test, "needs CONFIG_NTA_DEBUG");
	nta_free(alloc_or_die(test, 50000));
	preempt_disable();
	chunk = nta_alloc(50000, &size, GFP_ATOMIC, NUMA_NO_NODE);
	if (chunk) {
		nta_free_sized(chunk, size);
		chunk[3000] = 0;
		next = nta_alloc(50000, &size, GFP_ATOMIC, NUMA_NO_NODE);
	}
	preempt_enable();

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	KUNIT_EXPECT_EQ(test, alloc_reports, 1);
	KUNIT_EXPECT_PTR_NE(test, next, chunk);
	if (next)
		nta_free(next);
}

/* === Giving back (N6) ==================================================== */

/* Nodes that a burst needed go back to the system when it is over. */
static void memory_is_given_back(struct kunit *test)
{
	const unsigned int nr = 200;
	unsigned long returned = 0, before = 0;
	unsigned int i, size;
	struct nta_cpu *c;
	void **chunk;
	int cpu;

	for_each_possible_cpu(cpu)
		before += per_cpu(nta_cpu.stats.returned, cpu);
	chunk = kunit_kcalloc(test, nr, sizeof(*chunk), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, chunk);
	for (i = 0; i < nr; i++)
		chunk[i] = nta_alloc(65536, &size, GFP_KERNEL, NUMA_NO_NODE);
	for (i = 0; i < nr; i++)
		if (chunk[i])
			nta_free(chunk[i]);

	/* As the shrinker does, twice: frees of other CPUs' nodes first. */
	for (i = 0; i < 2; i++) {
		for_each_online_cpu(cpu) {
			c = per_cpu_ptr(&nta_cpu, cpu);
			WRITE_ONCE(c->flush_all, true);
			nta_kick(c);
			irq_work_sync(&c->kick);
			flush_delayed_work(&c->age);
		}
	}
	nta_depot_trim(NUMA_NO_NODE, ULONG_MAX, 0);
	for_each_possible_cpu(cpu)
		returned += per_cpu(nta_cpu.stats.returned, cpu);
	KUNIT_EXPECT_GE(test, returned - before, 3);
	KUNIT_EXPECT_EQ(test, nta_depot_pages(NUMA_NO_NODE), 0);
}

/* While somebody shows nodes to userspace, none is given back. */
static void pinned_nodes_stay(struct kunit *test)
{
	struct nta_node *node, *seen = NULL;

	node = nta_node_grow(1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, node);
	nta_pin_nodes();
	nta_depot_put(node);
	KUNIT_EXPECT_EQ(test, nta_depot_pages(NUMA_NO_NODE), 0);
	KUNIT_EXPECT_EQ(test, nta_depot_trim(NUMA_NO_NODE, ULONG_MAX, 0), 0);
	while ((seen = nta_node_next(seen)))
		if (seen == node)
			break;
	KUNIT_EXPECT_PTR_EQ(test, seen, node);
	nta_unpin_nodes();
	KUNIT_EXPECT_EQ(test, nta_depot_pages(NUMA_NO_NODE), 0);
}

static struct kunit_case nta_alloc_cases[] = {
	KUNIT_CASE_PARAM(sizes_round_up_to_units_only, alloc_size_gen_params),
	KUNIT_CASE(jumbo_head_is_tight),
	KUNIT_CASE_PARAM(refusals_are_counted, alloc_refusal_gen_params),
	KUNIT_CASE(foreign_numa_node_is_refused),
	KUNIT_CASE(memory_is_recognised_by_its_page),
	KUNIT_CASE(reuse_is_last_in_first_out),
	KUNIT_CASE(steady_use_takes_no_nodes),
	KUNIT_CASE(remote_frees_come_home),
	KUNIT_CASE(gate_keeps_interrupts_out),
	KUNIT_CASE(hard_interrupts_are_served),
	KUNIT_CASE(held_chunk_outlives_its_free),
	KUNIT_CASE(holds_are_limited),
	KUNIT_CASE(double_free_is_refused),
	KUNIT_CASE(free_inside_a_chunk_is_refused),
	KUNIT_CASE(write_after_free_is_found),
	KUNIT_CASE(overrun_is_found),
	KUNIT_CASE(late_write_is_found_anywhere),
	KUNIT_CASE(memory_is_given_back),
	KUNIT_CASE(pinned_nodes_stay),
	{}
};

static struct kunit_suite nta_alloc_suite = {
	.name = "nta_alloc",
	.init = alloc_init,
	.exit = alloc_exit,
	.test_cases = nta_alloc_cases,
};

kunit_test_suite(nta_alloc_suite);

MODULE_DESCRIPTION("KUnit tests for the network tree allocator");
MODULE_LICENSE("GPL");
