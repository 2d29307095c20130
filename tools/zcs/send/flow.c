// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsend: the datagram of a flow, checksums and all. Every one is the same.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "zcsend.h"

#define TTL	64

static uint32_t sum(uint32_t acc, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		acc += (uint32_t)p[0] << 8 | p[1];
	if (len)
		acc += (uint32_t)p[0] << 8;
	return acc;
}

static uint16_t fold(uint32_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

/* Fill @len bytes with the payload, again and again; bytes of it if @len is 0. */
static ssize_t fill(uint8_t *at, size_t len, const struct options *opts)
{
	static uint8_t data[PACKET_MAX];
	size_t have, i;
	FILE *f;

	if (opts->payload) {
		f = fopen(opts->payload, "re");
		if (!f)
			goto failed;
		have = fread(data, 1, sizeof(data), f);
		if (ferror(f)) {
			fclose(f);
			goto failed;
		}
		fclose(f);
	} else if (opts->pattern) {
		have = strnlen(opts->pattern, sizeof(data));
		memcpy(data, opts->pattern, have);
	} else {
		have = 256;
		for (i = 0; i < have; i++)
			data[i] = (uint8_t)i;
	}
	if (!len)
		len = have;
	if (!have && len) {
		fprintf(stderr, "zcsend: %s: empty\n", opts->payload);
		return -EINVAL;
	}
	if (len > PACKET_MAX)
		return -EMSGSIZE;
	for (i = 0; i < len; i++)
		at[i] = data[i % have];
	return (ssize_t)len;

failed:
	fprintf(stderr, "zcsend: %s: %s\n", opts->payload, strerror(errno));
	return -errno;
}

static void put_ip4(uint8_t *at, const struct options *opts, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)len),
		.frag_off = htons(IP_DF),
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
	};

	memcpy(&ip.saddr, opts->src.addr, 4);
	memcpy(&ip.daddr, opts->dst.addr, 4);
	ip.check = htons(fold(sum(0, (uint8_t *)&ip, sizeof(ip))));
	memcpy(at, &ip, sizeof(ip));
}

static void put_ip6(uint8_t *at, const struct options *opts, size_t len)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons((uint16_t)(len - sizeof(ip))),
		.ip6_nxt = IPPROTO_UDP,
		.ip6_hlim = TTL,
	};

	memcpy(&ip.ip6_src, opts->src.addr, 16);
	memcpy(&ip.ip6_dst, opts->dst.addr, 16);
	memcpy(at, &ip, sizeof(ip));
}

/* The header before @len bytes of payload, which are there already. */
static void put_udp(uint8_t *at, const struct options *opts, size_t len)
{
	size_t addr_len = opts->dst.ip == 4 ? 4 : 16;
	struct udphdr udp = {
		.source = htons(opts->src.port),
		.dest = htons(opts->dst.port),
		.len = htons((uint16_t)(sizeof(udp) + len)),
	};
	uint32_t acc = IPPROTO_UDP + (uint32_t)(sizeof(udp) + len);

	acc = sum(acc, opts->src.addr, addr_len);
	acc = sum(acc, opts->dst.addr, addr_len);
	acc = sum(acc, (uint8_t *)&udp, sizeof(udp));
	udp.check = htons(fold(sum(acc, at + sizeof(udp), len)));
	/* 0 would say that there is none. */
	if (!udp.check)
		udp.check = 0xffff;
	memcpy(at, &udp, sizeof(udp));
}

/* Build the packet in PACKET_MAX bytes; its length, or a negative errno. */
ssize_t flow_build(uint8_t *packet, const struct options *opts, const struct nexthop *hop)
{
	size_t ether = !opts->route && hop->ether ? ETHER_LEN : 0;
	size_t ip = opts->dst.ip == 4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	size_t headers = ip + sizeof(struct udphdr), payload = 0;
	uint16_t type = htons(opts->dst.ip == 4 ? ETH_P_IP : ETH_P_IPV6);
	ssize_t len;

	if (opts->size)
		payload = opts->size - headers;
	len = opts->size == headers ? 0 : fill(packet + ether + headers, payload, opts);
	if (len < 0 && len != -EMSGSIZE)
		return len;
	if (len == -EMSGSIZE || ether + headers + (size_t)len > PACKET_MAX ||
	    headers + (size_t)len > 65535) {
		fputs("zcsend: the payload does not fit into one datagram\n", stderr);
		return -EMSGSIZE;
	}
	put_udp(packet + ether + ip, opts, (size_t)len);
	if (opts->dst.ip == 4)
		put_ip4(packet + ether, opts, headers + (size_t)len);
	else
		put_ip6(packet + ether, opts, headers + (size_t)len);
	if (ether) {
		memcpy(packet, hop->dmac, 6);
		memcpy(packet + 6, hop->smac, 6);
		memcpy(packet + 12, &type, 2);
	}
	return (ssize_t)(ether + headers) + len;
}
