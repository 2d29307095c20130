// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: descriptors by read(), given back by write() in any order.
 * What comes back is checked: wrong, repeated and stale ones free nothing.
 *
 * Needs CONFIG_ZC_SNIFFER and root. Runs in a network namespace of its own, on
 * one processor.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_SLOTS	16
#define SHORT_LEN	40

/* Not constant, so that the compiler does not object. */
static void *volatile nowhere;

FIXTURE(rw)
{
	struct zcs_reader reader;
	struct zcs_desc desc[4 * NR_SLOTS];
	struct net_udp udp;
	int ns;
};

FIXTURE_SETUP(rw)
{
	struct zcs_setup setup;

	ASSERT_EQ(0, net_pin(0));
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	zcs_defaults(&setup);
	setup.nr_slots = NR_SLOTS;
	ASSERT_EQ(0, zcs_reader_open(&self->reader, &setup));
	ASSERT_EQ(0, ioctl(self->reader.fd, ZCS_IOC_START));
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
}

FIXTURE_TEARDOWN(rw)
{
	net_udp_close(&self->udp);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

#define SEND(nr, len)							\
do {									\
	ASSERT_EQ(0, net_udp_burst(&self->udp, nr, len));		\
	ASSERT_EQ(0, net_udp_drain(&self->udp, nr));			\
} while (0)

/* Descriptors that came, or -errno. */
static int read_some(FIXTURE_DATA(rw) *self, unsigned int max)
{
	ssize_t ret = read(self->reader.fd, self->desc,
			   max * sizeof(self->desc[0]));

	if (ret < 0)
		return -errno;
	return ret % sizeof(self->desc[0]) ? -EPROTO :
		(int)(ret / sizeof(self->desc[0]));
}

/* Descriptors that were taken back, or -errno. */
static int write_some(FIXTURE_DATA(rw) *self, const struct zcs_desc *desc,
		      unsigned int nr)
{
	ssize_t ret = write(self->reader.fd, desc, nr * sizeof(*desc));

	if (ret < 0)
		return -errno;
	return ret % sizeof(*desc) ? -EPROTO : (int)(ret / sizeof(*desc));
}

static int set_nonblock(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static __u64 counted_bad(FIXTURE_DATA(rw) *self)
{
	struct zcs_stats stats;

	return zcs_stats(self->reader.fd, &stats) ? ~0ULL : stats.bad_releases;
}

static __u64 counted_missed(FIXTURE_DATA(rw) *self)
{
	struct zcs_stats stats;

	return zcs_stats(self->reader.fd, &stats) ? ~0ULL : zcs_missed(&stats);
}

TEST_F(rw, read_gives_descriptors_in_order)
{
	int i;

	SEND(10, SHORT_LEN);
	ASSERT_EQ(10, read_some(self, 4 * NR_SLOTS));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(i, self->desc[i].pos);
		EXPECT_EQ(0, self->desc[i].cpu);
		EXPECT_EQ(42 + SHORT_LEN, self->desc[i].cap_len);
		EXPECT_EQ(i, *(__u32 *)(self->desc[i].head + 42));
	}
	EXPECT_EQ(10, write_some(self, self->desc, 10));
	EXPECT_EQ(0, counted_bad(self));
}

TEST_F(rw, read_gives_as_many_as_fit)
{
	SEND(10, SHORT_LEN);
	EXPECT_EQ(3, read_some(self, 3));
	EXPECT_EQ(0, self->desc[0].pos);
	EXPECT_EQ(7, read_some(self, 8));
	EXPECT_EQ(3, self->desc[0].pos);
}

TEST_F(rw, read_wants_room_for_whole_descriptors)
{
	SEND(1, SHORT_LEN);
	EXPECT_EQ(-1, read(self->reader.fd, self->desc, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->reader.fd, self->desc,
			   sizeof(self->desc[0]) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->reader.fd, self->desc,
			   2 * sizeof(self->desc[0]) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->reader.fd, self->desc, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, read_some(self, 1));
}

TEST_F(rw, read_of_nothing_waits_or_says_so)
{
	ASSERT_EQ(0, set_nonblock(self->reader.fd));
	EXPECT_EQ(-EAGAIN, read_some(self, 1));
	SEND(1, SHORT_LEN);
	EXPECT_EQ(1, read_some(self, 4));
	EXPECT_EQ(-EAGAIN, read_some(self, 4));
}

/* Nothing is lost when the descriptors cannot be copied out. */
TEST_F(rw, read_to_nowhere_faults_and_loses_nothing)
{
	SEND(2, SHORT_LEN);
	EXPECT_EQ(-1, read(self->reader.fd, nowhere, sizeof(self->desc)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(2, read_some(self, 4));
	EXPECT_EQ(0, self->desc[0].pos);
}

static void *send_later(void *arg)
{
	net_udp_burst(arg, 1, SHORT_LEN);
	return NULL;
}

TEST_F(rw, read_wakes_when_a_packet_comes)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, send_later,
					    &self->udp));
		ASSERT_EQ(1, read_some(self, 1));
		ASSERT_EQ(1, write_some(self, self->desc, 1));
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}
}

static void on_alarm(int sig)
{
}

TEST_F(rw, read_is_interrupted_by_signals)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = {
		.it_value.tv_usec = 20000,
		.it_interval.tv_usec = 20000,
	};

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
	EXPECT_EQ(-EINTR, read_some(self, 1));
	soon = (struct itimerval){};
	setitimer(ITIMER_REAL, &soon, NULL);
}

TEST_F(rw, what_is_read_is_held_until_written)
{
	struct zcs_stats stats;

	SEND(4, 1400);
	ASSERT_EQ(4, read_some(self, 16));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_LE(4 * 1400, stats.held);
	ASSERT_EQ(4, write_some(self, self->desc, 4));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, stats.held);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

TEST_F(rw, content_can_be_read)
{
	struct zcs_reader *reader = &self->reader;
	char packet[2048], sent[1400];

	reader->data = mmap(NULL, reader->setup.data_size, PROT_READ,
			    MAP_SHARED, reader->fd, ZCS_OFF_DATA);
	ASSERT_NE(MAP_FAILED, reader->data);
	net_pattern(sent, sizeof(sent), 7);
	ASSERT_EQ(0, net_udp_send(&self->udp, sent, sizeof(sent)));
	ASSERT_EQ(1, read_some(self, 1));
	ASSERT_LE(self->desc[0].nr_segs, ZCS_SEGS);
	ASSERT_EQ(42 + 1400, zcs_copy(reader, self->desc, packet,
				      sizeof(packet)));
	EXPECT_EQ(0, memcmp(packet + 42, sent, sizeof(sent)));
}

TEST_F(rw, written_in_any_order)
{
	static const unsigned char order[NR_SLOTS] = {
		15, 0, 7, 8, 1, 14, 3, 12, 2, 13, 5, 9, 11, 4, 10, 6,
	};
	int i, round;

	for (round = 0; round < 4; round++) {
		SEND(NR_SLOTS, 200);
		ASSERT_EQ(NR_SLOTS, read_some(self, 2 * NR_SLOTS));
		for (i = 0; i < NR_SLOTS; i++)
			ASSERT_EQ(1, write_some(self, &self->desc[order[i]],
						1));
	}
	EXPECT_EQ(0, counted_missed(self));
	EXPECT_EQ(0, counted_bad(self));
}

/* The first one is not back: its memory is held, whatever else comes back. */
TEST_F(rw, one_that_is_kept_stays_readable)
{
	struct zcs_stats stats;
	struct zcs_desc kept;

	SEND(NR_SLOTS, 1400);
	ASSERT_EQ(NR_SLOTS, read_some(self, 2 * NR_SLOTS));
	kept = self->desc[0];
	ASSERT_EQ(NR_SLOTS - 1, write_some(self, &self->desc[1],
					   NR_SLOTS - 1));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_LE(1400, stats.held);
	EXPECT_GT(2 * 1400 + 4096, stats.held);
	ASSERT_EQ(1, write_some(self, &kept, 1));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, stats.held);
}

TEST_F(rw, repeated_ones_are_refused)
{
	SEND(4, 1400);
	ASSERT_EQ(4, read_some(self, 8));
	ASSERT_EQ(1, write_some(self, &self->desc[2], 1));
	EXPECT_EQ(-EINVAL, write_some(self, &self->desc[2], 1));
	EXPECT_EQ(1, counted_bad(self));
	ASSERT_EQ(1, write_some(self, &self->desc[0], 1));
	EXPECT_EQ(-EINVAL, write_some(self, &self->desc[0], 1));
	EXPECT_EQ(2, counted_bad(self));
	EXPECT_LE(0, zcs_nta_held());
}

/* From a round before: the slot has another packet by now. */
TEST_F(rw, stale_ones_are_refused)
{
	struct zcs_desc stale;
	struct zcs_stats before, after;

	SEND(NR_SLOTS, 1400);
	ASSERT_EQ(NR_SLOTS, read_some(self, NR_SLOTS));
	stale = self->desc[3];
	ASSERT_EQ(NR_SLOTS, write_some(self, self->desc, NR_SLOTS));
	SEND(NR_SLOTS, 1400);
	ASSERT_EQ(NR_SLOTS, read_some(self, NR_SLOTS));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &before));
	EXPECT_EQ(-EINVAL, write_some(self, &stale, 1));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &after));
	EXPECT_EQ(before.held, after.held);
	EXPECT_EQ(before.bad_releases + 1, after.bad_releases);
	EXPECT_EQ(NR_SLOTS, write_some(self, self->desc, NR_SLOTS));
}

TEST_F(rw, ones_that_were_not_read_are_refused)
{
	struct zcs_desc made;

	SEND(4, SHORT_LEN);
	ASSERT_EQ(2, read_some(self, 2));
	made = self->desc[0];
	made.pos = 2;
	EXPECT_EQ(-EINVAL, write_some(self, &made, 1));
	made.pos = 4;
	EXPECT_EQ(-EINVAL, write_some(self, &made, 1));
	made.pos = 1U << 31;
	EXPECT_EQ(-EINVAL, write_some(self, &made, 1));
	made.pos = ~0U;
	EXPECT_EQ(-EINVAL, write_some(self, &made, 1));
	EXPECT_EQ(4, counted_bad(self));
	EXPECT_EQ(2, read_some(self, 4));
}

TEST_F(rw, wrong_processors_are_refused)
{
	struct zcs_desc made;

	SEND(1, SHORT_LEN);
	ASSERT_EQ(1, read_some(self, 1));
	made = self->desc[0];
	made.cpu = self->reader.setup.nr_rings;
	EXPECT_EQ(-EINVAL, write_some(self, &made, 1));
	made.cpu = 0xffff;
	EXPECT_EQ(-EINVAL, write_some(self, &made, 1));
	made.cpu = 1;
	EXPECT_EQ(-EINVAL, write_some(self, &made, 1));
	EXPECT_EQ(1, write_some(self, self->desc, 1));
}

/* Only position and processor count: lies in the rest have no effect. */
TEST_F(rw, rest_of_a_descriptor_is_not_believed)
{
	struct zcs_stats stats;
	struct zcs_desc lie;

	SEND(2, 1400);
	ASSERT_EQ(2, read_some(self, 2));
	memset(&lie, 0xff, sizeof(lie));
	lie.pos = self->desc[0].pos;
	lie.cpu = self->desc[0].cpu;
	EXPECT_EQ(1, write_some(self, &lie, 1));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_LE(1400, stats.held);
	EXPECT_EQ(1, write_some(self, &self->desc[1], 1));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, stats.held);
	EXPECT_LE(0, zcs_nta_held());
}

TEST_F(rw, write_stops_at_the_first_bad_one)
{
	struct zcs_desc mixed[4];

	SEND(4, SHORT_LEN);
	ASSERT_EQ(4, read_some(self, 4));
	memcpy(mixed, self->desc, sizeof(mixed));
	mixed[2].pos = 4711;
	EXPECT_EQ(2, write_some(self, mixed, 4));
	EXPECT_EQ(1, write_some(self, &self->desc[3], 1));
	EXPECT_EQ(1, write_some(self, &self->desc[2], 1));
	EXPECT_LE(1, counted_bad(self));
}

TEST_F(rw, write_wants_whole_descriptors)
{
	SEND(1, SHORT_LEN);
	ASSERT_EQ(1, read_some(self, 1));
	EXPECT_EQ(-1, write(self->reader.fd, self->desc, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->reader.fd, self->desc,
			    sizeof(self->desc[0]) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->reader.fd, nowhere, sizeof(self->desc[0])));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, write_some(self, self->desc, 1));
}

TEST_F(rw, tails_cannot_be_mapped_after_a_read)
{
	SEND(1, SHORT_LEN);
	ASSERT_EQ(1, read_some(self, 1));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->reader.setup.tails_size,
				   PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->reader.fd, ZCS_OFF_TAILS));
	EXPECT_EQ(EBUSY, errno);
}

TEST_F(rw, nothing_can_be_read_after_the_tails_are_mapped)
{
	ASSERT_EQ(0, zcs_reader_map(&self->reader));
	SEND(1, SHORT_LEN);
	EXPECT_EQ(-EBUSY, read_some(self, 1));
	EXPECT_EQ(-EBUSY, write_some(self, self->desc, 1));
	EXPECT_NE(NULL, zcs_next_in(&self->reader, 0));
}

/* Parts that do not fit into a descriptor come in slots of their own. */
TEST_F(rw, long_packets_are_read_whole)
{
	struct zcs_stats stats;
	int n;

	SEND(1, 60000);
	n = read_some(self, 4 * NR_SLOTS);
	ASSERT_LT(0, n);
	EXPECT_EQ(self->desc[0].nr_slots, n);
	EXPECT_EQ(42 + 60000, self->desc[0].cap_len);
	EXPECT_LT(0, write_some(self, self->desc, n));
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, stats.held);
	EXPECT_EQ(0, stats.bad_releases);
}

TEST_F(rw, descriptor_is_no_place_to_seek)
{
	char byte;

	EXPECT_EQ(-1, pread(self->reader.fd, &byte, 1, 0));
	EXPECT_EQ(-1, pwrite(self->reader.fd, &byte, 1, 0));
	EXPECT_EQ(-1, lseek(self->reader.fd, 1, SEEK_SET));
}

TEST_HARNESS_MAIN
