/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nta

#if !defined(_TRACE_NTA_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_NTA_H

#include <linux/nta.h>
#include <linux/tracepoint.h>

TRACE_DEFINE_ENUM(NTA_FALLBACK_SIZE);
TRACE_DEFINE_ENUM(NTA_FALLBACK_GFP);
TRACE_DEFINE_ENUM(NTA_FALLBACK_NUMA);
TRACE_DEFINE_ENUM(NTA_FALLBACK_CONTEXT);
TRACE_DEFINE_ENUM(NTA_FALLBACK_NOMEM);

#define show_nta_fallback(cause)			\
	__print_symbolic(cause,				\
		{ NTA_FALLBACK_SIZE,	"size" },	\
		{ NTA_FALLBACK_GFP,	"gfp" },	\
		{ NTA_FALLBACK_NUMA,	"numa" },	\
		{ NTA_FALLBACK_CONTEXT,	"context" },	\
		{ NTA_FALLBACK_NOMEM,	"nomem" })

TRACE_EVENT(nta_alloc,
	    TP_PROTO(const void *ptr, unsigned int need, unsigned int size,
		     gfp_t gfp),
	    TP_ARGS(ptr, need, size, gfp),
	    TP_STRUCT__entry(__field(const void *, ptr)
			     __field(unsigned int, need)
			     __field(unsigned int, size)
			     __field(unsigned long, gfp)),
	    TP_fast_assign(__entry->ptr = ptr;
			   __entry->need = need;
			   __entry->size = size;
			   __entry->gfp = (__force unsigned long)gfp;),
	    TP_printk("ptr=%p need=%u size=%u gfp=%#lx", __entry->ptr,
		      __entry->need, __entry->size, __entry->gfp)
);

TRACE_EVENT(nta_free,
	    TP_PROTO(const void *ptr, unsigned int size),
	    TP_ARGS(ptr, size),
	    TP_STRUCT__entry(__field(const void *, ptr)
			     __field(unsigned int, size)),
	    TP_fast_assign(__entry->ptr = ptr;
			   __entry->size = size;),
	    TP_printk("ptr=%p size=%u", __entry->ptr, __entry->size)
);

TRACE_EVENT(nta_fallback,
	    TP_PROTO(int cause, unsigned int size, gfp_t gfp),
	    TP_ARGS(cause, size, gfp),
	    TP_STRUCT__entry(__field(int, cause)
			     __field(unsigned int, size)
			     __field(unsigned long, gfp)),
	    TP_fast_assign(__entry->cause = cause;
			   __entry->size = size;
			   __entry->gfp = (__force unsigned long)gfp;),
	    TP_printk("cause=%s size=%u gfp=%#lx",
		      show_nta_fallback(__entry->cause), __entry->size,
		      __entry->gfp)
);

TRACE_EVENT(nta_split,
	    TP_PROTO(int node, unsigned int unit, unsigned int have,
		     unsigned int units),
	    TP_ARGS(node, unit, have, units),
	    TP_STRUCT__entry(__field(int, node)
			     __field(unsigned int, unit)
			     __field(unsigned int, have)
			     __field(unsigned int, units)),
	    TP_fast_assign(__entry->node = node;
			   __entry->unit = unit;
			   __entry->have = have;
			   __entry->units = units;),
	    TP_printk("node=%d unit=%u have=%u units=%u", __entry->node,
		      __entry->unit, __entry->have, __entry->units)
);

TRACE_EVENT(nta_merge,
	    TP_PROTO(int node, unsigned int unit, unsigned int left,
		     unsigned int right),
	    TP_ARGS(node, unit, left, right),
	    TP_STRUCT__entry(__field(int, node)
			     __field(unsigned int, unit)
			     __field(unsigned int, left)
			     __field(unsigned int, right)),
	    TP_fast_assign(__entry->node = node;
			   __entry->unit = unit;
			   __entry->left = left;
			   __entry->right = right;),
	    TP_printk("node=%d unit=%u left=%u right=%u", __entry->node,
		      __entry->unit, __entry->left, __entry->right)
);

TRACE_EVENT(nta_drain,
	    TP_PROTO(int cpu, unsigned int nr),
	    TP_ARGS(cpu, nr),
	    TP_STRUCT__entry(__field(int, cpu)
			     __field(unsigned int, nr)),
	    TP_fast_assign(__entry->cpu = cpu;
			   __entry->nr = nr;),
	    TP_printk("cpu=%d nr=%u", __entry->cpu, __entry->nr)
);

DECLARE_EVENT_CLASS(nta_node,
		    TP_PROTO(int node, int cpu, unsigned int order),
		    TP_ARGS(node, cpu, order),
		    TP_STRUCT__entry(__field(int, node)
				     __field(int, cpu)
				     __field(unsigned int, order)),
		    TP_fast_assign(__entry->node = node;
				   __entry->cpu = cpu;
				   __entry->order = order;),
		    TP_printk("node=%d cpu=%d order=%u", __entry->node,
			      __entry->cpu, __entry->order)
);

DEFINE_EVENT(nta_node, nta_grow,
	     TP_PROTO(int node, int cpu, unsigned int order),
	     TP_ARGS(node, cpu, order)
);

DEFINE_EVENT(nta_node, nta_return,
	     TP_PROTO(int node, int cpu, unsigned int order),
	     TP_ARGS(node, cpu, order)
);

#endif /* _TRACE_NTA_H */

/* This part must be outside protection. */
#include <trace/define_trace.h>
