// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings: order, wrapping, giving back, nonsense; the bytes of packets.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void test_merge(void)
{
	static const uint64_t times[3][4] = { { 1, 5, 6, 20 }, { 2, 3, 4, 30 }, { 7, 8, 9, 10 } };
	struct zcs_packet pkt;
	uint64_t last = 0;
	unsigned int n = 0, i, j;
	bool sorted = true;
	struct fake f;

	/* The counters run over 2^32 in the middle. */
	fake_init(&f, 3, UINT32_MAX - 1);
	ok(zcs_next(&f.z, &pkt) == 0, "rings: nothing waits at first");
	for (i = 0; i < 3; i++)
		for (j = 0; j < 4; j++)
			fake_add(&f, i, times[i][j], (const uint8_t *)"x", 1, 0);
	ok(zcs_waiting(&f.z) == 12, "rings: what waits is counted");
	while (zcs_next(&f.z, &pkt) > 0) {
		sorted = sorted && pkt.desc->ts_ns >= last;
		last = pkt.desc->ts_ns;
		n++;
	}
	ok(n == 12 && sorted, "rings: merged by time");
	ok(f.tails[0].tail == UINT32_MAX - 1, "rings: nothing is given back unasked");
	zcs_release(&f.z);
	ok(f.tails[0].tail == 2 && f.tails[1].tail == 2 && f.tails[2].tail == 2,
	   "rings: all is given back at once");
	fake_uninit(&f);
}

static int count_three(struct zcs *z, const struct zcs_packet *pkt, void *arg)
{
	unsigned int *n = arg;

	(void)z;
	(void)pkt;
	return ++*n == 3 ? 77 : 0;
}

static void test_walk(void)
{
	unsigned int n = 0, i;
	struct fake f;

	fake_init(&f, 1, 0);
	for (i = 0; i < 5; i++)
		fake_add(&f, 0, i, (const uint8_t *)"x", 1, 0);
	ok(zcs_for_each(&f.z, count_three, &n) == 77 && f.tails[0].tail == 3,
	   "rings: a walk ends where it is told, and gives back so much");
	fake_uninit(&f);
}

static void test_nonsense(void)
{
	struct zcs_packet pkt;
	struct zcs_desc *d;
	uint8_t buf[256];
	struct fake f;

	fake_init(&f, 1, 0);
	d = fake_add(&f, 0, 1, (const uint8_t *)"x", 1, 0);
	d->nr_slots = 0;
	ok(zcs_next(&f.z, &pkt) == -EBADMSG, "rings: a packet of no slots is refused");
	d->nr_slots = 2;
	ok(zcs_next(&f.z, &pkt) == -EBADMSG, "rings: a packet beyond head is refused");
	fake_uninit(&f);

	fake_init(&f, 1, 0);
	memset(buf, 1, sizeof(buf));
	d = fake_add(&f, 0, 1, buf, 256, 1);
	zcs_next(&f.z, &pkt);
	d->seg[0].chunk = f.z.data_size - 100;
	ok(zcs_copy(&f.z, &pkt, buf, sizeof(buf)) == -EBADMSG, "bytes: beyond the mapping");
	d->seg[0].chunk = UINT64_MAX - 10;
	ok(zcs_copy(&f.z, &pkt, buf, sizeof(buf)) == -EBADMSG, "bytes: an offset that wraps");
	d->seg[0].chunk = 0;
	d->nr_segs = 0;
	ok(zcs_copy(&f.z, &pkt, buf, sizeof(buf)) == -EBADMSG, "bytes: no part for them");
	d->nr_segs = 13;
	d->seg[0].len = 1;
	d->seg[1].len = 1;
	ok(zcs_copy(&f.z, &pkt, buf, sizeof(buf)) == -EBADMSG, "bytes: parts without slots");
	d->nr_segs = 1;
	d->head_len = 200;
	ok(zcs_copy(&f.z, &pkt, buf, sizeof(buf)) == -EBADMSG, "bytes: a snapshot too long");
	fake_uninit(&f);

	fake_init(&f, 1, 0);
	((struct zcs_ring *)f.rings)->nr_slots = 48;
	zcs_rings_uninit(&f.z);
	ok(zcs_rings_init(&f.z, f.rings, f.ring_size, 1, f.tails) == -EBADMSG,
	   "rings: a number of slots that is no power of two is refused");
	zcs_rings_uninit(&f.z);
	((struct zcs_ring *)f.rings)->nr_slots = 128;
	ok(zcs_rings_init(&f.z, f.rings, f.ring_size, 1, f.tails) == -EBADMSG,
	   "rings: slots beyond the ring are refused");
	fake_uninit(&f);
}

void test_rings(void)
{
	test_merge();
	test_walk();
	test_nonsense();
}

/* All lengths and numbers of parts; slots with parts wrap around the ring. */
static bool copies_are_equal(void)
{
	static const size_t lens[] = { 0, 1, 14, 127, 128, 129, 200, 1514, 9014, 65535 };
	uint8_t *bytes = malloc(65536), *copy = malloc(65536);
	struct zcs_packet pkt;
	bool equal = true;
	unsigned int i, segs;
	struct fake f;
	size_t j;

	for (j = 0; j < 65536; j++)
		bytes[j] = (uint8_t)random_u32();
	fake_init(&f, 1, 0);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		for (segs = lens[i] > ZCS_HEAD_LEN ? 1 : 0; segs <= ZCS_SEGS_MAX; segs++) {
			if (segs > lens[i])
				break;
			f.used = 0;
			fake_add(&f, 0, 0, bytes, lens[i], segs);
			if (zcs_next(&f.z, &pkt) != 1)
				equal = false;
			memset(copy, 0, 65536);
			if (zcs_copy(&f.z, &pkt, copy, 65536) != (ssize_t)lens[i] ||
			    memcmp(copy, bytes, lens[i]))
				equal = false;
			zcs_release(&f.z);
		}
	}
	fake_uninit(&f);
	free(bytes);
	free(copy);
	return equal;
}

void test_bytes(void)
{
	uint8_t bytes[300], copy[300];
	struct iovec iov[ZCS_IOV_MAX];
	struct zcs_packet pkt;
	unsigned int i;
	struct fake f;
	bool equal = true;
	int n;

	ok(copies_are_equal(), "bytes: any length in any number of parts; the snapshot counts");

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	fake_init(&f, 1, 0);
	fake_add(&f, 0, 0, bytes, sizeof(bytes), 2);
	zcs_next(&f.z, &pkt);
	for (i = 0; i <= sizeof(bytes); i++) {
		size_t at = i;
		int j;

		n = zcs_iov(&f.z, &pkt, i, iov, ZCS_IOV_MAX);
		for (j = 0; j < n; at += iov[j++].iov_len)
			equal = equal && !memcmp(bytes + at, iov[j].iov_base, iov[j].iov_len);
		equal = equal && at == sizeof(bytes);
	}
	ok(equal, "bytes: from any offset on");
	ok(zcs_copy(&f.z, &pkt, copy, 10) == 10 && !memcmp(copy, bytes, 10),
	   "bytes: the first few");
	ok(zcs_iov(&f.z, &pkt, 0, iov, 1) == 1 && iov[0].iov_len == ZCS_HEAD_LEN,
	   "bytes: no more items than there is room for");
	ok(zcs_segment(&f.z, &pkt, 1) && !zcs_segment(&f.z, &pkt, 2), "bytes: parts are counted");
	fake_uninit(&f);
}
