// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsend: the interface to send out of, and both ends' MAC addresses.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zcsend.h"

/* What is known of an interface by its number; hop->ifindex is set. */
static int describe(struct nexthop *hop, bool *loopback)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_ifindex = (int)hop->ifindex };
	int err = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFNAME, &ifr) || ioctl(fd, SIOCGIFHWADDR, &ifr))
		err = -errno;
	close(fd);
	*loopback = ifr.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	hop->ether = *loopback || ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER;
	memcpy(hop->smac, ifr.ifr_hwaddr.sa_data, sizeof(hop->smac));
	return err;
}

/* The interface of -i; hop->ifindex is 0 without. */
int link_find(struct nexthop *hop, const struct options *opts)
{
	memset(hop, 0, sizeof(*hop));
	if (!opts->ifname)
		return 0;
	hop->ifindex = if_nametoindex(opts->ifname);
	if (!hop->ifindex) {
		fprintf(stderr, "zcsend: %s: no such interface\n", opts->ifname);
		return -ENODEV;
	}
	return 0;
}

/* MAC address of a multicast group. */
static bool multicast_mac(uint8_t mac[6], const struct endpoint *dst)
{
	if (dst->ip == 4 && (dst->addr[0] & 0xf0) == 0xe0) {
		memcpy(mac, "\x01\x00\x5e", 3);
		mac[3] = dst->addr[1] & 0x7f;
		mac[4] = dst->addr[2];
		mac[5] = dst->addr[3];
		return true;
	}
	if (dst->ip == 6 && dst->addr[0] == 0xff) {
		memcpy(mac, "\x33\x33", 2);
		memcpy(mac + 2, dst->addr + 12, 4);
		return true;
	}
	return false;
}

static int find_dmac(struct nexthop *hop, const struct route *route, const struct endpoint *dst)
{
	char text[INET6_ADDRSTRLEN];
	int err;

	if (route->broadcast) {
		memset(hop->dmac, 0xff, sizeof(hop->dmac));
		return 0;
	}
	if (multicast_mac(hop->dmac, dst))
		return 0;
	err = neighbour_lookup(hop->dmac, &route->gateway, hop->ifindex);
	if (err) {
		inet_ntop(dst->ip == 4 ? AF_INET : AF_INET6, route->gateway.addr, text,
			  sizeof(text));
		fprintf(stderr, "zcsend: MAC address of %s: %s\n", text, err == -ENOENT ?
			"the kernel has none in its neighbour table: ping it, or use --dmac" :
			strerror(-err));
	}
	return err;
}

/*
 * Find out what the command line leaves open: source address, interface, MAC
 * addresses. The user has been told of an error.
 */
int link_resolve(struct nexthop *hop, struct options *opts)
{
	struct route route = { 0 };
	bool loopback = false;
	int err;

	/* With all given, the destination need not be one that has a route. */
	if (!opts->src.ip || !hop->ifindex || (!opts->route && !opts->has_dmac)) {
		err = route_lookup(&route, &opts->dst, hop->ifindex);
		if (err) {
			fprintf(stderr, "zcsend: route to the destination: %s\n", strerror(-err));
			return err;
		}
	}
	if (!opts->src.ip) {
		if (!route.src.ip) {
			fputs("zcsend: no source address for the destination; use --udp\n", stderr);
			return -EADDRNOTAVAIL;
		}
		opts->src.ip = route.src.ip;
		memcpy(opts->src.addr, route.src.addr, sizeof(opts->src.addr));
	}
	if (opts->route)
		return 0;
	if (!hop->ifindex)
		hop->ifindex = route.ifindex;
	err = describe(hop, &loopback);
	if (err) {
		fprintf(stderr, "zcsend: interface %u: %s\n", hop->ifindex, strerror(-err));
		return err;
	}
	if (opts->has_smac)
		memcpy(hop->smac, opts->smac, sizeof(hop->smac));
	if (opts->has_dmac)
		memcpy(hop->dmac, opts->dmac, sizeof(hop->dmac));
	else if (hop->ether && !loopback)
		return find_dmac(hop, &route, &opts->dst);
	return 0;
}
