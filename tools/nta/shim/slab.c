// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shim: kmalloc for nodes and their bitmaps, and small numbers for them.
 *
 * Counts what the kernel's size classes would take, so that the overhead of
 * metadata is honest. Requests can be told to fail.
 */

#include <pthread.h>
#include <stdlib.h>

#include <linux/idr.h>
#include <linux/slab.h>

#include <shim.h>

#define SHIM_MAX_IDS	65536

/* In front of each piece; keeps it aligned. */
struct shim_piece {
	size_t size;
	size_t pad;
};

static pthread_mutex_t shim_slab_mtx = PTHREAD_MUTEX_INITIALIZER;
static size_t shim_slab_total;
static unsigned int shim_slab_rate;
static bool shim_ids[SHIM_MAX_IDS];
static _Thread_local unsigned int shim_dice = 1;

/**
 * shim_fails() - throw the dice of this thread
 * @per_mille: chance
 *
 * Return: true so often.
 */
bool shim_fails(unsigned int per_mille)
{
	if (!per_mille)
		return false;
	shim_dice = shim_dice * 1664525u + 1013904223u;
	return (shim_dice >> 8) % 1000 < per_mille;
}

/**
 * shim_slab_fail() - let requests for metadata fail
 * @per_mille: so often
 */
void shim_slab_fail(unsigned int per_mille)
{
	WRITE_ONCE(shim_slab_rate, per_mille);
}

/**
 * shim_kmalloc_size() - what kmalloc() of 6.12 takes for a request
 * @size: bytes
 *
 * Return: the size class, or whole pages to a power of two above 8 KiB
 */
unsigned int shim_kmalloc_size(size_t size)
{
	unsigned int class = 8;

	if (size > 64 && size <= 96)
		return 96;
	if (size > 128 && size <= 192)
		return 192;
	while (class < size)
		class *= 2;
	return class;
}

/**
 * shim_slab_bytes() - what metadata takes
 *
 * Return: bytes
 */
size_t shim_slab_bytes(void)
{
	return __atomic_load_n(&shim_slab_total, __ATOMIC_RELAXED);
}

void *kzalloc(size_t size, gfp_t gfp)
{
	struct shim_piece *piece;

	(void)gfp;
	if (shim_fails(READ_ONCE(shim_slab_rate)))
		return NULL;
	shim_irq_save();
	piece = calloc(1, sizeof(*piece) + size);
	shim_irq_restore();
	if (!piece)
		return NULL;
	piece->size = shim_kmalloc_size(size);
	__atomic_fetch_add(&shim_slab_total, piece->size, __ATOMIC_RELAXED);
	return piece + 1;
}

void kfree(const void *ptr)
{
	struct shim_piece *piece;

	if (!ptr)
		return;
	piece = (struct shim_piece *)ptr - 1;
	__atomic_fetch_sub(&shim_slab_total, piece->size, __ATOMIC_RELAXED);
	shim_irq_save();
	free(piece);
	shim_irq_restore();
}

int shim_ida_alloc(void)
{
	int id;

	if (shim_fails(READ_ONCE(shim_slab_rate)))
		return -ENOMEM;
	shim_irq_save();
	pthread_mutex_lock(&shim_slab_mtx);
	for (id = 0; id < SHIM_MAX_IDS && shim_ids[id]; id++)
		;
	if (id < SHIM_MAX_IDS)
		shim_ids[id] = true;
	else
		id = -ENOSPC;
	pthread_mutex_unlock(&shim_slab_mtx);
	shim_irq_restore();
	return id;
}

void shim_ida_free(int id)
{
	shim_irq_save();
	pthread_mutex_lock(&shim_slab_mtx);
	if (id < 0 || !shim_ids[id])
		abort();
	shim_ids[id] = false;
	pthread_mutex_unlock(&shim_slab_mtx);
	shim_irq_restore();
}
