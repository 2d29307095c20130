// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shim: interrupts are signals.
 *
 * A signal stops a thread between any two instructions, as an interrupt stops
 * a CPU; so it proves that the gate keeps what it promises. Code that keeps
 * interrupts off counts that per thread; a signal that comes then is noted and
 * delivered when they are on again.
 *
 * One thread at a time gets them.
 */

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include <linux/compiler.h>

#include <shim.h>

static _Thread_local volatile sig_atomic_t shim_irqs_off;
static _Thread_local volatile sig_atomic_t shim_irq_pending;
static void (*shim_irq_handler)(void);

static void shim_irq_run(void)
{
	shim_irqs_off = 1;
	shim_irq_pending = 0;
	shim_irq_handler();
	shim_irqs_off = 0;
}

static void shim_irq_signal(int sig)
{
	(void)sig;
	if (shim_irqs_off)
		shim_irq_pending = 1;
	else
		shim_irq_run();
}

/**
 * shim_irq_save() - keep interrupts off this CPU; nests
 */
void shim_irq_save(void)
{
	shim_irqs_off++;
	barrier(); /* What follows is protected. */
}

/**
 * shim_irq_restore() - undo shim_irq_save()
 */
void shim_irq_restore(void)
{
	barrier(); /* What went before was protected. */
	if (--shim_irqs_off)
		return;
	barrier(); /* Pending is read after a signal could set it no more. */
	if (unlikely(shim_irq_pending))
		shim_irq_run();
}

static void shim_irq_timer(unsigned int us)
{
	struct itimerval timer = {
		.it_interval = { .tv_usec = us },
		.it_value = { .tv_usec = us },
	};

	if (setitimer(ITIMER_REAL, &timer, NULL))
		abort();
}

/**
 * shim_irq_start() - let interrupts come
 * @handler: what they do
 * @period_us: time between two of them
 */
void shim_irq_start(void (*handler)(void), unsigned int period_us)
{
	struct sigaction act = {
		.sa_handler = shim_irq_signal,
		.sa_flags = SA_RESTART,
	};

	shim_irq_handler = handler;
	if (sigaction(SIGALRM, &act, NULL))
		abort();
	shim_irq_timer(period_us);
}

/**
 * shim_irq_stop() - let no more interrupts come
 */
void shim_irq_stop(void)
{
	shim_irq_timer(0);
	signal(SIGALRM, SIG_IGN);
}
