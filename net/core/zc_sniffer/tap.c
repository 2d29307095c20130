// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: the tap - packets as they pass a device.
 *
 * What a reader sees here is what a packet socket on the same interface sees,
 * in the same order: on receive before the protocol, with a VLAN tag taken out
 * of the bytes; on transmit before the driver, once per device. Like tcpdump, a
 * reader sees what passes a loopback device once, on receive.
 *
 * Locking: readers are on an RCU list; reader.c adds and removes them.
 */

#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/timekeeping.h>
#include <net/net_namespace.h>

#include "ring.h"

HLIST_HEAD(zcs_tap_readers);

/**
 * zcs_filter_run() - ask a filter
 * @filter: the filter
 * @v: packet
 *
 * A filter expects skb->data at the first byte of the packet, and puts it there
 * for the time being, as a packet socket does.
 *
 * Context: RCU read-side critical section; the producer's.
 * Return: bytes to capture; 0: not this packet.
 */
u32 zcs_filter_run(const struct zcs_filter_prog *filter,
		   const struct zcs_view *v)
{
	struct sk_buff *skb = v->skb;
	unsigned char *data = skb->data;
	unsigned int len = skb->len;
	u8 pkt_type = skb->pkt_type;
	u32 res;

	skb->data += v->start;
	skb->len = v->d.wire_len;
	if (v->d.direction == ZCS_DIR_OUT)
		skb->pkt_type = PACKET_OUTGOING;
	res = bpf_prog_run_clear_cb(filter->prog, skb);
	skb->data = data;
	skb->len = len;
	skb->pkt_type = pkt_type;
	return res;
}

/* Header offsets that the stack has set, if they are inside the packet. */
static __always_inline void zcs_tap_offsets(struct zcs_view *v)
{
	const struct sk_buff *skb = v->skb;
	u32 first = skb->data + v->start - skb->head;
	u32 net = skb->network_header - first;
	u32 trans = skb->transport_header - first;
	u32 max = min_t(u32, v->d.wire_len, ZCS_OFF_UNKNOWN);

	v->d.net_off = net < max ? net : ZCS_OFF_UNKNOWN;
	v->d.trans_off = trans < max && trans != net ? trans : ZCS_OFF_UNKNOWN;
}

/* What of @v does not depend on the reader. */
static __always_inline void zcs_tap_see(struct zcs_view *v,
					struct sk_buff *skb, bool out)
{
	const struct net_device *dev = skb->dev;
	struct zcs_desc *d = &v->d;
	u32 flags = 0;

	v->skb = skb;
	v->start = 0;
	d->mac_off = ZCS_OFF_UNKNOWN;
	v->link = ZCS_LINK_RAW;
	if (likely(dev_has_header(dev))) {
		v->link = ZCS_LINK_ETHER;
		flags = ZCS_F_LINK;
		d->mac_off = 0;
		if (!out && likely(skb_mac_header_was_set(skb)))
			v->start = skb_mac_header(skb) - skb->data;
	}
	d->wire_len = skb->len - v->start;
	zcs_tap_offsets(v);
	d->ifindex = dev->ifindex;
	d->hw_type = dev->type;
	d->netns = dev_net(dev)->net_cookie;
	d->direction = out ? ZCS_DIR_OUT : ZCS_DIR_IN;
	d->pkt_type = out ? PACKET_OUTGOING : skb->pkt_type;
	zcs_view_skb(v, flags);

	/* Whoever asked for time stamps has one already, and an earlier one. */
	if (!out && skb->tstamp && skb->tstamp_type == SKB_CLOCK_REALTIME)
		d->ts_ns = ktime_to_ns(skb->tstamp);
	else
		d->ts_ns = ktime_get_real_ns();
}

/* Softirqs are off: one packet at a time. */
static DEFINE_PER_CPU_ALIGNED(struct zcs_view, zcs_tap_view);

static __always_inline bool zcs_tap_wants(const struct zcs_reader *r,
					  const struct net_device *dev,
					  u32 direction)
{
	if (r->setup.ifindex && r->setup.ifindex != dev->ifindex)
		return false;
	return (r->setup.direction & direction) &&
	       (!r->net || net_eq(r->net, dev_net(dev)));
}

/* @r wants the packet; the readers after it may want it too. */
static noinline void zcs_tap_show(struct zcs_reader *r, struct sk_buff *skb,
				  bool out)
{
	const struct net_device *dev = skb->dev;
	struct zcs_view *v = this_cpu_ptr(&zcs_tap_view);

	/* What is looped back was seen, or will be. */
	if (out ? dev->flags & IFF_LOOPBACK : skb->pkt_type == PACKET_LOOPBACK)
		return;
	zcs_tap_see(v, skb, out);
	zcs_offer(r, v);
	hlist_for_each_entry_continue_rcu_bh(r, list)
		if (zcs_tap_wants(r, dev, out ? ZCS_DIR_OUT : ZCS_DIR_IN))
			zcs_offer(r, v);
}

/**
 * zcs_tap() - a packet passes a device
 * @skb: the packet, perhaps shared
 * @out: to the driver
 *
 * Most devices are of no interest to most readers: find that out first.
 *
 * Context: Softirqs off, RCU read-side critical section.
 */
void zcs_tap(struct sk_buff *skb, bool out)
{
	const struct net_device *dev = skb->dev;
	struct zcs_reader *r;

	hlist_for_each_entry_rcu_bh(r, &zcs_tap_readers, list) {
		if (zcs_tap_wants(r, dev, out ? ZCS_DIR_OUT : ZCS_DIR_IN)) {
			zcs_tap_show(r, skb, out);
			return;
		}
	}
}
