// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model replay, seeds: operations from files.
 *
 * What the fuzzer feeds, run one by one. Every string of bytes is a valid
 * sequence; an operation that makes no sense is skipped. Misuse (the last few
 * operations) must be reported exactly once, there and then.
 */

#include "replay.h"

static const char replay_usage[] =
	"Usage: nta-model replay FILE...\n"
	"Runs inputs of the fuzzer. Exit: 1 if a rule was broken.\n";

static const char seeds_usage[] =
	"Usage: nta-model seeds FOLDER\n"
	"Writes inputs for the fuzzer to start from into an existing folder.\n";

#define REPLAY_SLOTS	256
#define REPLAY_CPUS	4
#define REPLAY_MAX_LEN	(REPLAY_STEP * 4096)

struct replay_slot {
	struct shadow_chunk	chunk;
	u8			holds;
	bool			freed;
};

static struct replay_slot replay_slot[REPLAY_SLOTS];
static unsigned long replay_in_use;
static unsigned long replay_held;
static bool replay_holding;
static bool replay_pinned;
static bool replay_damaged;
static unsigned int replay_reports;
static u32 replay_tag;

static void replay_report(const char *what, const struct nta_node *node,
			  const void *ptr, unsigned int units)
{
	replay_reports++;
}

/**
 * replay_init() - prepare the process for replay_run()
 */
void replay_init(void)
{
	shim_pages_init((16UL << 20) >> PAGE_SHIFT);
	shadow_init();
	shim_stub_nta_report = replay_report;
}

static const char *replay_alloc(struct replay_slot *slot, unsigned int need,
				gfp_t gfp)
{
	struct shadow_chunk *chunk = &slot->chunk;
	const char *err;

	if (chunk->ptr)
		return NULL;
	chunk->need = need;
	chunk->ptr = nta_alloc_head(need, &chunk->size, gfp, NUMA_NO_NODE);
	if (!chunk->ptr)
		return NULL;
	chunk->tag = ++replay_tag;
	slot->holds = 0;
	slot->freed = false;
	replay_in_use++;
	err = shadow_take(chunk);
	shadow_fill(chunk, false);
	return err;
}

static const char *replay_gone(struct replay_slot *slot)
{
	const char *err = shadow_verify(&slot->chunk, false);

	err = err ?: shadow_drop(&slot->chunk);
	slot->chunk.ptr = NULL;
	return err;
}

static const char *replay_free(struct replay_slot *slot, unsigned int size)
{
	void *ptr = slot->chunk.ptr;
	const char *err = NULL;

	if (!ptr || slot->freed)
		return NULL;
	replay_in_use--;
	if (slot->holds) {
		slot->freed = true;
		replay_held++;
	} else {
		err = replay_gone(slot);
	}
	if (size)
		nta_free_head(ptr, size);
	else
		nta_free(ptr);
	return err;
}

static void replay_hold(struct replay_slot *slot)
{
	if (!replay_holding) {
		nta_hold_enable();
		replay_holding = true;
	}
	if (slot->chunk.ptr && !slot->freed && slot->holds < 255 &&
	    !nta_hold(slot->chunk.ptr))
		slot->holds++;
}

static const char *replay_unhold(struct replay_slot *slot)
{
	void *ptr = slot->chunk.ptr;
	const char *err = NULL;

	if (!ptr || !slot->holds)
		return NULL;
	if (!--slot->holds && slot->freed) {
		replay_held--;
		err = replay_gone(slot);
	}
	nta_unhold(ptr, 0);
	return err;
}

static const char *replay_hotplug(int cpu)
{
	if (cpu == shim_this_cpu)
		return NULL;
	if (shim_cpu_is_online(cpu))
		shim_cpu_down(cpu);
	else
		shim_cpu_up(cpu);
	return NULL;
}

/* === Misuse ============================================================== */

static const char *replay_free_twice(struct replay_slot *slot)
{
	void *ptr = slot->chunk.ptr;
	unsigned int size = slot->chunk.size;
	const char *err;

	if (!ptr || slot->freed || slot->holds)
		return NULL;
	err = replay_free(slot, size);
	/* The node may be gone altogether; then it is kfree()'s business. */
	if (err || !nta_owns(ptr))
		return err;
	replay_reports = 0;
	nta_free_head(ptr, size);
	return replay_reports == 1 ? NULL :
	       "a double free was not reported once";
}

static const char *replay_free_inside(struct replay_slot *slot,
				      unsigned int unit)
{
	struct shadow_chunk *chunk = &slot->chunk;
	unsigned int units = chunk->size >> NTA_UNIT_SHIFT;

	/* Elsewhere the owner finds out, later. */
	if (!chunk->ptr || units < 2 ||
	    nta_node_of(chunk->ptr)->cpu != shim_this_cpu)
		return NULL;
	unit = 1 + unit % (units - 1);
	replay_reports = 0;
	nta_free_sized((char *)chunk->ptr + unit * NTA_UNIT,
		       chunk->size - unit * NTA_UNIT);
	return replay_reports == 1 ? NULL :
	       "a free inside a chunk was not reported once";
}

static const char *replay_write_free(struct replay_slot *slot,
				     unsigned int word)
{
	unsigned long *ptr = slot->chunk.ptr;
	unsigned int need = slot->chunk.need, size = slot->chunk.size, got;
	const char *err;
	void *other;

	if (!ptr || slot->freed || slot->holds || NTA_PAD)
		return NULL;
	err = replay_free(slot, size);
	if (err || !nta_owns(ptr) ||
	    this_cpu_ptr(&nta_cpu)->hot[size >> NTA_UNIT_SHIFT].first != ptr)
		return err;
	ptr[word % 2] ^= 1UL << word % 64;
	replay_damaged = true;
	replay_reports = 0;
	other = nta_alloc(need, &got, GFP_KERNEL, NUMA_NO_NODE);
	if (other == ptr)
		return "a damaged chunk was handed out";
	if (other)
		nta_free(other);
	return replay_reports == 1 ? NULL :
	       "a write after free was not reported once";
}

/* === Running ============================================================= */

static const char *replay_step(enum replay_op op, u8 a, u8 b)
{
	struct replay_slot *slot = &replay_slot[a % REPLAY_SLOTS];

	switch (op) {
	case REPLAY_ALLOC:
		for (slot = replay_slot; slot->chunk.ptr; slot++)
			if (slot == &replay_slot[REPLAY_SLOTS - 1])
				return NULL;
		return replay_alloc(slot, 1 + (a | b << 8), GFP_KERNEL);
	case REPLAY_ALLOC_UNITS:
		for (slot = replay_slot; slot->chunk.ptr; slot++)
			if (slot == &replay_slot[REPLAY_SLOTS - 1])
				return NULL;
		return replay_alloc(slot, (1 + a) * NTA_UNIT * (b % 8 + 1) / 2,
				    b & 8 ? GFP_KERNEL : GFP_ATOMIC);
	case REPLAY_FREE:
		return replay_free(slot, slot->chunk.size);
	case REPLAY_FREE_UNSIZED:
		return replay_free(slot, 0);
	case REPLAY_CPU:
		if (shim_cpu_is_online(a % REPLAY_CPUS))
			shim_set_cpu(a % REPLAY_CPUS);
		return NULL;
	case REPLAY_WORK:
		shim_set_jiffies(shim_jiffies() + a);
		shim_run_worker();
		return NULL;
	case REPLAY_HOLD:
		replay_hold(slot);
		return NULL;
	case REPLAY_UNHOLD:
		return replay_unhold(slot);
	case REPLAY_FAIL:
		if (a & 1)
			shim_pages_fail(b * 4);
		else
			shim_slab_fail(b * 4);
		return NULL;
	case REPLAY_SHRINK:
		nta_depot_trim(NUMA_NO_NODE, a * 16, 0);
		return NULL;
	case REPLAY_FLUSH:
		WRITE_ONCE(this_cpu_ptr(&nta_cpu)->flush_all, true);
		nta_kick(this_cpu_ptr(&nta_cpu));
		shim_run_worker();
		return NULL;
	case REPLAY_HOTPLUG:
		return replay_hotplug(a % REPLAY_CPUS);
	case REPLAY_PIN:
		if ((b & 1) == replay_pinned)
			return NULL;
		replay_pinned = b & 1;
		if (replay_pinned)
			nta_pin_nodes();
		else
			nta_unpin_nodes();
		return NULL;
	case REPLAY_HOT:
		nta_set_hot_limits(a * 1024, NTA_HOT_MAX);
		return NULL;
	case REPLAY_FREE_TWICE:
		return replay_free_twice(slot);
	case REPLAY_FREE_INSIDE:
		return replay_free_inside(slot, b);
	case REPLAY_WRITE_FREE:
		return replay_write_free(slot, b);
	default:
		return NULL;
	}
}

/* Give everything back and look at what is left. */
static const char *replay_end(void)
{
	const char *err = NULL;
	unsigned int i;

	shim_pages_fail(0);
	shim_slab_fail(0);
	for (i = 0; i < REPLAY_SLOTS && !err; i++) {
		while (replay_slot[i].holds && !err)
			err = replay_unhold(&replay_slot[i]);
		err = err ?: replay_free(&replay_slot[i], 0);
	}
	if (err)
		return err;
	if (replay_holding)
		nta_hold_disable();
	if (replay_pinned)
		nta_unpin_nodes();
	return replay_damaged ? shadow_check_live(0, 0) : shadow_check_empty();
}

/**
 * replay_run() - run a sequence of operations on a fresh machine
 * @data: REPLAY_STEP bytes each
 * @len: how many bytes
 *
 * Return: NULL, or the rule that was broken.
 */
const char *replay_run(const u8 *data, size_t len)
{
	const char *err = NULL;
	size_t i;

	shim_reset(1);
	memset(replay_slot, 0, sizeof(replay_slot));
	replay_in_use = 0;
	replay_held = 0;
	replay_holding = false;
	replay_pinned = false;
	replay_damaged = false;
	replay_reports = 0;
	replay_tag = 0;

	for (i = 0; i + REPLAY_STEP <= len && !err; i += REPLAY_STEP) {
		enum replay_op op = data[i] % REPLAY_NR_OPS;

		err = replay_step(op, data[i + 1], data[i + 2]);
		/* Reports of earlier misuse were asked for. */
		if (!err && replay_reports && op < REPLAY_FREE_TWICE &&
		    !replay_damaged)
			err = "a report that nobody asked for";
		if (op >= REPLAY_FREE_TWICE)
			replay_reports = 0;
	}
	err = err ?: shadow_check_live(replay_in_use, replay_held);
	return err ?: replay_end();
}

int cmd_replay(int argc, char **argv)
{
	static u8 data[REPLAY_MAX_LEN];
	const char *err;
	int arg, failed = 0;
	size_t len;
	FILE *file;

	if (argc < 2 || argv[1][0] == '-') {
		fputs(replay_usage, stderr);
		return MODEL_USAGE;
	}
	replay_init();
	for (arg = 1; arg < argc; arg++) {
		file = fopen(argv[arg], "rb");
		if (!file)
			model_die("cannot read %s", argv[arg]);
		len = fread(data, 1, sizeof(data), file);
		fclose(file);
		err = replay_run(data, len);
		if (err) {
			printf("FAIL: %s: %s\n", argv[arg], err);
			failed++;
		}
	}
	if (!failed)
		printf("ok: %d inputs\n", argc - 1);
	return failed ? MODEL_FAILED : MODEL_OK;
}

/* === Seeds =============================================================== */

/* The kinds of life that the fuzzer should know from the beginning. */
static size_t seeds_make(unsigned int nr, u8 *data)
{
	struct rng rng = rng_of(nr + 1);
	unsigned int i, misuse = nr % 4 == 3;
	u8 *out = data;

	for (i = 0; i < 100 + nr * 20; i++) {
		*out = rng_below(&rng, misuse ? REPLAY_NR_OPS :
				 REPLAY_FREE_TWICE);
		/* Mostly allocations and frees. */
		if (rng_below(&rng, 4))
			*out = rng_below(&rng, 8) < 5 ?
			       rng_below(&rng, 2) : REPLAY_FREE;
		out[1] = rng_next(&rng) & (nr & 1 ? 0xff : 0x1f);
		out[2] = rng_next(&rng) & (nr & 2 ? 0xff : 0x0f);
		out += REPLAY_STEP;
	}
	return out - data;
}

int cmd_seeds(int argc, char **argv)
{
	static u8 data[REPLAY_MAX_LEN];
	unsigned int nr;
	char path[4096];
	size_t len;
	FILE *file;

	if (argc != 2 || argv[1][0] == '-') {
		fputs(seeds_usage, stderr);
		return MODEL_USAGE;
	}
	for (nr = 0; nr < 16; nr++) {
		snprintf(path, sizeof(path), "%s/seed-%02u", argv[1], nr);
		file = fopen(path, "wb");
		if (!file)
			model_die("cannot write %s", path);
		len = seeds_make(nr, data);
		if (fwrite(data, 1, len, file) != len || fclose(file))
			model_die("cannot write %s", path);
	}
	return MODEL_OK;
}
