// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: ZCS_IOC_SETUP refuses every bad argument, and says what it
 * made of a good one; calls come in their order.
 *
 * Needs CONFIG_ZC_SNIFFER and root. Runs in a network namespace of its own.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

FIXTURE(setup)
{
	struct zcs_setup arg;
	long page;
	int ns;
	int fd;
};

FIXTURE_SETUP(setup)
{
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	self->fd = zcs_open();
	ASSERT_LE(0, self->fd) TH_LOG("no " ZCS_DEV);
	self->page = sysconf(_SC_PAGESIZE);
	zcs_defaults(&self->arg);
}

FIXTURE_TEARDOWN(setup)
{
	close(self->fd);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

static int try_setup(int fd, const struct zcs_setup *arg)
{
	struct zcs_setup copy = *arg;

	return ioctl(fd, ZCS_IOC_SETUP, &copy) ? errno : 0;
}

/* Set one field to a bad value: refused, and a good call works after it. */
#define EXPECT_REFUSED(error, field, value)				\
do {									\
	struct zcs_setup arg_ = self->arg;				\
									\
	arg_.field = (value);						\
	EXPECT_EQ(error, try_setup(self->fd, &arg_)) {			\
		TH_LOG(#field " = " #value);				\
	}								\
} while (0)

TEST_F(setup, tells_the_sizes_of_the_mappings)
{
	struct zcs_setup *arg = &self->arg;

	ASSERT_EQ(0, ioctl(self->fd, ZCS_IOC_SETUP, arg));
	EXPECT_EQ(sysconf(_SC_NPROCESSORS_CONF), arg->nr_rings);
	EXPECT_LE(arg->nr_slots * sizeof(struct zcs_desc), arg->ring_size);
	EXPECT_EQ(0, arg->ring_size % self->page);
	EXPECT_LE(arg->nr_rings * sizeof(struct zcs_tail), arg->tails_size);
	EXPECT_EQ(0, arg->tails_size % self->page);
	EXPECT_LT(0, arg->data_size);
	EXPECT_EQ(0, arg->data_size % self->page);
	EXPECT_EQ(0, arg->reserved2);
}

TEST_F(setup, slots_are_a_power_of_two_within_limits)
{
	static const __u32 bad[] = {
		0, 1, 2, ZCS_SLOTS_MIN / 2, ZCS_SLOTS_MIN - 1,
		ZCS_SLOTS_MIN + 1, 1000, ZCS_SLOTS_MAX - 1, ZCS_SLOTS_MAX + 1,
		ZCS_SLOTS_MAX * 2, 1U << 31, ~0U, (__u32)-16,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_REFUSED(EINVAL, nr_slots, bad[i]);
	self->arg.nr_slots = ZCS_SLOTS_MIN;
	EXPECT_EQ(0, try_setup(self->fd, &self->arg));
}

TEST_F(setup, refuses_unknown_flags)
{
	unsigned int bit;

	for (bit = 1; bit < 32; bit++)
		EXPECT_REFUSED(EINVAL, flags, 1U << bit);
}

TEST_F(setup, refuses_unknown_points_and_directions)
{
	EXPECT_REFUSED(EINVAL, point, ZCS_POINT_FREE + 1);
	EXPECT_REFUSED(EINVAL, point, ~0U);
	EXPECT_REFUSED(EINVAL, direction, ZCS_DIR_IN | ZCS_DIR_OUT | 4);
	EXPECT_REFUSED(EINVAL, direction, 1U << 31);
}

TEST_F(setup, refuses_what_is_reserved)
{
	EXPECT_REFUSED(EINVAL, reserved, 1);
	EXPECT_REFUSED(EINVAL, reserved, 1U << 31);
	EXPECT_REFUSED(EINVAL, reserved2, 1);
}

TEST_F(setup, watermark_is_at_most_the_slots)
{
	EXPECT_REFUSED(EINVAL, watermark, self->arg.nr_slots + 1);
	EXPECT_REFUSED(EINVAL, watermark, ~0U);
	self->arg.watermark = self->arg.nr_slots;
	EXPECT_EQ(0, try_setup(self->fd, &self->arg));
}

TEST_F(setup, refuses_what_is_no_namespace)
{
	int zero = open("/dev/zero", O_RDONLY);

	ASSERT_LE(0, zero);
	EXPECT_REFUSED(EINVAL, netns_fd, zero);
	EXPECT_REFUSED(EBADF, netns_fd, 4242);
	EXPECT_REFUSED(EINVAL, netns_fd, -2);
	EXPECT_REFUSED(EINVAL, netns_fd, INT32_MIN);
	close(zero);
	self->arg.netns_fd = self->ns;
	EXPECT_EQ(0, try_setup(self->fd, &self->arg));
}

TEST_F(setup, all_namespaces_are_not_one)
{
	self->arg.flags = ZCS_SETUP_ALL_NETNS;
	EXPECT_REFUSED(EINVAL, netns_fd, self->ns);
	EXPECT_EQ(0, try_setup(self->fd, &self->arg));
}

TEST_F(setup, free_point_knows_no_namespace)
{
	self->arg.point = ZCS_POINT_FREE;
	EXPECT_EQ(EINVAL, try_setup(self->fd, &self->arg));
	self->arg.flags = ZCS_SETUP_ALL_NETNS;
	EXPECT_EQ(0, try_setup(self->fd, &self->arg));
}

TEST_F(setup, refuses_a_wrong_size)
{
	EXPECT_REFUSED(EINVAL, size, 0);
	EXPECT_REFUSED(EINVAL, size, 4);
	EXPECT_REFUSED(EINVAL, size, sizeof(struct zcs_setup) - 1);
	EXPECT_REFUSED(EINVAL, size, ~0U);
	EXPECT_REFUSED(EINVAL, size, 1U << 31);
}

/* A program compiled with a later header may use what this kernel knows. */
TEST_F(setup, takes_a_longer_struct_if_the_rest_is_zero)
{
	struct {
		struct zcs_setup known;
		char later[64];
	} arg = { .known = self->arg };

	arg.known.size = sizeof(arg);
	arg.later[63] = 1;
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_SETUP, &arg));
	EXPECT_EQ(E2BIG, errno);
	arg.later[63] = 0;
	EXPECT_EQ(0, ioctl(self->fd, ZCS_IOC_SETUP, &arg));
	EXPECT_LT(0, arg.known.nr_rings);
}

TEST_F(setup, faults_on_memory_that_is_not_there)
{
	struct zcs_setup *hole;

	hole = mmap(NULL, self->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	ASSERT_NE(MAP_FAILED, hole);
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_SETUP, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_SETUP, hole));
	EXPECT_EQ(EFAULT, errno);
	/* Readable, so all is well until the answer is written. */
	ASSERT_EQ(0, mprotect(hole, self->page, PROT_READ | PROT_WRITE));
	*hole = self->arg;
	ASSERT_EQ(0, mprotect(hole, self->page, PROT_READ));
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_SETUP, hole));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(setup, works_once)
{
	EXPECT_EQ(0, try_setup(self->fd, &self->arg));
	EXPECT_EQ(EBUSY, try_setup(self->fd, &self->arg));
}

/* As much as the ring can be: 256 MiB a ring. Either it is there or it is not. */
TEST_F(setup, largest_ring_and_limit_are_refused_or_work)
{
	int err;

	self->arg.nr_slots = ZCS_SLOTS_MAX;
	self->arg.limit = ~0ULL;
	err = try_setup(self->fd, &self->arg);
	EXPECT_TRUE(err == 0 || err == ENOMEM || err == EINVAL) {
		TH_LOG("errno %d", err);
	}
	if (err == 0)
		EXPECT_EQ(0, ioctl(self->fd, ZCS_IOC_START));
}

TEST_F(setup, comes_before_everything_else)
{
	struct zcs_desc desc;
	char byte;

	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_START));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_STOP));
	EXPECT_EQ(EALREADY, errno);
	EXPECT_EQ(-1, read(self->fd, &desc, sizeof(desc)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, &desc, sizeof(desc)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->fd, ZCS_OFF_RINGS));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->fd, ZCS_OFF_TAILS));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->fd, ZCS_OFF_TX_RING));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->fd, ZCS_OFF_TX));
	EXPECT_EQ(-1, pread(self->fd, &byte, 1, 0));
}

TEST_F(setup, poll_before_it_does_not_block_for_ever)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN | POLLOUT };
	int ret = poll(&pfd, 1, 0);

	EXPECT_TRUE(ret == 0 || (pfd.revents & (POLLERR | POLLNVAL))) {
		TH_LOG("poll %d events %#x", ret, pfd.revents);
	}
}

TEST_F(setup, unknown_calls_are_no_calls)
{
	unsigned int nr;
	char arg[256] = {};

	for (nr = 8; nr < 256; nr++) {
		EXPECT_EQ(-1, ioctl(self->fd, _IO(ZCS_IOC_TYPE, nr), arg));
		EXPECT_EQ(ENOTTY, errno);
	}
	EXPECT_EQ(-1, ioctl(self->fd, _IO(ZCS_IOC_TYPE + 1, 0), arg));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_F(setup, starts_and_stops_in_turn)
{
	struct zcs_stats stats;

	ASSERT_EQ(0, ioctl(self->fd, ZCS_IOC_SETUP, &self->arg));
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_STOP));
	EXPECT_EQ(EALREADY, errno);
	EXPECT_EQ(0, ioctl(self->fd, ZCS_IOC_START));
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_START));
	EXPECT_EQ(EALREADY, errno);
	EXPECT_EQ(0, ioctl(self->fd, ZCS_IOC_STOP));
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_STOP));
	EXPECT_EQ(EALREADY, errno);
	EXPECT_EQ(0, ioctl(self->fd, ZCS_IOC_START));
	EXPECT_EQ(0, zcs_stats(self->fd, &stats));
	EXPECT_EQ(sizeof(stats), stats.size);
	EXPECT_EQ(0, stats.passed);
}

TEST_F(setup, statistics_check_their_argument)
{
	struct zcs_stats stats = { .size = 4 };

	ASSERT_EQ(0, ioctl(self->fd, ZCS_IOC_SETUP, &self->arg));
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_STATS, &stats));
	EXPECT_EQ(EINVAL, errno);
	stats.size = 0;
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_STATS, &stats));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, ZCS_IOC_STATS, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_HARNESS_MAIN
