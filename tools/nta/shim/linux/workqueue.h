/* SPDX-License-Identifier: GPL-2.0-only */
/* Shim: delayed work, done when the model says so; see cpu.c. */
#ifndef _SHIM_LINUX_WORKQUEUE_H
#define _SHIM_LINUX_WORKQUEUE_H

#include <linux/jiffies.h>
#include <linux/types.h>

#define SHIM_WORK_IDLE	(~0UL)

struct work_struct {
	void (*func)(struct work_struct *work);
};

struct delayed_work {
	struct work_struct work;
	unsigned long when;
};

struct workqueue_struct;
#define system_wq	((struct workqueue_struct *)NULL)

#define to_delayed_work(w)	container_of(w, struct delayed_work, work)

void shim_work_init(struct delayed_work *dwork,
		    void (*func)(struct work_struct *work));
bool queue_delayed_work_on(int cpu, struct workqueue_struct *wq,
			   struct delayed_work *dwork, unsigned long delay);
bool mod_delayed_work_on(int cpu, struct workqueue_struct *wq,
			 struct delayed_work *dwork, unsigned long delay);
bool cancel_delayed_work_sync(struct delayed_work *dwork);

#define INIT_DELAYED_WORK(dwork, fn)	shim_work_init(dwork, fn)

#endif /* _SHIM_LINUX_WORKQUEUE_H */
