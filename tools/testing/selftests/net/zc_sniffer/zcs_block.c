// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: blocks that stream data and packet heads of tun share.
 *
 * A task cuts the data that it sends from a block of the allocator. tun cuts
 * packet heads from the same block, and frees them with another function.
 * Whichever reference is dropped last, the block must go back to the allocator.
 * If it went to the page allocator instead, a reader's mapping would show the
 * data of the next user of the pages.
 *
 * Needs CONFIG_ZC_SNIFFER, CONFIG_TUN and root.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_BLOCKS	8
#define STREAM		3000	/* bytes that a task sends from a block */
#define PAYLOAD		40	/* bytes of the datagram in its frame */

FIXTURE(block)
{
	struct zcs_reader reader;
	int ns;
	int tap;
	int rx;			/* socket that receives the frames */
	int listener;
	struct sockaddr_in addr;
};

FIXTURE_SETUP(block)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	socklen_t len = sizeof(self->addr);
	struct zcs_setup setup;

	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	self->tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->tap) TH_LOG("no /dev/net/tun: CONFIG_TUN is needed");
	strcpy(ifr.ifr_name, "tap0");
	ASSERT_EQ(0, ioctl(self->tap, TUNSETIFF, &ifr));
	ASSERT_EQ(0, net_run("ip link set tap0 address 02:00:00:00:00:01 up"));
	ASSERT_EQ(0, net_run("ip addr add 10.9.9.1/24 dev tap0"));

	self->rx = socket(AF_INET, SOCK_DGRAM, 0);
	self->addr.sin_family = AF_INET;
	self->addr.sin_port = htons(NET_PORT);
	ASSERT_EQ(0, bind(self->rx, (void *)&self->addr, len));

	self->listener = socket(AF_INET, SOCK_STREAM, 0);
	self->addr.sin_port = 0;
	self->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, bind(self->listener, (void *)&self->addr, len));
	ASSERT_EQ(0, listen(self->listener, NR_BLOCKS));
	ASSERT_EQ(0, getsockname(self->listener, (void *)&self->addr, &len));

	/* With a reader, streams are cut from blocks, and stay held. */
	zcs_defaults(&setup);
	setup.ifindex = if_nametoindex("lo");
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
}

FIXTURE_TEARDOWN(block)
{
	zcs_reader_close(&self->reader);
	close(self->rx);
	close(self->listener);
	close(self->tap);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

/* A counter of the allocator, of all processors; -1 without it. */
static long long counter(const char *name)
{
	/* It is in the first namespace only. */
	FILE *file = fopen("/proc/1/net/stat/nta", "r");
	char line[4096], *at, *end;
	long long sum = -1;

	while (file && fgets(line, sizeof(line), file)) {
		at = line + strlen(name);
		if (strncmp(line, name, strlen(name)) || *at != ' ')
			continue;
		for (sum = 0;; at = end) {
			long long nr = strtoll(at, &end, 10);

			if (end == at)
				break;
			sum += nr;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

static unsigned short ip_sum(const unsigned char *header)
{
	unsigned int sum = 0, i;

	for (i = 0; i < 20; i += 2)
		sum += header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* A datagram from the other side of the wire, for the receiver. */
static size_t make_frame(unsigned char *frame)
{
	static const unsigned char start[] = {
		2, 0, 0, 0, 0, 1,  2, 0, 0, 0, 0, 2,  8, 0,
		0x45, 0, 0, 28 + PAYLOAD, 0, 0, 0, 0, 64, IPPROTO_UDP, 0, 0,
		10, 9, 9, 2,  10, 9, 9, 1,
		0x10, 0, NET_PORT >> 8, NET_PORT & 0xff, 0, 8 + PAYLOAD, 0, 0,
	};
	unsigned short sum;

	memcpy(frame, start, sizeof(start));
	memset(frame + sizeof(start), 'U', PAYLOAD);
	sum = ip_sum(frame + 14);
	frame[24] = sum >> 8;
	frame[25] = sum & 0xff;
	return sizeof(start) + PAYLOAD;
}

/* A process that cuts a stream and a frame from one block, and ends. */
static int cut_and_exit(const struct sockaddr_in *addr, int tap)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	char stream[STREAM];
	unsigned char frame[128];
	size_t len = make_frame(frame);

	memset(stream, 'T', sizeof(stream));
	return connect(s, (const void *)addr, sizeof(*addr)) ||
	       write(s, stream, sizeof(stream)) != sizeof(stream) ||
	       write(tap, frame, len) != (ssize_t)len;
}

static int receive(int listener, size_t want)
{
	int s = accept(listener, NULL, NULL);
	char buf[STREAM];
	ssize_t n = 1;

	for (; want && n > 0; want -= n) {
		n = read(s, buf, sizeof(buf));
		if (n <= 0)
			break;
	}
	close(s);
	return want ? -1 : 0;
}

/*
 * The stream has been received, its task has ended, and the reader has released
 * the packets. Only the frames still refer to the blocks. They are freed last.
 */
TEST_F(block, frames_of_tun_give_blocks_back)
{
	long long allocs = counter("block_allocs");
	long long frees = counter("block_frees");
	long long deadline;
	int i, status;
	char buf[256];
	pid_t pid;

	ASSERT_LE(0, allocs);
	for (i = 0; i < NR_BLOCKS; i++) {
		pid = fork();
		if (!pid)
			_exit(cut_and_exit(&self->addr, self->tap));
		ASSERT_EQ(0, receive(self->listener, STREAM));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status);
	}
	while (zcs_next(&self->reader))
		;
	ASSERT_EQ(0, zcs_release(&self->reader));
	EXPECT_LE(allocs + NR_BLOCKS, counter("block_allocs"));

	for (i = 0; i < NR_BLOCKS; i++) {
		ASSERT_EQ(PAYLOAD, recv(self->rx, buf, sizeof(buf), 0));
		EXPECT_EQ('U', buf[0]);
	}
	/* Pings trigger the outstanding acknowledgements and delayed frees. */
	deadline = zcs_now_ms() + ZCS_WAIT_MS;
	while (counter("block_allocs") - allocs !=
	       counter("block_frees") - frees && zcs_before_deadline(deadline))
		ASSERT_EQ(0, net_run("ping -q -c 1 127.0.0.1 > /dev/null"));
	EXPECT_EQ(counter("block_allocs") - allocs,
		  counter("block_frees") - frees);
}

TEST_HARNESS_MAIN
