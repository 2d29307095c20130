// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: only who has CAP_NET_RAW and CAP_NET_ADMIN in the initial
 * user namespace opens it; locked memory is charged and given back.
 *
 * Needs CONFIG_ZC_SNIFFER, CONFIG_USER_NS and root.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

FIXTURE(permission)
{
	int ns;
};

FIXTURE_SETUP(permission)
{
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
}

FIXTURE_TEARDOWN(permission)
{
	close(self->ns);
}

/* Give up a capability for good, staying root by number. */
static int drop(unsigned int cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[CAP_TO_INDEX(cap)].effective &= ~CAP_TO_MASK(cap);
	data[CAP_TO_INDEX(cap)].permitted &= ~CAP_TO_MASK(cap);
	data[CAP_TO_INDEX(cap)].inheritable &= ~CAP_TO_MASK(cap);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static int put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);
	ssize_t ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret < 0 ? -errno : 0;
}

TEST_F(permission, root_opens_it)
{
	int fd = zcs_open();

	EXPECT_LE(0, fd);
	close(fd);
}

TEST_F(permission, only_root_may_see_it)
{
	struct stat st;

	ASSERT_EQ(0, stat(ZCS_DEV, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_mode & 077);
}

TEST_F(permission, needs_net_raw)
{
	ASSERT_EQ(0, drop(CAP_NET_RAW));
	EXPECT_EQ(-EPERM, zcs_open());
}

TEST_F(permission, needs_net_admin)
{
	ASSERT_EQ(0, drop(CAP_NET_ADMIN));
	EXPECT_EQ(-EPERM, zcs_open());
}

/* The mode of the file is not what keeps others out. */
TEST_F(permission, needs_them_even_if_the_file_is_for_all)
{
	struct stat st;
	int err;

	ASSERT_EQ(0, stat(ZCS_DEV, &st));
	ASSERT_EQ(0, chmod(ZCS_DEV, 0666));
	ASSERT_EQ(0, seteuid(65534));
	err = zcs_open();
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, chmod(ZCS_DEV, st.st_mode & 07777));
	EXPECT_EQ(-EPERM, err);
}

/* Root of a user namespace has both capabilities, but not those that count. */
TEST_F(permission, refuses_root_of_a_user_namespace)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) && errno == EINVAL)
		SKIP(return, "no CONFIG_USER_NS");
	ASSERT_EQ(0, put("/proc/self/uid_map", "0 0 1\n"));
	ASSERT_EQ(0, getuid());
	EXPECT_EQ(-EPERM, zcs_open());
}

TEST_F(permission, works_without_other_capabilities)
{
	unsigned int cap;
	int fd;

	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap != CAP_NET_RAW && cap != CAP_NET_ADMIN)
			ASSERT_EQ(0, drop(cap));
	fd = zcs_open();
	EXPECT_LE(0, fd);
	close(fd);
}

/* === Locked memory ======================================================= */

static int lock_limit(rlim_t bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

#define MIB	(1U << 20)

static int setup_of(unsigned int mib, struct zcs_reader *reader)
{
	struct zcs_setup setup;

	zcs_defaults(&setup);
	setup.nr_slots = ZCS_SLOTS_MIN;
	setup.limit = (__u64)mib * MIB;
	return zcs_reader_open(reader, &setup);
}

TEST_F(permission, limit_is_charged_to_locked_memory)
{
	struct zcs_reader reader;

	ASSERT_EQ(0, lock_limit(8 * MIB));
	ASSERT_EQ(0, drop(CAP_IPC_LOCK));
	EXPECT_EQ(-ENOMEM, setup_of(16, &reader));
	EXPECT_EQ(0, setup_of(4, &reader));
	zcs_reader_close(&reader);
}

TEST_F(permission, rings_are_charged_to_locked_memory)
{
	struct zcs_reader reader;
	struct zcs_setup setup;

	ASSERT_EQ(0, lock_limit(4 * MIB));
	ASSERT_EQ(0, drop(CAP_IPC_LOCK));
	zcs_defaults(&setup);
	setup.limit = MIB;
	setup.nr_slots = 16384;
	EXPECT_EQ(-ENOMEM, zcs_reader_open(&reader, &setup));
	setup.nr_slots = ZCS_SLOTS_MIN;
	EXPECT_EQ(0, zcs_reader_open(&reader, &setup));
	zcs_reader_close(&reader);
}

TEST_F(permission, chunks_to_send_are_charged_to_locked_memory)
{
	struct zcs_tx_setup tx = {
		.size = sizeof(tx),
		.nr_chunks = 2048,
		.chunk_size = 4096,
	};
	int fd;

	ASSERT_EQ(0, lock_limit(4 * MIB));
	ASSERT_EQ(0, drop(CAP_IPC_LOCK));
	fd = zcs_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, ioctl(fd, ZCS_IOC_TX_SETUP, &tx));
	EXPECT_EQ(ENOMEM, errno);
	tx.nr_chunks = 256;
	EXPECT_EQ(0, ioctl(fd, ZCS_IOC_TX_SETUP, &tx));
	close(fd);
}

TEST_F(permission, locked_memory_comes_back)
{
	struct zcs_reader one, two;
	unsigned int i;

	ASSERT_EQ(0, lock_limit(8 * MIB));
	ASSERT_EQ(0, drop(CAP_IPC_LOCK));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, setup_of(5, &one)) TH_LOG("round %u", i);
		EXPECT_EQ(-ENOMEM, setup_of(5, &two));
		zcs_reader_close(&one);
	}
}

TEST_F(permission, whoever_may_lock_memory_is_not_limited)
{
	struct zcs_reader reader;

	ASSERT_EQ(0, lock_limit(MIB));
	EXPECT_EQ(0, setup_of(64, &reader));
	zcs_reader_close(&reader);
}

TEST_HARNESS_MAIN
