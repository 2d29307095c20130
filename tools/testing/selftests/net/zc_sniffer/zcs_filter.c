// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/zc_sniffer: filters. What a program rejects is counted and not shown,
 * what it returns cuts the packet, a program that is no program is refused, and
 * it may be replaced while packets flow.
 *
 * Needs CONFIG_ZC_SNIFFER, CONFIG_BPF_SYSCALL, CONFIG_TUN and root. Runs in a
 * network namespace of its own.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>

#include "../../kselftest_harness.h"

#include "net_test.h"
#include "zcs_test.h"

#define LEN	200
#define ALL	0x40000

FIXTURE(filter)
{
	struct zcs_reader reader;
	struct net_udp udp;
	int ns;
};

FIXTURE_SETUP(filter)
{
	struct zcs_setup setup;

	ASSERT_EQ(0, net_pin(0));
	self->ns = net_ns_new();
	ASSERT_LE(0, self->ns) TH_LOG("no namespace: root is needed");
	zcs_defaults(&setup);
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
	ASSERT_EQ(0, net_udp_open(&self->udp, AF_INET));
}

FIXTURE_TEARDOWN(filter)
{
	net_udp_close(&self->udp);
	zcs_reader_close(&self->reader);
	close(self->ns);
	EXPECT_EQ(0, zcs_nothing_is_held());
}

#define SEND(nr, len)							\
do {									\
	ASSERT_EQ(0, net_udp_burst(&self->udp, nr, len));		\
	ASSERT_EQ(0, net_udp_drain(&self->udp, nr));			\
} while (0)

static int classic(int fd, const struct sock_filter *insns, __u32 len)
{
	struct zcs_filter filter = {
		.size = sizeof(filter),
		.kind = ZCS_FILTER_CLASSIC,
		.len = len,
		.insns = (uintptr_t)insns,
	};

	return ioctl(fd, ZCS_IOC_FILTER, &filter) ? -errno : 0;
}

static int attach(int fd, int prog_fd)
{
	struct zcs_filter filter = {
		.size = sizeof(filter),
		.kind = ZCS_FILTER_EBPF,
		.prog_fd = prog_fd,
	};

	return ioctl(fd, ZCS_IOC_FILTER, &filter) ? -errno : 0;
}

/* A loaded program that returns a number. */
static int load(enum bpf_prog_type type, int ret)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
		  .imm = ret },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = type,
		.insn_cnt = ARRAY_SIZE(insns),
		.insns = (uintptr_t)insns,
		.license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* In time for the first packet. */
TEST_F(filter, may_be_there_before_the_setup)
{
	struct zcs_stats stats;
	struct zcs_setup setup;
	int fd = zcs_open();

	ASSERT_LE(0, fd);
	zcs_defaults(&setup);
	ASSERT_EQ(0, zcs_filter_return(fd, ZCS_LINK_ETHER, 0));
	ASSERT_EQ(0, ioctl(fd, ZCS_IOC_SETUP, &setup));
	ASSERT_EQ(0, ioctl(fd, ZCS_IOC_START));
	SEND(3, LEN);
	ASSERT_EQ(0, zcs_stats(fd, &stats));
	EXPECT_EQ(3, stats.filtered);
	EXPECT_EQ(0, stats.passed);
	close(fd);
}

TEST_F(filter, rejected_packets_are_counted_not_shown)
{
	struct zcs_stats stats;

	ASSERT_EQ(0, zcs_filter_return(self->reader.fd, ZCS_LINK_ETHER, 0));
	SEND(7, LEN);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(7, stats.filtered);
	EXPECT_EQ(0, stats.passed);
	EXPECT_EQ(0, stats.shown);
	EXPECT_EQ(0, stats.held);
	ASSERT_EQ(0, zcs_filter_none(self->reader.fd, ZCS_LINK_ETHER));
	SEND(7, LEN);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(7, stats.filtered);
	EXPECT_EQ(7, stats.shown);
}

/* The program sees the frame from its first byte: only datagram number 3. */
TEST_F(filter, classic_program_chooses)
{
	const struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 5),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 36),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NET_PORT, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 42),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ALL),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct zcs_desc *desc;

	ASSERT_EQ(0, classic(self->reader.fd, insns, ARRAY_SIZE(insns)));
	SEND(8, LEN);
	desc = zcs_next(&self->reader);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(3, desc->head[42]);
	EXPECT_EQ(NULL, zcs_next(&self->reader));
}

/* The kernel's extensions: offsets that mean the packet's metadata. */
TEST_F(filter, classic_program_asks_for_metadata)
{
	const struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (__u32)(SKF_AD_OFF + SKF_AD_IFINDEX)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (__u32)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ALL),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	ASSERT_EQ(0, classic(self->reader.fd, insns, ARRAY_SIZE(insns)));
	SEND(1, LEN);
	EXPECT_NE(NULL, zcs_next(&self->reader));
}

TEST_F(filter, result_is_the_length_to_capture)
{
	static const __u32 lens[] = { 1, 14, 60, 127, 128, 129, 200, 241, 242,
				      243, ALL, ~0U };
	const struct zcs_desc *desc;
	char packet[1024];
	unsigned int i;
	__u32 want;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(0, zcs_filter_return(self->reader.fd,
					       ZCS_LINK_ETHER, lens[i]));
		SEND(1, LEN);
		want = lens[i] < 42 + LEN ? lens[i] : 42 + LEN;
		desc = zcs_next(&self->reader);
		ASSERT_NE(NULL, desc);
		EXPECT_EQ(42 + LEN, desc->wire_len);
		EXPECT_EQ(want, desc->cap_len) {
			TH_LOG("program returns %u", lens[i]);
		}
		EXPECT_EQ(want < 42 + LEN, !!(desc->flags & ZCS_F_TRUNC));
		EXPECT_EQ(want, zcs_copy(&self->reader, desc, packet,
					 sizeof(packet)));
	}
}

TEST_F(filter, shorter_of_filter_and_snaplen_counts)
{
	const struct zcs_desc *desc;
	struct zcs_setup setup;

	zcs_reader_close(&self->reader);
	zcs_defaults(&setup);
	setup.snaplen = 100;
	ASSERT_EQ(0, zcs_reader_start(&self->reader, &setup));
	SEND(1, LEN);
	ASSERT_EQ(0, zcs_filter_return(self->reader.fd, ZCS_LINK_ETHER, 150));
	SEND(1, LEN);
	ASSERT_EQ(0, zcs_filter_return(self->reader.fd, ZCS_LINK_ETHER, 50));
	SEND(1, LEN);
	desc = zcs_next(&self->reader);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(100, desc->cap_len);
	EXPECT_TRUE(desc->flags & ZCS_F_TRUNC);
	desc = zcs_next(&self->reader);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(100, desc->cap_len);
	desc = zcs_next(&self->reader);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(50, desc->cap_len);
	EXPECT_EQ(42 + LEN, desc->wire_len);
}

TEST_F(filter, ebpf_program_chooses)
{
	struct zcs_stats stats;
	int none = load(BPF_PROG_TYPE_SOCKET_FILTER, 0);
	int some = load(BPF_PROG_TYPE_SOCKET_FILTER, 77);
	const struct zcs_desc *desc;

	ASSERT_LE(0, none);
	ASSERT_LE(0, some);
	ASSERT_EQ(0, attach(self->reader.fd, none));
	SEND(3, LEN);
	ASSERT_EQ(0, attach(self->reader.fd, some));
	/* The reader keeps it. */
	close(none);
	close(some);
	SEND(3, LEN);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(3, stats.filtered);
	EXPECT_EQ(3, stats.shown);
	desc = zcs_next(&self->reader);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(77, desc->cap_len);
}

TEST_F(filter, refuses_what_is_no_program)
{
	const struct sock_filter unknown = { .code = 0xffff };
	const struct sock_filter no_end = BPF_STMT(BPF_LD | BPF_IMM, 1);
	const struct sock_filter jump[] = {
		BPF_STMT(BPF_JMP | BPF_JA, 1000),
		BPF_STMT(BPF_RET | BPF_K, ALL),
	};
	const struct sock_filter divide[] = {
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, ALL),
	};
	static struct sock_filter many[5000];
	int fd = self->reader.fd, i;

	for (i = 0; i < 5000; i++)
		many[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	EXPECT_EQ(-EINVAL, classic(fd, &unknown, 1));
	EXPECT_EQ(-EINVAL, classic(fd, &no_end, 1));
	EXPECT_EQ(-EINVAL, classic(fd, jump, 2));
	EXPECT_EQ(-EINVAL, classic(fd, divide, 2));
	EXPECT_EQ(-EINVAL, classic(fd, many, 0));
	EXPECT_EQ(-EINVAL, classic(fd, many, 4097));
	EXPECT_EQ(-EINVAL, classic(fd, many, ~0U));
	EXPECT_EQ(-EINVAL, classic(fd, many, 65536));
	EXPECT_EQ(-EINVAL, classic(fd, many, 65537));
	EXPECT_EQ(-EINVAL, classic(fd, NULL, 1));
	EXPECT_EQ(-EFAULT, classic(fd, (const void *)1, 1));
	/* The filter that is there stays: none. */
	SEND(1, LEN);
	EXPECT_NE(NULL, zcs_next(&self->reader));
}

TEST_F(filter, refused_program_leaves_the_old_one)
{
	const struct sock_filter unknown = { .code = 0xffff };
	struct zcs_stats stats;

	ASSERT_EQ(0, zcs_filter_return(self->reader.fd, ZCS_LINK_ETHER, 0));
	EXPECT_EQ(-EINVAL, classic(self->reader.fd, &unknown, 1));
	SEND(2, LEN);
	ASSERT_EQ(0, zcs_stats(self->reader.fd, &stats));
	EXPECT_EQ(2, stats.filtered);
}

TEST_F(filter, refuses_programs_of_other_kinds)
{
	int sched = load(BPF_PROG_TYPE_SCHED_CLS, 0);
	int zero = open("/dev/zero", O_RDONLY);

	ASSERT_LE(0, sched);
	ASSERT_LE(0, zero);
	EXPECT_EQ(-EINVAL, attach(self->reader.fd, sched));
	EXPECT_EQ(-EINVAL, attach(self->reader.fd, zero));
	EXPECT_EQ(-EBADF, attach(self->reader.fd, 4242));
	EXPECT_EQ(-EBADF, attach(self->reader.fd, -1));
	close(sched);
	close(zero);
}

TEST_F(filter, refuses_bad_fields)
{
	const struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, ALL);
	const struct zcs_filter good = {
		.size = sizeof(good),
		.kind = ZCS_FILTER_CLASSIC,
		.len = 1,
		.insns = (uintptr_t)&ret,
	};
	struct zcs_filter filter;
	int fd = self->reader.fd;

#define EXPECT_BAD(error, field, value)					\
do {									\
	filter = good;							\
	filter.field = (value);						\
	EXPECT_EQ(-1, ioctl(fd, ZCS_IOC_FILTER, &filter));		\
	EXPECT_EQ(error, errno) {					\
		TH_LOG(#field " = " #value);				\
	}								\
} while (0)
	EXPECT_BAD(EINVAL, size, 0);
	EXPECT_BAD(EINVAL, size, sizeof(filter) - 1);
	EXPECT_BAD(EINVAL, size, ~0U);
	EXPECT_BAD(EINVAL, kind, 3);
	EXPECT_BAD(EINVAL, kind, ~0U);
	EXPECT_BAD(EINVAL, link, 2);
	EXPECT_BAD(EINVAL, link, ~0U);
	EXPECT_BAD(EINVAL, reserved, 1);
	EXPECT_BAD(EINVAL, prog_fd, 1);
	EXPECT_BAD(EFAULT, insns, ~0ULL);
#undef EXPECT_BAD
	EXPECT_EQ(-1, ioctl(fd, ZCS_IOC_FILTER, NULL));
	EXPECT_EQ(EFAULT, errno);
	filter = good;
	EXPECT_EQ(0, ioctl(fd, ZCS_IOC_FILTER, &filter));
}

struct sender {
	const struct net_udp	*udp;
	unsigned int		nr;
	bool			stop;
	int			err;
};

static void *send_on(void *arg)
{
	struct sender *sender = arg;

	while (!__atomic_load_n(&sender->stop, __ATOMIC_ACQUIRE) &&
	       !sender->err) {
		sender->err = net_udp_burst(sender->udp, 1, LEN);
		sender->nr++;
	}
	return NULL;
}

/* Each packet is judged by one program, old or new: the sum is exact. */
TEST_F(filter, replaced_while_packets_flow)
{
	int prog = load(BPF_PROG_TYPE_SOCKET_FILTER, ALL);
	struct sender sender = { .udp = &self->udp };
	int fd = self->reader.fd, i;
	struct zcs_stats stats;
	pthread_t thread;

	ASSERT_LE(0, prog);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_on, &sender));
	for (i = 0; i < 40; i++) {
		switch (i % 4) {
		case 0:
			EXPECT_EQ(0, zcs_filter_return(fd, ZCS_LINK_ETHER, 0));
			break;
		case 1:
			EXPECT_EQ(0, zcs_filter_none(fd, ZCS_LINK_ETHER));
			break;
		case 2:
			EXPECT_EQ(0, attach(fd, prog));
			break;
		case 3:
			EXPECT_EQ(0, zcs_filter_return(fd, ZCS_LINK_ETHER, 90));
			break;
		}
		while (zcs_next(&self->reader))
			;
		EXPECT_EQ(0, zcs_release(&self->reader));
		/* Until the program has judged some. */
		ASSERT_EQ(0, zcs_stats(fd, &stats));
		ASSERT_EQ(0, zcs_settle(fd, stats.passed + stats.filtered + 5));
	}
	__atomic_store_n(&sender.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, sender.err);
	close(prog);
	ASSERT_EQ(0, zcs_settle(fd, sender.nr));
	ASSERT_EQ(0, zcs_stats(fd, &stats));
	EXPECT_EQ(sender.nr, stats.passed + stats.filtered);
	EXPECT_LE(5 * 10, stats.filtered);
	EXPECT_LE(5 * 10, stats.shown);
}

/* Devices without a link-layer header have a filter of their own. */
TEST_F(filter, packets_without_link_header_have_their_own)
{
	const struct sock_filter is_ipv4[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x45, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ALL),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct zcs_filter raw = {
		.size = sizeof(raw),
		.kind = ZCS_FILTER_CLASSIC,
		.link = ZCS_LINK_RAW,
		.len = ARRAY_SIZE(is_ipv4),
		.insns = (uintptr_t)is_ipv4,
	};
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(0x0a630002),
	};
	int tun = open("/dev/net/tun", O_RDWR), tx;
	const struct zcs_desc *desc;
	char packet[64] = {};

	ASSERT_LE(0, tun);
	strcpy(ifr.ifr_name, "tun0");
	ASSERT_EQ(0, ioctl(tun, TUNSETIFF, &ifr));
	ASSERT_EQ(0, net_run("echo 1 > /proc/sys/net/ipv6/conf/tun0/disable_ipv6 &&"
			     "ip addr add 10.99.0.1/24 dev tun0 &&"
			     "ip link set tun0 up"));
	ASSERT_EQ(0, zcs_filter_return(self->reader.fd, ZCS_LINK_ETHER, 0));
	ASSERT_EQ(0, ioctl(self->reader.fd, ZCS_IOC_FILTER, &raw));
	tx = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_LE(0, tx);
	ASSERT_EQ(LEN, sendto(tx, memset(alloca(LEN), 1, LEN), LEN, 0,
			      (struct sockaddr *)&to, sizeof(to)));
	desc = zcs_await(&self->reader, NULL, NULL);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(28 + LEN, desc->cap_len);
	EXPECT_EQ(0x45, desc->head[0]);
	EXPECT_FALSE(desc->flags & ZCS_F_LINK);
	EXPECT_EQ(ARPHRD_NONE, desc->hw_type);
	EXPECT_EQ(0, desc->net_off);
	EXPECT_EQ(ZCS_OFF_UNKNOWN, desc->mac_off);
	EXPECT_EQ(ZCS_DIR_OUT, desc->direction);
	/* The other way: an IPv4 packet passes, another version does not. */
	packet[0] = 0x45;
	packet[3] = 20;
	packet[8] = 1;
	ASSERT_EQ(20, write(tun, packet, 20));
	packet[0] = 0x60;
	ASSERT_EQ(64, write(tun, packet, 64));
	desc = zcs_await(&self->reader, NULL, NULL);
	ASSERT_NE(NULL, desc);
	EXPECT_EQ(20, desc->cap_len);
	EXPECT_EQ(ZCS_DIR_IN, desc->direction);
	EXPECT_EQ(NULL, zcs_next(&self->reader));
	/* And the other filter counts where there is a header. */
	SEND(1, LEN);
	EXPECT_EQ(NULL, zcs_next(&self->reader));
	close(tx);
	close(tun);
}

TEST_HARNESS_MAIN
