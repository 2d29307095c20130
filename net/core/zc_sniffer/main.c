// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: the device.
 *
 * Overview
 * --------
 *
 * Packets lie in the memory of NTA. A process that may see all traffic maps
 * that memory, is told where each packet lies, reads it in place and gives it
 * back. The stack keeps its packets; nothing is taken from it and nothing is
 * copied.
 *
 *        stack                           sniffer                 process
 *
 *   tap.c   packet passes a device --+
 *                                    +--> filter.c
 *   free.c  buffer is freed ---------+       |
 *                                       capture.c
 *                                    hold, snapshot, slot
 *                                            |
 *                                     ring of this CPU ------> mapped: reads,
 *                                            ^                 moves its tail
 *   nta: chunk free after          ring.c    |
 *        the last hold   <-------- takes back, checks <------- or read.c:
 *                                                              read(), write()
 *
 *   ring.h    the algebra of a ring and its barriers
 *   reader.c  what an open file asks for, pays, when it captures
 *   map.c     what can be mapped, and how it goes away again
 *   send.c    the other direction: packets from mapped chunks
 *
 * Locking
 * -------
 *
 * Capture takes no lock: a ring has one producer, its CPU, and the lock of the
 * ring is taken once in many packets. In this order:
 *
 *   reader->mtx       state of a reader
 *     zcs_lists_mtx   lists of readers, read under RCU
 *   area->mtx         submitting, see send.c
 *   ring->lock        consumer's side of a ring, interrupts off
 *   area->lock        completions, interrupts off
 *
 * mmap() runs under mmap_lock and takes none of the mutexes.
 */

#define pr_fmt(fmt) "zc_sniffer: " fmt

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <net/sniff.h>

#include "zcs.h"

static_assert(sizeof(struct zcs_setup) == 80);
static_assert(sizeof(struct zcs_filter) == 32);
static_assert(sizeof(struct zcs_ring) == 144);
static_assert(offsetof(struct zcs_ring, returned) == 128);
static_assert(sizeof(struct zcs_tail) == 64);
static_assert(sizeof(struct zcs_seg) == 24);
static_assert(sizeof(struct zcs_desc) == 256);
static_assert(offsetof(struct zcs_desc, seg) == 80);
static_assert(offsetof(struct zcs_desc, head) == 128);
static_assert(sizeof(struct zcs_more) == 256);
static_assert(sizeof(struct zcs_stats) == 120);
static_assert(sizeof(struct zcs_tx_setup) == 40);
static_assert(sizeof(struct zcs_tx_desc) == 32);
static_assert(sizeof(struct zcs_tx) == 16);
static_assert(sizeof(struct zcs_tx_done) == 16);
static_assert(sizeof(struct zcs_tx_ring) == 16);

static int zcs_open(struct inode *inode, struct file *file)
{
	struct zcs_reader *r;

	/* What is mapped is the traffic of the whole machine. */
	if (!capable(CAP_NET_RAW) || !capable(CAP_NET_ADMIN))
		return -EPERM;
	r = zcs_reader_new();
	if (!r)
		return -ENOMEM;
	file->private_data = r;
	zcs_map_opened(file);
	return nonseekable_open(inode, file);
}

static int zcs_release(struct inode *inode, struct file *file)
{
	zcs_reader_free(file->private_data);
	return 0;
}

static ssize_t zcs_file_read(struct file *file, char __user *buf, size_t count,
			     loff_t *pos)
{
	return zcs_read(file->private_data, file, buf, count);
}

static ssize_t zcs_file_write(struct file *file, const char __user *buf,
			      size_t count, loff_t *pos)
{
	return zcs_write(file->private_data, buf, count);
}

static int zcs_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	return zcs_mmap(file->private_data, vma);
}

static __poll_t zcs_poll(struct file *file, poll_table *wait)
{
	struct zcs_reader *r = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &r->wait, wait);
	zcs_release_all(r);
	if (zcs_arm(r))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (zcs_tx_pending(r))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

/*
 * Copy in a structure that begins with its size. One from before a field was
 * added is as if that were zero; one from after is taken if the rest is zero.
 */
static int zcs_copy_in(void *to, size_t size, const void __user *from)
{
	u32 usize;

	if (get_user(usize, (const u32 __user *)from))
		return -EFAULT;
	if (usize < size || usize > PAGE_SIZE)
		return -EINVAL;
	return copy_struct_from_user(to, size, from, usize);
}

static long zcs_ioc_setup(struct zcs_reader *r, struct zcs_setup __user *arg)
{
	struct zcs_setup setup;
	int err;

	err = zcs_copy_in(&setup, sizeof(setup), arg);
	if (err)
		return err;
	err = zcs_reader_setup(r, &setup);
	if (err)
		return err;
	return copy_to_user(arg, &setup, sizeof(setup)) ? -EFAULT : 0;
}

static long zcs_ioc_filter(struct zcs_reader *r,
			   const struct zcs_filter __user *arg)
{
	struct zcs_filter filter;
	int err;

	err = zcs_copy_in(&filter, sizeof(filter), arg);
	return err ?: zcs_reader_filter(r, &filter);
}

static long zcs_ioc_stats(struct zcs_reader *r, struct zcs_stats __user *arg)
{
	struct zcs_stats in, stats = { .size = sizeof(stats) };
	int err;

	err = zcs_copy_in(&in, sizeof(in), arg);
	if (err)
		return err;
	zcs_reader_stats(r, &stats);
	return copy_to_user(arg, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long zcs_ioc_tx_setup(struct zcs_reader *r,
			     struct zcs_tx_setup __user *arg)
{
	struct zcs_tx_setup setup;
	int err;

	err = zcs_copy_in(&setup, sizeof(setup), arg);
	if (err)
		return err;
	err = zcs_tx_setup(r, &setup);
	if (err)
		return err;
	return copy_to_user(arg, &setup, sizeof(setup)) ? -EFAULT : 0;
}

static long zcs_ioc_tx(struct zcs_reader *r, const struct zcs_tx __user *arg)
{
	struct zcs_tx tx;
	int err;

	err = zcs_copy_in(&tx, sizeof(tx), arg);
	return err ?: zcs_tx_submit(r, &tx);
}

static long zcs_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct zcs_reader *r = file->private_data;
	void __user *ptr = (void __user *)arg;

	switch (cmd) {
	case ZCS_IOC_SETUP:
		return zcs_ioc_setup(r, ptr);
	case ZCS_IOC_FILTER:
		return zcs_ioc_filter(r, ptr);
	case ZCS_IOC_START:
		return zcs_reader_start(r);
	case ZCS_IOC_STOP:
		return zcs_reader_stop(r);
	case ZCS_IOC_RELEASE:
		return zcs_release_all(r);
	case ZCS_IOC_STATS:
		return zcs_ioc_stats(r, ptr);
	case ZCS_IOC_TX_SETUP:
		return zcs_ioc_tx_setup(r, ptr);
	case ZCS_IOC_TX:
		return zcs_ioc_tx(r, ptr);
	}
	return -ENOTTY;
}

static void zcs_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct zcs_reader *r = file->private_data;
	struct zcs_stats s = {};

	zcs_reader_stats(r, &s);
	seq_printf(m, "passed:\t%llu\nshown:\t%llu\n", s.passed, s.shown);
	seq_printf(m, "missed:\t%llu ring, %llu limit, %llu memory\n",
		   s.missed_ring, s.missed_limit, s.missed_memory);
	seq_printf(m, "filtered:\t%llu\ncopied:\t%llu packets, %llu bytes\n",
		   s.filtered, s.copied_packets, s.copied_bytes);
	seq_printf(m, "held:\t%llu\nbad_releases:\t%llu\n", s.held,
		   s.bad_releases);
	seq_printf(m, "tx:\t%llu packets, %llu bytes, %llu errors\n",
		   s.tx_sent, s.tx_bytes, s.tx_errors);
	seq_printf(m, "tx_in_flight:\t%llu\n", s.tx_in_flight);
}

static const struct file_operations zcs_fops = {
	.owner			= THIS_MODULE,
	.open			= zcs_open,
	.release		= zcs_release,
	.read			= zcs_file_read,
	.write			= zcs_file_write,
	.poll			= zcs_poll,
	.unlocked_ioctl		= zcs_ioctl,
	.compat_ioctl		= compat_ptr_ioctl,
	.mmap			= zcs_file_mmap,
	.get_unmapped_area	= thp_get_unmapped_area,
	.show_fdinfo		= zcs_show_fdinfo,
};

static struct miscdevice zcs_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "zc_sniffer",
	.fops	= &zcs_fops,
	.mode	= 0600,
};

static const struct sniff_ops zcs_ops = {
	.tap	= zcs_tap,
	.free	= zcs_free,
};

static int __init zcs_init(void)
{
	int err;

	err = zcs_tx_init();
	if (err)
		return err;
	err = zcs_map_init();
	if (err)
		goto err_tx;
	err = sniff_register(&zcs_ops);
	if (err)
		goto err_map;
	err = misc_register(&zcs_device);
	if (err)
		goto err_sniff;
	return 0;

err_sniff:
	sniff_unregister(&zcs_ops);
err_map:
	zcs_map_exit();
err_tx:
	zcs_tx_exit();
	return err;
}

static void __exit zcs_exit(void)
{
	misc_deregister(&zcs_device);
	sniff_unregister(&zcs_ops);
	zcs_map_exit();
	zcs_tx_exit();
}

module_init(zcs_init);
module_exit(zcs_exit);

MODULE_DESCRIPTION("Zero-copy sniffer");
MODULE_LICENSE("GPL");
MODULE_ALIAS("devname:zc_sniffer");
