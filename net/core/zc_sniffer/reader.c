// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: readers - what they ask for, when they capture, what they
 * pay.
 *
 *   setup ---> start <---> stop ---> close
 *                 filter, at any time
 *
 * A reader is charged, once, for its rings and for the limit that it asks for:
 * the most that it can hold. Then nothing more has to be charged on the way.
 *
 * Locking
 * -------
 *
 *   reader->mtx     its state. User memory is touched under it, so mmap(),
 *                   which runs under mmap_lock, does without.
 *   zcs_lists_mtx   the two lists of readers that capture; they are read under
 *                   RCU.
 */

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/nta.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>
#include <net/sniff.h>

#include "ring.h"

static DEFINE_MUTEX(zcs_lists_mtx);

/**
 * zcs_reader_new() - a reader that has asked for nothing yet
 *
 * Context: Process context.
 * Return: the reader, or NULL.
 */
struct zcs_reader *zcs_reader_new(void)
{
	struct zcs_reader *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	init_waitqueue_head(&r->wait);
	mutex_init(&r->mtx);
	r->user = get_uid(current_user());
	r->stolen = jiffies - 1;
	return r;
}

/* === Paying ============================================================== */

/**
 * zcs_charge() - charge memory to RLIMIT_MEMLOCK of a user
 * @user: who pays
 * @bytes: how much
 * @locked: out: pages that were charged, for zcs_uncharge()
 *
 * Context: Process context.
 * Return: 0, or -ENOMEM.
 */
int zcs_charge(struct user_struct *user, u64 bytes, unsigned long *locked)
{
	unsigned long pages = DIV_ROUND_UP_ULL(bytes, PAGE_SIZE);
	unsigned long max = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	unsigned long old;

	*locked = 0;
	if (capable(CAP_IPC_LOCK))
		return 0;
	old = atomic_long_read(&user->locked_vm);
	do {
		if (old + pages > max || old + pages < old)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old,
					  old + pages));
	*locked = pages;
	return 0;
}

/**
 * zcs_uncharge() - undo zcs_charge()
 * @user: who paid
 * @pages: how many
 *
 * Context: Any context.
 */
void zcs_uncharge(struct user_struct *user, unsigned long pages)
{
	atomic_long_sub(pages, &user->locked_vm);
}

/* === Setting up ========================================================== */

static int zcs_setup_check(const struct zcs_setup *s)
{
	u64 ram = (u64)totalram_pages() << PAGE_SHIFT;

	if (s->flags & ~ZCS_SETUP_ALL_NETNS || s->reserved || s->reserved2 ||
	    s->data_size || s->ring_size || s->tails_size || s->nr_rings)
		return -EINVAL;
	if (s->point != ZCS_POINT_TAP && s->point != ZCS_POINT_FREE)
		return -EINVAL;
	if (s->direction & ~(ZCS_DIR_IN | ZCS_DIR_OUT))
		return -EINVAL;
	if (!is_power_of_2(s->nr_slots) || s->nr_slots < ZCS_SLOTS_MIN ||
	    s->nr_slots > ZCS_SLOTS_MAX || s->watermark > s->nr_slots)
		return -EINVAL;
	if (s->netns_fd < -1 ||
	    (s->flags & ZCS_SETUP_ALL_NETNS && s->netns_fd != -1))
		return -EINVAL;
	if (s->point == ZCS_POINT_FREE && !(s->flags & ZCS_SETUP_ALL_NETNS))
		return -EINVAL;
	/* The stack needs the rest. */
	if (s->limit > ram / 2)
		return -EINVAL;
	if ((u64)s->nr_slots * nr_cpu_ids *
	    (sizeof(struct zcs_desc) + sizeof(struct zcs_entry)) > ram / 4)
		return -ENOMEM;
	return 0;
}

static struct net *zcs_setup_net(const struct zcs_setup *s)
{
	if (s->flags & ZCS_SETUP_ALL_NETNS)
		return NULL;
	if (s->netns_fd >= 0)
		return get_net_ns_by_fd(s->netns_fd);
	return get_net(current->nsproxy->net_ns);
}

static int zcs_setup_alloc(struct zcs_reader *r)
{
	int err;

	err = zcs_charge(r->user, (u64)r->setup.nr_slots * nr_cpu_ids *
			 sizeof(struct zcs_desc) + r->setup.limit, &r->locked);
	if (err)
		return err;
	err = zcs_tails_alloc(r);
	if (err)
		return err;
	return zcs_rings_alloc(r);
}

/**
 * zcs_reader_setup() - ZCS_IOC_SETUP
 * @r: reader
 * @setup: what it asks for; filled in on success
 *
 * Context: Process context.
 * Return: 0; -EBUSY if it was set up before; -EINVAL, -EBADF, -ENOMEM.
 */
int zcs_reader_setup(struct zcs_reader *r, struct zcs_setup *setup)
{
	struct net *net;
	int err;

	err = zcs_setup_check(setup);
	if (err)
		return err;
	net = zcs_setup_net(setup);
	if (IS_ERR(net))
		return PTR_ERR(net);

	mutex_lock(&r->mtx);
	err = -EBUSY;
	if (r->nr_rings)
		goto put_net;
	r->setup = *setup;
	r->setup.direction = setup->direction ?: ZCS_DIR_IN | ZCS_DIR_OUT;
	/* A ring that is full must not wait for more. */
	r->setup.watermark = clamp_t(u32, setup->watermark, 1,
				     setup->nr_slots / 2);
	r->net = net;
	atomic64_set(&r->pool, setup->limit);
	err = zcs_setup_alloc(r);
	if (err) {
		zcs_rings_free(r);
		zcs_uncharge(r->user, r->locked);
		r->locked = 0;
		r->net = NULL;
		goto put_net;
	}
	/* From now on until the reader is freed: it may hold something. */
	nta_hold_enable();
	*setup = r->setup;
	setup->data_size = nta_map_size();
	setup->tails_size = r->tails_size;
	mutex_unlock(&r->mtx);
	return 0;

put_net:
	mutex_unlock(&r->mtx);
	if (net)
		put_net(net);
	return err;
}

/**
 * zcs_reader_free() - a file is closed
 * @r: reader that nobody uses any more; NULL is ignored
 *
 * Context: Process context.
 */
void zcs_reader_free(struct zcs_reader *r)
{
	unsigned int i;
	bool holds;

	if (!r)
		return;
	zcs_reader_stop(r);
	zcs_tx_close(r);
	holds = r->nr_rings;
	zcs_rings_free(r);
	if (holds)
		nta_hold_disable();
	vfree(r->tails);
	for (i = 0; i < ZCS_NR_LINKS; i++)
		zcs_filter_drop(rcu_dereference_protected(r->filter[i], true));
	if (r->net)
		put_net(r->net);
	zcs_uncharge(r->user, r->locked);
	free_uid(r->user);
	kfree(r);
}

/* === Starting and stopping =============================================== */

/**
 * zcs_reader_start() - ZCS_IOC_START
 * @r: reader
 *
 * Context: Process context.
 * Return: 0; -EINVAL without a setup; -EALREADY.
 */
int zcs_reader_start(struct zcs_reader *r)
{
	int err = 0;

	mutex_lock(&r->mtx);
	if (!r->nr_rings) {
		err = -EINVAL;
	} else if (r->started) {
		err = -EALREADY;
	} else {
		nta_need(NTA_RECEIVE | NTA_STREAM);
		mutex_lock(&zcs_lists_mtx);
		if (r->setup.point == ZCS_POINT_TAP)
			hlist_add_head_rcu(&r->list, &zcs_tap_readers);
		else
			hlist_add_head_rcu(&r->list, &zcs_free_readers);
		mutex_unlock(&zcs_lists_mtx);
		if (r->setup.point == ZCS_POINT_TAP)
			static_branch_inc(&sniff_tap_key);
		else
			static_branch_inc(&sniff_free_key);
		r->started = true;
	}
	mutex_unlock(&r->mtx);
	return err;
}

/**
 * zcs_reader_stop() - ZCS_IOC_STOP
 * @r: reader
 *
 * No packet is being captured any more afterwards; those in the rings stay.
 *
 * Context: Process context.
 * Return: 0; -EALREADY if it was not started.
 */
int zcs_reader_stop(struct zcs_reader *r)
{
	int err = -EALREADY;

	mutex_lock(&r->mtx);
	if (r->started) {
		if (r->setup.point == ZCS_POINT_TAP)
			static_branch_dec(&sniff_tap_key);
		else
			static_branch_dec(&sniff_free_key);
		mutex_lock(&zcs_lists_mtx);
		hlist_del_rcu(&r->list);
		mutex_unlock(&zcs_lists_mtx);
		synchronize_net();
		nta_need_no_more(NTA_RECEIVE | NTA_STREAM);
		r->started = false;
		err = 0;
	}
	mutex_unlock(&r->mtx);
	return err;
}

/**
 * zcs_reader_stats() - sums over all rings
 * @r: reader
 * @stats: where to add them
 *
 * Context: Process context.
 */
void zcs_reader_stats(struct zcs_reader *r, struct zcs_stats *stats)
{
	const struct zcs_ring *ring;
	unsigned int i;

	for (i = 0; i < zcs_nr_rings(r); i++) {
		ring = r->ring[i].mem;
		stats->passed += READ_ONCE(ring->passed);
		stats->shown += READ_ONCE(ring->shown);
		stats->missed_ring += READ_ONCE(ring->missed_ring);
		stats->missed_limit += READ_ONCE(ring->missed_limit);
		stats->missed_memory += READ_ONCE(ring->missed_memory);
		stats->filtered += READ_ONCE(ring->filtered);
		stats->copied_packets += READ_ONCE(ring->copied_packets);
		stats->copied_bytes += READ_ONCE(ring->copied_bytes);
		stats->bad_releases += READ_ONCE(ring->bad_releases);
	}
	stats->held = zcs_reader_held(r);
	zcs_tx_stats(r, stats);
}
