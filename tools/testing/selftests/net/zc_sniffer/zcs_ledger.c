// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: the ledger. Whatever passed was shown or missed, exactly;
 * a reader that gives nothing back misses packets and the stack does not
 * notice; and nothing stays behind when it goes.
 *
 * Needs CONFIG_ZC_SNIFFER and root. Runs in a network namespace of its own.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_PACKETS	2000
#define LIMIT		(256 << 10)

FIXTURE(ledger)
{
	struct zcs_setup setup;
	struct zcs_reader reader;
	struct net_udp udp;
	int ns;
};

FIXTURE_SETUP(ledger)
{
	self->reader = ZCS_READER_CLOSED;
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
	zcs_defaults(&self->setup);
	self->setup.nr_slots = 4096;
}

FIXTURE_TEARDOWN(ledger)
{
	net_udp_close(&self->udp);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

/* The law, for each ring and for the sum. */
static void check_law(struct __test_metadata *_metadata,
		      const struct zcs_reader *reader, __u64 sent)
{
	const struct zcs_ring *ring;
	struct zcs_stats stats;
	__u64 passed = 0;
	unsigned int i;

	ASSERT_EQ(0, zcs_settle(reader->fd, sent));
	ASSERT_EQ(0, zcs_stats(reader->fd, &stats));
	EXPECT_EQ(sent, stats.passed + stats.filtered);
	EXPECT_EQ(stats.passed, stats.shown + zcs_missed(&stats));
	for (i = 0; i < reader->setup.nr_rings; i++) {
		ring = zcs_ring_of(reader, i);
		EXPECT_EQ(ring->passed, ring->shown + ring->missed_ring +
			  ring->missed_limit + ring->missed_memory);
		EXPECT_GE(ring->charged, ring->returned);
		passed += ring->passed;
	}
	EXPECT_EQ(stats.passed, passed);
}

TEST_F(ledger, sees_all_when_there_is_room)
{
	struct zcs_stats stats;

	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, 600));
	ASSERT_EQ(0, net_udp_drain(&self->udp, NR_PACKETS));
	check_law(_metadata, &self->reader, NR_PACKETS);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, zcs_missed(&stats));
	EXPECT_EQ(NR_PACKETS, stats.shown);
}

TEST_F(ledger, limit_is_kept_and_the_stack_goes_on)
{
	struct zcs_stats stats;

	self->setup.limit = LIMIT;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, 1400));
	/* Every one was delivered. */
	ASSERT_EQ(0, net_udp_drain(&self->udp, NR_PACKETS));
	check_law(_metadata, &self->reader, NR_PACKETS);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_LT(0, stats.missed_limit);
	EXPECT_EQ(0, stats.missed_ring);
	EXPECT_GE(LIMIT, stats.held);
	/* Not much less than what was allowed was made use of. */
	EXPECT_LE(LIMIT / 2, stats.held);
	EXPECT_LE(LIMIT / 4096, stats.shown);
}

TEST_F(ledger, limit_is_there_again_after_a_release)
{
	struct zcs_stats before, after;
	unsigned int round;

	self->setup.limit = LIMIT;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, 1400));
	ASSERT_EQ(0, net_udp_drain(&self->udp, NR_PACKETS));
	for (round = 0; round < 4; round++) {
		while (zcs_next(&self->reader))
			;
		ASSERT_EQ(0, zcs_release(&self->reader));
		ASSERT_EQ(0, zcs_stats(self->reader.fd, &before));
		EXPECT_EQ(0, before.held);
		ASSERT_EQ(0, net_udp_burst(&self->udp, 20, 1400));
		ASSERT_EQ(0, net_udp_drain(&self->udp, 20));
		ASSERT_EQ(0, zcs_stats(self->reader.fd, &after));
		EXPECT_EQ(before.shown + 20, after.shown);
		EXPECT_EQ(zcs_missed(&before), zcs_missed(&after));
	}
	check_law(_metadata, &self->reader, NR_PACKETS + 80);
}

/* One processor does not keep to itself what the other may use. */
TEST_F(ledger, processors_share_a_small_limit)
{
	struct zcs_stats stats;
	unsigned int round, i;

	self->setup.limit = LIMIT;
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
		for (i = 0; i < 20; i++) {
			/* There may be one only. */
			net_pin(i & 1);
			ASSERT_EQ(0, net_udp_burst(&self->udp, 1, 1400));
			ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
			ASSERT_NE(NULL, zcs_next(&self->reader));
			ASSERT_EQ(0, zcs_release(&self->reader));
		}
		check_law(_metadata, &self->reader, 20);
		ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
		EXPECT_EQ(20, stats.shown);
		zcs_reader_close(&self->reader);
	}
}

/* Held by a reader, or by the stack alone: the law of the allocator is one. */
TEST_F(ledger, nothing_stays_when_a_hoarder_goes)
{
	unsigned int round;

	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, zcs_reader_start(&self->reader, &self->setup));
		ASSERT_EQ(0, net_udp_burst(&self->udp, 300, 1400));
		if (round & 1)
			ASSERT_EQ(0, net_udp_drain(&self->udp, 300));
		zcs_reader_close(&self->reader);
		EXPECT_EQ(0, zcs_nothing_is_held());
		if (!(round & 1))
			ASSERT_EQ(0, net_udp_drain(&self->udp, 300));
	}
}

TEST_F(ledger, limit_of_nothing_shows_short_packets_only)
{
	struct zcs_stats stats;

	self->setup.limit = 1;
	if (zcs_reader_start(&self->reader, &self->setup))
		return;
	ASSERT_EQ(0, net_udp_burst(&self->udp, 10, 1400));
	check_law(_metadata, &self->reader, 10);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(0, stats.shown);
	EXPECT_EQ(10, stats.missed_limit);
}

/* Numbers go on over what is missed: each ring's gaps are its losses. */
TEST_F(ledger, gaps_add_up_to_what_was_missed)
{
	__u64 missed[256] = {}, gaps[256] = {}, last[256] = {}, shown = 0;
	struct zcs_reader *reader = &self->reader;
	const struct zcs_desc *desc;
	const struct zcs_ring *ring;
	unsigned int round, i;

	self->setup.nr_slots = 64;
	ASSERT_EQ(0, zcs_reader_start(reader, &self->setup));
	ASSERT_GE(ARRAY_SIZE(gaps), reader->setup.nr_rings);
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, net_udp_burst(&self->udp, 50 + round * 7, 100));
		ASSERT_EQ(0, net_udp_drain(&self->udp, 50 + round * 7));
		while ((desc = zcs_next(reader))) {
			i = desc->cpu;
			if (last[i])
				gaps[i] += desc->seq + 1 - last[i] - 1;
			missed[i] += desc->missed;
			last[i] = desc->seq + 1;
			shown++;
		}
		ASSERT_EQ(0, zcs_release(reader));
	}
	/* One more on each processor, to see the last gap. */
	for (i = 0; i < reader->setup.nr_rings; i++) {
		if (net_pin(i))
			continue;
		ASSERT_EQ(0, net_udp_burst(&self->udp, 1, 100));
		ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
	}
	while ((desc = zcs_next(reader))) {
		i = desc->cpu;
		if (last[i])
			gaps[i] += desc->seq + 1 - last[i] - 1;
		missed[i] += desc->missed;
		last[i] = desc->seq + 1;
		shown++;
	}
	for (i = 0; i < reader->setup.nr_rings; i++) {
		ring = zcs_ring_of(reader, i);
		EXPECT_EQ(ring->missed_ring + ring->missed_limit +
			  ring->missed_memory, missed[i]);
		EXPECT_EQ(missed[i], gaps[i]);
		shown -= ring->shown;
	}
	EXPECT_EQ(0, shown);
}

struct flood {
	struct net_udp	udp;
	unsigned int	cpu;
	unsigned int	nr;
	int		err;
};

static void *flood(void *arg)
{
	struct flood *flood = arg;
	unsigned int i;

	net_pin(flood->cpu);
	for (i = 0; i < flood->nr && !flood->err; i++)
		flood->err = net_udp_burst(&flood->udp, 1, 4 + i * 37 % 1400);
	return NULL;
}

/* Both processors send while the reader reads: still exact. */
TEST_F(ledger, law_holds_under_load)
{
	struct flood one = { .cpu = 0, .nr = NR_PACKETS, .udp = self->udp };
	struct flood two = { .cpu = 1, .nr = NR_PACKETS, .udp = self->udp };
	struct zcs_reader *reader = &self->reader;
	pthread_t threads[2];
	__u64 shown = 0;
	long long deadline;
	struct zcs_stats stats;

	self->setup.nr_slots = 64;
	ASSERT_EQ(0, zcs_reader_start(reader, &self->setup));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, flood, &one));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, flood, &two));
	deadline = zcs_now_ms() + ZCS_WAIT_MS * 3;
	do {
		while (zcs_next(reader))
			shown++;
		ASSERT_EQ(0, zcs_release(reader));
		ASSERT_EQ(0, zcs_stats(reader->fd, &stats));
	} while (stats.shown + zcs_missed(&stats) < 2 * NR_PACKETS &&
		 zcs_now_ms() < deadline);
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	ASSERT_EQ(0, pthread_join(threads[1], NULL));
	EXPECT_EQ(0, one.err);
	EXPECT_EQ(0, two.err);
	while (zcs_next(reader))
		shown++;
	check_law(_metadata, reader, 2 * NR_PACKETS);
	ASSERT_EQ(0, zcs_stats(reader->fd, &stats));
	EXPECT_EQ(shown, stats.shown);
	EXPECT_EQ(0, stats.bad_releases);
}

/* Killed in the middle of it. */
TEST_F(ledger, killed_reader_leaves_nothing)
{
	int round, status;
	pid_t pid;

	for (round = 0; round < 5; round++) {
		int ready[2];
		char byte;

		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		if (!pid) {
			if (zcs_reader_start(&self->reader, &self->setup))
				_exit(1);
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				if (zcs_next(&self->reader) && (round & 1))
					zcs_release(&self->reader);
		}
		ASSERT_LT(0, pid);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		ASSERT_EQ(0, net_udp_burst(&self->udp, 200, 1400));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(0, net_udp_burst(&self->udp, 200, 1400));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(0, net_udp_drain(&self->udp, 400));
		EXPECT_EQ(0, zcs_nothing_is_held());
		close(ready[0]);
		close(ready[1]);
	}
}

TEST_HARNESS_MAIN
