// SPDX-License-Identifier: GPL-2.0-only
/*
 * libzcs: the bytes of a packet: its snapshot, then what its parts have beyond.
 */

#include <errno.h>
#include <string.h>

#include "internal.h"

const struct zcs_seg *zcs_segment(const struct zcs *z, const struct zcs_packet *pkt,
				  unsigned int i)
{
	const struct zcs_desc *desc = pkt->desc;
	const struct reader *r = &z->readers[pkt->ring];
	const struct zcs_more *more;
	unsigned int slot;

	if (i >= desc->nr_segs)
		return NULL;
	if (i < ZCS_SEGS)
		return &desc->seg[i];
	i -= ZCS_SEGS;
	slot = 1 + i / ZCS_MORE_SEGS;
	if (slot >= desc->nr_slots)
		return NULL;
	slot += desc - r->slots;
	more = (const struct zcs_more *)&r->slots[slot & r->mask];
	return &more->seg[i % ZCS_MORE_SEGS];
}

const void *zcs_data(const struct zcs *z, uint64_t off, size_t len)
{
	if (off > z->data_size || len > z->data_size - off)
		return NULL;
	return z->data + off;
}

/* Address of a part, NULL if it is not inside of the mapping. */
static const uint8_t *part_address(const struct zcs *z, const struct zcs_seg *seg)
{
	uint64_t start = seg->chunk + seg->off;

	return start < seg->chunk ? NULL : zcs_data(z, start, seg->len);
}

int zcs_iov(const struct zcs *z, const struct zcs_packet *pkt, size_t off,
	    struct iovec *iov, int max)
{
	const struct zcs_desc *desc = pkt->desc;
	size_t head = desc->head_len, left = desc->cap_len, skip;
	unsigned int i;
	int n = 0;

	if (head > sizeof(desc->head))
		return -EBADMSG;
	if (head > left)
		head = left;
	if (off >= left || max <= 0)
		return 0;
	if (off < head) {
		iov[n].iov_base = (void *)(desc->head + off);
		iov[n++].iov_len = head - off;
		off = head;
	}
	/* The parts begin with the packet: leave out what came already. */
	skip = off;
	left -= off;
	for (i = 0; left && n < max; i++) {
		const struct zcs_seg *seg = zcs_segment(z, pkt, i);
		const uint8_t *part;
		size_t len;

		/* A part that the snapshot has whole lies nowhere else. */
		if (seg && skip >= seg->len) {
			skip -= seg->len;
			continue;
		}
		part = seg ? part_address(z, seg) : NULL;
		if (!part)
			return -EBADMSG;
		len = seg->len - skip;
		if (len > left)
			len = left;
		iov[n].iov_base = (void *)(part + skip);
		iov[n++].iov_len = len;
		left -= len;
		skip = 0;
	}
	return n;
}

ssize_t zcs_copy(const struct zcs *z, const struct zcs_packet *pkt, void *buf, size_t len)
{
	struct iovec iov[ZCS_IOV_MAX];
	size_t done = 0, part;
	int i, n;

	n = zcs_iov(z, pkt, 0, iov, len <= pkt->desc->head_len ? 1 : ZCS_IOV_MAX);
	if (n < 0)
		return n;
	for (i = 0; i < n && done < len; i++) {
		part = iov[i].iov_len < len - done ? iov[i].iov_len : len - done;
		memcpy((char *)buf + done, iov[i].iov_base, part);
		done += part;
	}
	return done;
}
