// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: the switch - boot parameter nta=, sysctl net.core.nta, static keys.
 *
 * The mask says what is allocated from NTA from now on. What was allocated
 * before is freed to where it came from, whatever the mask says then: kfree()
 * knows NTA memory by its page type. So the mask may change at any time.
 *
 * A sniffer needs more of the traffic in NTA's memory than others do: what it
 * says with nta_need() is on besides, unless heads are off altogether.
 *
 * Locking: nta_switch_mtx protects nta_mask, nta_needs and the static keys.
 */

#define pr_fmt(fmt) "nta: " fmt

#include <linux/export.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>

#include "nta.h"

DEFINE_STATIC_KEY_FALSE(nta_heads_key);
DEFINE_STATIC_KEY_FALSE(nta_receive_key);
DEFINE_STATIC_KEY_FALSE(nta_stream_key);

static DEFINE_MUTEX(nta_switch_mtx);
static unsigned int nta_mask = NTA_HEADS;
static unsigned int nta_needs[NTA_NR_BITS];

static void nta_apply_mask(void)
{
	unsigned int mask = nta_mask, i;

	lockdep_assert_held(&nta_switch_mtx);

	if (mask & NTA_HEADS) {
		static_branch_enable(&nta_heads_key);
		for (i = 0; i < NTA_NR_BITS; i++)
			if (nta_needs[i])
				mask |= 1U << i;
	} else {
		static_branch_disable(&nta_heads_key);
		/* Heads to receive into are heads. */
		mask &= ~NTA_RECEIVE;
	}

	if (mask & NTA_RECEIVE)
		static_branch_enable(&nta_receive_key);
	else
		static_branch_disable(&nta_receive_key);

	if (mask & NTA_STREAM)
		static_branch_enable(&nta_stream_key);
	else
		static_branch_disable(&nta_stream_key);
}

static void nta_change_need(unsigned int mask, int by)
{
	unsigned int i;

	mutex_lock(&nta_switch_mtx);
	for (i = 0; i < NTA_NR_BITS; i++)
		if (mask & (1U << i))
			nta_needs[i] += by;
	nta_apply_mask();
	if (memchr_inv(nta_needs, 0, sizeof(nta_needs)))
		nta_set_hot_limits(NTA_HOT_BYTES_NEED, NTA_HOT_MAX_NEED);
	else
		nta_set_hot_limits(NTA_HOT_BYTES, NTA_HOT_MAX);
	mutex_unlock(&nta_switch_mtx);
}

/**
 * nta_need() - have more of the traffic in NTA's memory
 * @mask: bits of net.core.nta, on until nta_need_no_more() if NTA_HEADS is
 *
 * Context: Process context.
 */
void nta_need(unsigned int mask)
{
	nta_change_need(mask, 1);
}
EXPORT_SYMBOL_GPL(nta_need);

/**
 * nta_need_no_more() - undo nta_need()
 * @mask: the same bits
 *
 * Context: Process context.
 */
void nta_need_no_more(unsigned int mask)
{
	nta_change_need(mask, -1);
}
EXPORT_SYMBOL_GPL(nta_need_no_more);

static int __init nta_setup(char *str)
{
	unsigned int mask;

	if (kstrtouint(str, 0, &mask) || mask > NTA_ALL)
		pr_warn("nta=%s is not a mask from 0 to %u, %u is used\n", str,
			NTA_ALL, nta_mask);
	else
		nta_mask = mask;
	return 1;
}
__setup("nta=", nta_setup);

static int nta_sysctl(const struct ctl_table *table, int write, void *buffer,
		      size_t *lenp, loff_t *ppos)
{
	int ret;

	mutex_lock(&nta_switch_mtx);
	ret = proc_douintvec_minmax(table, write, buffer, lenp, ppos);
	if (!ret && write)
		nta_apply_mask();
	mutex_unlock(&nta_switch_mtx);
	return ret;
}

static unsigned int nta_mask_max = NTA_ALL;

static struct ctl_table nta_table[] = {
	{
		.procname	= "nta",
		.data		= &nta_mask,
		.maxlen		= sizeof(nta_mask),
		.mode		= 0644,
		.proc_handler	= nta_sysctl,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &nta_mask_max,
	},
};

static int __init nta_init(void)
{
	int err;

	nta_core_init();
	err = nta_age_init();
	if (err) {
		pr_err("no CPU hotplug state (%d), not used\n", err);
		return err;
	}

	mutex_lock(&nta_switch_mtx);
	nta_apply_mask();
	mutex_unlock(&nta_switch_mtx);
	register_net_sysctl(&init_net, "net/core", nta_table);
	pr_info("mask %#x, units of %u bytes, requests up to %u\n", nta_mask,
		NTA_UNIT, NTA_MAX_SIZE);
	return 0;
}
subsys_initcall(nta_init);
