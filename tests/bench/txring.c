// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sender of UDP datagrams through AF_PACKET's PACKET_TX_RING: the frames lie
 * in memory that it shares with the kernel, which sends them from there.
 *
 *   txring -i INTERFACE -a SOURCE -d DESTINATION [-s BYTES] [-n DATAGRAMS] [-b BATCH] [-q]
 *
 *   -s BYTES       length of an IP packet			(1500)
 *   -n DATAGRAMS   how many				(1000)
 *   -b BATCH       so many per call			(64)
 *   -q             past the queueing discipline (PACKET_QDISC_BYPASS)
 *
 * The frames go to the interface's broadcast address. Each datagram begins with
 * its number; all else is filled once, and there is no UDP checksum, which IPv4
 * allows. Prints "sent=N". Exit: 0 ok, 1 failure, 2 wrong call.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT		9
#define BATCH_MAX	256
#define DATA_OFF	(TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))

struct frame {
	struct ether_header	eth;
	struct iphdr		ip;
	struct udphdr		udp;
	uint64_t		number;
} __attribute__((packed));

struct ring {
	int		fd;
	char		*frames;
	size_t		frame_size;	/* from one to the next */
	unsigned int	nr;
};

static void die(const char *what)
{
	fprintf(stderr, "txring: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint16_t checksum(const void *data, size_t len)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (; len; len -= 2)
		sum += *word++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static struct tpacket2_hdr *ring_slot(const struct ring *ring, unsigned int i)
{
	return (void *)(ring->frames + i * ring->frame_size);
}

static void ring_open(struct ring *ring, const char *name, unsigned int size, bool bypass)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int version = TPACKET_V2, one = 1;
	struct tpacket_req req;

	if (!addr.sll_ifindex)
		die(name);
	ring->frame_size = 2048;
	while (ring->frame_size < DATA_OFF + sizeof(struct ether_header) + size)
		ring->frame_size *= 2;
	req.tp_frame_size = (unsigned int)ring->frame_size;
	req.tp_block_size = req.tp_frame_size < 4096 ? 4096 : req.tp_frame_size;
	req.tp_frame_nr = ring->nr;
	req.tp_block_nr = (unsigned int)(ring->nr * ring->frame_size / req.tp_block_size);

	ring->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (ring->fd < 0)
		die("socket");
	if (setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)))
		die("PACKET_VERSION");
	if (bypass &&
	    setsockopt(ring->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		die("PACKET_QDISC_BYPASS");
	if (setsockopt(ring->fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)))
		die("PACKET_TX_RING");
	ring->frames = mmap(NULL, ring->nr * ring->frame_size, PROT_READ | PROT_WRITE,
			    MAP_SHARED, ring->fd, 0);
	if (ring->frames == MAP_FAILED)
		die("mmap");
	if (bind(ring->fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
}

static void ring_fill(const struct ring *ring, struct in_addr from, struct in_addr to,
		      unsigned int size)
{
	struct frame frame = {
		.eth.ether_type = htons(ETHERTYPE_IP),
		.ip.version = 4,
		.ip.ihl = 5,
		.ip.tot_len = htons((uint16_t)size),
		.ip.ttl = 64,
		.ip.protocol = IPPROTO_UDP,
		.ip.saddr = from.s_addr,
		.ip.daddr = to.s_addr,
		.udp.source = htons(PORT),
		.udp.dest = htons(PORT),
		.udp.len = htons((uint16_t)(size - sizeof(struct iphdr))),
	};
	unsigned int i;

	memset(frame.eth.ether_dhost, 0xff, sizeof(frame.eth.ether_dhost));
	frame.eth.ether_shost[0] = 2;
	frame.ip.check = checksum(&frame.ip, sizeof(frame.ip));
	for (i = 0; i < ring->nr; i++) {
		struct tpacket2_hdr *slot = ring_slot(ring, i);

		slot->tp_len = (uint32_t)sizeof(frame.eth) + size;
		memset((char *)slot + DATA_OFF, (int)i, slot->tp_len);
		memcpy((char *)slot + DATA_OFF, &frame, sizeof(frame));
	}
}

static void ring_send(const struct ring *ring, uint64_t nr)
{
	unsigned int i = 0, now;
	uint64_t sent = 0;

	while (sent < nr) {
		now = nr - sent < ring->nr ? (unsigned int)(nr - sent) : ring->nr;
		for (; now; now--, sent++, i = (i + 1) % ring->nr) {
			struct tpacket2_hdr *slot = ring_slot(ring, i);
			struct frame *frame = (void *)((char *)slot + DATA_OFF);

			frame->number = sent;
			__atomic_store_n(&slot->tp_status, TP_STATUS_SEND_REQUEST,
					 __ATOMIC_RELEASE);
		}
		/* Returns when all of them are sent. */
		if (send(ring->fd, NULL, 0, 0) < 0)
			die("send");
		for (now = 0; now < ring->nr; now++) {
			if (ring_slot(ring, now)->tp_status != TP_STATUS_AVAILABLE) {
				fprintf(stderr, "txring: a frame was not sent\n");
				exit(1);
			}
		}
	}
	printf("sent=%llu\n", (unsigned long long)sent);
}

static int usage(void)
{
	fprintf(stderr, "usage: txring -i INTERFACE -a SOURCE -d DESTINATION [-s BYTES]\n"
		"              [-n DATAGRAMS] [-b BATCH] [-q]\n");
	return 2;
}

int main(int argc, char **argv)
{
	unsigned long size = 1500, nr = 1000, batch = 64;
	struct in_addr from = { 0 }, to = { 0 };
	const char *name = NULL;
	bool bypass = false;
	struct ring ring;
	int opt;

	while ((opt = getopt(argc, argv, "i:a:d:s:n:b:q")) != -1) {
		switch (opt) {
		case 'i':
			name = optarg;
			break;
		case 'a':
			if (inet_pton(AF_INET, optarg, &from) != 1)
				return usage();
			break;
		case 'd':
			if (inet_pton(AF_INET, optarg, &to) != 1)
				return usage();
			break;
		case 's':
			size = strtoul(optarg, NULL, 10);
			break;
		case 'n':
			nr = strtoul(optarg, NULL, 10);
			break;
		case 'b':
			batch = strtoul(optarg, NULL, 10);
			break;
		case 'q':
			bypass = true;
			break;
		default:
			return usage();
		}
	}
	/* Blocks of a page hold two of the smallest frames: an even number. */
	if (!name || !from.s_addr || !to.s_addr || optind != argc || size < 64 || size > 65000 ||
	    !nr || !batch || batch % 2 || batch > BATCH_MAX)
		return usage();

	ring.nr = (unsigned int)batch;
	ring_open(&ring, name, (unsigned int)size, bypass);
	ring_fill(&ring, from, to, (unsigned int)size);
	ring_send(&ring, nr);
	return 0;
}
