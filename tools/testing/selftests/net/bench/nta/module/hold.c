// SPDX-License-Identifier: GPL-2.0
/*
 * Hold many skbs of mixed sizes, to see how much memory that takes.
 *
 *   echo "NR CHURN KEEP RX REFILL" > nta_bench/hold
 *
 *   NR      skbs to hold; 0 lets go of all
 *   CHURN   so many times NR, a random one is freed and replaced
 *   KEEP    then all but every KEEPth are freed
 *   RX      1: allocated as a driver does, to receive into
 *   REFILL  1: then again as many as were freed
 *
 *   cat nta_bench/hold      "skbs N bytes N truesize N nta N"
 *
 * Bytes are what the stack asks its allocator for: data and skb_shared_info.
 * The trace is the same for the same numbers. Sizes are those of packets:
 *
 *   40 %  66 to 128      acknowledgements and requests
 *   15 %  129 to 1024    small answers, DNS
 *   30 %  1500           full frames
 *   15 %  9000           jumbo frames
 *
 * With headroom, as the stack asks for it.
 *
 * Locking: hold_mtx protects everything.
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define HOLD_MAX	1000000
#define HOLD_HEADROOM	NET_SKB_PAD

static DEFINE_MUTEX(hold_mtx);
static struct sk_buff **hold_skb;
static u32 *hold_bytes;		/* asked for, of each skb */
static unsigned int hold_nr;

static unsigned int hold_size(struct rnd_state *rnd)
{
	u32 kind = prandom_u32_state(rnd) % 100;
	u32 r = prandom_u32_state(rnd);

	if (kind < 40)
		return 66 + r % 63;
	if (kind < 55)
		return 129 + r % 896;
	if (kind < 85)
		return 1500;
	return 9000;
}

static int hold_one(unsigned int i, struct rnd_state *rnd, bool rx)
{
	unsigned int size = hold_size(rnd) + HOLD_HEADROOM;

	if (rx)
		hold_skb[i] = __netdev_alloc_skb(NULL, size - NET_SKB_PAD,
						 GFP_ATOMIC);
	else
		hold_skb[i] = alloc_skb(size, GFP_KERNEL);
	if (!hold_skb[i])
		return -ENOMEM;
	hold_bytes[i] = SKB_HEAD_ALIGN(size);
	return 0;
}

static void hold_free(unsigned int i)
{
	kfree_skb(hold_skb[i]);
	hold_skb[i] = NULL;
	hold_bytes[i] = 0;
}

static void hold_release(void)
{
	unsigned int i;

	for (i = 0; i < hold_nr; i++)
		hold_free(i);
	vfree(hold_skb);
	vfree(hold_bytes);
	hold_skb = NULL;
	hold_bytes = NULL;
	hold_nr = 0;
}

static int hold_trace(unsigned int nr, unsigned int churn, unsigned int keep,
		      bool rx, bool refill)
{
	struct rnd_state rnd;
	unsigned int i, k;
	u64 n;

	prandom_seed_state(&rnd, 2006);
	for (i = 0; i < nr; i++) {
		if (hold_one(i, &rnd, rx))
			return -ENOMEM;
		cond_resched();
	}
	for (n = 0; n < (u64)nr * churn; n++) {
		k = prandom_u32_state(&rnd) % nr;
		hold_free(k);
		if (hold_one(k, &rnd, rx))
			return -ENOMEM;
		cond_resched();
	}
	for (i = 0; keep > 1 && i < nr; i++)
		if (i % keep)
			hold_free(i);
	for (i = 0; refill && i < nr; i++)
		if (!hold_skb[i] && hold_one(i, &rnd, rx))
			return -ENOMEM;
	return 0;
}

static ssize_t hold_write(struct file *file, const char __user *from,
			  size_t len, loff_t *pos)
{
	unsigned int nr, churn = 0, keep = 1, rx = 0, refill = 0;
	char line[64] = {};
	int err = 0;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, len))
		return -EFAULT;
	if (sscanf(line, "%u %u %u %u %u", &nr, &churn, &keep, &rx,
		   &refill) < 1 ||
	    nr > HOLD_MAX || churn > 1000 || rx > 1 || refill > 1)
		return -EINVAL;

	mutex_lock(&hold_mtx);
	hold_release();
	if (nr) {
		hold_skb = vcalloc(nr, sizeof(*hold_skb));
		hold_bytes = vcalloc(nr, sizeof(*hold_bytes));
		err = -ENOMEM;
		if (hold_skb && hold_bytes) {
			hold_nr = nr;
			err = hold_trace(nr, churn, keep, rx, refill);
		}
		if (err)
			hold_release();
	}
	mutex_unlock(&hold_mtx);
	return err ?: len;
}

static int hold_show(struct seq_file *seq, void *v)
{
	u64 bytes = 0, truesize = 0;
	unsigned int i, skbs = 0, nta = 0;

	mutex_lock(&hold_mtx);
	for (i = 0; i < hold_nr; i++) {
		if (!hold_skb[i])
			continue;
		skbs++;
		bytes += hold_bytes[i];
		truesize += hold_skb[i]->truesize;
		nta += bench_is_nta(hold_skb[i]->head);
	}
	mutex_unlock(&hold_mtx);
	seq_printf(seq, "skbs %u bytes %llu truesize %llu nta %u\n", skbs,
		   bytes, truesize, nta);
	return 0;
}

static int hold_open(struct inode *inode, struct file *file)
{
	return single_open(file, hold_show, NULL);
}

static const struct file_operations hold_fops = {
	.owner		= THIS_MODULE,
	.open		= hold_open,
	.read		= seq_read,
	.write		= hold_write,
	.release	= single_release,
	.llseek		= seq_lseek,
};

/**
 * bench_hold_init() - make the file "hold"
 * @dir: where
 */
void bench_hold_init(struct dentry *dir)
{
	debugfs_create_file("hold", 0600, dir, NULL, &hold_fops);
}

/**
 * bench_hold_exit() - let go of all skbs; the file is gone
 */
void bench_hold_exit(void)
{
	hold_release();
}
