// SPDX-License-Identifier: GPL-2.0-only
/*
 * What capturing packets costs: the same datagrams are sent with readers beside
 * them or without, and everything that the machine does meanwhile is counted.
 *
 *   capture [OPTION...] [READER]...
 *
 *   -a ADDRESS   send to this IPv4 address of the machine	(127.0.0.1)
 *   -N NETNS     send from this network namespace
 *   -s BYTES     length of an IP packet, 64 to 65000		(1500)
 *   -n PACKETS   how many					(1000)
 *   -b BURST     so many per call, then the readers may run	(16)
 *   -g           BYTES go out as one packet for the device or the receiver to cut
 *                (UDP_SEGMENT): larger than the MTU
 *   -r RATE      packets per second, above all other processes; 0: at once  (0)
 *   -l PREFIX    what reader I says goes to the file PREFIX.I
 *
 * A READER is a shell's command line that says "listening on" on standard error
 * when it captures, and ends by itself after that many packets; one that misses
 * some is interrupted when it has done nothing but poll for two seconds. What it says at
 * the end is tcpdump's "N packets captured", and "N ... dropped by kernel" or
 * "N ... missed".
 *
 * The count begins when all readers listen and ends when all have ended: take
 * the difference of two runs of different lengths for the price of a packet.
 * Prints one line:
 *
 *   busy=X sent=N received=N	instructions (see count.h); receiver's
 *   rate=PPS			packets per second that were sent
 *   readerI=CAPTURED/MISSED/NS	each reader; its processor time
 *
 * Exit: 0 ok, whatever was missed; 1 failure; 2 wrong call.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "count.h"

#define PORT		9
#define HEADERS		28		/* IPv4, UDP */
#define BURST_MAX	256
#define READERS_MAX	4
#define SEGMENT		1472		/* of an Ethernet frame */
#define BUFFER		(64 << 20)	/* the receiver's */
#define QUIET_S		2		/* libpcap looks at a block each second */
#define QUIET_NS	20000000	/* of processor time: a reader that only polls */

struct reader {
	pid_t			pid;
	FILE			*says;
	FILE			*log;
	bool			ended;
	bool			interrupted;
	uint64_t		used_ns;	/* when last looked at */
	unsigned long long	captured;
	unsigned long long	missed;
	struct rusage		usage;
};

struct traffic {
	int		tx;
	int		rx;
	unsigned int	size;
	unsigned int	burst;
	unsigned long	nr;
	unsigned long	rate;
	bool		segment;
	unsigned long	sent;
	unsigned long	received;
	uint64_t	sent_ns;	/* how long that took */
};

static void die(const char *what)
{
	fprintf(stderr, "capture: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* === Readers =============================================================== */

static void reader_start(struct reader *reader, const char *command, const char *prefix, int nr)
{
	char *name, *line;
	int pipes[2];

	if (prefix) {
		if (asprintf(&name, "%s.%d", prefix, nr) < 0)
			die("asprintf");
		reader->log = fopen(name, "w");
		if (!reader->log)
			die(name);
		free(name);
	}
	if (asprintf(&line, "exec %s", command) < 0 || pipe2(pipes, O_CLOEXEC))
		die("pipe");
	reader->pid = fork();
	if (reader->pid < 0)
		die("fork");
	if (!reader->pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(pipes[1], STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	free(line);
	close(pipes[1]);
	reader->says = fdopen(pipes[0], "r");
	if (!reader->says)
		die("fdopen");
}

/* Read what the reader says, up to the line that has WORDS or to the end. */
static bool reader_listen(struct reader *reader, const char *words)
{
	unsigned long long number;
	char line[1024], *end;

	while (fgets(line, sizeof(line), reader->says)) {
		if (reader->log)
			fputs(line, reader->log);
		number = strtoull(line, &end, 10);
		if (end != line && strstr(end, " captured"))
			reader->captured = number;
		if (end != line && (strstr(end, "dropped by kernel") || strstr(end, " missed")))
			reader->missed = number;
		if (words && strstr(line, words))
			return true;
	}
	return !words;
}

static uint64_t reader_used(const struct reader *reader)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(reader->pid, &clock) || clock_gettime(clock, &used))
		return 0;
	return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* Note those that have ended; how many are left. */
static int readers_reap(struct reader *readers, int nr)
{
	int i, status, left = 0;

	for (i = 0; i < nr; i++) {
		if (readers[i].ended)
			continue;
		if (wait4(readers[i].pid, &status, WNOHANG, &readers[i].usage) != readers[i].pid) {
			left++;
			continue;
		}
		readers[i].ended = true;
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			fprintf(stderr, "capture: reader %d: status 0x%x\n", i, status);
			exit(1);
		}
	}
	return left;
}

/* Interrupt those that have done next to nothing since the last call. */
static void readers_nudge(struct reader *readers, int nr)
{
	uint64_t used;
	int i;

	for (i = 0; i < nr; i++) {
		if (readers[i].ended)
			continue;
		used = reader_used(&readers[i]);
		if (used - readers[i].used_ns < QUIET_NS && !readers[i].interrupted) {
			readers[i].interrupted = true;
			kill(readers[i].pid, SIGINT);
		}
		readers[i].used_ns = used;
	}
}

/* Wait until all have ended. SIGCHLD is blocked, so none is overlooked. */
static void readers_end(struct reader *readers, int nr, const sigset_t *child)
{
	struct timespec quiet = { .tv_sec = QUIET_S };

	while (readers_reap(readers, nr))
		if (sigtimedwait(child, NULL, &quiet) < 0 && errno == EAGAIN)
			readers_nudge(readers, nr);
}

/* === Traffic =============================================================== */

/* Sockets stay in the namespace that they were made in. */
static int socket_in(const char *netns)
{
	int here = -1, there, fd;
	char path[PATH_MAX];

	if (netns) {
		snprintf(path, sizeof(path), "/run/netns/%s", netns);
		here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		there = open(path, O_RDONLY | O_CLOEXEC);
		if (here < 0 || there < 0 || setns(there, CLONE_NEWNET))
			die(path);
		close(there);
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (netns) {
		if (setns(here, CLONE_NEWNET))
			die("setns");
		close(here);
	}
	return fd;
}

static void traffic_open(struct traffic *traffic, const char *address, const char *netns)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int one = 1, buffer = BUFFER, segment = SEGMENT;

	if (inet_pton(AF_INET, address, &addr.sin_addr) != 1) {
		fprintf(stderr, "capture: no IPv4 address: %s\n", address);
		exit(2);
	}
	traffic->rx = socket_in(NULL);
	traffic->tx = socket_in(netns);
	setsockopt(traffic->rx, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	setsockopt(traffic->tx, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	if (traffic->segment &&
	    (setsockopt(traffic->tx, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)) ||
	     setsockopt(traffic->rx, SOL_UDP, UDP_GRO, &one, sizeof(one))))
		die("UDP_SEGMENT");
	if (bind(traffic->rx, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
	if (connect(traffic->tx, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
}

/* Take what has come, without copying it. */
static void traffic_drain(struct traffic *traffic)
{
	static struct mmsghdr msgs[BURST_MAX];
	int n;

	while ((n = recvmmsg(traffic->rx, msgs, BURST_MAX, MSG_DONTWAIT | MSG_TRUNC, NULL)) > 0)
		traffic->received += (unsigned long)n;
}

static void traffic_burst(struct traffic *traffic, unsigned int nr)
{
	static unsigned char payload[65536];
	static struct mmsghdr msgs[BURST_MAX];
	static struct iovec iov;
	unsigned int i, done = 0;
	int n;

	iov = (struct iovec){ payload, traffic->size - HEADERS };
	for (i = 0; i < nr; i++)
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	while (done < nr) {
		n = sendmmsg(traffic->tx, msgs + done, nr - done, 0);
		if (n < 0)
			die("sendmmsg");
		done += (unsigned int)n;
	}
	traffic->sent += nr;
	traffic_drain(traffic);
}

static uint64_t time_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - start->tv_sec) * 1000000000 +
	       (uint64_t)now.tv_nsec - (uint64_t)start->tv_nsec;
}

static void traffic_run(struct traffic *traffic)
{
	struct pollfd pfd = { .fd = traffic->rx, .events = POLLIN };
	struct timespec start, next;
	unsigned int nr;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (traffic->sent < traffic->nr) {
		nr = traffic->burst;
		if (traffic->nr - traffic->sent < nr)
			nr = (unsigned int)(traffic->nr - traffic->sent);
		traffic_burst(traffic, nr);
		if (traffic->rate) {
			ns = traffic->sent * 1000000000 / traffic->rate + (uint64_t)start.tv_nsec;
			next.tv_sec = start.tv_sec + (time_t)(ns / 1000000000);
			next.tv_nsec = (long)(ns % 1000000000);
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		} else {
			sched_yield();
		}
	}
	traffic->sent_ns = time_since(&start);
	while (traffic->received < traffic->sent && poll(&pfd, 1, 1000) > 0)
		traffic_drain(traffic);
}

/* Like traffic from elsewhere: it does not slow down for the readers. */
static void traffic_first(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		die("SCHED_FIFO");
}

/* =========================================================================== */

static int usage(void)
{
	fprintf(stderr, "usage: capture [-a ADDRESS] [-N NETNS] [-s BYTES] [-n PACKETS] [-b BURST] [-g]\n"
		"               [-r RATE] [-l PREFIX] [READER]...\n");
	return 2;
}

static uint64_t nanoseconds(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000000 + (uint64_t)tv->tv_usec * 1000;
}

static void measure(struct traffic *traffic, char **commands, int nr, const char *prefix)
{
	static struct reader readers[READERS_MAX];
	struct count before, after;
	sigset_t child;
	int i;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (i = 0; i < nr; i++)
		reader_start(&readers[i], commands[i], prefix, i);
	for (i = 0; i < nr; i++) {
		if (!reader_listen(&readers[i], "listening on")) {
			fprintf(stderr, "capture: does not listen: %s\n", commands[i]);
			exit(1);
		}
	}
	if (traffic->rate)
		traffic_first();

	count_read(&before);
	traffic_run(traffic);
	readers_end(readers, nr, &child);
	count_read(&after);

	if (!before.time_ns) {
		fprintf(stderr, "capture: the kernel does not say how long it waited\n");
		exit(1);
	}
	printf("busy=%.0f sent=%lu received=%lu rate=%.0f", count_busy(&before, &after),
	       traffic->sent, traffic->received,
	       (double)traffic->sent * 1e9 / (double)traffic->sent_ns);
	for (i = 0; i < nr; i++) {
		reader_listen(&readers[i], NULL);
		printf(" reader%d=%llu/%llu/%llu", i, readers[i].captured, readers[i].missed,
		       (unsigned long long)(nanoseconds(&readers[i].usage.ru_utime) +
					    nanoseconds(&readers[i].usage.ru_stime)));
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	struct traffic traffic = { .size = 1500, .burst = 16, .nr = 1000 };
	const char *address = "127.0.0.1", *netns = NULL, *prefix = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "a:N:s:n:b:gr:l:")) != -1) {
		switch (opt) {
		case 'a':
			address = optarg;
			break;
		case 'N':
			netns = optarg;
			break;
		case 's':
			traffic.size = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			traffic.nr = strtoul(optarg, NULL, 10);
			break;
		case 'b':
			traffic.burst = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'g':
			traffic.segment = true;
			break;
		case 'r':
			traffic.rate = strtoul(optarg, NULL, 10);
			break;
		case 'l':
			prefix = optarg;
			break;
		default:
			return usage();
		}
	}
	if (traffic.size < 64 || traffic.size > 65000 || !traffic.nr || !traffic.burst ||
	    traffic.burst > BURST_MAX || argc - optind > READERS_MAX)
		return usage();

	traffic_open(&traffic, address, netns);
	measure(&traffic, argv + optind, argc - optind, prefix);
	return 0;
}
