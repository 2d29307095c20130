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

/* Write it all. 0 or a negative errno; after a failure this is not called again. */
int out_flush(struct out *out)
{
	struct iovec *iov = out->iov, *end;
	ssize_t n;

	out_close(out);
	end = iov + out->nr;
	while (iov < end) {
		n = writev(out->fd, iov, (int)(end - iov));
		if (n < 0)
			return -errno;
		out->written += (uint64_t)n;
		if (out->written == out->size)
			break;
		/* A short write: go on behind it. */
		for (; iov < end && (size_t)n >= iov->iov_len; iov++)
			n -= (ssize_t)iov->iov_len;
		if (iov < end) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	out->nr = 0;
	out->staged = 0;
	out->item = 0;
	return 0;
}
