/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: spinlocks that keep the model's interrupts off. */
#ifndef _SHIM_LINUX_SPINLOCK_H
#define _SHIM_LINUX_SPINLOCK_H

#include <pthread.h>

#include <shim.h>

typedef pthread_mutex_t raw_spinlock_t;

#define DEFINE_RAW_SPINLOCK(name) \
	raw_spinlock_t name = PTHREAD_MUTEX_INITIALIZER

#define raw_spin_lock_irqsave(lock, flags) \
	((flags) = 0, shim_irq_save(), pthread_mutex_lock(lock))
#define raw_spin_unlock_irqrestore(lock, flags) \
	((void)(flags), pthread_mutex_unlock(lock), shim_irq_restore())

#endif /* _SHIM_LINUX_SPINLOCK_H */
