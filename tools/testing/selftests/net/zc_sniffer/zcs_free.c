// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: the free point. Every buffer is shown once, when the stack
 * frees it, whatever it was for; what was never filled is marked.
 *
 * Needs CONFIG_ZC_SNIFFER, CONFIG_UNIX and root. Buffers of the whole machine
 * are shown, so the tests look for their own by content.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR	200

static char packet[ZCS_PACKET_MAX], sent[65536];

FIXTURE(free)
{
	struct zcs_reader reader;
	struct net_udp udp;
	unsigned int seed;	/* of this run's content */
	int ns;
};

FIXTURE_SETUP(free)
{
	struct zcs_setup setup;
	struct timespec now;

	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
	clock_gettime(CLOCK_MONOTONIC, &now);
	self->seed = now.tv_nsec ^ getpid() << 8;
	zcs_defaults(&setup);
	setup.point = ZCS_POINT_FREE;
	setup.flags = ZCS_SETUP_ALL_NETNS;
	setup.nr_slots = 16384;
	setup.limit = 64 << 20;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
}

FIXTURE_TEARDOWN(free)
{
	net_udp_close(&self->udp);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

/* Content to look for: the same at any place of a buffer. */
struct needle {
	const void	*bytes;
	size_t		len;
	size_t		at;		/* where it was found */
	size_t		packet_len;
};

static bool has_needle(const struct zcs_reader *reader,
		       const struct zcs_desc *desc, const void *arg)
{
	struct needle *needle = (struct needle *)arg;
	int len = zcs_copy(reader, desc, packet, sizeof(packet));
	const char *found;

	if (len < 0)
		return false;
	found = memmem(packet, len, needle->bytes, needle->len);
	if (!found)
		return false;
	needle->at = found - packet;
	needle->packet_len = len;
	return true;
}

TEST_F(free, datagram_is_shown_when_it_is_freed)
{
	struct needle needle = { .bytes = sent, .len = 1000 };
	const struct zcs_desc *desc;
	struct zcs_stats before;

	net_pattern(sent, 1000, self->seed);
	ASSERT_EQ(0, net_udp_send(&self->udp, sent, 1000));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &before));
	/* In the socket's queue: in use, not shown. */
	while ((desc = zcs_next(&self->reader)))
		ASSERT_FALSE(has_needle(&self->reader, desc, &needle));
	ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
	desc = zcs_await(&self->reader, has_needle, &needle);
	ASSERT_NE(NULL, desc);
	EXPECT_FALSE(desc->flags & ZCS_F_EMPTY);
	EXPECT_EQ(htons(ETH_P_IP), desc->protocol);
	EXPECT_EQ(0, desc->netns);
	/* Of the headers, those that are known must be right. */
	if (desc->net_off != ZCS_OFF_UNKNOWN) {
		EXPECT_EQ(needle.at - 28, desc->net_off);
		EXPECT_EQ(0x45, (unsigned char)packet[desc->net_off]);
		EXPECT_EQ(1028, desc->cap_len - desc->net_off);
	}
	if (desc->trans_off != ZCS_OFF_UNKNOWN)
		EXPECT_EQ(needle.at - 8, desc->trans_off);
}

/* Count how often the buffers of this run were shown. */
static void count_shown(FIXTURE_DATA(free) *self, unsigned char *shown,
			const char *mark, size_t mark_len, unsigned int nr)
{
	long long deadline = zcs_now_ms() + ZCS_WAIT_MS;
	const struct zcs_desc *desc;
	unsigned int found = 0;
	const char *at;
	__u32 number;
	int len;

	do {
		while ((desc = zcs_next(&self->reader))) {
			len = zcs_copy(&self->reader, desc, packet,
				       sizeof(packet));
			if (len <= 0)
				continue;
			at = memmem(packet, len, mark, mark_len);
			if (!at || at + mark_len + 4 > packet + len)
				continue;
			memcpy(&number, at + mark_len, 4);
			if (number < NR && shown[number] < 255)
				found += !shown[number]++;
		}
		zcs_release(&self->reader);
	} while (found < nr && zcs_before_deadline(deadline));
}

TEST_F(free, every_datagram_is_shown_once)
{
	unsigned char shown[NR] = {};
	struct zcs_stats stats;
	__u32 i;

	net_pattern(sent, 500, self->seed);
	for (i = 0; i < NR; i++) {
		memcpy(sent + 32, &i, 4);
		ASSERT_EQ(0, net_udp_send(&self->udp, sent, 36 + i * 40));
	}
	ASSERT_EQ(0, net_udp_drain(&self->udp, NR));
	net_pattern(sent, 500, self->seed);
	count_shown(self, shown, sent, 32, NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(1, shown[i]) TH_LOG("datagram %u", i);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, zcs_missed(&stats));
	EXPECT_EQ(stats.passed, stats.shown);
}

TEST_F(free, messages_of_unix_sockets_are_shown)
{
	unsigned char shown[NR] = {};
	int pair[2];
	__u32 i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
	net_pattern(sent, 600, self->seed);
	for (i = 0; i < NR; i++) {
		memcpy(sent + 32, &i, 4);
		ASSERT_EQ(600, send(pair[0], sent, 600, 0));
		ASSERT_EQ(600, recv(pair[1], packet, sizeof(packet), 0));
	}
	count_shown(self, shown, sent, 32, NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(1, shown[i]) TH_LOG("message %u", i);
	close(pair[0]);
	close(pair[1]);
}

TEST_F(free, messages_of_netlink_are_shown)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
		char name[64];
	} request = {
		.head = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = self->seed,
		},
		.info.ifi_index = 1,
	};
	struct needle asked = { .bytes = &request, .len = 16 };
	static char answer[4096];
	struct needle answered = { .bytes = answer, .len = 200 };
	unsigned int requests = 0, answers = 0;
	const struct zcs_desc *desc;
	long long deadline;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	ASSERT_LE(0, fd);
	ASSERT_EQ(sizeof(request), send(fd, &request, sizeof(request), 0));
	ASSERT_LT(answered.len, recv(fd, answer, sizeof(answer), 0));
	close(fd);
	deadline = zcs_now_ms() + ZCS_WAIT_MS;
	do {
		while ((desc = zcs_next(&self->reader))) {
			requests += has_needle(&self->reader, desc, &asked);
			answers += has_needle(&self->reader, desc, &answered);
		}
	} while (!(requests && answers) && zcs_before_deadline(deadline));
	EXPECT_EQ(1, requests);
	EXPECT_EQ(1, answers);
}

/* The stream, piece by piece; what is sent is freed when it is acknowledged. */
TEST_F(free, payload_of_tcp_is_shown)
{
	struct needle needle = { .bytes = sent, .len = 1000 };
	struct sockaddr_in addr = {};
	socklen_t size = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one, two;
	const struct zcs_desc *desc;

	net_pattern(sent, 1000, self->seed);
	ASSERT_EQ(0, listen(listener, 1));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&addr, &size));
	one = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(one, (struct sockaddr *)&addr, size));
	two = accept(listener, NULL, NULL);
	ASSERT_LE(0, two);
	ASSERT_EQ(1000, send(one, sent, 1000, 0));
	ASSERT_EQ(1000, recv(two, packet, 1000, MSG_WAITALL));
	close(one);
	close(two);
	close(listener);
	desc = zcs_await(&self->reader, has_needle, &needle);
	ASSERT_NE(NULL, desc);
	if (desc->flags & ZCS_F_FOUND)
		EXPECT_EQ(0x45, (unsigned char)packet[desc->net_off]);
}

static bool is_empty(const struct zcs_reader *reader,
		     const struct zcs_desc *desc, const void *arg)
{
	return desc->flags & ZCS_F_EMPTY;
}

/* A message of no bytes takes a buffer that is never filled. */
TEST_F(free, buffers_never_filled_are_marked)
{
	const struct zcs_desc *desc;
	int pair[2], i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, send(pair[0], "", 0, 0));
		ASSERT_EQ(0, recv(pair[1], packet, sizeof(packet), 0));
	}
	for (i = 0; i < 10; i++) {
		desc = zcs_await(&self->reader, is_empty, NULL);
		ASSERT_NE(NULL, desc);
		EXPECT_EQ(0, desc->cap_len);
		EXPECT_EQ(0, desc->wire_len);
		EXPECT_EQ(0, desc->nr_segs);
	}
	close(pair[0]);
	close(pair[1]);
}

/* What nobody received is freed with its socket, and shown. */
TEST_F(free, what_a_closed_socket_drops_is_shown)
{
	unsigned char shown[NR] = {};
	__u32 i;

	net_pattern(sent, 500, self->seed);
	for (i = 0; i < NR; i++) {
		memcpy(sent + 32, &i, 4);
		ASSERT_EQ(0, net_udp_send(&self->udp, sent, 500));
	}
	net_udp_close(&self->udp);
	count_shown(self, shown, sent, 32, NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(1, shown[i]) TH_LOG("datagram %u", i);
}

/* Content that is held is as it was freed, whatever is allocated after. */
TEST_F(free, what_is_shown_does_not_change)
{
	struct needle needle = { .bytes = sent, .len = 3000 };
	static char other[4000];
	const struct zcs_desc *desc;
	int i;

	net_pattern(sent, 3000, self->seed);
	net_pattern(other, sizeof(other), self->seed + 1);
	ASSERT_EQ(0, net_udp_send(&self->udp, sent, 3000));
	ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
	desc = zcs_await(&self->reader, has_needle, &needle);
	ASSERT_NE(NULL, desc);
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(0, net_udp_send(&self->udp, other, 3000));
		ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
	}
	EXPECT_TRUE(has_needle(&self->reader, desc, &needle));
}

/* The tap and the free point at once: one packet, two views, one chunk. */
TEST_F(free, tap_sees_the_same)
{
	struct needle needle = { .bytes = sent, .len = 2000 };
	const struct zcs_desc *tapped, *freed;
	struct zcs_reader tap;
	struct zcs_setup setup;

	zcs_defaults(&setup);
	ASSERT_EQ(0, zcs_reader_start(&tap, &setup));
	net_pattern(sent, 2000, self->seed);
	ASSERT_EQ(0, net_udp_send(&self->udp, sent, 2000));
	ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
	tapped = zcs_await(&tap, has_needle, &needle);
	ASSERT_NE(NULL, tapped);
	EXPECT_EQ(42, needle.at);
	freed = zcs_await(&self->reader, has_needle, &needle);
	ASSERT_NE(NULL, freed);
	EXPECT_LE(tapped->ts_ns, freed->ts_ns);
	EXPECT_EQ(tapped->seg[0].chunk, freed->seg[0].chunk);
	EXPECT_EQ(0, zcs_release(&self->reader));
	EXPECT_TRUE(has_needle(&tap, tapped, &needle));
	zcs_reader_close(&tap);
}

TEST_HARNESS_MAIN
