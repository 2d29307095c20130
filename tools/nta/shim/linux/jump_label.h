/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: static keys are plain flags. */
#ifndef _SHIM_LINUX_JUMP_LABEL_H
#define _SHIM_LINUX_JUMP_LABEL_H

#include <linux/types.h>

struct static_key_false {
	bool enabled;
};

#define DECLARE_STATIC_KEY_FALSE(name)	extern struct static_key_false name
#define DEFINE_STATIC_KEY_FALSE(name)	struct static_key_false name

#define static_branch_likely(key)	likely(READ_ONCE((key)->enabled))
#define static_branch_unlikely(key)	unlikely(READ_ONCE((key)->enabled))
#define static_branch_enable(key)	WRITE_ONCE((key)->enabled, true)
#define static_branch_disable(key)	WRITE_ONCE((key)->enabled, false)

#endif /* _SHIM_LINUX_JUMP_LABEL_H */
