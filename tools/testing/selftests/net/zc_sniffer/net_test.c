// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces, links and datagrams for the tests: see net_test.h.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "net_test.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif

#define NET_RCVBUF	(64 << 20)

static int net_link_up(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP };
	int fd, err = 0;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		err = -errno;
	close(fd);
	return err;
}

int net_ns_new(void)
{
	int ns, err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	err = net_link_up("lo");
	if (err)
		return err;
	ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return ns < 0 ? -errno : ns;
}

int net_ns_enter(int ns)
{
	return setns(ns, CLONE_NEWNET) ? -errno : 0;
}

int net_ns_cookie(__u64 *cookie)
{
	socklen_t len = sizeof(*cookie);
	int fd, err = 0;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len))
		err = -errno;
	close(fd);
	return err;
}

int net_run(const char *format, ...)
{
	char command[512];
	va_list args;
	int len, status;

	va_start(args, format);
	len = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (len >= (int)sizeof(command))
		return -E2BIG;
	status = system(command);
	if (!status)
		return 0;
	fprintf(stderr, "# status %#x: %s\n", status, command);
	return -EIO;
}

int net_veth(const char *one, const char *two, unsigned int mtu)
{
	return net_run("ip link add %s mtu %u type veth peer name %s mtu %u &&"
		       "echo 1 > /proc/sys/net/ipv6/conf/%s/disable_ipv6 &&"
		       "echo 1 > /proc/sys/net/ipv6/conf/%s/disable_ipv6 &&"
		       "ip link set %s up && ip link set %s up",
		       one, mtu, two, mtu, one, two, one, two);
}

/* === UDP ================================================================= */

int net_udp_open(struct net_udp *udp, int family)
{
	struct sockaddr_in6 six = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(NET_PORT),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	struct sockaddr_in four = {
		.sin_family = AF_INET,
		.sin_port = htons(NET_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = { .tv_sec = 60 };
	const struct sockaddr *addr = (const void *)&six;
	socklen_t len = sizeof(six);
	int size = NET_RCVBUF, err;

	if (family == AF_INET) {
		addr = (const void *)&four;
		len = sizeof(four);
	}
	udp->rx = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	udp->tx = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (udp->rx < 0 || udp->tx < 0 ||
	    setsockopt(udp->rx, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) ||
	    setsockopt(udp->tx, SOL_SOCKET, SO_SNDBUFFORCE, &size,
		       sizeof(size)) ||
	    setsockopt(udp->rx, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) ||
	    bind(udp->rx, addr, len) || connect(udp->tx, addr, len)) {
		err = -errno;
		net_udp_close(udp);
		return err;
	}
	return 0;
}

void net_udp_close(struct net_udp *udp)
{
	if (udp->rx >= 0)
		close(udp->rx);
	if (udp->tx >= 0)
		close(udp->tx);
	udp->rx = -1;
	udp->tx = -1;
}

int net_udp_send(const struct net_udp *udp, const void *data, size_t len)
{
	ssize_t ret = send(udp->tx, data, len, 0);

	if (ret < 0)
		return -errno;
	return ret == (ssize_t)len ? 0 : -EIO;
}

int net_udp_burst(const struct net_udp *udp, unsigned int nr, size_t len)
{
	unsigned int i;
	char *data;
	int err = 0;

	if (len < sizeof(i))
		return -EINVAL;
	data = malloc(len);
	if (!data)
		return -ENOMEM;
	net_pattern(data, len, 1);
	for (i = 0; i < nr && !err; i++) {
		memcpy(data, &i, sizeof(i));
		err = net_udp_send(udp, data, len);
	}
	free(data);
	return err;
}

int net_udp_drain(const struct net_udp *udp, unsigned int nr)
{
	char byte;

	while (nr--)
		if (recv(udp->rx, &byte, 1, MSG_TRUNC) < 0)
			return -errno;
	return 0;
}

/* === Frames ============================================================== */

static int net_packet_open(const char *name, unsigned int protocol)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = if_nametoindex(name),
	};
	struct timeval patience = { .tv_sec = 60 };
	int size = NET_RCVBUF, fd, err;

	/* Not bound to a protocol yet: sees nothing of other interfaces. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int net_raw_open(const char *name)
{
	return net_packet_open(name, 0);
}

int net_tap_open(const char *name)
{
	return net_packet_open(name, ETH_P_ALL);
}

int net_raw_burst(int fd, unsigned int nr, size_t len)
{
	struct ethhdr *eth;
	unsigned int i;
	char *data;
	int err = 0;

	if (len < sizeof(*eth) + sizeof(i))
		return -EINVAL;
	data = malloc(len);
	if (!data)
		return -ENOMEM;
	net_pattern(data, len, 2);
	eth = (struct ethhdr *)data;
	memset(eth->h_dest, 0xff, ETH_ALEN);
	memset(eth->h_source, 0x02, ETH_ALEN);
	eth->h_proto = htons(NET_ETHERTYPE);
	for (i = 0; i < nr && !err; i++) {
		memcpy(eth + 1, &i, sizeof(i));
		if (send(fd, data, len, 0) != (ssize_t)len)
			err = -errno;
	}
	free(data);
	return err;
}

void net_pattern(void *data, size_t len, unsigned int seed)
{
	unsigned char *byte = data;
	uint32_t x = seed * 2654435761u + 1;
	size_t i;

	for (i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		byte[i] = x >> 24;
	}
}

int net_pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}
