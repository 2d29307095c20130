// SPDX-License-Identifier: GPL-2.0
/*
 * Abuse /dev/zc_sniffer: what no program does on purpose. Prints TAP.
 *
 *   zcs_abuse [-n COUNT] [-s SEED]
 *
 *   -n COUNT   random calls, and a tenth as many of everything slower (10000)
 *   -s SEED    where to begin (1)
 *
 * The same arguments make the same calls. What the calls return does not matter
 * here, only that the machine survives, that the allocator's law holds, and
 * that a well-behaved reader beside it misses nothing and sees no byte changed.
 * Needs root. Exit: 0, 1 a point failed, 2 wrong call.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>

#include "../../kselftest.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_PLACES	8
#define PACKET_LEN	1000

static unsigned int nr_calls = 10000;
static uint64_t seed = 1;
static struct net_udp udp;

/* === Chance ============================================================== */

struct chance {
	uint64_t state;
};

static uint32_t any(struct chance *chance)
{
	chance->state = chance->state * 6364136223846793005ULL +
			1442695040888963407ULL;
	return chance->state >> 33;
}

static uint32_t below(struct chance *chance, uint32_t n)
{
	return any(chance) % n;
}

/* Numbers that break things more often than others do. */
static uint64_t odd_number(struct chance *chance)
{
	static const uint64_t edge[] = {
		0, 1, 2, 15, 16, 17, 64, 255, 256, 4095, 4096, 4097, 65535,
		65536, 65537, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffffffffffff, 0xfffffffffffff000,
	};

	switch (below(chance, 3)) {
	case 0:
		return edge[below(chance, ARRAY_SIZE(edge))];
	case 1:
		return 1ULL << below(chance, 64);
	}
	return (uint64_t)any(chance) << 32 | any(chance);
}

/* === Random calls ======================================================== */

/* Descriptors and mappings that the calls stumble over. */
struct mess {
	struct chance	chance;
	int		fd[NR_PLACES];
	struct {
		void	*at;
		size_t	len;
	}		map[NR_PLACES];
};

static void fill(struct chance *chance, void *at, size_t len)
{
	unsigned char *byte = at;
	size_t i;

	for (i = 0; i < len; i++)
		byte[i] = any(chance);
}

union arg {
	struct zcs_setup	setup;
	struct zcs_filter	filter;
	struct zcs_stats	stats;
	struct zcs_tx_setup	tx_setup;
	struct zcs_tx		tx;
	uint32_t		word[1024];
};

/* Almost right: one field at most is not. */
static void almost(struct mess *mess, unsigned int nr, union arg *arg,
		   struct sock_filter *insn, struct zcs_tx_desc *desc)
{
	struct zcs_tx_setup *tx_setup = &arg->tx_setup;
	struct zcs_filter *filter = &arg->filter;
	struct zcs_setup *setup = &arg->setup;
	struct chance *chance = &mess->chance;
	struct zcs_tx *tx = &arg->tx;
	unsigned int words = 0;

	memset(arg, 0, sizeof(*arg));
	switch (nr) {
	case _IOC_NR(ZCS_IOC_SETUP):
		zcs_defaults(setup);
		setup->nr_slots = 16 << below(chance, 5);
		setup->limit = 1 << below(chance, 24);
		setup->point = below(chance, 2);
		setup->direction = below(chance, 4);
		setup->watermark = below(chance, 17);
		setup->snaplen = below(chance, 2000);
		setup->flags = setup->point ? ZCS_SETUP_ALL_NETNS : 0;
		words = sizeof(*setup) / 4;
		break;
	case _IOC_NR(ZCS_IOC_FILTER):
		*insn = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						     any(chance) & 0xffff);
		filter->size = sizeof(*filter);
		filter->kind = below(chance, 2);
		filter->link = below(chance, 2);
		filter->len = 1;
		filter->insns = (uintptr_t)insn;
		words = sizeof(*filter) / 4;
		break;
	case _IOC_NR(ZCS_IOC_STATS):
		arg->stats.size = sizeof(arg->stats);
		words = 2;
		break;
	case _IOC_NR(ZCS_IOC_TX_SETUP):
		tx_setup->size = sizeof(*tx_setup);
		tx_setup->nr_chunks = 1 << below(chance, 6);
		tx_setup->chunk_size = 4096 << below(chance, 3);
		words = sizeof(*tx_setup) / 4;
		break;
	case _IOC_NR(ZCS_IOC_TX):
		fill(chance, desc, sizeof(*desc));
		desc->chunk &= 63;
		desc->off &= 8191;
		desc->len &= 4095;
		desc->ifindex = 1 + below(chance, 3);
		desc->mode = below(chance, 2);
		desc->flags = 0;
		desc->reserved = 0;
		tx->size = sizeof(*tx);
		tx->nr = 1;
		tx->descs = (uintptr_t)desc;
		words = sizeof(*tx) / 4;
		break;
	}
	if (words && !below(chance, 3))
		arg->word[below(chance, words)] = odd_number(chance);
}

static void random_ioctl(struct mess *mess, int fd)
{
	static const unsigned long known[] = {
		ZCS_IOC_SETUP, ZCS_IOC_FILTER, ZCS_IOC_START, ZCS_IOC_STOP,
		ZCS_IOC_RELEASE, ZCS_IOC_STATS, ZCS_IOC_TX_SETUP, ZCS_IOC_TX,
	};
	struct chance *chance = &mess->chance;
	struct zcs_tx_desc desc;
	struct sock_filter insn;
	unsigned long cmd;
	union arg arg;
	unsigned int i;

	cmd = known[below(chance, ARRAY_SIZE(known))];
	switch (below(chance, 8)) {
	case 0:		/* a call of nobody's */
		cmd = any(chance);
		fill(chance, &arg, 256);
		break;
	case 1:		/* other bits than the number */
		cmd ^= 1UL << (8 + below(chance, 24));
		fill(chance, &arg, 256);
		break;
	case 2:		/* content that is noise, size that is not */
		fill(chance, &arg, sizeof(arg));
		arg.word[0] = _IOC_SIZE(cmd);
		break;
	case 3:		/* odd numbers all over, any size */
		for (i = 0; i < ARRAY_SIZE(arg.word); i++)
			arg.word[i] = odd_number(chance);
		break;
	case 4:		/* no memory */
		ioctl(fd, cmd, odd_number(chance));
		return;
	default:
		almost(mess, _IOC_NR(cmd), &arg, &insn, &desc);
	}
	ioctl(fd, cmd, &arg);
}

static void random_map(struct mess *mess, int fd)
{
	static const uint64_t area[] = {
		ZCS_OFF_RINGS, ZCS_OFF_TAILS, ZCS_OFF_TX_RING, ZCS_OFF_TX,
		ZCS_OFF_DATA,
	};
	struct chance *chance = &mess->chance;
	unsigned int i = below(chance, NR_PLACES);
	uint64_t off = area[below(chance, ARRAY_SIZE(area))];
	void *at = mess->map[i].at;
	size_t len;

	if (at) {
		switch (below(chance, 4)) {
		case 0:
			mprotect(at, mess->map[i].len, below(chance, 8));
			return;
		case 1:
			madvise(at, mess->map[i].len, below(chance, 26));
			return;
		default:
			munmap(at, mess->map[i].len);
			mess->map[i].at = NULL;
			return;
		}
	}
	if (!below(chance, 4))
		off += odd_number(chance) & ~4095ULL;
	len = below(chance, 4) ? 4096 << below(chance, 12) :
				 odd_number(chance) & 0xffffffffff;
	at = mmap(NULL, len, below(chance, 4), below(chance, 4) ? MAP_SHARED :
		  MAP_PRIVATE, fd, off);
	if (at == MAP_FAILED)
		return;
	mess->map[i].at = at;
	mess->map[i].len = len;
}

/* By system calls, so that what is not there is an error and not a signal. */
static void random_touch(struct mess *mess, int null)
{
	struct chance *chance = &mess->chance;
	unsigned int i = below(chance, NR_PLACES);
	static const char zero[4096];
	struct iovec from, to;
	size_t off;

	if (!mess->map[i].at)
		return;
	off = ((uint64_t)any(chance) << 12) % mess->map[i].len;
	if (below(chance, 2)) {
		if (write(null, (char *)mess->map[i].at + off, 64) < 0)
			return;
		return;
	}
	/* Writes to a tail, or is refused. */
	from = (struct iovec){ (void *)zero, sizeof(zero) };
	to = (struct iovec){ (char *)mess->map[i].at + (off & -4096), 4096 };
	process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

static void random_io(struct mess *mess, int fd)
{
	struct chance *chance = &mess->chance;
	struct zcs_desc desc[8];
	ssize_t len;

	switch (below(chance, 4)) {
	case 0:
		len = read(fd, desc, below(chance, sizeof(desc) + 1));
		if (len > 0 && below(chance, 2))
			len = write(fd, desc, len);
		break;
	case 1:
		fill(chance, desc, sizeof(desc));
		len = write(fd, desc, below(chance, sizeof(desc) + 1));
		break;
	case 2:
		len = read(fd, desc, sizeof(desc));
		/* A position or a processor that it has not. */
		desc[0].pos += below(chance, 3) - 1;
		desc[below(chance, 8)].cpu = below(chance, 4);
		len = write(fd, desc, sizeof(desc));
		break;
	case 3:
		len = read(fd, (void *)(uintptr_t)odd_number(chance),
			   below(chance, 4) * sizeof(*desc));
		len = write(fd, (void *)(uintptr_t)odd_number(chance),
			    below(chance, 4) * sizeof(*desc));
		break;
	}
	(void)len;
}

static void random_call(struct mess *mess, int null)
{
	struct chance *chance = &mess->chance;
	int *fd = &mess->fd[below(chance, NR_PLACES)];
	struct pollfd pfd;

	if (*fd < 0) {
		*fd = open(ZCS_DEV, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		return;
	}
	switch (below(chance, 16)) {
	case 0:
		close(*fd);
		*fd = -1;
		break;
	case 1:
		net_udp_burst(&udp, 4, 4 + below(chance, 3000));
		break;
	case 2:
		pfd = (struct pollfd){ *fd, any(chance), 0 };
		poll(&pfd, 1, 0);
		break;
	case 3:
	case 4:
		random_map(mess, *fd);
		break;
	case 5:
		random_touch(mess, null);
		break;
	case 6:
	case 7:
	case 8:
		random_io(mess, *fd);
		break;
	default:
		random_ioctl(mess, *fd);
	}
}

static void mess_begin(struct mess *mess, uint64_t begin)
{
	int i;

	*mess = (struct mess){ .chance.state = begin };
	for (i = 0; i < NR_PLACES; i++)
		mess->fd[i] = -1;
}

static void mess_end(struct mess *mess)
{
	int i;

	for (i = 0; i < NR_PLACES; i++) {
		if (mess->map[i].at)
			munmap(mess->map[i].at, mess->map[i].len);
		if (mess->fd[i] >= 0)
			close(mess->fd[i]);
	}
}

static int random_calls(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct mess mess;
	unsigned int i;

	mess_begin(&mess, seed);
	for (i = 0; i < nr_calls; i++)
		random_call(&mess, null);
	mess_end(&mess);
	close(null);
	return 0;
}

/* Two processes at once, on descriptors that they share. */
static int random_calls_race(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), status, bad = 0;
	pid_t pid[2];
	struct mess mess;
	unsigned int i, k;

	mess_begin(&mess, seed + 1);
	for (i = 0; i < NR_PLACES; i++)
		mess.fd[i] = open(ZCS_DEV, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	for (k = 0; k < 2; k++) {
		pid[k] = fork();
		if (pid[k])
			continue;
		mess.chance.state += k;
		for (i = 0; i < nr_calls / 2; i++)
			random_call(&mess, null);
		_exit(0);
	}
	for (k = 0; k < 2; k++)
		if (waitpid(pid[k], &status, 0) != pid[k] || status)
			bad = 1;
	mess_end(&mess);
	close(null);
	return bad;
}

/* === Racing readers ====================================================== */

struct racer {
	struct zcs_reader	*reader;
	struct chance		chance;
	bool			stop;
};

static void *release_garbage(void *arg)
{
	struct racer *racer = arg;
	struct zcs_reader *reader = racer->reader;
	struct chance *chance = &racer->chance;
	unsigned int ring;
	__u32 tail;

	while (!__atomic_load_n(&racer->stop, __ATOMIC_ACQUIRE)) {
		ring = below(chance, reader->setup.nr_rings);
		switch (below(chance, 4)) {
		case 0:
			tail = any(chance);
			break;
		case 1:
			tail = zcs_head(reader, ring) + below(chance, 5) - 2;
			break;
		case 2:
			tail = zcs_head(reader, ring) - below(chance, 64);
			break;
		default:
			tail = reader->tails[ring].tail + 1;
		}
		__atomic_store_n(&reader->tails[ring].tail, tail,
				 __ATOMIC_RELEASE);
		if (!below(chance, 8))
			ioctl(reader->fd, ZCS_IOC_RELEASE);
		if (!below(chance, 64)) {
			ioctl(reader->fd, ZCS_IOC_STOP);
			ioctl(reader->fd, ZCS_IOC_START);
		}
	}
	return NULL;
}

/*
 * Two threads give garbage back in the same rings while packets flow; beside
 * them a reader that does as it should.
 */
static int readers_race(void)
{
	static char packet[ZCS_PACKET_MAX], sent[PACKET_LEN];
	struct zcs_reader victim, honest;
	const struct zcs_desc *desc;
	struct racer racer[2];
	struct zcs_setup setup;
	struct zcs_stats stats;
	unsigned int i, n = nr_calls / 10, seen = 0, wrong = 0;
	pthread_t thread[2];

	zcs_defaults(&setup);
	if (zcs_reader_start(&honest, &setup))
		return 1;
	setup.nr_slots = 64;
	setup.limit = 256 << 10;
	if (zcs_reader_start(&victim, &setup))
		return 1;
	for (i = 0; i < 2; i++) {
		racer[i] = (struct racer){
			.reader = &victim,
			.chance.state = seed + i,
		};
		pthread_create(&thread[i], NULL, release_garbage, &racer[i]);
	}
	net_pattern(sent, sizeof(sent), seed);
	for (i = 0; i < n; i++) {
		if (net_udp_send(&udp, sent, sizeof(sent)) ||
		    net_udp_drain(&udp, 1))
			return 1;
		while ((desc = zcs_next(&honest))) {
			seen++;
			if (zcs_copy(&honest, desc, packet, sizeof(packet)) !=
			    42 + PACKET_LEN ||
			    memcmp(packet + 42, sent, PACKET_LEN))
				wrong++;
		}
		zcs_release(&honest);
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&racer[i].stop, true, __ATOMIC_RELEASE);
		pthread_join(thread[i], NULL);
	}
	while (zcs_next(&honest))
		seen++;
	zcs_stats(victim.fd, &stats);
	ksft_print_msg("%llu bad releases were refused\n", stats.bad_releases);
	if (seen != n || wrong || !stats.bad_releases)
		ksft_print_msg("beside them %u of %u seen, %u wrong\n", seen,
			       n, wrong);
	zcs_reader_close(&victim);
	zcs_reader_close(&honest);
	return seen != n || wrong || !stats.bad_releases;
}

/* === Writers race ======================================================== */

struct writer {
	int		fd;
	struct chance	chance;
	bool		stop;
};

static void *write_garbage(void *arg)
{
	struct writer *writer = arg;
	struct zcs_desc desc[16];
	ssize_t len;

	while (!__atomic_load_n(&writer->stop, __ATOMIC_ACQUIRE)) {
		len = read(writer->fd, desc, sizeof(desc));
		if (len <= 0) {
			memset(desc, 0, sizeof(desc));
			len = sizeof(desc);
		}
		if (below(&writer->chance, 2))
			desc[0].pos += below(&writer->chance, 9) - 4;
		/* Twice, so that the second time is wrong. */
		len = write(writer->fd, desc, len > 0 ? len : 0);
		len = write(writer->fd, desc, sizeof(desc));
	}
	return NULL;
}

static int writers_race(void)
{
	struct writer writer[3];
	struct zcs_setup setup;
	struct zcs_stats stats;
	struct zcs_reader reader;
	pthread_t thread[3];
	unsigned int i;

	zcs_defaults(&setup);
	setup.nr_slots = 64;
	if (zcs_reader_open(&reader, &setup) ||
	    fcntl(reader.fd, F_SETFL, O_NONBLOCK) ||
	    ioctl(reader.fd, ZCS_IOC_START))
		return 1;
	for (i = 0; i < 3; i++) {
		writer[i] = (struct writer){
			.fd = reader.fd,
			.chance.state = seed + i,
		};
		pthread_create(&thread[i], NULL, write_garbage, &writer[i]);
	}
	for (i = 0; i < nr_calls / 10; i++)
		if (net_udp_burst(&udp, 1, PACKET_LEN) ||
		    net_udp_drain(&udp, 1))
			return 1;
	for (i = 0; i < 3; i++) {
		__atomic_store_n(&writer[i].stop, true, __ATOMIC_RELEASE);
		pthread_join(thread[i], NULL);
	}
	zcs_stats(reader.fd, &stats);
	ksft_print_msg("%llu bad releases were refused\n", stats.bad_releases);
	zcs_reader_close(&reader);
	return !stats.bad_releases ||
	       stats.passed != stats.shown + zcs_missed(&stats);
}

/* === Running ============================================================= */

static const struct {
	const char	*name;
	int		(*run)(void);
} points[] = {
	{ "random_calls", random_calls },
	{ "random_calls_race", random_calls_race },
	{ "readers_race", readers_race },
	{ "writers_race", writers_race },
};

int main(int argc, char **argv)
{
	int opt, ns;
	unsigned int i;

	while ((opt = getopt(argc, argv, "n:s:h")) != -1) {
		switch (opt) {
		case 'n':
			nr_calls = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: zcs_abuse [-n COUNT] [-s SEED]\n");
			return 2;
		}
	}
	if (nr_calls < 10) {
		fprintf(stderr, "zcs_abuse: COUNT is at least 10\n");
		return 2;
	}
	ksft_print_header();
	ns = net_ns_new();
	if (ns < 0 || net_veth("one", "two", 9000) ||
	    net_udp_open(&udp, AF_INET))
		ksft_exit_fail_msg("no network: root is needed\n");
	ksft_set_plan(ARRAY_SIZE(points));
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		int bad = points[i].run();

		if (zcs_nothing_is_held())
			bad = 1;
		ksft_test_result(!bad, "%s\n", points[i].name);
	}
	net_udp_close(&udp);
	close(ns);
	ksft_finished();
}
