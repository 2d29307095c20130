// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: the tap - packets as they pass a device.
 *
 * What a reader sees here is what a packet socket on the same interface sees, in
 * the same order: on receive before the protocol, with a VLAN tag taken out of
 * the bytes; on transmit before the driver, once per device. Like tcpdump, a
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
 * zcs_filter_run() - ask a reader's filter
 * @r: reader
 * @v: packet
 *
 * A filter expects skb->data at the first byte of the packet, and puts it there
 * for the time being, as a packet socket does.
 *
 * Context: RCU read-side critical section; the producer's.
 * Return: bytes to capture; 0: not this packet.
 */
u32 zcs_filter_run(struct zcs_reader *r, const struct zcs_view *v)
{
	struct zcs_filter_prog *filter = rcu_dereference(r->filter[v->link]);
	u32 cap_len = min_not_zero(r->setup.snaplen, v->len);
	struct sk_buff *skb = v->skb;
	unsigned char *data = skb->data;
	unsigned int len = skb->len;
	u8 pkt_type = skb->pkt_type;
	u32 res;

	if (!filter)
		return max(cap_len, 1U);
	skb->data += v->start;
	skb->len = v->len;
	if (v->direction == ZCS_DIR_OUT)
		skb->pkt_type = PACKET_OUTGOING;
	res = bpf_prog_run_clear_cb(filter->prog, skb);
	skb->data = data;
	skb->len = len;
	skb->pkt_type = pkt_type;
	return min(res, max(cap_len, 1U));
}

static u16 zcs_offset(const struct zcs_view *v, const unsigned char *header)
{
	long off = header - (v->skb->data + v->start);

	return off >= 0 && off < min_t(u32, v->len, ZCS_OFF_UNKNOWN) ?
	       off : ZCS_OFF_UNKNOWN;
}

/* What of @v does not depend on the reader. */
static void zcs_tap_view(struct zcs_view *v, struct sk_buff *skb, bool out)
{
	const struct net_device *dev = skb->dev;

	v->skb = skb;
	v->start = 0;
	v->flags = 0;
	v->link = ZCS_LINK_RAW;
	v->mac_off = ZCS_OFF_UNKNOWN;
	v->point = ZCS_POINT_TAP;
	v->direction = out ? ZCS_DIR_OUT : ZCS_DIR_IN;
	v->ifindex = dev->ifindex;
	v->hw_type = dev->type;
	v->netns = dev_net(dev)->net_cookie;

	if (dev_has_header(dev)) {
		v->link = ZCS_LINK_ETHER;
		v->flags = ZCS_F_LINK;
		v->mac_off = 0;
		if (!out && skb_mac_header_was_set(skb))
			v->start = skb_mac_header(skb) - skb->data;
	}
	v->len = skb->len - v->start;
	v->net_off = zcs_offset(v, skb_network_header(skb));
	v->trans_off = skb_transport_header_was_set(skb) &&
		       skb_transport_header(skb) != skb_network_header(skb) ?
		       zcs_offset(v, skb_transport_header(skb)) :
		       ZCS_OFF_UNKNOWN;

	/* Whoever asked for time stamps has one already, from an earlier point. */
	if (!out && skb->tstamp &&
	    skb->tstamp_type == SKB_CLOCK_REALTIME)
		v->ts_ns = ktime_to_ns(skb->tstamp);
	else
		v->ts_ns = ktime_get_real_ns();
}

static bool zcs_tap_wants(const struct zcs_reader *r, const struct sk_buff *skb,
			  bool out)
{
	if (r->setup.ifindex && r->setup.ifindex != skb->dev->ifindex)
		return false;
	if (!(r->setup.direction & (out ? ZCS_DIR_OUT : ZCS_DIR_IN)))
		return false;
	return !r->net || net_eq(r->net, dev_net(skb->dev));
}

/**
 * zcs_tap() - a packet passes a device
 * @skb: the packet, perhaps shared
 * @out: to the driver
 *
 * Context: Softirqs off, RCU read-side critical section.
 */
void zcs_tap(struct sk_buff *skb, bool out)
{
	struct zcs_view v = {};
	struct zcs_reader *r;
	u32 cap_len;

	/* What a device loops back to its own host was seen going out. */
	if (out ? skb->dev->flags & IFF_LOOPBACK :
		  skb->pkt_type == PACKET_LOOPBACK)
		return;

	hlist_for_each_entry_rcu(r, &zcs_tap_readers, list) {
		struct zcs_cpu_ring *ring;

		if (!zcs_tap_wants(r, skb, out))
			continue;
		if (!v.skb)
			zcs_tap_view(&v, skb, out);
		ring = &r->ring[smp_processor_id()];
		cap_len = zcs_filter_run(r, &v);
		if (!cap_len) {
			WRITE_ONCE(ring->mem->filtered,
				   ring->mem->filtered + 1);
			continue;
		}
		zcs_capture(r, ring, &v, min(cap_len, v.len));
	}
}
