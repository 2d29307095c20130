// SPDX-License-Identifier: GPL-2.0-only
/*
 * libzcs: a handle for capture: the device, its setup and its mappings.
 */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

/* What the kernel maps at once when both sides are aligned to it. */
#define HUGE_SIZE	(2UL << 20)

int zcs_device_open(char *err)
{
	int fd = open(ZCS_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		zcs_err(err, "no %s: the kernel has no zero-copy sniffer, or its module is not loaded (modprobe zc_sniffer)",
			ZCS_DEVICE);
	else if (errno == EPERM || errno == EACCES)
		zcs_err(err, "%s: needs CAP_NET_RAW and CAP_NET_ADMIN in the initial user namespace",
			ZCS_DEVICE);
	else
		zcs_err(err, "%s: %s", ZCS_DEVICE, strerror(errno));
	return -1;
}

/* Index of an interface in a namespace; 0 with errno and @err. */
static unsigned int find_interface(const struct zcs_options *opts, char *err)
{
	struct ifreq ifr = { 0 };
	int fd, ret;

	if (strlen(opts->ifname) >= sizeof(ifr.ifr_name)) {
		errno = ENODEV;
		zcs_err(err, "%s: no such interface: the name is too long", opts->ifname);
		return 0;
	}
	fd = zcs_netns_socket(opts->netns, AF_INET, SOCK_DGRAM);
	if (fd < 0) {
		errno = -fd;
		zcs_err(err, "network namespace %s: %s", opts->netns ? opts->netns : "(own)",
			strerror(errno));
		return 0;
	}
	strcpy(ifr.ifr_name, opts->ifname);
	ret = ioctl(fd, SIOCGIFINDEX, &ifr);
	close(fd);
	if (ret) {
		errno = ENODEV;
		zcs_err(err, "%s: no such interface", opts->ifname);
		return 0;
	}
	return ifr.ifr_ifindex;
}

static int do_setup(struct zcs *z, const struct zcs_options *opts, struct zcs_setup *setup,
		    char *err)
{
	bool all = opts->netns && !strcmp(opts->netns, "all");
	int ret;

	*setup = (struct zcs_setup) {
		.size = sizeof(*setup),
		.flags = all ? ZCS_SETUP_ALL_NETNS : 0,
		.point = opts->point,
		.direction = opts->direction,
		.nr_slots = opts->nr_slots ? opts->nr_slots : ZCS_DEFAULT_SLOTS,
		.snaplen = opts->snaplen,
		.netns_fd = -1,
		.watermark = opts->watermark,
		.limit = opts->limit ? opts->limit : ZCS_DEFAULT_LIMIT,
	};
	if (opts->ifname) {
		if (all) {
			errno = EINVAL;
			zcs_err(err, "an interface is of one namespace, not of all");
			return -1;
		}
		setup->ifindex = find_interface(opts, err);
		if (!setup->ifindex)
			return -1;
	}
	if (opts->netns && !all) {
		setup->netns_fd = zcs_netns_open(opts->netns);
		if (setup->netns_fd < 0) {
			errno = -setup->netns_fd;
			zcs_err(err, "network namespace %s: %s", opts->netns, strerror(errno));
			return -1;
		}
	}
	ret = ioctl(z->fd, ZCS_IOC_SETUP, setup);
	if (ret && errno == ENOMEM)
		zcs_err(err, "no memory for %u slots and %llu bytes; RLIMIT_MEMLOCK counts without CAP_IPC_LOCK",
			setup->nr_slots, (unsigned long long)setup->limit);
	else if (ret)
		zcs_err(err, "the kernel refuses the setup: %s", strerror(errno));
	if (setup->netns_fd >= 0) {
		int saved = errno;

		close(setup->netns_fd);
		errno = saved;
	}
	return ret;
}

/* Map the data at an address that huge pages fit. */
static int map_data(struct zcs *z, uint64_t size)
{
	uint8_t *room, *start, *end;
	void *data;

	room = mmap(NULL, size + HUGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (room == MAP_FAILED)
		return -1;
	start = (uint8_t *)(((uintptr_t)room + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	end = start + size;
	data = mmap(start, size, PROT_READ, MAP_SHARED | MAP_FIXED, z->fd, ZCS_OFF_DATA);
	if (data == MAP_FAILED) {
		munmap(room, size + HUGE_SIZE);
		return -1;
	}
	if (start > room)
		munmap(room, start - room);
	if (end < room + size + HUGE_SIZE)
		munmap(end, room + size + HUGE_SIZE - end);
	z->data = data;
	z->data_size = size;
	return 0;
}

static int map_all(struct zcs *z, const struct zcs_setup *setup)
{
	int ret;

	if (map_data(z, setup->data_size))
		return -1;
	z->rings_len = setup->ring_size * setup->nr_rings;
	z->rings_map = mmap(NULL, z->rings_len, PROT_READ, MAP_SHARED, z->fd, ZCS_OFF_RINGS);
	if (z->rings_map == MAP_FAILED)
		return -1;
	z->tails_len = setup->tails_size;
	z->tails_map = mmap(NULL, z->tails_len, PROT_READ | PROT_WRITE, MAP_SHARED, z->fd,
			    ZCS_OFF_TAILS);
	if (z->tails_map == MAP_FAILED)
		return -1;
	ret = zcs_rings_init(z, z->rings_map, setup->ring_size, setup->nr_rings, z->tails_map);
	errno = -ret;
	return ret;
}

struct zcs *zcs_open(const struct zcs_options *opts, char *err)
{
	struct zcs *z = calloc(1, sizeof(*z));
	struct zcs_setup setup;

	if (!z) {
		zcs_err(err, "no memory");
		return NULL;
	}
	z->rings_map = MAP_FAILED;
	z->tails_map = MAP_FAILED;
	z->fd = zcs_device_open(err);
	if (z->fd < 0)
		goto err_close;
	if (do_setup(z, opts, &setup, err))
		goto err_close;
	if (map_all(z, &setup)) {
		zcs_err(err, "%s: mmap: %s", ZCS_DEVICE, strerror(errno));
		goto err_close;
	}
	return z;

err_close:
	zcs_close(z);
	return NULL;
}

void zcs_close(struct zcs *z)
{
	int saved = errno;

	if (!z)
		return;
	zcs_rings_uninit(z);
	if (z->data)
		munmap((void *)z->data, z->data_size);
	if (z->rings_map != MAP_FAILED)
		munmap(z->rings_map, z->rings_len);
	if (z->tails_map != MAP_FAILED)
		munmap(z->tails_map, z->tails_len);
	if (z->fd >= 0)
		close(z->fd);
	free(z);
	errno = saved;
}

int zcs_start(struct zcs *z)
{
	return ioctl(z->fd, ZCS_IOC_START) ? -errno : 0;
}

int zcs_stop(struct zcs *z)
{
	return ioctl(z->fd, ZCS_IOC_STOP) ? -errno : 0;
}

int zcs_fd(const struct zcs *z)
{
	return z->fd;
}

int zcs_stats(const struct zcs *z, struct zcs_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	return ioctl(z->fd, ZCS_IOC_STATS, stats) ? -errno : 0;
}
