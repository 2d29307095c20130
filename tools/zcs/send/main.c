// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsend: send packets without copying them. See zcsend(8).
 */

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include "zcsend.h"

static void on_signal(int sig)
{
	(void)sig;
	transmit_stop();
}

static double per(double value, double unit)
{
	return unit > 0 ? value / unit : 0;
}

static int report(const struct options *opts, const struct result *res, uint64_t skipped)
{
	double cpu = res->cpu_user + res->cpu_system;
	double packets = (double)res->packets;

	if (opts->json)
		printf("{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"completed\": %" PRIu64
		       ", \"copied\": %" PRIu64 ", \"skipped\": %" PRIu64 ", \"calls\": %" PRIu64
		       ", \"seconds\": %.6f, \"cpu_user\": %.6f, \"cpu_system\": %.6f}\n",
		       res->packets, res->bytes, res->completed, res->copied, skipped, res->calls,
		       res->seconds, res->cpu_user, res->cpu_system);
	else
		printf("%" PRIu64 " packets, %" PRIu64 " bytes in %.3f s: %.0f packets/s, %.1f Mbit/s\n"
		       "CPU %.3f s user, %.3f s system: %.0f packets per CPU second\n"
		       "%" PRIu64 " completed, %" PRIu64 " of them copied on the way\n",
		       res->packets, res->bytes, res->seconds, per(packets, res->seconds),
		       per((double)res->bytes * 8 / 1e6, res->seconds), res->cpu_user,
		       res->cpu_system, per(packets, cpu), res->completed, res->copied);
	if (skipped)
		fprintf(stderr, "zcsend: %" PRIu64 " packets skipped: cut off, too long, or not IP\n",
			skipped);
	if (fflush(stdout) || ferror(stdout)) {
		perror("zcsend: standard output");
		return -1;
	}
	return 0;
}

static int send_file(struct result *res, const struct options *opts, unsigned int ifindex,
		     uint64_t *skipped)
{
	struct replay *r = replay_open(opts);
	int err;

	if (!r)
		return -1;
	err = transmit_file(res, opts, ifindex, r);
	*skipped = replay_skipped(r);
	replay_close(r);
	return err;
}

static int send_flow(struct result *res, struct options *opts, struct nexthop *hop)
{
	static uint8_t packet[PACKET_MAX + 256];
	ssize_t len;
	int err;

	err = link_resolve(hop, opts);
	if (err)
		return err;
	len = flow_build(packet, opts, hop);
	if (len < 0)
		return (int)len;
	return transmit_flow(res, opts, hop->ifindex, packet, (size_t)len);
}

int main(int argc, char **argv)
{
	struct sigaction stop = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	struct result res = { 0 };
	struct options opts;
	struct nexthop hop;
	uint64_t skipped = 0;
	int err;

	options_parse(&opts, argc, argv);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	if (link_find(&hop, &opts))
		return EXIT_FAIL;
	if (opts.file)
		err = send_file(&res, &opts, hop.ifindex, &skipped);
	else
		err = send_flow(&res, &opts, &hop);
	if ((!err || res.packets) && report(&opts, &res, skipped))
		err = -1;
	return err ? EXIT_FAIL : EXIT_OK;
}
