// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model damage: callers that misuse memory, one kind at a time.
 *
 * Each case starts with a fresh machine, does its harm, and goes on until the
 * allocator must have met it. There must be exactly one report that says the
 * right thing, the conservation law must hold, and the allocator must go on
 * serving.
 */

#include "shadow.h"

static const char damage_usage[] =
	"Usage: nta-model damage [CASE]...\n"
	"Misuses memory in each way there is, or in those named.\n"
	"Exit: 1 if one was not found, or was reported more than once.\n";

#define DAMAGE_SIZE	(4 * NTA_UNIT)
#define DAMAGE_WORDS	(DAMAGE_SIZE / sizeof(long))

/* Words from the start of a chunk to the start of the next one. */
#define DAMAGE_NEXT	(DAMAGE_WORDS + NTA_PAD * NTA_UNIT / sizeof(long))

static unsigned int damage_reports;
static const char *damage_what;
static bool damage_aborted;

static void damage_report(const char *what, const struct nta_node *node,
			  const void *ptr, unsigned int units)
{
	damage_reports++;
	damage_what = what;
}

static bool damage_usercopy(bool to_user, unsigned long offset,
			    unsigned long len)
{
	damage_aborted = true;
	return true;
}

/* Write where AddressSanitizer would stop us. */
static __attribute__((__no_sanitize__("address"))) __attribute__((__noinline__))
void damage_poke(unsigned long *word)
{
	*(volatile unsigned long *)word ^= 0x5a5a;
}

static unsigned long *damage_alloc(void)
{
	unsigned int size;
	unsigned long *ptr = nta_alloc(DAMAGE_SIZE, &size, GFP_KERNEL,
				       NUMA_NO_NODE);

	if (!ptr)
		model_die("no memory");
	memset(ptr, 0x11, size);
	return ptr;
}

static void damage_free(void *ptr)
{
	nta_free_sized(ptr, DAMAGE_SIZE);
}

/* Bring whatever waits on this CPU back to its owner, and merge it all. */
static void damage_work(int cpu)
{
	struct nta_cpu *c;
	int me = shim_this_cpu;

	shim_set_cpu(cpu);
	c = this_cpu_ptr(&nta_cpu);
	WRITE_ONCE(c->flush_all, true);
	nta_kick(c);
	shim_run_worker();
	shim_set_cpu(me);
}

/* Three chunks in a row, the middle one to be freed. */
static void damage_row(unsigned long *ptr[3])
{
	int i;

	for (i = 0; i < 3; i++)
		ptr[i] = damage_alloc();
}

/* === Cases =============================================================== */

static void damage_free_twice_hot(void)
{
	unsigned long *ptr = damage_alloc();

	damage_free(ptr);
	damage_free(ptr);
}

static void damage_free_twice_merged(void)
{
	unsigned long *ptr[3];

	nta_set_hot_limits(0, NTA_HOT_MAX);
	damage_row(ptr);
	damage_free(ptr[0]);
	damage_free(ptr[1]);
	damage_free(ptr[1]);
}

static void damage_free_twice_node_gone(void)
{
	unsigned long *ptr[3];

	/* Not the first chunk of its node, and no node of anybody. */
	nta_set_hot_limits(0, NTA_HOT_MAX);
	shim_pages_limit(128);
	damage_row(ptr);
	/* Whole nodes beyond the reserve go to the depot. */
	this_cpu_ptr(&nta_cpu)->nr_whole++;
	damage_free(ptr[0]);
	damage_free(ptr[2]);
	damage_free(ptr[1]);
	this_cpu_ptr(&nta_cpu)->nr_whole--;
	damage_free(ptr[1]);
}

static void damage_free_twice_remote(void)
{
	unsigned long *ptr = damage_alloc();

	shim_set_cpu(1);
	damage_free(ptr);
	damage_free(ptr);
	damage_work(1);
}

static void damage_free_twice_queued(void)
{
	unsigned long *ptr = damage_alloc();

	shim_set_cpu(1);
	damage_free(ptr);
	damage_work(1);
	shim_set_cpu(2);
	damage_free(ptr);
	damage_work(2);
}

static void damage_free_twice_held(void)
{
	unsigned long *ptr = damage_alloc();

	nta_hold_enable();
	if (nta_hold(ptr))
		model_die("no hold");
	damage_free(ptr);
	damage_free(ptr);
	nta_unhold(ptr, 0);
	nta_hold_disable();
}

static void damage_unhold_twice(void)
{
	unsigned long *ptr = damage_alloc();

	nta_hold_enable();
	if (nta_hold(ptr))
		model_die("no hold");
	nta_unhold(ptr, 0);
	nta_unhold(ptr, 0);
	nta_hold_disable();
	damage_free(ptr);
}

static void damage_free_inside(void)
{
	unsigned long *ptr = damage_alloc();

	nta_free_sized((char *)ptr + NTA_UNIT, DAMAGE_SIZE - NTA_UNIT);
	damage_free(ptr);
}

static void damage_free_inside_remote(void)
{
	unsigned long *ptr = damage_alloc();

	shim_set_cpu(1);
	nta_free_sized((char *)ptr + NTA_UNIT, DAMAGE_SIZE - NTA_UNIT);
	damage_work(1);
	damage_work(0);
}

static void damage_free_unaligned(void)
{
	unsigned long *ptr = damage_alloc();

	nta_free_sized((char *)ptr + 8, DAMAGE_SIZE);
	damage_free(ptr);
}

/* Write to a chunk on a hot list. */
static void damage_write_hot(unsigned int word)
{
	unsigned long *ptr[3];

	damage_row(ptr);
	damage_free(ptr[0]);
	damage_free(ptr[1]);
	damage_poke(ptr[1] + word);
	damage_alloc();
	damage_alloc();
}

static void damage_write_hot_link(void)
{
	damage_write_hot(0);
}

static void damage_write_hot_canary(void)
{
	damage_write_hot(1);
}

static void damage_write_hot_merge(void)
{
	unsigned long *ptr[3];

	damage_row(ptr);
	damage_free(ptr[0]);
	damage_free(ptr[1]);
	damage_poke(ptr[1]);
	damage_work(0);
}

/* Write to a chunk in a bin, and use its neighbour. */
static void damage_write_binned(unsigned int word)
{
	unsigned long *ptr[3];

	nta_set_hot_limits(0, NTA_HOT_MAX);
	damage_row(ptr);
	damage_free(ptr[1]);
	damage_poke(ptr[1] + word);
	damage_free(ptr[0]);
}

static void damage_write_bin_link(void)
{
	damage_write_binned(0);
}

static void damage_write_bin_canary(void)
{
	damage_write_binned(1);
}

static void damage_write_bin_units(void)
{
	damage_write_binned(3);
}

static void damage_write_bin_end(void)
{
	damage_write_binned(DAMAGE_NEXT - 1);
}

static void damage_write_bin_alloc(void)
{
	unsigned long *ptr[3];

	nta_set_hot_limits(0, NTA_HOT_MAX);
	damage_row(ptr);
	damage_free(ptr[1]);
	damage_poke(ptr[1]);
	damage_alloc();
	damage_alloc();
}

/* The left neighbour of what comes back has lost its length. */
static void damage_write_bin_left(void)
{
	unsigned long *ptr[3];

	nta_set_hot_limits(0, NTA_HOT_MAX);
	damage_row(ptr);
	damage_free(ptr[0]);
	damage_poke(ptr[0] + DAMAGE_NEXT - 1);
	damage_free(ptr[1]);
}

static void damage_write_queued(void)
{
	unsigned long *ptr[3];

	damage_row(ptr);
	shim_set_cpu(1);
	damage_free(ptr[0]);
	damage_free(ptr[1]);
	damage_work(1);
	damage_poke(ptr[0] + 1);
	damage_poke(ptr[1] + 1);
	damage_work(0);
}

/* Run into the next chunk, which is free. */
static void damage_overrun(unsigned int bytes)
{
	unsigned long *ptr[3];
	unsigned int i;

	nta_set_hot_limits(0, NTA_HOT_MAX);
	damage_row(ptr);
	damage_free(ptr[1]);
	for (i = 0; i < bytes / sizeof(long); i++)
		damage_poke(ptr[0] + DAMAGE_NEXT + i);
	/* Not the one that did it: in a debug kernel it has a guard. */
	damage_free(ptr[2]);
}

static void damage_overrun_word(void)
{
	damage_overrun(8);
}

static void damage_overrun_unit(void)
{
	damage_overrun(NTA_UNIT);
}

static void damage_overrun_chunk(void)
{
	damage_overrun(DAMAGE_SIZE);
}

static void damage_usercopy_leaves(void)
{
	unsigned long *ptr = damage_alloc();

	shim_usercopy = damage_usercopy;
	nta_check_usercopy(ptr, DAMAGE_SIZE, true);
	nta_check_usercopy((char *)ptr + 8, DAMAGE_SIZE - 8, true);
	if (damage_aborted)
		return;
	nta_check_usercopy((char *)ptr + 8, DAMAGE_SIZE - 7, true);
	if (damage_aborted)
		damage_report("usercopy", NULL, NULL, 0);
}

#ifdef CONFIG_NTA_DEBUG
static void damage_guard(void)
{
	unsigned long *ptr = damage_alloc();

	damage_poke(ptr + DAMAGE_WORDS);
	damage_free(ptr);
}

static void damage_poison(void)
{
	unsigned long *ptr = damage_alloc();

	damage_free(ptr);
	damage_poke(ptr + 10);
	damage_alloc();
}
#endif

struct damage_case {
	const char *name;
	void (*run)(void);
	const char *says;	/* part of the report */
};

static const struct damage_case damage_cases[] = {
	{ "free-twice-hot", damage_free_twice_hot, "free" },
	{ "free-twice-merged", damage_free_twice_merged, "bad free" },
	{ "free-twice-node-gone", damage_free_twice_node_gone, "bad free" },
	{ "free-twice-remote", damage_free_twice_remote, "free already" },
	{ "free-twice-queued", damage_free_twice_queued, "free already" },
	{ "free-twice-held", damage_free_twice_held, "free already, and held" },
	{ "unhold-twice", damage_unhold_twice, "not held" },
	{ "free-inside", damage_free_inside, "bad free" },
	{ "free-inside-remote", damage_free_inside_remote, "bad free" },
	{ "free-unaligned", damage_free_unaligned, "bad free" },
	{ "write-hot-link", damage_write_hot_link, "after it was freed" },
	{ "write-hot-canary", damage_write_hot_canary, "after it was freed" },
	{ "write-hot-merge", damage_write_hot_merge, "after it was freed" },
	{ "write-bin-link", damage_write_bin_link, "damaged" },
	{ "write-bin-canary", damage_write_bin_canary, "damaged" },
	{ "write-bin-units", damage_write_bin_units, "damaged" },
	{ "write-bin-end", damage_write_bin_end, "damaged" },
	{ "write-bin-alloc", damage_write_bin_alloc, "damaged" },
	{ "write-bin-left", damage_write_bin_left, "damaged" },
	{ "write-queued", damage_write_queued, "after it was freed" },
	{ "overrun-word", damage_overrun_word, "damaged" },
	{ "overrun-unit", damage_overrun_unit, "damaged" },
	{ "overrun-chunk", damage_overrun_chunk, "damaged" },
	{ "usercopy-leaves", damage_usercopy_leaves, "usercopy" },
#ifdef CONFIG_NTA_DEBUG
	{ "guard", damage_guard, "behind the end" },
	{ "poison", damage_poison, "after it was freed" },
#endif
};

/* Does it still serve, on all CPUs, with no further report? */
static const char *damage_go_on(void)
{
	struct shadow_chunk chunk[200] = {};
	struct rng rng = rng_of(7);
	const char *err = NULL;
	unsigned int i, step;

	for (step = 0; step < 20000 && !err; step++) {
		struct shadow_chunk *one = &chunk[rng_below(&rng, 200)];

		if (step % 100 == 0)
			shim_set_cpu(rng_below(&rng, 3));
		if (one->ptr) {
			err = shadow_verify(one, true) ?: shadow_drop(one);
			nta_free_sized(one->ptr, one->size);
			one->ptr = NULL;
			continue;
		}
		one->need = rng_range(&rng, 1, 9216);
		one->ptr = nta_alloc(one->need, &one->size, GFP_ATOMIC, 0);
		one->tag = step + 1;
		if (!one->ptr)
			continue;
		err = shadow_take(one);
		shadow_fill(one, true);
	}
	for (i = 0; i < ARRAY_SIZE(chunk); i++)
		if (chunk[i].ptr)
			nta_free_sized(chunk[i].ptr, chunk[i].size);
	return err;
}

static const char *damage_run(const struct damage_case *one)
{
	static char msg[256];
	const char *err;

	damage_reports = 0;
	damage_what = "nothing";
	shim_pages_limit(shim_arena_pages);
	shim_reset(1);
	shadow_reset();
	one->run();
	if (damage_reports != 1 || !strstr(damage_what, one->says)) {
		snprintf(msg, sizeof(msg), "%u reports, the last is \"%s\"",
			 damage_reports, damage_what);
		return msg;
	}
	if (nta_check_all(msg, sizeof(msg)))
		return msg;
	err = damage_go_on();
	if (err)
		return err;
	shim_settle();
	if (nta_check_all(msg, sizeof(msg)))
		return msg;
	if (damage_reports != 1) {
		snprintf(msg, sizeof(msg), "%u reports in the end: \"%s\"",
			 damage_reports, damage_what);
		return msg;
	}
	return shim_warnings() ? "there were warnings" : NULL;
}

int cmd_damage(int argc, char **argv)
{
	unsigned int i, nr = 0, failed = 0;
	const char *err;
	int arg;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(damage_usage, stdout);
		return MODEL_OK;
	}
	shim_pages_init((64UL << 20) >> PAGE_SHIFT);
	shadow_init();
	shim_stub_nta_report = damage_report;
	for (i = 0; i < ARRAY_SIZE(damage_cases); i++) {
		for (arg = 1; arg < argc; arg++)
			if (!strcmp(argv[arg], damage_cases[i].name))
				break;
		if (argc > 1 && arg == argc)
			continue;
		err = damage_run(&damage_cases[i]);
		printf("%-22s %s\n", damage_cases[i].name,
		       err ?: "found once");
		fflush(stdout);
		failed += !!err;
		nr++;
	}
	if (!nr)
		model_die("damage: no such case");
	printf("%s: %u of %u cases\n", failed ? "FAIL" : "ok", nr - failed, nr);
	return failed ? MODEL_FAILED : MODEL_OK;
}
