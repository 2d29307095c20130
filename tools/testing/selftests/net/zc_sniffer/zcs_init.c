// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: with init_on_free=1 on the kernel's command line, packet
 * memory is cleared by its last user: the stack, or a reader that held it. The
 * test looks at the freed memory through the reader's mapping.
 *
 * Needs CONFIG_ZC_SNIFFER, root, and that command line.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define LEN	1400
#define SECRET	"password-of-a-packet"

static char sent[LEN], received[LEN];

/* Memory of a packet, in the reader's mapping. */
struct part {
	const char	*at;
	size_t		len;
};

FIXTURE(init)
{
	struct zcs_reader reader;
	struct net_udp udp;
	int ns;
};

static bool is_asked_for(void)
{
	int fd = open("/proc/cmdline", O_RDONLY);
	char line[4096] = "";
	ssize_t n = read(fd, line, sizeof(line) - 1);

	close(fd);
	return n > 0 && strstr(line, "init_on_free=1");
}

FIXTURE_SETUP(init)
{
	struct zcs_setup setup;
	int i;

	if (!is_asked_for())
		SKIP(return, "the kernel runs without init_on_free=1");
	for (i = 0; i < LEN; i++)
		sent[i] = SECRET[i % (sizeof(SECRET) - 1)];
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
	zcs_defaults(&setup);
	setup.ifindex = if_nametoindex("lo");
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
}

FIXTURE_TEARDOWN(init)
{
	net_udp_close(&self->udp);
	zcs_reader_close(&self->reader);
	close(self->ns);
}

static bool has_secret(const struct part *part)
{
	return memmem(part->at, part->len, SECRET, sizeof(SECRET) - 1);
}

/* Find a part of a packet that has the secret and is at least LEN / 2 long. */
static bool find_secret(struct zcs_reader *reader, struct part *part)
{
	const struct zcs_desc *desc;
	const struct zcs_seg *seg;
	unsigned int i;

	while ((desc = zcs_next(reader)))
		for (i = 0; i < desc->nr_segs; i++) {
			seg = zcs_seg_of(reader, desc, i);
			part->at = reader->data + seg->chunk + seg->off;
			part->len = seg->len;
			if (seg->len >= LEN / 2 && has_secret(part))
				return true;
		}
	return false;
}

TEST_F(init, packets_freed_by_the_reader_are_cleared)
{
	struct part part;

	ASSERT_EQ(0, net_udp_send(&self->udp, sent, LEN));
	ASSERT_EQ(LEN, recv(self->udp.rx, received, LEN, 0));
	ASSERT_TRUE(find_secret(&self->reader, &part));
	ASSERT_EQ(0, zcs_release(&self->reader));
	EXPECT_FALSE(has_secret(&part));
}

TEST_F(init, packets_freed_by_the_stack_are_cleared)
{
	struct part part;

	ASSERT_EQ(0, net_udp_send(&self->udp, sent, LEN));
	ASSERT_TRUE(find_secret(&self->reader, &part));
	ASSERT_EQ(0, zcs_release(&self->reader));
	/* The packet is still in the socket's queue. */
	EXPECT_TRUE(has_secret(&part));
	ASSERT_EQ(LEN, recv(self->udp.rx, received, LEN, 0));
	EXPECT_FALSE(has_secret(&part));
}

/* Of a stream, the block is cleared when the last part of it has gone. */
TEST_F(init, blocks_of_streams_are_cleared)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int l, a, b, one = 1, i;
	socklen_t len = sizeof(addr);
	long long deadline;
	struct part part;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, bind(l, (void *)&addr, len));
	ASSERT_EQ(0, listen(l, 1));
	ASSERT_EQ(0, getsockname(l, (void *)&addr, &len));
	a = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(a, (void *)&addr, len));
	b = accept(l, NULL, NULL);
	setsockopt(a, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
	ASSERT_EQ(LEN, send(a, sent, LEN, 0));
	ASSERT_EQ(LEN, recv(b, received, LEN, MSG_WAITALL));
	ASSERT_TRUE(find_secret(&self->reader, &part));
	ASSERT_EQ(0, zcs_release(&self->reader));
	/* This task cuts from the block until it is full. */
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(LEN, send(a, received, LEN, 0));
		ASSERT_EQ(LEN, recv(b, received, LEN, MSG_WAITALL));
		memset(received, 0, LEN);
	}
	close(a);
	close(b);
	close(l);
	deadline = zcs_now_ms() + ZCS_WAIT_MS;
	while (has_secret(&part) && zcs_before_deadline(deadline)) {
		while (zcs_next(&self->reader))
			;
		ASSERT_EQ(0, zcs_release(&self->reader));
		ASSERT_EQ(0, net_run("ping -q -c 1 127.0.0.1 > /dev/null"));
	}
	EXPECT_FALSE(has_secret(&part));
}

TEST_HARNESS_MAIN
