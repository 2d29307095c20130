/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The harness, for slow machines: nothing but a hang depends on how long a test
 * takes, and the slowest kernel is a debug kernel under emulation.
 */
#ifndef KEVENT_HARNESS_H
#define KEVENT_HARNESS_H

#include "../kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	1000	/* seconds */

#endif /* KEVENT_HARNESS_H */
