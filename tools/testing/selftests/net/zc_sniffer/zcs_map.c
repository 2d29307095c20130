// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: the mappings. Packets cannot be written to by any way, what
 * is not there faults, and mappings outlive forks, moves and the descriptor.
 *
 * Needs CONFIG_ZC_SNIFFER and root. Runs in a network namespace of its own.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define NR_PACKETS	32
#define PACKET_LEN	1000

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

FIXTURE(map)
{
	struct zcs_reader reader;
	struct net_udp udp;
	long page;
	int ns;
};

FIXTURE_SETUP(map)
{
	struct zcs_setup setup;

	self->page = sysconf(_SC_PAGESIZE);
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	zcs_defaults(&setup);
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
}

FIXTURE_TEARDOWN(map)
{
	net_udp_close(&self->udp);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

static sigjmp_buf fault_env;

static void on_fault(int sig)
{
	siglongjmp(fault_env, sig);
}

/* The signal that reading (or writing) a byte gives, or 0. */
static int fault_of(const volatile char *at, bool write)
{
	struct sigaction action = { .sa_handler = on_fault }, bus, segv;
	int sig;

	sigaction(SIGBUS, &action, &bus);
	sigaction(SIGSEGV, &action, &segv);
	sig = sigsetjmp(fault_env, 1);
	if (!sig) {
		if (write)
			*(volatile char *)at = 1;
		else
			(void)*at;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

/* Where a packet's payload lies that is not in the descriptor's snapshot. */
static const char *captured(struct __test_metadata *_metadata,
			    FIXTURE_DATA(map) *self)
{
	const struct zcs_desc *desc;

	if (net_udp_burst(&self->udp, 1, PACKET_LEN))
		return NULL;
	desc = zcs_await(&self->reader, NULL, NULL);
	if (!desc || !desc->nr_segs)
		return NULL;
	return self->reader.data + desc->seg[0].chunk + desc->seg[0].off;
}

static void *map_data(FIXTURE_DATA(map) *self, int prot, int flags)
{
	return mmap(NULL, self->reader.setup.data_size, prot, flags,
		    self->reader.fd, ZCS_OFF_DATA);
}

TEST_F(map, data_is_never_writable)
{
	EXPECT_EQ(MAP_FAILED, map_data(self, PROT_READ | PROT_WRITE,
				       MAP_SHARED));
	EXPECT_TRUE(errno == EPERM || errno == EACCES || errno == EINVAL);
	EXPECT_EQ(MAP_FAILED, map_data(self, PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(MAP_FAILED, map_data(self, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE));
}

TEST_F(map, data_is_never_executable)
{
	EXPECT_EQ(MAP_FAILED, map_data(self, PROT_READ | PROT_EXEC,
				       MAP_SHARED));
	EXPECT_EQ(-1, mprotect((void *)self->reader.data, self->page,
			       PROT_READ | PROT_EXEC));
}

TEST_F(map, data_does_not_become_writable)
{
	const char *at = captured(_metadata, self);
	void *page;

	ASSERT_NE(NULL, at);
	page = (void *)((uintptr_t)at & -self->page);
	EXPECT_EQ(0, fault_of(at, false));
	EXPECT_EQ(-1, mprotect(page, self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(page, self->page, PROT_WRITE));
	EXPECT_EQ(SIGSEGV, fault_of(at, true));
	EXPECT_EQ(-1, madvise(page, self->page, MADV_POPULATE_WRITE));
}

TEST_F(map, private_mapping_is_refused_or_read_only)
{
	const char *private = map_data(self, PROT_READ, MAP_PRIVATE);

	if (private == MAP_FAILED)
		return;
	EXPECT_EQ(-1, mprotect((void *)private, self->page,
			       PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, munmap((void *)private, self->reader.setup.data_size));
}

TEST_F(map, rings_are_read_only)
{
	const struct zcs_setup *setup = &self->reader.setup;
	size_t len = setup->nr_rings * setup->ring_size;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, len, PROT_READ | PROT_WRITE,
				   MAP_SHARED, self->reader.fd,
				   ZCS_OFF_RINGS));
	EXPECT_EQ(-1, mprotect((void *)self->reader.rings, len,
			       PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(SIGSEGV, fault_of(self->reader.rings, true));
}

TEST_F(map, descriptor_open_for_reading_writes_nothing)
{
	struct zcs_reader other = ZCS_READER_CLOSED;

	zcs_defaults(&other.setup);
	other.fd = open(ZCS_DEV, O_RDONLY | O_CLOEXEC);
	if (other.fd < 0)
		return;
	ASSERT_EQ(0, ioctl(other.fd, ZCS_IOC_SETUP, &other.setup));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, other.setup.tails_size,
				   PROT_READ | PROT_WRITE, MAP_SHARED,
				   other.fd, ZCS_OFF_TAILS));
	zcs_reader_close(&other);
}

TEST_F(map, refuses_offsets_and_lengths_that_are_not_there)
{
	const struct zcs_setup *setup = &self->reader.setup;
	size_t rings = setup->nr_rings * setup->ring_size;
	static const __u64 nowhere[] = {
		ZCS_OFF_TAILS - 4096, ZCS_OFF_TX_RING - 4096,
		ZCS_OFF_TX_RING, ZCS_OFF_TX, ZCS_OFF_DATA - 4096,
		0x7fffffffffff000ULL, 0x7ffffffffffff000ULL,
		0xfffffffffffff000ULL,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nowhere); i++)
		EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ,
					   MAP_SHARED, self->reader.fd,
					   nowhere[i])) {
			TH_LOG("offset %#llx", nowhere[i]);
		}
	EXPECT_EQ(MAP_FAILED, mmap(NULL, rings + self->page, PROT_READ,
				   MAP_SHARED, self->reader.fd,
				   ZCS_OFF_RINGS));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->reader.fd, ZCS_OFF_RINGS + rings));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, setup->tails_size + self->page,
				   PROT_READ, MAP_SHARED, self->reader.fd,
				   ZCS_OFF_TAILS));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, setup->data_size + self->page,
				   PROT_READ, MAP_SHARED, self->reader.fd,
				   ZCS_OFF_DATA));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->reader.fd,
				   ZCS_OFF_DATA + setup->data_size));
}

/* A part of a mapping may be mapped; it is that part. */
TEST_F(map, parts_may_be_mapped)
{
	const char *at = captured(_metadata, self), *part;
	__u64 off;

	ASSERT_NE(NULL, at);
	off = (at - self->reader.data) & -self->page;
	part = mmap(NULL, self->page, PROT_READ, MAP_SHARED, self->reader.fd,
		    ZCS_OFF_DATA + off);
	ASSERT_NE(MAP_FAILED, part);
	EXPECT_EQ(0, memcmp(part, self->reader.data + off, self->page));
	EXPECT_EQ(0, munmap((void *)part, self->page));
}

TEST_F(map, twice_shows_the_same)
{
	const char *at = captured(_metadata, self), *twin;
	size_t off = at - self->reader.data;

	ASSERT_NE(NULL, at);
	twin = map_data(self, PROT_READ, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, twin);
	EXPECT_NE(self->reader.data, twin);
	EXPECT_EQ(0, memcmp(twin + off, at, 64));
	EXPECT_EQ(0, munmap((void *)twin, self->reader.setup.data_size));
	EXPECT_EQ(0, fault_of(at, false));
}

/* Nothing was ever there: not zeroes, not other memory. */
TEST_F(map, place_without_memory_gives_sigbus)
{
	const struct zcs_setup *setup = &self->reader.setup;
	unsigned int step = 2U << 20, holes = 0;
	__u64 off;
	int sig;

	ASSERT_NE(NULL, captured(_metadata, self));
	for (off = 0; off < setup->data_size && holes < 64; off += step) {
		sig = fault_of(self->reader.data + off, false);
		EXPECT_TRUE(sig == 0 || sig == SIGBUS);
		holes += sig == SIGBUS;
	}
	EXPECT_LT(0, holes);
	EXPECT_EQ(SIGBUS, fault_of(self->reader.data + setup->data_size - 1,
				   false));
}

/* The kernel must not fault itself on what userspace cannot read. */
TEST_F(map, system_calls_read_it_or_fail)
{
	const struct zcs_setup *setup = &self->reader.setup;
	const char *at = captured(_metadata, self);
	struct iovec local, remote;
	int pipefd[2];
	char buf[64];

	ASSERT_NE(NULL, at);
	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(64, write(pipefd[1], at, 64));
	ASSERT_EQ(64, read(pipefd[0], buf, 64));
	EXPECT_EQ(0, memcmp(buf, at, 64));
	EXPECT_EQ(-1, write(pipefd[1], self->reader.data + setup->data_size -
			    64, 64));
	EXPECT_EQ(EFAULT, errno);
	/* Into the mapping: never. */
	ASSERT_EQ(64, write(pipefd[1], buf, 64));
	EXPECT_EQ(-1, read(pipefd[0], (void *)at, 64));
	EXPECT_EQ(EFAULT, errno);
	/* No reference can be taken on these pages. */
	local.iov_base = (void *)at;
	local.iov_len = 64;
	EXPECT_EQ(-1, vmsplice(pipefd[1], &local, 1, 0));
	remote = local;
	local.iov_base = buf;
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	close(pipefd[0]);
	close(pipefd[1]);
}

TEST_F(map, survives_the_descriptor)
{
	const char *at = captured(_metadata, self);

	ASSERT_NE(NULL, at);
	close(self->reader.fd);
	self->reader.fd = -1;
	EXPECT_EQ(0, fault_of(at, false));
	EXPECT_EQ(0, fault_of(self->reader.rings, false));
	EXPECT_EQ(0, fault_of((char *)self->reader.tails, true));
	/* Capture goes on; nobody takes the packets, so some are missed. */
	EXPECT_EQ(0, net_udp_burst(&self->udp, 2000, PACKET_LEN));
	EXPECT_EQ(0, net_udp_drain(&self->udp, 2001));
	EXPECT_EQ(0, fault_of(at, false));
}

TEST_F(map, unmapped_while_packets_arrive)
{
	struct zcs_reader *reader = &self->reader;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, PACKET_LEN));
		ASSERT_NE(NULL, zcs_await(reader, NULL, NULL));
		ASSERT_EQ(0, munmap((void *)reader->data,
				    reader->setup.data_size));
		ASSERT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, PACKET_LEN));
		reader->data = map_data(self, PROT_READ, MAP_SHARED);
		ASSERT_NE(MAP_FAILED, reader->data);
	}
	EXPECT_EQ(0, zcs_settle(reader->fd, 40 * NR_PACKETS));
}

TEST_F(map, unmapped_in_the_middle)
{
	const char *at = captured(_metadata, self);
	void *page = (void *)((uintptr_t)at & -self->page);

	ASSERT_NE(NULL, at);
	EXPECT_EQ(0, fault_of(at, false));
	ASSERT_EQ(0, munmap(page, self->page));
	EXPECT_EQ(SIGSEGV, fault_of(at, false));
	EXPECT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, PACKET_LEN));
	ASSERT_EQ(page, mmap(page, self->page, PROT_READ,
			     MAP_SHARED | MAP_FIXED, self->reader.fd,
			     ZCS_OFF_DATA + ((char *)page -
					     self->reader.data)));
	EXPECT_EQ(0, fault_of(at, false));
}

TEST_F(map, child_sees_nothing_or_the_same)
{
	const char *at = captured(_metadata, self);
	struct zcs_stats stats;
	int status, sig;
	char was;
	pid_t pid;

	ASSERT_NE(NULL, at);
	was = *at;
	pid = fork();
	if (!pid) {
		sig = fault_of(at, false);
		if (!sig && *at != was)
			_exit(1);
		if (sig && sig != SIGSEGV && sig != SIGBUS)
			_exit(2);
		if (!fault_of(at, true))
			_exit(3);
		_exit(0);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* Its end is not the end of the reader. */
	EXPECT_EQ(was, *at);
	EXPECT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, PACKET_LEN));
	EXPECT_EQ(0, zcs_settle(self->reader.fd, NR_PACKETS + 1));
	EXPECT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(NR_PACKETS + 1, stats.shown);
}

/* The child has the descriptor: what is held lives until it is gone, too. */
TEST_F(map, child_outlives_the_parent)
{
	int status, ready[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, PACKET_LEN));
	pid = fork();
	if (!pid) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 0)
			_exit(1);
		if (!zcs_next(&self->reader))
			_exit(2);
		_exit(zcs_release(&self->reader) ? 3 : 0);
	}
	ASSERT_LT(0, pid);
	close(ready[0]);
	close(self->reader.fd);
	self->reader.fd = -1;
	close(ready[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("status %#x", status);
}

TEST_F(map, moves_but_does_not_grow)
{
	struct zcs_reader *reader = &self->reader;
	const char *at = captured(_metadata, self);
	size_t size = reader->setup.data_size, off;
	char *to, *moved, byte;

	ASSERT_NE(NULL, at);
	off = at - reader->data;
	byte = *at;
	EXPECT_EQ(MAP_FAILED, mremap((void *)reader->data, size,
				     size + self->page, MREMAP_MAYMOVE));
	to = mmap(NULL, size, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, to);
	moved = mremap((void *)reader->data, size, size,
		       MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (moved == MAP_FAILED) {
		munmap(to, size);
		return;
	}
	ASSERT_EQ(to, moved);
	reader->data = moved;
	EXPECT_EQ(byte, moved[off]);
	EXPECT_EQ(SIGSEGV, fault_of(moved + off, true));
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, PACKET_LEN));
	ASSERT_NE(NULL, zcs_await(reader, NULL, NULL));
}

TEST_F(map, advice_does_no_harm)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DOFORK,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_COLLAPSE,
	};
	const char *at = captured(_metadata, self);
	struct zcs_reader *reader = &self->reader;
	char was[64];
	unsigned int i;

	ASSERT_NE(NULL, at);
	memcpy(was, at, sizeof(was));
	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		madvise((void *)((uintptr_t)at & -self->page), self->page,
			advice[i]);
		madvise((void *)reader->rings, self->page, advice[i]);
		EXPECT_EQ(0, memcmp(was, at, sizeof(was))) {
			TH_LOG("advice %d", advice[i]);
		}
	}
	mlock(at, 64);
	munlock(at, 64);
	msync((void *)((uintptr_t)at & -self->page), self->page, MS_SYNC);
	EXPECT_EQ(0, memcmp(was, at, sizeof(was)));
	ASSERT_EQ(0, net_udp_burst(&self->udp, NR_PACKETS, PACKET_LEN));
	EXPECT_EQ(0, zcs_settle(reader->fd, NR_PACKETS + 1));
}

TEST_HARNESS_MAIN
