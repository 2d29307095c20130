/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel in the program: the five calls without system calls, over rings in
 * memory. It stands in for lib/calls.c.
 */
#ifndef _KEVENT_FAKE_H
#define _KEVENT_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "../lib/internal.h"

/* Where the indices of the next mapped ring begin */
extern uint32_t fake_first;

/* Called with the head of the next mapped ring, to spoil it */
extern void (*fake_spoil)(struct kevent_map *map);

/* How often a call was made, all queues together */
extern unsigned int fake_calls;

bool fake_event(int fd, const struct ukevent *ev);
void fake_stale(int fd, uint32_t idx);
struct kevent_map_tail *fake_tail(int fd);
uint32_t fake_kidx(int fd);

#endif /* _KEVENT_FAKE_H */
