// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: kevent_ctl(), batches of interests.
 *
 * A batch is worked off in pieces: copied in, worked on under the queue's
 * mutex, copied back. User memory is not touched under the mutex.
 */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kevent.h"

/* Elements that are worked on at once; so many fit on the stack, too. */
#define CTL_PIECE	64
#define CTL_FEW		4

static void fail(struct ukevent *event, int err)
{
	event->ret_flags = KEVENT_RET_BROKEN | KEVENT_RET_DONE;
	event->ret_data[0] = 0;
	event->ret_data[1] = err;
}

static int check_event(const struct kevent_source *source,
		       const struct ukevent *event)
{
	if (event->req_flags & ~(KEVENT_REQ_COMMON | source->req_flags))
		return -EINVAL;
	if (event->event != KEVENT_MASK_ALL && event->event & ~source->events)
		return -EINVAL;
	return 0;
}

/* Tell it whatever the source says; kevent_tell() is the other way. */
static void force_and_wake(struct kevent *kev, u32 data0, u32 data1)
{
	struct kevent_queue *kq = kev->kq;
	bool pollers = false;

	spin_lock_irq(&kq->wq.lock);
	if (__kevent_force(kev, data0, data1))
		pollers = __kevent_wake(kq, 1);
	spin_unlock_irq(&kq->wq.lock);
	if (pollers)
		kevent_wake_pollers(kq, 0);
}

static u32 measure(struct kevent *kev)
{
	return kev->source->measure ? kev->source->measure(kev) : 0;
}

/*
 * The source is ready at once: end the interest, and let KEVENT_CTL_ADD hand it
 * back. Return: false if a wake-up has already written the event to the mapped
 * ring. A consumer may have read that slot, so the interest stays registered;
 * @bits: what that slot lacks.
 */
static bool ctl_take_back(struct kevent *kev, u32 *bits)
{
	struct kevent_queue *kq = kev->kq;
	bool told;

	spin_lock_irq(&kq->wq.lock);
	told = kev->pos;
	if (told)
		*bits &= ~kev->event.ret_data[0];
	else
		kev->flags |= KEV_DEAD;
	spin_unlock_irq(&kq->wq.lock);
	return !told;
}

/* 0: registered; 1: ready at once, see event; an errno; KEVENT_AS_TOP. */
static int add_one(struct kevent_queue *kq, struct ukevent *event)
{
	const struct kevent_source *source = kevent_source_find(event->type);
	struct kevent *kev;
	u32 bits;
	int ret;

	if (!source)
		return -ENOSYS;
	if (source->internal)
		return -EINVAL;
	ret = check_event(source, event);
	if (ret)
		return ret;
	kev = kevent_alloc(kq, source, event);
	if (IS_ERR(kev))
		return PTR_ERR(kev);
	ret = kevent_insert(kev);
	if (ret) {
		kevent_free(kev);
		return ret;
	}
	kev->flags = KEV_ADDED;
	ret = source->add(kev);
	if (unlikely(ret < 0 || ret == KEVENT_AS_TOP)) {
		/*
		 * Linked to nothing: nobody else looks at the flags. What it
		 * may have reported meanwhile is void.
		 */
		kev->flags &= ~(KEV_ADDED | KEV_DEAD);
		kevent_remove(kev);
		return ret;
	}
	event->ret_flags = 0;
	if (event->req_flags & KEVENT_REQ_READY) {
		force_and_wake(kev, ret, measure(kev));
		return 0;
	}
	if (!ret)
		return 0;
	if (event->req_flags & KEVENT_REQ_ALWAYS_QUEUE) {
		kevent_tell(kev, ret, measure(kev));
		return 0;
	}
	bits = ret;
	if (!ctl_take_back(kev, &bits)) {
		if (bits)
			kevent_tell(kev, bits, measure(kev));
		return 0;
	}
	event->ret_flags = KEVENT_RET_DONE;
	event->ret_data[0] = ret;
	event->ret_data[1] = measure(kev);
	kevent_remove(kev);
	return 1;
}

static int add(struct kevent_queue *kq, struct ukevent *event)
{
	int ret = add_one(kq, event);

	if (ret == KEVENT_AS_TOP) {
		ret = kevent_queue_make_top(kq);
		if (!ret)
			ret = add_one(kq, event);
	}
	if (ret < 0)
		fail(event, ret);
	return ret;
}

/* Why there is no such interest. */
static noinline void fail_to_find(struct ukevent *event)
{
	const struct kevent_source *source = kevent_source_find(event->type);

	if (!source)
		fail(event, -ENOSYS);
	else
		fail(event, source->internal ? -EINVAL : -ENOENT);
}

static __always_inline struct kevent *find(struct kevent_queue *kq,
					   struct ukevent *event)
{
	struct kevent *kev = kevent_find(kq, event);

	if (unlikely(!kev || kev->source->internal)) {
		fail_to_find(event);
		return NULL;
	}
	event->ret_flags = KEVENT_RET_DONE;
	return kev;
}

static void remove(struct kevent_queue *kq, struct ukevent *event)
{
	struct kevent *kev = find(kq, event);

	/* A wake-up after find() may have fired a one-shot. */
	if (kev && unlikely(!kevent_remove(kev)))
		fail(event, -ENOENT);
}

static void modify(struct kevent_queue *kq, struct ukevent *event)
{
	struct kevent *kev = find(kq, event);
	u32 data0, data1 = 0;
	bool state;
	u64 pos = 0;
	int err;

	if (!kev)
		return;
	state = kevent_has_state(kev);
	err = check_event(kev->source, event);
	if (err) {
		fail(event, err);
		return;
	}
	if (kev->source->modify) {
		/* One that happens meanwhile is lost or told in either form. */
		err = kev->source->modify(kev, event);
		if (err) {
			fail(event, err);
			return;
		}
	}
	spin_lock_irq(&kq->wq.lock);
	if (unlikely(kev->flags & KEV_DEAD)) {
		/* A wake-up after find() may have fired a one-shot. */
		spin_unlock_irq(&kq->wq.lock);
		fail(event, -ENOENT);
		return;
	}
	kev->event.event = event->event;
	/* Where it stands in wait queues was decided when it was added. */
	kev->event.req_flags = (event->req_flags & ~KEVENT_REQ_WAKEUP_ALL) |
			       (kev->event.req_flags & KEVENT_REQ_WAKEUP_ALL);
	kev->event.cookie = event->cookie;
	if (state) {
		/* A state is looked at again: what was told of it is void. */
		pos = __kevent_map_forget(kev);
		__kevent_unlink(kev);
		kev->flags &= ~KEV_DOUBT;
	}
	spin_unlock_irq(&kq->wq.lock);
	kevent_map_mark(kq, pos);

	if (state) {
		/*
		 * The new mask, then the state: a wake-up in between sees the
		 * one, or this the other. Pairs with the barrier of wakers
		 * between the state and the look at the wait queue.
		 */
		smp_mb();
		data0 = kev->source->poll(kev, &data1);
		if (data0)
			kevent_tell(kev, data0, data1);
	}
	if (event->req_flags & KEVENT_REQ_READY)
		force_and_wake(kev, 0, 0);
}

static bool ready(struct kevent_queue *kq, struct ukevent *event)
{
	struct kevent *kev = find(kq, event);
	u32 data0 = 0, data1 = 0;

	if (!kev)
		return true;
	if (kevent_has_state(kev)) {
		data0 = kev->source->poll(kev, &data1);
	} else if (kev->event.type == KEVENT_USER) {
		data0 = 1;
		data1 = event->ret_data[1];
	}
	force_and_wake(kev, data0, data1);
	return false;
}

/* True when the element is to be handed back at the front. */
static __always_inline bool ctl_work(struct kevent_queue *kq, unsigned int cmd,
				     struct ukevent *event)
{
	switch (cmd) {
	case KEVENT_CTL_ADD:
		return add(kq, event);
	case KEVENT_CTL_MODIFY:
		modify(kq, event);
		return false;
	case KEVENT_CTL_REMOVE:
		remove(kq, event);
		return false;
	default:
		return ready(kq, event);
	}
}

#if IS_ENABLED(CONFIG_KEVENT_KUNIT_TEST)
/**
 * kevent_ctl_one() - carry out a command for one element
 * @kq: the queue, with its mutex held; KEVENT_CTL_ADD may drop and retake it
 * @cmd: KEVENT_CTL_*
 * @event: the element; the result is stored in it
 *
 * Return: true when it is to be handed back at the front.
 */
bool kevent_ctl_one(struct kevent_queue *kq, unsigned int cmd,
		    struct ukevent *event)
{
	return ctl_work(kq, cmd, event);
}
#endif

/* Write the results of worked-off elements that stay where they are. */
static int put_results(struct ukevent __user *arg, const struct ukevent *event,
		       unsigned int nr)
{
	unsigned int i;

	if (!user_write_access_begin(arg, nr * sizeof(*arg)))
		return -EFAULT;
	for (i = 0; i < nr; i++, arg++, event++) {
		unsafe_put_user(event->ret_flags, &arg->ret_flags, fault);
		unsafe_put_user(event->ret_data[0], &arg->ret_data[0], fault);
		unsafe_put_user(event->ret_data[1], &arg->ret_data[1], fault);
	}
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/*
 * Write a worked-off element back. One that is handed back goes to the front,
 * and what stood there, which was worked off and not handed back, takes its
 * place.
 */
static int put_back(struct ukevent __user *arg, unsigned int front,
		    unsigned int at, const struct ukevent *event)
{
	struct ukevent other;

	if (front != at) {
		if (copy_from_user(&other, arg + front, sizeof(other)) ||
		    copy_to_user(arg + at, &other, sizeof(other)))
			return -EFAULT;
	}
	if (copy_to_user(arg + front, event, sizeof(*event)))
		return -EFAULT;
	return 0;
}

/**
 * kevent_ctl() - work on a batch of interests
 * @kq: the queue
 * @cmd: KEVENT_CTL_*
 * @num: elements of @arg
 * @arg: the batch; results are written to each element
 *
 * Return: ADD: number of elements handed back at the front of @arg, ready or
 * failed. REMOVE, MODIFY: 0. READY: number of elements that were found; the
 * others are at the front. -EINVAL: @cmd; -EFAULT, and elements before the one
 * that could not be read or written were worked off; -EINTR when killed.
 */
int kevent_ctl(struct kevent_queue *kq, unsigned int cmd, unsigned int num,
	       struct ukevent __user *arg)
{
	struct ukevent few[CTL_FEW], *piece = few;
	unsigned int done = 0, back = 0, nr, i;
	u64 handed = 0;
	int err = 0;

	if (cmd > KEVENT_CTL_READY || num > INT_MAX)
		return -EINVAL;
	if (!num) {
		if (cmd == KEVENT_CTL_READY)
			kevent_kick(kq);
		return 0;
	}
	if (num > CTL_FEW) {
		piece = kmalloc_array(CTL_PIECE, sizeof(*piece), GFP_KERNEL);
		if (!piece)
			return -ENOMEM;
	}

	while (done < num && !err) {
		nr = min(num - done, num > CTL_FEW ? CTL_PIECE : CTL_FEW);
		if (copy_from_user(piece, arg + done, nr * sizeof(*piece))) {
			err = -EFAULT;
			break;
		}

		handed = 0;
		kevent_queue_lock(kq);
		kevent_reap(kq);
		for (i = 0; i < nr; i++) {
			if (ctl_work(kq, cmd, &piece[i]))
				handed |= BIT_ULL(i);
		}
		kevent_queue_unlock(kq);

		if (!handed)
			err = put_results(arg + done, piece, nr);
		for (i = 0; handed && i < nr && !err; i++) {
			unsigned int at = done + i;

			err = put_back(arg, handed & BIT_ULL(i) ? back++ : at,
				       at, &piece[i]);
		}
		done += nr;
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	if (piece != few)
		kfree(piece);
	if (err)
		return err;
	return cmd == KEVENT_CTL_READY ? num - back : back;
}
