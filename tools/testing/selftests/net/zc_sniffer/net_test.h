/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network namespaces, links and datagrams for the tests. Needs ip and tc.
 *
 * Functions that return int give 0 or -errno, unless they say otherwise.
 */
#ifndef NET_TEST_H
#define NET_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* EtherType for local experiments: nothing in the stack sends it. */
#define NET_ETHERTYPE	0x88b5
#define NET_PORT	5001

/* A new namespace with lo up, entered; its descriptor. */
int net_ns_new(void);
int net_ns_enter(int ns);
int net_ns_cookie(__u64 *cookie);

/* Run a shell command. */
int net_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Two ends of a wire, up, without IPv6 and its chatter. */
int net_veth(const char *one, const char *two, unsigned int mtu);

/* Datagrams over lo or a wire: to NET_PORT, from a socket of their own. */
struct net_udp {
	int	tx;
	int	rx;
};

int net_udp_open(struct net_udp *udp, int family);
void net_udp_close(struct net_udp *udp);
int net_udp_send(const struct net_udp *udp, const void *data, size_t len);
/* @nr datagrams of @len bytes, each beginning with its number. */
int net_udp_burst(const struct net_udp *udp, unsigned int nr, size_t len);
/* Take so many from the receiver: all of them came. */
int net_udp_drain(const struct net_udp *udp, unsigned int nr);

/* Frames of NET_ETHERTYPE, out of an interface; a socket that sees frames. */
int net_raw_open(const char *name);
int net_raw_burst(int fd, unsigned int nr, size_t len);
int net_tap_open(const char *name);

/* Bytes that depend on their place and on the seed. */
void net_pattern(void *data, size_t len, unsigned int seed);

/* Stay on one processor, so that one ring fills. */
int net_pin(unsigned int cpu);

#endif /* NET_TEST_H */
