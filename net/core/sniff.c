// SPDX-License-Identifier: GPL-2.0-only
/*
 * Points where a sniffer looks at packets.
 *
 * A packet socket gets each packet as a clone that it may keep. A sniffer that
 * keeps only memory needs no clone, and a tap that is not a packet_type does
 * not make the stack believe that somebody else has the packet. So it has two
 * calls of its own: where packet sockets see packets, and where their data is
 * freed.
 *
 * The calls are in the network core and the sniffer may be a module: it
 * registers, then switches on the key of each point that it needs. The calls
 * are patched in: packets do not pay for an indirect one.
 *
 * Locking: sniff_mtx protects sniff_current. Calls are made in RCU read-side
 * critical sections; who has softirqs off is in one.
 */

#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <net/sniff.h>

DEFINE_STATIC_KEY_FALSE(sniff_tap_key);
EXPORT_SYMBOL_GPL(sniff_tap_key);
DEFINE_STATIC_KEY_FALSE(sniff_free_key);
EXPORT_SYMBOL_GPL(sniff_free_key);

static void sniff_no_free(struct sk_buff *skb)
{
}

/* What is called while there is no sniffer: nothing is done. */
void sniff_no_tap(struct sk_buff *skb, bool out)
{
}

DEFINE_STATIC_CALL(sniff_tap_call, sniff_no_tap);
DEFINE_STATIC_CALL(sniff_free_call, sniff_no_free);

static DEFINE_MUTEX(sniff_mtx);
static const struct sniff_ops *sniff_current;

/**
 * sniff_register() - become the sniffer
 * @ops: what to call
 *
 * Context: Process context; takes sniff_mtx.
 * Return: 0, or -EBUSY if there is one already.
 */
int sniff_register(const struct sniff_ops *ops)
{
	int ret = -EBUSY;

	mutex_lock(&sniff_mtx);
	if (!sniff_current) {
		sniff_current = ops;
		static_call_update(sniff_tap_call, ops->tap);
		static_call_update(sniff_free_call, ops->free);
		ret = 0;
	}
	mutex_unlock(&sniff_mtx);
	return ret;
}
EXPORT_SYMBOL_GPL(sniff_register);

/**
 * sniff_unregister() - undo sniff_register()
 * @ops: what was registered; both keys are off
 *
 * Nothing of @ops runs any more afterwards.
 *
 * Context: Process context; sleeps for a grace period; takes sniff_mtx.
 */
void sniff_unregister(const struct sniff_ops *ops)
{
	mutex_lock(&sniff_mtx);
	if (sniff_current == ops) {
		static_call_update(sniff_tap_call, sniff_no_tap);
		static_call_update(sniff_free_call, sniff_no_free);
		sniff_current = NULL;
	}
	mutex_unlock(&sniff_mtx);
	synchronize_net();
}
EXPORT_SYMBOL_GPL(sniff_unregister);

/**
 * __sniff_free() - the data of a packet is about to be freed
 * @skb: the packet, whose data nobody else has
 *
 * Context: Any context but NMI.
 */
void __sniff_free(struct sk_buff *skb)
{
	rcu_read_lock();
	static_call(sniff_free_call)(skb);
	rcu_read_unlock();
}
