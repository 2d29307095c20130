// SPDX-License-Identifier: GPL-2.0
/*
 * A reader of /dev/zc_sniffer for the tests: see zcs_test.h.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>

#include "zcs_test.h"

#define NTA_CHECK	"/sys/kernel/debug/nta/check"

/* === Waiting ============================================================= */

long long zcs_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Let others run for a moment; false once it is too late. */
bool zcs_before_deadline(long long deadline_ms)
{
	if (zcs_now_ms() >= deadline_ms)
		return false;
	poll(NULL, 0, 1);
	return true;
}

/* === Opening and mapping ================================================= */

int zcs_open(void)
{
	int fd = open(ZCS_DEV, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void zcs_defaults(struct zcs_setup *setup)
{
	*setup = (struct zcs_setup){
		.size = sizeof(*setup),
		.point = ZCS_POINT_TAP,
		.nr_slots = 1024,
		.netns_fd = -1,
		.limit = 32 << 20,
	};
}

int zcs_reader_open(struct zcs_reader *reader, const struct zcs_setup *setup)
{
	int err;

	*reader = ZCS_READER_CLOSED;
	reader->setup = *setup;
	reader->fd = zcs_open();
	if (reader->fd < 0)
		return reader->fd;
	if (ioctl(reader->fd, ZCS_IOC_SETUP, &reader->setup) == 0)
		return 0;
	err = -errno;
	close(reader->fd);
	reader->fd = -1;
	return err;
}

int zcs_reader_map(struct zcs_reader *reader)
{
	const struct zcs_setup *setup = &reader->setup;
	void *data, *rings, *tails;

	data = mmap(NULL, setup->data_size, PROT_READ, MAP_SHARED, reader->fd,
		    ZCS_OFF_DATA);
	if (data == MAP_FAILED)
		return -errno;
	reader->data = data;
	rings = mmap(NULL, setup->nr_rings * setup->ring_size, PROT_READ,
		     MAP_SHARED, reader->fd, ZCS_OFF_RINGS);
	if (rings == MAP_FAILED)
		return -errno;
	reader->rings = rings;
	tails = mmap(NULL, setup->tails_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED, reader->fd, ZCS_OFF_TAILS);
	if (tails == MAP_FAILED)
		return -errno;
	reader->tails = tails;
	reader->next = calloc(setup->nr_rings, sizeof(*reader->next));
	return reader->next ? 0 : -ENOMEM;
}

int zcs_reader_start(struct zcs_reader *reader, const struct zcs_setup *setup)
{
	int err = zcs_reader_open(reader, setup);

	if (err)
		return err;
	err = zcs_reader_map(reader);
	if (!err && ioctl(reader->fd, ZCS_IOC_START))
		err = -errno;
	if (err)
		zcs_reader_close(reader);
	return err;
}

void zcs_reader_close(struct zcs_reader *reader)
{
	const struct zcs_setup *setup = &reader->setup;

	if (reader->data)
		munmap((void *)reader->data, setup->data_size);
	if (reader->rings)
		munmap((void *)reader->rings,
		       setup->nr_rings * setup->ring_size);
	if (reader->tails)
		munmap(reader->tails, setup->tails_size);
	free(reader->next);
	if (reader->fd >= 0)
		close(reader->fd);
	*reader = ZCS_READER_CLOSED;
}

/* === Rings =============================================================== */

const struct zcs_ring *zcs_ring_of(const struct zcs_reader *reader,
				   unsigned int ring)
{
	return (const void *)(reader->rings + ring * reader->setup.ring_size);
}

const struct zcs_desc *zcs_slot(const struct zcs_reader *reader,
				unsigned int ring, __u32 pos)
{
	const struct zcs_ring *r = zcs_ring_of(reader, ring);

	return (const struct zcs_desc *)((const char *)r + r->slots_off) +
	       (pos & (r->nr_slots - 1));
}

__u32 zcs_head(const struct zcs_reader *reader, unsigned int ring)
{
	return __atomic_load_n(&zcs_ring_of(reader, ring)->head,
			       __ATOMIC_ACQUIRE);
}

const struct zcs_desc *zcs_next_in(struct zcs_reader *reader,
				   unsigned int ring)
{
	const struct zcs_desc *desc;

	if (reader->next[ring] == zcs_head(reader, ring))
		return NULL;
	desc = zcs_slot(reader, ring, reader->next[ring]);
	/* A descriptor of no slots would be met for ever. */
	if (!desc->nr_slots)
		abort();
	reader->next[ring] += desc->nr_slots;
	return desc;
}

const struct zcs_desc *zcs_next(struct zcs_reader *reader)
{
	const struct zcs_desc *desc;
	unsigned int ring;

	for (ring = 0; ring < reader->setup.nr_rings; ring++) {
		desc = zcs_next_in(reader, ring);
		if (desc)
			return desc;
	}
	return NULL;
}

const struct zcs_desc *zcs_await(struct zcs_reader *reader, zcs_match_t match,
				 const void *arg)
{
	long long deadline = zcs_now_ms() + ZCS_WAIT_MS;
	const struct zcs_desc *desc;

	do {
		while ((desc = zcs_next(reader)))
			if (!match || match(reader, desc, arg))
				return desc;
	} while (zcs_before_deadline(deadline));
	return NULL;
}

int zcs_release(struct zcs_reader *reader)
{
	unsigned int ring;

	for (ring = 0; ring < reader->setup.nr_rings; ring++)
		__atomic_store_n(&reader->tails[ring].tail, reader->next[ring],
				 __ATOMIC_RELEASE);
	return ioctl(reader->fd, ZCS_IOC_RELEASE) ? -errno : 0;
}

/* === Packets ============================================================= */

const struct zcs_seg *zcs_seg_of(const struct zcs_reader *reader,
				 const struct zcs_desc *desc, unsigned int i)
{
	const struct zcs_more *more;

	if (i < ZCS_SEGS)
		return &desc->seg[i];
	i -= ZCS_SEGS;
	more = (const void *)zcs_slot(reader, desc->cpu,
				      desc->pos + 1 + i / ZCS_MORE_SEGS);
	return &more->seg[i % ZCS_MORE_SEGS];
}

int zcs_copy(const struct zcs_reader *reader, const struct zcs_desc *desc,
	     void *buf, size_t size)
{
	const struct zcs_seg *seg;
	unsigned int i;
	size_t at = 0;

	if (desc->cap_len > size || desc->head_len > ZCS_HEAD_LEN ||
	    desc->head_len > desc->cap_len)
		return -EPROTO;
	if (desc->flags & ZCS_F_INLINE) {
		if (desc->nr_segs || desc->head_len != desc->cap_len)
			return -EPROTO;
	}
	for (i = 0; i < desc->nr_segs; i++) {
		seg = zcs_seg_of(reader, desc, i);
		if (seg->flags == ZCS_SEG_HEAD) {
			if (!seg->len || seg->chunk || seg->size || seg->off ||
			    at + seg->len > desc->head_len)
				return -EPROTO;
			at += seg->len;
			continue;
		}
		if (!seg->len || seg->off + (__u64)seg->len > seg->size ||
		    seg->chunk + seg->size > reader->setup.data_size ||
		    at + seg->len > size)
			return -EPROTO;
		memcpy((char *)buf + at, reader->data + seg->chunk + seg->off,
		       seg->len);
		at += seg->len;
	}
	if (desc->nr_segs && at != desc->cap_len)
		return -EPROTO;
	memcpy(buf, desc->head, desc->head_len);
	return desc->nr_segs ? at : desc->head_len;
}

/* === Counters ============================================================ */

int zcs_stats(int fd, struct zcs_stats *stats)
{
	*stats = (struct zcs_stats){ .size = sizeof(*stats) };
	return ioctl(fd, ZCS_IOC_STATS, stats) ? -errno : 0;
}

__u64 zcs_missed(const struct zcs_stats *stats)
{
	return stats->missed_ring + stats->missed_limit + stats->missed_memory;
}

int zcs_settle(int fd, __u64 seen)
{
	long long deadline = zcs_now_ms() + ZCS_WAIT_MS;
	struct zcs_stats stats;
	int err;

	do {
		err = zcs_stats(fd, &stats);
		if (err)
			return err;
		if (stats.shown + zcs_missed(&stats) + stats.filtered >= seen)
			return 0;
	} while (zcs_before_deadline(deadline));
	return -ETIMEDOUT;
}

long long zcs_nta_held(void)
{
	long long held = -1;
	char line[256] = "";
	const char *at;
	FILE *file;

	/* Not /proc/net/stat/nta: other network namespaces have none. */
	file = fopen(NTA_CHECK, "re");
	if (!file) {
		fprintf(stderr, "# no " NTA_CHECK "\n");
		return -1;
	}
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	at = strstr(line, " held ");
	if (at)
		held = strtoll(at + strlen(" held "), NULL, 10);
	if (!strncmp(line, "ok", 2) && held >= 0)
		return held;
	fprintf(stderr, "# " NTA_CHECK ": %s\n", line);
	return -1;
}

int zcs_nothing_is_held(void)
{
	long long deadline = zcs_now_ms() + ZCS_WAIT_MS, held;

	do {
		held = zcs_nta_held();
		if (held < 0)
			return -EUCLEAN;
		if (!held)
			return 0;
	} while (zcs_before_deadline(deadline));
	fprintf(stderr, "# %lld chunks are held\n", held);
	return -EBUSY;
}

/* === Filters ============================================================= */

int zcs_filter_none(int fd, __u32 link)
{
	struct zcs_filter filter = {
		.size = sizeof(filter),
		.kind = ZCS_FILTER_NONE,
		.link = link,
	};

	return ioctl(fd, ZCS_IOC_FILTER, &filter) ? -errno : 0;
}

/* A program that says the same of every packet. */
int zcs_filter_return(int fd, __u32 link, __u32 len)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, len);
	struct zcs_filter filter = {
		.size = sizeof(filter),
		.kind = ZCS_FILTER_CLASSIC,
		.link = link,
		.len = 1,
		.insns = (uintptr_t)&insn,
	};

	return ioctl(fd, ZCS_IOC_FILTER, &filter) ? -errno : 0;
}
