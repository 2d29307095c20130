// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of kevent: the queue, the mapped ring, the credits of users. A
 * source of the test's own stands for the real ones: its state is a variable,
 * and the test makes its wake-ups.
 */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/jump_label.h>
#include <linux/kthread.h>
#include <linux/memory.h>
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

/* Over many rounds of the ring, with some slots taken before the removal. */
static void removal_marks_its_own_and_no_other(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, 8);
	struct fake *state = new_interest(test, kq, &state_source, 1,
					  KEVENT_REQ_ET);
	struct fake *count = new_interest(test, kq, &count_source, 2, 0);
	struct fake *other = new_interest(test, kq, &count_source, 3, 0);
	struct ukevent *event;
	u32 round, i;

	for (round = 0; round < 20; round++) {
		/* Two events of each interest; the first few are taken. */
		for (i = 0; i < 2; i++) {
			kevent_tell(&state->kev, 1 << i, 0);
			kevent_tell(&count->kev, 0, 1);
			kevent_tell(&other->kev, 0, 1);
		}
		for (i = 0; i < round % 4; i++)
			take(kq);
		kevent_queue_lock(kq);
		kevent_remove(round % 2 ? &state->kev : &count->kev);
		kevent_queue_unlock(kq);
		while ((event = take(kq)))
			KUNIT_EXPECT_EQ(test, event->ret_flags,
					event->id.raw_u64 == 2 - round % 2 ?
					KEVENT_RET_DONE | KEVENT_RET_STALE :
					KEVENT_RET_DONE);
		if (round % 2)
			state = new_interest(test, kq, &state_source, 1,
					     KEVENT_REQ_ET);
		else
			count = new_interest(test, kq, &count_source, 2, 0);
	}
	kevent_queue_release(kq);
}

/* A source that reports a wake-up in the middle of MODIFY and of ADD. */
static int fake_modify(struct kevent *kev, const struct ukevent *event)
{
	kevent_tell(kev, to_fake(kev)->bits, 0);
	return 0;
}

static int fake_add(struct kevent *kev)
{
	kev->mask = U32_MAX;
	to_fake(kev)->bits = 1;
	kevent_tell(kev, 1, 0);
	return to_fake(kev)->bits;
}

static void fake_remove(struct kevent *kev)
{
}

static const struct kevent_source racing_source = {
	.type	= KEVENT_POLL,
	.events	= U32_MAX,
	.size	= sizeof(struct fake),
	.merge	= { KEVENT_MERGE_OR, KEVENT_MERGE_SET },
	.free	= fake_free,
	.add	= fake_add,
	.remove	= fake_remove,
	.modify	= fake_modify,
	.poll	= fake_poll,
};

static void ctl(struct kevent_queue *kq, unsigned int cmd,
		struct ukevent *event)
{
	kevent_queue_lock(kq);
	kevent_ctl_one(kq, cmd, event);
	kevent_queue_unlock(kq);
}

static void a_oneshot_that_fires_in_modify_is_reported_once(struct kunit *test)
{
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct fake *f = new_interest(test, kq, &racing_source, 1,
				      KEVENT_REQ_ONESHOT);
	struct ukevent event = f->kev.event;

	f->bits = 1;
	ctl(kq, KEVENT_CTL_MODIFY, &event);
	/* The one-shot has ended: its event stays, the caller gets -ENOENT. */
	KUNIT_EXPECT_TRUE(test, event.ret_flags & KEVENT_RET_BROKEN);
	KUNIT_EXPECT_EQ(test, (int)event.ret_data[1], -ENOENT);
	KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), 1);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_flags, KEVENT_RET_DONE);
	/* Nothing of it is left. */
	catch_up(kq);
	KUNIT_EXPECT_EQ(test, nr_freed, 1);
	KUNIT_EXPECT_EQ(test, kq->nr, 0);
	kevent_queue_release(kq);
}

static void racing_remove(struct kevent *kev)
{
	kevent_tell(kev, 1, 0);
}

static void a_oneshot_that_fires_in_remove_is_reported_once(struct kunit *test)
{
	struct kevent_source source = racing_source;
	struct kevent_queue *kq = new_queue(test, SLOTS);
	struct ukevent event;
	struct fake *f;

	source.remove = racing_remove;
	f = new_interest(test, kq, &source, 1, KEVENT_REQ_ONESHOT);
	f->kev.flags |= KEV_ADDED;
	event = f->kev.event;
	ctl(kq, KEVENT_CTL_REMOVE, &event);
	/* Its event stays, and the caller learns of it. */
	KUNIT_EXPECT_TRUE(test, event.ret_flags & KEVENT_RET_BROKEN);
	KUNIT_EXPECT_EQ(test, (int)event.ret_data[1], -ENOENT);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_flags, KEVENT_RET_DONE);
	KUNIT_EXPECT_EQ(test, nr_freed, 1);
	/* Any other interest: DONE, and its event is void. */
	f = new_interest(test, kq, &source, 1, KEVENT_REQ_ET);
	f->kev.flags |= KEV_ADDED;
	event = f->kev.event;
	ctl(kq, KEVENT_CTL_REMOVE, &event);
	KUNIT_EXPECT_EQ(test, event.ret_flags, KEVENT_RET_DONE);
	KUNIT_EXPECT_EQ(test, take(kq)->ret_flags,
			KEVENT_RET_DONE | KEVENT_RET_STALE);
	kevent_queue_release(kq);
}

static void an_event_that_comes_in_add_is_reported_once(struct kunit *test)
{
	const struct kevent_source *real = kevent_sources[KEVENT_POLL];
	struct ukevent event = { .type = KEVENT_POLL, .id.raw_u64 = 1 };
	u32 flags[] = { 0, KEVENT_REQ_ET, KEVENT_REQ_ONESHOT };
	struct kevent_queue *kq;
	bool back;
	u32 i;

	kevent_sources[KEVENT_POLL] = &racing_source;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		kq = new_queue(test, SLOTS);
		event.req_flags = flags[i];
		kevent_queue_lock(kq);
		back = kevent_ctl_one(kq, KEVENT_CTL_ADD, &event);
		kevent_queue_unlock(kq);
		KUNIT_EXPECT_FALSE(test, back);
		KUNIT_EXPECT_EQ(test, event.ret_flags, 0);
		KUNIT_EXPECT_EQ(test, kevent_map_pending(kq), 1);
		KUNIT_EXPECT_EQ(test, take(kq)->ret_flags, KEVENT_RET_DONE);
		kevent_queue_release(kq);
		KUNIT_EXPECT_EQ(test, nr_freed, 1);
	}
	/* Without a mapped ring nobody has seen it: it is handed back. */
	kq = new_queue(test, 0);
	event.req_flags = KEVENT_REQ_ONESHOT;
	kevent_queue_lock(kq);
	back = kevent_ctl_one(kq, KEVENT_CTL_ADD, &event);
	kevent_queue_unlock(kq);
	KUNIT_EXPECT_TRUE(test, back);
	KUNIT_EXPECT_EQ(test, kq->nr_ready, 0);
	kevent_queue_release(kq);
	kevent_sources[KEVENT_POLL] = real;
}

#ifdef CONFIG_JUMP_LABEL

DEFINE_STATIC_KEY_FALSE(test_key);

static noinline bool test_key_is_live(void)
{
	return static_branch_unlikely(&test_key);
}

struct enabler {
	struct completion	done;
	bool			was_live;
};

static int enabler_run(void *arg)
{
	struct enabler *enabler = arg;

	kevent_enable_key(&test_key);
	enabler->was_live = test_key_is_live();
	complete(&enabler->done);
	return 0;
}

/*
 * text_mutex keeps the first thread from patching the code. The second thread
 * must wait for the first: a hook that is not patched in yet would miss closes
 * and signals of the second thread's interests.
 */
static void a_hook_is_live_when_enabling_it_returns(struct kunit *test)
{
	struct enabler enabler[2] = { };
	struct task_struct *task[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		init_completion(&enabler[i].done);
		task[i] = kthread_create(enabler_run, &enabler[i], "enabler");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task[i]);
		get_task_struct(task[i]);
	}
	mutex_lock(&text_mutex);
	for (i = 0; i < 2; i++) {
		wake_up_process(task[i]);
		/*
		 * Wait until the thread sleeps for a mutex, or is done. This
		 * thread sleeps, too: a mutex whose owner sleeps is not spun
		 * for.
		 */
		do {
			schedule_timeout_uninterruptible(1);
		} while (!completion_done(&enabler[i].done) &&
			 !(READ_ONCE(task[i]->__state) ==
				TASK_UNINTERRUPTIBLE &&
			   atomic_read(&test_key.key.enabled)));
	}
	KUNIT_EXPECT_FALSE(test, completion_done(&enabler[1].done));
	mutex_unlock(&text_mutex);
	for (i = 0; i < 2; i++) {
		wait_for_completion(&enabler[i].done);
		KUNIT_EXPECT_TRUE(test, enabler[i].was_live);
		put_task_struct(task[i]);
	}
	static_branch_disable(&test_key);
}

#endif /* CONFIG_JUMP_LABEL */

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
	KUNIT_CASE(removal_marks_its_own_and_no_other),
	KUNIT_CASE(a_oneshot_that_fires_in_modify_is_reported_once),
	KUNIT_CASE(a_oneshot_that_fires_in_remove_is_reported_once),
	KUNIT_CASE(an_event_that_comes_in_add_is_reported_once),
#ifdef CONFIG_JUMP_LABEL
	KUNIT_CASE(a_hook_is_live_when_enabling_it_returns),
#endif
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
