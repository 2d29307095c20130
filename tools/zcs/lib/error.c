// SPDX-License-Identifier: GPL-2.0-only
/*
 * libzcs: sentences for people. errno survives them.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

void zcs_err(char *err, const char *fmt, ...)
{
	int saved = errno;
	va_list args;

	if (!err)
		return;
	va_start(args, fmt);
	vsnprintf(err, ZCS_ERR_LEN, fmt, args);
	va_end(args);
	errno = saved;
}
