/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NTA: what its files share. The banner in core.c explains the words.
 */
#ifndef _NTA_H
#define _NTA_H

#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/nta.h>
#include <linux/string.h>

/* A chunk in a bin: link, canary, back link, length; the length ends it. */
#define NTA_W_LINK	0
#define NTA_W_CANARY	1
#define NTA_W_BACK	2
#define NTA_W_UNITS	3
#define NTA_W_BATCH	3	/* see remote.c */

/*
 * A hot list keeps two NAPI polls of one size, but not more than this many
 * bytes unless that is less than NTA_HOT_MIN chunks.
 */
#define NTA_HOT_MAX	128
#define NTA_HOT_MIN	4
#define NTA_HOT_BYTES	SZ_1M

/* While a sniffer is at work, chunks come back in bursts of its making. */
#define NTA_HOT_MAX_NEED	1024
#define NTA_HOT_BYTES_NEED	SZ_4M

/* Bounds on what one passage through the gate does with preemption off. */
#define NTA_DRAIN_BATCH	64
#define NTA_FLUSH_BATCH	128

/*
 * Passages that merge before a node is taken: taking one costs as much as
 * merging some thousand chunks, since its pages must be zeroed.
 */
#define NTA_FLUSH_PASSES 16

/* Frees for another CPU that are collected before its line is touched. */
#define NTA_OUTBOX	16

/* More chunks than this on a remote queue, and its owner is woken. */
#define NTA_REMOTE_MAX	256

/*
 * Nodes of a CPU grow with what it has, from 256 KiB to 2 MiB; in atomic
 * context only up to 32 KiB is tried, since nobody can reclaim there.
 */
#define NTA_ORDER_MIN	(18 - PAGE_SHIFT > 0 ? 18 - PAGE_SHIFT : 0)
#define NTA_ORDER_MAX	(NTA_NODE_SHIFT - PAGE_SHIFT)
#define NTA_ORDER_ATOMIC (15 - PAGE_SHIFT > 0 ? 15 - PAGE_SHIFT : 0)

/* Wholly free nodes that a CPU keeps in its bins. */
#define NTA_RESERVE	1

/* Time between two looks at what lies idle. */
#define NTA_AGE		HZ

/* === The gate ============================================================ */

/*
 * Enter NTA on this CPU. NULL if this context interrupted NTA on this CPU;
 * then nothing of struct nta_cpu may be touched but the remote queue.
 */
static __always_inline struct nta_cpu *nta_enter(void)
{
	struct nta_cpu *c;

	preempt_disable();
	c = this_cpu_ptr(&nta_cpu);
	if (unlikely(READ_ONCE(c->busy))) {
		preempt_enable();
		return NULL;
	}
	WRITE_ONCE(c->busy, 1);
	barrier(); /* See nta_alloc_fast(). */
	return c;
}

static __always_inline void nta_exit(struct nta_cpu *c)
{
	barrier(); /* See nta_alloc_fast(). */
	WRITE_ONCE(c->busy, 0);
	preempt_enable();
}

/* === Addresses =========================================================== */

static inline struct nta_node *nta_node_of(const void *ptr)
{
	return (struct nta_node *)page_private(virt_to_page(ptr));
}

static inline unsigned int nta_unit_of(const struct nta_node *node,
				       const void *ptr)
{
	return (ptr - node->base) >> NTA_UNIT_SHIFT;
}

static inline unsigned long *nta_chunk_at(const struct nta_node *node,
					  unsigned int unit)
{
	return node->base + ((unsigned long)unit << NTA_UNIT_SHIFT);
}

/* Length of the chunk that begins at @unit, from the bitmap alone. */
static inline unsigned int nta_chunk_units(const struct nta_node *node,
					   unsigned int unit)
{
	return find_next_bit(node->start, node->nr_units + 1, unit + 1) - unit;
}

/*
 * A chunk may begin at @ptr: aligned, inside, and the start of something.
 * Only the owner may ask about chunks that are not its caller's own.
 */
static inline bool nta_is_start(const struct nta_node *node, const void *ptr)
{
	return !((unsigned long)ptr & (NTA_UNIT - 1)) &&
	       test_bit(nta_unit_of(node, ptr), node->start);
}

/* chunk.c APIs: inside the gate of @c */
unsigned int nta_bin_of(unsigned int units);
unsigned long *nta_chunk_take(struct nta_cpu *c, unsigned int units);
void nta_chunk_put(struct nta_cpu *c, struct nta_node *node, unsigned int unit,
		   unsigned int units);
void nta_chunk_insert(struct nta_cpu *c, struct nta_node *node,
		      unsigned int unit, unsigned int units);
void nta_chunk_unlink(struct nta_cpu *c, unsigned long *chunk);
bool nta_chunk_is_sane(const struct nta_node *node, unsigned int unit);
void nta_bins_reset(struct nta_cpu *c);
void nta_bins_add_node(struct nta_cpu *c, struct nta_node *node);
unsigned int nta_largest_free(const struct nta_cpu *c);

/* core.c APIs: inside the gate of @c */
void nta_free_local(struct nta_cpu *c, struct nta_node *node,
		    unsigned long *chunk, unsigned int units);
void nta_hot_shrink(struct nta_cpu *c, unsigned int units);
unsigned int nta_hot_flush(struct nta_cpu *c, unsigned int max,
			   bool idle_only);
void nta_set_hot_limits(unsigned int bytes, unsigned int max);
void nta_core_init(void);

/* remote.c APIs */
extern unsigned int nta_epoch;
void nta_push(int cpu, unsigned long *first, unsigned int units,
	      unsigned int nr);
void nta_push_chunk(int cpu, unsigned long *chunk);
void nta_outbox_add(struct nta_cpu *c, const struct nta_node *node, int cpu,
		    unsigned long *chunk, unsigned int units);
void nta_outbox_flush(struct nta_cpu *c);
void nta_forward(struct nta_cpu *dead);
unsigned int nta_drain(struct nta_cpu *c, unsigned int max);

/* node.c APIs */
struct nta_node *nta_node_grow(unsigned int units, gfp_t gfp);
void nta_node_adopt(struct nta_cpu *c, struct nta_node *node);
void nta_node_idle(struct nta_cpu *c, struct nta_node *node);
void nta_node_shed(struct nta_cpu *c);
bool nta_depot_get(struct nta_cpu *c, unsigned int units);
void nta_depot_put(struct nta_node *node);
unsigned long nta_depot_pages(int nid);
unsigned long nta_depot_trim(int nid, unsigned long nr_pages,
			     unsigned long min_age);
struct nta_node *nta_node_next(struct nta_node *prev);
bool nta_unpin_keep(void);
void nta_node_add_hold(struct nta_node *node, gfp_t gfp);

/* pages.c APIs: the only part that the userspace model replaces */
bool nta_pages_get(struct nta_node *node, gfp_t gfp);
void nta_pages_put(struct nta_node *node);

/* hold.c APIs */
extern unsigned int nta_hold_users;
void nta_hold_init(void);

/* block.c APIs */
struct page *nta_block_pop(struct nta_cpu *c);
void nta_block_free(struct page *page);
void nta_block_destroy(struct page *page);

/* map.c APIs */
extern u32 nta_map_nodes;
void nta_map_drop_node(const struct nta_node *node);
void nta_map_drop_block(struct page *page);
void nta_map_end_block(struct page *page);
void nta_map_forget(u64 off, u64 len);

/* age.c APIs */
void nta_kick(struct nta_cpu *c);
int nta_age_init(void);

/* check.c APIs */
void nta_report(const char *what, const struct nta_node *node,
		const void *ptr, unsigned int units);
int nta_check_all(char *msg, size_t len);
const char *nta_check_cpu(struct nta_cpu *c, unsigned long *live,
			  unsigned long *queued);

/* debug.c APIs */
#ifdef CONFIG_NTA_DEBUG
int nta_debug_node_init(struct nta_node *node, gfp_t gfp);
void nta_debug_node_exit(struct nta_node *node);
void nta_debug_node_fill(struct nta_node *node);
bool nta_debug_alloc(struct nta_node *node, void *ptr, unsigned int units);
bool nta_debug_free(struct nta_node *node, void *ptr);
void nta_debug_joint(unsigned long *right);
void nta_debug_history(const struct nta_node *node, const void *ptr);
#else
static inline int nta_debug_node_init(struct nta_node *node, gfp_t gfp)
{
	return 0;
}

static inline void nta_debug_node_exit(struct nta_node *node)
{
}

static inline void nta_debug_node_fill(struct nta_node *node)
{
}

static inline bool nta_debug_alloc(struct nta_node *node, void *ptr,
				   unsigned int units)
{
	return true;
}

static inline bool nta_debug_free(struct nta_node *node, void *ptr)
{
	return true;
}

static inline void nta_debug_joint(unsigned long *right)
{
}

static inline void nta_debug_history(const struct nta_node *node,
				     const void *ptr)
{
}
#endif

#endif /* _NTA_H */
