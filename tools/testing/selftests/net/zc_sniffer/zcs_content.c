// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: what is shown is what passed, byte for byte: datagrams of
 * all sizes over loopback and a wire, pages of files, headers that the stack
 * changes afterwards.
 *
 * Needs CONFIG_ZC_SNIFFER, CONFIG_VETH, CONFIG_IPV6 and root. Runs in network
 * namespaces of its own.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define LEN_MAX	65000

static char sent[1 << 20], packet[ZCS_PACKET_MAX], wire[ZCS_PACKET_MAX];

/* Sizes around everything that has a size: snapshot, chunk, page, block. */
static unsigned int next_len(unsigned int len)
{
	static const unsigned int edge[] = {
		64, 128, 256, 512, 1024, 1472, 2048, 4096, 8192, 16384, 32768,
		65000,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(edge); i++)
		if (len + 48 >= edge[i] && len <= edge[i] + 8)
			return len + 1;
	return len + len / 8 + 1;
}

FIXTURE(content)
{
	struct zcs_reader reader;
	struct net_udp udp;
	int tap;
	int ns;
};

FIXTURE_VARIANT(content)
{
	int family;
	unsigned int headers;
};

FIXTURE_VARIANT_ADD(content, ipv4)
{
	.family = AF_INET,
	.headers = 14 + 20 + 8,
};

FIXTURE_VARIANT_ADD(content, ipv6)
{
	.family = AF_INET6,
	.headers = 14 + 40 + 8,
};

FIXTURE_SETUP(content)
{
	struct zcs_setup setup;

	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	ASSERT_EQ(0, net_udp_open(&self->udp, variant->family));
	self->tap = net_tap_open("lo");
	ASSERT_LE(0, self->tap);
	zcs_defaults(&setup);
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
}

FIXTURE_TEARDOWN(content)
{
	net_udp_close(&self->udp);
	close(self->tap);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

/* The next packet that a packet socket saw on receive; its length. */
static ssize_t next_tapped(int tap)
{
	struct sockaddr_ll {
		unsigned short	family, protocol;
		int		ifindex;
		unsigned short	hatype;
		unsigned char	pkttype, halen, addr[8];
	} from;
	socklen_t size = sizeof(from);
	ssize_t len;

	do {
		size = sizeof(from);
		len = recvfrom(tap, wire, sizeof(wire), 0,
			       (struct sockaddr *)&from, &size);
	} while (len >= 0 && from.pkttype == 4 /* PACKET_OUTGOING */);
	return len;
}

/* Compared with the payload, and with all that a packet socket saw. */
TEST_F(content, datagrams_of_all_sizes)
{
	const struct zcs_desc *desc;
	unsigned int len, n = 0;
	int got;

	for (len = 1; len <= LEN_MAX; len = next_len(len), n++) {
		net_pattern(sent, len, len);
		ASSERT_EQ(0, net_udp_send(&self->udp, sent, len));
		desc = zcs_await(&self->reader, NULL, NULL);
		ASSERT_NE(NULL, desc) TH_LOG("%u bytes", len);
		got = zcs_copy(&self->reader, desc, packet, sizeof(packet));
		ASSERT_EQ(variant->headers + len, got) TH_LOG("%u bytes", len);
		ASSERT_EQ(0, memcmp(packet + variant->headers, sent, len)) {
			TH_LOG("payload of %u bytes", len);
		}
		ASSERT_EQ(got, next_tapped(self->tap));
		ASSERT_EQ(0, memcmp(packet, wire, got)) {
			TH_LOG("packet of %u bytes", len);
		}
		EXPECT_EQ(got, desc->wire_len);
		EXPECT_EQ(14, desc->net_off);
		EXPECT_FALSE(desc->flags & ZCS_F_TRUNC);
		EXPECT_EQ(got <= ZCS_HEAD_LEN, !!(desc->flags & ZCS_F_INLINE));
		/* Still so after the stack has freed it. */
		ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
		EXPECT_EQ(got, zcs_copy(&self->reader, desc, wire,
					sizeof(wire)));
		EXPECT_EQ(0, memcmp(packet, wire, got));
		ASSERT_EQ(0, zcs_release(&self->reader));
	}
	TH_LOG("%u sizes", n);
}

/* Held while the stack frees it, allocates again and writes anew. */
TEST_F(content, held_packets_do_not_change)
{
	const struct zcs_desc *desc[100];
	unsigned int i, round, len;

	for (i = 0; i < 100; i++) {
		len = 200 + i * 83;
		net_pattern(sent, len, i);
		ASSERT_EQ(0, net_udp_send(&self->udp, sent, len));
		ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
		desc[i] = zcs_await(&self->reader, NULL, NULL);
		ASSERT_NE(NULL, desc[i]);
	}
	ASSERT_EQ(0, ioctl(self->reader.fd, ZCS_IOC_STOP));
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 100; i++) {
			net_pattern(sent, 9000, 1000 + i);
			ASSERT_EQ(0, net_udp_send(&self->udp, sent,
						  200 + i * 83));
		}
		ASSERT_EQ(0, net_udp_drain(&self->udp, 100));
	}
	for (i = 0; i < 100; i++) {
		len = 200 + i * 83;
		net_pattern(sent, len, i);
		ASSERT_EQ(variant->headers + len,
			  zcs_copy(&self->reader, desc[i], packet,
				   sizeof(packet)));
		EXPECT_EQ(0, memcmp(packet + variant->headers, sent, len)) {
			TH_LOG("packet %u of %u bytes", i, len);
		}
	}
}

TEST_F(content, snap_length_cuts_anywhere)
{
	static const __u32 lens[] = {
		1, 13, 14, 15, 42, 127, 128, 129, 130, 1000, 4095, 4096, 4097,
		32767, 32768, 32769, 40000, 64999,
	};
	const struct zcs_desc *desc;
	struct zcs_setup setup;
	unsigned int i;
	int got;

	net_pattern(sent, 60000, 5);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		zcs_reader_close(&self->reader);
		zcs_defaults(&setup);
		setup.snaplen = lens[i];
		ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
		ASSERT_EQ(0, net_udp_send(&self->udp, sent, 60000));
		ASSERT_EQ(0, net_udp_drain(&self->udp, 1));
		desc = zcs_await(&self->reader, NULL, NULL);
		ASSERT_NE(NULL, desc);
		EXPECT_EQ(60000 + variant->headers, desc->wire_len);
		got = zcs_copy(&self->reader, desc, packet, sizeof(packet));
		if (lens[i] < desc->wire_len)
			ASSERT_EQ(lens[i], got);
		EXPECT_EQ(got < desc->wire_len, !!(desc->flags & ZCS_F_TRUNC));
		ASSERT_EQ(60000 + variant->headers, next_tapped(self->tap));
		EXPECT_EQ(0, memcmp(packet, wire, got)) {
			TH_LOG("snap length %u", lens[i]);
		}
	}
}

/* === TCP ================================================================= */

/* Bytes of the stream that one packet carries; where they begin. */
static const char *tcp_payload(const struct zcs_desc *desc, unsigned int len,
			       unsigned int *payload_len)
{
	const struct tcphdr *tcp;
	unsigned int at = 14;

	if (desc->protocol == htons(ETH_P_IP))
		at += 4 * (packet[14] & 15);
	else
		at += sizeof(struct ip6_hdr);
	tcp = (const void *)(packet + at);
	at += 4 * tcp->doff;
	*payload_len = len - at;
	return packet + at;
}

struct transfer {
	int	listener;
	size_t	received;
	char	*data;
};

static void *receive_all(void *arg)
{
	struct transfer *transfer = arg;
	int fd = accept(transfer->listener, NULL, NULL);
	ssize_t n;

	while ((n = recv(fd, transfer->data + transfer->received,
			 sizeof(sent) - transfer->received, 0)) > 0)
		transfer->received += n;
	close(fd);
	return NULL;
}

/* The stream put together from what was shown: all of it, in its order. */
static void check_stream(struct __test_metadata *_metadata,
			 struct zcs_reader *reader, int listener, int file)
{
	static char stream[sizeof(sent)], data[sizeof(sent)];
	struct transfer transfer = { .listener = listener, .data = data };
	unsigned int payload_len, first = 0, gso = 0;
	const struct zcs_desc *desc;
	const struct tcphdr *tcp;
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);
	struct zcs_stats stats;
	const char *payload;
	bool have = false;
	size_t covered = 0;
	pthread_t thread;
	off_t from = 0;
	int fd, len;

	/* One ring: the packets of both ways in their order. */
	ASSERT_EQ(0, net_pin(0));
	/* Small enough for several segments in one packet. */
	ASSERT_EQ(0, net_run("ip link set lo mtu 4000"));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&addr, &size));
	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_all, &transfer));
	fd = socket(addr.ss_family, SOCK_STREAM, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&addr, size));
	if (file >= 0) {
		while (from < (off_t)sizeof(sent))
			ASSERT_LT(0, sendfile(fd, file, &from,
					      sizeof(sent) - from));
	} else {
		ASSERT_EQ(sizeof(sent), send(fd, sent, sizeof(sent), 0));
	}
	close(fd);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(sizeof(sent), transfer.received);
	ASSERT_EQ(0, memcmp(sent, data, sizeof(sent)));

	while ((desc = zcs_next(reader))) {
		len = zcs_copy(reader, desc, packet, sizeof(packet));
		ASSERT_LT(0, len);
		payload = tcp_payload(desc, len, &payload_len);
		tcp = (const void *)(payload - 4 *
			((const struct tcphdr *)(packet + 14 +
			 (desc->protocol == htons(ETH_P_IP) ? 20 : 40)))->doff);
		if (tcp->syn && !tcp->ack) {
			first = ntohl(tcp->seq) + 1;
			have = true;
		}
		gso += !!(desc->flags & ZCS_F_GSO);
		if (!payload_len)
			continue;
		ASSERT_TRUE(have);
		ASSERT_GE(sizeof(sent), ntohl(tcp->seq) - first + payload_len);
		memcpy(stream + ntohl(tcp->seq) - first, payload, payload_len);
		covered += payload_len;
	}
	ASSERT_EQ(0, zcs_stats(reader->fd, &stats));
	EXPECT_EQ(0, zcs_missed(&stats));
	EXPECT_LE(sizeof(sent), covered);
	EXPECT_EQ(0, memcmp(sent, stream, sizeof(sent)));
	EXPECT_LT(0, gso);
	TH_LOG("%llu packets, %llu with %llu bytes copied", stats.shown,
	       stats.copied_packets, stats.copied_bytes);
}

static int tcp_listener(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	return listen(fd, 1) ? -1 : fd;
}

TEST_F(content, stream_of_tcp)
{
	int listener = tcp_listener(variant->family);

	ASSERT_LE(0, listener);
	net_pattern(sent, sizeof(sent), 11);
	check_stream(_metadata, &self->reader, listener, -1);
	close(listener);
}

/* Pages of a file, which are not the allocator's: copied, and counted. */
TEST_F(content, stream_of_sendfile)
{
	int listener = tcp_listener(variant->family);
	int file = memfd_create("sent", MFD_CLOEXEC);
	struct zcs_stats stats;

	ASSERT_LE(0, listener);
	ASSERT_LE(0, file);
	net_pattern(sent, sizeof(sent), 12);
	ASSERT_EQ(sizeof(sent), write(file, sent, sizeof(sent)));
	check_stream(_metadata, &self->reader, listener, file);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	/* But for segments that fit into a descriptor. */
	EXPECT_LE(sizeof(sent) - stats.shown * ZCS_HEAD_LEN,
		  stats.copied_bytes);
	EXPECT_LT(0, stats.copied_packets);
	close(listener);
	close(file);
}

/* What the file becomes afterwards is not what was sent. */
TEST_F(content, copied_parts_do_not_change)
{
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);
	const struct zcs_desc *desc;
	int file = memfd_create("sent", MFD_CLOEXEC);
	int listener = tcp_listener(variant->family), fd, len;
	unsigned int payload_len = 0, covered = 0;
	const char *payload;
	off_t from = 0;

	ASSERT_LE(0, listener);
	ASSERT_LE(0, file);
	net_pattern(sent, 8192, 13);
	ASSERT_EQ(8192, write(file, sent, 8192));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&addr, &size));
	fd = socket(addr.ss_family, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&addr, size));
	ASSERT_EQ(8192, sendfile(fd, file, &from, 8192));
	memset(wire, 0, 8192);
	ASSERT_EQ(8192, pwrite(file, wire, 8192, 0));
	while (covered < 8192) {
		desc = zcs_await(&self->reader, NULL, NULL);
		ASSERT_NE(NULL, desc);
		len = zcs_copy(&self->reader, desc, packet, sizeof(packet));
		ASSERT_LT(0, len);
		payload = tcp_payload(desc, len, &payload_len);
		if (!payload_len)
			continue;
		EXPECT_TRUE(desc->flags & ZCS_F_COPIED);
		EXPECT_EQ(0, memcmp(payload, sent + covered, payload_len));
		covered += payload_len;
	}
	close(fd);
	close(listener);
	close(file);
}

/* === Over a wire, forwarded ============================================== */

FIXTURE(forward)
{
	struct zcs_reader reader;
	int west, router, east;
};

/*
 *   west                router               east
 *   w0 10.3.0.1 ------- r0 10.3.0.254
 *                       r1 10.4.0.254 ------ e0 10.4.0.1
 */
FIXTURE_SETUP(forward)
{
	int pid = getpid();

	self->reader = ZCS_READER_CLOSED;
	self->west = net_ns_new();
	ASSERT_LE(0, self->west) TH_LOG("no namespace: root is needed");
	ASSERT_EQ(0, net_run("ip link set lo up"));
	self->east = net_ns_new();
	ASSERT_LE(0, self->east);
	self->router = net_ns_new();
	ASSERT_LE(0, self->router);
	ASSERT_EQ(0, net_veth("r0", "w0", 1500));
	ASSERT_EQ(0, net_veth("r1", "e0", 1500));
	ASSERT_EQ(0, net_run("ip link set w0 netns /proc/%d/fd/%d &&"
			     "ip link set e0 netns /proc/%d/fd/%d &&"
			     "ip addr add 10.3.0.254/24 dev r0 &&"
			     "ip addr add 10.4.0.254/24 dev r1 &&"
			     "echo 1 > /proc/sys/net/ipv4/ip_forward",
			     pid, self->west, pid, self->east));
	ASSERT_EQ(0, net_ns_enter(self->east));
	ASSERT_EQ(0, net_run("ip addr add 10.4.0.1/24 dev e0 &&"
			     "ip link set e0 up &&"
			     "ip route add default via 10.4.0.254"));
	ASSERT_EQ(0, net_ns_enter(self->west));
	ASSERT_EQ(0, net_run("ip addr add 10.3.0.1/24 dev w0 &&"
			     "ip link set w0 up &&"
			     "ip route add default via 10.3.0.254"));
}

FIXTURE_TEARDOWN(forward)
{
	zcs_reader_close(&self->reader);
	close(self->west);
	close(self->router);
	close(self->east);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

static bool is_udp(const struct zcs_reader *reader,
		   const struct zcs_desc *desc, const void *arg)
{
	return desc->protocol == htons(ETH_P_IP) &&
	       desc->head[14 + 9] == IPPROTO_UDP;
}

/* Hop limit, checksum and link header change in place: shown as they were. */
TEST_F(forward, headers_are_shown_as_they_passed)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(NET_PORT),
		.sin_addr.s_addr = htonl(0x0a040001),
	};
	const struct zcs_desc *desc, *at[4];
	__u32 ifindex[2];
	struct zcs_setup setup;
	const struct iphdr *ip;
	int tx, rx, i;
	char got[2000];

	zcs_defaults(&setup);
	setup.flags = ZCS_SETUP_ALL_NETNS;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
	ASSERT_EQ(0, net_ns_enter(self->router));
	ifindex[0] = if_nametoindex("r0");
	ifindex[1] = if_nametoindex("r1");
	ASSERT_EQ(0, net_ns_enter(self->east));
	rx = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(0, bind(rx, (struct sockaddr *)&to, sizeof(to)));
	ASSERT_EQ(0, net_ns_enter(self->west));
	tx = socket(AF_INET, SOCK_DGRAM, 0);
	net_pattern(sent, 1400, 21);
	ASSERT_EQ(1400, sendto(tx, sent, 1400, 0, (struct sockaddr *)&to,
			       sizeof(to)));
	ASSERT_EQ(1400, recv(rx, got, sizeof(got), 0));

	/* Out of w0, into r0, out of r1, into e0; the last one has it by now. */
	for (i = 0; i < 4; i++) {
		at[i] = zcs_await(&self->reader, is_udp, NULL);
		ASSERT_NE(NULL, at[i]) TH_LOG("%d of 4", i);
	}
	for (i = 0; i < 4; i++) {
		desc = at[i];
		ASSERT_EQ(1442, zcs_copy(&self->reader, desc, packet,
					 sizeof(packet)));
		ip = (const void *)(packet + 14);
		EXPECT_EQ(i < 2 ? 64 : 63, ip->ttl) TH_LOG("point %d", i);
		EXPECT_EQ(i & 1 ? ZCS_DIR_IN : ZCS_DIR_OUT, desc->direction);
		EXPECT_EQ(0, memcmp(packet + 42, sent, 1400));
	}
	EXPECT_EQ(ifindex[0], at[1]->ifindex);
	EXPECT_EQ(ifindex[1], at[2]->ifindex);
	EXPECT_NE(0, memcmp(at[0]->head, at[2]->head, 12));
	EXPECT_EQ(0, memcmp(at[0]->head, at[1]->head, 34));
	EXPECT_EQ(0, memcmp(at[2]->head, at[3]->head, 34));
	close(tx);
	close(rx);
}

/* Datagrams in fragments, and large ones over a wire with a large MTU. */
TEST_F(forward, fragments_are_shown_one_by_one)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(NET_PORT),
		.sin_addr.s_addr = htonl(0x0a040001),
	};
	unsigned int off, covered = 0;
	const struct zcs_desc *desc;
	struct zcs_setup setup;
	const struct iphdr *ip;
	static char whole[8 + 20000];
	int tx, rx, len;

	ASSERT_EQ(0, net_ns_enter(self->east));
	rx = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(0, bind(rx, (struct sockaddr *)&to, sizeof(to)));
	zcs_defaults(&setup);
	setup.direction = ZCS_DIR_IN;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
	ASSERT_EQ(0, net_ns_enter(self->west));
	tx = socket(AF_INET, SOCK_DGRAM, 0);
	net_pattern(sent, 20000, 22);
	ASSERT_EQ(20000, sendto(tx, sent, 20000, 0, (struct sockaddr *)&to,
				sizeof(to)));
	ASSERT_EQ(20000, recv(rx, wire, sizeof(wire), 0));
	while (covered < sizeof(whole)) {
		desc = zcs_await(&self->reader, is_udp, NULL);
		ASSERT_NE(NULL, desc) TH_LOG("%u bytes so far", covered);
		len = zcs_copy(&self->reader, desc, packet, sizeof(packet));
		ASSERT_LE(34, len);
		ip = (const void *)(packet + 14);
		ASSERT_EQ(len - 14, ntohs(ip->tot_len));
		off = (ntohs(ip->frag_off) & 0x1fff) * 8;
		ASSERT_GE(sizeof(whole), off + len - 34);
		memcpy(whole + off, packet + 34, len - 34);
		covered += len - 34;
	}
	EXPECT_EQ(0, memcmp(whole + 8, sent, 20000));
	close(tx);
	close(rx);
}

TEST_HARNESS_MAIN
