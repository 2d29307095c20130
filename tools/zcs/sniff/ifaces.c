// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: names of interfaces, in whichever network namespace they are.
 *
 * A packet tells its namespace by cookie. A socket that was made in a namespace
 * answers for it, so each namespace that shows up gets one. Those that have no
 * name in /run/netns are found through the processes in them.
 */

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zcsniff.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif

#define NR_BUCKETS	256

/**
 * struct netns - a network namespace
 * @next: one more
 * @cookie: its cookie
 * @fd: a socket in it; -1 if it could not be found
 * @name: its name; "" for the one captured in
 */
struct netns {
	struct netns	*next;
	uint64_t	cookie;
	int		fd;
	char		name[64];
};

static struct iface *buckets[NR_BUCKETS];
static struct iface *latest;
static struct netns *known;
static uint64_t own_cookie;

static uint64_t cookie_of(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		return 0;
	return cookie;
}

static struct netns *add_netns(uint64_t cookie, int fd, const char *name)
{
	struct netns *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return NULL;
	ns->cookie = cookie;
	ns->fd = fd;
	snprintf(ns->name, sizeof(ns->name), "%s", name);
	ns->next = known;
	known = ns;
	return ns;
}

/* A socket in the namespace at a path, if that has the cookie; else -1. */
static int try_path(const char *path, uint64_t cookie)
{
	int fd = zcs_netns_socket(path, AF_INET, SOCK_DGRAM);

	if (fd >= 0 && cookie_of(fd) != cookie) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -1 : fd;
}

/* Look in a folder for the namespace; @suffix leads from an entry to it. */
static int search(const char *folder, const char *suffix, uint64_t cookie, char *name, size_t len)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];
	int fd = -1;

	if (!dir)
		return -1;
	while (fd < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || (*suffix && !strchr("123456789", entry->d_name[0])))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", folder, entry->d_name, suffix);
		fd = try_path(path, cookie);
		if (fd >= 0)
			snprintf(name, len, "%s%.40s", *suffix ? "pid " : "", entry->d_name);
	}
	closedir(dir);
	return fd;
}

static struct netns *find_netns(uint64_t cookie)
{
	struct netns *ns;
	char name[64];
	int fd;

	if (!cookie)
		cookie = own_cookie;
	for (ns = known; ns; ns = ns->next)
		if (ns->cookie == cookie)
			return ns;
	snprintf(name, sizeof(name), "netns %llu", (unsigned long long)cookie);
	fd = search("/run/netns", "", cookie, name, sizeof(name));
	if (fd < 0)
		fd = search("/proc", "/ns/net", cookie, name, sizeof(name));
	return add_netns(cookie, fd, name);
}

int ifaces_init(const char *netns)
{
	int fd;

	fd = zcs_netns_socket(netns && !strcmp(netns, "all") ? NULL : netns, AF_INET, SOCK_DGRAM);
	if (fd < 0)
		return fd;
	own_cookie = cookie_of(fd);
	return add_netns(own_cookie, fd, "") ? 0 : -ENOMEM;
}

void ifaces_uninit(void)
{
	struct netns *ns;
	struct iface *ifc;
	unsigned int i;

	while ((ns = known)) {
		known = ns->next;
		if (ns->fd >= 0)
			close(ns->fd);
		free(ns);
	}
	for (i = 0; i < NR_BUCKETS; i++) {
		while ((ifc = buckets[i])) {
			buckets[i] = ifc->next;
			free(ifc);
		}
	}
	latest = NULL;
}

static void find_name(struct iface *ifc)
{
	struct netns *ns = find_netns(ifc->netns);
	struct ifreq ifr = { .ifr_ifindex = (int)ifc->ifindex };

	if (ns)
		memcpy(ifc->netns_name, ns->name, sizeof(ifc->netns_name));
	if (!ifc->ifindex)
		snprintf(ifc->name, sizeof(ifc->name), "unknown");
	else if (ns && ns->fd >= 0 && !ioctl(ns->fd, SIOCGIFNAME, &ifr))
		snprintf(ifc->name, sizeof(ifc->name), "%.*s", IFNAMSIZ, ifr.ifr_name);
	else
		snprintf(ifc->name, sizeof(ifc->name), "if%u", ifc->ifindex);
}

/* The interface; NULL if there is no memory. */
struct iface *iface_find(uint64_t netns, uint32_t ifindex)
{
	struct iface **bucket, *ifc = latest;
	unsigned int i;

	if (ifc && ifc->ifindex == ifindex && ifc->netns == netns)
		return ifc;
	bucket = &buckets[(ifindex ^ netns * 31) % NR_BUCKETS];
	for (ifc = *bucket; ifc; ifc = ifc->next)
		if (ifc->ifindex == ifindex && ifc->netns == netns)
			break;
	if (!ifc) {
		ifc = calloc(1, sizeof(*ifc));
		if (!ifc)
			return NULL;
		ifc->netns = netns;
		ifc->ifindex = ifindex;
		for (i = 0; i < NR_LINKS; i++)
			ifc->id[i] = -1;
		find_name(ifc);
		ifc->next = *bucket;
		*bucket = ifc;
	}
	latest = ifc;
	return ifc;
}

/* No interface is described in the file yet. */
void ifaces_new_file(void)
{
	struct iface *ifc;
	unsigned int i, j;

	for (i = 0; i < NR_BUCKETS; i++)
		for (ifc = buckets[i]; ifc; ifc = ifc->next)
			for (j = 0; j < NR_LINKS; j++)
				ifc->id[j] = -1;
}
