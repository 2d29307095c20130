// SPDX-License-Identifier: GPL-2.0-only
/*
 * NTA: the tracepoints are made here.
 */

#define CREATE_TRACE_POINTS
#include <trace/events/nta.h>
