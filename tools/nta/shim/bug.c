// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shim: warnings, reports and the hooks that tests hang on, and the few
 * symbols of files of NTA that are not in the model: the switch, the blocks.
 */

#include <stdio.h>
#include <stdlib.h>

#include <kunit/static_stub.h>
#include <linux/bug.h>
#include <linux/nta.h>
#include <linux/uaccess.h>
#include <trace/events/nta.h>

#include "../../../net/core/nta/nta.h"

#include <shim.h>

void (*shim_stub_nta_report)(const char *what, const struct nta_node *node,
			     const void *ptr, unsigned int units);
bool (*shim_usercopy)(bool to_user, unsigned long offset, unsigned long len);
struct shim_trace shim_trace;
void (*shim_on_list_del)(void);
static unsigned int shim_nr_warnings;

void shim_warned(void)
{
	__atomic_fetch_add(&shim_nr_warnings, 1, __ATOMIC_RELAXED);
}

/**
 * shim_warnings() - how often WARN() spoke
 *
 * Return: how often
 */
unsigned int shim_warnings(void)
{
	return __atomic_load_n(&shim_nr_warnings, __ATOMIC_RELAXED);
}

void usercopy_abort(const char *name, const char *detail, bool to_user,
		    unsigned long offset, unsigned long len)
{
	(void)name;
	(void)detail;
	if (shim_usercopy && shim_usercopy(to_user, offset, len))
		return;
	fprintf(stderr, "usercopy: offset %lu, %lu bytes\n", offset, len);
	abort();
}

/* === In place of switch.c and block.c of NTA ============================= */

DEFINE_STATIC_KEY_FALSE(nta_heads_key);
DEFINE_STATIC_KEY_FALSE(nta_receive_key);
DEFINE_STATIC_KEY_FALSE(nta_stream_key);

struct page *nta_block_pop(struct nta_cpu *c)
{
	(void)c;
	return NULL;
}

void nta_block_destroy(struct page *page)
{
	(void)page;
}
