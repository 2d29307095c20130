// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: the free point - buffers as the stack frees them.
 *
 * Every buffer is shown once, when the last one who had its data lets it go,
 * whatever it was used for: packets of all protocols on their way in and out,
 * messages of unix and netlink sockets. It is nobody's any more, so what is
 * shown cannot change.
 *
 * The price is that much has been forgotten by then. skb->data is where the
 * last layer left it, devices, sockets and namespaces may be gone. Where the
 * stack left its header offsets, they are used. TCP frees the original, which
 * never had headers: they are in front of its data, where its clone put them,
 * and are looked for there; they must agree with each other in every field that
 * can be checked.
 *
 * Locking: readers are on an RCU list. Interrupts are off meanwhile, since
 * buffers are freed in all contexts and a ring has one producer.
 */

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rculist.h>
#include <linux/tcp.h>
#include <linux/timekeeping.h>
#include <net/ip.h>

#include "ring.h"

HLIST_HEAD(zcs_free_readers);

static u16 zcs_from(const struct zcs_view *v, long off)
{
	off -= v->start;
	return off >= 0 && off < min_t(u32, v->d.wire_len, ZCS_OFF_UNKNOWN) ?
	       off : ZCS_OFF_UNKNOWN;
}

/* An IP header before the TCP header at @th that speaks of this segment. */
static int zcs_ip_before(const struct sk_buff *skb, const unsigned char *th,
			 unsigned int tcp_len)
{
	const struct ipv6hdr *ip6;
	const struct iphdr *ip;

	ip = (void *)(th - sizeof(*ip));
	if ((unsigned char *)ip >= skb->head && ip->version == 4 &&
	    ip->ihl == 5 && ip->protocol == IPPROTO_TCP &&
	    ntohs(ip->tot_len) == sizeof(*ip) + tcp_len &&
	    !ip_fast_csum(ip, ip->ihl))
		return sizeof(*ip);
	ip6 = (void *)(th - sizeof(*ip6));
	if ((unsigned char *)ip6 >= skb->head && ip6->version == 6 &&
	    ip6->nexthdr == IPPROTO_TCP && ntohs(ip6->payload_len) == tcp_len)
		return sizeof(*ip6);
	return 0;
}

/* The headers that TCP's clone has put in front of the data. */
static bool zcs_find_tcp(struct zcs_view *v)
{
	const struct sk_buff *skb = v->skb;
	const struct ethhdr *eth;
	const unsigned char *th;
	int hlen, ip_len, start;
	__be16 proto;

	for (hlen = sizeof(struct tcphdr); hlen <= 60; hlen += 4) {
		th = skb->data - hlen;
		if (th < skb->head)
			return false;
		if (((const struct tcphdr *)th)->doff * 4 != hlen)
			continue;
		ip_len = zcs_ip_before(skb, th, hlen + skb->len);
		if (!ip_len)
			continue;

		start = -hlen - ip_len;
		proto = ip_len == sizeof(struct iphdr) ? htons(ETH_P_IP) :
							 htons(ETH_P_IPV6);
		eth = (void *)(skb->data + start - ETH_HLEN);
		if ((unsigned char *)eth >= skb->head &&
		    eth->h_proto == proto) {
			start -= ETH_HLEN;
			v->link = ZCS_LINK_ETHER;
			v->d.flags |= ZCS_F_LINK;
			v->d.mac_off = 0;
			v->d.hw_type = ARPHRD_ETHER;
		}
		v->start = start;
		v->d.wire_len = skb->len - start;
		v->d.net_off = zcs_from(v, -hlen - ip_len);
		v->d.trans_off = zcs_from(v, -hlen);
		v->d.flags |= ZCS_F_FOUND;
		v->d.direction = ZCS_DIR_OUT;
		return true;
	}
	return false;
}

/*
 * A message that its receiver pulled to the end, as netlink does, lies in the
 * headroom. What nobody has filled is empty too, but belongs to a device, or to
 * a protocol that has reserved room for headers and says so.
 */
static bool zcs_is_pulled(const struct sk_buff *skb)
{
	return !skb->len && !skb->dev && !skb->skb_iif && !skb->protocol &&
	       !skb->network_header && skb->ip_summed == CHECKSUM_NONE;
}

/* What the stack left in @skb of headers. */
static void zcs_free_headers(struct zcs_view *v)
{
	const struct sk_buff *skb = v->skb;
	int mac = 0, net = 0, first = 0;
	bool link;

	/* An Ethernet header, unless the protocol says otherwise. */
	link = skb_mac_header_was_set(skb) && skb->protocol &&
	       skb->network_header == skb->mac_header + ETH_HLEN;
	if (link) {
		mac = skb_mac_offset(skb);
		net = skb_network_offset(skb);
		first = mac;
	} else if (skb->network_header && skb->protocol) {
		net = skb_network_offset(skb);
		first = net;
	}
	if (first > 0 || skb->len - first > INT_MAX) {
		link = false;
		first = 0;
	}
	if (zcs_is_pulled(skb))
		first = -(int)skb_headroom(skb);
	v->start = first;
	v->d.wire_len = skb->len - first;
	if (link) {
		v->link = ZCS_LINK_ETHER;
		v->d.flags |= ZCS_F_LINK;
		v->d.mac_off = 0;
		v->d.hw_type = ARPHRD_ETHER;
	}
	if (skb->network_header && skb->protocol) {
		v->d.net_off = zcs_from(v, net);
		if (skb_transport_header_was_set(skb) &&
		    skb->transport_header > skb->network_header)
			v->d.trans_off = zcs_from(v, skb_transport_offset(skb));
	}
}

static void zcs_free_see(struct zcs_view *v, struct sk_buff *skb)
{
	struct zcs_desc *d = &v->d;

	v->skb = skb;
	v->start = 0;
	v->link = ZCS_LINK_RAW;
	d->wire_len = skb->len;
	d->flags = 0;
	d->ifindex = skb->skb_iif;
	d->direction = skb->skb_iif ? ZCS_DIR_IN : 0;
	d->hw_type = ARPHRD_NONE;
	d->netns = 0;
	d->mac_off = ZCS_OFF_UNKNOWN;
	d->net_off = ZCS_OFF_UNKNOWN;
	d->trans_off = ZCS_OFF_UNKNOWN;
	d->ts_ns = ktime_get_real_fast_ns();
	if (!zcs_find_tcp(v))
		zcs_free_headers(v);
	d->pkt_type = d->direction == ZCS_DIR_OUT ? PACKET_OUTGOING :
						    skb->pkt_type;
	zcs_view_skb(v, d->flags | (d->wire_len ? 0 : ZCS_F_EMPTY));
}

/* Interrupts are off: one buffer at a time. */
static DEFINE_PER_CPU_ALIGNED(struct zcs_view, zcs_free_view);

static bool zcs_free_wants(const struct zcs_reader *r,
			   const struct zcs_view *v)
{
	if (r->setup.ifindex && r->setup.ifindex != v->d.ifindex)
		return false;
	/* One that is not known is in no direction that was asked for. */
	return r->setup.direction == (ZCS_DIR_IN | ZCS_DIR_OUT) ||
	       (r->setup.direction & v->d.direction);
}

/**
 * zcs_free() - the data of @skb is about to be freed
 * @skb: nobody else has its data
 *
 * Context: Any context but NMI, RCU read-side critical section.
 */
void zcs_free(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	struct sock *sk = skb->sk;
	struct zcs_reader *r;
	struct zcs_view *v;
	unsigned long flags;

	local_irq_save(flags);
	v = this_cpu_ptr(&zcs_free_view);
	zcs_free_see(v, skb);
	/* A filter must not follow what may be gone. */
	skb->dev = NULL;
	skb->sk = NULL;
	hlist_for_each_entry_rcu(r, &zcs_free_readers, list)
		if (zcs_free_wants(r, v))
			zcs_offer(r, v);
	skb->dev = dev;
	skb->sk = sk;
	local_irq_restore(flags);
}
