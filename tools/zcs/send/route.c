// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsend: the kernel's routes and neighbours, by rtnetlink.
 */

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zcsend.h"

#define VALID_STATES	(NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | \
			 NUD_PROBE)

/* A message with room for attributes. */
struct request {
	struct nlmsghdr	nlh;
	union {
		struct rtmsg	rtm;
		struct ndmsg	ndm;
	};
	uint8_t		attrs[64];
};

static int family(int ip)
{
	return ip == 4 ? AF_INET : AF_INET6;
}

static size_t addr_len(int ip)
{
	return ip == 4 ? 4 : 16;
}

static void add_attr(struct request *req, unsigned short type, const void *data, size_t len)
{
	struct rtattr *rta = (void *)((char *)req + NLMSG_ALIGN(req->nlh.nlmsg_len));

	rta->rta_type = type;
	rta->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(rta), data, len);
	req->nlh.nlmsg_len = (uint32_t)(NLMSG_ALIGN(req->nlh.nlmsg_len) + RTA_ALIGN(rta->rta_len));
}

/* Send a request; a descriptor to read the answers from, or a negative errno. */
static int ask(const struct request *req)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int err;

	if (fd < 0)
		return -errno;
	if (send(fd, req, req->nlh.nlmsg_len, 0) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void read_route(struct route *route, const struct nlmsghdr *nlh, int ip)
{
	const struct rtmsg *rtm = NLMSG_DATA(nlh);
	const struct rtattr *rta = RTM_RTA(rtm);
	int len = (int)RTM_PAYLOAD(nlh);

	route->broadcast = rtm->rtm_type == RTN_BROADCAST;
	for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len)) {
		size_t size = RTA_PAYLOAD(rta);

		if (rta->rta_type == RTA_OIF && size == sizeof(route->ifindex)) {
			memcpy(&route->ifindex, RTA_DATA(rta), size);
		} else if (rta->rta_type == RTA_GATEWAY && size == addr_len(ip)) {
			memcpy(route->gateway.addr, RTA_DATA(rta), size);
		} else if (rta->rta_type == RTA_PREFSRC && size == addr_len(ip)) {
			route->src.ip = ip;
			memcpy(route->src.addr, RTA_DATA(rta), size);
		}
	}
}

/* Ask for the route to @dst, out of @ifindex unless that is 0. */
int route_lookup(struct route *route, const struct endpoint *dst, unsigned int ifindex)
{
	struct request req = {
		.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.rtm)),
		.nlh.nlmsg_type = RTM_GETROUTE,
		.nlh.nlmsg_flags = NLM_F_REQUEST,
	};
	struct nlmsghdr answer[1024];
	ssize_t len;
	int fd;

	req.rtm.rtm_family = (unsigned char)family(dst->ip);
	req.rtm.rtm_dst_len = (unsigned char)(addr_len(dst->ip) * 8);
	add_attr(&req, RTA_DST, dst->addr, addr_len(dst->ip));
	if (ifindex)
		add_attr(&req, RTA_OIF, &ifindex, sizeof(ifindex));
	memset(route, 0, sizeof(*route));
	route->gateway = *dst;
	fd = ask(&req);
	if (fd < 0)
		return fd;
	len = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	if (len < 0)
		return -errno;
	if (!NLMSG_OK(answer, (size_t)len))
		return -EBADMSG;
	if (answer->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(answer))->error ? : -EBADMSG;
	if (answer->nlmsg_type != RTM_NEWROUTE)
		return -EBADMSG;
	read_route(route, answer, dst->ip);
	return 0;
}

/* Is this entry about the address? Then take its MAC address. */
static bool read_neighbour(uint8_t mac[6], const struct nlmsghdr *nlh,
			   const struct endpoint *addr, unsigned int ifindex)
{
	const struct ndmsg *ndm = NLMSG_DATA(nlh);
	const struct rtattr *rta = (const void *)((const char *)ndm + NLMSG_ALIGN(sizeof(*ndm)));
	int len = (int)NLMSG_PAYLOAD(nlh, sizeof(*ndm));
	const void *lladdr = NULL;
	bool same = false;

	if ((unsigned int)ndm->ndm_ifindex != ifindex || !(ndm->ndm_state & VALID_STATES))
		return false;
	for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len)) {
		if (rta->rta_type == NDA_DST && RTA_PAYLOAD(rta) == addr_len(addr->ip))
			same = !memcmp(RTA_DATA(rta), addr->addr, addr_len(addr->ip));
		else if (rta->rta_type == NDA_LLADDR && RTA_PAYLOAD(rta) == 6)
			lladdr = RTA_DATA(rta);
	}
	if (!same || !lladdr)
		return false;
	memcpy(mac, lladdr, 6);
	return true;
}

/* The MAC address of a neighbour; -ENOENT if the kernel knows none. */
int neighbour_lookup(uint8_t mac[6], const struct endpoint *addr, unsigned int ifindex)
{
	struct request req = {
		.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.ndm)),
		.nlh.nlmsg_type = RTM_GETNEIGH,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	};
	struct nlmsghdr answer[2048], *nlh;
	int fd, ret = -EAGAIN;
	ssize_t len;

	req.ndm.ndm_family = (unsigned char)family(addr->ip);
	fd = ask(&req);
	if (fd < 0)
		return fd;
	while (ret == -EAGAIN) {
		len = recv(fd, answer, sizeof(answer), 0);
		if (len <= 0) {
			ret = len ? -errno : -EBADMSG;
			break;
		}
		for (nlh = answer; NLMSG_OK(nlh, (size_t)len) && ret == -EAGAIN;
		     nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_type == NLMSG_DONE)
				ret = -ENOENT;
			else if (nlh->nlmsg_type == NLMSG_ERROR)
				ret = ((struct nlmsgerr *)NLMSG_DATA(nlh))->error ? : -EBADMSG;
			else if (nlh->nlmsg_type == RTM_NEWNEIGH &&
				 read_neighbour(mac, nlh, addr, ifindex))
				ret = 0;
		}
	}
	close(fd);
	return ret;
}
