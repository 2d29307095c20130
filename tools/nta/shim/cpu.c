// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shim: CPUs, time, and the workers of the CPUs.
 *
 * Nothing happens by itself: time moves with shim_set_jiffies(), a worker runs
 * when a thread of its CPU calls shim_run_worker(), a CPU goes and comes with
 * shim_cpu_down() and shim_cpu_up(), called on another CPU.
 *
 * The per-CPU copies are laid out by hand: the linker collects the templates
 * in one section, and each CPU gets a copy of that section.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/atomic.h>
#include <linux/cpuhotplug.h>
#include <linux/nta.h>
#include <linux/random.h>

#include <shim.h>

extern char __start_shim_percpu[], __stop_shim_percpu[];

long shim_percpu_offset[NR_CPUS];
_Thread_local long shim_this_offset;
_Thread_local int shim_this_cpu;
unsigned long shim_secret;

static unsigned long shim_now;
static bool shim_online[NR_CPUS];
static char *shim_copies;
static int (*shim_prepare)(unsigned int cpu);
static int (*shim_dead)(unsigned int cpu);

/**
 * shim_start() - make the CPUs, all offline and zeroed
 * @seed: of what the allocator takes for randomness
 *
 * The caller inits the allocator next and then brings CPUs up.
 */
void shim_start(unsigned long seed)
{
	size_t len = __stop_shim_percpu - __start_shim_percpu;
	int cpu;

	shim_secret = seed;
	if (!shim_copies) {
		shim_copies = mmap(NULL, len * NR_CPUS, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (shim_copies == MAP_FAILED)
			abort();
	} else {
		memset(shim_copies, 0, len * NR_CPUS);
	}
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		shim_percpu_offset[cpu] = (uintptr_t)shim_copies + cpu * len -
					  (uintptr_t)__start_shim_percpu;
		shim_online[cpu] = false;
	}
	shim_now = 1000;
	shim_set_cpu(0);
}

/**
 * shim_set_cpu() - say which CPU this thread is
 * @cpu: no other thread is it now
 */
void shim_set_cpu(int cpu)
{
	shim_this_cpu = cpu;
	shim_this_offset = shim_percpu_offset[cpu];
}

bool shim_cpu_is_online(int cpu)
{
	return READ_ONCE(shim_online[cpu]);
}

unsigned long get_random_long(void)
{
	shim_secret = shim_secret * 6364136223846793005UL +
		      1442695040888963407UL;
	return shim_secret ^ shim_secret >> 29;
}

/* === Hotplug ============================================================= */

int shim_cpuhp(int (*prepare)(unsigned int cpu), int (*dead)(unsigned int cpu))
{
	shim_prepare = prepare;
	shim_dead = dead;
	return 0;
}

/**
 * shim_cpu_up() - bring a CPU up
 * @cpu: offline CPU
 */
void shim_cpu_up(int cpu)
{
	shim_prepare(cpu);
	WRITE_ONCE(shim_online[cpu], true);
}

/**
 * shim_cpu_down() - take a CPU down
 * @cpu: online CPU that no thread is, or will be until shim_cpu_up()
 */
void shim_cpu_down(int cpu)
{
	WRITE_ONCE(shim_online[cpu], false);
	shim_dead(cpu);
}

/* === Time and workers ==================================================== */

unsigned long shim_jiffies(void)
{
	return READ_ONCE(shim_now);
}

/**
 * shim_set_jiffies() - move time
 * @now: not less than it was
 */
void shim_set_jiffies(unsigned long now)
{
	WRITE_ONCE(shim_now, now);
}

void shim_work_init(struct delayed_work *dwork,
		    void (*func)(struct work_struct *work))
{
	dwork->work.func = func;
	dwork->when = SHIM_WORK_IDLE;
}

bool queue_delayed_work_on(int cpu, struct workqueue_struct *wq,
			   struct delayed_work *dwork, unsigned long delay)
{
	unsigned long idle = SHIM_WORK_IDLE;

	(void)cpu;
	(void)wq;
	return try_cmpxchg(&dwork->when, &idle, jiffies + delay);
}

bool mod_delayed_work_on(int cpu, struct workqueue_struct *wq,
			 struct delayed_work *dwork, unsigned long delay)
{
	(void)cpu;
	(void)wq;
	return xchg(&dwork->when, jiffies + delay) != SHIM_WORK_IDLE;
}

bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
	return xchg(&dwork->when, SHIM_WORK_IDLE) != SHIM_WORK_IDLE;
}

/**
 * shim_run_worker() - do the delayed work of this CPU if it is due
 *
 * Return: true if it was.
 */
bool shim_run_worker(void)
{
	struct delayed_work *dwork = &this_cpu_ptr(&nta_cpu)->age;
	unsigned long when = READ_ONCE(dwork->when);

	if (when == SHIM_WORK_IDLE || time_before(jiffies, when))
		return false;
	/* If it was queued again meanwhile it is not early, only once. */
	xchg(&dwork->when, SHIM_WORK_IDLE);
	dwork->work.func(&dwork->work);
	return true;
}
