// SPDX-License-Identifier: GPL-2.0-only
/*
 * libzcs: network namespaces, by name or by path.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

int zcs_netns_open(const char *netns)
{
	char path[PATH_MAX];
	int fd;

	if (strchr(netns, '/'))
		snprintf(path, sizeof(path), "%s", netns);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A socket stays in the namespace where it was made; the thread comes back. */
static int socket_in(int there, int family, int type)
{
	int back, fd, err;

	back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (back < 0)
		return -errno;
	if (setns(there, CLONE_NEWNET)) {
		fd = -errno;
		goto out;
	}
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	if (setns(back, CLONE_NEWNET)) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		fd = err;
	}
out:
	close(back);
	return fd;
}

int zcs_netns_socket(const char *netns, int family, int type)
{
	int there, fd;

	if (!netns) {
		fd = socket(family, type | SOCK_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	there = zcs_netns_open(netns);
	if (there < 0)
		return there;
	fd = socket_in(there, family, type);
	close(there);
	return fd;
}
