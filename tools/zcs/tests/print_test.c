// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is printed of known packets, and that nothing is read beyond any.
 */

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

/* What a packet is printed as. To be freed. */
static char *print(const uint8_t *bytes, size_t len, const struct options *opts, uint32_t flags,
		   uint32_t missed)
{
	struct wire wire = { 0 };
	struct zcs_packet pkt;
	struct zcs_desc *d;
	struct fake f;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fake_init(&f, 1, 0);
	d = fake_add(&f, 0, 3723000000456ULL, bytes, len, len > ZCS_HEAD_LEN);
	d->flags |= flags;
	d->missed = missed;
	d->vlan_tci = 7;
	zcs_next(&f.z, &pkt);
	wire.data = malloc(PARSE_LEN);
	wire_copy(&wire, &f.z, &pkt, PARSE_LEN);
	if (opts->raw)
		raw_packet(out, 1, &f.z, &pkt, &wire);
	else if (opts->tcp_seq)
		seqlog_packet(out, d, &wire);
	else
		print_packet(out, opts, d, &wire);
	fclose(out);
	free(wire.data);
	fake_uninit(&f);
	return text;
}

static void prints(const char *name, const uint8_t *bytes, size_t len, const struct options *opts,
		   const char *want)
{
	char *got = print(bytes, len, opts, 0, 0);

	ok(!strcmp(got, want), name);
	if (strcmp(got, want))
		printf("# got:  %s# want: %s", got, want);
	free(got);
}

#define TIME	"01:02:03.000000456 "

static void test_lines(void)
{
	struct options opts = { .numeric = true };
	uint8_t p[2000];
	size_t len;
	char *got;

	len = packet_udp4(p, 1000);
	prints("print: UDP", p, len, &opts,
	       TIME "lo In  IP 10.1.0.1.4000 > 10.1.0.2.5000: UDP, length 1000\n");
	prints("print: UDP, cut off in its header", p, 36, &opts,
	       TIME "lo In  IP 10.1.0.1 > 10.1.0.2: UDP, length 1008\n");
	prints("print: IP, cut off", p, 30, &opts,
	       TIME "lo In  IPv4, bad or cut off, length 30\n");
	prints("print: a frame too short", p, 13, &opts, TIME "lo In  data, length 13\n");
	got = print(p, len, &opts, ZCS_F_VLAN, 5);
	ok(!strcmp(got, TIME "lo In  vlan 7, IP 10.1.0.1.4000 > 10.1.0.2.5000: UDP, length 1000"
		   " (5 missed before)\n"), "print: a tag beside the bytes, packets missed");
	free(got);
	p[20] = 0x20;
	p[21] = 10;
	prints("print: not the first fragment", p, len, &opts,
	       TIME "lo In  IP 10.1.0.1 > 10.1.0.2: UDP, length 1008, fragment 4711:1008@80+\n");

	len = packet_tcp6(p, 100);
	prints("print: TCP over IPv6", p, len, &opts,
	       TIME "lo In  IP6 fd00::1.4000 > fd00::2.80: Flags [P.], seq 1000:1100, ack 2000, "
	       "win 512, length 100\n");
	opts.quiet = true;
	prints("print: -q", p, len, &opts,
	       TIME "lo In  IP6 fd00::1.4000 > fd00::2.80: tcp 100\n");
	opts.quiet = false;
	opts.tcp_seq = "file";
	prints("print: --tcp-seq", p, len, &opts,
	       "3723.000000456 fd00::1.4000 fd00::2.80 1000 100\n");
	opts.tcp_seq = NULL;

	p[20] = 43;
	prints("print: an IPv6 header that says it is longer than the packet", p, len, &opts,
	       TIME "lo In  IP6 fd00::1 > fd00::2: ip-proto-43, length 120\n");
	p[20] = 58;
	p[54] = 128;
	prints("print: ICMPv6", p, len, &opts,
	       TIME "lo In  IP6 fd00::1 > fd00::2: ICMP6 echo request, id 0, seq 1000, length 120\n");
	prints("print: ICMPv6, cut off", p, 56, &opts,
	       TIME "lo In  IP6 fd00::1 > fd00::2: ICMP6 length 120\n");

	opts.link = true;
	len = packet_arp(p);
	prints("print: ARP with -e", p, len, &opts,
	       TIME "lo In  02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype ARP (0x0806), "
	       "length 42: ARP, Request who-has 10.1.0.2 tell 10.1.0.1, length 28\n");
	len = packet_vlan(p, 10);
	prints("print: VLAN with -e", p, len, &opts,
	       TIME "lo In  02:00:00:00:00:01 > 02:00:00:00:00:02, vlan 7 p 3, "
	       "ethertype IPv4 (0x0800), length 56: IP 10.1.0.1.4000 > 10.1.0.2.5000: "
	       "UDP, length 10\n");

	opts = (struct options){ .numeric = true, .hex = 1, .ascii = true };
	memcpy(p, "\2\0\0\0\0\2\2\0\0\0\0\1\x88\xb5Hello!", 20);
	prints("print: -x -A", p, 20, &opts,
	       TIME "lo In  ethertype unknown (0x88b5), length 20\nHello!\n"
	       "\t0x0000:  4865 6c6c 6f21\n");

	opts = (struct options){ .raw = true };
	len = packet_udp4(p, 1000);
	prints("print: --raw", p, len, &opts,
	       "dump 1: ptr: 0x000000000020, start: 0x000000000000, size: 1042, off: 32, entry: 0, "
	       "cpu: 0\n    MAC: 02:00:00:00:00:01 -> 02:00:00:00:00:02, type: 0800, "
	       "IP: 10.1.0.1:4000 -> 10.1.0.2:5000, proto: 17, length: 1042\n");
}

void test_print(void)
{
	test_lines();
}

/* A packet of chance: noise, or a good one with some bytes changed. */
static size_t random_packet(uint8_t *p, size_t max)
{
	static const uint8_t protos[] = { 0, 1, 6, 17, 43, 44, 58, 60, 132, 135, 136 };
	size_t len, i;

	switch (random_u32() % 5) {
	case 0:
		len = packet_udp4(p, random_u32() % 1000);
		break;
	case 1:
		len = packet_tcp6(p, random_u32() % 1000);
		break;
	case 2:
		len = packet_arp(p);
		break;
	case 3:
		len = packet_vlan(p, random_u32() % 1000);
		break;
	default:
		len = random_u32() % max;
		for (i = 0; i < len; i++)
			p[i] = (uint8_t)random_u32();
		/* Into the parsers of IPv6, IPv4, and what may follow. */
		if (len > 14 && random_u32() % 2) {
			p[12] = 0x86;
			p[13] = 0xdd;
			p[14] = 0x60;
		}
	}
	/* What is behind an IP header: extension headers, ICMP, TCP and others */
	if (len > 23 && random_u32() % 2)
		p[p[12] == 0x86 ? 20 : 23] = protos[random_u32() % sizeof(protos)];
	for (i = random_u32() % 4; i && len; i--)
		p[random_u32() % (len < 80 ? len : 80)] = (uint8_t)random_u32();
	if (len && random_u32() % 3 == 0)
		len = random_u32() % (len < 100 ? len : 100);
	return len;
}

static void random_desc(struct zcs_desc *d)
{
	d->flags ^= random_u32() & (ZCS_F_LINK | ZCS_F_VLAN | ZCS_F_TRUNC | ZCS_F_GSO);
	d->vlan_tci = (uint16_t)random_u32();
	d->vlan_proto = (uint16_t)random_u32();
	d->protocol = random_u32() % 2 ? 0xdd86 : (uint16_t)random_u32();
	d->net_off = (uint16_t)(random_u32() % 64);
	d->hw_type = random_u32() % 2 ? 1 : (uint16_t)random_u32();
	d->ifindex = random_u32() % 50;
	d->pkt_type = (uint8_t)random_u32();
	d->direction = (uint8_t)(random_u32() % 3);
	d->missed = random_u32() % 3;
	d->wire_len += random_u32() % 100;
}

static void print_all_ways(FILE *out, struct fake *f, const struct zcs_packet *pkt, size_t room)
{
	static const struct options ways[] = {
		{ .numeric = true }, { .link = true, .numeric = true, .hex = 1, .ascii = true },
		{ .quiet = true, .numeric = true, .hex = 2 },
	};
	/* Exactly as long as it may be used. */
	struct wire wire = { .data = malloc(room) };
	unsigned int i;

	if (!wire_copy(&wire, &f->z, pkt, room)) {
		uint8_t *exact = malloc(wire.len ? wire.len : 1);

		memcpy(exact, wire.data, wire.len);
		free(wire.data);
		wire.data = exact;
		for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			print_packet(out, &ways[i], pkt->desc, &wire);
		raw_packet(out, i, &f->z, pkt, &wire);
		seqlog_packet(out, pkt->desc, &wire);
	}
	free(wire.data);
}

/* Blocks of a file, walked by their lengths: all there, none left over? */
static bool is_whole(const char *path, unsigned int packets)
{
	FILE *f = fopen(path, "r");
	uint32_t block[2], end;
	unsigned int found = 0;
	bool whole = true;

	while (whole && fread(block, sizeof(block), 1, f) == 1) {
		found += block[0] == 6;
		whole = block[1] >= 12 && block[1] % 4 == 0 &&
			!fseek(f, (long)block[1] - 12, SEEK_CUR) &&
			fread(&end, sizeof(end), 1, f) == 1 && end == block[1];
	}
	fclose(f);
	return whole && found == packets;
}

void test_random(const char *dir)
{
	struct options opts = { .filter = (char *)"" };
	FILE *out = fopen("/dev/null", "w");
	unsigned int rounds, n = 0;
	struct zcs_packet pkt;
	uint8_t p[2000];
	struct writer *w;
	struct fake f;
	char *path;

	if (asprintf(&path, "%s/random.pcapng", dir) < 0)
		abort();
	opts.write = path;
	w = writer_open(&opts);
	fake_init(&f, 1, 0);
	for (rounds = 0; rounds < 20000; rounds++) {
		size_t len = random_packet(p, 1500);
		unsigned int segs = len > ZCS_HEAD_LEN ? 1 + random_u32() % 4 : 0;

		f.used = 0;
		random_desc(fake_add(&f, 0, rounds, p, len, segs));
		if (zcs_next(&f.z, &pkt) != 1)
			break;
		print_all_ways(out, &f, &pkt, 1 + random_u32() % 600 + 4);
		if (!pcapng_packet(&w->file, &w->out, &f.z, &pkt))
			n++;
		writer_flush(w);
		zcs_release(&f.z);
	}
	ok(rounds == 20000, "random: packets of any bytes are printed");
	writer_close(w, &f.z);
	ok(n == 20000 && is_whole(path, n), "random: ... and are whole blocks in a file");
	fake_uninit(&f);
	fclose(out);
	free(path);
}
