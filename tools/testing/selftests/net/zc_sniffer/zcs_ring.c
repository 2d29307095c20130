// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: the mapped rings. Packets come in order and are numbered,
 * slots come back by the tail, and a tail that is wrong frees nothing.
 *
 * Needs CONFIG_ZC_SNIFFER and root. Runs in a network namespace of its own, on
 * one processor, so that one ring fills.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_SLOTS	16

/* Fits into a descriptor: one slot, no parts. */
#define SHORT_LEN	40

FIXTURE(ring)
{
	struct zcs_reader reader;
	struct net_udp udp;
	const struct zcs_ring *ring;
	int ns;
};

FIXTURE_SETUP(ring)
{
	struct zcs_setup setup;

	ASSERT_EQ(0, net_pin(0));
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	zcs_defaults(&setup);
	setup.nr_slots = NR_SLOTS;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
	self->ring = zcs_ring_of(&self->reader, 0);
}

FIXTURE_TEARDOWN(ring)
{
	net_udp_close(&self->udp);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

/* Send so many; the receiver has them all, whatever the reader does. */
#define SEND(nr, len)							\
do {									\
	ASSERT_EQ(0, net_udp_burst(&self->udp, nr, len));		\
	ASSERT_EQ(0, net_udp_drain(&self->udp, nr));			\
} while (0)

static void set_tail(FIXTURE_DATA(ring) *self, __u32 tail)
{
	__atomic_store_n(&self->reader.tails[0].tail, tail, __ATOMIC_RELEASE);
	ioctl(self->reader.fd, ZCS_IOC_RELEASE);
}

TEST_F(ring, says_what_it_is)
{
	unsigned int i;

	for (i = 0; i < self->reader.setup.nr_rings; i++) {
		const struct zcs_ring *ring = zcs_ring_of(&self->reader, i);

		EXPECT_EQ(i, ring->cpu);
		EXPECT_EQ(NR_SLOTS, ring->nr_slots);
		EXPECT_LE(sizeof(*ring), ring->slots_off);
		EXPECT_EQ(0, ring->slots_off % 64);
		EXPECT_LE(ring->slots_off + NR_SLOTS * sizeof(struct zcs_desc),
			  self->reader.setup.ring_size);
		EXPECT_EQ(0, ring->head);
		EXPECT_EQ(0, ring->passed);
	}
}

TEST_F(ring, shows_packets_in_order)
{
	const struct zcs_desc *desc;
	__u64 ts = 0, seq = 0;
	__u32 i, number;
	char packet[256];

	SEND(NR_SLOTS, SHORT_LEN);
	EXPECT_EQ(NR_SLOTS, zcs_head(&self->reader, 0));
	for (i = 0; i < NR_SLOTS; i++) {
		desc = zcs_next_in(&self->reader, 0);
		ASSERT_NE(NULL, desc);
		EXPECT_EQ(i, desc->pos);
		EXPECT_EQ(0, desc->cpu);
		EXPECT_EQ(1, desc->nr_slots);
		EXPECT_EQ(0, desc->missed);
		EXPECT_LE(ts, desc->ts_ns);
		if (i)
			EXPECT_EQ(seq + 1, desc->seq);
		ts = desc->ts_ns;
		seq = desc->seq;
		ASSERT_EQ(42 + SHORT_LEN, zcs_copy(&self->reader, desc, packet,
						   sizeof(packet)));
		memcpy(&number, packet + 42, sizeof(number));
		EXPECT_EQ(i, number);
	}
	EXPECT_EQ(NULL, zcs_next_in(&self->reader, 0));
}

TEST_F(ring, describes_the_packet)
{
	const struct zcs_desc *desc;
	struct timespec now;
	__u64 cookie, ns;

	ASSERT_EQ(0, net_ns_cookie(&cookie));
	SEND(1, SHORT_LEN);
	clock_gettime(CLOCK_REALTIME, &now);
	desc = zcs_next_in(&self->reader, 0);
	ASSERT_NE(NULL, desc);
	ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	EXPECT_LE(desc->ts_ns, ns);
	EXPECT_GE(desc->ts_ns, ns - 1000000000ULL * 3600);
	EXPECT_EQ(cookie, desc->netns);
	EXPECT_EQ(1, desc->ifindex);
	EXPECT_EQ(ARPHRD_LOOPBACK, desc->hw_type);
	EXPECT_EQ(42 + SHORT_LEN, desc->wire_len);
	EXPECT_EQ(42 + SHORT_LEN, desc->cap_len);
	EXPECT_EQ(htons(ETH_P_IP), desc->protocol);
	EXPECT_EQ(0, desc->mac_off);
	EXPECT_EQ(14, desc->net_off);
	EXPECT_TRUE(desc->trans_off == 34 || desc->trans_off == ZCS_OFF_UNKNOWN);
	EXPECT_EQ(ZCS_DIR_IN, desc->direction);
	EXPECT_EQ(PACKET_HOST, desc->pkt_type);
	EXPECT_TRUE(desc->flags & ZCS_F_LINK);
	EXPECT_FALSE(desc->flags & (ZCS_F_TRUNC | ZCS_F_COPIED | ZCS_F_EMPTY |
				    ZCS_F_VLAN | ZCS_F_GSO | ZCS_F_FOUND));
	EXPECT_EQ(0, desc->gso_size);
}

TEST_F(ring, full_ring_misses_and_counts)
{
	SEND(NR_SLOTS, SHORT_LEN);
	EXPECT_EQ(0, self->ring->missed_ring);
	SEND(5, SHORT_LEN);
	EXPECT_EQ(NR_SLOTS, zcs_head(&self->reader, 0));
	EXPECT_EQ(5, self->ring->missed_ring);
	EXPECT_EQ(NR_SLOTS, self->ring->shown);
	EXPECT_EQ(NR_SLOTS + 5, self->ring->passed);
}

TEST_F(ring, gap_is_what_was_missed)
{
	const struct zcs_desc *desc = NULL;
	__u64 last;
	int i;

	SEND(NR_SLOTS + 5, SHORT_LEN);
	for (i = 0; i < NR_SLOTS; i++)
		desc = zcs_next_in(&self->reader, 0);
	ASSERT_NE(NULL, desc);
	last = desc->seq;
	ASSERT_EQ(0, zcs_release(&self->reader));
	SEND(2, SHORT_LEN);
	desc = zcs_next_in(&self->reader, 0);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(last + 6, desc->seq);
	EXPECT_EQ(5, desc->missed);
	desc = zcs_next_in(&self->reader, 0);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(last + 7, desc->seq);
	EXPECT_EQ(0, desc->missed);
}

TEST_F(ring, tail_gives_slots_back)
{
	SEND(NR_SLOTS, SHORT_LEN);
	set_tail(self, 10);
	SEND(NR_SLOTS, SHORT_LEN);
	EXPECT_EQ(NR_SLOTS + 10, zcs_head(&self->reader, 0));
	EXPECT_EQ(NR_SLOTS - 10, self->ring->missed_ring);
	EXPECT_EQ(0, self->ring->bad_releases);
}

/* The kernel looks at the tail itself when it captures the next packet. */
TEST_F(ring, tail_needs_no_call)
{
	unsigned int i;

	for (i = 1; i <= 5 * NR_SLOTS; i++) {
		SEND(1, SHORT_LEN);
		__atomic_store_n(&self->reader.tails[0].tail, i,
				 __ATOMIC_RELEASE);
	}
	EXPECT_EQ(5 * NR_SLOTS, self->ring->shown);
	EXPECT_EQ(0, self->ring->missed_ring);
	EXPECT_EQ(0, self->ring->bad_releases);
}

TEST_F(ring, release_gives_memory_back)
{
	struct zcs_stats stats;

	SEND(4, 1400);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_LE(4 * 1400, stats.held);
	while (zcs_next_in(&self->reader, 0))
		;
	ASSERT_EQ(0, zcs_release(&self->reader));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, stats.held);
	EXPECT_EQ(self->ring->charged, self->ring->returned);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

TEST_F(ring, tail_beyond_the_head_is_refused)
{
	struct zcs_stats stats;

	SEND(NR_SLOTS, SHORT_LEN);
	set_tail(self, NR_SLOTS + 1);
	EXPECT_EQ(1, self->ring->bad_releases);
	SEND(1, SHORT_LEN);
	EXPECT_EQ(1, self->ring->missed_ring);
	set_tail(self, NR_SLOTS);
	SEND(1, SHORT_LEN);
	EXPECT_EQ(1, self->ring->missed_ring);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(self->ring->bad_releases, stats.bad_releases);
}

TEST_F(ring, tail_does_not_go_back)
{
	SEND(NR_SLOTS, SHORT_LEN);
	set_tail(self, 8);
	EXPECT_EQ(0, self->ring->bad_releases);
	set_tail(self, 4);
	EXPECT_EQ(1, self->ring->bad_releases);
	set_tail(self, 8);
	SEND(8, SHORT_LEN);
	EXPECT_EQ(NR_SLOTS + 8, zcs_head(&self->reader, 0));
	EXPECT_EQ(0, self->ring->missed_ring);
	SEND(1, SHORT_LEN);
	EXPECT_EQ(1, self->ring->missed_ring);
}

TEST_F(ring, same_tail_is_no_release)
{
	SEND(4, SHORT_LEN);
	set_tail(self, 0);
	set_tail(self, 4);
	set_tail(self, 4);
	EXPECT_EQ(0, self->ring->bad_releases);
}

/* Values that can never be right: nothing comes free, each is counted. */
TEST_F(ring, garbage_frees_nothing)
{
	static const __u32 garbage[] = {
		NR_SLOTS + 1, NR_SLOTS * 2, 1000, 1U << 31, (1U << 31) - 1,
		(1U << 31) + 1, ~0U, ~0U - NR_SLOTS, 0xdeadbeef, 7, 0,
	};
	struct zcs_stats stats;
	unsigned int i;
	__u64 held;

	SEND(NR_SLOTS, 1400);
	set_tail(self, 8);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	held = stats.held;
	for (i = 0; i < ARRAY_SIZE(garbage); i++) {
		set_tail(self, garbage[i]);
		EXPECT_EQ(i + 1, self->ring->bad_releases) {
			TH_LOG("tail %#x", garbage[i]);
		}
	}
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(held, stats.held);
	EXPECT_LE(0, zcs_nta_held());
	set_tail(self, NR_SLOTS);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, stats.held);
}

/* Tails of processors that do nothing are looked at all the same. */
TEST_F(ring, other_rings_refuse_garbage_too)
{
	unsigned int last = self->reader.setup.nr_rings - 1;

	self->reader.tails[last].tail = 12345;
	ioctl(self->reader.fd, ZCS_IOC_RELEASE);
	EXPECT_EQ(1, zcs_ring_of(&self->reader, last)->bad_releases);
}

/* A packet is not given back in halves. */
TEST_F(ring, tail_inside_a_packet_frees_no_half)
{
	const struct zcs_desc *desc;
	struct zcs_stats stats;
	__u64 held;

	SEND(1, 60000);
	desc = zcs_next_in(&self->reader, 0);
	ASSERT_NE(NULL, desc);
	if (desc->nr_slots < 2)
		SKIP(return, "the packet has %u parts", desc->nr_segs);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	held = stats.held;
	set_tail(self, 1);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_TRUE(stats.held == 0 || stats.held == held);
	set_tail(self, desc->nr_slots);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, stats.held);
}

TEST_F(ring, stops_and_goes_on)
{
	SEND(3, SHORT_LEN);
	ASSERT_EQ(0, ioctl(self->reader.fd, ZCS_IOC_STOP));
	SEND(3, SHORT_LEN);
	EXPECT_EQ(3, self->ring->passed);
	/* What is there stays there, and can be given back. */
	EXPECT_NE(NULL, zcs_next_in(&self->reader, 0));
	EXPECT_EQ(0, zcs_release(&self->reader));
	ASSERT_EQ(0, ioctl(self->reader.fd, ZCS_IOC_START));
	SEND(3, SHORT_LEN);
	EXPECT_EQ(6, self->ring->passed);
	EXPECT_EQ(6, self->ring->shown);
	EXPECT_EQ(0, self->ring->bad_releases);
}

/* Every packet, long and short, through a ring that is small. */
TEST_F(ring, wraps_many_times)
{
	const struct zcs_desc *desc;
	unsigned int i, seen = 0;
	static char packet[ZCS_PACKET_MAX];
	__u32 len, number;

	for (i = 0; i < 50 * NR_SLOTS; i++) {
		len = 4 + i * 131 % 3000;
		SEND(1, len);
		while ((desc = zcs_next_in(&self->reader, 0))) {
			ASSERT_EQ(42 + len, zcs_copy(&self->reader, desc,
						     packet, sizeof(packet)));
			memcpy(&number, packet + 42, sizeof(number));
			EXPECT_EQ(0, number);
			seen++;
		}
		ASSERT_EQ(0, zcs_release(&self->reader));
	}
	EXPECT_EQ(50 * NR_SLOTS, seen);
	EXPECT_EQ(0, self->ring->missed_ring);
}

TEST_HARNESS_MAIN
