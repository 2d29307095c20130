// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: several readers at once. Each has its own filter, ring and
 * limit; they share the memory of a packet; one's misdeeds are not the others'.
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

#define NR_READERS	6
#define NR_PACKETS	500

static char one[ZCS_PACKET_MAX], two[ZCS_PACKET_MAX];

FIXTURE(readers)
{
	struct zcs_reader reader[NR_READERS];
	struct zcs_setup setup;
	struct net_udp udp;
	int ns;
};

FIXTURE_SETUP(readers)
{
	int i;

	for (i = 0; i < NR_READERS; i++)
		self->reader[i] = ZCS_READER_CLOSED;
	ASSERT_EQ(0, net_pin(0));
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
	zcs_defaults(&self->setup);
}

FIXTURE_TEARDOWN(readers)
{
	int i;

	net_udp_close(&self->udp);
	for (i = 0; i < NR_READERS; i++)
		zcs_reader_close(&self->reader[i]);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

#define SEND(nr, len)							\
do {									\
	ASSERT_EQ(0, net_udp_burst(&self->udp, nr, len));		\
	ASSERT_EQ(0, net_udp_drain(&self->udp, nr));			\
} while (0)

TEST_F(readers, all_see_all)
{
	const struct zcs_desc *desc, *same;
	int i, n, len;

	self->setup.nr_slots = 1024;
	for (i = 0; i < NR_READERS; i++)
		ASSERT_EQ(0, zcs_reader_start(&self->reader[i], &self->setup));
	SEND(100, 3000);
	for (n = 0; n < 100; n++) {
		desc = zcs_next(&self->reader[0]);
		ASSERT_NE(NULL, desc);
		len = zcs_copy(&self->reader[0], desc, one, sizeof(one));
		ASSERT_EQ(3042, len);
		for (i = 1; i < NR_READERS; i++) {
			same = zcs_next(&self->reader[i]);
			ASSERT_NE(NULL, same);
			ASSERT_EQ(len, zcs_copy(&self->reader[i], same, two,
						sizeof(two)));
			EXPECT_EQ(0, memcmp(one, two, len));
			/* Not a copy for each. */
			EXPECT_EQ(desc->seg[0].chunk, same->seg[0].chunk);
			EXPECT_EQ(0, same->seg[0].flags);
			EXPECT_EQ(desc->ts_ns, same->ts_ns);
		}
	}
}

TEST_F(readers, memory_is_free_when_the_last_one_lets_go)
{
	const struct zcs_desc *desc;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, zcs_reader_start(&self->reader[i], &self->setup));
	SEND(50, 1400);
	ASSERT_EQ(0, zcs_settle(self->reader[2].fd, 50));
	/* Once each, not once per reader. */
	EXPECT_EQ(50, zcs_nta_held());
	for (i = 0; i < 2; i++) {
		while (zcs_next(&self->reader[i]))
			;
		ASSERT_EQ(0, zcs_release(&self->reader[i]));
	}
	EXPECT_EQ(50, zcs_nta_held());
	/* The third one has them still, and they are what they were. */
	for (i = 0; (desc = zcs_next(&self->reader[2])); i++) {
		ASSERT_EQ(1442, zcs_copy(&self->reader[2], desc, one,
					 sizeof(one)));
		memcpy(two, &i, sizeof(i));
		EXPECT_EQ(0, memcmp(one + 42, two, sizeof(i)));
	}
	EXPECT_EQ(50, i);
	ASSERT_EQ(0, zcs_release(&self->reader[2]));
	EXPECT_EQ(0, zcs_nothing_is_held());
}

TEST_F(readers, each_has_its_filter)
{
	struct zcs_stats stats;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, zcs_reader_start(&self->reader[i], &self->setup));
	ASSERT_EQ(0, zcs_filter_return(self->reader[1].fd, ZCS_LINK_ETHER, 0));
	ASSERT_EQ(0, zcs_filter_return(self->reader[2].fd, ZCS_LINK_ETHER,
				       50));
	SEND(10, 200);
	EXPECT_EQ(242, zcs_next(&self->reader[0])->cap_len);
	EXPECT_EQ(NULL, zcs_next(&self->reader[1]));
	EXPECT_EQ(50, zcs_next(&self->reader[2])->cap_len);
	ASSERT_EQ(0, zcs_stats(self->reader[1].fd, &stats));
	EXPECT_EQ(10, stats.filtered);
}

/* One hoards and misses; the other sees everything. */
TEST_F(readers, each_has_its_limit)
{
	struct zcs_stats stats;
	int i;

	self->setup.limit = 64 << 10;
	ASSERT_EQ(0, zcs_reader_start(&self->reader[0], &self->setup));
	self->setup.limit = 32 << 20;
	ASSERT_EQ(0, zcs_reader_start(&self->reader[1], &self->setup));
	for (i = 0; i < NR_PACKETS; i += 50) {
		SEND(50, 1400);
		while (zcs_next(&self->reader[1]))
			;
		ASSERT_EQ(0, zcs_release(&self->reader[1]));
	}
	ASSERT_EQ(0, zcs_stats(self->reader[0].fd, &stats));
	EXPECT_LT(0, stats.missed_limit);
	EXPECT_EQ(NR_PACKETS, stats.shown + zcs_missed(&stats));
	ASSERT_EQ(0, zcs_stats(self->reader[1].fd, &stats));
	EXPECT_EQ(0, zcs_missed(&stats));
	EXPECT_EQ(NR_PACKETS, stats.shown);
}

TEST_F(readers, one_may_go_while_others_hold)
{
	const struct zcs_desc *desc;
	int i;

	for (i = 0; i < NR_READERS; i++)
		ASSERT_EQ(0, zcs_reader_start(&self->reader[i], &self->setup));
	SEND(20, 2000);
	for (i = 0; i < NR_READERS - 1; i++) {
		zcs_reader_close(&self->reader[i]);
		SEND(20, 2000);
	}
	for (i = 0; i < 20 * NR_READERS; i++) {
		desc = zcs_next(&self->reader[NR_READERS - 1]);
		ASSERT_NE(NULL, desc);
		ASSERT_EQ(2042, zcs_copy(&self->reader[NR_READERS - 1], desc,
					 one, sizeof(one)));
		EXPECT_EQ(i % 20, *(__u32 *)(one + 42));
	}
}

TEST_F(readers, one_may_be_killed_while_others_hold)
{
	struct zcs_stats stats;
	int i, status;
	pid_t pid;

	ASSERT_EQ(0, zcs_reader_start(&self->reader[0], &self->setup));
	for (i = 0; i < 10; i++) {
		int ready[2];
		char byte;

		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		if (!pid) {
			if (zcs_reader_start(&self->reader[1], &self->setup) ||
			    write(ready[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				if (zcs_next(&self->reader[1]))
					zcs_release(&self->reader[1]);
		}
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		SEND(30, 1400);
		kill(pid, SIGKILL);
		SEND(30, 1400);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		while (zcs_next(&self->reader[0]))
			;
		ASSERT_EQ(0, zcs_release(&self->reader[0]));
		close(ready[0]);
		close(ready[1]);
	}
	ASSERT_EQ(0, zcs_stats(self->reader[0].fd, &stats));
	EXPECT_EQ(600, stats.shown);
	EXPECT_EQ(0, stats.bad_releases);
}

/* Readers come and go on both processors while packets flow. */

struct comer {
	const struct zcs_setup	*setup;
	unsigned int		seed;
	int			err;
	bool			*stop;
};

static void *come_and_go(void *arg)
{
	struct comer *comer = arg;
	struct zcs_reader reader;
	unsigned int i;

	while (!__atomic_load_n(comer->stop, __ATOMIC_ACQUIRE)) {
		comer->err = zcs_reader_start(&reader, comer->setup);
		if (comer->err)
			break;
		for (i = 0; i < comer->seed % 5; i++)
			if (zcs_next(&reader) && (comer->seed & 16))
				zcs_release(&reader);
		comer->seed = comer->seed * 1664525 + 1013904223;
		zcs_reader_close(&reader);
	}
	return NULL;
}

TEST_F(readers, come_and_go_while_packets_flow)
{
	struct comer comer[3];
	pthread_t thread[3];
	bool stop = false;
	int i;

	self->setup.nr_slots = 64;
	for (i = 0; i < 3; i++) {
		comer[i] = (struct comer){
			.setup = &self->setup,
			.seed = i,
			.stop = &stop,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, come_and_go,
					    &comer[i]));
	}
	for (i = 0; i < 2 * NR_PACKETS; i++)
		SEND(1, 100 + i % 20 * 150);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
		EXPECT_EQ(0, comer[i].err);
	}
}

TEST_HARNESS_MAIN
