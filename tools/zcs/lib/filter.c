// SPDX-License-Identifier: GPL-2.0-only
/*
 * libzcs: filter expressions, compiled by libpcap and run by the kernel.
 *
 * There are two programs, for packets with and without a link-layer header. The
 * first is compiled on a live handle of libpcap: only there does it know that
 * the kernel keeps VLAN tags beside the bytes of a packet.
 */

#include <errno.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

/* What a filter lets pass of a packet: all, as far as libpcap knows lengths. */
#define SNAPLEN		262144

static int attach(struct zcs *z, unsigned int link, const void *insns, unsigned int len)
{
	struct zcs_filter filter = {
		.size = sizeof(filter),
		.kind = insns ? ZCS_FILTER_CLASSIC : ZCS_FILTER_NONE,
		.link = link,
		.len = len,
		.insns = (uintptr_t)insns,
	};

	return ioctl(z->fd, ZCS_IOC_FILTER, &filter) ? -errno : 0;
}

static pcap_t *open_live(void)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_create("lo", err);

	if (!pcap)
		return NULL;
	if (pcap_set_snaplen(pcap, SNAPLEN) || pcap_activate(pcap) < 0 ||
	    pcap_datalink(pcap) != DLT_EN10MB) {
		pcap_close(pcap);
		return NULL;
	}
	return pcap;
}

static int compile_ether(const char *expression, struct bpf_program *prog, char *err)
{
	pcap_t *pcap = open_live();
	int ret = 0;

	if (!pcap && strstr(expression, "vlan")) {
		zcs_err(err, "a filter with vlan needs the interface lo, up, to be compiled");
		return -ENETDOWN;
	}
	if (!pcap)
		pcap = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	if (!pcap) {
		zcs_err(err, "no memory");
		return -ENOMEM;
	}
	if (pcap_compile(pcap, prog, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		zcs_err(err, "filter: %s", pcap_geterr(pcap));
		ret = -EINVAL;
	}
	pcap_close(pcap);
	return ret;
}

/* No program at all: the expression is about link-layer headers. */
static int compile_raw(const char *expression, struct bpf_program *prog)
{
	pcap_t *pcap = pcap_open_dead(DLT_RAW, SNAPLEN);
	int ret;

	if (!pcap)
		return -ENOMEM;
	ret = pcap_compile(pcap, prog, expression, 1, PCAP_NETMASK_UNKNOWN);
	pcap_close(pcap);
	return ret ? -EINVAL : 0;
}

int zcs_set_filter(struct zcs *z, const char *expression, char *err)
{
	static const struct sock_filter reject = BPF_STMT(BPF_RET | BPF_K, 0);
	struct bpf_program ether, raw;
	int ret;

	if (!expression || !*expression) {
		ret = attach(z, ZCS_LINK_ETHER, NULL, 0);
		if (!ret)
			ret = attach(z, ZCS_LINK_RAW, NULL, 0);
		goto out;
	}
	ret = compile_ether(expression, &ether, err);
	if (ret)
		return ret;
	ret = attach(z, ZCS_LINK_ETHER, ether.bf_insns, ether.bf_len);
	pcap_freecode(&ether);
	if (ret)
		goto out;
	if (compile_raw(expression, &raw)) {
		ret = attach(z, ZCS_LINK_RAW, &reject, 1);
	} else {
		ret = attach(z, ZCS_LINK_RAW, raw.bf_insns, raw.bf_len);
		pcap_freecode(&raw);
	}
out:
	if (ret)
		zcs_err(err, "the kernel refuses the filter: %s", strerror(-ret));
	return ret;
}
