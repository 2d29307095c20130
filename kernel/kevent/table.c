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

static struct kevent **chain(const struct kevent_table *table,
			     const struct ukevent *event)
{
	u64 hash = event->id.raw_u64 * table->factor[0];

	if (event->req_flags & KEVENT_REQ_COOKIE)
		hash += event->cookie * table->factor[1];
	return &table->chains[hash >> table->shift];
}

/* The same key: type, id, and cookie for those with a cookie in it. */
static bool is_same(const struct ukevent *a, const struct ukevent *b)
{
	if (a->id.raw_u64 != b->id.raw_u64 || a->type != b->type ||
	    (a->req_flags ^ b->req_flags) & KEVENT_REQ_COOKIE)
		return false;
	return !(a->req_flags & KEVENT_REQ_COOKIE) || a->cookie == b->cookie;
}

static int alloc_chains(struct kevent_table *table, unsigned int bits)
{
	table->nr_chains = 1UL << bits;
	table->shift = 64 - bits;
	table->chains = kvcalloc(table->nr_chains, sizeof(*table->chains),
				 GFP_KERNEL_ACCOUNT);
	return table->chains ? 0 : -ENOMEM;
}

/**
 * kevent_table_create() - an empty table
 * @table: where
 *
 * Return: 0 or -ENOMEM.
 */
int kevent_table_create(struct kevent_table *table)
{
	if (alloc_chains(table, TABLE_BITS_MIN))
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
	struct kevent *kev, *next, **head;
	unsigned long i;

	if (new.nr_chains >> TABLE_BITS_MAX ||
	    alloc_chains(&new, 64 - new.shift + 1))
		return;
	for (i = 0; i < kq->table.nr_chains; i++) {
		for (kev = kq->table.chains[i]; kev; kev = next) {
			next = kev->next;
			head = chain(&new, &kev->event);
			kev->next = *head;
			*head = kev;
		}
		cond_resched();
	}
	kvfree(kq->table.chains);
	kq->table = new;
}

static __always_inline struct kevent *
find_in(struct kevent *kev, const struct ukevent *event)
{
	for (; kev; kev = kev->next) {
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
	lockdep_assert_held(&kq->mtx);
	return find_in(*chain(&kq->table, event), event);
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
	struct kevent **head;

	lockdep_assert_held(&kq->mtx);
	if (unlikely(kq->nr >= kq->table.nr_chains))
		grow(kq);
	head = chain(&kq->table, &kev->event);
	if (!kev->source->internal && find_in(*head, &kev->event))
		return -EEXIST;
	kev->next = *head;
	*head = kev;
	kev->hashed = true;
	kq->nr++;
	return 0;
}

/**
 * kevent_erase() - take an interest out of its queue's table
 * @kev: the interest, which may be out of it already; its queue is locked
 */
void kevent_erase(struct kevent *kev)
{
	struct kevent_queue *kq = kev->kq;
	struct kevent **p;

	lockdep_assert_held(&kq->mtx);
	if (!kev->hashed)
		return;
	/* The chain is short: one pointer for each interest instead of two. */
	p = chain(&kq->table, &kev->event);
	while (*p != kev)
		p = &(*p)->next;
	*p = kev->next;
	kev->hashed = false;
	kq->nr--;
}
