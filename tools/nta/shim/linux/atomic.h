/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: atomic operations; those that return a value are full barriers. */
#ifndef _SHIM_LINUX_ATOMIC_H
#define _SHIM_LINUX_ATOMIC_H

#include <linux/types.h>

#define xchg(ptr, v)	__atomic_exchange_n((ptr), (v), __ATOMIC_SEQ_CST)

#define try_cmpxchg(ptr, oldp, new) \
	__atomic_compare_exchange_n((ptr), (oldp), (new), false, \
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#define cmpxchg(ptr, old, new) ({					\
	__typeof__(*(ptr)) __old = (old);				\
	try_cmpxchg((ptr), &__old, (new));				\
	__old;								\
})

#define smp_load_acquire(ptr)	__atomic_load_n((ptr), __ATOMIC_ACQUIRE)

/* ThreadSanitizer does not know fences; it knows operations. */
#define smp_mb() do {							\
	static int __fence;						\
	__atomic_fetch_add(&__fence, 0, __ATOMIC_SEQ_CST);		\
} while (0)

static inline int atomic_read(const atomic_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

static inline void atomic_set(atomic_t *v, int i)
{
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);
}

static inline void atomic_dec(atomic_t *v)
{
	__atomic_fetch_sub(&v->counter, 1, __ATOMIC_RELAXED);
}

static inline void atomic_sub(int i, atomic_t *v)
{
	__atomic_fetch_sub(&v->counter, i, __ATOMIC_RELAXED);
}

static inline int atomic_add_return(int i, atomic_t *v)
{
	return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);
}

#endif /* _SHIM_LINUX_ATOMIC_H */
