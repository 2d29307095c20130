// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: what a user can see of it.
 *
 *   /proc/net/stat/nta         counters: a name, then one number per CPU that
 *                              has ever been up; names without "cpu" numbers
 *                              are said once. tools/nta/ntastat reads it
 *   debugfs nta/map            every node, as runs of chunks
 *   debugfs nta/sizes          allocations and frees by size
 *   debugfs nta/check          runs nta_check_all()
 *
 * Locking: counters are read without a lock and may be a moment old. The map
 * is taken with the machine stopped, so that it is one picture.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>

#include "nta.h"

/* Increased when a line changes its meaning or goes away. */
#define NTA_STAT_VERSION	1

struct nta_sums {
	u64	allocs;
	u64	frees;
	u64	alloc_bytes;
	u64	free_bytes;
	u64	hot_bytes;
};

static struct nta_sums nta_sum_hot(const struct nta_cpu *c)
{
	struct nta_sums sum = {};
	unsigned int units;

	for (units = 1; units < NTA_NR_CLASSES; units++) {
		const struct nta_hot *hot = &c->hot[units];
		u64 bytes = (u64)(units - NTA_PAD) << NTA_UNIT_SHIFT;
		unsigned long allocs = READ_ONCE(hot->allocs);
		unsigned long frees = READ_ONCE(hot->frees);

		sum.allocs += allocs;
		sum.frees += frees;
		sum.alloc_bytes += allocs * bytes;
		sum.free_bytes += frees * bytes;
		sum.hot_bytes += READ_ONCE(hot->nr) * bytes;
	}
	return sum;
}

enum nta_line {
	NTA_LINE_CPU,
	NTA_LINE_ALLOCS,
	NTA_LINE_FREES,
	NTA_LINE_ALLOC_BYTES,
	NTA_LINE_FREE_BYTES,
	NTA_LINE_ASKED_BYTES,
	NTA_LINE_HOT_BYTES,
	NTA_LINE_BIN_BYTES,
	NTA_LINE_NODE_BYTES,
	NTA_LINE_NODES,
	NTA_LINE_LARGEST,
	NTA_LINE_BLOCKS,
	NTA_LINE_WAITING,
	NTA_NR_LINES
};

static const char * const nta_line_names[] = {
	[NTA_LINE_CPU]		= "cpu",
	[NTA_LINE_ALLOCS]	= "allocs",
	[NTA_LINE_FREES]	= "frees",
	[NTA_LINE_ALLOC_BYTES]	= "alloc_bytes",
	[NTA_LINE_FREE_BYTES]	= "free_bytes",
	[NTA_LINE_ASKED_BYTES]	= "asked_bytes",
	[NTA_LINE_HOT_BYTES]	= "hot_bytes",
	[NTA_LINE_BIN_BYTES]	= "bin_bytes",
	[NTA_LINE_NODE_BYTES]	= "node_bytes",
	[NTA_LINE_NODES]	= "nodes",
	[NTA_LINE_LARGEST]	= "largest_free",
	[NTA_LINE_BLOCKS]	= "blocks_kept",
	[NTA_LINE_WAITING]	= "remote_waiting",
};

static_assert(ARRAY_SIZE(nta_line_names) == NTA_NR_LINES);

static u64 nta_line_value(const struct nta_cpu *c, enum nta_line line)
{
	struct nta_sums sum;

	switch (line) {
	case NTA_LINE_CPU:
		return c->cpu;
	case NTA_LINE_BIN_BYTES:
		return (u64)READ_ONCE(c->nr_free_units) << NTA_UNIT_SHIFT;
	case NTA_LINE_NODE_BYTES:
		return (u64)READ_ONCE(c->nr_units) << NTA_UNIT_SHIFT;
	case NTA_LINE_NODES:
		return READ_ONCE(c->nr_nodes);
	case NTA_LINE_LARGEST:
		return (u64)nta_largest_free(c) << NTA_UNIT_SHIFT;
	case NTA_LINE_BLOCKS:
		return READ_ONCE(c->nr_blocks);
	case NTA_LINE_WAITING:
		return max(atomic_read(&c->nr_remote), 0);
	default:
		break;
	}

	sum = nta_sum_hot(c);
	switch (line) {
	case NTA_LINE_ALLOCS:
		return sum.allocs;
	case NTA_LINE_FREES:
		return sum.frees;
	case NTA_LINE_ALLOC_BYTES:
		return sum.alloc_bytes;
	case NTA_LINE_FREE_BYTES:
		return sum.free_bytes;
	case NTA_LINE_ASKED_BYTES:
		return sum.alloc_bytes - READ_ONCE(c->stats.slack);
	case NTA_LINE_HOT_BYTES:
		return sum.hot_bytes;
	default:
		return 0;
	}
}

struct nta_counter {
	const char	*name;
	size_t		off;
};

#define NTA_COUNTER(field) \
	{ .name = #field, .off = offsetof(struct nta_stats, field) }
#define NTA_FALLBACK(what, cause) \
	{ .name = "fallback_" what, \
	  .off = offsetof(struct nta_stats, fallback[cause]) }

static const struct nta_counter nta_counters[] = {
	NTA_COUNTER(splits),
	NTA_COUNTER(merges),
	NTA_COUNTER(remote_frees),
	NTA_COUNTER(remote_batches),
	NTA_COUNTER(drained),
	NTA_COUNTER(held),
	NTA_COUNTER(unheld),
	NTA_COUNTER(quarantined),
	NTA_COUNTER(bad_frees),
	NTA_COUNTER(grown),
	NTA_COUNTER(returned),
	NTA_FALLBACK("size", NTA_FALLBACK_SIZE),
	NTA_FALLBACK("gfp", NTA_FALLBACK_GFP),
	NTA_FALLBACK("numa", NTA_FALLBACK_NUMA),
	NTA_FALLBACK("context", NTA_FALLBACK_CONTEXT),
	NTA_FALLBACK("nomem", NTA_FALLBACK_NOMEM),
	NTA_COUNTER(block_allocs),
	NTA_COUNTER(block_frees),
};

static int nta_stat_show(struct seq_file *seq, void *v)
{
	const struct nta_counter *counter;
	const struct nta_cpu *c;
	unsigned int line;
	int cpu;

	seq_printf(seq, "version %d\n", NTA_STAT_VERSION);
	seq_printf(seq, "unit %u\n", NTA_UNIT);
	seq_printf(seq, "max_size %u\n", NTA_MAX_SIZE);
	seq_printf(seq, "depot_bytes %lu\n",
		   nta_depot_pages(NUMA_NO_NODE) << PAGE_SHIFT);

	for (line = 0; line < NTA_NR_LINES; line++) {
		seq_puts(seq, nta_line_names[line]);
		for_each_possible_cpu(cpu) {
			c = per_cpu_ptr(&nta_cpu, cpu);
			seq_put_decimal_ull(seq, " ", nta_line_value(c, line));
		}
		seq_putc(seq, '\n');
	}
	for (counter = nta_counters;
	     counter < nta_counters + ARRAY_SIZE(nta_counters); counter++) {
		seq_puts(seq, counter->name);
		for_each_possible_cpu(cpu) {
			c = per_cpu_ptr(&nta_cpu, cpu);
			seq_put_decimal_ull(seq, " ", *(unsigned long *)
					    ((void *)&c->stats + counter->off));
		}
		seq_putc(seq, '\n');
	}
	return 0;
}

/* === Map ================================================================= */

/*
 * A picture of one node: a copy of its bitmaps, and one more for the chunks
 * that are free but not merged.
 */
struct nta_picture {
	int		id;
	int		cpu;
	int		nid;
	unsigned int	nr_units;
	unsigned int	nr_held;
	DECLARE_BITMAP(start, NTA_NODE_UNITS + 1);
	DECLARE_BITMAP(edge, NTA_NODE_UNITS);
	DECLARE_BITMAP(hot, NTA_NODE_UNITS);
};

struct nta_album {
	unsigned int		nr;
	unsigned int		max;
	struct nta_picture	picture[];
};

static struct nta_picture *nta_find_picture(struct nta_album *album, int id)
{
	unsigned int i;

	for (i = 0; i < album->nr; i++)
		if (album->picture[i].id == id)
			return &album->picture[i];
	return NULL;
}

static void nta_mark_hot(struct nta_album *album, const unsigned long *chunk)
{
	struct nta_picture *pic;
	struct nta_node *node;

	for (; chunk; chunk = (unsigned long *)nta_link(chunk, chunk[0])) {
		node = nta_node_of(chunk);
		pic = nta_find_picture(album, node->id);
		if (pic)
			__set_bit(nta_unit_of(node, chunk), pic->hot);
	}
}

static void nta_mark_queue(struct nta_album *album, const unsigned long *batch)
{
	while (batch) {
		nta_mark_hot(album, batch);
		batch = (unsigned long *)nta_link(&batch[NTA_W_BATCH],
						  batch[NTA_W_BATCH]);
	}
}

static int nta_take_pictures(void *data)
{
	struct nta_node *node = NULL;
	struct nta_album *album = data;
	const struct nta_cpu *c;
	struct nta_picture *pic;
	unsigned int unit;
	int cpu;

	while (album->nr < album->max && (node = nta_node_next(node))) {
		pic = &album->picture[album->nr++];
		pic->id = node->id;
		pic->cpu = node->cpu;
		pic->nid = node->nid;
		pic->nr_units = node->nr_units;
		for (unit = 0; node->hold && unit < node->nr_units; unit++)
			pic->nr_held += !!node->hold[unit];
		bitmap_copy(pic->start, node->start, node->nr_units + 1);
		bitmap_copy(pic->edge, node->edge, node->nr_units);
	}
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&nta_cpu, cpu);
		for (unit = 1; unit < NTA_NR_CLASSES; unit++)
			nta_mark_hot(album, c->hot[unit].first);
		nta_mark_queue(album, c->remote);
		nta_mark_queue(album, c->pending);
		for (unit = 0; unit < NTA_OUTBOX_SLOTS; unit++)
			nta_mark_hot(album, c->outbox[unit].first);
	}
	return 0;
}

static void nta_show_picture(struct seq_file *seq,
			     const struct nta_picture *pic)
{
	unsigned int unit, units;
	char kind;

	seq_printf(seq, "node %d cpu %d nid %d bytes %u held %u :", pic->id,
		   pic->cpu, pic->nid, pic->nr_units << NTA_UNIT_SHIFT,
		   pic->nr_held);
	for (unit = 0; unit < pic->nr_units; unit += units) {
		units = find_next_bit(pic->start, pic->nr_units + 1,
				      unit + 1) - unit;
		kind = test_bit(unit, pic->edge) ? 'f' :
		       test_bit(unit, pic->hot) ? 'h' : 'u';
		seq_printf(seq, " %c%u", kind, units);
	}
	seq_putc(seq, '\n');
}

static int nta_map_show(struct seq_file *seq, void *v)
{
	struct nta_node *node = NULL;
	struct nta_album *album;
	unsigned int i, nr = 8;

	nta_pin_nodes();
	while ((node = nta_node_next(node)))
		nr++;
	nta_unpin_nodes();

	album = vzalloc(struct_size(album, picture, nr));
	if (!album)
		return -ENOMEM;
	album->max = nr;
	stop_machine(nta_take_pictures, album, NULL);
	for (i = 0; i < album->nr; i++)
		nta_show_picture(seq, &album->picture[i]);
	vfree(album);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nta_map);

static int nta_sizes_show(struct seq_file *seq, void *v)
{
	unsigned long allocs, frees;
	const struct nta_hot *hot;
	unsigned int units;
	int cpu;

	seq_puts(seq, "bytes allocs frees\n");
	for (units = 1 + NTA_PAD; units < NTA_NR_CLASSES; units++) {
		allocs = 0;
		frees = 0;
		for_each_possible_cpu(cpu) {
			hot = &per_cpu_ptr(&nta_cpu, cpu)->hot[units];
			allocs += READ_ONCE(hot->allocs);
			frees += READ_ONCE(hot->frees);
		}
		if (allocs)
			seq_printf(seq, "%u %lu %lu\n",
				   (units - NTA_PAD) << NTA_UNIT_SHIFT,
				   allocs, frees);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nta_sizes);

static int nta_check_show(struct seq_file *seq, void *v)
{
	char msg[256];

	nta_check_all(msg, sizeof(msg));
	seq_puts(seq, msg);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nta_check);

static int __init nta_stats_init(void)
{
	struct dentry *dir;

	if (!proc_create_single("nta", 0444, init_net.proc_net_stat,
				nta_stat_show))
		pr_warn("no /proc/net/stat/nta\n");
	dir = debugfs_create_dir("nta", NULL);
	debugfs_create_file("map", 0400, dir, NULL, &nta_map_fops);
	debugfs_create_file("sizes", 0400, dir, NULL, &nta_sizes_fops);
	debugfs_create_file("check", 0400, dir, NULL, &nta_check_fops);
	return 0;
}
late_initcall(nta_stats_init);
