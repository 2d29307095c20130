// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent: the system calls: arguments in, results out.
 */

#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/log2.h>
#include <linux/seq_file.h>
#include <linux/signal.h>
#include <linux/syscalls.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>

#include "kevent.h"

static_assert(sizeof(struct kevent_args) == 40);

DEFINE_STATIC_KEY_FALSE(kevent_file_key);

static int kevent_release(struct inode *inode, struct file *file)
{
	kevent_queue_release(file->private_data);
	return 0;
}

#ifdef CONFIG_PROC_FS
static void kevent_show_interest(struct seq_file *m, const struct kevent *kev)
{
	seq_printf(m, "type: %u id: %16llx event: %8x req: %4x",
		   kev->event.type, kev->event.id.raw_u64,
		   kev->event.event, kev->event.req_flags);
	seq_printf(m, " cookie: %16llx state: %u\n",
		   kev->event.cookie, kev->state);
}

static void kevent_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct kevent_queue *kq = file->private_data;
	struct kevent *kev;
	unsigned long i;

	kevent_queue_lock(kq);
	seq_printf(m, "interests:\t%lu\nready:\t%u\n", kq->nr, kq->nr_ready);
	if (kq->map)
		seq_printf(m, "map:\tslots %u kidx %u uidx %u overflow %llu\n",
			   kq->slot_mask + 1, (u32)kq->kidx,
			   READ_ONCE(kq->tail->uidx), kq->map->overflow);
	if (kq->map)
		seq_printf(m, "check:\t%u doubt %u\n", kq->nr_check,
			   kq->nr_doubt);
	if (kq->ring)
		seq_printf(m, "ring:\tslots %u written %llu committed %llu\n",
			   kq->ring_size, kq->ring_kidx, kq->ring_uidx);
	for (i = 0; i < kq->table.nr_chains; i++) {
		for (kev = kq->table.chains[i]; kev; kev = kev->next)
			kevent_show_interest(m, kev);
		if (seq_has_overflowed(m))
			break;
	}
	kevent_queue_unlock(kq);
}
#endif

const struct file_operations kevent_queue_fops = {
#ifdef CONFIG_PROC_FS
	.show_fdinfo	= kevent_show_fdinfo,
#endif
	.release	= kevent_release,
	.poll		= kevent_queue_poll,
	.mmap		= kevent_map_mmap,
	.llseek		= noop_llseek,
};

static int check_ring(struct kevent_ring __user *ring, unsigned int num,
		      unsigned int flags)
{
	if (flags & ~(KEVENT_INIT_MAP | KEVENT_INIT_NONBLOCK |
		      KEVENT_INIT_CLOEXEC))
		return -EINVAL;
	if (flags & KEVENT_INIT_MAP ? ring || !num : !ring != !num)
		return -EINVAL;
	if (num && (num < KEVENT_RING_MIN || num > KEVENT_RING_MAX))
		return -EINVAL;
	return 0;
}

SYSCALL_DEFINE3(kevent_init, struct kevent_ring __user *, ring,
		unsigned int, num, unsigned int, flags)
{
	struct kevent_queue *kq;
	struct file *file;
	int fd, err;

	err = kevent_check_allowed();
	if (err)
		return err;
	err = check_ring(ring, num, flags);
	if (err)
		return err;
	kq = kevent_queue_create();
	if (!kq)
		return -ENOMEM;
	if (flags & KEVENT_INIT_MAP)
		err = kevent_map_create(kq, roundup_pow_of_two(num));
	else if (ring)
		err = kevent_ring_create(kq, ring, num);
	if (err)
		goto err_put;

	fd = get_unused_fd_flags(flags & KEVENT_INIT_CLOEXEC ? O_CLOEXEC : 0);
	if (fd < 0) {
		err = fd;
		goto err_put;
	}
	file = anon_inode_getfile("[kevent]", &kevent_queue_fops, kq, O_RDWR |
				  (flags & KEVENT_INIT_NONBLOCK ?
				   O_NONBLOCK : 0));
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_fd;
	}
	kq->file = file;
	kevent_enable_key(&kevent_file_key);
	fd_install(fd, file);
	return fd;

err_fd:
	put_unused_fd(fd);
err_put:
	kevent_queue_put(kq);
	return err;
}

static struct kevent_queue *queue_of(struct fd f)
{
	if (fd_empty(f))
		return ERR_PTR(-EBADF);
	if (!kevent_is_queue(fd_file(f)))
		return ERR_PTR(-EINVAL);
	return fd_file(f)->private_data;
}

/* For calls that use the ring: refuse a ring of another address space. */
static struct kevent_queue *queue_with_ring_of(struct fd f)
{
	struct kevent_queue *kq = queue_of(f);

	if (!IS_ERR(kq) && kevent_ring_is_foreign(kq))
		return ERR_PTR(-EXDEV);
	return kq;
}

SYSCALL_DEFINE4(kevent_ctl, int, fd, unsigned int, cmd, unsigned int, num,
		struct ukevent __user *, arg)
{
	CLASS(fd, f)(fd);
	struct kevent_queue *kq = queue_of(f);

	if (IS_ERR(kq))
		return PTR_ERR(kq);
	return kevent_ctl(kq, cmd, num, arg);
}

/* How to wait; made of a call's timeout and flags. */
struct wait_request {
	struct kevent_args	args;
	struct kevent_timeout	timeout;
};

static bool clock_is_known(clockid_t clockid)
{
	switch (clockid) {
	case CLOCK_MONOTONIC:
	case CLOCK_REALTIME:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return true;
	default:
		return false;
	}
}

/* From now on; a clock that is set does not change how long it takes. */
static void start_relative(struct kevent_timeout *timeout)
{
	ktime_t now;

	if (timeout->clockid == CLOCK_BOOTTIME) {
		now = ktime_get_boottime();
	} else {
		timeout->clockid = CLOCK_MONOTONIC;
		now = ktime_get();
	}
	timeout->time = ktime_add_safe(now, timeout->time);
}

static int read_timeout(struct kevent_timeout *timeout, u64 address, bool abs,
			clockid_t clockid)
{
	struct timespec64 ts;

	timeout->clockid = clockid;
	if (!address)
		return 0;
	if (get_timespec64(&ts, u64_to_user_ptr(address)))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	timeout->time = timespec64_to_ktime(ts);
	timeout->expires = &timeout->time;
	timeout->now = !timeout->time;
	if (abs)
		timeout->time = timens_ktime_to_host(clockid, timeout->time);
	else if (!timeout->now)
		start_relative(timeout);
	return 0;
}

static int read_request(struct wait_request *req, struct file *file,
			const void __user *timeout, unsigned int flags)
{
	bool abs = flags & KEVENT_FLAGS_ABSTIME;
	clockid_t clockid = abs ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	u64 address = (unsigned long)timeout;
	int err;

	if (flags & ~(KEVENT_FLAGS_ABSTIME | KEVENT_FLAGS_ARGS |
		      KEVENT_FLAGS_COMMIT))
		return -EINVAL;
	if (flags & KEVENT_FLAGS_ARGS) {
		if (copy_from_user(&req->args, timeout, sizeof(req->args)))
			return -EFAULT;
		if (req->args.reserved || !clock_is_known(req->args.clockid))
			return -EINVAL;
		address = req->args.timeout;
		clockid = req->args.clockid;
	} else if (flags & KEVENT_FLAGS_COMMIT) {
		return -EINVAL;
	}
	err = read_timeout(&req->timeout, address, abs, clockid);
	if (err)
		return err;
	if (file->f_flags & O_NONBLOCK)
		req->timeout.now = true;
	return 0;
}

static int set_sigmask(const struct kevent_args *args)
{
	if (!args->sigmask)
		return 0;
#ifdef CONFIG_COMPAT
	if (in_compat_syscall())
		return set_compat_user_sigmask(u64_to_user_ptr(args->sigmask),
					       args->sigsetsize);
#endif
	return set_user_sigmask(u64_to_user_ptr(args->sigmask),
				args->sigsetsize);
}

SYSCALL_DEFINE6(kevent_get_events, int, fd, unsigned int, min_nr,
		unsigned int, max_nr, const void __user *, timeout,
		struct ukevent __user *, buf, unsigned int, flags)
{
	CLASS(fd, f)(fd);
	struct kevent_queue *kq = queue_with_ring_of(f);
	struct kevent_sink sink = { .buf = buf, .max = max_nr };
	struct wait_request req = { };
	int ret;

	if (IS_ERR(kq))
		return PTR_ERR(kq);
	if (!max_nr || max_nr > INT_MAX / sizeof(*buf) || min_nr > max_nr)
		return -EINVAL;
	ret = read_request(&req, fd_file(f), timeout, flags);
	if (ret)
		return ret;
	if (!access_ok(buf, (size_t)max_nr * sizeof(*buf)))
		return -EFAULT;
	if (flags & KEVENT_FLAGS_COMMIT) {
		ret = kevent_commit(kq, req.args.new_uidx, req.args.over);
		if (ret < 0)
			return ret;
	}
	ret = set_sigmask(&req.args);
	if (ret)
		return ret;
	ret = kevent_get_events(kq, min_nr, &sink, &req.timeout);
	restore_saved_sigmask_unless(ret == -EINTR);
	return ret;
}

SYSCALL_DEFINE5(kevent_wait, int, fd, unsigned int, num, unsigned int, old_uidx,
		const void __user *, timeout, unsigned int, flags)
{
	CLASS(fd, f)(fd);
	struct kevent_queue *kq = queue_with_ring_of(f);
	struct wait_request req = { };
	int ret;

	if (IS_ERR(kq))
		return PTR_ERR(kq);
	ret = read_request(&req, fd_file(f), timeout, flags);
	if (ret)
		return ret;
	if (flags & KEVENT_FLAGS_COMMIT) {
		ret = kevent_commit(kq, req.args.new_uidx, req.args.over);
		if (ret < 0)
			return ret;
	}
	ret = set_sigmask(&req.args);
	if (ret)
		return ret;
	ret = kevent_wait(kq, num, old_uidx, req.args.min_nr, &req.timeout);
	restore_saved_sigmask_unless(ret == -EINTR);
	return ret;
}

SYSCALL_DEFINE3(kevent_commit, int, fd, unsigned int, new_uidx,
		unsigned int, over)
{
	CLASS(fd, f)(fd);
	struct kevent_queue *kq = queue_with_ring_of(f);

	if (IS_ERR(kq))
		return PTR_ERR(kq);
	return kevent_commit(kq, new_uidx, over);
}
