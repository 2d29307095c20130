// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: poll, select's kin and epoll wake a reader when as many
 * slots wait as it asked for, and not before.
 *
 * Needs CONFIG_ZC_SNIFFER and root. Runs in a network namespace of its own, on
 * one processor.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_SLOTS	64
#define WATERMARK	8
#define SHORT_LEN	40

FIXTURE(poll)
{
	struct zcs_reader reader;
	struct net_udp udp;
	int ns;
};

FIXTURE_VARIANT(poll)
{
	__u32 watermark;
};

FIXTURE_VARIANT_ADD(poll, every_packet)
{
	.watermark = 0,
};

FIXTURE_VARIANT_ADD(poll, watermark)
{
	.watermark = WATERMARK,
};

FIXTURE_VARIANT_ADD(poll, full_ring)
{
	.watermark = NR_SLOTS,
};

FIXTURE_SETUP(poll)
{
	struct zcs_setup setup;

	ASSERT_EQ(0, net_pin(0));
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	zcs_defaults(&setup);
	setup.nr_slots = NR_SLOTS;
	setup.watermark = variant->watermark;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
}

FIXTURE_TEARDOWN(poll)
{
	net_udp_close(&self->udp);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

static short events_now(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pfd, 1, 0) < 0 ? -1 : pfd.revents;
}

/* What the kernel made of it: a ring that is full must not wait for more. */
static unsigned int wanted(const FIXTURE_DATA(poll) *self)
{
	return self->reader.setup.watermark;
}

TEST_F(poll, reports_at_the_watermark)
{
	unsigned int i;

	EXPECT_LE(1, wanted(self));
	EXPECT_GE(variant->watermark ?: 1, wanted(self));
	EXPECT_EQ(0, events_now(self->reader.fd));
	for (i = 1; i <= NR_SLOTS; i++) {
		ASSERT_EQ(0, net_udp_burst(&self->udp, 1, SHORT_LEN));
		EXPECT_EQ(i >= wanted(self) ? POLLIN : 0,
			  events_now(self->reader.fd)) {
			TH_LOG("%u packets", i);
		}
	}
}

TEST_F(poll, is_silent_after_the_release)
{
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_SLOTS, SHORT_LEN));
	EXPECT_EQ(POLLIN, events_now(self->reader.fd));
	while (zcs_next(&self->reader))
		;
	ASSERT_EQ(0, zcs_release(&self->reader));
	EXPECT_EQ(0, events_now(self->reader.fd));
}

/* poll() looks at the tails: no call was made for them. */
TEST_F(poll, notices_the_tail)
{
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_SLOTS, SHORT_LEN));
	self->reader.tails[0].tail = NR_SLOTS;
	EXPECT_EQ(0, events_now(self->reader.fd));
	EXPECT_EQ(0, zcs_ring_of(&self->reader, 0)->bad_releases);
}

struct sender {
	const struct net_udp	*udp;
	unsigned int		nr;
};

static void *send_later(void *arg)
{
	struct sender *sender = arg;

	net_udp_burst(sender->udp, sender->nr, SHORT_LEN);
	return NULL;
}

TEST_F(poll, wakes_a_sleeper)
{
	struct pollfd pfd = { .fd = self->reader.fd, .events = POLLIN };
	struct sender sender = { &self->udp, wanted(self) };
	pthread_t thread;
	int i;

	for (i = 0; i < 30; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, send_later,
					    &sender));
		ASSERT_EQ(1, poll(&pfd, 1, ZCS_WAIT_MS));
		EXPECT_EQ(POLLIN, pfd.revents);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		while (zcs_next(&self->reader))
			;
		ASSERT_EQ(0, zcs_release(&self->reader));
	}
}

TEST_F(poll, epoll_level_triggered)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 17 };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->reader.fd, &event));
	EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	ASSERT_EQ(0, net_udp_burst(&self->udp, wanted(self), SHORT_LEN));
	EXPECT_EQ(1, epoll_wait(ep, &event, 1, ZCS_WAIT_MS));
	EXPECT_EQ(17, event.data.u32);
	EXPECT_EQ(EPOLLIN, event.events);
	EXPECT_EQ(1, epoll_wait(ep, &event, 1, 0));
	while (zcs_next(&self->reader))
		;
	ASSERT_EQ(0, zcs_release(&self->reader));
	EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	close(ep);
}

TEST_F(poll, epoll_edge_triggered)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->reader.fd, &event));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, net_udp_burst(&self->udp, wanted(self),
					   SHORT_LEN));
		EXPECT_EQ(1, epoll_wait(ep, &event, 1, ZCS_WAIT_MS));
		EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
		while (zcs_next(&self->reader))
			;
		ASSERT_EQ(0, zcs_release(&self->reader));
	}
	close(ep);
}

/* Closed while an epoll set still has it. */
TEST_F(poll, closed_within_an_epoll_set)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->reader.fd, &event));
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_SLOTS / 2, SHORT_LEN));
	zcs_reader_close(&self->reader);
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_SLOTS, SHORT_LEN));
	EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	close(ep);
}

TEST_HARNESS_MAIN
