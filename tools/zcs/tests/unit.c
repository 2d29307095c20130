// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of libzcs and zcsniff, without a kernel that captures.
 *
 *   unit DIR    DIR receives files that other tests read
 */

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

volatile sig_atomic_t stopping;

static unsigned int nr;
static unsigned int failed;
static uint32_t state = 20061;

void ok(bool passed, const char *name)
{
	printf("%s %u %s\n", passed ? "ok" : "not ok", ++nr, name);
	failed += !passed;
}

/* The same numbers in every run. */
uint32_t random_u32(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: unit DIR\n", stderr);
		return 2;
	}
	setenv("TZ", "UTC", 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13");
	if (ifaces_init(NULL))
		puts("Bail out! no socket");
	test_rings();
	test_bytes();
	test_out();
	test_pcapng(argv[1]);
	test_rotation(argv[1]);
	test_print();
	test_random(argv[1]);
	ifaces_uninit();
	printf("1..%u\n", nr);
	return failed != 0;
}
