/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: poison by AddressSanitizer, which shares the idea of KASAN. */
#ifndef _SHIM_LINUX_KASAN_H
#define _SHIM_LINUX_KASAN_H

#include <stddef.h>

#ifdef CONFIG_KASAN
#include <sanitizer/asan_interface.h>

#define kasan_poison_range(ptr, size)	__asan_poison_memory_region(ptr, size)
#define kasan_unpoison_range(ptr, size)	__asan_unpoison_memory_region(ptr, size)
#else
#define kasan_poison_range(ptr, size)	((void)(ptr), (void)(size))
#define kasan_unpoison_range(ptr, size)	((void)(ptr), (void)(size))
#endif

#endif /* _SHIM_LINUX_KASAN_H */
