// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to allocate and free packet data, in ticks of the time stamp
 * counter per element.
 *
 * Overview
 * --------
 *
 * Reading debugfs nta_bench/run runs the tests and returns one line for each:
 *
 *   name size burst where min median max nta
 *
 *   size    bytes asked for; an skb needs its skb_shared_info on top
 *   burst   so many are allocated, then freed in the same order
 *   where   same         allocated and freed on CPU 0
 *           cross        allocated on CPU 0, freed on CPU "cross"; the sum
 *           cross-alloc  the part of CPU 0
 *           cross-free   the part of CPU "cross"
 *   min, median, max     of the repeats, ticks per element
 *   nta     per cent of the elements that were memory of NTA
 *
 * Lines that begin with # tell the conditions. The first tests are what a
 * loop, a call and the locks cost, so a reader can subtract them.
 *
 * Under "qemu -icount shift=0" a tick is one guest instruction. The empty loop
 * proves it: it takes a whole number of them, the same in every repeat.
 *
 * Nothing here depends on NTA: without it, or with net.core.nta=0, the same
 * lines describe the stock path. The runner, nta_bench.sh, compares them.
 *
 * A test across CPUs is one thread that moves: it allocates a burst here,
 * moves, waits for this CPU to fall idle, frees the burst there, and moves
 * back. So both parts are measured alone, also where one instruction counter
 * serves all CPUs; what CPUs cost each other at the same moment is not seen.
 *
 * Parameters may be changed between runs, in /sys/module/nta_bench/parameters.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/etherdevice.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_buf.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/timex.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>
#include <net/hotdata.h>
#include <net/page_pool/helpers.h>

#include "bench.h"

#define BENCH_MAX_BURST		256
#define BENCH_MAX_REPEATS	31
#define BENCH_TEXT		SZ_128K

static unsigned int loops = 2000;
module_param(loops, uint, 0644);
MODULE_PARM_DESC(loops, "elements per repeat (2000)");

static unsigned int repeats = 7;
module_param(repeats, uint, 0644);
MODULE_PARM_DESC(repeats, "repeats, of which min, median and max are told (7)");

static unsigned int burst = 64;
module_param(burst, uint, 0644);
MODULE_PARM_DESC(burst, "size of a burst (64)");

static unsigned int cross;
module_param(cross, uint, 0644);
MODULE_PARM_DESC(cross, "CPU that frees what CPU 0 allocated; 0: no such tests (0)");

static bool atomic;
module_param(atomic, bool, 0644);
MODULE_PARM_DESC(atomic, "GFP_ATOMIC in place of GFP_KERNEL (N)");

static char *only = "";
module_param(only, charp, 0644);
MODULE_PARM_DESC(only, "comma separated tests to run; empty: all");

static unsigned int sizes[32] = {
	128, 256, 640, 1024, 1500, 2048, 4096, 9000, 16384, 32768, 65536,
};

static unsigned int nr_sizes = 11;
module_param_array(sizes, uint, &nr_sizes, 0644);
MODULE_PARM_DESC(sizes, "sizes to test");

/* One run at a time; bench_* below belong to it. */
static DEFINE_MUTEX(bench_mtx);
static struct napi_struct bench_napi;
static struct page_pool *bench_pool;
static void *bench_static_head;
static unsigned int bench_small_head;	/* size of that cache */
static void *bench_items[BENCH_MAX_BURST];
static DEFINE_SPINLOCK(bench_lock);

/**
 * struct bench_job - one measurement
 * @size: argument of the allocation
 * @loops: elements
 * @burst: elements allocated in a row
 * @gfp: flags
 * @here: ticks on CPU 0
 * @there: ticks on the other CPU
 */
struct bench_job {
	unsigned int	size;
	unsigned int	loops;
	unsigned int	burst;
	gfp_t		gfp;
	u64		here;
	u64		there;
};

typedef void *(*bench_get_fn)(unsigned int size, gfp_t gfp);
typedef void (*bench_put_fn)(void *item, unsigned int size);

/* === Loops =============================================================== */

static int bench_move(unsigned int cpu)
{
	unsigned int i;
	int err;

	err = set_cpus_allowed_ptr(current, cpumask_of(cpu));
	if (err)
		return err;
	/* The CPU we left finishes what the move made it do, then idles. */
	for (i = 0; i < 1000; i++)
		cpu_relax();
	return 0;
}

/* Inlined with constant functions, so that no indirect call is measured. */
static __always_inline int bench_same(struct bench_job *job, bench_get_fn get,
				      bench_put_fn put)
{
	unsigned int i, n;
	cycles_t start;
	void *item;

	start = get_cycles();
	if (job->burst == 1) {
		for (i = 0; i < job->loops; i++) {
			item = get(job->size, job->gfp);
			if (unlikely(!item))
				return -ENOMEM;
			put(item, job->size);
		}
	} else {
		for (n = 0; n < job->loops; n += job->burst) {
			for (i = 0; i < job->burst; i++) {
				bench_items[i] = get(job->size, job->gfp);
				if (unlikely(!bench_items[i]))
					goto err_free;
			}
			for (i = 0; i < job->burst; i++)
				put(bench_items[i], job->size);
		}
	}
	job->here += get_cycles() - start;
	return 0;

err_free:
	while (i--)
		put(bench_items[i], job->size);
	return -ENOMEM;
}

static __always_inline int bench_cross(struct bench_job *job, bench_get_fn get,
				       bench_put_fn put, bool bh)
{
	unsigned int i, n, nr;
	cycles_t start;
	int err = 0;

	for (n = 0; n < job->loops && !err; n += job->burst) {
		if (bh)
			local_bh_disable();
		start = get_cycles();
		for (i = 0; i < job->burst; i++) {
			bench_items[i] = get(job->size, job->gfp);
			if (unlikely(!bench_items[i]))
				break;
		}
		job->here += get_cycles() - start;
		if (bh)
			local_bh_enable();
		nr = i;
		if (nr < job->burst)
			err = -ENOMEM;
		if (!err)
			err = bench_move(cross);

		if (bh)
			local_bh_disable();
		start = get_cycles();
		for (i = 0; i < nr; i++)
			put(bench_items[i], job->size);
		job->there += get_cycles() - start;
		if (bh)
			local_bh_enable();
		if (!err)
			err = bench_move(0);
	}
	return err;
}

#define BENCH(name, get, put)						\
	static int bench_same_##name(struct bench_job *job)		\
	{								\
		return bench_same(job, get, put);			\
	}

#define BENCH_CROSS(name, get, put, bh)					\
	static int bench_cross_##name(struct bench_job *job)		\
	{								\
		return bench_cross(job, get, put, bh);			\
	}

/* === What is measured ==================================================== */

/* Baselines. They get something that is not NULL and put it nowhere. */

static __always_inline void *get_nothing(unsigned int size, gfp_t gfp)
{
	barrier();
	return &bench_lock;
}

static __always_inline void put_nothing(void *item, unsigned int size)
{
}

static noinline void put_call(void *item, unsigned int size)
{
	barrier();
}

static __always_inline void put_preempt(void *item, unsigned int size)
{
	preempt_disable();
	preempt_enable();
}

static __always_inline void put_bh(void *item, unsigned int size)
{
	local_bh_disable();
	local_bh_enable();
}

static __always_inline void put_irq(void *item, unsigned int size)
{
	unsigned long flags;

	local_irq_save(flags);
	local_irq_restore(flags);
}

static __always_inline void put_lock(void *item, unsigned int size)
{
	spin_lock(&bench_lock);
	spin_unlock(&bench_lock);
}

BENCH(empty_loop, get_nothing, put_nothing)
BENCH(call, get_nothing, put_call)
BENCH(preempt_disable, get_nothing, put_preempt)
BENCH(local_bh_disable, get_nothing, put_bh)
BENCH(local_irq_save, get_nothing, put_irq)
BENCH(spin_lock, get_nothing, put_lock)

/* skbs, as sockets and drivers get them. */

static __always_inline void *get_skb(unsigned int size, gfp_t gfp)
{
	return alloc_skb(size, gfp);
}

static __always_inline void *get_skb_fclone(unsigned int size, gfp_t gfp)
{
	return alloc_skb_fclone(size, gfp);
}

static __always_inline void *get_skb_netdev(unsigned int size, gfp_t gfp)
{
	return __netdev_alloc_skb(NULL, size, GFP_ATOMIC);
}

static __always_inline void *get_skb_napi(unsigned int size, gfp_t gfp)
{
	return napi_alloc_skb(&bench_napi, size);
}

static __always_inline void put_skb(void *item, unsigned int size)
{
	kfree_skb(item);
}

static __always_inline void put_skb_consume(void *item, unsigned int size)
{
	consume_skb(item);
}

/* An skb without a head of its own: what all of the above have in common. */
static __always_inline void *get_skb_only(unsigned int size, gfp_t gfp)
{
	struct sk_buff *skb;

	skb = kmem_cache_alloc_node(net_hotdata.skbuff_cache, gfp,
				    NUMA_NO_NODE);
	if (unlikely(!skb))
		return NULL;
	memset(skb, 0, offsetof(struct sk_buff, tail));
	build_skb_around(skb, bench_static_head, PAGE_SIZE);
	skb->head_frag = 0;
	/* Others hold the head, more than there are in a burst. */
	skb->cloned = 1;
	atomic_set(&skb_shinfo(skb)->dataref, 2 * BENCH_MAX_BURST);
	return skb;
}

BENCH(alloc_skb, get_skb, put_skb)
BENCH_CROSS(alloc_skb, get_skb, put_skb, false)
BENCH(alloc_skb_fclone, get_skb_fclone, put_skb)
BENCH(netdev_alloc_skb, get_skb_netdev, put_skb)
BENCH_CROSS(netdev_alloc_skb, get_skb_netdev, put_skb, false)
BENCH(napi_alloc_skb, get_skb_napi, put_skb_consume)
BENCH_CROSS(napi_alloc_skb, get_skb_napi, put_skb_consume, true)
BENCH(skb_only, get_skb_only, put_skb)
BENCH_CROSS(skb_only, get_skb_only, put_skb, false)

/* The memory of a head alone, by the same calls as the stack. */

static __always_inline void *get_kmalloc(unsigned int size, gfp_t gfp)
{
	size = SKB_HEAD_ALIGN(size);
	if (size <= bench_small_head)
		return kmem_cache_alloc_node(net_hotdata.skb_small_head_cache,
					     gfp | __GFP_NOMEMALLOC |
					     __GFP_NOWARN, NUMA_NO_NODE);
	return kmalloc_node_track_caller(kmalloc_size_roundup(size),
					 gfp | __GFP_NOMEMALLOC | __GFP_NOWARN,
					 NUMA_NO_NODE);
}

static __always_inline void put_kfree(void *item, unsigned int size)
{
	kfree(item);
}

BENCH(kmalloc, get_kmalloc, put_kfree)
BENCH_CROSS(kmalloc, get_kmalloc, put_kfree, false)

#ifdef CONFIG_NTA
static __always_inline void *get_nta(unsigned int size, gfp_t gfp)
{
	unsigned int usable;

	return nta_alloc(SKB_HEAD_ALIGN(size), &usable, gfp, NUMA_NO_NODE);
}

static __always_inline void put_nta(void *item, unsigned int size)
{
	nta_free_sized(item, SKB_HEAD_ALIGN(size));
}

static __always_inline void put_nta_unsized(void *item, unsigned int size)
{
	nta_free(item);
}

BENCH(nta, get_nta, put_nta)
BENCH_CROSS(nta, get_nta, put_nta, false)
BENCH(nta_unsized, get_nta, put_nta_unsized)
#endif

/* Peers. */

static __always_inline void *get_frag(unsigned int size, gfp_t gfp)
{
	return napi_alloc_frag(SKB_HEAD_ALIGN(size));
}

static __always_inline void put_frag(void *item, unsigned int size)
{
	page_frag_free(item);
}

static __always_inline void *get_pages(unsigned int size, gfp_t gfp)
{
	return alloc_pages(gfp | __GFP_COMP, get_order(SKB_HEAD_ALIGN(size)));
}

static __always_inline void put_pages(void *item, unsigned int size)
{
	__free_pages(item, get_order(SKB_HEAD_ALIGN(size)));
}

BENCH(page_frag, get_frag, put_frag)
BENCH_CROSS(page_frag, get_frag, put_frag, true)
BENCH(alloc_pages, get_pages, put_pages)
BENCH_CROSS(alloc_pages, get_pages, put_pages, false)

#ifdef CONFIG_PAGE_POOL
static __always_inline void *get_pool(unsigned int size, gfp_t gfp)
{
	return page_pool_alloc_pages(bench_pool, GFP_ATOMIC);
}

static __always_inline void put_pool_direct(void *item, unsigned int size)
{
	page_pool_recycle_direct(bench_pool, item);
}

static __always_inline void put_pool(void *item, unsigned int size)
{
	page_pool_put_full_page(bench_pool, item, false);
}

BENCH(page_pool, get_pool, put_pool_direct)

static int bench_cross_page_pool(struct bench_job *job)
{
	return bench_cross(job, get_pool, put_pool, true);
}
#endif

/* === The table =========================================================== */

#define BENCH_PLAIN	0x01	/* no size; no burst unless .cross */
#define BENCH_BH	0x02	/* with bottom halves off */
#define BENCH_SKB	0x04	/* items are skbs: look at the head */
#define BENCH_PAGE	0x08	/* items are pages */
#define BENCH_HEAD	0x10	/* items are memory */
#define BENCH_POOL	0x20	/* needs a page_pool */
#define BENCH_FRAG	0x40	/* a page fragment: at most 32 KiB */

struct bench {
	const char	*name;
	unsigned int	flags;
	int		(*same)(struct bench_job *job);
	int		(*cross)(struct bench_job *job);
	bench_get_fn	get;
	bench_put_fn	put;
};

#define BASE(_name) \
	{ .name = #_name, .flags = BENCH_PLAIN, .same = bench_same_##_name }

static const struct bench benches[] = {
	BASE(empty_loop),
	BASE(call),
	BASE(preempt_disable),
	BASE(local_bh_disable),
	BASE(local_irq_save),
	BASE(spin_lock),
	{
		.name = "skb_only", .flags = BENCH_PLAIN,
		.same = bench_same_skb_only, .cross = bench_cross_skb_only,
	},
	{
		.name = "alloc_skb", .flags = BENCH_SKB,
		.same = bench_same_alloc_skb, .cross = bench_cross_alloc_skb,
		.get = get_skb, .put = put_skb,
	}, {
		.name = "alloc_skb_fclone", .flags = BENCH_SKB,
		.same = bench_same_alloc_skb_fclone,
		.get = get_skb_fclone, .put = put_skb,
	}, {
		.name = "netdev_alloc_skb", .flags = BENCH_SKB,
		.same = bench_same_netdev_alloc_skb,
		.cross = bench_cross_netdev_alloc_skb,
		.get = get_skb_netdev, .put = put_skb,
	}, {
		.name = "napi_alloc_skb", .flags = BENCH_SKB | BENCH_BH,
		.same = bench_same_napi_alloc_skb,
		.cross = bench_cross_napi_alloc_skb,
		.get = get_skb_napi, .put = put_skb_consume,
	}, {
		.name = "kmalloc", .flags = BENCH_HEAD,
		.same = bench_same_kmalloc, .cross = bench_cross_kmalloc,
		.get = get_kmalloc, .put = put_kfree,
	},
#ifdef CONFIG_NTA
	{
		.name = "nta", .flags = BENCH_HEAD,
		.same = bench_same_nta, .cross = bench_cross_nta,
		.get = get_nta, .put = put_nta,
	}, {
		.name = "nta_unsized", .flags = BENCH_HEAD,
		.same = bench_same_nta_unsized,
		.get = get_nta, .put = put_nta_unsized,
	},
#endif
	{
		.name = "page_frag",
		.flags = BENCH_HEAD | BENCH_BH | BENCH_FRAG,
		.same = bench_same_page_frag, .cross = bench_cross_page_frag,
		.get = get_frag, .put = put_frag,
	}, {
		.name = "alloc_pages", .flags = BENCH_PAGE,
		.same = bench_same_alloc_pages,
		.cross = bench_cross_alloc_pages,
		.get = get_pages, .put = put_pages,
	},
#ifdef CONFIG_PAGE_POOL
	{
		.name = "page_pool",
		.flags = BENCH_PAGE | BENCH_BH | BENCH_POOL,
		.same = bench_same_page_pool, .cross = bench_cross_page_pool,
		.get = get_pool, .put = put_pool_direct,
	},
#endif
};

/* === One run ============================================================= */

struct bench_run {
	struct seq_buf		buf;
	struct completion	done;
};

static bool bench_wanted(const char *name)
{
	size_t len = strlen(name);
	const char *p = only;

	if (!p || !*p || *p == '\n')
		return true;
	while ((p = strstr(p, name))) {
		if ((p == only || p[-1] == ',') &&
		    (!p[len] || p[len] == ',' || p[len] == '\n'))
			return true;
		p += len;
	}
	return false;
}

static int bench_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void bench_print_ticks(struct seq_buf *buf, u64 ticks, unsigned int nr)
{
	u64 hundredths = div_u64(ticks * 100 + nr / 2, nr);
	u32 part;

	hundredths = div_u64_rem(hundredths, 100, &part);
	seq_buf_printf(buf, " %llu.%02u", hundredths, part);
}

static void bench_print(struct seq_buf *buf, const char *name,
			const struct bench_job *job, const char *where,
			u64 *ticks, unsigned int nr, int nta)
{
	sort(ticks, nr, sizeof(*ticks), bench_cmp, NULL);
	seq_buf_printf(buf, "%s %u %u %s", name, job->size, job->burst, where);
	bench_print_ticks(buf, ticks[0], job->loops);
	bench_print_ticks(buf, ticks[nr / 2], job->loops);
	bench_print_ticks(buf, ticks[nr - 1], job->loops);
	seq_buf_printf(buf, " %d\n", nta);
}

/* How many per cent of a sample are NTA's. */
static int bench_sample(const struct bench *bench, const struct bench_job *job)
{
	unsigned int i, nr = 0, nta = 0;
	const void *mem;

	if (bench->flags & (BENCH_PLAIN | BENCH_PAGE))
		return 0;
	for (nr = 0; nr < job->burst; nr++) {
		bench_items[nr] = bench->get(job->size, job->gfp);
		if (!bench_items[nr])
			break;
		mem = bench_items[nr];
		if (bench->flags & BENCH_SKB)
			mem = ((const struct sk_buff *)mem)->head;
		nta += bench_is_nta(mem);
	}
	for (i = 0; i < nr; i++)
		bench->put(bench_items[i], job->size);
	return nr ? nta * 100 / nr : 0;
}

static int bench_make_pool(unsigned int size)
{
#ifdef CONFIG_PAGE_POOL
	struct page_pool_params params = {
		.order		= get_order(SKB_HEAD_ALIGN(size)),
		.pool_size	= 1024,
		.nid		= NUMA_NO_NODE,
	};

	bench_pool = page_pool_create(&params);
	return PTR_ERR_OR_ZERO(bench_pool);
#else
	return -EOPNOTSUPP;
#endif
}

static void bench_drop_pool(void)
{
#ifdef CONFIG_PAGE_POOL
	page_pool_destroy(bench_pool);
#endif
}

/* All repeats of one test; the first, which warms up, is not told. */
static int bench_repeat(struct seq_buf *buf, const struct bench *bench,
			struct bench_job *job, bool across)
{
	u64 here[BENCH_MAX_REPEATS], there[BENCH_MAX_REPEATS];
	u64 sum[BENCH_MAX_REPEATS];
	bool bh = !across && (bench->flags & BENCH_BH);
	unsigned int i;
	int err, nta = 0;

	for (i = 0; i <= repeats; i++) {
		job->here = 0;
		job->there = 0;
		if (bh)
			local_bh_disable();
		err = across ? bench->cross(job) : bench->same(job);
		if (!i && !err && bench->get && !across)
			nta = bench_sample(bench, job);
		if (bh)
			local_bh_enable();
		if (err)
			return err;
		cond_resched();
		if (!i)
			continue;
		here[i - 1] = job->here;
		there[i - 1] = job->there;
		sum[i - 1] = job->here + job->there;
	}
	if (!across) {
		bench_print(buf, bench->name, job, "same", here, repeats, nta);
		return 0;
	}
	if (bench->get && !(bench->flags & BENCH_BH))
		nta = bench_sample(bench, job);
	bench_print(buf, bench->name, job, "cross", sum, repeats, nta);
	bench_print(buf, bench->name, job, "cross-alloc", here, repeats, nta);
	bench_print(buf, bench->name, job, "cross-free", there, repeats, nta);
	return 0;
}

static void bench_one(struct seq_buf *buf, const struct bench *bench,
		      unsigned int size, unsigned int nr, bool across)
{
	struct bench_job job = {
		.size = size,
		.burst = nr,
		.loops = rounddown(loops, nr) ?: nr,
		.gfp = atomic ? GFP_ATOMIC : GFP_KERNEL,
	};
	bool pool = bench->flags & BENCH_POOL;
	int err = 0;

	if ((bench->flags & BENCH_FRAG) && SKB_HEAD_ALIGN(size) > SZ_32K)
		return;
	/* A move takes longer than a test: fewer of them. */
	if (across && nr == 1)
		job.loops = min(loops, 64U);
	if (across && nr > 1)
		job.loops = min(rounddown(loops, nr) ?: nr, nr * 16);

	if (pool)
		err = bench_make_pool(size);
	if (!err) {
		err = bench_repeat(buf, bench, &job, across);
		if (pool)
			bench_drop_pool();
	}
	if (err)
		seq_buf_printf(buf, "# %s %u %u %s: error %d\n", bench->name,
			       size, nr, across ? "cross" : "same", err);
}

/* Single and in bursts; on one CPU or across, as the parameter says. */
static void bench_both(struct seq_buf *buf, const struct bench *bench,
		       unsigned int size)
{
	bool across = cross && cpu_online(cross);

	if (across && !bench->cross)
		return;
	bench_one(buf, bench, size, 1, across);
	if (bench->get || bench->cross)
		bench_one(buf, bench, size, burst, across);
}

static void bench_all(struct seq_buf *buf)
{
	const struct bench *bench;
	unsigned int i;

	for (bench = benches; bench < benches + ARRAY_SIZE(benches); bench++) {
		if (!bench_wanted(bench->name))
			continue;
		if (bench->flags & BENCH_PLAIN) {
			bench_both(buf, bench, 0);
			continue;
		}
		for (i = 0; i < nr_sizes; i++)
			bench_both(buf, bench, sizes[i]);
	}
}

static int bench_thread(void *data)
{
	struct bench_run *run = data;
	struct seq_buf *buf = &run->buf;

	if (bench_move(0)) {
		seq_buf_puts(buf, "# cannot run on CPU 0\n");
	} else {
		seq_buf_printf(buf, "# nta_bench 1: kernel %s, %u CPUs\n",
			       utsname()->release, num_online_cpus());
		seq_buf_printf(buf, "# %u elements, %u repeats, burst %u, %s\n",
			       loops, repeats, burst,
			       atomic ? "GFP_ATOMIC" : "GFP_KERNEL");
		seq_buf_puts(buf,
			     "# name size burst where min median max nta\n");
		bench_all(buf);
	}
	complete(&run->done);
	return 0;
}

static int bench_open(struct inode *inode, struct file *file)
{
	struct bench_run *run;
	struct task_struct *task;
	int err;

	if (!repeats || repeats > BENCH_MAX_REPEATS || !loops ||
	    loops > 1000000 || !burst || burst > BENCH_MAX_BURST)
		return -EINVAL;

	run = vzalloc(sizeof(*run) + BENCH_TEXT);
	if (!run)
		return -ENOMEM;
	seq_buf_init(&run->buf, (char *)(run + 1), BENCH_TEXT);
	init_completion(&run->done);

	err = mutex_lock_interruptible(&bench_mtx);
	if (err)
		goto err_free;
	task = kthread_run(bench_thread, run, "nta_bench");
	if (IS_ERR(task)) {
		err = PTR_ERR(task);
		goto err_unlock;
	}
	wait_for_completion(&run->done);
	mutex_unlock(&bench_mtx);
	file->private_data = run;
	return 0;

err_unlock:
	mutex_unlock(&bench_mtx);
err_free:
	vfree(run);
	return err;
}

static ssize_t bench_read(struct file *file, char __user *to, size_t len,
			  loff_t *pos)
{
	struct bench_run *run = file->private_data;

	return simple_read_from_buffer(to, len, pos, run->buf.buffer,
				       seq_buf_used(&run->buf));
}

static int bench_release(struct inode *inode, struct file *file)
{
	vfree(file->private_data);
	return 0;
}

static const struct file_operations bench_fops = {
	.owner		= THIS_MODULE,
	.open		= bench_open,
	.read		= bench_read,
	.release	= bench_release,
	.llseek		= default_llseek,
};

static struct dentry *bench_dir;

static int __init bench_init(void)
{
	bench_static_head = (void *)get_zeroed_page(GFP_KERNEL);
	if (!bench_static_head)
		return -ENOMEM;
	bench_small_head = kmem_cache_size(net_hotdata.skb_small_head_cache);
	bench_dir = debugfs_create_dir("nta_bench", NULL);
	debugfs_create_file("run", 0400, bench_dir, NULL, &bench_fops);
	bench_hold_init(bench_dir);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	debugfs_remove_recursive(bench_dir);
	bench_hold_exit();
	free_page((unsigned long)bench_static_head);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Benchmark of packet data allocators");
MODULE_LICENSE("GPL");
