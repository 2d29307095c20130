// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent-epoll: which interests are of one shot.
 *
 * After its event epoll keeps such an interest, asleep, and EPOLL_CTL_MOD wakes
 * it. In kevent it is gone, and to be added again. So it has to be known that it
 * was there. One that a close() has ended is known for longer than it should be:
 * to modify it succeeds, where epoll says ENOENT.
 */

#include <pthread.h>
#include <stdlib.h>

#include "shim.h"

#define NR_CHAINS	1024

struct entry {
	struct entry	*next;
	int		epfd;
	int		fd;
};

static struct entry *chains[NR_CHAINS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Where the pointer to the entry is, or to the end of its chain. */
static struct entry **find(int epfd, int fd)
{
	struct entry **at = &chains[((unsigned int)fd * 31 + epfd) % NR_CHAINS];

	while (*at && ((*at)->epfd != epfd || (*at)->fd != fd))
		at = &(*at)->next;
	return at;
}

static void drop(struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	free(entry);
}

void oneshot_add(int epfd, int fd)
{
	struct entry **at, *entry;

	pthread_mutex_lock(&lock);
	at = find(epfd, fd);
	if (!*at) {
		entry = malloc(sizeof(*entry));
		if (entry) {
			*entry = (struct entry){ .epfd = epfd, .fd = fd };
			*at = entry;
		}
	}
	pthread_mutex_unlock(&lock);
}

void oneshot_forget(int epfd, int fd)
{
	struct entry **at;

	pthread_mutex_lock(&lock);
	at = find(epfd, fd);
	if (*at)
		drop(at);
	pthread_mutex_unlock(&lock);
}

bool oneshot_has(int epfd, int fd)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = *find(epfd, fd);
	pthread_mutex_unlock(&lock);
	return has;
}

void oneshot_forget_all(int epfd)
{
	struct entry **at;
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < NR_CHAINS; i++) {
		at = &chains[i];
		while (*at) {
			if ((*at)->epfd == epfd)
				drop(at);
			else
				at = &(*at)->next;
		}
	}
	pthread_mutex_unlock(&lock);
}
