/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kevent-epoll: what its files share.
 */
#ifndef _KEVENT_EPOLL_SHIM_H
#define _KEVENT_EPOLL_SHIM_H

#include <stdbool.h>

/* Interests that were added to end with their first event. */
void oneshot_add(int epfd, int fd);
void oneshot_forget(int epfd, int fd);
bool oneshot_has(int epfd, int fd);

/* The descriptor is that of a new queue. */
void oneshot_forget_all(int epfd);

#endif /* _KEVENT_EPOLL_SHIM_H */
