/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NTA, the network tree allocator: memory for packet data.
 *
 * This header is what the network stack sees: the switch, the fast paths, and
 * the few calls that the rest of the kernel needs to recognise an NTA pointer.
 * The structures are here only because the fast paths are inline; nothing
 * outside net/core/nta/ may touch their fields. The design, with the words
 * "unit", "chunk", "node" and "hot list", is explained at the top of
 * net/core/nta/core.c.
 */
#ifndef _LINUX_NTA_H
#define _LINUX_NTA_H

#include <linux/gfp_types.h>
#include <linux/types.h>

#ifdef CONFIG_NTA

#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/const.h>
#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sizes.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

/* One unit is one cache line, so no two chunks share a line. */
#ifndef NTA_UNIT_SHIFT
#define NTA_UNIT_SHIFT	L1_CACHE_SHIFT
#endif
#define NTA_UNIT	(_AC(1, U) << NTA_UNIT_SHIFT)

/* A 64 KiB GSO packet with headers, headroom and skb_shared_info fits. */
#define NTA_MAX_SIZE	(SZ_64K + SZ_4K)
#define NTA_MAX_UNITS	(NTA_MAX_SIZE >> NTA_UNIT_SHIFT)

/* Debug kernels put one unit behind every chunk, to see who runs into it. */
#if defined(CONFIG_NTA_DEBUG) || defined(CONFIG_KASAN)
#define NTA_PAD		1U
#else
#define NTA_PAD		0U
#endif
#define NTA_NR_CLASSES	(NTA_MAX_UNITS + NTA_PAD + 1)

/* Debug kernels look at every chunk; the fast paths are out of line there. */
#if !defined(CONFIG_NTA_DEBUG) && !defined(CONFIG_KASAN) && \
	!defined(CONFIG_DEBUG_KMEMLEAK)
#define NTA_FAST_INLINE	1
#else
#define NTA_FAST_INLINE	0
#endif

/*
 * Bins of merged free chunks: one per size below NTA_BIN_LINEAR units, then
 * NTA_BIN_SUB per power of two. No node is longer than 2 MiB: one huge page
 * of x86, so the sniffer can map a node with one entry.
 */
#define NTA_BIN_LINEAR	64U
#define NTA_BIN_SUB	32U
#define NTA_NODE_SHIFT	21
#define NTA_NODE_UNITS	(1U << (NTA_NODE_SHIFT - NTA_UNIT_SHIFT))
#define NTA_NR_BINS	(NTA_BIN_LINEAR + \
			 (NTA_NODE_SHIFT - NTA_UNIT_SHIFT - 5) * NTA_BIN_SUB)

/* Bits of net.core.nta and of the boot parameter nta= */
#define NTA_HEADS	0x1	/* skb->head */
#define NTA_RECEIVE	0x2	/* heads that drivers ask for to receive into */
#define NTA_STREAM	0x4	/* page fragments that sockets send from */
#define NTA_ALL		0x7
#define NTA_NR_BITS	3

/* Requests that are left to kmalloc: other zones, or charged to a cgroup. */
#define NTA_GFP_STOCK	(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM | \
			 __GFP_RECLAIMABLE | \
			 (IS_ENABLED(CONFIG_MEMCG) ? __GFP_ACCOUNT : 0))

/* Why a request was left to the stock path */
enum nta_fallback {
	NTA_FALLBACK_SIZE,	/* larger than NTA_MAX_SIZE */
	NTA_FALLBACK_GFP,	/* NTA_GFP_STOCK */
	NTA_FALLBACK_NUMA,	/* memory of another NUMA node was asked for */
	NTA_FALLBACK_CONTEXT,	/* interrupted NTA itself on this CPU */
	NTA_FALLBACK_NOMEM,	/* no node could be had in this context */
	NTA_NR_FALLBACKS
};

/**
 * struct nta_node - a contiguous piece of memory that chunks are cut from
 * @base: first byte, page aligned
 * @cpu: owner; written by the owner, or by whoever inherits a dead CPU
 * @nr_units: length
 * @nr_used: units that are not in the owner's bins; zero: wholly free
 * @order: length as a page order
 * @nid: NUMA node of the memory
 * @id: small number, unique while the node lives
 * @list: on nta_cpu.nodes of the owner, or in the depot
 * @all: on the list of all nodes
 * @stamp: jiffies when it came to the depot
 * @hold: one counter per unit while anybody holds chunks, see hold.c
 * @track: who allocated and freed, CONFIG_NTA_DEBUG
 * @edge: bit per unit: first or last unit of a chunk in the owner's bins
 * @start: bit per unit: a chunk begins here; one bit more ends the last chunk
 */
struct nta_node {
	void			*base;
	int			cpu;
	u32			nr_units;
	u32			nr_used;
	u8			order;
	int			nid;
	int			id;
	struct list_head	list;
	struct list_head	all;
	unsigned long		stamp;
	u16			*hold;
	struct nta_track	*track;
	unsigned long		*edge;
	unsigned long		start[];
};

/**
 * struct nta_hot - free chunks of one size that were not merged yet
 * @first: newest chunk, linked through word 0 of each
 * @nr: how many
 * @limit: most that are kept
 * @seen: @allocs when ageing last looked
 * @allocs: chunks of this size handed out on this CPU, ever
 * @frees: chunks of this size taken back on this CPU, ever
 */
struct nta_hot {
	unsigned long	*first;
	u16		nr;
	u16		limit;
	u32		seen;
	unsigned long	allocs;
	unsigned long	frees;
};

/**
 * struct nta_stats - what happens off the fast path, counted per CPU
 * @splits: chunks cut in two
 * @merges: chunks joined with a free neighbour
 * @remote_frees: chunks freed here that another CPU owns
 * @remote_batches: how many pushes that took
 * @drained: chunks taken from the own remote queue
 * @held: chunks that the stack freed while somebody held them
 * @unheld: such chunks that came back since
 * @slack: bytes handed out beyond what was asked for, by rounding
 * @quarantined: chunks taken out of use because they were damaged
 * @quarantined_units: their size
 * @bad_frees: frees that were refused
 * @grown: nodes taken from the system
 * @returned: nodes given back to the system
 * @fallback: requests left to the stock path, by cause
 * @block_allocs: page fragment blocks handed out
 * @block_frees: page fragment blocks that came back
 */
struct nta_stats {
	unsigned long	splits;
	unsigned long	merges;
	unsigned long	remote_frees;
	unsigned long	remote_batches;
	unsigned long	drained;
	unsigned long	held;
	unsigned long	unheld;
	unsigned long	slack;
	unsigned long	quarantined;
	unsigned long	quarantined_units;
	unsigned long	bad_frees;
	unsigned long	grown;
	unsigned long	returned;
	unsigned long	fallback[NTA_NR_FALLBACKS];
	unsigned long	block_allocs;
	unsigned long	block_frees;
};

/*
 * Chunks of one size on their way to another CPU, collected to touch its line
 * less. A few sizes at once: data one way, acknowledgements the other.
 */
struct nta_outbox {
	int		cpu;
	u16		units;
	u16		nr;
	unsigned int	epoch;
	unsigned long	*first;
};

#define NTA_OUTBOX_SLOTS	4

/* A block: as much as a socket takes at once from the page allocator. */
#define NTA_BLOCK_ORDER	get_order(32768)

/*
 * Free blocks for page fragments kept per CPU. A sniffer holds many and gives
 * them back all at once; what is not asked for again ages within a second.
 */
#define NTA_NR_BLOCKS	512

/**
 * struct nta_cpu - everything one CPU owns
 *
 * All of it belongs to the gate (@busy, see core.c) of that CPU, except
 * @remote, which other CPUs push to, and @offline.
 */
struct nta_cpu {
	/* private: */
	unsigned int		busy;
	int			cpu;
	struct nta_hot		hot[NTA_NR_CLASSES];
	struct nta_outbox	outbox[NTA_OUTBOX_SLOTS];
	unsigned long		*pending;
	struct list_head	nodes;
	unsigned int		nr_nodes;
	unsigned int		nr_whole;
	unsigned long		nr_units;
	unsigned long		nr_free_units;
	unsigned int		flush_class;
	unsigned long		grow_after;
	struct nta_stats	stats;
	unsigned int		nr_blocks;
	unsigned long		block_seen;
	struct page		*block[NTA_NR_BLOCKS];
	unsigned long		bin_map[BITS_TO_LONGS(NTA_NR_BINS)];
	unsigned long		*bin[NTA_NR_BINS];
	bool			armed;
	bool			flush_all;
	bool			grow_big;
	struct irq_work		kick;
	struct delayed_work	age;

	/* Written by other CPUs: a line of its own. */
	unsigned long		*remote ____cacheline_aligned_in_smp;
	atomic_t		nr_remote;
	bool			offline;
};

DECLARE_PER_CPU(struct nta_cpu, nta_cpu);
DECLARE_STATIC_KEY_FALSE(nta_heads_key);
DECLARE_STATIC_KEY_FALSE(nta_receive_key);
DECLARE_STATIC_KEY_FALSE(nta_stream_key);
DECLARE_STATIC_KEY_FALSE(nta_hold_key);

/* Set once at boot; what makes links and canaries unreadable, see core.c. */
extern unsigned long nta_link_secret;
extern unsigned long nta_canary_secret;

/* core.c APIs: */
void *nta_alloc(size_t need, unsigned int *size, gfp_t gfp, int nid);
void nta_free(const void *ptr);
void nta_free_sized(void *ptr, unsigned int size);
void *nta_alloc_slow(unsigned int units, gfp_t gfp);
void nta_free_slow(struct nta_node *node, void *ptr, unsigned int units);
void nta_free_remote(struct nta_node *node, void *ptr, unsigned int units);
void nta_count_slack(unsigned int bytes);
size_t nta_usable_size(const void *ptr);
void nta_check_usercopy(const void *ptr, unsigned long n, bool to_user);

/* hold.c APIs: */
int nta_hold_enable(void);
void nta_hold_disable(void);
int nta_hold(void *ptr);
s64 nta_hold_at(void *ptr);
void nta_unhold(void *ptr, unsigned int size);
bool nta_hold_keeps(struct nta_node *node, void *ptr);
bool nta_hold_keeps_or_clears(struct nta_node *node, void *ptr);

/* node.c APIs: */
void nta_pin_nodes(void);
void nta_unpin_nodes(void);

/* map.c APIs: */
int nta_map_start(void (*zap)(u64 off, u64 len));
void nta_map_stop(void);
u64 nta_map_size(void);
s64 nta_map_place(const void *ptr);
vm_fault_t nta_map_fault(struct vm_fault *vmf, unsigned long pgoff,
			 unsigned int order);

/* switch.c APIs: */
void nta_need(unsigned int mask);
void nta_need_no_more(unsigned int mask);

/* block.c APIs: */
bool nta_page_frag_refill(unsigned int size, struct page_frag *pfrag,
			  gfp_t gfp);
void nta_folio_release(struct folio *folio);

/*
 * The canary that the second word of a free chunk holds. It seals the link in
 * the first one: a link is never followed after somebody ran into it.
 */
static __always_inline unsigned long nta_canary(const unsigned long *chunk)
{
	return (unsigned long)chunk ^ nta_canary_secret ^ chunk[0];
}

/* A link as it is stored in @slot, or back: its own inverse. */
static __always_inline unsigned long nta_link(const unsigned long *slot,
					      unsigned long link)
{
	return link ^ (unsigned long)slot ^ nta_link_secret;
}

/**
 * nta_owns() - tell NTA memory from all other
 * @ptr: address in the direct mapping
 *
 * Context: Any context.
 * Return: true if @ptr points into an NTA node.
 */
static __always_inline bool nta_owns(const void *ptr)
{
	return PageNta(virt_to_page(ptr));
}

/*
 * Take the newest free chunk of exactly this size.
 *
 * NULL if there is none, if the chunk was damaged, if chunks wait in the
 * remote queue, or if this interrupted NTA: nta_alloc_slow() finds out which.
 */
static __always_inline void *nta_alloc_fast(unsigned int units)
{
	unsigned long *chunk = NULL;
	struct nta_cpu *c;
	struct nta_hot *hot;

	preempt_disable();
	c = this_cpu_ptr(&nta_cpu);
	if (unlikely(READ_ONCE(c->busy) || READ_ONCE(c->remote)))
		goto out;
	WRITE_ONCE(c->busy, 1);
	barrier(); /* An interrupt that sees busy clear finds all in order. */

	hot = &c->hot[units];
	if (likely(hot->first) &&
	    likely(hot->first[1] == nta_canary(hot->first))) {
		chunk = hot->first;
		hot->first = (unsigned long *)nta_link(chunk, chunk[0]);
		chunk[1] = 0;
		hot->nr--;
		hot->allocs++;
	}

	barrier(); /* As above, the other end. */
	WRITE_ONCE(c->busy, 0);
out:
	preempt_enable();
	return chunk;
}

/*
 * Put a chunk of known size on its owner's hot list, if this is the owner.
 *
 * False if it is not, or for anything out of the ordinary: nta_free_slow()
 * deals with it.
 */
static __always_inline bool nta_free_fast(struct nta_node *node,
					  unsigned long *chunk,
					  unsigned int units)
{
	unsigned int unit = ((void *)chunk - node->base) >> NTA_UNIT_SHIFT;
	struct nta_cpu *c;
	struct nta_hot *hot;
	bool done = false;

	if (unlikely(units - 1 >= NTA_NR_CLASSES - 1 ||
		     ((unsigned long)chunk & (NTA_UNIT - 1))))
		return false;

	preempt_disable();
	c = this_cpu_ptr(&nta_cpu);
	if (READ_ONCE(node->cpu) != c->cpu || unlikely(READ_ONCE(c->busy)))
		goto out;
	WRITE_ONCE(c->busy, 1);
	barrier(); /* See nta_alloc_fast(). */

	hot = &c->hot[units];
	if (likely(hot->nr < hot->limit) &&
	    likely(unit + units <= node->nr_units) &&
	    likely(test_bit(unit, node->start)) &&
	    likely(test_bit(unit + units, node->start)) &&
	    likely(chunk[1] != nta_canary(chunk)) &&
	    likely(!READ_ONCE(c->remote))) {
		chunk[0] = nta_link(chunk, (unsigned long)hot->first);
		chunk[1] = nta_canary(chunk);
		hot->first = chunk;
		hot->nr++;
		hot->frees++;
		done = true;
	}

	barrier(); /* See nta_alloc_fast(). */
	WRITE_ONCE(c->busy, 0);
out:
	preempt_enable();
	return done;
}

/*
 * Does somebody hold the chunk that is about to be freed? Then he frees it. All
 * frees ask this first. With init_on_free, this also clears a chunk that nobody
 * holds; the key is then always on.
 */
static __always_inline bool nta_is_kept(struct nta_node *node, void *ptr)
{
	u16 *hold;

	if (!static_branch_unlikely(&nta_hold_key))
		return false;
	if (want_init_on_free())
		return nta_hold_keeps_or_clears(node, ptr);
	hold = READ_ONCE(node->hold);
	if (!hold)
		return false;
	hold += (ptr - node->base) >> NTA_UNIT_SHIFT;
	/* Pairs with the last nta_unhold(), see "Ordering" in hold.c. */
	return smp_load_acquire(hold) && nta_hold_keeps(node, ptr);
}

/* Put a chunk whose size is known where it belongs. */
static __always_inline void nta_free_chunk(struct nta_node *node, void *ptr,
					   unsigned int units)
{
	/* Racy on purpose: wherever it goes, it is asked again. */
	if (READ_ONCE(node->cpu) != raw_smp_processor_id())
		nta_free_remote(node, ptr, units);
	else if (unlikely(!nta_free_fast(node, ptr, units)))
		nta_free_slow(node, ptr, units);
}

/* Why NTA does not serve such a request, or -1 if it does. */
static __always_inline int nta_refuses(size_t size, gfp_t gfp, int nid)
{
	if (unlikely(size - 1 >= NTA_MAX_SIZE))
		return NTA_FALLBACK_SIZE;
	if (unlikely(gfp & NTA_GFP_STOCK))
		return NTA_FALLBACK_GFP;
	if (unlikely(nid != NUMA_NO_NODE && nid != numa_mem_id()))
		return NTA_FALLBACK_NUMA;
	return -1;
}

static __always_inline unsigned int nta_units(size_t size)
{
	return (size + NTA_UNIT - 1) >> NTA_UNIT_SHIFT;
}

/**
 * nta_heads_enabled() - is skb->head allocated from NTA?
 *
 * Return: bit NTA_HEADS of net.core.nta, by a static key
 */
static __always_inline bool nta_heads_enabled(void)
{
	return static_branch_likely(&nta_heads_key);
}

/**
 * nta_receive_enabled() - is what drivers receive into allocated from NTA?
 *
 * Return: bits NTA_HEADS and NTA_RECEIVE of net.core.nta, by a static key
 */
static __always_inline bool nta_receive_enabled(void)
{
	return static_branch_unlikely(&nta_receive_key);
}

/**
 * nta_stream_enabled() - are stream fragments cut from blocks of NTA?
 *
 * Return: bit NTA_STREAM of net.core.nta, by a static key
 */
static __always_inline bool nta_stream_enabled(void)
{
	return static_branch_unlikely(&nta_stream_key);
}

/**
 * nta_alloc_head() - allocate skb->head, fast path inline
 * @need: bytes needed
 * @size: on success: bytes usable, whole units; else left alone
 * @gfp: as for kmalloc()
 * @nid: NUMA node, or NUMA_NO_NODE
 *
 * Use behind nta_heads_enabled() only.
 *
 * Context: Any context but NMI.
 * Return: the memory, aligned to a unit, or NULL: use the stock path.
 */
static __always_inline void *nta_alloc_head(size_t need, unsigned int *size,
					    gfp_t gfp, int nid)
{
	unsigned int units;
	void *chunk;

	if (!NTA_FAST_INLINE || unlikely(nta_refuses(need, gfp, nid) >= 0))
		return nta_alloc(need, size, gfp, nid);

	units = nta_units(need);
	chunk = nta_alloc_fast(units);
	if (unlikely(!chunk)) {
		chunk = nta_alloc_slow(units, gfp);
		if (!chunk)
			return NULL;
	}
	if (unlikely(need & (NTA_UNIT - 1)))
		nta_count_slack(-need & (NTA_UNIT - 1));
	*size = units << NTA_UNIT_SHIFT;
	if (unlikely(want_init_on_alloc(gfp)))
		memset(chunk, 0, *size);
	return chunk;
}

/**
 * nta_free_head() - free skb->head if it is NTA's, fast path inline
 * @head: what nta_alloc_head() or kmalloc() returned
 * @size: what nta_alloc_head() said; a smaller value is safe, only slower
 *
 * Use behind nta_heads_enabled() only: else kfree() finds NTA memory by
 * itself, so nothing is lost by not looking here.
 *
 * Context: Any context.
 * Return: false if @head is not NTA's; the caller frees it.
 */
static __always_inline bool nta_free_head(void *head, unsigned int size)
{
	struct page *page = virt_to_page(head);
	struct nta_node *node;

	if (unlikely(!PageNta(page)))
		return false;

	if (!NTA_FAST_INLINE) {
		nta_free_sized(head, size);
		return true;
	}

	node = (struct nta_node *)page_private(page);
	if (!nta_is_kept(node, head))
		nta_free_chunk(node, head, size >> NTA_UNIT_SHIFT);
	return true;
}

#else /* !CONFIG_NTA */

struct folio;
struct page_frag;

static inline bool nta_heads_enabled(void)
{
	return false;
}

static inline bool nta_receive_enabled(void)
{
	return false;
}

static inline bool nta_stream_enabled(void)
{
	return false;
}

static inline void *nta_alloc_head(size_t need, unsigned int *size, gfp_t gfp,
				   int nid)
{
	return NULL;
}

static inline bool nta_free_head(void *head, unsigned int size)
{
	return false;
}

static inline void nta_free(const void *ptr)
{
}

static inline size_t nta_usable_size(const void *ptr)
{
	return 0;
}

static inline void nta_check_usercopy(const void *ptr, unsigned long n,
				      bool to_user)
{
}

static inline bool nta_page_frag_refill(unsigned int size,
					struct page_frag *pfrag, gfp_t gfp)
{
	return false;
}

static inline void nta_folio_release(struct folio *folio)
{
}

#endif /* CONFIG_NTA */

#endif /* _LINUX_NTA_H */
