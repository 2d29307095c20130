/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: what the kernel expects of the compiler. */
#ifndef _SHIM_LINUX_COMPILER_H
#define _SHIM_LINUX_COMPILER_H

#include <stddef.h>

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define barrier()	__asm__ __volatile__("" : : : "memory")

#undef __always_inline
#define __always_inline	inline __attribute__((__always_inline__))
#define noinline	__attribute__((__noinline__))
#define __init
#define __ro_after_init
#define __maybe_unused	__attribute__((__unused__))

/* Relaxed atomics, so that ThreadSanitizer knows them for what they are. */
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define __is_defined_1(v)	__is_defined_2(__shim_arg_##v)
#define __is_defined_2(arg)	__is_defined_3(arg 1, 0)
#define __is_defined_3(a, b, ...)	b
#define __shim_arg_1		0,
/* CONFIG_ symbols are 1 or not defined. */
#define IS_ENABLED(option)	__is_defined_1(option)

#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define clamp_t(type, v, lo, hi) \
	((type)(v) < (type)(lo) ? (type)(lo) : \
	 (type)(v) > (type)(hi) ? (type)(hi) : (type)(v))

#endif /* _SHIM_LINUX_COMPILER_H */
