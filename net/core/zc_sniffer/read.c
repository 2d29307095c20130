// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: read() and write(), the interface of 2006.
 *
 * read() returns an array of struct zcs_desc, write() takes it back, whole or
 * in parts, in any order. Of what is written only the number of the ring and
 * the position are looked at, and compared with what the kernel knows.
 *
 * Locking: reader->mtx makes read() and write() one at a time; ring->lock for
 * the entries, as always.
 */

#include <linux/fs.h>
#include <linux/uaccess.h>

#include "ring.h"

/* From now on by read() and write(), unless the tails are mapped. */
static int zcs_read_mode(struct zcs_reader *r)
{
	lockdep_assert_held(&r->mtx);
	if (!zcs_nr_rings(r))
		return -EINVAL;
	return cmpxchg(&r->mode, ZCS_MODE_NONE, ZCS_MODE_READ) ==
	       ZCS_MODE_MAPPED ? -EBUSY : 0;
}

/* Whole packets from one ring; bytes copied, or -errno if that is nothing. */
static ssize_t zcs_read_ring(struct zcs_cpu_ring *ring, char __user *buf,
			     size_t count)
{
	/* (C), see ring.h */
	u32 head = smp_load_acquire(&ring->mem->head);
	u32 pos = ring->read_pos;
	size_t done = 0;

	while (pos != head) {
		u32 n = zcs_ring_entry(ring, pos)->nr_slots, i;

		if (count - done < n * sizeof(struct zcs_desc)) {
			if (!done)
				return -EINVAL;
			break;
		}
		for (i = 0; i < n; i++) {
			if (copy_to_user(buf + done,
					 zcs_ring_slot(ring, pos + i),
					 sizeof(struct zcs_desc))) {
				done -= i * sizeof(struct zcs_desc);
				goto fault;
			}
			done += sizeof(struct zcs_desc);
		}
		pos += n;
	}
	WRITE_ONCE(ring->read_pos, pos);
	return done;

fault:
	WRITE_ONCE(ring->read_pos, pos);
	return done ?: -EFAULT;
}

static ssize_t zcs_read_rings(struct zcs_reader *r, char __user *buf,
			      size_t count)
{
	ssize_t ret = 0, done = 0;
	unsigned int i;

	mutex_lock(&r->mtx);
	ret = zcs_read_mode(r);
	for (i = 0; !ret && i < r->nr_rings && count - done; i++) {
		ssize_t n = zcs_read_ring(&r->ring[i], buf + done,
					  count - done);

		if (n < 0)
			ret = n;
		else
			done += n;
	}
	mutex_unlock(&r->mtx);
	return done ?: ret;
}

/**
 * zcs_read() - descriptors for user space
 * @r: reader
 * @file: its file, for O_NONBLOCK
 * @buf: room for struct zcs_desc[]
 * @count: its size in bytes, a multiple of that of one
 *
 * Blocks until there is a packet.
 *
 * Context: Process context.
 * Return: bytes; -EINVAL if there is no setup, or no room for the next packet;
 * -EBUSY if the tails are mapped; -EAGAIN, -EFAULT, -ERESTARTSYS.
 */
ssize_t zcs_read(struct zcs_reader *r, struct file *file, char __user *buf,
		 size_t count)
{
	ssize_t ret;

	if (!count || count % sizeof(struct zcs_desc))
		return -EINVAL;
	for (;;) {
		ret = zcs_read_rings(r, buf, count);
		if (ret)
			return ret;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(r->wait, zcs_arm(r));
		if (ret)
			return ret;
	}
}

/* Give back what a descriptor names; returns its slots, or -errno. */
static int zcs_write_one(struct zcs_reader *r, u32 cpu, u32 pos)
{
	struct zcs_cpu_ring *ring;
	unsigned long flags;
	int ret;

	if (cpu >= r->nr_rings) {
		ring = &r->ring[0];
		raw_spin_lock_irqsave(&ring->lock, flags);
		WRITE_ONCE(ring->mem->bad_releases,
			   ring->mem->bad_releases + 1);
		raw_spin_unlock_irqrestore(&ring->lock, flags);
		return -EINVAL;
	}
	ring = &r->ring[cpu];
	raw_spin_lock_irqsave(&ring->lock, flags);
	ret = zcs_ring_release_one(ring, pos);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return ret;
}

/**
 * zcs_write() - take descriptors back
 * @r: reader
 * @buf: struct zcs_desc[], as read
 * @count: its size in bytes, a multiple of that of one
 *
 * The slots of one packet must follow each other; only the first counts.
 *
 * Context: Process context.
 * Return: bytes taken; if that would be 0: -EINVAL for a descriptor that is
 * wrong, or was given back before; -EBUSY, -EFAULT.
 */
ssize_t zcs_write(struct zcs_reader *r, const char __user *buf, size_t count)
{
	const struct zcs_desc __user *d = (const void __user *)buf;
	size_t nr = count / sizeof(*d), i = 0;
	int ret;

	if (!count || count % sizeof(*d))
		return -EINVAL;
	mutex_lock(&r->mtx);
	ret = zcs_read_mode(r);
	while (!ret && i < nr) {
		u32 pos;
		u16 cpu;
		int n;

		if (get_user(pos, &d[i].pos) || get_user(cpu, &d[i].cpu)) {
			ret = -EFAULT;
			break;
		}
		n = zcs_write_one(r, cpu, pos);
		if (n < 0) {
			ret = n;
			break;
		}
		i = min_t(size_t, nr, i + n);
	}
	mutex_unlock(&r->mtx);
	return i ? i * sizeof(*d) : ret;
}
