// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of kevent: the queue, the mapped ring, the credits of users. A
 * source of the test's own stands for the real ones: its state is a variable,
 * and the test makes its wake-ups.
 */

#include <kunit/test.h>
#include <linux/sched/user.h>

#include "../kevent.h"

#define SLOTS 4

struct fake {
	struct kevent	kev;
	u32		bits;
	unsigned int	looks;
};

static unsigned int nr_freed;

static struct fake *to_fake(struct kevent *kev)
{
	return container_of(kev, struct fake, kev);
}

static u32 fake_poll(struct kevent *kev, u32 *data)
{
	to_fake(kev)->looks++;
	*data = 7;
	return to_fake(kev)->bits;
}

static void fake_free(struct kevent *kev)
{
	nr_freed++;
	kfree(to_fake(kev));
}

/* A state, such as that of a file. */
static const struct kevent_source state_source = {
	.type	= KEVENT_POLL,
	.size	= sizeof(struct fake),
	.merge	= { KEVENT_MERGE_OR, KEVENT_MERGE_SET },
	.free	= fake_free,
	.poll	= fake_poll,
};

/* Happenings, such as those of a timer. */
static const struct kevent_source count_source = {
	.type	= KEVENT_TIMER,
	.size	= sizeof(struct fake),
	.merge	= { KEVENT_MERGE_SET, KEVENT_MERGE_ADD },
	.free	= fake_free,
};

static struct kevent_queue *new_queue(struct kunit *test, u32 slots)
{
	struct kevent_queue *kq = kevent_queue_create();

	KUNIT_ASSERT_NOT_NULL(test, kq);
	if (slots)
		KUNIT_ASSERT_EQ(test, kevent_map_create(kq, slots), 0);
	nr_freed = 0;
	return kq;
}

static struct fake *new_interest(struct kunit *test, struct kevent_queue *kq,
				 const struct kevent_source *source, u32 id,
				 u32 req_flags)
{
	struct ukevent event = {
		.type		= source->type,
		.id.raw_u64	= id,
		.req_flags	= req_flags,
	};
	struct kevent *kev;

	kevent_queue_lock(kq);
	kev = kevent_alloc(kq, source, &event);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kev);
	kevent_insert(kev);
	kevent_queue_unlock(kq);
	kev->mask = U32_MAX;
	return to_fake(kev);
}

/* The next slot, taken as a consumer would; NULL when there is none. */
static struct ukevent *take(struct kevent_queue *kq)
{
	u32 uidx = kq->tail->uidx;

	if (!kevent_map_pending(kq))
		return NULL;
	kq->tail->uidx++;
	return &kq->slots[uidx & kq->slot_mask];
}

static void catch_up(struct kevent_queue *kq)
{
	kevent_queue_lock(kq);
	kevent_catch_up(kq, false);
	kevent_queue_unlock(kq);
}

struct array_sink {
	struct kevent_sink	sink;
	struct ukevent		event[8];
	unsigned int		fail_at;
};

static int put_kernel_array(struct kevent_sink *sink, struct kevent_queue *kq,
			    struct ukevent *event)
{
	struct array_sink *as = container_of(sink, struct array_sink, sink);

	if (sink->nr == as->fail_at)
		return -EFAULT;
	as->event[sink->nr] = *event;
	return 0;
}

static int drain(struct kevent_queue *kq, struct array_sink *as,
		 unsigned int max, unsigned int fail_at)
{
	int err;

	memset(as, 0, sizeof(*as));
	as->sink.put = put_kernel_array;
	as->sink.max = max;
	as->fail_at = fail_at;
	kevent_queue_lock(kq);
	err = kevent_drain(kq, &as->sink);
	kevent_queue_unlock(kq);
	return err;
}

static void events_come_first_in_first_out(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, 0);
	struct array_sink as;
	u32 i;

	for (i = 0; i < 4; i++)
		kevent_tell(&new_interest(test, kq, &count_source, i, 0)->kev,
			    0, 1);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 4);
	KUNIT_EXPECT_EQ(test, drain(kq, &as, 8, 8), 0);
	KUNIT_EXPECT_EQ(test, as.sink.nr, 4);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, as.event[i].id.raw_u64, i);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 0);
	kevent_queue_release(kq);
	KUNIT_EXPECT_EQ(test, nr_freed, 4);
}

static void counts_merge_until_fetched(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, 0);
	struct fake *f = new_interest(test, kq, &count_source, 1, 0);
	struct array_sink as;

	kevent_tell(&f->kev, 10, 1);
	kevent_tell(&f->kev, 20, U32_MAX);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 1);
	drain(kq, &as, 8, 8);
	KUNIT_EXPECT_EQ(test, as.sink.nr, 1);
	KUNIT_EXPECT_EQ(test, as.event[0].ret_data[0], 20);
	KUNIT_EXPECT_EQ(test, as.event[0].ret_data[1], U32_MAX);
	kevent_queue_release(kq);
}

static void a_fault_puts_the_event_back_in_front(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, 0);
	struct fake *a = new_interest(test, kq, &count_source, 1,
				      KEVENT_REQ_ONESHOT);
	struct fake *b = new_interest(test, kq, &count_source, 2, 0);
	struct array_sink as;

	kevent_tell(&a->kev, 10, 3);
	kevent_tell(&b->kev, 10, 4);
	KUNIT_EXPECT_EQ(test, drain(kq, &as, 8, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 2);
	KUNIT_EXPECT_EQ(test, drain(kq, &as, 8, 8), 0);
	KUNIT_EXPECT_EQ(test, as.sink.nr, 2);
	KUNIT_EXPECT_EQ(test, as.event[0].id.raw_u64, 1);
	KUNIT_EXPECT_EQ(test, as.event[0].ret_data[1], 3);
	KUNIT_EXPECT_EQ(test, nr_freed, 1);
	kevent_queue_release(kq);
}

static void a_level_comes_back_and_an_edge_does_not(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, 0);
	struct fake *lt = new_interest(test, kq, &state_source, 1, 0);
	struct fake *et = new_interest(test, kq, &state_source, 2,
				       KEVENT_REQ_ET);
	struct array_sink as;

	lt->bits = 1;
	et->bits = 1;
	kevent_tell(&lt->kev, 1, 0);
	kevent_tell(&et->kev, 1, 0);
	drain(kq, &as, 8, 8);
	KUNIT_EXPECT_EQ(test, as.sink.nr, 2);
	KUNIT_EXPECT_EQ(test, as.event[0].ret_data[1], 7);
	drain(kq, &as, 8, 8);
	KUNIT_EXPECT_EQ(test, as.sink.nr, 1);
	KUNIT_EXPECT_EQ(test, as.event[0].id.raw_u64, 1);
	lt->bits = 0;
	drain(kq, &as, 8, 8);
	KUNIT_EXPECT_EQ(test, as.sink.nr, 0);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 0);
	kevent_queue_release(kq);
}

static void what_is_not_ready_after_all_is_dropped(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, 0);
	struct fake *a = new_interest(test, kq, &state_source, 1, 0);
	struct fake *b = new_interest(test, kq, &state_source, 2, 0);

	b->bits = 1;
	kevent_tell(&a->kev, 1, 0);
	kevent_tell(&b->kev, 1, 0);
	kevent_queue_lock(kq);
	KUNIT_EXPECT_FALSE(test, kevent_verify(kq, 2));
	KUNIT_EXPECT_TRUE(test, kevent_verify(kq, 1));
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 1);
	kevent_queue_unlock(kq);
	kevent_queue_release(kq);
}

static void the_ring_wraps_and_keeps_order(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct fake *f = new_interest(test, kq, &count_source, 1, 0);
	struct ukevent *event;
	u32 i;

	/* Over the end of the index, too. */
	kq->kidx = U32_MAX - 5;
	kq->map->kidx = kq->kidx;
	kq->tail->uidx = kq->kidx;
	for (i = 1; i < 20; i++) {
		kevent_tell(&f->kev, i, i);
		event = take(kq);
		KUNIT_ASSERT_NOT_NULL(test, event);
		KUNIT_EXPECT_EQ(test, event->ret_data[1], i);
		KUNIT_EXPECT_NULL(test, take(kq));
	}
	KUNIT_EXPECT_EQ(test, kq->map->kidx, (u32)(U32_MAX - 5 + 19));
	KUNIT_EXPECT_EQ(test, kq->map->overflow, 0);
	kevent_queue_release(kq);
}

static void a_full_ring_queues_and_flows_in_order(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct ukevent *event;
	struct fake *f[8];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(f); i++) {
		f[i] = new_interest(test, kq, &count_source, i, 0);
		kevent_tell(&f[i]->kev, 0, 1);
	}
	KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), SLOTS);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 4);
	KUNIT_EXPECT_EQ(test, kq->map->overflow, 4);
	KUNIT_EXPECT_EQ(test, kq->map->flags, KEVENT_MAP_FULL);
	/* More of the same is one event, with a count. */
	kevent_tell(&f[4]->kev, 0, 1);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 4);

	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, take(kq)->id.raw_u64, i);
	/* A wake-up finds room, for those who waited longer first. */
	kevent_tell(&f[7]->kev, 0, 1);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 2);
	for (i = 2; i < 4; i++)
		KUNIT_EXPECT_EQ(test, take(kq)->id.raw_u64, i);
	catch_up(kq);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 0);
	KUNIT_EXPECT_EQ(test, kq->map->flags, 0);
	for (i = 4; i < 8; i++) {
		event = take(kq);
		KUNIT_ASSERT_NOT_NULL(test, event);
		KUNIT_EXPECT_EQ(test, event->id.raw_u64, i);
		KUNIT_EXPECT_EQ(test, event->ret_data[1],
				i == 4 || i == 7 ? 2 : 1);
	}
	KUNIT_EXPECT_NULL(test, take(kq));
	kevent_queue_release(kq);
}

static void edges_merge_until_taken(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct fake *f = new_interest(test, kq, &state_source, 1,
				      KEVENT_REQ_ET);

	kevent_tell(&f->kev, 1, 0);
	kevent_tell(&f->kev, 1, 0);
	KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), 1);
	/* Another bit is news, and the slot that has both takes either. */
	kevent_tell(&f->kev, 4, 0);
	kevent_tell(&f->kev, 1, 0);
	kevent_tell(&f->kev, 4, 0);
	KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), 2);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_data[0], 1);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_data[0], 5);
	kevent_tell(&f->kev, 1, 0);
	KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), 1);
	KUNIT_EXPECT_EQ(test, f->looks, 0);
	kevent_queue_release(kq);
}

static void a_level_is_looked_at_when_it_was_taken(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct fake *f = new_interest(test, kq, &state_source, 1, 0);

	f->bits = 1;
	kevent_tell(&f->kev, 1, 0);
	KUNIT_EXPECT_EQ(test, kq->map->flags, KEVENT_MAP_CHECK);
	catch_up(kq);
	KUNIT_EXPECT_EQ(test, f->looks, 0);
	KUNIT_EXPECT_NOT_NULL(test, take(kq));
	catch_up(kq);
	KUNIT_EXPECT_EQ(test, f->looks, 1);
	KUNIT_EXPECT_NOT_NULL(test, take(kq));
	f->bits = 0;
	catch_up(kq);
	KUNIT_EXPECT_NULL(test, take(kq));
	KUNIT_EXPECT_EQ(test, kq->map->flags, 0);
	KUNIT_EXPECT_EQ(test, kq->nr_check, 0);
	kevent_queue_release(kq);
}

static void a_doubt_is_looked_at_once(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct fake *f = new_interest(test, kq, &state_source, 1,
				      KEVENT_REQ_ET);

	spin_lock_irq(&kq->wq.lock);
	KUNIT_EXPECT_TRUE(test, __kevent_doubt(&f->kev));
	KUNIT_EXPECT_FALSE(test, __kevent_doubt(&f->kev));
	spin_unlock_irq(&kq->wq.lock);
	KUNIT_EXPECT_EQ(test, kq->nr_doubt, 1);
	f->bits = 0x10;
	catch_up(kq);
	KUNIT_EXPECT_EQ(test, kq->nr_doubt, 0);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_data[0], 0x10);
	catch_up(kq);
	KUNIT_EXPECT_EQ(test, f->looks, 1);
	KUNIT_EXPECT_NULL(test, take(kq));
	kevent_queue_release(kq);
}

static void oneshot_ends_with_its_slot(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct fake *f = new_interest(test, kq, &state_source, 1,
				      KEVENT_REQ_ONESHOT);

	kevent_tell(&f->kev, 1, 0);
	kevent_tell(&f->kev, 2, 0);
	KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), 1);
	KUNIT_EXPECT_EQ(test, kq->nr, 1);
	catch_up(kq);
	KUNIT_EXPECT_EQ(test, kq->nr, 0);
	KUNIT_EXPECT_EQ(test, nr_freed, 1);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_flags, KEVENT_RET_DONE);
	kevent_queue_release(kq);
}

static void removal_marks_what_nobody_took(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct fake *a = new_interest(test, kq, &count_source, 1, 0);
	struct fake *b = new_interest(test, kq, &count_source, 2, 0);

	kevent_tell(&a->kev, 0, 1);
	kevent_tell(&b->kev, 0, 1);
	kevent_tell(&a->kev, 0, 1);
	kevent_queue_lock(kq);
	kevent_remove(&a->kev);
	kevent_queue_unlock(kq);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_flags,
			KEVENT_RET_DONE | KEVENT_RET_STALE);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_flags, KEVENT_RET_DONE);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_flags,
			KEVENT_RET_DONE | KEVENT_RET_STALE);
	kevent_queue_release(kq);
}

static void an_index_out_of_range_means_full(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct fake *f = new_interest(test, kq, &count_source, 1, 0);

	kq->tail->uidx = 1000;
	KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), SLOTS);
	kevent_tell(&f->kev, 0, 1);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 1);
	KUNIT_EXPECT_EQ(test, kevent_map_commit(kq, 1000), 0);
	kq->tail->uidx = 0;
	catch_up(kq);
	KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), 1);
	kevent_queue_release(kq);
}

static void keys_are_told_apart(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, 0);
	struct fake *plain = new_interest(test, kq, &count_source, 1, 0);
	struct fake *keyed = new_interest(test, kq, &count_source, 1,
					  KEVENT_REQ_COOKIE);
	struct ukevent event = { .type = KEVENT_TIMER, .id.raw_u64 = 1 };

	kevent_queue_lock(kq);
	KUNIT_EXPECT_PTR_EQ(test, kevent_find(kq, &event), &plain->kev);
	event.req_flags = KEVENT_REQ_COOKIE;
	KUNIT_EXPECT_PTR_EQ(test, kevent_find(kq, &event), &keyed->kev);
	event.cookie = 1;
	KUNIT_EXPECT_NULL(test, kevent_find(kq, &event));
	event.type = KEVENT_USER;
	event.req_flags = 0;
	KUNIT_EXPECT_NULL(test, kevent_find(kq, &event));
	kevent_queue_unlock(kq);
	kevent_queue_release(kq);
}

static void credits_are_given_back(struct kunit *test)
{
	long before = atomic_long_read(&current_user()->kevents);
	struct kevent_queue *kq = new_queue(test, 0);
	u32 i;

	for (i = 0; i < 200; i++)
		new_interest(test, kq, &count_source, i, 0);
	KUNIT_EXPECT_GE(test, atomic_long_read(&current_user()->kevents),
			before + 200);
	kevent_queue_release(kq);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&current_user()->kevents),
			before);
}

static struct kunit_case kevent_cases[] = {
	KUNIT_CASE(events_come_first_in_first_out),
	KUNIT_CASE(counts_merge_until_fetched),
	KUNIT_CASE(a_fault_puts_the_event_back_in_front),
	KUNIT_CASE(a_level_comes_back_and_an_edge_does_not),
	KUNIT_CASE(what_is_not_ready_after_all_is_dropped),
	KUNIT_CASE(the_ring_wraps_and_keeps_order),
	KUNIT_CASE(a_full_ring_queues_and_flows_in_order),
	KUNIT_CASE(edges_merge_until_taken),
	KUNIT_CASE(a_level_is_looked_at_when_it_was_taken),
	KUNIT_CASE(a_doubt_is_looked_at_once),
	KUNIT_CASE(oneshot_ends_with_its_slot),
	KUNIT_CASE(removal_marks_what_nobody_took),
	KUNIT_CASE(an_index_out_of_range_means_full),
	KUNIT_CASE(keys_are_told_apart),
	KUNIT_CASE(credits_are_given_back),
	{ }
};

static struct kunit_suite kevent_suite = {
	.name		= "kevent",
	.test_cases	= kevent_cases,
};

kunit_test_suite(kevent_suite);

MODULE_DESCRIPTION("KUnit tests of kevent");
MODULE_LICENSE("GPL");
