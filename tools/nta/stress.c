// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model stress: random operations against a shadow map.
 *
 * One thread is all CPUs in turn, so the same seed does the same again, and
 * frees go across CPUs all the time. Besides alloc and free: holds, workers,
 * time, failing pages and metadata, a shrinker, pinned nodes, CPUs that die
 * and come back, and callers that interrupt the gate (from the split and merge
 * hooks, which are called inside it).
 *
 * With --interrupts, signals allocate and free too; then no two runs are the
 * same.
 */

#include "shadow.h"

static const char stress_usage[] =
	"Usage: nta-model stress [OPTION]...\n"
	"Random operations against a shadow map; says ops/s while it runs.\n\n"
	"  --ops N          operations to do                    (1000000)\n"
	"  --seconds N      stop after so long, 0: never        (0)\n"
	"  --seed N         random seed                         (1)\n"
	"  --cpus N         CPUs to be, 1 to 16                 (4)\n"
	"  --slots N        most chunks in use                  (4096)\n"
	"  --max N          largest request                     (NTA's)\n"
	"  --sizes N        only so many sizes, 0: all          (0)\n"
	"  --hot BYTES      limit of a hot list, 0: none        (NTA's)\n"
	"  --arena BYTES    memory to use                       (128m)\n"
	"  --check-every N  operations between two full checks  (20000)\n"
	"  --interrupts US  let signals allocate and free       (0: none)\n"
	"  --full           write and compare every byte\n"
	"  --calm           alloc, free and workers only\n"
	"  --quiet          say nothing if all is well\n"
	"Exit: 1 if a rule was broken; the same seed breaks it again.\n";

/* The hands of whoever may be interrupting have their own chunks. */
#define STRESS_IRQ_SLOTS	64

struct stress_slot {
	struct shadow_chunk chunk;
	unsigned int	holds;
	bool		freed;	/* by the stack; only the holds keep it */
};

/* One context that allocates: the thread, or what interrupts it. */
struct stress_hands {
	struct rng		rng;
	struct stress_slot	*slot;	/* those in use come first */
	unsigned int		nr;
	unsigned int		max;
	u32			next_tag;
};

static struct {
	unsigned long	ops, seconds, seed, cpus, slots, max, sizes, hot, arena;
	unsigned long	check_every, interrupts;
	int		full, calm, quiet;
	bool		hot_given;
} stress_opt = {
	.ops = 1000000, .seed = 1, .cpus = 4, .slots = 4096,
	.max = NTA_MAX_SIZE, .arena = 128UL << 20, .check_every = 20000,
};

static struct stress_hands stress_main, stress_irq;
static unsigned long stress_op;
static unsigned long stress_nr_held;
static unsigned long stress_nr_refused;
static unsigned long stress_nr_nested;
static unsigned int stress_users;	/* of holds */
static unsigned int stress_pins;
static bool stress_in_gate;
static int stress_gone;			/* CPU that is going down */

static __attribute__((__noreturn__)) void stress_fail(const char *what)
{
	printf("FAIL: %s (seed %lu, operation %lu)\n", what, stress_opt.seed,
	       stress_op);
	fflush(stdout);
	_exit(MODEL_FAILED);
}

static void stress_must(const char *err)
{
	if (err)
		stress_fail(err);
}

static void stress_report(const char *what, const struct nta_node *node,
			  const void *ptr, unsigned int units)
{
	stress_fail(what);
}

/* === Chunks ============================================================== */

static unsigned int stress_size(struct rng *rng)
{
	static const unsigned int common[] = { 640, 704, 1984, 2304, 4416,
					       9600, 33152, 65856 };
	unsigned int size;

	if (stress_opt.sizes)
		return (1 + rng_below(rng, stress_opt.sizes)) *
		       (stress_opt.max / stress_opt.sizes);
	switch (rng_below(rng, 4)) {
	case 0:
		size = rng_range(rng, 1, stress_opt.max);
		break;
	case 1:
		size = rng_range(rng, 1, 4096);
		break;
	case 2:
		size = 1U << rng_below(rng, 17);
		size += rng_below(rng, size);
		break;
	default:
		size = common[rng_below(rng, ARRAY_SIZE(common))];
	}
	return min(size, (unsigned int)stress_opt.max);
}

static void stress_alloc(struct stress_hands *hands, gfp_t gfp)
{
	struct stress_slot *slot = &hands->slot[hands->nr];
	unsigned int need = stress_size(&hands->rng), size = 1;
	void *ptr;

	if (rng_next(&hands->rng) & 1)
		ptr = nta_alloc_head(need, &size, gfp, NUMA_NO_NODE);
	else
		ptr = nta_alloc(need, &size, gfp, 0);
	if (!ptr) {
		stress_nr_refused++;
		return;
	}
	*slot = (struct stress_slot){
		.chunk = { ptr, need, size, hands->next_tag++ },
	};
	stress_must(shadow_take(&slot->chunk));
	if (gfp & __GFP_ZERO &&
	    (*(char *)ptr || memcmp(ptr, (char *)ptr + 1, size - 1)))
		stress_fail("a chunk is not zeroed");
	shadow_fill(&slot->chunk, stress_opt.full);
	hands->nr++;
}

/* A slot has become empty: the last one moves there. */
static void stress_drop(struct stress_hands *hands, struct stress_slot *slot)
{
	stress_must(shadow_verify(&slot->chunk, stress_opt.full));
	stress_must(shadow_drop(&slot->chunk));
	*slot = hands->slot[--hands->nr];
}

/* Free by each of the ways there are, all of which must work. */
static void stress_give(struct stress_hands *hands,
			const struct shadow_chunk *chunk)
{
	switch (rng_below(&hands->rng, 8)) {
	case 0:
		nta_free(chunk->ptr);
		break;
	case 1:
		/* A size that is too small is allowed. */
		nta_free_sized(chunk->ptr,
			       rng_below(&hands->rng, chunk->size + 1));
		break;
	case 2:
	case 3:
		nta_free_sized(chunk->ptr, chunk->size);
		break;
	default:
		if (!nta_free_head(chunk->ptr, chunk->size))
			stress_fail("a chunk is not of NTA");
	}
}

static void stress_free(struct stress_hands *hands, struct stress_slot *slot)
{
	struct shadow_chunk chunk = slot->chunk;

	if (slot->freed)
		return;
	if (slot->holds) {
		slot->freed = true;
		stress_nr_held++;
	} else {
		stress_drop(hands, slot);
	}
	stress_give(hands, &chunk);
}

static struct stress_slot *stress_any(struct stress_hands *hands)
{
	return &hands->slot[rng_below(&hands->rng, hands->nr)];
}

/* === Holds =============================================================== */

static void stress_hold(struct stress_slot *slot)
{
	if (slot->freed)
		return;
	if (nta_hold(slot->chunk.ptr))
		return;
	slot->holds++;
}

static void stress_unhold(struct stress_slot *slot)
{
	void *ptr = slot->chunk.ptr;

	if (!slot->holds)
		return;
	if (!--slot->holds && slot->freed) {
		stress_nr_held--;
		stress_drop(&stress_main, slot);
	}
	nta_unhold(ptr, 0);
}

/* Nobody looks any more: let go of all. */
static void stress_hold_end(void)
{
	unsigned int i;

	for (i = stress_main.nr; i--;)
		while (stress_main.slot[i].holds) {
			bool last = stress_main.slot[i].holds == 1;

			stress_unhold(&stress_main.slot[i]);
			if (last)
				break;
		}
	nta_hold_disable();
	stress_users = 0;
}

/* === Interrupts ========================================================== */

/* What an interrupt does, also one that comes inside the gate. */
static void stress_interrupt(void)
{
	unsigned int i;

	for (i = rng_below(&stress_irq.rng, 4); i--;) {
		if (stress_irq.nr < stress_irq.max &&
		    rng_next(&stress_irq.rng) & 1)
			stress_alloc(&stress_irq, GFP_ATOMIC);
		else if (stress_irq.nr)
			stress_free(&stress_irq, stress_any(&stress_irq));
	}
}

static void stress_nested(void)
{
	unsigned int nr = stress_irq.nr;

	/* For a dead CPU all this happens without the gate. */
	if (stress_in_gate || !this_cpu_ptr(&nta_cpu)->busy ||
	    rng_below(&stress_irq.rng, 64))
		return;
	stress_in_gate = true;
	stress_alloc(&stress_irq, GFP_ATOMIC);
	if (stress_irq.nr != nr)
		stress_fail("an allocation went through a closed gate");
	if (nr)
		stress_free(&stress_irq, stress_any(&stress_irq));
	stress_in_gate = false;
	stress_nr_nested++;
}

static void stress_split(int node, unsigned int unit, unsigned int have,
			 unsigned int units)
{
	stress_nested();
}

static void stress_give_back(int node, int cpu, unsigned int order)
{
	if (stress_pins)
		stress_fail("a pinned node was given back");
}

/* === The rest of the world =============================================== */

static int stress_pick_cpu(void)
{
	int cpu = rng_below(&stress_main.rng, stress_opt.cpus);

	while (!shim_cpu_is_online(cpu))
		cpu = (cpu + 1) % stress_opt.cpus;
	return cpu;
}

static void stress_enter_cpu(void)
{
	int cpu = stress_pick_cpu();

	shim_irq_save();
	shim_set_cpu(cpu);
	shim_irq_restore();
}

/*
 * A CPU is going down, its nodes are on the way to this one: a third CPU frees
 * one of its chunks, and that arrives in its queue.
 */
static void stress_dying(void)
{
	int me = shim_this_cpu, other = stress_pick_cpu(), nr;
	struct stress_slot *slot;

	if (other == me || stress_in_gate || this_cpu_ptr(&nta_cpu)->busy)
		return;
	shim_irq_save();
	stress_in_gate = true;
	shim_set_cpu(other);
	for (nr = 0; nr < 64 && stress_main.nr; nr++) {
		slot = stress_any(&stress_main);
		if (nta_node_of(slot->chunk.ptr)->cpu != stress_gone)
			continue;
		stress_free(&stress_main, slot);
		nta_outbox_flush(nta_enter());
		nta_exit(this_cpu_ptr(&nta_cpu));
		break;
	}
	shim_set_cpu(me);
	stress_in_gate = false;
	shim_irq_restore();
}

static void stress_hotplug(void)
{
	int cpu = rng_below(&stress_main.rng, stress_opt.cpus);
	const struct nta_cpu *dead;

	if (cpu == shim_this_cpu)
		return;
	if (!shim_cpu_is_online(cpu)) {
		shim_cpu_up(cpu);
		return;
	}
	stress_gone = cpu;
	if (!stress_opt.calm)
		shim_on_list_del = stress_dying;
	shim_cpu_down(cpu);
	shim_on_list_del = NULL;
	dead = per_cpu_ptr(&nta_cpu, cpu);
	if (dead->remote || dead->pending || dead->nr_nodes ||
	    dead->nr_free_units)
		stress_fail("a dead CPU keeps chunks");
}

static void stress_check(void)
{
	shim_irq_save();
	stress_must(shadow_check_live(stress_main.nr + stress_irq.nr -
				      stress_nr_held, stress_nr_held));
	shim_irq_restore();
}

/* What happens now and then. */
static void stress_event(void)
{
	struct rng *rng = &stress_main.rng;

	switch (rng_below(rng, stress_opt.calm ? 3 : 13)) {
	case 0:
		shim_set_jiffies(shim_jiffies() + rng_below(rng, HZ));
		break;
	case 1:
	case 2:
		shim_run_worker();
		break;
	case 3:
		shim_pages_fail(rng_below(rng, 2) * 900);
		break;
	case 4:
		shim_slab_fail(rng_below(rng, 2) * 100);
		break;
	case 5:
		nta_depot_trim(NUMA_NO_NODE, rng_below(rng, 1024),
			       rng_below(rng, 2) * HZ);
		break;
	case 6:
		WRITE_ONCE(this_cpu_ptr(&nta_cpu)->flush_all, true);
		nta_kick(this_cpu_ptr(&nta_cpu));
		break;
	case 7:
		if (stress_pins && rng_below(rng, 2)) {
			stress_pins--;
			nta_unpin_nodes();
		} else if (stress_pins < 2) {
			stress_pins++;
			nta_pin_nodes();
		}
		break;
	case 8:
		stress_hotplug();
		break;
	case 9:
		if (!stress_users) {
			nta_hold_enable();
			stress_users = 1;
		} else if (!rng_below(rng, 4)) {
			stress_hold_end();
		}
		break;
	case 10:
		/* A wave goes out: most of it is freed in order. */
		while (stress_main.nr > stress_main.max / 16)
			if (stress_main.slot[stress_main.nr - 1].holds)
				break;
			else
				stress_free(&stress_main,
					    &stress_main.slot[stress_main.nr - 1]);
		break;
	default:
		shim_set_jiffies(shim_jiffies() + 1);
	}
}

static void stress_step(void)
{
	struct stress_hands *hands = &stress_main;
	unsigned int what = rng_below(&hands->rng, 256);

	if (what < 24)
		stress_enter_cpu();
	if (what == 24)
		stress_event();
	else if (stress_users && what < 40 && hands->nr)
		stress_hold(stress_any(hands));
	else if (stress_users && what < 64 && hands->nr)
		stress_unhold(stress_any(hands));
	else if (hands->nr < hands->max && (what & 1 || !hands->nr))
		stress_alloc(hands, what & 2 ? GFP_KERNEL : what & 4 ?
			     GFP_ATOMIC : GFP_ATOMIC | __GFP_ZERO);
	else if (hands->nr)
		stress_free(hands, stress_any(hands));
}

/* Free all, let time pass: every page must come back but the reserves. */
static void stress_end(void)
{
	if (stress_users)
		stress_hold_end();
	while (stress_pins) {
		stress_pins--;
		nta_unpin_nodes();
	}
	shim_pages_fail(0);
	shim_slab_fail(0);
	while (stress_main.nr)
		stress_free(&stress_main, stress_main.slot);
	while (stress_irq.nr)
		stress_free(&stress_irq, stress_irq.slot);
	stress_must(shadow_check_empty());
}

/* === Start =============================================================== */

static void stress_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "ops", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "slots", required_argument, NULL, 'n' },
		{ "max", required_argument, NULL, 'm' },
		{ "sizes", required_argument, NULL, 'z' },
		{ "hot", required_argument, NULL, 'b' },
		{ "arena", required_argument, NULL, 'a' },
		{ "check-every", required_argument, NULL, 'e' },
		{ "interrupts", required_argument, NULL, 'i' },
		{ "full", no_argument, &stress_opt.full, 1 },
		{ "calm", no_argument, &stress_opt.calm, 1 },
		{ "quiet", no_argument, &stress_opt.quiet, 1 },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 0:
			break;
		case 'o':
			stress_opt.ops = model_number("ops", optarg, 1, ULONG_MAX);
			break;
		case 't':
			stress_opt.seconds = model_number("seconds", optarg, 0,
							  UINT_MAX);
			break;
		case 's':
			stress_opt.seed = model_number("seed", optarg, 0, ULONG_MAX);
			break;
		case 'c':
			stress_opt.cpus = model_number("cpus", optarg, 1, NR_CPUS);
			break;
		case 'n':
			stress_opt.slots = model_number("slots", optarg, 16, 1 << 24);
			break;
		case 'm':
			stress_opt.max = model_number("max", optarg, 1, NTA_MAX_SIZE);
			break;
		case 'z':
			stress_opt.sizes = model_number("sizes", optarg, 0,
							NTA_MAX_UNITS);
			break;
		case 'b':
			stress_opt.hot = model_number("hot", optarg, 0, 1 << 30);
			stress_opt.hot_given = true;
			break;
		case 'a':
			stress_opt.arena = model_number("arena", optarg, 1 << 20,
							1UL << 40);
			break;
		case 'e':
			stress_opt.check_every = model_number("check-every", optarg,
							      1, ULONG_MAX);
			break;
		case 'i':
			stress_opt.interrupts = model_number("interrupts", optarg,
							     1, 999999);
			break;
		case 'h':
			fputs(stress_usage, stdout);
			exit(MODEL_OK);
		default:
			fputs(stress_usage, stderr);
			exit(MODEL_USAGE);
		}
	}
	if (optind != argc)
		model_die("stress takes no %s", argv[optind]);
	if (stress_opt.sizes > stress_opt.max)
		model_die("stress: more sizes than bytes");
}

static void stress_hands_init(struct stress_hands *hands, unsigned long seed,
			      unsigned int max, u32 tag)
{
	hands->rng = rng_of(seed);
	hands->max = max;
	hands->next_tag = tag;
	hands->slot = calloc(max + 1, sizeof(*hands->slot));
	if (!hands->slot)
		model_die("no memory");
}

int cmd_stress(int argc, char **argv)
{
	double start, said, now;
	unsigned long last = 0;
	int cpu;

	stress_parse(argc, argv);
	shim_pages_init(stress_opt.arena >> PAGE_SHIFT);
	shim_reset(stress_opt.seed);
	shadow_init();
	if (stress_opt.hot_given)
		nta_set_hot_limits(stress_opt.hot, NTA_HOT_MAX);
	for (cpu = stress_opt.cpus; cpu < NR_CPUS; cpu++)
		shim_cpu_down(cpu);
	stress_hands_init(&stress_main, stress_opt.seed, stress_opt.slots, 1);
	stress_hands_init(&stress_irq, ~stress_opt.seed, STRESS_IRQ_SLOTS,
			  1U << 31);
	shim_stub_nta_report = stress_report;
	shim_trace.give = stress_give_back;
	if (stress_opt.interrupts)
		shim_irq_start(stress_interrupt, stress_opt.interrupts);
	else if (!stress_opt.calm) {
		shim_trace.split = stress_split;
		shim_trace.merge = stress_split;
	}

	start = said = model_seconds();
	while (stress_op++ < stress_opt.ops) {
		stress_step();
		if (!(stress_op % stress_opt.check_every))
			stress_check();
		if (stress_op % 4096)
			continue;
		now = model_seconds();
		if (now - said >= 1 && !stress_opt.quiet) {
			printf("%lu operations, %.0f/s, %u chunks, %lu pages\n",
			       stress_op, (stress_op - last) / (now - said),
			       stress_main.nr, shim_pages_used());
			fflush(stdout);
			said = now;
			last = stress_op;
		}
		if (stress_opt.seconds && now - start >= stress_opt.seconds)
			break;
	}
	if (stress_opt.interrupts)
		shim_irq_stop();
	shim_trace.split = NULL;
	shim_trace.merge = NULL;
	stress_check();
	stress_end();
	if (!stress_opt.quiet)
		printf("ok: %lu operations in %.1f s, %lu refused, %lu nested, seed %lu\n",
		       stress_op - 1, model_seconds() - start,
		       stress_nr_refused, stress_nr_nested, stress_opt.seed);
	return MODEL_OK;
}
