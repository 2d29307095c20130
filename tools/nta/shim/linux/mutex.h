/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: mutexes. */
#ifndef _SHIM_LINUX_MUTEX_H
#define _SHIM_LINUX_MUTEX_H

#include <pthread.h>

#define DEFINE_MUTEX(name)	pthread_mutex_t name = PTHREAD_MUTEX_INITIALIZER
#define mutex_lock(mtx)		pthread_mutex_lock(mtx)
#define mutex_unlock(mtx)	pthread_mutex_unlock(mtx)

#endif /* _SHIM_LINUX_MUTEX_H */
