/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: redirection of one function, for all threads. */
#ifndef _SHIM_KUNIT_STATIC_STUB_H
#define _SHIM_KUNIT_STATIC_STUB_H

#include <linux/compiler.h>

struct nta_node;

/* What nta_report() becomes, if anything. */
extern void (*shim_stub_nta_report)(const char *what,
				    const struct nta_node *node,
				    const void *ptr, unsigned int units);

#define KUNIT_STATIC_STUB_REDIRECT(fn, ...) do {			\
	if (unlikely(shim_stub_##fn)) {					\
		shim_stub_##fn(__VA_ARGS__);				\
		return;							\
	}								\
} while (0)

#endif /* _SHIM_KUNIT_STATIC_STUB_H */
