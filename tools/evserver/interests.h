/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evserver: interests of a kevent queue that are changed many at a time. All that
 * a round of the server asks for goes in with one call, or two.
 */
#ifndef _EVSERVER_INTERESTS_H
#define _EVSERVER_INTERESTS_H

#include <libkevent.h>

#include "engine.h"

#define INTERESTS_BATCH	256

/**
 * struct batch - one kind of change, collected
 * @nr: how many
 * @evs: they
 */
struct batch {
	unsigned int	nr;
	struct ukevent	evs[INTERESTS_BATCH];
};

/**
 * struct kq_engine - an engine on a queue
 * @engine: its head
 * @kq: the queue
 * @listener: req_flags of the listener: level or edge
 * @added: new interests
 * @modified: other ones
 * @nr_failed: number of @failed
 * @failed: cookies of those that could not be added or changed
 */
struct kq_engine {
	struct engine	engine;
	struct kq	*kq;
	uint32_t	listener;
	struct batch	added;
	struct batch	modified;
	unsigned int	nr_failed;
	uint64_t	failed[2 * INTERESTS_BATCH];
};

static inline struct kq_engine *to_kq_engine(struct engine *engine)
{
	return (struct kq_engine *)engine;
}

/* @size is that of a struct that begins with a struct kq_engine. */
int interests_open(struct engine **engine, size_t size, enum kq_kind kind, uint32_t listener);
void interests_close(struct engine *engine);
int interests_add(struct engine *engine, enum kind kind, int fd, uint64_t cookie);
int interests_want(struct engine *engine, enum kind kind, int fd, uint64_t cookie,
		   unsigned int what);
void interests_forget(struct engine *engine, int fd, uint64_t cookie);

/* Make the changes. */
int interests_flush(struct kq_engine *kqe);

/* Events of the queue as the server knows them, in as few elements or fewer. */
int interests_told(struct kq_engine *kqe, const struct ukevent *evs, int nr,
		   struct event *events, unsigned int max);

#endif /* _EVSERVER_INTERESTS_H */
