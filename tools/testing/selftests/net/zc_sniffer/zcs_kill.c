// SPDX-License-Identifier: GPL-2.0
/*
 * Kill readers and senders of /dev/zc_sniffer at random moments. Prints TAP.
 *
 *   zcs_kill [-n COUNT] [-s SEED]
 *
 *   -n COUNT   how many to kill, of each kind (100)
 *   -s SEED    where to begin (1)
 *
 * A victim counts its steps, of which there are many kinds, in shared memory,
 * and is killed after a random number of them, wherever that is. After each,
 * the allocator is asked whether its law holds and nobody holds anything, and
 * the packets that flowed meanwhile must all have arrived.
 * Needs root. Exit: 0, 1 a point failed, 2 wrong call.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_ether.h>

#include "../../kselftest.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_BURST	16
#define MAX_STEPS	400

static unsigned int nr_kills = 100;
static unsigned int seed = 1;
static struct net_udp udp;

/* In memory that victim and killer share. */
static volatile unsigned int *steps;

static void step(void)
{
	++*steps;
}

/* === Victims: endless ==================================================== */

static void victim_mapped(unsigned int chance)
{
	static char packet[ZCS_PACKET_MAX];
	const struct zcs_desc *desc;
	struct zcs_reader reader;
	struct zcs_setup setup;
	unsigned int i;

	zcs_defaults(&setup);
	setup.nr_slots = 64;
	if (chance & 1) {
		setup.point = ZCS_POINT_FREE;
		setup.flags = ZCS_SETUP_ALL_NETNS;
	}
	for (;;) {
		if (zcs_reader_open(&reader, &setup))
			_exit(1);
		step();
		if (zcs_reader_map(&reader))
			_exit(1);
		step();
		if (ioctl(reader.fd, ZCS_IOC_START))
			_exit(1);
		step();
		for (i = 0; i < 50 + chance % 50; i++) {
			while ((desc = zcs_next(&reader))) {
				zcs_copy(&reader, desc, packet, sizeof(packet));
				step();
			}
			if (chance & 2)
				zcs_release(&reader);
			step();
			sched_yield();
		}
		zcs_reader_close(&reader);
		step();
	}
}

static void victim_read(unsigned int chance)
{
	struct zcs_desc desc[64];
	struct zcs_reader reader;
	struct zcs_setup setup;
	struct pollfd pfd;
	ssize_t len;

	zcs_defaults(&setup);
	setup.nr_slots = 64;
	for (;;) {
		if (zcs_reader_open(&reader, &setup) ||
		    ioctl(reader.fd, ZCS_IOC_START))
			_exit(1);
		step();
		while (*steps % (20 + chance % 50)) {
			pfd = (struct pollfd){ .fd = reader.fd,
					       .events = POLLIN };
			poll(&pfd, 1, 1);
			step();
			if (!(pfd.revents & POLLIN))
				continue;
			len = read(reader.fd, desc, sizeof(desc));
			step();
			if (len > 0 && chance & 4)
				len = write(reader.fd, desc, len);
			step();
		}
		zcs_reader_close(&reader);
		step();
	}
}

static void victim_send(unsigned int chance)
{
	struct zcs_tx_setup setup;
	struct zcs_tx_desc desc = { .len = 1000 };
	struct zcs_tx tx = { .size = sizeof(tx), .nr = 1 };
	struct ethhdr *eth;
	unsigned int i;
	char *chunks;
	int fd;

	tx.descs = (uintptr_t)&desc;
	desc.ifindex = if_nametoindex("one");
	for (;;) {
		setup = (struct zcs_tx_setup){
			.size = sizeof(setup),
			.nr_chunks = 32,
			.chunk_size = 4096,
		};
		fd = zcs_open();
		step();
		if (fd < 0 || ioctl(fd, ZCS_IOC_TX_SETUP, &setup))
			_exit(1);
		step();
		chunks = mmap(NULL, 32 * 4096, PROT_READ | PROT_WRITE,
			      MAP_SHARED, fd, ZCS_OFF_TX);
		if (chunks == MAP_FAILED)
			_exit(1);
		for (i = 0; i < 64; i++) {
			eth = (struct ethhdr *)(chunks + i % 32 * 4096);
			memset(eth->h_dest, 0xff, ETH_ALEN);
			eth->h_proto = htons(NET_ETHERTYPE);
			step();
			desc.chunk = i % 32;
			desc.user = i;
			/* The second time round, most are in flight. */
			ioctl(fd, ZCS_IOC_TX, &tx);
			step();
		}
		if (chance & 1)
			munmap(chunks, 32 * 4096);
		close(fd);
		if (!(chance & 1))
			munmap(chunks, 32 * 4096);
		step();
	}
}

/* === The killer ========================================================== */

static unsigned int next(unsigned int *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* One victim, traffic meanwhile. */
static int kill_one(void (*victim)(unsigned int), unsigned int *state)
{
	unsigned int after = next(state) % MAX_STEPS, chance = next(state);
	long long deadline = zcs_now_ms() + ZCS_WAIT_MS;
	int status, bad = 0;
	pid_t pid;

	*steps = 0;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		victim(chance);
	}
	do {
		if (net_udp_burst(&udp, NR_BURST, 40 + chance % 3000) ||
		    net_udp_drain(&udp, NR_BURST)) {
			ksft_print_msg("packets did not arrive\n");
			bad = 1;
			break;
		}
		if (waitpid(pid, &status, WNOHANG) == pid) {
			ksft_print_msg("the victim ended by itself: %#x\n",
				       status);
			return 1;
		}
	} while (*steps < after && zcs_now_ms() < deadline);
	if (*steps < after) {
		ksft_print_msg("%u of %u steps\n", *steps, after);
		bad = 1;
	}
	kill(pid, SIGKILL);
	/* While it dies. */
	net_udp_burst(&udp, NR_BURST, 40 + chance % 3000);
	waitpid(pid, &status, 0);
	net_udp_drain(&udp, NR_BURST);
	if (zcs_nothing_is_held())
		bad = 1;
	if (bad)
		ksft_print_msg("after %u steps, chance %#x\n", after, chance);
	return bad;
}

static int kill_many(void (*victim)(unsigned int))
{
	unsigned int state = seed, i;

	for (i = 0; i < nr_kills; i++)
		if (kill_one(victim, &state)) {
			ksft_print_msg("kill %u of %u\n", i + 1, nr_kills);
			return 1;
		}
	return 0;
}

static int kill_readers(void)
{
	return kill_many(victim_mapped);
}

static int kill_readers_that_read(void)
{
	return kill_many(victim_read);
}

static int kill_senders(void)
{
	return kill_many(victim_send);
}

/* Chunks wait in a queue when their sender goes. */
static int kill_senders_with_packets_in_flight(void)
{
	int bad;

	if (net_run("tc qdisc add dev one root netem limit 1000 delay 50ms"))
		return 1;
	bad = kill_many(victim_send);
	return net_run("tc qdisc del dev one root") || bad;
}

static const struct {
	const char	*name;
	int		(*run)(void);
} points[] = {
	{ "kill_readers", kill_readers },
	{ "kill_readers_that_read", kill_readers_that_read },
	{ "kill_senders", kill_senders },
	{ "kill_senders_with_packets_in_flight",
	  kill_senders_with_packets_in_flight },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int opt, ns;

	while ((opt = getopt(argc, argv, "n:s:h")) != -1) {
		switch (opt) {
		case 'n':
			nr_kills = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: zcs_kill [-n COUNT] [-s SEED]\n");
			return 2;
		}
	}
	if (!nr_kills) {
		fprintf(stderr, "zcs_kill: COUNT is at least 1\n");
		return 2;
	}
	ksft_print_header();
	ns = net_ns_new();
	steps = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ns < 0 || steps == MAP_FAILED || net_veth("one", "two", 1500) ||
	    net_udp_open(&udp, AF_INET))
		ksft_exit_fail_msg("no network: root is needed\n");
	ksft_set_plan(ARRAY_SIZE(points));
	for (i = 0; i < ARRAY_SIZE(points); i++)
		ksft_test_result(!points[i].run(), "%s\n", points[i].name);
	net_udp_close(&udp);
	close(ns);
	ksft_finished();
}
