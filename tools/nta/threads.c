// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model threads: many CPUs at once.
 *
 * Overview
 * --------
 *
 * Each thread is a CPU: it allocates, frees, and posts chunks to boxes from
 * which other threads take and free them, so that most frees are remote. From
 * time to time a thread falls silent and only runs its worker. Some chunks are
 * held before they are posted; another thread reads them and lets go, while
 * the stack frees them.
 *
 * The first thread is the boss as well: it moves time, plays the shrinker, and
 * takes other CPUs down and up again while the rest goes on.
 *
 * Build it with ThreadSanitizer or AddressSanitizer to see more than a crash.
 *
 * Locking
 * -------
 *
 *   threads_mtx   who is parked. A parked thread is no CPU.
 */

#include <pthread.h>

#include "shadow.h"

static const char threads_usage[] =
	"Usage: nta-model threads [OPTION]...\n"
	"Threads that allocate here and free there.\n\n"
	"  --cpus N     threads, 2 to 16              (4)\n"
	"  --ops N      operations of each            (200000)\n"
	"  --seed N     random seed                   (1)\n"
	"  --max N      largest request               (16384)\n"
	"  --sizes N    most are of one of so many    (8)\n"
	"  --pipeline   thread 0 allocates, the others free\n"
	"  --no-holds   hold no chunks\n"
	"  --no-hotplug leave all CPUs up\n"
	"Exit: 1 if a rule was broken.\n";

#define THREADS_BOXES	64
#define THREADS_SLOTS	256

/* A chunk on its way; who brings @refs to zero takes it off the map. */
struct threads_item {
	struct shadow_chunk	chunk;
	int			refs;
};

struct threads_cpu {
	pthread_t		thread;
	int			cpu;
	struct rng		rng;
	struct threads_item	*slot[THREADS_SLOTS];
	unsigned int		nr;
	u32			next_tag;
	unsigned long		allocs;
	unsigned long		remote;
};

static struct {
	unsigned long	cpus, ops, seed, max, sizes;
	int		pipeline, no_holds, no_hotplug;
} threads_opt = {
	.cpus = 4, .ops = 200000, .seed = 1, .max = 16384, .sizes = 8,
};

static struct threads_cpu threads_cpus[NR_CPUS];
static struct threads_item *threads_box[THREADS_BOXES];
static struct threads_item *threads_held[THREADS_BOXES];

static pthread_mutex_t threads_mtx = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t threads_cond = PTHREAD_COND_INITIALIZER;
static int threads_wanted = -1;		/* CPU that must park */
static int threads_parked = -1;		/* CPU that did */
static unsigned int threads_running;

static __attribute__((__noreturn__)) void threads_fail(const char *what)
{
	printf("FAIL: %s (seed %lu)\n", what, threads_opt.seed);
	fflush(stdout);
	_exit(MODEL_FAILED);
}

static void threads_must(const char *err)
{
	if (err)
		threads_fail(err);
}

static void threads_report(const char *what, const struct nta_node *node,
			   const void *ptr, unsigned int units)
{
	threads_fail(what);
}

/* === Chunks ============================================================== */

static void threads_put(struct threads_item *item)
{
	if (__atomic_sub_fetch(&item->refs, 1, __ATOMIC_ACQ_REL))
		return;
	threads_must(shadow_drop(&item->chunk));
	free(item);
}

/* The stack frees a chunk, here. */
static void threads_free(struct threads_cpu *me, struct threads_item *item)
{
	struct shadow_chunk chunk = item->chunk;

	threads_must(shadow_verify(&chunk, false));
	threads_put(item);
	if (rng_next(&me->rng) & 3) {
		if (!nta_free_head(chunk.ptr, chunk.size))
			threads_fail("a chunk is not of NTA");
	} else {
		nta_free_sized(chunk.ptr, rng_next(&me->rng) & 1 ?
			       chunk.size : 0);
	}
}

/* The sniffer has seen enough. */
static void threads_unhold(struct threads_item *item)
{
	struct shadow_chunk chunk = item->chunk;

	threads_must(shadow_verify(&chunk, false));
	threads_put(item);
	nta_unhold(chunk.ptr, 0);
}

static void threads_alloc(struct threads_cpu *me)
{
	unsigned int need = rng_range(&me->rng, 1, threads_opt.max), size;
	struct threads_item *item;
	void *ptr;

	if (me->nr == THREADS_SLOTS)
		return;
	if (rng_next(&me->rng) & 15)
		need = rng_range(&me->rng, 1, threads_opt.sizes) * 256;
	ptr = nta_alloc_head(need, &size, rng_next(&me->rng) & 1 ?
			     GFP_KERNEL : GFP_ATOMIC, NUMA_NO_NODE);
	if (!ptr)
		return;
	item = malloc(sizeof(*item));
	if (!item)
		model_die("no memory");
	/* Few CPUs: the top bits make the tag unique. */
	*item = (struct threads_item){
		.chunk = { ptr, need, size,
			   (u32)(me->cpu + 1) << 26 |
			   (++me->next_tag & 0x3ffffff) },
		.refs = 1,
	};
	threads_must(shadow_take(&item->chunk));
	shadow_fill(&item->chunk, false);
	me->slot[me->nr++] = item;
	me->allocs++;
}

static struct threads_item *threads_pick(struct threads_cpu *me)
{
	unsigned int i = rng_below(&me->rng, me->nr);
	struct threads_item *item = me->slot[i];

	me->slot[i] = me->slot[--me->nr];
	return item;
}

/* Leave a chunk to others; what lay in the box is freed here. */
static void threads_post(struct threads_cpu *me, struct threads_item *item)
{
	struct threads_item *old, *held = item;

	if (!threads_opt.no_holds && !(rng_next(&me->rng) & 3) &&
	    !nta_hold(item->chunk.ptr)) {
		item->refs = 2;
		held = xchg(&threads_held[rng_below(&me->rng, THREADS_BOXES)],
			    held);
		if (held)
			threads_unhold(held);
	}
	old = xchg(&threads_box[rng_below(&me->rng, THREADS_BOXES)], item);
	if (old) {
		me->remote++;
		threads_free(me, old);
	}
}

static void threads_collect(struct threads_cpu *me)
{
	unsigned int i = rng_below(&me->rng, THREADS_BOXES);
	struct threads_item *item = xchg(&threads_box[i], NULL);

	if (item) {
		me->remote++;
		threads_free(me, item);
	}
	item = xchg(&threads_held[i], NULL);
	if (item)
		threads_unhold(item);
}

static void threads_step(struct threads_cpu *me)
{
	unsigned int what = rng_below(&me->rng, 256);

	if (what == 0)
		shim_run_worker();
	else if (threads_opt.pipeline && me->cpu)
		threads_collect(me);
	else if (what < 112)
		threads_alloc(me);
	else if (what < 192 && me->nr)
		threads_post(me, threads_pick(me));
	else if (what < 224 && me->nr)
		threads_free(me, threads_pick(me));
	else if (!threads_opt.pipeline)
		threads_collect(me);
}

/* === Threads ============================================================= */

/* If this CPU goes down, wait until it is up again. */
static void threads_park(struct threads_cpu *me)
{
	if (READ_ONCE(threads_wanted) != me->cpu)
		return;
	pthread_mutex_lock(&threads_mtx);
	threads_parked = me->cpu;
	pthread_cond_broadcast(&threads_cond);
	while (threads_wanted == me->cpu)
		pthread_cond_wait(&threads_cond, &threads_mtx);
	threads_parked = -1;
	pthread_mutex_unlock(&threads_mtx);
}

static void *threads_main(void *data)
{
	struct threads_cpu *me = data;
	unsigned long op, quiet;

	shim_set_cpu(me->cpu);
	for (op = 0; op < threads_opt.ops; op++) {
		threads_step(me);
		threads_park(me);
		if (op % 8192 != 8191)
			continue;
		/* A quiet CPU: only its worker runs. */
		for (quiet = 0; quiet < 1000; quiet++) {
			shim_run_worker();
			threads_park(me);
		}
	}
	while (me->nr)
		threads_free(me, threads_pick(me));
	pthread_mutex_lock(&threads_mtx);
	threads_running--;
	/* The boss may just have asked this one to park. */
	threads_parked = me->cpu;
	pthread_cond_broadcast(&threads_cond);
	pthread_mutex_unlock(&threads_mtx);
	return NULL;
}

/* Take one CPU down, do some work meanwhile, and let it come back. */
static void threads_hotplug(struct threads_cpu *boss)
{
	int cpu = rng_range(&boss->rng, 1, threads_opt.cpus - 1), i;
	bool gone = false;

	pthread_mutex_lock(&threads_mtx);
	if (threads_running == threads_opt.cpus - 1) {
		WRITE_ONCE(threads_wanted, cpu);
		while (threads_parked < 0)
			pthread_cond_wait(&threads_cond, &threads_mtx);
		/* Another one that ended says so in the same way. */
		gone = threads_parked == cpu;
	}
	pthread_mutex_unlock(&threads_mtx);
	if (gone) {
		shim_cpu_down(cpu);
		for (i = 0; i < 2000; i++)
			threads_step(boss);
		shim_cpu_up(cpu);
	}
	pthread_mutex_lock(&threads_mtx);
	WRITE_ONCE(threads_wanted, -1);
	pthread_cond_broadcast(&threads_cond);
	pthread_mutex_unlock(&threads_mtx);
}

static void threads_boss(struct threads_cpu *boss)
{
	struct nta_cpu *c;
	unsigned long op;
	int cpu;

	for (op = 1; op <= threads_opt.ops; op++) {
		threads_step(boss);
		if (op % 64 == 0)
			shim_set_jiffies(shim_jiffies() + 1);
		if (op % 4096 == 0)
			nta_depot_trim(NUMA_NO_NODE, 512, 0);
		if (op % 16384 == 0) {
			for_each_online_cpu(cpu) {
				c = per_cpu_ptr(&nta_cpu, cpu);
				WRITE_ONCE(c->flush_all, true);
				nta_kick(c);
			}
		}
		if (op % 8192 == 0 && !threads_opt.no_hotplug)
			threads_hotplug(boss);
	}
	while (boss->nr)
		threads_free(boss, threads_pick(boss));
}

static void threads_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "cpus", required_argument, NULL, 'c' },
		{ "ops", required_argument, NULL, 'o' },
		{ "seed", required_argument, NULL, 's' },
		{ "max", required_argument, NULL, 'm' },
		{ "sizes", required_argument, NULL, 'z' },
		{ "pipeline", no_argument, &threads_opt.pipeline, 1 },
		{ "no-holds", no_argument, &threads_opt.no_holds, 1 },
		{ "no-hotplug", no_argument, &threads_opt.no_hotplug, 1 },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 0:
			break;
		case 'c':
			threads_opt.cpus = model_number("cpus", optarg, 2, NR_CPUS);
			break;
		case 'o':
			threads_opt.ops = model_number("ops", optarg, 1, ULONG_MAX);
			break;
		case 's':
			threads_opt.seed = model_number("seed", optarg, 0, ULONG_MAX);
			break;
		case 'm':
			threads_opt.max = model_number("max", optarg, 1, NTA_MAX_SIZE);
			break;
		case 'z':
			threads_opt.sizes = model_number("sizes", optarg, 1, 64);
			break;
		case 'h':
			fputs(threads_usage, stdout);
			exit(MODEL_OK);
		default:
			fputs(threads_usage, stderr);
			exit(MODEL_USAGE);
		}
	}
	if (optind != argc)
		model_die("threads takes no %s", argv[optind]);
}

int cmd_threads(int argc, char **argv)
{
	unsigned long i, allocs = 0, remote = 0;
	double start = model_seconds();
	struct threads_cpu *me;

	threads_parse(argc, argv);
	shim_pages_init((512UL << 20) >> PAGE_SHIFT);
	shim_reset(threads_opt.seed);
	shadow_init();
	shim_stub_nta_report = threads_report;
	if (!threads_opt.no_holds)
		nta_hold_enable();

	threads_running = threads_opt.cpus - 1;
	for (i = 0; i < threads_opt.cpus; i++) {
		me = &threads_cpus[i];
		me->cpu = i;
		me->rng = rng_of(threads_opt.seed * NR_CPUS + i + 1);
		if (i && pthread_create(&me->thread, NULL, threads_main, me))
			model_die("no thread");
	}
	threads_boss(&threads_cpus[0]);
	for (i = 0; i < threads_opt.cpus; i++) {
		me = &threads_cpus[i];
		if (i)
			pthread_join(me->thread, NULL);
		allocs += me->allocs;
		remote += me->remote;
	}

	for (i = 0; i < THREADS_BOXES; i++) {
		if (threads_box[i])
			threads_free(&threads_cpus[0], threads_box[i]);
		if (threads_held[i])
			threads_unhold(threads_held[i]);
	}
	if (!threads_opt.no_holds)
		nta_hold_disable();
	threads_must(shadow_check_empty());
	if (!allocs || !remote)
		threads_fail("nothing was allocated, or nothing freed elsewhere");
	printf("ok: %lu CPUs, %lu chunks, %lu freed from boxes, %.1f s, seed %lu\n",
	       threads_opt.cpus, allocs, remote, model_seconds() - start,
	       threads_opt.seed);
	return MODEL_OK;
}
