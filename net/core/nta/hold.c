// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: holds - chunks that stay readable after the stack has freed them.
 *
 * Overview
 * --------
 *
 * A sniffer that shows a packet to userspace holds the chunk; the stack does
 * not notice. When the stack frees a chunk that is held, it is only marked,
 * and the last one to let go frees it. One 16-bit word per unit, used at the
 * first unit of a chunk:
 *
 *   bit 15       freed by the stack
 *   bits 14..0   number of holds
 *
 *           hold              free (stack)            unhold
 *     0 ---------> n     n ---------------> F|n   F|1 ------> 0, chunk freed
 *                        0 ---------------> chunk freed
 *
 * The words exist only once somebody has said that holds will come; until
 * then frees do not look (static key).
 *
 * With init_on_free, the side that frees a chunk clears it: the stack, or the
 * last holder. The key is then on for good, so that a free has a single branch
 * for holds and for clearing.
 *
 * Ordering
 * --------
 *
 * All changes of a word are compare-and-exchange, so of the stack's free and
 * the last unhold exactly one frees the chunk. Whoever takes a first hold
 * must have a reference on the packet: the chunk cannot be freed meanwhile.
 * The stack may find that the last hold has gone: its load-acquire pairs with
 * the full barrier of nta_unhold(), so the chunk is not written to before the
 * holder has read it.
 *
 * Locking
 * -------
 *
 *   nta_hold_mtx   nta_hold_users and the switching of the key
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/kmemleak.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "nta.h"

#define NTA_HOLD_FREED	0x8000U

DEFINE_STATIC_KEY_FALSE(nta_hold_key);

/* Protects: nta_hold_users and nta_hold_key. */
static DEFINE_MUTEX(nta_hold_mtx);
unsigned int nta_hold_users;

/**
 * nta_node_add_hold() - give a node its hold words
 * @node: any node; pinned, or not visible to others yet
 * @gfp: flags for the words
 *
 * A node that has none cannot be held; nta_hold() says so.
 *
 * Context: Any context that @gfp allows.
 */
void nta_node_add_hold(struct nta_node *node, gfp_t gfp)
{
	u16 *hold;

	if (READ_ONCE(node->hold))
		return;
	hold = kvcalloc(node->nr_units, sizeof(*hold), gfp);
	if (!hold)
		return;
	kmemleak_not_leak(hold);
	if (cmpxchg(&node->hold, NULL, hold))
		kvfree(hold);
}

/**
 * nta_hold_enable() - say that chunks will be held
 *
 * Context: Process context; takes nta_hold_mtx.
 * Return: 0.
 */
int nta_hold_enable(void)
{
	struct nta_node *node = NULL;

	mutex_lock(&nta_hold_mtx);
	if (!nta_hold_users) {
		/* First: nodes made from now on come with hold words. */
		WRITE_ONCE(nta_hold_users, 1);
		nta_pin_nodes();
		while ((node = nta_node_next(node)))
			nta_node_add_hold(node, GFP_KERNEL);
		nta_unpin_nodes();
		static_branch_enable(&nta_hold_key);
	} else {
		WRITE_ONCE(nta_hold_users, nta_hold_users + 1);
	}
	mutex_unlock(&nta_hold_mtx);
	return 0;
}
EXPORT_SYMBOL_GPL(nta_hold_enable);

/**
 * nta_hold_disable() - undo nta_hold_enable()
 *
 * The caller has let go of all that it held.
 *
 * Context: Process context; takes nta_hold_mtx.
 */
void nta_hold_disable(void)
{
	mutex_lock(&nta_hold_mtx);
	WRITE_ONCE(nta_hold_users, nta_hold_users - 1);
	if (!nta_hold_users && !want_init_on_free())
		static_branch_disable(&nta_hold_key);
	mutex_unlock(&nta_hold_mtx);
}
EXPORT_SYMBOL_GPL(nta_hold_disable);

/**
 * nta_hold_init() - with init_on_free, switch the key on for good
 *
 * Context: Once, before NTA is used.
 */
void __init nta_hold_init(void)
{
	if (want_init_on_free())
		static_branch_enable(&nta_hold_key);
}

static u16 *nta_hold_word(const struct nta_node *node, const void *ptr)
{
	u16 *hold = READ_ONCE(node->hold);

	return hold ? &hold[nta_unit_of(node, ptr)] : NULL;
}

/* Always inline: a sniffer calls one function per packet. */
static __always_inline int nta_hold_in(struct nta_node *node, void *ptr)
{
	u16 *word = nta_hold_word(node, ptr);
	u16 old;

	if (unlikely(!nta_is_start(node, ptr)))
		return -EINVAL;
	if (unlikely(!word))
		return -ENOMEM;
	old = READ_ONCE(*word);
	do {
		if (unlikely(old >= NTA_HOLD_FREED - 1))
			return -EOVERFLOW;
	} while (!try_cmpxchg(word, &old, (u16)(old + 1)));
	return 0;
}

/**
 * nta_hold() - keep a chunk readable after the stack frees it
 * @ptr: beginning of a chunk, on whose packet the caller has a reference
 *
 * Context: Any context, between nta_hold_enable() and nta_hold_disable().
 * Return: 0; -EINVAL if no chunk begins there; -ENOMEM if the node has no hold
 * words; -EOVERFLOW if the chunk is held 32767 times. The caller copies then.
 */
int nta_hold(void *ptr)
{
	return nta_hold_in(nta_node_of(ptr), ptr);
}
EXPORT_SYMBOL_GPL(nta_hold);

/**
 * nta_hold_at() - hold a chunk, if it is one, and say where it is mapped
 * @ptr: address in the direct mapping, on whose memory the caller has a
 *	reference
 *
 * Context: Any context, between nta_hold_enable() and nta_hold_disable().
 * Return: as nta_map_place(); or, with nothing held, -EINVAL if no chunk of NTA
 * begins there, and as nta_hold().
 */
s64 nta_hold_at(void *ptr)
{
	struct page *page = virt_to_page(ptr);
	struct nta_node *node;
	int err;

	if (unlikely(!PageNta(page) || PageCompound(page)))
		return -EINVAL;
	node = (struct nta_node *)page_private(page);
	if (unlikely(node->id >= nta_map_nodes))
		return -ENOSPC;
	err = nta_hold_in(node, ptr);
	if (unlikely(err))
		return err;
	return ((s64)node->id << NTA_NODE_SHIFT) + (ptr - node->base);
}
EXPORT_SYMBOL_GPL(nta_hold_at);

/**
 * nta_hold_keeps() - the stack frees a chunk that seems to be held
 * @node: node of the chunk, which has hold words
 * @ptr: its beginning
 *
 * Context: Any context. See nta_is_kept().
 * Return: true: the chunk is left to the last nta_unhold().
 */
bool nta_hold_keeps(struct nta_node *node, void *ptr)
{
	u16 *word = nta_hold_word(node, ptr);
	/* What the last holder read it has read; see "Ordering". */
	u16 old = smp_load_acquire(word);

	do {
		if (!old)
			return false;
		if (unlikely(old & NTA_HOLD_FREED)) {
			nta_report("bad free: free already, and held", node,
				   ptr, 0);
			this_cpu_inc(nta_cpu.stats.bad_frees);
			return true;
		}
	} while (!try_cmpxchg(word, &old, (u16)(old | NTA_HOLD_FREED)));
	this_cpu_inc(nta_cpu.stats.held);
	return true;
}

/*
 * Clear a chunk that is being freed. If @ptr is no chunk, or a free one, leave
 * it as it is: the checks of the free report it.
 */
static void nta_clear(struct nta_node *node, void *ptr)
{
	unsigned long *chunk = ptr;

	if (!nta_is_start(node, ptr) ||
	    chunk[NTA_W_CANARY] == nta_canary(chunk))
		return;
	memset(ptr, 0, nta_usable_size(ptr));
}

/**
 * nta_hold_keeps_or_clears() - nta_is_kept() with init_on_free
 * @node: node of the chunk
 * @ptr: its beginning
 *
 * Context: Any context. See nta_is_kept().
 * Return: true: the chunk is left to the last nta_unhold(), which clears it;
 * false: it is cleared, and the caller frees it.
 */
bool nta_hold_keeps_or_clears(struct nta_node *node, void *ptr)
{
	u16 *word = nta_hold_word(node, ptr);

	/* As in nta_is_kept(). */
	if (word && smp_load_acquire(word) && nta_hold_keeps(node, ptr))
		return true;
	nta_clear(node, ptr);
	return false;
}

/**
 * nta_unhold() - let go of a chunk
 * @ptr: what nta_hold() was called with
 * @size: its size if the caller knows it; a smaller value is safe, only slower
 *
 * Frees the chunk if the stack did so before and this was the last hold.
 *
 * Context: Any context.
 */
void nta_unhold(void *ptr, unsigned int size)
{
	struct nta_node *node = nta_node_of(ptr);
	u16 *word = nta_hold_word(node, ptr);
	u16 old, new;

	if (WARN_ON_ONCE(!word))
		return;
	old = READ_ONCE(*word);
	do {
		if (!(old & ~NTA_HOLD_FREED)) {
			nta_report("let go of a chunk that is not held", node,
				   ptr, 0);
			return;
		}
		new = old - 1;
		if (new == NTA_HOLD_FREED)
			new = 0;
	} while (!try_cmpxchg(word, &old, new));

	if (old == (NTA_HOLD_FREED | 1)) {
		this_cpu_inc(nta_cpu.stats.unheld);
		if (want_init_on_free())
			nta_clear(node, ptr);
		if (NTA_FAST_INLINE)
			nta_free_chunk(node, ptr, size >> NTA_UNIT_SHIFT);
		else
			nta_free_sized(ptr, size);
	}
}
EXPORT_SYMBOL_GPL(nta_unhold);
