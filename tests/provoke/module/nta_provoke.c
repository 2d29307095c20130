// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does on purpose what NTA and the kernel's checkers are to catch.
 *
 *   insmod nta_provoke.ko what=NAME
 *
 *   read_after_free    one byte of a chunk that was freed        KASAN
 *   read_behind_end    the byte after the last usable one        KASAN
 *   double_free        a second free of one chunk                NTA, history
 *   leak               a chunk that nobody points to any more    kmemleak
 *   copy_too_much      a copy to userspace across the end        usercopy
 *   copy_enough        a copy of the whole chunk: allowed
 *
 * Loading fails with -ECANCELED once it is done, so it can be loaded again.
 */

#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nta.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define PROVOKE_SIZE	1920

static char *what = "";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "which mistake to make");

static volatile char provoke_sink;

static char *provoke_alloc(unsigned int *size)
{
	return nta_alloc(PROVOKE_SIZE, size, GFP_KERNEL, NUMA_NO_NODE);
}

static int __init provoke_init(void)
{
	unsigned int size;
	char *ptr;

	ptr = provoke_alloc(&size);
	if (!ptr)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(size);

	if (!strcmp(what, "read_after_free")) {
		nta_free_sized(ptr, size);
		provoke_sink = ptr[100];
	} else if (!strcmp(what, "read_behind_end")) {
		provoke_sink = ptr[size];
		nta_free_sized(ptr, size);
	} else if (!strcmp(what, "double_free")) {
		nta_free(ptr);
		nta_free(ptr);
	} else if (!strcmp(what, "leak")) {
		ptr = NULL;
	} else if (!strcmp(what, "copy_too_much")) {
		check_object_size(ptr + 64, size, true);
	} else if (!strcmp(what, "copy_enough")) {
		check_object_size(ptr, size, true);
		check_object_size(ptr + size - 1, 1, false);
		nta_free_sized(ptr, size);
	} else {
		nta_free_sized(ptr, size);
		return -EINVAL;
	}
	return -ECANCELED;
}
module_init(provoke_init);

MODULE_DESCRIPTION("Mistakes that the network tree allocator must survive");
MODULE_LICENSE("GPL");
