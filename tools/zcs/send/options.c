// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsend: the command line.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "zcsend.h"

#define DEFAULT_SIZE	1500
#define DEFAULT_BATCH	64
#define DEFAULT_CHUNKS	1024

/* Ports of a flow that was given without: of no assigned service, discard. */
#define DEFAULT_SPORT	50000
#define DEFAULT_DPORT	9

enum {
	OPT_IP = 256,
	OPT_UDP,
	OPT_DST,
	OPT_SMAC,
	OPT_DMAC,
	OPT_SIZE,
	OPT_RATE,
	OPT_PAYLOAD,
	OPT_PATTERN,
	OPT_BATCH,
	OPT_CHUNKS,
	OPT_JSON,
};

static const struct option long_options[] = {
	{ "interface", required_argument, NULL, 'i' },
	{ "count", required_argument, NULL, 'c' },
	{ "ip", no_argument, NULL, OPT_IP },
	{ "udp", required_argument, NULL, OPT_UDP },
	{ "dst", required_argument, NULL, OPT_DST },
	{ "smac", required_argument, NULL, OPT_SMAC },
	{ "dmac", required_argument, NULL, OPT_DMAC },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "payload", required_argument, NULL, OPT_PAYLOAD },
	{ "pattern", required_argument, NULL, OPT_PATTERN },
	{ "batch", required_argument, NULL, OPT_BATCH },
	{ "chunks", required_argument, NULL, OPT_CHUNKS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
"Usage: zcsend [OPTION...] FILE\n"
"       zcsend [OPTION...] --dst ADDR[:PORT]\n"
"       zcsend [OPTION...] --udp ADDR:PORT-ADDR:PORT\n"
"Send packets out of memory that is shared with the kernel.\n"
"\n"
"FILE is a pcap or pcapng file, - standard input; else a flow of UDP datagrams is\n"
"sent. An IPv6 address stands in brackets before a port.\n"
"\n"
"  -i, --interface IFACE  send whole frames out of it; the flow finds its own\n"
"                         interface and MAC addresses, as the kernel would\n"
"      --ip               send IP packets: the kernel routes them and adds the\n"
"                         link-layer header\n"
"      --smac MAC         source MAC address of the flow\n"
"      --dmac MAC         destination MAC address of the flow\n"
"  -c, --count N          packets of the flow, or times to send FILE (1)\n"
"      --size BYTES       length of an IP packet of the flow (1500)\n"
"      --payload FILE     what the datagrams carry, repeated as needed\n"
"      --pattern TEXT     likewise\n"
"      --rate PPS         packets a second (as fast as it goes)\n"
"      --batch N          packets per system call (64)\n"
"      --chunks N         packets under way at once, a power of two (1024)\n"
"      --json             the result as a JSON object\n"
"  -V, --version          version\n"
"  -h, --help             this text\n"
"\n"
"Exit: 0 done, 1 failed, 2 wrong call.\n";

static void __attribute__((format(printf, 1, 2), noreturn)) wrong(const char *fmt, ...)
{
	va_list args;

	fputs("zcsend: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("; try --help\n", stderr);
	exit(EXIT_CALL);
}

static uint64_t number(const char *what, const char *text, uint64_t min, uint64_t max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || strchr(text, '-') || value < min || value > max)
		wrong("%s is a number from %llu to %llu, not '%s'", what,
		      (unsigned long long)min, (unsigned long long)max, text);
	return value;
}

static void mac(const char *what, const char *text, uint8_t out[6])
{
	int n = 0;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &out[0], &out[1], &out[2], &out[3],
		   &out[4], &out[5], &n) != 6 || text[n] || n != 17)
		wrong("%s is six bytes such as 02:00:00:00:00:01, not '%s'", what, text);
}

/* ADDR, ADDR:PORT, [ADDR]:PORT or an IPv6 address alone */
static void endpoint(struct endpoint *e, const char *text, bool with_port)
{
	char buf[128], *addr = buf, *port = NULL, *end;

	if (strlen(text) >= sizeof(buf))
		wrong("'%s' is no address", text);
	strcpy(buf, text);
	if (*buf == '[') {
		addr = buf + 1;
		end = strchr(addr, ']');
		if (!end || (end[1] && end[1] != ':'))
			wrong("'%s' is no address", text);
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else if (strchr(buf, ':') && strchr(buf, ':') == strrchr(buf, ':')) {
		port = strchr(buf, ':');
		*port++ = '\0';
	}
	if (inet_pton(AF_INET, addr, e->addr) == 1)
		e->ip = 4;
	else if (inet_pton(AF_INET6, addr, e->addr) == 1)
		e->ip = 6;
	else
		wrong("'%s' is no IPv4 or IPv6 address", addr);
	if (port)
		e->port = (uint16_t)number("a port", port, 1, 65535);
	else if (with_port)
		wrong("'%s' needs a port", text);
}

static void udp(struct options *opts, const char *text)
{
	const char *dash = strchr(text, '-');
	char src[128];

	if (!dash || (size_t)(dash - text) >= sizeof(src))
		wrong("--udp is ADDR:PORT-ADDR:PORT, not '%s'", text);
	memcpy(src, text, (size_t)(dash - text));
	src[dash - text] = '\0';
	endpoint(&opts->src, src, true);
	endpoint(&opts->dst, dash + 1, true);
	if (opts->src.ip != opts->dst.ip)
		wrong("--udp: one address is of IPv4, the other of IPv6");
}

static void set(struct options *opts, int c)
{
	switch (c) {
	case 'i':
		opts->ifname = optarg;
		break;
	case 'c':
		opts->count = number("--count", optarg, 1, UINT64_MAX);
		break;
	case OPT_IP:
		opts->route = true;
		break;
	case OPT_UDP:
		udp(opts, optarg);
		break;
	case OPT_DST:
		opts->src.port = DEFAULT_SPORT;
		opts->dst.port = DEFAULT_DPORT;
		endpoint(&opts->dst, optarg, false);
		break;
	case OPT_SMAC:
		mac("--smac", optarg, opts->smac);
		opts->has_smac = true;
		break;
	case OPT_DMAC:
		mac("--dmac", optarg, opts->dmac);
		opts->has_dmac = true;
		break;
	case OPT_SIZE:
		opts->size = (unsigned int)number("--size", optarg, 28, 65535);
		break;
	case OPT_RATE:
		opts->rate = number("--rate", optarg, 1, 1000000000);
		break;
	case OPT_PAYLOAD:
		opts->payload = optarg;
		break;
	case OPT_PATTERN:
		if (!*optarg)
			wrong("--pattern is empty");
		opts->pattern = optarg;
		break;
	case OPT_BATCH:
		opts->batch = (unsigned int)number("--batch", optarg, 1, ZCS_TX_CHUNKS_MAX);
		break;
	case OPT_CHUNKS:
		opts->nr_chunks = (unsigned int)number("--chunks", optarg, 1, ZCS_TX_CHUNKS_MAX);
		if (opts->nr_chunks & (opts->nr_chunks - 1))
			wrong("--chunks is a power of two, not '%s'", optarg);
		break;
	case OPT_JSON:
		opts->json = true;
		break;
	case 'V':
		puts("zcsend " ZCS_VERSION);
		exit(EXIT_OK);
	case 'h':
		fputs(usage, stdout);
		exit(fflush(stdout) ? EXIT_FAIL : EXIT_OK);
	default:
		fputs("zcsend: try --help\n", stderr);
		exit(EXIT_CALL);
	}
}

/* What does not go together. */
static void check(const struct options *opts)
{
	bool flow = opts->dst.ip;

	if (!flow && !opts->file)
		wrong("nothing to send: give FILE, --dst or --udp");
	if (flow && opts->file)
		wrong("give FILE or a flow, not both");
	if (!flow && (opts->has_smac || opts->has_dmac || opts->size || opts->payload ||
		      opts->pattern))
		wrong("--smac, --dmac, --size, --payload, --pattern are for a flow");
	if (!flow && !opts->ifname && !opts->route)
		wrong("FILE needs -i IFACE, or --ip");
	if (!flow && opts->count > 1 && !strcmp(opts->file, "-"))
		wrong("standard input can be sent once only");
	if (opts->route && (opts->has_smac || opts->has_dmac))
		wrong("--ip: the kernel chooses the MAC addresses");
	if (opts->payload && opts->pattern)
		wrong("give --payload or --pattern, not both");
	if (opts->size && opts->dst.ip == 6 && opts->size < 48)
		wrong("--size: IPv6 and UDP headers are 48 bytes");
	if (opts->batch > opts->nr_chunks)
		wrong("--batch is not more than --chunks");
}

/* Does not return from a wrong call, --help and --version. */
void options_parse(struct options *opts, int argc, char **argv)
{
	int c;

	*opts = (struct options){
		.count = 1,
		.batch = DEFAULT_BATCH,
		.nr_chunks = DEFAULT_CHUNKS,
	};
	while ((c = getopt_long(argc, argv, "i:c:Vh", long_options, NULL)) != -1)
		set(opts, c);
	if (argc - optind > 1)
		wrong("one FILE at a time");
	if (optind < argc)
		opts->file = argv[optind];
	if (opts->batch > opts->nr_chunks && opts->batch == DEFAULT_BATCH)
		opts->batch = opts->nr_chunks;
	check(opts);
	if (!opts->size && !opts->payload)
		opts->size = DEFAULT_SIZE;
}
