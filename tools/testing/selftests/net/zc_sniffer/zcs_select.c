// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: a reader sees the interface, the direction and the network
 * namespace that it asked for, and nothing else.
 *
 * Needs CONFIG_ZC_SNIFFER, CONFIG_VETH, CONFIG_VLAN_8021Q and root. Runs in
 * network namespaces of its own.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR	5
#define LEN	200

FIXTURE(choice)
{
	struct zcs_setup setup;
	struct zcs_reader reader;
	int one, two;		/* interfaces: two ends of a wire */
	int raw;
	int ns;
};

FIXTURE_SETUP(choice)
{
	self->reader = ZCS_READER_CLOSED;
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	ASSERT_EQ(0, net_veth("one", "two", 1500));
	self->one = if_nametoindex("one");
	self->two = if_nametoindex("two");
	self->raw = net_raw_open("one");
	ASSERT_LE(0, self->raw);
	zcs_defaults(&self->setup);
}

FIXTURE_TEARDOWN(choice)
{
	close(self->raw);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

struct count {
	unsigned int	all;
	unsigned int	in, out;
	unsigned int	one, two;
	unsigned int	other;
};

/* Frames of the test that were seen; those of others have another type. */
static struct count count_frames(FIXTURE_DATA(choice) *self)
{
	const struct zcs_desc *desc;
	struct count count = {};

	while ((desc = zcs_next(&self->reader))) {
		if (desc->protocol != htons(NET_ETHERTYPE)) {
			count.other++;
			continue;
		}
		count.all++;
		count.in += desc->direction == ZCS_DIR_IN;
		count.out += desc->direction == ZCS_DIR_OUT;
		count.one += desc->ifindex == self->one;
		count.two += desc->ifindex == self->two;
	}
	return count;
}

TEST_F(choice, everything_is_seen_once_per_interface)
{
	struct count count;

	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, 2 * NR));
	count = count_frames(self);
	EXPECT_EQ(2 * NR, count.all);
	EXPECT_EQ(NR, count.in);
	EXPECT_EQ(NR, count.out);
	EXPECT_EQ(NR, count.one);
	EXPECT_EQ(NR, count.two);
	EXPECT_EQ(0, count.other);
}

TEST_F(choice, one_interface)
{
	struct count count;

	self->setup.ifindex = self->two;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, NR));
	count = count_frames(self);
	EXPECT_EQ(NR, count.all);
	EXPECT_EQ(NR, count.two);
	EXPECT_EQ(NR, count.in);
}

TEST_F(choice, one_direction)
{
	struct count count;

	self->setup.direction = ZCS_DIR_OUT;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, NR));
	count = count_frames(self);
	EXPECT_EQ(NR, count.all);
	EXPECT_EQ(NR, count.one);
	zcs_reader_close(&self->reader);

	self->setup.direction = ZCS_DIR_IN;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, NR));
	count = count_frames(self);
	EXPECT_EQ(NR, count.all);
	EXPECT_EQ(NR, count.two);
}

TEST_F(choice, interface_and_direction_that_do_not_meet)
{
	struct zcs_reader *all = &self->reader, none;

	self->setup.ifindex = self->one;
	self->setup.direction = ZCS_DIR_IN;
	ASSERT_EQ(0, zcs_reader_start(&none, &self->setup));
	zcs_defaults(&self->setup);
	ASSERT_EQ(0, zcs_reader_start(all, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(all->fd, 2 * NR));
	EXPECT_EQ(NULL, zcs_next(&none));
	zcs_reader_close(&none);
}

/* Loopback carries a packet out and in: it is shown once. */
TEST_F(choice, loopback_shows_each_once)
{
	struct net_udp udp;
	unsigned int seen = 0;

	ASSERT_EQ(0, net_udp_open(&udp, AF_INET));
	self->setup.ifindex = 1;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_udp_burst(&udp, NR, LEN));
	ASSERT_EQ(0, net_udp_drain(&udp, NR));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, NR));
	while (zcs_next(&self->reader))
		seen++;
	EXPECT_EQ(NR, seen);
	net_udp_close(&udp);
}

TEST_F(choice, other_namespaces_are_not_seen)
{
	struct net_udp udp;
	int other;

	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	other = net_ns_new();
	ASSERT_LE(0, other);
	ASSERT_EQ(0, net_udp_open(&udp, AF_INET));
	ASSERT_EQ(0, net_udp_burst(&udp, NR, LEN));
	ASSERT_EQ(0, net_udp_drain(&udp, NR));
	net_udp_close(&udp);
	EXPECT_EQ(NULL, zcs_next(&self->reader));
	close(other);
}

TEST_F(choice, namespace_of_choice)
{
	const struct zcs_desc *desc;
	struct net_udp udp;
	__u64 cookie;
	int other;

	other = net_ns_new();
	ASSERT_LE(0, other);
	ASSERT_EQ(0, net_ns_cookie(&cookie));
	ASSERT_EQ(0, net_udp_open(&udp, AF_INET));
	ASSERT_EQ(0, net_ns_enter(self->ns));
	self->setup.netns_fd = other;
	self->setup.ifindex = 1;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	ASSERT_EQ(0, net_udp_burst(&udp, 1, LEN));
	ASSERT_EQ(0, net_udp_drain(&udp, 1));
	desc = zcs_await(&self->reader, NULL, NULL);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(cookie, desc->netns);
	EXPECT_EQ(NULL, zcs_next(&self->reader));
	net_udp_close(&udp);
	close(other);
}

/* An interface is looked for where the reader looks. */
TEST_F(choice, interface_of_another_namespace)
{
	struct zcs_reader elsewhere;
	int other = net_ns_new();

	ASSERT_LE(0, other);
	self->setup.ifindex = self->two;
	ASSERT_EQ(0, zcs_reader_start(&elsewhere, &self->setup));
	self->setup.netns_fd = self->ns;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, NR));
	EXPECT_EQ(NR, count_frames(self).all);
	EXPECT_EQ(NULL, zcs_next(&elsewhere));
	zcs_reader_close(&elsewhere);
	close(other);
}

/* Watched before it is there. */
TEST_F(choice, interface_that_comes_later)
{
	int raw;

	self->setup.ifindex = 4242;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_run("ip link add late index 4242 type dummy &&"
			     "echo 1 > /proc/sys/net/ipv6/conf/late/disable_ipv6 &&"
			     "ip link set late up"));
	raw = net_raw_open("late");
	ASSERT_LE(0, raw);
	ASSERT_EQ(0, net_raw_burst(raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, NR));
	EXPECT_EQ(NR, count_frames(self).out);
	close(raw);
}

TEST_F(choice, all_namespaces)
{
	unsigned int here = 0, there = 0;
	const struct zcs_desc *desc;
	struct net_udp udp;
	__u64 mine, theirs;
	int other;

	ASSERT_EQ(0, net_ns_cookie(&mine));
	self->setup.flags = ZCS_SETUP_ALL_NETNS;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	other = net_ns_new();
	ASSERT_LE(0, other);
	ASSERT_EQ(0, net_ns_cookie(&theirs));
	ASSERT_NE(mine, theirs);
	ASSERT_EQ(0, net_udp_open(&udp, AF_INET));
	ASSERT_EQ(0, net_udp_burst(&udp, NR, LEN));
	ASSERT_EQ(0, net_udp_drain(&udp, NR));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, 3 * NR));
	while ((desc = zcs_next(&self->reader))) {
		here += desc->netns == mine;
		there += desc->netns == theirs;
	}
	EXPECT_EQ(2 * NR, here);
	EXPECT_EQ(NR, there);
	net_udp_close(&udp);
	close(other);
}

/* The namespace goes while it is watched. */
TEST_F(choice, namespace_that_ends)
{
	struct net_udp udp;
	int other = net_ns_new();

	ASSERT_LE(0, other);
	self->setup.netns_fd = other;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_udp_open(&udp, AF_INET));
	ASSERT_EQ(0, net_udp_burst(&udp, NR, LEN));
	net_udp_close(&udp);
	close(other);
	ASSERT_EQ(0, net_ns_enter(self->ns));
	EXPECT_NE(NULL, zcs_next(&self->reader));
	EXPECT_EQ(0, zcs_release(&self->reader));
}

/* The interface goes while it is watched. */
TEST_F(choice, interface_that_ends)
{
	self->setup.ifindex = self->two;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(self->raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, NR));
	ASSERT_EQ(0, net_run("ip link del two"));
	EXPECT_EQ(NR, count_frames(self).all);
	EXPECT_EQ(0, zcs_release(&self->reader));
	EXPECT_EQ(0, ioctl(self->reader.fd, ZCS_IOC_STOP));
	EXPECT_EQ(0, ioctl(self->reader.fd, ZCS_IOC_START));
}

/* The tag that the kernel keeps beside the bytes. */
TEST_F(choice, vlan_tag_is_told)
{
	const struct zcs_desc *desc;
	unsigned int tagged = 0;
	int raw;

	ASSERT_EQ(0, net_run("ip link add link one name tag type vlan id 77 &&"
			     "echo 1 > /proc/sys/net/ipv6/conf/tag/disable_ipv6 &&"
			     "ip link set tag up"));
	raw = net_raw_open("tag");
	ASSERT_LE(0, raw);
	self->setup.ifindex = self->two;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_raw_burst(raw, NR, LEN));
	ASSERT_EQ(0, zcs_settle(self->reader.fd, NR));
	while ((desc = zcs_next(&self->reader))) {
		EXPECT_TRUE(desc->flags & ZCS_F_VLAN);
		EXPECT_EQ(77, desc->vlan_tci & 0xfff);
		EXPECT_EQ(htons(ETH_P_8021Q), desc->vlan_proto);
		EXPECT_EQ(LEN, desc->wire_len);
		tagged++;
	}
	EXPECT_EQ(NR, tagged);
	close(raw);
}

TEST_HARNESS_MAIN
