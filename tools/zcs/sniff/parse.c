// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: what a packet's bytes say.
 *
 * Every byte may be anything. The bytes are a private copy, so what is checked
 * once stays true. Nothing is read beyond wire->len.
 */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "zcsniff.h"

#define MACS_LEN	12
#define TAG_LEN		4

#ifndef IPPROTO_MH
#define IPPROTO_MH	135
#endif

/* Extension headers that one packet may have before it counts as nonsense */
#define MAX_EXTENSIONS	16

int wire_copy(struct wire *wire, const struct zcs *z, const struct zcs_packet *pkt, size_t max)
{
	const struct zcs_desc *desc = pkt->desc;
	enum link link = pcapng_link(desc);
	ssize_t len = zcs_copy(z, pkt, wire->data, max);

	if (len < 0)
		return (int)len;
	wire->len = (size_t)len;
	wire->wire_len = desc->wire_len;
	wire->link = link == LINK_ETHER;
	wire->protocol = ntohs(desc->protocol);
	wire->net_off = 0;
	if (link == LINK_SLL && desc->flags & ZCS_F_LINK && desc->net_off < wire->len)
		wire->net_off = desc->net_off;
	if (wire->link && desc->flags & ZCS_F_VLAN && wire->len >= MACS_LEN &&
	    max >= MACS_LEN + TAG_LEN) {
		uint16_t proto = desc->vlan_proto ? desc->vlan_proto : htons(ETH_P_8021Q);
		uint16_t tci = htons(desc->vlan_tci);

		if (wire->len > max - TAG_LEN)
			wire->len = max - TAG_LEN;
		memmove(wire->data + MACS_LEN + TAG_LEN, wire->data + MACS_LEN,
			wire->len - MACS_LEN);
		memcpy(wire->data + MACS_LEN, &proto, 2);
		memcpy(wire->data + MACS_LEN + 2, &tci, 2);
		wire->len += TAG_LEN;
		wire->wire_len += TAG_LEN;
	}
	return 0;
}

static bool is_vlan(uint16_t type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD || type == 0x9100;
}

static void parse_ether(struct headers *h, const struct wire *w)
{
	const uint8_t *p = w->data;

	if (w->len < ETH_HLEN) {
		h->net_off = w->len;
		return;
	}
	h->ether = true;
	memcpy(h->dst, p, 6);
	memcpy(h->src, p + 6, 6);
	h->ethertype = get16(p + MACS_LEN);
	h->net_off = ETH_HLEN;
	while (is_vlan(h->ethertype) && w->len - h->net_off >= TAG_LEN &&
	       h->nr_vlans < sizeof(h->vlan) / sizeof(h->vlan[0])) {
		h->vlan[h->nr_vlans++] = get16(p + h->net_off);
		h->ethertype = get16(p + h->net_off + 2);
		h->net_off += TAG_LEN;
	}
}

static void parse_transport(struct headers *h, const struct wire *w)
{
	const uint8_t *p = w->data + h->trans_off;
	size_t have = w->len > h->trans_off ? w->len - h->trans_off : 0;
	unsigned int header;

	if (h->fragment && h->frag_off)
		return;
	switch (h->proto) {
	case IPPROTO_TCP:
		if (have < 20 || h->trans_len < 20)
			return;
		header = (unsigned int)(p[12] >> 4) * 4;
		if (header < 20 || header > h->trans_len)
			return;
		h->seq = get32(p + 4);
		h->ack = get32(p + 8);
		h->tcp_flags = get16(p + 12) & 0x1ff;
		h->window = get16(p + 14);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		header = 8;
		break;
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		header = 12;
		break;
	default:
		return;
	}
	if (have < 4 || h->trans_len < header)
		return;
	h->sport = get16(p);
	h->dport = get16(p + 2);
	h->data_len = h->trans_len - header;
	h->transport = true;
}

static void parse_ip4(struct headers *h, const struct wire *w)
{
	const uint8_t *p = w->data + h->net_off;
	size_t have = w->len - h->net_off, rest = w->wire_len - h->net_off;
	uint32_t total, header, frag;

	h->ip_bad = true;
	if (have < 20 || p[0] >> 4 != 4)
		return;
	header = (uint32_t)(p[0] & 15) * 4;
	total = get16(p + 2);
	/* A packet that is still to be segmented may be too long for the field. */
	if (!total)
		total = (uint32_t)rest;
	if (header < 20 || total < header)
		return;
	h->ip = 4;
	h->ip_bad = false;
	frag = get16(p + 6);
	h->frag_off = (frag & 0x1fff) * 8;
	h->more = frag & 0x2000;
	h->fragment = h->frag_off || h->more;
	h->frag_id = get16(p + 4);
	h->ttl = p[8];
	h->proto = p[9];
	memcpy(h->saddr, p + 12, 4);
	memcpy(h->daddr, p + 16, 4);
	h->trans_off = h->net_off + header;
	h->trans_len = total - header;
	parse_transport(h, w);
}

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_FRAGMENT || proto == IPPROTO_MH;
}

static void parse_ip6(struct headers *h, const struct wire *w)
{
	const uint8_t *p = w->data + h->net_off;
	size_t have = w->len - h->net_off;
	uint32_t rest, len;
	unsigned int n;
	size_t at = 40;

	h->ip_bad = true;
	if (have < 40 || p[0] >> 4 != 6)
		return;
	h->ip = 6;
	h->ip_bad = false;
	h->ttl = p[7];
	h->proto = p[6];
	memcpy(h->saddr, p + 8, 16);
	memcpy(h->daddr, p + 24, 16);
	rest = get16(p + 4);
	/* As in IPv4; 40 bytes are there, so this does not wrap. */
	if (!rest && w->wire_len >= h->net_off + 40)
		rest = w->wire_len - (uint32_t)h->net_off - 40;
	for (n = 0; n < MAX_EXTENSIONS && is_extension(h->proto); n++) {
		if (have < at + 8 || rest < 8)
			break;
		len = 8;
		if (h->proto == IPPROTO_FRAGMENT) {
			h->fragment = true;
			h->frag_off = get16(p + at + 2) & 0xfff8;
			h->more = p[at + 3] & 1;
			h->frag_id = get32(p + at + 4);
		} else {
			len = (uint32_t)p[at + 1] * 8 + 8;
		}
		if (len > rest)
			break;
		h->proto = p[at];
		at += len;
		rest -= len;
		if (h->fragment && h->frag_off)
			break;
	}
	h->trans_off = h->net_off + at;
	h->trans_len = rest;
	parse_transport(h, w);
}

void parse_packet(struct headers *h, const struct wire *w)
{
	memset(h, 0, sizeof(*h));
	if (w->link) {
		parse_ether(h, w);
	} else {
		h->ethertype = w->protocol;
		h->net_off = w->net_off < w->len ? w->net_off : w->len;
	}
	if (h->ethertype == ETH_P_IP)
		parse_ip4(h, w);
	else if (h->ethertype == ETH_P_IPV6)
		parse_ip6(h, w);
}
