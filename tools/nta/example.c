// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model example: three chunks come and go, with each split and merge.
 *
 * Allocates 120, 200 and 70 bytes and frees 120, 70 and 200. Hot lists are
 * off, so that every free merges at once. What must happen is worked out here
 * from the sizes alone.
 */

#include "model.h"

static const char example_usage[] =
	"Usage: nta-model example\n"
	"Allocates 120, 200, 70 bytes, frees 120, 70, 200, and prints each split\n"
	"and merge. Exit: 1 if one is missing, wrong or out of order.\n";

#define EXAMPLE_CHUNKS	3

struct example_event {
	bool		merge;
	unsigned int	unit;	/* where */
	unsigned int	first;	/* split: length before; merge: left part */
	unsigned int	second;	/* split: units cut off; merge: right part */
};

static struct example_event example_seen[16];
static unsigned int example_nr_seen;
static unsigned int example_nr_checked;
static bool example_failed;

static void example_note(bool merge, unsigned int unit, unsigned int first,
			 unsigned int second)
{
	if (example_nr_seen < ARRAY_SIZE(example_seen))
		example_seen[example_nr_seen] = (struct example_event){
			merge, unit, first, second };
	example_nr_seen++;
}

static void example_split(int node, unsigned int unit, unsigned int have,
			  unsigned int units)
{
	example_note(false, unit, have, units);
	printf("    split  unit %-5u %u = %u + %u\n", unit, have, units,
	       have - units);
}

static void example_merge(int node, unsigned int unit, unsigned int left,
			  unsigned int right)
{
	example_note(true, unit, left, right);
	printf("    merge  unit %-5u %u + %u = %u\n", unit, left, right,
	       left + right);
}

static void example_expect(bool merge, unsigned int unit, unsigned int first,
			   unsigned int second)
{
	const struct example_event *seen = &example_seen[example_nr_checked++];

	if (example_nr_checked <= example_nr_seen && seen->merge == merge &&
	    seen->unit == unit && seen->first == first &&
	    seen->second == second)
		return;
	printf("    FAIL: a %s at unit %u of %u and %u was due here\n",
	       merge ? "merge" : "split", unit, first, second);
	example_failed = true;
}

/* Nothing happened that was not expected. */
static void example_done(void)
{
	if (example_nr_checked == example_nr_seen)
		return;
	printf("    FAIL: %u splits and merges, not %u\n", example_nr_seen,
	       example_nr_checked);
	example_failed = true;
}

static void example_map(const struct nta_node *node)
{
	unsigned int unit, units;

	printf("    ");
	for (unit = 0; unit < node->nr_units; unit += units) {
		units = nta_chunk_units(node, unit);
		printf("[%s %u]", test_bit(unit, node->edge) ? "free" : "used",
		       units);
	}
	printf("\n");
}

static void *example_alloc(unsigned int need)
{
	unsigned int size;
	void *ptr = nta_alloc(need, &size, GFP_KERNEL, NUMA_NO_NODE);

	if (!ptr)
		model_die("no memory");
	printf("alloc %u bytes: %u units\n", need, nta_units(need) + NTA_PAD);
	return ptr;
}

static void example_free(void *ptr, unsigned int need)
{
	printf("free %u bytes\n", need);
	nta_free(ptr);
}

int cmd_example(int argc, char **argv)
{
	static const unsigned int need[EXAMPLE_CHUNKS] = { 120, 200, 70 };
	const struct nta_node *node;
	unsigned int u[EXAMPLE_CHUNKS], at[EXAMPLE_CHUNKS + 1] = {}, all, i;
	void *ptr[EXAMPLE_CHUNKS];
	char msg[200];

	if (argc > 1) {
		fputs(example_usage, strcmp(argv[1], "--help") ? stderr : stdout);
		return strcmp(argv[1], "--help") ? MODEL_USAGE : MODEL_OK;
	}
	shim_pages_init(1024);
	shim_reset(1);
	nta_set_hot_limits(0, NTA_HOT_MAX);
	shim_trace.split = example_split;
	shim_trace.merge = example_merge;
	printf("units of %u bytes\n", NTA_UNIT);

	for (i = 0; i < EXAMPLE_CHUNKS; i++) {
		u[i] = nta_units(need[i]) + NTA_PAD;
		at[i + 1] = at[i] + u[i];
		ptr[i] = example_alloc(need[i]);
		node = nta_node_of(ptr[i]);
		all = node->nr_units;
		example_expect(false, at[i], all - at[i], u[i]);
		if (nta_unit_of(node, ptr[i]) != at[i]) {
			printf("    FAIL: it is not at unit %u\n", at[i]);
			example_failed = true;
		}
		example_map(node);
	}

	/* Its right neighbour is in use, and it has no left one. */
	example_free(ptr[0], need[0]);
	example_map(node);

	/* The free end of the node is on its right. */
	example_free(ptr[2], need[2]);
	example_expect(true, at[2], u[2], all - at[3]);
	example_map(node);

	/* Free on both sides. */
	example_free(ptr[1], need[1]);
	example_expect(true, at[0], u[0], u[1]);
	example_expect(true, at[0], at[2], all - at[2]);
	example_map(node);

	example_done();
	if (node->nr_used || nta_chunk_units(node, 0) != all ||
	    nta_largest_free(per_cpu_ptr(&nta_cpu, 0)) * 33UL < all * 32UL) {
		printf("FAIL: the node is not one free chunk\n");
		example_failed = true;
	}
	if (nta_check_all(msg, sizeof(msg)))
		example_failed = true;
	printf("check: %s", msg);
	return example_failed ? MODEL_FAILED : MODEL_OK;
}
