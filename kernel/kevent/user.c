// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: events that the program makes itself, with KEVENT_CTL_READY.
 */

#include "kevent.h"

static int user_add(struct kevent *kev)
{
	return 0;
}

static void user_remove(struct kevent *kev)
{
}

static const struct kevent_source user_source = {
	.type		= KEVENT_USER,
	.events		= KEVENT_MASK_ALL,
	.size		= sizeof(struct kevent),
	.merge		= { KEVENT_MERGE_ADD, KEVENT_MERGE_SET },
	.add		= user_add,
	.remove		= user_remove,
};

static int __init kevent_user_init(void)
{
	kevent_source_register(&user_source);
	return 0;
}
fs_initcall(kevent_user_init);
