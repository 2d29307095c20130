// SPDX-License-Identifier: GPL-2.0-only
/*
 * A power-of-two allocator: what kmalloc() does, without what makes it big.
 *
 * Sizes from 64 bytes to half a page are objects of a page of that size; more
 * is whole pages, a power of two of them. Free objects are linked through
 * their first word. A page without objects in use is free again.
 * Pages that were freed are kept, POW2_KEEP of each size.
 *
 * One thread.
 */

#include "pow2.h"

#define POW2_MIN_SHIFT	6
#define POW2_ORDERS	6	/* whole pages: up to 128 KiB */
#define POW2_KEEP	16

struct pow2_page {
	struct list_head	list;	/* on pow2_partial, unless full */
	void			*free;	/* objects that were in use */
	u16			fresh;	/* objects that never were, at the end */
	u16			used;
	u8			shift;	/* size of its objects, or of all */
};

static struct pow2_page *pow2_map;
static struct list_head pow2_partial[PAGE_SHIFT];
static void *pow2_kept[POW2_ORDERS];
static unsigned int pow2_nr_kept[POW2_ORDERS];

static struct pow2_page *pow2_page_of(const void *ptr)
{
	return &pow2_map[((char *)ptr - shim_arena) >> PAGE_SHIFT];
}

static void *pow2_address(const struct pow2_page *page)
{
	return shim_arena + ((page - pow2_map) << PAGE_SHIFT);
}

/**
 * pow2_init() - begin
 */
void pow2_init(void)
{
	unsigned int i;

	if (!pow2_map)
		pow2_map = calloc(shim_arena_pages, sizeof(*pow2_map));
	if (!pow2_map)
		model_die("no memory");
	for (i = 0; i < PAGE_SHIFT; i++)
		INIT_LIST_HEAD(&pow2_partial[i]);
	memset(pow2_kept, 0, sizeof(pow2_kept));
	memset(pow2_nr_kept, 0, sizeof(pow2_nr_kept));
}

/**
 * pow2_uninit() - give back what is kept
 *
 * Everything has been freed.
 */
void pow2_uninit(void)
{
	struct pow2_page *page, *next;
	unsigned int i;
	void *ptr;

	if (!pow2_map)
		return;
	for (i = 0; i < PAGE_SHIFT; i++)
		list_for_each_entry_safe(page, next, &pow2_partial[i], list)
			shim_pages_give(pow2_address(page), 0);
	for (i = 0; i < POW2_ORDERS; i++) {
		while ((ptr = pow2_kept[i])) {
			pow2_kept[i] = *(void **)ptr;
			shim_pages_give(ptr, i);
		}
	}
}

static void *pow2_alloc_pages(unsigned int shift)
{
	unsigned int order = shift - PAGE_SHIFT;
	void *ptr = pow2_kept[order];

	if (ptr) {
		pow2_kept[order] = *(void **)ptr;
		pow2_nr_kept[order]--;
	} else {
		ptr = shim_pages_take(order);
	}
	if (ptr)
		pow2_page_of(ptr)->shift = shift;
	return ptr;
}

static void pow2_free_pages(void *ptr, unsigned int shift)
{
	unsigned int order = shift - PAGE_SHIFT;

	if (pow2_nr_kept[order] < POW2_KEEP) {
		*(void **)ptr = pow2_kept[order];
		pow2_kept[order] = ptr;
		pow2_nr_kept[order]++;
		return;
	}
	shim_pages_give(ptr, order);
}

/**
 * pow2_alloc() - allocate
 * @size: bytes, up to 128 KiB
 *
 * Return: memory, or NULL.
 */
void *pow2_alloc(size_t size)
{
	unsigned int shift = size > 64 ? ilog2(size - 1) + 1 : POW2_MIN_SHIFT;
	struct pow2_page *page;
	void *ptr;

	if (shift >= PAGE_SHIFT)
		return pow2_alloc_pages(shift);
	page = list_first_entry_or_null(&pow2_partial[shift],
					struct pow2_page, list);
	if (!page) {
		ptr = pow2_alloc_pages(PAGE_SHIFT);
		if (!ptr)
			return NULL;
		page = pow2_page_of(ptr);
		page->shift = shift;
		page->used = 0;
		page->free = NULL;
		page->fresh = PAGE_SIZE >> shift;
		list_add(&page->list, &pow2_partial[shift]);
	}
	ptr = page->free;
	if (ptr)
		page->free = *(void **)ptr;
	else
		ptr = (char *)pow2_address(page) + (--page->fresh << shift);
	page->used++;
	if (!page->free && !page->fresh)
		list_del(&page->list);
	return ptr;
}

/**
 * pow2_free() - free
 * @ptr: what pow2_alloc() returned
 */
void pow2_free(void *ptr)
{
	struct pow2_page *page = pow2_page_of(ptr);

	if (page->shift >= PAGE_SHIFT) {
		pow2_free_pages(ptr, page->shift);
		return;
	}
	if (!page->free && !page->fresh)
		list_add(&page->list, &pow2_partial[page->shift]);
	*(void **)ptr = page->free;
	page->free = ptr;
	if (--page->used)
		return;
	/* Keep the last page of a size. */
	if (page->list.prev == page->list.next)
		return;
	list_del(&page->list);
	pow2_free_pages(pow2_address(page), PAGE_SHIFT);
}

/**
 * pow2_size() - what an allocation takes
 * @ptr: what pow2_alloc() returned
 *
 * Return: bytes
 */
size_t pow2_size(const void *ptr)
{
	return 1UL << pow2_page_of(ptr)->shift;
}

/**
 * pow2_meta_bytes() - what is needed beside the pages
 *
 * Return: bytes
 */
size_t pow2_meta_bytes(void)
{
	return shim_pages_used() * sizeof(struct pow2_page);
}
