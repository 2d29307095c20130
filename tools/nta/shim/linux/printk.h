/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: messages. */
#ifndef _SHIM_LINUX_PRINTK_H
#define _SHIM_LINUX_PRINTK_H

#include <stdio.h>

#define pr_err(...)	shim_pr(pr_fmt(__VA_ARGS__))
#define shim_pr(...)	fprintf(stderr, __VA_ARGS__)

#endif /* _SHIM_LINUX_PRINTK_H */
