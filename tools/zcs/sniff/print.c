// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: one line per packet, and its bytes below on request.
 */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "zcsniff.h"

static void print_time(FILE *f, uint64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;

	if (!localtime_r(&s, &tm))
		memset(&tm, 0, sizeof(tm));
	fprintf(f, "%02d:%02d:%02d.%09u ", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned int)(ns % 1000000000));
}

static void print_where(FILE *f, const struct zcs_desc *desc)
{
	static const char * const directions[] = { "", " In ", " Out" };
	struct iface *ifc = iface_find(desc->netns, desc->ifindex);

	if (!ifc)
		return;
	if (*ifc->netns_name)
		fprintf(f, "%s/", ifc->netns_name);
	fprintf(f, "%s%s ", ifc->name, desc->direction <= ZCS_DIR_OUT ?
		directions[desc->direction] : "");
}

static void print_link(FILE *f, const struct headers *h, const struct wire *wire)
{
	char src[NAME_LEN], dst[NAME_LEN];
	unsigned int i;

	if (h->ether)
		fprintf(f, "%s > %s, ", name_mac(src, h->src), name_mac(dst, h->dst));
	for (i = 0; i < h->nr_vlans; i++)
		fprintf(f, "vlan %u p %u, ", h->vlan[i] & 0xfff, h->vlan[i] >> 13);
	if (h->ether || h->ethertype)
		fprintf(f, "ethertype %s (0x%04x), ", name_ethertype(h->ethertype), h->ethertype);
	fprintf(f, "length %u: ", wire->wire_len);
}

static void print_tcp(FILE *f, const struct options *opts, const struct headers *h)
{
	static const char letters[] = "FSRP.UEWe";
	char flags[sizeof(letters)], *at = flags;
	unsigned int i;

	if (opts->quiet) {
		fprintf(f, "tcp %u", h->data_len);
		return;
	}
	for (i = 0; i < sizeof(letters) - 1; i++)
		if (h->tcp_flags & 1U << i)
			*at++ = letters[i];
	*at = '\0';
	fprintf(f, "Flags [%s], seq %u", at == flags ? "none" : flags, h->seq);
	if (h->data_len)
		fprintf(f, ":%u", h->seq + h->data_len);
	if (h->tcp_flags & 0x10)
		fprintf(f, ", ack %u", h->ack);
	fprintf(f, ", win %u, length %u", h->window, h->data_len);
}

static const char *icmp_name(uint8_t type)
{
	switch (type) {
	case 0:
		return "echo reply";
	case 3:
		return "unreachable";
	case 5:
		return "redirect";
	case 8:
		return "echo request";
	case 11:
		return "time exceeded";
	default:
		return NULL;
	}
}

static const char *icmp6_name(uint8_t type)
{
	switch (type) {
	case 1:
		return "unreachable";
	case 2:
		return "packet too big";
	case 3:
		return "time exceeded";
	case 128:
		return "echo request";
	case 129:
		return "echo reply";
	case 133:
		return "router solicitation";
	case 134:
		return "router advertisement";
	case 135:
		return "neighbor solicitation";
	case 136:
		return "neighbor advertisement";
	case 143:
		return "multicast listener report v2";
	default:
		return NULL;
	}
}

static void print_icmp(FILE *f, const struct headers *h, const struct wire *wire)
{
	bool v6 = h->proto == IPPROTO_ICMPV6;
	const uint8_t *p = wire->data + h->trans_off;
	size_t have = wire->len > h->trans_off ? wire->len - h->trans_off : 0;
	const char *name;

	fprintf(f, "%s ", name_ipproto(h->proto));
	if (have >= 4 && h->trans_len >= 4) {
		name = v6 ? icmp6_name(p[0]) : icmp_name(p[0]);
		if (name)
			fprintf(f, "%s, ", name);
		else
			fprintf(f, "type %u code %u, ", p[0], p[1]);
		if (have >= 8 && (v6 ? p[0] == 128 || p[0] == 129 : p[0] == 8 || p[0] == 0))
			fprintf(f, "id %u, seq %u, ", get16(p + 4), get16(p + 6));
	}
	fprintf(f, "length %u", h->trans_len);
}

static void print_transport(FILE *f, const struct options *opts, const struct headers *h,
			    const struct wire *wire)
{
	const char *name = name_ipproto(h->proto);

	if (h->transport && h->proto == IPPROTO_TCP)
		print_tcp(f, opts, h);
	else if (h->transport)
		fprintf(f, "%s, length %u", name, h->data_len);
	else if (!h->frag_off && (h->proto == IPPROTO_ICMP || h->proto == IPPROTO_ICMPV6))
		print_icmp(f, h, wire);
	else if (name)
		fprintf(f, "%s, length %u", name, h->trans_len);
	else
		fprintf(f, "ip-proto-%u, length %u", h->proto, h->trans_len);
}

static void print_ip(FILE *f, const struct options *opts, const struct headers *h,
		     const struct wire *wire)
{
	char src[NAME_LEN], dst[NAME_LEN], port[NAME_LEN];

	fprintf(f, "%s %s", h->ip == 4 ? "IP" : "IP6",
		name_host(src, h->ip, h->saddr, opts->numeric));
	if (h->transport)
		fprintf(f, ".%s", name_port(port, h->proto, h->sport, opts->numeric));
	fprintf(f, " > %s", name_host(dst, h->ip, h->daddr, opts->numeric));
	if (h->transport)
		fprintf(f, ".%s", name_port(port, h->proto, h->dport, opts->numeric));
	fputs(": ", f);
	print_transport(f, opts, h, wire);
	if (h->fragment)
		fprintf(f, ", fragment %u:%u@%u%s", h->frag_id, h->trans_len, h->frag_off,
			h->more ? "+" : "");
}

static void print_arp(FILE *f, const struct options *opts, const struct headers *h,
		      const struct wire *wire)
{
	const uint8_t *p = wire->data + h->net_off;
	size_t have = wire->len - h->net_off;
	char a[NAME_LEN], b[NAME_LEN];

	if (have < 28 || get16(p) != 1 || get16(p + 2) != ETH_P_IP || p[4] != 6 || p[5] != 4) {
		fprintf(f, "ARP, unknown, length %zu", have);
		return;
	}
	switch (get16(p + 6)) {
	case 1:
		fprintf(f, "ARP, Request who-has %s tell %s",
			name_host(a, 4, p + 24, opts->numeric),
			name_host(b, 4, p + 14, opts->numeric));
		break;
	case 2:
		fprintf(f, "ARP, Reply %s is-at %s", name_host(a, 4, p + 14, opts->numeric),
			name_mac(b, p + 8));
		break;
	default:
		fprintf(f, "ARP, operation %u", get16(p + 6));
	}
	fprintf(f, ", length %u", wire->wire_len - (uint32_t)h->net_off);
}

/* The part of a line from the link-layer header on. */
void print_headers(FILE *f, const struct options *opts, const struct headers *h,
		   const struct wire *wire)
{
	if (opts->link)
		print_link(f, h, wire);
	else if (h->nr_vlans)
		fprintf(f, "vlan %u, ", h->vlan[0] & 0xfff);
	if (h->ip)
		print_ip(f, opts, h, wire);
	else if (h->ip_bad)
		fprintf(f, "%s, bad or cut off, length %u", name_ethertype(h->ethertype),
			wire->wire_len);
	else if (h->ethertype == ETH_P_ARP)
		print_arp(f, opts, h, wire);
	else if (h->ether || h->ethertype)
		fprintf(f, "ethertype %s (0x%04x), length %u", name_ethertype(h->ethertype),
			h->ethertype, wire->wire_len);
	else
		fprintf(f, "data, length %u", wire->wire_len);
}

static void print_hex(FILE *f, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (i % 16 == 0)
			fprintf(f, "%s\t0x%04zx: ", i ? "\n" : "", i);
		fprintf(f, i % 2 ? "%02x" : " %02x", p[i]);
	}
	if (len)
		fputc('\n', f);
}

static void print_ascii(FILE *f, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		fputc((p[i] >= ' ' && p[i] < 127) || p[i] == '\n' || p[i] == '\t' ? p[i] : '.', f);
	fputc('\n', f);
}

/* -x and -A */
void print_bytes(FILE *f, const struct options *opts, const struct headers *h,
		 const struct wire *wire)
{
	if (opts->ascii)
		print_ascii(f, wire->data + h->net_off, wire->len - h->net_off);
	if (opts->hex > 1)
		print_hex(f, wire->data, wire->len);
	else if (opts->hex)
		print_hex(f, wire->data + h->net_off, wire->len - h->net_off);
}

void print_packet(FILE *f, const struct options *opts, const struct zcs_desc *desc,
		  const struct wire *wire)
{
	struct headers h;

	parse_packet(&h, wire);
	print_time(f, desc->ts_ns);
	print_where(f, desc);
	print_headers(f, opts, &h, wire);
	if (desc->missed)
		fprintf(f, " (%u missed before)", desc->missed);
	fputc('\n', f);
	print_bytes(f, opts, &h, wire);
}
