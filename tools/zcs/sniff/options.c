// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: the command line.
 */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zcsniff.h"

enum {
	OPT_POINT = 256,
	OPT_NETNS,
	OPT_SLOTS,
	OPT_STATS,
	OPT_RAW,
	OPT_TCP_SEQ,
	OPT_JSON,
};

static const struct option long_options[] = {
	{ "interface", required_argument, NULL, 'i' },
	{ "snapshot-length", required_argument, NULL, 's' },
	{ "direction", required_argument, NULL, 'Q' },
	{ "buffer-size", required_argument, NULL, 'B' },
	{ "no-promiscuous-mode", no_argument, NULL, 'p' },
	{ "packet-buffered", no_argument, NULL, 'U' },
	{ "point", required_argument, NULL, OPT_POINT },
	{ "netns", required_argument, NULL, OPT_NETNS },
	{ "slots", required_argument, NULL, OPT_SLOTS },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "tcp-seq", required_argument, NULL, OPT_TCP_SEQ },
	{ "json", optional_argument, NULL, OPT_JSON },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
"Usage: zcsniff [OPTION...] [EXPRESSION]\n"
"Capture packets without copying them, through /dev/zc_sniffer.\n"
"\n"
"  -i, --interface IFACE  interface; any (the default) is every one\n"
"      --netns NAME       network namespace, by name or path; all: every one\n"
"      --point tap|free   where packets pass the stack (the default), or where\n"
"                         the stack frees buffers\n"
"  -Q, --direction in|out|inout\n"
"  -p                     do not put the interface into promiscuous mode\n"
"  -s BYTES               capture so much of a packet; 0 (the default): all\n"
"  -c COUNT               end after so many packets\n"
"  -B KIB                 packets held at once, at most (131072)\n"
"      --slots N          slots of each CPU's ring, a power of two (8192)\n"
"\n"
"  -w FILE                write pcapng; - is standard output\n"
"  -U                     write each packet as soon as it comes\n"
"  -C MB                  begin a file after so many million bytes\n"
"  -G SECONDS             begin a file so often; FILE is given to strftime(3)\n"
"  -W COUNT               with -C: so many files, then the first again;\n"
"                         with -G: end after so many\n"
"      --tcp-seq FILE     log the sequence numbers of TCP\n"
"\n"
"  -n                     numbers instead of names of hosts and ports\n"
"  -e                     print the link-layer header\n"
"  -q                     print less\n"
"  -x, -xx                print the bytes; twice: the link-layer header too\n"
"  -A                     print the bytes as ASCII\n"
"      --raw              print where packets lie in memory\n"
"      --stats            print a table of counters every second, no packets\n"
"      --json[=FILE]      counters at the end, as a JSON object\n"
"  -V, --version          version\n"
"  -h, --help             this text\n"
"\n"
"EXPRESSION is of pcap-filter(7). Exit: 0 done, 1 failed, 2 wrong call.\n";

static void __attribute__((format(printf, 1, 2), noreturn)) wrong(const char *fmt, ...)
{
	va_list args;

	fputs("zcsniff: ", stderr);
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

static unsigned int slots(const char *text)
{
	uint64_t n = number("--slots", text, ZCS_SLOTS_MIN, ZCS_SLOTS_MAX);

	if (n & (n - 1))
		wrong("--slots is a power of two, not '%s'", text);
	return (unsigned int)n;
}

static unsigned int direction(const char *text)
{
	if (!strcmp(text, "in"))
		return ZCS_DIR_IN;
	if (!strcmp(text, "out"))
		return ZCS_DIR_OUT;
	if (!strcmp(text, "inout"))
		return 0;
	wrong("-Q is in, out or inout, not '%s'", text);
}

static unsigned int point(const char *text)
{
	if (!strcmp(text, "tap"))
		return ZCS_POINT_TAP;
	if (!strcmp(text, "free"))
		return ZCS_POINT_FREE;
	wrong("--point is tap or free, not '%s'", text);
}

static void set(struct options *opts, int c)
{
	switch (c) {
	case 'i':
		opts->ifname = strcmp(optarg, "any") ? optarg : NULL;
		break;
	case 's':
		opts->snaplen = (unsigned int)number("-s", optarg, 0, 262144);
		break;
	case 'Q':
		opts->direction = direction(optarg);
		break;
	case 'B':
		opts->limit = number("-B", optarg, 1, 1ULL << 40) << 10;
		break;
	case 'c':
		opts->count = number("-c", optarg, 1, UINT64_MAX);
		break;
	case 'w':
		opts->write = optarg;
		break;
	case 'C':
		opts->file_size = number("-C", optarg, 1, 1ULL << 40) * 1000000;
		break;
	case 'G':
		opts->file_seconds = number("-G", optarg, 1, 1ULL << 31);
		break;
	case 'W':
		opts->max_files = number("-W", optarg, 1, 1ULL << 31);
		break;
	case 'n':
		opts->numeric = true;
		break;
	case 'e':
		opts->link = true;
		break;
	case 'q':
		opts->quiet = true;
		break;
	case 'x':
		opts->hex++;
		break;
	case 'A':
		opts->ascii = true;
		break;
	case 'p':
		opts->no_promisc = true;
		break;
	case 'U':
		opts->unbuffered = true;
		break;
	case OPT_POINT:
		opts->point = point(optarg);
		break;
	case OPT_NETNS:
		opts->netns = optarg;
		break;
	case OPT_SLOTS:
		opts->nr_slots = slots(optarg);
		break;
	case OPT_STATS:
		opts->stats = true;
		break;
	case OPT_RAW:
		opts->raw = true;
		break;
	case OPT_TCP_SEQ:
		opts->tcp_seq = optarg;
		break;
	case OPT_JSON:
		opts->json = optarg ? optarg : "-";
		break;
	case 'V':
		puts("zcsniff " ZCS_VERSION);
		exit(EXIT_OK);
	case 'h':
		fputs(usage, stdout);
		exit(fflush(stdout) ? EXIT_FAIL : EXIT_OK);
	default:
		fputs("zcsniff: try --help\n", stderr);
		exit(EXIT_CALL);
	}
}

/* What does not go together. */
static void check(struct options *opts)
{
	bool to_stdout = opts->write && !strcmp(opts->write, "-");

	if (!opts->write && (opts->file_size || opts->file_seconds))
		wrong("-C and -G need -w");
	if (opts->max_files && !opts->file_size && !opts->file_seconds)
		wrong("-W needs -C or -G");
	if (to_stdout && (opts->file_size || opts->file_seconds))
		wrong("-C and -G need files, not standard output");
	if (to_stdout && isatty(STDOUT_FILENO))
		wrong("-w - would write packets to a terminal");
	if (to_stdout && opts->raw)
		wrong("--raw and -w - both write to standard output");
	if (to_stdout && opts->json && !strcmp(opts->json, "-"))
		wrong("--json and -w - both write to standard output; use --json=FILE");
	if (opts->raw && opts->stats)
		wrong("--raw prints packets, --stats does not");
	if (opts->point == ZCS_POINT_FREE) {
		if (opts->ifname || opts->direction)
			wrong("a freed buffer knows neither interface nor direction: no -i, no -Q");
		if (opts->netns && strcmp(opts->netns, "all"))
			wrong("a freed buffer does not know its namespace: --netns is all");
		opts->netns = "all";
	}
	if (opts->ifname && opts->netns && !strcmp(opts->netns, "all"))
		wrong("an interface is of one namespace: no -i with --netns all");
}

static void join(struct options *opts, int argc, char **argv)
{
	size_t len = 1;
	int i;

	for (i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	opts->filter = calloc(1, len);
	if (!opts->filter) {
		fputs("zcsniff: no memory\n", stderr);
		exit(EXIT_FAIL);
	}
	for (i = 0; i < argc; i++) {
		if (i)
			strcat(opts->filter, " ");
		strcat(opts->filter, argv[i]);
	}
}

/* Does not return from a wrong call, --help and --version. */
void options_parse(struct options *opts, int argc, char **argv)
{
	int c;

	*opts = (struct options){ 0 };
	while ((c = getopt_long(argc, argv, "i:s:Q:B:c:w:C:G:W:neqxApUVh", long_options,
				NULL)) != -1)
		set(opts, c);
	check(opts);
	join(opts, argc - optind, argv + optind);
}
