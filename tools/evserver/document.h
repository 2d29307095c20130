/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evserver: where the document comes from.
 */
#ifndef _EVSERVER_DOCUMENT_H
#define _EVSERVER_DOCUMENT_H

#include "http.h"

/* So many bytes of text. Return: 0 or a negative errno. */
int document_of_size(struct http_document *doc, size_t size);

/* The content of a file, which is also served under its name. */
int document_of_file(struct http_document *doc, const char *path);

/* Give it back. */
void document_free(struct http_document *doc);

#endif /* _EVSERVER_DOCUMENT_H */
