// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sender of UDP datagrams through a socket, with sendmmsg().
 *
 *   udpsend -a ADDRESS [-s BYTES] [-n DATAGRAMS] [-b BATCH]
 *
 *   -s BYTES       length of an IP packet			(1500)
 *   -n DATAGRAMS   how many				(1000)
 *   -b BATCH       so many per call			(64)
 *
 * Each datagram begins with its number; the rest of the payload is filled once.
 * Prints "sent=N". Exit: 0 ok, 1 failure, 2 wrong call.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT		9
#define HEADERS		28		/* IPv4, UDP */
#define BATCH_MAX	256

static unsigned char payload[BATCH_MAX][65536];
static struct iovec iov[BATCH_MAX];
static struct mmsghdr msgs[BATCH_MAX];

static int fail(const char *what)
{
	fprintf(stderr, "udpsend: %s: %s\n", what, strerror(errno));
	return 1;
}

static int send_all(int fd, unsigned int size, uint64_t nr, unsigned int batch)
{
	unsigned int i, done, now;
	uint64_t sent = 0;
	int n;

	for (i = 0; i < batch; i++) {
		memset(payload[i], (int)i, size);
		iov[i] = (struct iovec){ payload[i], size };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	while (sent < nr) {
		now = nr - sent < batch ? (unsigned int)(nr - sent) : batch;
		for (i = 0; i < now; i++) {
			uint64_t number = sent + i;

			memcpy(payload[i], &number, sizeof(number));
		}
		for (done = 0; done < now; done += (unsigned int)n) {
			n = sendmmsg(fd, msgs + done, now - done, 0);
			if (n < 0)
				return fail("sendmmsg");
		}
		sent += now;
	}
	printf("sent=%llu\n", (unsigned long long)sent);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	unsigned long size = 1500, nr = 1000, batch = 64;
	const char *address = NULL;
	int opt, fd;

	while ((opt = getopt(argc, argv, "a:s:n:b:")) != -1) {
		switch (opt) {
		case 'a':
			address = optarg;
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
		default:
			address = NULL;
			optind = argc;
			break;
		}
	}
	if (!address || optind != argc || inet_pton(AF_INET, address, &addr.sin_addr) != 1 ||
	    size < 64 || size > 65000 || !nr || !batch || batch > BATCH_MAX) {
		fprintf(stderr, "usage: udpsend -a ADDRESS [-s BYTES] [-n DATAGRAMS] [-b BATCH]\n");
		return 2;
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fail(address);
	return send_all(fd, (unsigned int)size - HEADERS, nr, (unsigned int)batch);
}
