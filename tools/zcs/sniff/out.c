// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcsniff: output that is gathered, then written with one writev(2).
 *
 * An item is either bytes in the stage or a reference into the mapping. Staged
 * bytes that follow each other share an item.
 */

#include <errno.h>

#include "zcsniff.h"

void out_init(struct out *out, int fd, const char *name)
{
	out->fd = fd;
	out->name = name;
	out->nr = 0;
	out->staged = 0;
	out->item = 0;
	out->size = 0;
	out->written = 0;
}

/* Write it all. 0, or a negative errno: -EINTR if a signal came meanwhile. */
int out_flush(struct out *out)
{
	struct iovec *iov = out->iov;
	ssize_t n;

	out_close(out);
	while (out->written < out->size) {
		n = writev(out->fd, iov, (int)(out->iov + out->nr - iov));
		if (n < 0)
			return -errno;
		out->written += (uint64_t)n;
		if (out->written == out->size)
			break;
		/* A short write: go on behind it. */
		for (; (size_t)n >= iov->iov_len; iov++)
			n -= (ssize_t)iov->iov_len;
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= (size_t)n;
	}
	out->nr = 0;
	out->staged = 0;
	out->item = 0;
	return 0;
}
