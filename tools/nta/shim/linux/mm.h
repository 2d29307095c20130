/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: pages of the model's arena; see pages.c. */
#ifndef _SHIM_LINUX_MM_H
#define _SHIM_LINUX_MM_H

#include <linux/bug.h>
#include <linux/gfp_types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_ALLOC_COSTLY_ORDER	3

struct folio;
struct page_frag;
struct vm_fault;
typedef unsigned int vm_fault_t;

struct page {
	unsigned long	private;
	bool		nta;
};

extern char *shim_arena;
extern unsigned long shim_arena_pages;
extern struct page *shim_map;
extern struct page shim_foreign;

static __always_inline struct page *virt_to_page(const void *ptr)
{
	unsigned long nr = ((uintptr_t)ptr - (uintptr_t)shim_arena) >>
			   PAGE_SHIFT;

	return likely(nr < shim_arena_pages) ? &shim_map[nr] : &shim_foreign;
}

#define PageNta(page)		((page)->nta)
#define PageCompound(page)	((void)(page), false)
#define page_private(page)	((page)->private)

static inline int get_order(unsigned long size)
{
	int order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

#define want_init_on_alloc(gfp)	((gfp) & __GFP_ZERO)
#define want_init_on_free()	false

#endif /* _SHIM_LINUX_MM_H */
