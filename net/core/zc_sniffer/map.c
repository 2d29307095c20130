// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: what is mapped.
 *
 *   ZCS_OFF_RINGS    the rings: vmalloc memory, read only
 *   ZCS_OFF_TAILS    the tails: vmalloc memory, the one part that user space
 *                    writes
 *   ZCS_OFF_TX_RING  completions, read only
 *   ZCS_OFF_TX       chunks to send from
 *   ZCS_OFF_DATA     all memory of NTA, read only
 *
 * The data area is sparse and longer than what is in it. Nothing is in the page
 * tables but what faults brought in, and page tables hold no references: when
 * NTA gives memory back, it has the area zapped first. All files share the
 * address space of an inode of our own, so that one call finds every mapping.
 * A child does not inherit it (VM_DONTCOPY), nobody can make it writable
 * (VM_MAYWRITE is cleared), and get_user_pages() refuses it (VM_PFNMAP).
 *
 * Locking: see net/core/nta/map.c.
 */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nta.h>
#include <linux/vmalloc.h>

#include "zcs.h"

/* Whose address space all files share. Constant while the module is there. */
static struct file *zcs_anchor;

static void zcs_zap(u64 off, u64 len)
{
	unmap_mapping_range(zcs_anchor->f_mapping, ZCS_OFF_DATA + off, len, 1);
}

/**
 * zcs_map_opened() - have a file share the address space
 * @file: a file that is being opened
 *
 * Context: Process context.
 */
void zcs_map_opened(struct file *file)
{
	file->f_mapping = zcs_anchor->f_mapping;
}

static unsigned long zcs_data_pgoff(const struct vm_fault *vmf)
{
	return vmf->pgoff - (ZCS_OFF_DATA >> PAGE_SHIFT);
}

static vm_fault_t zcs_data_fault(struct vm_fault *vmf)
{
	return nta_map_fault(vmf, zcs_data_pgoff(vmf), 0);
}

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
/* A node of 2 MiB takes one entry, if the mapping is aligned. */
static vm_fault_t zcs_data_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	const struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vmf->address & ~(PMD_SIZE - 1);
	unsigned long pgoff = zcs_data_pgoff(vmf) & ~(PTRS_PER_PMD - 1UL);

	if (order != PMD_ORDER || addr < vma->vm_start ||
	    addr + PMD_SIZE > vma->vm_end ||
	    ((vma->vm_start >> PAGE_SHIFT) - vma->vm_pgoff) &
	    (PTRS_PER_PMD - 1))
		return VM_FAULT_FALLBACK;
	return nta_map_fault(vmf, pgoff, order);
}
#endif

static const struct vm_operations_struct zcs_data_ops = {
	.fault		= zcs_data_fault,
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	.huge_fault	= zcs_data_huge_fault,
#endif
};

static int zcs_data_mmap(struct vm_area_struct *vma, u64 off)
{
	u64 len = vma->vm_end - vma->vm_start;

	if (off + len > nta_map_size())
		return -EINVAL;
	vma->vm_ops = &zcs_data_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTCOPY | VM_DONTEXPAND |
		     VM_DONTDUMP);
	return 0;
}

/* An area from its beginning, and no more than it has. */
static int zcs_area_mmap(struct vm_area_struct *vma, void *area, size_t size)
{
	if (!area || vma->vm_end - vma->vm_start > PAGE_ALIGN(size))
		return -EINVAL;
	return remap_vmalloc_range(vma, area, 0);
}

static int zcs_tails_mmap(struct zcs_reader *r, struct vm_area_struct *vma)
{
	/* Pairs with zcs_tails_alloc(). */
	struct zcs_tail *tails = smp_load_acquire(&r->tails);
	int err;

	if (READ_ONCE(r->mode) == ZCS_MODE_READ)
		return -EBUSY;
	err = zcs_area_mmap(vma, tails, r->tails_size);
	if (err)
		return err;
	return cmpxchg(&r->mode, ZCS_MODE_NONE, ZCS_MODE_MAPPED) ==
	       ZCS_MODE_READ ? -EBUSY : 0;
}

/**
 * zcs_mmap() - map one of the areas
 * @r: reader
 * @vma: what is asked for; its offset says which
 *
 * Context: Process context, under mmap_lock.
 * Return: 0; -EINVAL for another offset, a length that the area does not have,
 * or what is not set up; -EACCES for a writable mapping of what is read only,
 * or a private one; -EBUSY for the tails of a reader that read()s.
 */
int zcs_mmap(struct zcs_reader *r, struct vm_area_struct *vma)
{
	u64 off = (u64)vma->vm_pgoff << PAGE_SHIFT;
	bool writable = off == ZCS_OFF_TAILS || off == ZCS_OFF_TX;
	unsigned int nr_rings;

	if (!(vma->vm_flags & VM_SHARED))
		return -EACCES;
	if (!writable) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	vm_flags_clear(vma, VM_MAYEXEC);

	if (off >= ZCS_OFF_DATA)
		return zcs_data_mmap(vma, off - ZCS_OFF_DATA);
	switch (off) {
	case ZCS_OFF_RINGS:
		nr_rings = zcs_nr_rings(r);
		return zcs_area_mmap(vma, nr_rings ? r->rings : NULL,
				     r->setup.ring_size * nr_rings);
	case ZCS_OFF_TAILS:
		return zcs_tails_mmap(r, vma);
	case ZCS_OFF_TX_RING:
		return zcs_tx_ring_mmap(r, vma);
	case ZCS_OFF_TX:
		return zcs_tx_mmap(r, vma);
	}
	return -EINVAL;
}

/**
 * zcs_map_init() - tell NTA whom to tell when memory goes
 *
 * Context: Process context.
 * Return: 0 or -errno.
 */
int zcs_map_init(void)
{
	static const struct file_operations nothing = {};
	int err;

	zcs_anchor = anon_inode_create_getfile("[zc_sniffer]", &nothing, NULL,
					       O_RDONLY, NULL);
	if (IS_ERR(zcs_anchor))
		return PTR_ERR(zcs_anchor);
	err = nta_map_start(zcs_zap);
	if (err)
		__fput_sync(zcs_anchor);
	return err;
}

/**
 * zcs_map_exit() - undo zcs_map_init()
 *
 * Context: Process context; no file is open.
 */
void zcs_map_exit(void)
{
	nta_map_stop();
	/* Not later: its operations are in the module. */
	__fput_sync(zcs_anchor);
}
