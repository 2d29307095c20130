// SPDX-License-Identifier: GPL-2.0-only
/*
 * evserver: the document, of a size or from a file.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "document.h"

int document_of_size(struct http_document *doc, size_t size)
{
	char *data = NULL;
	size_t i;

	if (size) {
		data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (data == MAP_FAILED)
			return -errno;
	}
	/* Lines, so that a person may look at it. */
	for (i = 0; i < size; i++)
		data[i] = i % 64 == 63 || i + 1 == size ? '\n' : 'a' + i % 64 % 26;
	doc->type = "text/plain";
	doc->data = data;
	doc->len = size;
	return 0;
}

int document_of_file(struct http_document *doc, const char *path)
{
	const char *base = strrchr(path, '/');
	char *name, *data = NULL;
	struct stat st;
	int fd, err = 0;

	base = base ? base + 1 : path;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (!err && st.st_size) {
		data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
		if (data == MAP_FAILED)
			err = -errno;
	}
	close(fd);
	if (err)
		return err;
	doc->data = data;
	doc->len = st.st_size;
	doc->type = "application/octet-stream";
	name = malloc(strlen(base) + 2);
	if (!name) {
		document_free(doc);
		return -ENOMEM;
	}
	name[0] = '/';
	strcpy(name + 1, base);
	doc->name = name;
	return 0;
}

void document_free(struct http_document *doc)
{
	if (doc->len)
		munmap((char *)doc->data, doc->len);
	free((char *)doc->name);
	memset(doc, 0, sizeof(*doc));
}
