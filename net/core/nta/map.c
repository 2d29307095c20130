// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: the map - where nodes and blocks lie in a mapping of all of them.
 *
 * Overview
 * --------
 *
 * A sniffer shows packet memory to userspace. Every node and every block has a
 * place in one sparse area, which the sniffer's device maps:
 *
 *   0              2 MiB          4 MiB                  nodes end      blocks
 *   +--------------+--------------+--------------+-- - --+----+----+----+-- -
 *   | node 0       | node 1 |.....| node 2  |....|       | 0  | 1  | 2  |
 *   +--------------+--------------+--------------+-- - --+----+----+----+-- -
 *
 * A node's place follows from its id, and it has one while it lives. A block
 * gets its id when it is asked for the first time, and keeps it.
 *
 * The page tables are filled by faults and take no references. So before the
 * pages of a node or a block go back to the system, the user of the map is told
 * to zap that part, and a fault there finds nothing. Only after the zap, the id
 * may be given to another node or block: until then, a page table may have the
 * old memory at that place.
 *
 * Locking
 * -------
 *
 *   nta_map_mtx     nta_map_zap. Taken in reclaim: nothing is allocated inside.
 *   nta_block_mtx   blocks cannot lose their place while a fault maps one.
 *                   Not taken in reclaim: the worker drops blocks.
 *   nta_block_ids   block ids; interrupts off.
 *   pins            nodes cannot go while a fault maps one, see node.c.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <kunit/static_stub.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page_ref.h>
#include <linux/pfn_t.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "nta.h"

#define NTA_BLOCK_SHIFT	(PAGE_SHIFT + NTA_BLOCK_ORDER)

static DEFINE_MUTEX(nta_map_mtx);
static DEFINE_MUTEX(nta_block_mtx);
static DEFINE_XARRAY_FLAGS(nta_block_ids, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_IRQ);
static void (*nta_map_zap)(u64 off, u64 len);

/* Constant after boot. */
u32 nta_map_nodes;
static u32 nta_map_blocks;

/* === Using the map ======================================================= */

/**
 * nta_map_start() - become the one who maps packet memory
 * @zap: called before memory goes: no page table may have it afterwards. May
 *	sleep, must not allocate memory that is waited for
 *
 * Context: Process context; takes nta_map_mtx.
 * Return: 0, or -EBUSY if there is one already.
 */
int nta_map_start(void (*zap)(u64 off, u64 len))
{
	int ret = -EBUSY;

	mutex_lock(&nta_map_mtx);
	if (!nta_map_zap) {
		nta_map_zap = zap;
		ret = 0;
	}
	mutex_unlock(&nta_map_mtx);
	return ret;
}
EXPORT_SYMBOL_GPL(nta_map_start);

/**
 * nta_map_stop() - undo nta_map_start()
 *
 * The caller has no mapping left.
 *
 * Context: Process context; takes nta_map_mtx.
 */
void nta_map_stop(void)
{
	mutex_lock(&nta_map_mtx);
	nta_map_zap = NULL;
	mutex_unlock(&nta_map_mtx);
}
EXPORT_SYMBOL_GPL(nta_map_stop);

/**
 * nta_map_size() - length of the area
 *
 * Context: Any context.
 * Return: bytes; constant after boot.
 */
u64 nta_map_size(void)
{
	return ((u64)nta_map_nodes << NTA_NODE_SHIFT) +
	       ((u64)nta_map_blocks << NTA_BLOCK_SHIFT);
}
EXPORT_SYMBOL_GPL(nta_map_size);

/* A block's id, which it gets now if it has none; negative: there is none. */
static long nta_block_id(struct page *head)
{
	unsigned long id = READ_ONCE(page_private(head)), flags;
	int err;
	u32 new;

	if (id)
		return id - 1;

	xa_lock_irqsave(&nta_block_ids, flags);
	id = page_private(head);
	if (!id) {
		err = __xa_alloc(&nta_block_ids, &new, head,
				 XA_LIMIT(0, nta_map_blocks - 1),
				 GFP_ATOMIC | __GFP_NOWARN);
		if (!err) {
			id = new + 1UL;
			WRITE_ONCE(page_private(head), id);
		}
	}
	xa_unlock_irqrestore(&nta_block_ids, flags);
	return (long)id - 1;
}

/**
 * nta_map_place() - where an address lies in the area
 * @ptr: address in the memory of NTA; the caller keeps it from being freed
 *
 * Context: Any context but NMI.
 * Return: bytes from the start of the area, or -ENOSPC: it cannot be shown.
 */
s64 nta_map_place(const void *ptr)
{
	struct page *page = virt_to_page(ptr);
	struct nta_node *node;
	long id;

	if (PageNta(page) && !PageCompound(page)) {
		node = (struct nta_node *)page_private(page);
		if (unlikely(node->id >= nta_map_nodes))
			return -ENOSPC;
		return ((s64)node->id << NTA_NODE_SHIFT) + (ptr - node->base);
	}

	page = compound_head(page);
	id = nta_block_id(page);
	if (unlikely(id < 0))
		return -ENOSPC;
	return ((s64)nta_map_nodes << NTA_NODE_SHIFT) +
	       ((s64)id << NTA_BLOCK_SHIFT) + (ptr - page_address(page));
}
EXPORT_SYMBOL_GPL(nta_map_place);

/* === Faults ============================================================== */

static vm_fault_t nta_map_insert(struct vm_fault *vmf, const void *ptr,
				 unsigned int order)
{
	unsigned long pfn = page_to_pfn(virt_to_page(ptr));

	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, pfn_to_pfn_t(pfn), false);
#endif
	return VM_FAULT_FALLBACK;
}

static vm_fault_t nta_map_fault_node(struct vm_fault *vmf, u64 off,
				     unsigned int order)
{
	vm_fault_t ret = order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
	int id = off >> NTA_NODE_SHIFT;
	struct nta_node *node = NULL;

	off &= (1U << NTA_NODE_SHIFT) - 1;
	nta_pin_nodes();
	while ((node = nta_node_next(node))) {
		if (node->id != id)
			continue;
		if (off + (PAGE_SIZE << order) <= PAGE_SIZE << node->order)
			ret = nta_map_insert(vmf, node->base + off, order);
		break;
	}
	nta_unpin_keep();
	return ret;
}

static vm_fault_t nta_map_fault_block(struct vm_fault *vmf, u64 off,
				      unsigned int order)
{
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct page *head;

	if (order)
		return VM_FAULT_FALLBACK;
	mutex_lock(&nta_block_mtx);
	head = xa_load(&nta_block_ids, off >> NTA_BLOCK_SHIFT);
	off &= (1U << NTA_BLOCK_SHIFT) - 1;
	if (head)
		ret = nta_map_insert(vmf, page_address(head) + off, 0);
	mutex_unlock(&nta_block_mtx);
	return ret;
}

/**
 * nta_map_fault() - bring in what a mapping of the area lacks
 * @vmf: the fault, in a VM_PFNMAP area that is never writable
 * @pgoff: page of the area that is wanted
 * @order: 0, or PMD_ORDER with everything aligned to that
 *
 * Context: Process context, as vm_operations_struct.fault.
 * Return: VM_FAULT_NOPAGE; VM_FAULT_SIGBUS if there is nothing at @pgoff;
 * VM_FAULT_FALLBACK if nothing of @order is.
 */
vm_fault_t nta_map_fault(struct vm_fault *vmf, unsigned long pgoff,
			 unsigned int order)
{
	u64 off = (u64)pgoff << PAGE_SHIFT;
	u64 blocks = (u64)nta_map_nodes << NTA_NODE_SHIFT;

	if (off >= nta_map_size())
		return VM_FAULT_SIGBUS;
	if (off < blocks)
		return nta_map_fault_node(vmf, off, order);
	return nta_map_fault_block(vmf, off - blocks, order);
}
EXPORT_SYMBOL_GPL(nta_map_fault);

/* === Memory goes ========================================================= */

/**
 * nta_map_forget() - remove a part of the area from all page tables
 * @off: where it begins, in bytes
 * @len: bytes
 *
 * Context: Process context, also in reclaim; takes nta_map_mtx.
 */
void nta_map_forget(u64 off, u64 len)
{
	KUNIT_STATIC_STUB_REDIRECT(nta_map_forget, off, len);

	if (!READ_ONCE(nta_map_zap))
		return;
	mutex_lock(&nta_map_mtx);
	if (nta_map_zap)
		nta_map_zap(off, len);
	mutex_unlock(&nta_map_mtx);
}

/**
 * nta_map_drop_node() - no page table may have a node any more
 * @node: on no list any more
 *
 * Context: Process context, also in reclaim.
 */
void nta_map_drop_node(const struct nta_node *node)
{
	if (node->id < nta_map_nodes)
		nta_map_forget((u64)node->id << NTA_NODE_SHIFT,
			       PAGE_SIZE << node->order);
}

static LLIST_HEAD(nta_dead_blocks);

/**
 * nta_map_end_block() - give a block back that may be mapped
 * @page: its head page, without references, with an id
 *
 * Context: Process context, not in reclaim; takes nta_block_mtx.
 */
void nta_map_end_block(struct page *page)
{
	unsigned long id = page_private(page) - 1;

	/* Faults find nothing from here on, but the id stays in use... */
	mutex_lock(&nta_block_mtx);
	xa_lock_irq(&nta_block_ids);
	__xa_store(&nta_block_ids, id, XA_ZERO_ENTRY, 0);
	xa_unlock_irq(&nta_block_ids);
	mutex_unlock(&nta_block_mtx);
	nta_map_forget(((u64)nta_map_nodes << NTA_NODE_SHIFT) +
		       ((u64)id << NTA_BLOCK_SHIFT),
		       PAGE_SIZE << NTA_BLOCK_ORDER);
	/* ... until the zap has removed the block from all page tables. */
	xa_erase_irq(&nta_block_ids, id);
	set_page_private(page, 0);
	nta_block_free(page);
}

static void nta_blocks_work(struct work_struct *work)
{
	struct llist_node *list = llist_del_all(&nta_dead_blocks), *next;

	for (; list; list = next) {
		next = list->next;
		nta_map_end_block(container_of((struct list_head *)list,
					       struct page, lru));
		cond_resched();
	}
}

static DECLARE_WORK(nta_dead_work, nta_blocks_work);

/**
 * nta_map_drop_block() - have a worker give back a block that may be mapped
 * @page: its head page, without references, with an id
 *
 * Context: Any context.
 */
void nta_map_drop_block(struct page *page)
{
	/* Nobody else uses page->lru of a block. */
	if (llist_add((struct llist_node *)&page->lru, &nta_dead_blocks))
		schedule_work(&nta_dead_work);
}

static int __init nta_map_init(void)
{
	u64 bytes = (u64)totalram_pages() << PAGE_SHIFT;

	/* Twice what there is: memory may be plugged in. */
	nta_map_nodes = min_t(u64, INT_MAX, 2 *
		DIV_ROUND_UP_ULL(bytes, PAGE_SIZE << NTA_ORDER_MIN));
	nta_map_blocks = min_t(u64, INT_MAX, 2 *
		DIV_ROUND_UP_ULL(bytes, PAGE_SIZE << NTA_BLOCK_ORDER));
	return 0;
}
core_initcall(nta_map_init);
