// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: output that is gathered, then written with one writev(2).
 *
 * An item is either bytes in the stage or a reference into the mapping. Staged
 * bytes that follow each other share an item. What is referred to must stay
 * until out_flush().
 */

#include <errno.h>
#include <string.h>

#include "zcsniff.h"

void out_init(struct out *out, int fd, const char *name)
{
	out->fd = fd;
	out->name = name;
	out->nr = 0;
	out->staged = 0;
	out->size = 0;
}

bool out_fits(const struct out *out, size_t bytes, int items)
{
	return out->staged + bytes <= sizeof(out->stage) && out->nr + items <= OUT_IOVS;
}

/* Where the next staged bytes go. */
uint8_t *out_room(struct out *out)
{
	return out->stage + out->staged;
}

/* Take the bytes that were written to out_room(). */
void out_commit(struct out *out, size_t len)
{
	uint8_t *start = out_room(out);

	if (!len)
		return;
	out->staged += len;
	out->size += len;
	if (out->nr) {
		struct iovec *last = &out->iov[out->nr - 1];

		if ((uint8_t *)last->iov_base + last->iov_len == start) {
			last->iov_len += len;
			return;
		}
	}
	out->iov[out->nr].iov_base = start;
	out->iov[out->nr++].iov_len = len;
}

void out_refer(struct out *out, const void *base, size_t len)
{
	out->iov[out->nr].iov_base = (void *)base;
	out->iov[out->nr++].iov_len = len;
	out->size += len;
}

/* Write it all. 0, or a negative errno: -EINTR if a signal came meanwhile. */
int out_flush(struct out *out)
{
	struct iovec *iov = out->iov;
	int left = out->nr;

	while (left) {
		ssize_t n = writev(out->fd, iov, left);

		if (n < 0)
			return -errno;
		while (left && (size_t)n >= iov->iov_len) {
			n -= iov->iov_len;
			iov++;
			left--;
		}
		if (left) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= n;
		}
	}
	out->nr = 0;
	out->staged = 0;
	return 0;
}
