/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reader of /dev/zc_sniffer, as the tests need it: rings walked in order,
 * packets copied out whole, the allocator asked whether all of it came back.
 *
 * Functions that return int give 0 or -errno, unless they say otherwise.
 */
#ifndef ZCS_TEST_H
#define ZCS_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>
#include <linux/zc_sniffer.h>

#define ZCS_DEV		"/dev/zc_sniffer"
#define ZCS_PACKET_MAX	(1U << 17)

/*
 * Whatever is waited for ends by this: nothing else depends on it. The slowest
 * kernel that runs the tests is a debug kernel under emulation.
 */
#define ZCS_WAIT_MS	300000
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	1000	/* seconds */

struct zcs_reader {
	int			fd;
	struct zcs_setup	setup;
	const char		*data;
	const char		*rings;
	struct zcs_tail		*tails;
	__u32			*next;		/* per ring: first slot not taken */
};

/* zcs_next() and so on: which packets */
typedef bool (*zcs_match_t)(const struct zcs_reader *reader,
			    const struct zcs_desc *desc, const void *arg);

#define ZCS_READER_CLOSED	((struct zcs_reader){ .fd = -1 })

int zcs_open(void);
void zcs_defaults(struct zcs_setup *setup);

/* open, set up; then map; then start */
int zcs_reader_open(struct zcs_reader *reader, const struct zcs_setup *setup);
int zcs_reader_map(struct zcs_reader *reader);
int zcs_reader_start(struct zcs_reader *reader,
		     const struct zcs_setup *setup);
void zcs_reader_close(struct zcs_reader *reader);

const struct zcs_ring *zcs_ring_of(const struct zcs_reader *reader,
				   unsigned int ring);
const struct zcs_desc *zcs_slot(const struct zcs_reader *reader,
				unsigned int ring, __u32 pos);
__u32 zcs_head(const struct zcs_reader *reader, unsigned int ring);

/* The next packet that was not taken, in any ring or in one; or NULL. */
const struct zcs_desc *zcs_next(struct zcs_reader *reader);
const struct zcs_desc *zcs_next_in(struct zcs_reader *reader,
				   unsigned int ring);
/* The same, waiting for one that matches and skipping others. */
const struct zcs_desc *zcs_await(struct zcs_reader *reader, zcs_match_t match,
				 const void *arg);
/* Give back all that was taken. */
int zcs_release(struct zcs_reader *reader);

/* Part @i of a packet. */
const struct zcs_seg *zcs_seg_of(const struct zcs_reader *reader,
				 const struct zcs_desc *desc, unsigned int i);
/* Copy a packet; its length, or -EPROTO if its parts do not fit together. */
int zcs_copy(const struct zcs_reader *reader, const struct zcs_desc *desc,
	     void *buf, size_t size);

int zcs_stats(int fd, struct zcs_stats *stats);
__u64 zcs_missed(const struct zcs_stats *stats);
/* Wait until so many packets were shown, missed and rejected together. */
int zcs_settle(int fd, __u64 seen);

int zcs_filter_none(int fd, __u32 link);
int zcs_filter_return(int fd, __u32 link, __u32 len);

/* Does the allocator's law hold, and does nobody hold a packet? */
int zcs_nothing_is_held(void);
/*
 * Chunks that the stack has freed and somebody holds, counted with the machine
 * stopped; -1 if the allocator is not sound.
 */
long long zcs_nta_held(void);

bool zcs_before_deadline(long long deadline_ms);
long long zcs_now_ms(void);

#endif /* ZCS_TEST_H */
