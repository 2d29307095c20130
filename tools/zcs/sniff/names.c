// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: addresses, ports and protocols as text.
 *
 * Names of hosts and ports are asked for once and kept; those of hosts in a
 * table where a newcomer replaces the one that was there.
 */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "zcsniff.h"

#define NR_HOSTS	1024

struct host {
	int		ip;
	uint8_t		addr[16];
	char		name[NAME_LEN];
};

static struct host *hosts;
static char *ports[2][65536];

static void ask_host(struct host *host)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	const void *sa = &sin;
	socklen_t len = sizeof(sin);

	memcpy(&sin.sin_addr, host->addr, 4);
	if (host->ip == 6) {
		memcpy(&sin6.sin6_addr, host->addr, 16);
		sa = &sin6;
		len = sizeof(sin6);
	}
	if (getnameinfo(sa, len, host->name, sizeof(host->name), NULL, 0, 0))
		inet_ntop(host->ip == 4 ? AF_INET : AF_INET6, host->addr, host->name,
			  sizeof(host->name));
}

const char *name_host(char buf[static NAME_LEN], int ip, const uint8_t *addr, bool numeric)
{
	size_t len = ip == 4 ? 4 : 16, i;
	struct host *host;
	uint32_t hash = 0;

	if (!numeric && !hosts)
		hosts = calloc(NR_HOSTS, sizeof(*hosts));
	if (numeric || !hosts) {
		inet_ntop(ip == 4 ? AF_INET : AF_INET6, addr, buf, NAME_LEN);
		return buf;
	}
	for (i = 0; i < len; i++)
		hash = hash * 31 + addr[i];
	host = &hosts[hash % NR_HOSTS];
	if (host->ip != ip || memcmp(host->addr, addr, len)) {
		host->ip = ip;
		memcpy(host->addr, addr, len);
		ask_host(host);
	}
	return host->name;
}

const char *name_port(char buf[static NAME_LEN], uint8_t proto, uint16_t port, bool numeric)
{
	char **slot = &ports[proto == IPPROTO_TCP][port];
	struct servent *service;

	snprintf(buf, NAME_LEN, "%u", port);
	if (numeric)
		return buf;
	if (!*slot) {
		service = getservbyport(htons(port), proto == IPPROTO_TCP ? "tcp" : "udp");
		*slot = strdup(service ? service->s_name : buf);
	}
	return *slot ? *slot : buf;
}

const char *name_mac(char buf[static NAME_LEN], const uint8_t *mac)
{
	snprintf(buf, NAME_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}

const char *name_ethertype(uint16_t type)
{
	switch (type) {
	case ETH_P_IP:
		return "IPv4";
	case ETH_P_IPV6:
		return "IPv6";
	case ETH_P_ARP:
		return "ARP";
	case ETH_P_8021Q:
		return "802.1Q";
	case ETH_P_8021AD:
		return "802.1ad";
	case ETH_P_MPLS_UC:
		return "MPLS";
	case ETH_P_PPP_SES:
		return "PPPoE";
	case ETH_P_LLDP:
		return "LLDP";
	case ETH_P_MACSEC:
		return "MACsec";
	default:
		return type < 1536 ? "802.3" : "unknown";
	}
}

/* A name, or NULL. */
const char *name_ipproto(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_IGMP:
		return "IGMP";
	case IPPROTO_IPIP:
		return "IPIP";
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_DCCP:
		return "DCCP";
	case IPPROTO_IPV6:
		return "IPv6";
	case IPPROTO_GRE:
		return "GRE";
	case IPPROTO_ESP:
		return "ESP";
	case IPPROTO_AH:
		return "AH";
	case IPPROTO_ICMPV6:
		return "ICMP6";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_UDPLITE:
		return "UDP-Lite";
	default:
		return NULL;
	}
}
