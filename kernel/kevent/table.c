// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: interests by key: a hash table for each queue.
 *
 * It has about as many chains as there are interests, and grows with them. It
 * does not shrink: a pointer for each interest that once was, until the queue
 * is closed. The hash is multiplication by odd numbers that nobody outside
 * knows, so that no program can fill one chain on purpose.
 *
 * kq->mtx protects all of it.
 */

#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "kevent.h"

#define TABLE_BITS_MIN	4
#define TABLE_BITS_MAX	30

static struct hlist_head *chain(const struct kevent_table *table,
				const struct ukevent *event)
{
	u64 hash = event->id.raw_u64 * table->factor[0];

	if (event->req_flags & KEVENT_REQ_COOKIE)
		hash += event->cookie * table->factor[1];
	return &table->chains[hash >> (64 - table->bits)];
}

/* The same key: type, id, and cookie for those with a cookie in it. */
static bool is_same(const struct ukevent *a, const struct ukevent *b)
{
	if (a->id.raw_u64 != b->id.raw_u64 || a->type != b->type ||
	    (a->req_flags ^ b->req_flags) & KEVENT_REQ_COOKIE)
		return false;
	return !(a->req_flags & KEVENT_REQ_COOKIE) || a->cookie == b->cookie;
}

static struct hlist_head *new_chains(unsigned int bits)
{
	return kvcalloc(1UL << bits, sizeof(struct hlist_head),
			GFP_KERNEL_ACCOUNT);
}

/**
 * kevent_table_create() - an empty table
 * @table: where
 *
 * Return: 0 or -ENOMEM.
 */
int kevent_table_create(struct kevent_table *table)
{
	table->bits = TABLE_BITS_MIN;
	table->chains = new_chains(table->bits);
	if (!table->chains)
		return -ENOMEM;
	get_random_bytes(table->factor, sizeof(table->factor));
	table->factor[0] |= 1;
	table->factor[1] |= 1;
	return 0;
}

/**
 * kevent_table_destroy() - the opposite
 * @table: the table, which is empty
 */
void kevent_table_destroy(struct kevent_table *table)
{
	kvfree(table->chains);
}

/* Without memory for more chains the old ones get longer. */
static noinline void grow(struct kevent_queue *kq)
{
	struct kevent_table new = kq->table;
	struct hlist_node *next;
	struct kevent *kev;
	unsigned long i;

	if (new.bits == TABLE_BITS_MAX)
		return;
	new.chains = new_chains(++new.bits);
	if (!new.chains)
		return;
	for (i = 0; i < kevent_table_size(&kq->table); i++) {
		hlist_for_each_entry_safe(kev, next, &kq->table.chains[i], node)
			hlist_add_head(&kev->node, chain(&new, &kev->event));
		cond_resched();
	}
	kvfree(kq->table.chains);
	kq->table = new;
}

/**
 * kevent_find() - the interest with a key
 * @kq: the queue, locked
 * @event: has the key: type, id, and cookie with KEVENT_REQ_COOKIE
 *
 * One that has ended is freed, and not found.
 *
 * Return: the interest, or NULL.
 */
struct kevent *kevent_find(struct kevent_queue *kq, const struct ukevent *event)
{
	struct kevent *kev;

	lockdep_assert_held(&kq->mtx);
	hlist_for_each_entry(kev, chain(&kq->table, event), node) {
		if (!is_same(event, &kev->event))
			continue;
		if (likely(READ_ONCE(kev->state) != KEV_REAP))
			return kev;
		kevent_remove(kev);
		return NULL;
	}
	return NULL;
}

/**
 * kevent_insert() - put an interest into its queue's table
 * @kev: the interest; its queue is locked
 *
 * Internal ones are not looked for by key: theirs need not differ.
 *
 * Return: 0, or -EEXIST when there is one with its key that has not ended.
 */
int kevent_insert(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;

	if (!kev->source->internal && kevent_find(kq, &kev->event))
		return -EEXIST;
	if (unlikely(kq->nr >= kevent_table_size(&kq->table)))
		grow(kq);
	hlist_add_head(&kev->node, chain(&kq->table, &kev->event));
	kq->nr++;
	return 0;
}
