/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: work for interrupt context: done at once. */
#ifndef _SHIM_LINUX_IRQ_WORK_H
#define _SHIM_LINUX_IRQ_WORK_H

#include <linux/types.h>

struct irq_work {
	void (*func)(struct irq_work *work);
};

#define init_irq_work(work, fn)	((work)->func = (fn))
#define irq_work_queue(work)	((work)->func(work))
#define irq_work_sync(work)	((void)(work))

#endif /* _SHIM_LINUX_IRQ_WORK_H */
