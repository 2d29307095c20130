// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: promiscuous mode, held by a packet socket that never receives: its
 * protocol is 0. It ends with the process.
 */

#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "zcsniff.h"

#ifndef SOL_PACKET
#define SOL_PACKET	263
#endif

int promisc_hold(const struct options *opts)
{
	struct packet_mreq mreq = { .mr_type = PACKET_MR_PROMISC };
	struct ifreq ifr = { 0 };
	int fd;

	if (!opts->ifname || opts->no_promisc)
		return 0;
	fd = zcs_netns_socket(opts->netns, AF_PACKET, SOCK_RAW);
	if (fd < 0)
		return fd;
	strncpy(ifr.ifr_name, opts->ifname, sizeof(ifr.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFINDEX, &ifr))
		return -errno;
	mreq.mr_ifindex = ifr.ifr_ifindex;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)))
		return -errno;
	return 0;
}
