/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the whole machine has done between two moments: processes, interrupts
 * and kernel threads together, waiting left out.
 *
 * Under "qemu -icount shift=0" the time stamp counter counts instructions, and
 * leaps over the time that a processor waits for its next interrupt. The kernel
 * keeps the sum of those waits in /proc/timer_list.
 */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

#include <stdint.h>

struct count {
	uint64_t	tsc;
	uint64_t	time_ns;
	uint64_t	idle_ns;	/* of all processors, added up */
};

/* All zero if the kernel does not tell how long its processors waited. */
void count_read(struct count *count);

/*
 * Time stamps from @from to @to that the machine was busy: instructions, with
 * one processor under -icount.
 */
double count_busy(const struct count *from, const struct count *to);

#endif /* BENCH_COUNT_H */
