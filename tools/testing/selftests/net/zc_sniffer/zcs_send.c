// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: sending. What arrives is what was in the chunk, each chunk
 * comes back once, one in flight is not taken again, and a sender may die.
 *
 * Needs CONFIG_ZC_SNIFFER, CONFIG_VETH, CONFIG_NET_SCH_NETEM, CONFIG_IPV6 and
 * root. Runs in a network namespace of its own.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_ether.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_CHUNKS	64
#define CHUNK_SIZE	16384
#define MTU		9000

struct sender {
	int				fd;
	struct zcs_tx_setup		setup;
	char				*chunks;
	const struct zcs_tx_ring	*ring;
	struct zcs_tail			*tails;
	__u32				tail;
};

static int sender_open(struct sender *tx, __u32 nr_chunks, __u32 chunk_size)
{
	void *map;

	*tx = (struct sender){
		.setup = {
			.size = sizeof(tx->setup),
			.nr_chunks = nr_chunks,
			.chunk_size = chunk_size,
		},
	};
	tx->fd = zcs_open();
	if (tx->fd < 0)
		return tx->fd;
	if (ioctl(tx->fd, ZCS_IOC_TX_SETUP, &tx->setup))
		return -errno;
	map = mmap(NULL, (size_t)nr_chunks * chunk_size,
		   PROT_READ | PROT_WRITE, MAP_SHARED, tx->fd, ZCS_OFF_TX);
	if (map == MAP_FAILED)
		return -errno;
	tx->chunks = map;
	map = mmap(NULL, tx->setup.ring_size, PROT_READ, MAP_SHARED, tx->fd,
		   ZCS_OFF_TX_RING);
	if (map == MAP_FAILED)
		return -errno;
	tx->ring = map;
	map = mmap(NULL, tx->setup.tails_size, PROT_READ | PROT_WRITE,
		   MAP_SHARED, tx->fd, ZCS_OFF_TAILS);
	if (map == MAP_FAILED)
		return -errno;
	tx->tails = map;
	return 0;
}

static void sender_close(struct sender *tx)
{
	const struct zcs_tx_setup *setup = &tx->setup;

	if (tx->chunks)
		munmap(tx->chunks, (size_t)setup->nr_chunks *
		       setup->chunk_size);
	if (tx->ring)
		munmap((void *)tx->ring, setup->ring_size);
	if (tx->tails)
		munmap(tx->tails, setup->tails_size);
	if (tx->fd >= 0)
		close(tx->fd);
	*tx = (struct sender){ .fd = -1 };
}

static char *chunk_of(const struct sender *tx, unsigned int chunk)
{
	return tx->chunks + (size_t)chunk * tx->setup.chunk_size;
}

/* How many were taken, or -errno. */
static int submit(const struct sender *tx, const struct zcs_tx_desc *descs,
		  unsigned int nr)
{
	struct zcs_tx arg = {
		.size = sizeof(arg),
		.nr = nr,
		.descs = (uintptr_t)descs,
	};
	int ret = ioctl(tx->fd, ZCS_IOC_TX, &arg);

	return ret < 0 ? -errno : ret;
}

/* The next completion, waiting for it; or NULL. */
static const struct zcs_tx_done *complete(struct sender *tx)
{
	struct pollfd pfd = { .fd = tx->fd, .events = POLLOUT };
	const struct zcs_tx_done *done;

	if (tx->tail == __atomic_load_n(&tx->ring->head, __ATOMIC_ACQUIRE) &&
	    poll(&pfd, 1, ZCS_WAIT_MS) != 1)
		return NULL;
	if (tx->tail == __atomic_load_n(&tx->ring->head, __ATOMIC_ACQUIRE))
		return NULL;
	done = (const void *)((const char *)tx->ring + tx->ring->slots_off);
	done += tx->tail & (tx->ring->nr_slots - 1);
	tx->tail++;
	__atomic_store_n(&tx->tails[tx->setup.tail_index].tail, tx->tail,
			 __ATOMIC_RELEASE);
	return done;
}

static __u64 in_flight(const struct sender *tx)
{
	struct zcs_stats stats;

	return zcs_stats(tx->fd, &stats) ? ~0ULL : stats.tx_in_flight;
}

FIXTURE(send)
{
	struct sender tx;
	struct zcs_tx_desc desc;
	int tap;		/* sees what arrives at the other end */
	int ns;
};

FIXTURE_SETUP(send)
{
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	ASSERT_EQ(0, net_veth("one", "two", MTU));
	self->tap = net_tap_open("two");
	ASSERT_LE(0, self->tap);
	ASSERT_EQ(0, sender_open(&self->tx, NR_CHUNKS, CHUNK_SIZE));
	self->desc = (struct zcs_tx_desc){
		.user = 0x1122334455667788ULL,
		.len = 1000,
		.ifindex = if_nametoindex("one"),
		.mode = ZCS_TX_FRAME,
	};
}

FIXTURE_TEARDOWN(send)
{
	sender_close(&self->tx);
	close(self->tap);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

static void make_frame(void *at, unsigned int len, unsigned int seed)
{
	struct ethhdr *eth = at;

	net_pattern(at, len, seed);
	memset(eth->h_dest, 0xff, ETH_ALEN);
	memset(eth->h_source, 0x02, ETH_ALEN);
	eth->h_proto = htons(NET_ETHERTYPE);
}

/* The chunk comes back with what the descriptor said, and is like new. */
static void expect_done(struct __test_metadata *_metadata, struct sender *tx,
			const struct zcs_tx_desc *desc)
{
	const struct zcs_tx_done *done = complete(tx);

	ASSERT_NE(NULL, done);
	EXPECT_EQ(desc->user, done->user);
	EXPECT_EQ(desc->chunk, done->chunk);
}

TEST_F(send, chunks_are_zero_and_writable)
{
	unsigned int i;

	for (i = 0; i < NR_CHUNKS * CHUNK_SIZE; i += 64)
		ASSERT_EQ(0, *(__u64 *)(self->tx.chunks + i));
	memset(self->tx.chunks, 1, NR_CHUNKS * CHUNK_SIZE);
	EXPECT_EQ(NR_CHUNKS, self->tx.ring->nr_slots);
	EXPECT_EQ(0, self->tx.ring->head);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->tx.setup.ring_size,
				   PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->tx.fd, ZCS_OFF_TX_RING));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, NR_CHUNKS * CHUNK_SIZE + 4096,
				   PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->tx.fd, ZCS_OFF_TX));
}

/* All lengths around what is copied, of pages, up to the largest frame. */
TEST_F(send, frames_arrive_as_they_were)
{
	static const unsigned int lens[] = {
		14, 15, 60, 64, 127, 128, 129, 130, 200, 512, 1024, 1514, 1515,
		4095, 4096, 4097, 4224, 8192, 9000, 9013, 9014,
	};
	static const unsigned int offs[] = { 0, 1, 2, 63, 100, 4000, 4095 };
	static char got[CHUNK_SIZE];
	struct zcs_tx_desc desc = self->desc;
	unsigned int i, k, n = 0;
	char *frame;

	for (k = 0; k < ARRAY_SIZE(offs); k++) {
		for (i = 0; i < ARRAY_SIZE(lens); i++, n++) {
			desc.chunk = n % NR_CHUNKS;
			desc.off = offs[k];
			desc.len = lens[i];
			desc.user = n;
			frame = chunk_of(&self->tx, desc.chunk) + desc.off;
			make_frame(frame, desc.len, n);
			ASSERT_EQ(1, submit(&self->tx, &desc, 1)) {
				TH_LOG("%u bytes at %u", desc.len, desc.off);
			}
			ASSERT_EQ(desc.len, recv(self->tap, got, sizeof(got),
						 0));
			EXPECT_EQ(0, memcmp(got, frame, desc.len)) {
				TH_LOG("%u bytes at %u", desc.len, desc.off);
			}
			expect_done(_metadata, &self->tx, &desc);
		}
	}
	EXPECT_EQ(0, in_flight(&self->tx));
}

/* Many in one call, each comes back once. */
TEST_F(send, batches_complete_exactly_once)
{
	struct zcs_tx_desc descs[NR_CHUNKS];
	const struct zcs_tx_done *done;
	unsigned char seen[NR_CHUNKS];
	struct zcs_stats stats;
	unsigned int i, round;
	static char got[CHUNK_SIZE];

	for (round = 0; round < 20; round++) {
		for (i = 0; i < NR_CHUNKS; i++) {
			descs[i] = self->desc;
			descs[i].chunk = (i * 7 + round) % NR_CHUNKS;
			descs[i].user = round * NR_CHUNKS + i;
			descs[i].len = 100 + i * 100;
			make_frame(chunk_of(&self->tx, descs[i].chunk),
				   descs[i].len, i);
		}
		ASSERT_EQ(NR_CHUNKS, submit(&self->tx, descs, NR_CHUNKS));
		for (i = 0; i < NR_CHUNKS; i++)
			ASSERT_EQ(descs[i].len, recv(self->tap, got,
						     sizeof(got), 0));
		memset(seen, 0, sizeof(seen));
		for (i = 0; i < NR_CHUNKS; i++) {
			done = complete(&self->tx);
			ASSERT_NE(NULL, done);
			ASSERT_GT(NR_CHUNKS, done->chunk);
			EXPECT_EQ(0, seen[done->chunk]++);
			EXPECT_EQ(round, done->user / NR_CHUNKS);
		}
		EXPECT_EQ(self->tx.tail, self->tx.ring->head);
	}
	ASSERT_EQ(0, zcs_stats(self->tx.fd, &stats));
	EXPECT_EQ(20 * NR_CHUNKS, stats.tx_sent);
	EXPECT_EQ(0, stats.tx_errors);
	EXPECT_EQ(0, stats.tx_in_flight);
}

TEST_F(send, refuses_bad_descriptors)
{
	struct zcs_tx_desc desc;

#define EXPECT_BAD(error, field, value)					\
do {									\
	desc = self->desc;						\
	desc.field = (value);						\
	EXPECT_EQ(-(error), submit(&self->tx, &desc, 1)) {		\
		TH_LOG(#field " = " #value);				\
	}								\
} while (0)
	make_frame(self->tx.chunks, 1000, 1);
	EXPECT_BAD(EINVAL, chunk, NR_CHUNKS);
	EXPECT_BAD(EINVAL, chunk, ~0U);
	EXPECT_BAD(EINVAL, off, CHUNK_SIZE);
	EXPECT_BAD(EINVAL, off, CHUNK_SIZE - 999);
	EXPECT_BAD(EINVAL, off, ~0U);
	EXPECT_BAD(EINVAL, off, ~0U - 998);
	EXPECT_BAD(EINVAL, len, 0);
	EXPECT_BAD(EINVAL, len, 13);
	EXPECT_BAD(EINVAL, len, CHUNK_SIZE + 1);
	EXPECT_BAD(EINVAL, len, ~0U);
	EXPECT_BAD(EINVAL, mode, 2);
	EXPECT_BAD(EINVAL, mode, 0xffff);
	EXPECT_BAD(EINVAL, flags, 1);
	EXPECT_BAD(EINVAL, reserved, 1);
	EXPECT_BAD(ENODEV, ifindex, 4242);
	EXPECT_BAD(ENODEV, ifindex, 0);
	EXPECT_BAD(ENODEV, ifindex, ~0U);
	EXPECT_BAD(EMSGSIZE, len, MTU + 14 + 1);
	EXPECT_BAD(EMSGSIZE, len, MTU + 14 + 5);
#undef EXPECT_BAD
	EXPECT_EQ(0, in_flight(&self->tx));
	EXPECT_EQ(0, self->tx.ring->head);
	/* None of them harmed the chunk. */
	ASSERT_EQ(1, submit(&self->tx, &self->desc, 1));
	expect_done(_metadata, &self->tx, &self->desc);
}

TEST_F(send, refuses_an_interface_that_is_down)
{
	ASSERT_EQ(0, net_run("ip link set one down"));
	make_frame(self->tx.chunks, 1000, 1);
	EXPECT_EQ(-ENETDOWN, submit(&self->tx, &self->desc, 1));
	EXPECT_EQ(0, in_flight(&self->tx));
}

/* A frame may be longer by a VLAN tag if it has one. */
TEST_F(send, vlan_tag_makes_a_frame_longer)
{
	struct zcs_tx_desc desc = self->desc;
	struct ethhdr *eth = (struct ethhdr *)self->tx.chunks;

	desc.len = MTU + 14 + 4;
	make_frame(self->tx.chunks, desc.len, 3);
	EXPECT_EQ(-EMSGSIZE, submit(&self->tx, &desc, 1));
	eth->h_proto = htons(ETH_P_8021Q);
	EXPECT_EQ(1, submit(&self->tx, &desc, 1));
	expect_done(_metadata, &self->tx, &desc);
}

TEST_F(send, stops_at_the_first_bad_one)
{
	struct zcs_tx_desc descs[4];
	struct zcs_stats stats;
	int i;

	for (i = 0; i < 4; i++) {
		descs[i] = self->desc;
		descs[i].chunk = i;
		descs[i].user = i;
		make_frame(chunk_of(&self->tx, i), 1000, i);
	}
	descs[2].flags = 1;
	EXPECT_EQ(2, submit(&self->tx, descs, 4));
	expect_done(_metadata, &self->tx, &descs[0]);
	expect_done(_metadata, &self->tx, &descs[1]);
	EXPECT_EQ(-EINVAL, submit(&self->tx, &descs[2], 2));
	ASSERT_EQ(0, zcs_stats(self->tx.fd, &stats));
	EXPECT_EQ(2, stats.tx_sent);
	EXPECT_EQ(2000, stats.tx_bytes);
	EXPECT_EQ(2, stats.tx_errors);
}

TEST_F(send, checks_the_argument_of_the_call)
{
	struct zcs_tx arg = { .size = sizeof(arg), .nr = 1, .descs = 1 };

	EXPECT_EQ(0, submit(&self->tx, NULL, 0));
	EXPECT_EQ(-EFAULT, submit(&self->tx, NULL, 1));
	EXPECT_EQ(-1, ioctl(self->tx.fd, ZCS_IOC_TX, &arg));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_GT(0, submit(&self->tx, NULL, ~0U));
	arg.size = 0;
	EXPECT_EQ(-1, ioctl(self->tx.fd, ZCS_IOC_TX, &arg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->tx.fd, ZCS_IOC_TX, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(send, refuses_bad_areas)
{
	struct zcs_tx_setup good = {
		.size = sizeof(good),
		.nr_chunks = 16,
		.chunk_size = 4096,
	};
	struct zcs_tx_setup arg;
	int fd = zcs_open();

	ASSERT_LE(0, fd);
#define EXPECT_BAD(error, field, value)					\
do {									\
	arg = good;							\
	arg.field = (value);						\
	EXPECT_EQ(-1, ioctl(fd, ZCS_IOC_TX_SETUP, &arg));		\
	EXPECT_EQ(error, errno) {					\
		TH_LOG(#field " = " #value);				\
	}								\
} while (0)
	EXPECT_BAD(EINVAL, size, 0);
	EXPECT_BAD(EINVAL, size, sizeof(arg) - 1);
	EXPECT_BAD(EINVAL, flags, 1);
	EXPECT_BAD(EINVAL, reserved, 1);
	EXPECT_BAD(EINVAL, nr_chunks, 0);
	EXPECT_BAD(EINVAL, nr_chunks, 3);
	EXPECT_BAD(EINVAL, nr_chunks, ZCS_TX_CHUNKS_MAX * 2);
	EXPECT_BAD(EINVAL, nr_chunks, 1U << 31);
	EXPECT_BAD(EINVAL, nr_chunks, ~0U);
	EXPECT_BAD(EINVAL, chunk_size, 0);
	EXPECT_BAD(EINVAL, chunk_size, 2048);
	EXPECT_BAD(EINVAL, chunk_size, 5000);
	EXPECT_BAD(EINVAL, chunk_size, ZCS_TX_CHUNK_MAX * 2);
	EXPECT_BAD(EINVAL, chunk_size, 1U << 31);
#undef EXPECT_BAD
	EXPECT_EQ(-1, ioctl(fd, ZCS_IOC_TX, &good));
	arg = good;
	EXPECT_EQ(0, ioctl(fd, ZCS_IOC_TX_SETUP, &arg));
	arg = good;
	EXPECT_EQ(-1, ioctl(fd, ZCS_IOC_TX_SETUP, &arg));
	EXPECT_EQ(EBUSY, errno);
	close(fd);
}

/* === In flight =========================================================== */

#define HOLD	"tc qdisc add dev one root netem limit 10000 delay 200s"
#define LET_GO	"tc qdisc del dev one root"

TEST_F(send, chunk_in_flight_is_busy)
{
	struct zcs_tx_desc other = self->desc;

	ASSERT_EQ(0, net_run(HOLD));
	make_frame(self->tx.chunks, 1000, 1);
	ASSERT_EQ(1, submit(&self->tx, &self->desc, 1));
	EXPECT_EQ(1, in_flight(&self->tx));
	EXPECT_EQ(-EBUSY, submit(&self->tx, &self->desc, 1));
	other.off = 4096;
	EXPECT_EQ(-EBUSY, submit(&self->tx, &other, 1));
	other.chunk = 1;
	make_frame(chunk_of(&self->tx, 1) + 4096, 1000, 1);
	EXPECT_EQ(1, submit(&self->tx, &other, 1));
	EXPECT_EQ(2, in_flight(&self->tx));
	EXPECT_EQ(0, self->tx.ring->head);
	ASSERT_EQ(0, net_run(LET_GO));
	ASSERT_NE(NULL, complete(&self->tx));
	ASSERT_NE(NULL, complete(&self->tx));
	EXPECT_EQ(0, in_flight(&self->tx));
	EXPECT_EQ(1, submit(&self->tx, &self->desc, 1));
	expect_done(_metadata, &self->tx, &self->desc);
}

TEST_F(send, poll_waits_for_completions)
{
	struct pollfd pfd = { .fd = self->tx.fd, .events = POLLOUT | POLLIN };

	EXPECT_EQ(0, poll(&pfd, 1, 0));
	ASSERT_EQ(0, net_run(HOLD));
	make_frame(self->tx.chunks, 1000, 1);
	ASSERT_EQ(1, submit(&self->tx, &self->desc, 1));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	ASSERT_EQ(0, net_run(LET_GO));
	EXPECT_EQ(1, poll(&pfd, 1, ZCS_WAIT_MS));
	EXPECT_EQ(POLLOUT, pfd.revents);
	expect_done(_metadata, &self->tx, &self->desc);
	EXPECT_EQ(0, poll(&pfd, 1, 0));
}

/* Headers are the kernel's copy: writing to the chunk does not change them. */
TEST_F(send, headers_are_read_once)
{
	struct iphdr *ip = (struct iphdr *)(self->tx.chunks + 14);
	struct ethhdr *eth = (struct ethhdr *)self->tx.chunks;
	static char want[1000], got[1000];

	/* Held before the driver, changed, let go by a shorter delay. */
	ASSERT_EQ(0, net_run("tc qdisc add dev one root netem limit 100 delay 200ms"));
	make_frame(self->tx.chunks, 1000, 1);
	memcpy(want, self->tx.chunks, 1000);
	ASSERT_EQ(1, submit(&self->tx, &self->desc, 1));
	memset(ip, 0xee, 114);
	eth->h_proto = htons(ETH_P_IP);
	ASSERT_EQ(1000, recv(self->tap, got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(got, want, 128));
	EXPECT_EQ(0, memcmp(got + 128, want + 128, 1000 - 128));
	expect_done(_metadata, &self->tx, &self->desc);
}

/* The process goes, its packets are in a queue, the queue goes later. */
TEST_F(send, sender_may_die_with_chunks_in_flight)
{
	struct zcs_tx_desc descs[NR_CHUNKS];
	static char got[CHUNK_SIZE], want[CHUNK_SIZE];
	int round, i, status;
	pid_t pid;

	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, net_run("tc qdisc add dev one root netem limit 10000 delay 300ms"));
		pid = fork();
		if (!pid) {
			struct sender tx;

			if (sender_open(&tx, NR_CHUNKS, CHUNK_SIZE))
				_exit(1);
			for (i = 0; i < NR_CHUNKS; i++) {
				descs[i] = self->desc;
				descs[i].chunk = i;
				descs[i].len = 1000 + i;
				make_frame(chunk_of(&tx, i), 1000 + i, i);
			}
			if (submit(&tx, descs, NR_CHUNKS) != NR_CHUNKS)
				_exit(2);
			if (round & 1)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(round & 1 ? SIGKILL : 0, status);
		if (round < 2) {
			/* All of it arrives, after the end of its sender. */
			for (i = 0; i < NR_CHUNKS; i++) {
				make_frame(want, 1000 + i, i);
				ASSERT_EQ(1000 + i, recv(self->tap, got,
							 sizeof(got), 0));
				EXPECT_EQ(0, memcmp(got, want, 1000 + i));
			}
		}
		ASSERT_EQ(0, net_run(LET_GO));
	}
}

/* A chunk in flight and its memory live on, whatever is unmapped. */
TEST_F(send, mapping_may_go_while_in_flight)
{
	static char want[CHUNK_SIZE], got[CHUNK_SIZE];

	ASSERT_EQ(0, net_run("tc qdisc add dev one root netem limit 100 delay 200ms"));
	make_frame(self->tx.chunks, 1000, 1);
	memcpy(want, self->tx.chunks, 1000);
	ASSERT_EQ(1, submit(&self->tx, &self->desc, 1));
	sender_close(&self->tx);
	ASSERT_EQ(1000, recv(self->tap, got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(got, want, 1000));
}

TEST_F(send, interface_may_go_while_in_flight)
{
	ASSERT_EQ(0, net_run(HOLD));
	make_frame(self->tx.chunks, 1000, 1);
	ASSERT_EQ(1, submit(&self->tx, &self->desc, 1));
	ASSERT_EQ(0, net_run("ip link del one"));
	expect_done(_metadata, &self->tx, &self->desc);
	EXPECT_EQ(-ENODEV, submit(&self->tx, &self->desc, 1));
}

/* What is sent is captured like anything else: its pages are copied. */
TEST_F(send, what_is_sent_is_captured)
{
	const struct zcs_desc *desc;
	struct zcs_reader reader;
	struct zcs_setup setup;
	static char want[CHUNK_SIZE], got[ZCS_PACKET_MAX];

	zcs_defaults(&setup);
	setup.direction = ZCS_DIR_OUT;
	ASSERT_EQ(0, zcs_reader_start(&reader, &setup));
	make_frame(self->tx.chunks, 1000, 9);
	memcpy(want, self->tx.chunks, 1000);
	ASSERT_EQ(1, submit(&self->tx, &self->desc, 1));
	desc = zcs_await(&reader, NULL, NULL);
	ASSERT_NE(NULL, desc);
	expect_done(_metadata, &self->tx, &self->desc);
	/* The chunk is the sender's again; the capture is not. */
	memset(self->tx.chunks, 0, 1000);
	ASSERT_EQ(1000, zcs_copy(&reader, desc, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, want, 1000));
	EXPECT_TRUE(desc->flags & ZCS_F_COPIED);
	zcs_reader_close(&reader);
}

/* One descriptor captures and sends. */
TEST_F(send, works_beside_a_capture)
{
	struct zcs_setup setup;

	zcs_defaults(&setup);
	ASSERT_EQ(0, ioctl(self->tx.fd, ZCS_IOC_SETUP, &setup));
	EXPECT_EQ(self->tx.setup.tails_size, setup.tails_size);
	EXPECT_EQ(setup.nr_rings, self->tx.setup.tail_index);
	ASSERT_EQ(0, ioctl(self->tx.fd, ZCS_IOC_START));
	make_frame(self->tx.chunks, 1000, 1);
	ASSERT_EQ(1, submit(&self->tx, &self->desc, 1));
	EXPECT_EQ(0, zcs_settle(self->tx.fd, 2));
	expect_done(_metadata, &self->tx, &self->desc);
}

/* === IP ================================================================== */

static unsigned short sum16(const void *data, size_t len, __u32 sum)
{
	const unsigned short *word = data;

	for (; len > 1; len -= 2)
		sum += *word++;
	if (len)
		sum += *(const unsigned char *)word;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static unsigned int make_udp4(char *at, unsigned int len, unsigned int seed)
{
	struct iphdr *ip = (struct iphdr *)at;
	struct udphdr *udp = (struct udphdr *)(ip + 1);

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(28 + len),
		.saddr = htonl(INADDR_LOOPBACK),
		.daddr = htonl(INADDR_LOOPBACK),
	};
	ip->check = sum16(ip, sizeof(*ip), 0);
	*udp = (struct udphdr){
		.source = htons(9),
		.dest = htons(NET_PORT),
		.len = htons(8 + len),
	};
	net_pattern(udp + 1, len, seed);
	return 28 + len;
}

static unsigned int make_udp6(char *at, unsigned int len, unsigned int seed)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)at;
	struct udphdr *udp = (struct udphdr *)(ip + 1);

	memset(ip, 0, sizeof(*ip));
	ip->ip6_flow = htonl(6U << 28);
	ip->ip6_plen = htons(8 + len);
	ip->ip6_nxt = IPPROTO_UDP;
	ip->ip6_hlim = 64;
	ip->ip6_src = in6addr_loopback;
	ip->ip6_dst = in6addr_loopback;
	*udp = (struct udphdr){
		.source = htons(9),
		.dest = htons(NET_PORT),
		.len = htons(8 + len),
	};
	net_pattern(udp + 1, len, seed);
	udp->check = sum16(&ip->ip6_src, 40 + len,
			   htons(8 + len) + htons(IPPROTO_UDP)) ?: 0xffff;
	return 48 + len;
}

static void expect_datagrams(struct __test_metadata *_metadata,
			     FIXTURE_DATA(send) *self, int family)
{
	static const unsigned int lens[] = {
		0, 1, 63, 72, 79, 80, 81, 99, 100, 101, 128, 1000, 1472, 4000,
		4096, 8192, 16000,
	};
	static char got[CHUNK_SIZE], want[CHUNK_SIZE];
	struct zcs_tx_desc desc = self->desc;
	struct net_udp udp;
	unsigned int i;
	char *at;

	ASSERT_EQ(0, net_udp_open(&udp, family));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		desc.chunk = i;
		desc.user = i;
		desc.ifindex = 0;
		desc.mode = ZCS_TX_IP;
		at = chunk_of(&self->tx, i);
		desc.len = family == AF_INET ? make_udp4(at, lens[i], i) :
					       make_udp6(at, lens[i], i);
		ASSERT_EQ(1, submit(&self->tx, &desc, 1)) {
			TH_LOG("%u bytes", lens[i]);
		}
		ASSERT_EQ(lens[i], recv(udp.rx, got, sizeof(got), 0));
		net_pattern(want, lens[i], i);
		EXPECT_EQ(0, memcmp(got, want, lens[i])) {
			TH_LOG("%u bytes", lens[i]);
		}
		expect_done(_metadata, &self->tx, &desc);
	}
	net_udp_close(&udp);
}

TEST_F(send, ipv4_packets_are_routed)
{
	expect_datagrams(_metadata, self, AF_INET);
}

TEST_F(send, ipv6_packets_are_routed)
{
	expect_datagrams(_metadata, self, AF_INET6);
}

TEST_F(send, refuses_bad_packets)
{
	struct iphdr *ip = (struct iphdr *)self->tx.chunks;
	struct zcs_tx_desc desc = self->desc;
	int ret;

	desc.mode = ZCS_TX_IP;
	desc.ifindex = 0;
	desc.len = make_udp4(self->tx.chunks, 100, 1);
	ip->version = 5;
	EXPECT_EQ(-EINVAL, submit(&self->tx, &desc, 1));
	ip->version = 4;
	ip->ihl = 4;
	EXPECT_EQ(-EINVAL, submit(&self->tx, &desc, 1));
	ip->ihl = 5;
	desc.len = 19;
	EXPECT_EQ(-EINVAL, submit(&self->tx, &desc, 1));
	desc.len = 0;
	EXPECT_EQ(-EINVAL, submit(&self->tx, &desc, 1));
	ip->ihl = 15;
	desc.len = 40;
	EXPECT_EQ(-EINVAL, submit(&self->tx, &desc, 1));
	/* Nothing leads there. */
	desc.len = make_udp4(self->tx.chunks, 100, 1);
	ip->daddr = htonl(0x0a630001);
	ret = submit(&self->tx, &desc, 1);
	EXPECT_TRUE(ret == -ENETUNREACH || ret == -EHOSTUNREACH) {
		TH_LOG("submit says %d", ret);
	}
	make_udp6(self->tx.chunks, 100, 1);
	desc.len = 39;
	EXPECT_EQ(-EINVAL, submit(&self->tx, &desc, 1));
	desc.len = 148;
	((struct ip6_hdr *)self->tx.chunks)->ip6_dst.s6_addr[0] = 0x20;
	ret = submit(&self->tx, &desc, 1);
	EXPECT_TRUE(ret == -ENETUNREACH || ret == -EHOSTUNREACH) {
		TH_LOG("submit says %d", ret);
	}
	EXPECT_EQ(0, in_flight(&self->tx));
	EXPECT_EQ(0, self->tx.ring->head);
}

/* Longer than the way allows: the sender is told, nothing is cut. */
TEST_F(send, refuses_packets_that_do_not_fit_the_way)
{
	struct zcs_tx_desc desc = self->desc;
	struct iphdr *ip = (struct iphdr *)self->tx.chunks;

	ASSERT_EQ(0, net_run("ip addr add 10.9.0.1/24 dev one && ip link set one mtu 1500"));
	desc.mode = ZCS_TX_IP;
	desc.ifindex = 0;
	desc.len = make_udp4(self->tx.chunks, 1473, 1);
	ip->saddr = htonl(0x0a090001);
	ip->daddr = htonl(0x0a090002);
	EXPECT_EQ(-EMSGSIZE, submit(&self->tx, &desc, 1));
}

TEST_HARNESS_MAIN
