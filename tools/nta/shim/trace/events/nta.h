/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: tracepoints that call the model. */
#ifndef _SHIM_TRACE_EVENTS_NTA_H
#define _SHIM_TRACE_EVENTS_NTA_H

#include <linux/compiler.h>
#include <linux/nta.h>

/**
 * struct shim_trace - what to call; NULL members are skipped
 * @split: chunk at @unit, @have long, was cut; @units of it are handed out
 * @merge: chunk of @left units at @unit was joined with one of @right
 * @grow: a node came from the system
 * @give: a node went back to the system
 *
 * @split and @merge are called inside the gate.
 */
struct shim_trace {
	void (*split)(int node, unsigned int unit, unsigned int have,
		      unsigned int units);
	void (*merge)(int node, unsigned int unit, unsigned int left,
		      unsigned int right);
	void (*grow)(int node, int cpu, unsigned int order);
	void (*give)(int node, int cpu, unsigned int order);
};

extern struct shim_trace shim_trace;

#define __shim_event(name, ...) do {					\
	if (unlikely(shim_trace.name))					\
		shim_trace.name(__VA_ARGS__);				\
} while (0)

#define trace_nta_split(...)	__shim_event(split, __VA_ARGS__)
#define trace_nta_merge(...)	__shim_event(merge, __VA_ARGS__)
#define trace_nta_grow(...)	__shim_event(grow, __VA_ARGS__)
#define trace_nta_return(...)	__shim_event(give, __VA_ARGS__)
#define trace_nta_alloc(ptr, need, size, gfp)	((void)(ptr), (void)(size))
#define trace_nta_free(ptr, size)		((void)(ptr), (void)(size))
#define trace_nta_fallback(cause, size, gfp) \
	((void)(cause), (void)(size), (void)(gfp))
#define trace_nta_drain(cpu, nr)		((void)(cpu), (void)(nr))

#endif /* _SHIM_TRACE_EVENTS_NTA_H */
