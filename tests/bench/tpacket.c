// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader of AF_PACKET's TPACKET_V3 ring that does as little as one can and
 * still writes a capture file: it walks the blocks, looks at each packet's
 * headers, and hands record headers and packets where they lie to writev().
 * The kernel's copy into the ring is the only one.
 *
 *   tpacket -i INTERFACE [-c PACKETS] [-B KIB] [-w FILE]
 *
 *   -c PACKETS   end after so many			(SIGINT or SIGTERM)
 *   -B KIB       size of the ring			(2048)
 *   -w FILE      where the records go			(/dev/null)
 *
 * Says "listening on INTERFACE" on standard error when packets are being
 * captured, and at the end what tcpdump says there.
 * Exit: 0 ok, 1 failure, 2 wrong call.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* libpcap's: a block holds the longest packet that it lets through. */
#define BLOCK_SIZE	(1U << 18)
#define RETIRE_MS	100
#define BATCH		(IOV_MAX / 2)

/* A capture file's header and one of its records, nanosecond flavour. */
struct header {
	uint32_t	magic;
	uint16_t	major;
	uint16_t	minor;
	uint32_t	zone[2];
	uint32_t	snaplen;
	uint32_t	link;
};

struct record {
	uint32_t	sec;
	uint32_t	nsec;
	uint32_t	len;
	uint32_t	wire_len;
};

struct reader {
	int		fd;
	int		out;
	char		*ring;
	unsigned int	nr_blocks;
	unsigned long	left;		/* packets still to be read */
	unsigned long	captured;
	unsigned long	sum;		/* of header bytes */
	unsigned int	nr;		/* records in the batch */
	struct record	record[BATCH];
	struct iovec	iov[2 * BATCH];
};

static const struct header header = {
	.magic = 0xa1b23c4d,
	.major = 2,
	.minor = 4,
	.snaplen = BLOCK_SIZE,
	.link = 1,	/* Ethernet */
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "tpacket: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void batch_write(struct reader *reader)
{
	size_t want = 0;
	unsigned int i;
	ssize_t n;

	if (!reader->nr)
		return;
	for (i = 0; i < 2 * reader->nr; i++)
		want += reader->iov[i].iov_len;
	n = writev(reader->out, reader->iov, (int)(2 * reader->nr));
	if (n < 0)
		die("write");
	if ((size_t)n != want) {
		fprintf(stderr, "tpacket: write: only %zd of %zu bytes\n", n, want);
		exit(1);
	}
	reader->nr = 0;
}

static void packet_read(struct reader *reader, const struct tpacket3_hdr *hdr)
{
	struct record *record = &reader->record[reader->nr];
	struct iovec *iov = &reader->iov[2 * reader->nr];
	unsigned char *mac = (unsigned char *)hdr + hdr->tp_mac;

	/* What a sniffer looks at: EtherType, the IP header's protocol. */
	if (hdr->tp_snaplen >= 24)
		reader->sum += mac[12] + mac[13] + mac[23];
	record->sec = hdr->tp_sec;
	record->nsec = hdr->tp_nsec;
	record->len = hdr->tp_snaplen;
	record->wire_len = hdr->tp_len;
	iov[0] = (struct iovec){ record, sizeof(*record) };
	iov[1] = (struct iovec){ mac, hdr->tp_snaplen };
	reader->captured++;
	reader->left--;
	if (++reader->nr == BATCH)
		batch_write(reader);
}

static void block_read(struct reader *reader, struct tpacket_block_desc *block)
{
	const struct tpacket3_hdr *hdr;
	unsigned int i;

	hdr = (const void *)((char *)block + block->hdr.bh1.offset_to_first_pkt);
	for (i = 0; i < block->hdr.bh1.num_pkts && reader->left; i++) {
		packet_read(reader, hdr);
		hdr = (const void *)((const char *)hdr + hdr->tp_next_offset);
	}
	/* The packets are the kernel's again after this. */
	batch_write(reader);
}

/* Signals come only while it waits. */
static void ring_read(struct reader *reader, const sigset_t *waiting)
{
	struct pollfd pfd = { .fd = reader->fd, .events = POLLIN };
	struct tpacket_block_desc *block;
	unsigned int at = 0;

	while (reader->left && !stopped) {
		block = (void *)(reader->ring + (size_t)at * BLOCK_SIZE);
		if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
		      TP_STATUS_USER)) {
			if (ppoll(&pfd, 1, NULL, waiting) < 0 && errno != EINTR)
				die("ppoll");
			continue;
		}
		block_read(reader, block);
		__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL,
				 __ATOMIC_RELEASE);
		at = (at + 1) % reader->nr_blocks;
	}
}

static void ring_open(struct reader *reader, const char *name, unsigned int kib)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	struct tpacket_req3 req = {
		.tp_block_size = BLOCK_SIZE,
		.tp_frame_size = 2048,
		.tp_retire_blk_tov = RETIRE_MS,
	};
	int version = TPACKET_V3, one = 1;
	struct ifreq ifr;

	if (!addr.sll_ifindex)
		die(name);
	reader->nr_blocks = kib * 1024 / BLOCK_SIZE;
	if (!reader->nr_blocks)
		reader->nr_blocks = 1;
	req.tp_block_nr = reader->nr_blocks;
	req.tp_frame_nr = reader->nr_blocks * (BLOCK_SIZE / req.tp_frame_size);

	/* Protocol 0: nothing is captured before the ring is there. */
	reader->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (reader->fd < 0)
		die("socket");
	memset(&ifr, 0, sizeof(ifr));
	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (ioctl(reader->fd, SIOCGIFFLAGS, &ifr))
		die(name);
	/* There each packet would come twice. */
	if ((ifr.ifr_flags & IFF_LOOPBACK) &&
	    setsockopt(reader->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)))
		die("PACKET_IGNORE_OUTGOING");
	if (setsockopt(reader->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)))
		die("PACKET_VERSION");
	if (setsockopt(reader->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)))
		die("PACKET_RX_RING");
	reader->ring = mmap(NULL, (size_t)reader->nr_blocks * BLOCK_SIZE,
			    PROT_READ | PROT_WRITE, MAP_SHARED, reader->fd, 0);
	if (reader->ring == MAP_FAILED)
		die("mmap");
	if (bind(reader->fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
}

static void stats_print(const struct reader *reader)
{
	struct tpacket_stats_v3 stats;
	socklen_t len = sizeof(stats);

	if (getsockopt(reader->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		die("PACKET_STATISTICS");
	fprintf(stderr, "%lu packets captured\n%u packets received by filter\n"
		"%u packets dropped by kernel\n", reader->captured, stats.tp_packets,
		stats.tp_drops);
}

static int usage(void)
{
	fprintf(stderr, "usage: tpacket -i INTERFACE [-c PACKETS] [-B KIB] [-w FILE]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct reader reader = { .left = ULONG_MAX };
	struct sigaction action = { .sa_handler = stop };
	sigset_t stops, before;
	const char *name = NULL, *file = "/dev/null";
	unsigned int kib = 2048;
	int opt;

	while ((opt = getopt(argc, argv, "i:c:B:w:")) != -1) {
		switch (opt) {
		case 'i':
			name = optarg;
			break;
		case 'c':
			reader.left = strtoul(optarg, NULL, 10);
			break;
		case 'B':
			kib = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'w':
			file = optarg;
			break;
		default:
			return usage();
		}
	}
	if (!name || optind != argc || !reader.left || !kib || kib > 1 << 20)
		return usage();

	reader.out = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (reader.out < 0 || write(reader.out, &header, sizeof(header)) < 0)
		die(file);
	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigprocmask(SIG_BLOCK, &stops, &before);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ring_open(&reader, name, kib);
	fprintf(stderr, "listening on %s\n", name);
	ring_read(&reader, &before);
	stats_print(&reader);
	/* Keeps the look at the headers from being optimised away. */
	return reader.sum == ULONG_MAX;
}
