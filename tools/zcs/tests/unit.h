/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unit tests of libzcs and zcsniff: TAP, rings in memory, packets to put in.
 */
#ifndef _ZCS_UNIT_H
#define _ZCS_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/internal.h"
#include "../sniff/zcsniff.h"

/* === unit.c =============================================================== */

void ok(bool passed, const char *name);
uint32_t random_u32(void);

/* === fake.c =============================================================== */

#define FAKE_SLOTS	64
#define FAKE_PACKET	65536

/**
 * struct fake - a handle over rings that no kernel fills
 * @z: what libzcs sees
 * @rings: memory of the rings
 * @ring_size: bytes of each
 * @tails: what the reader gives back
 * @data: what a mapping would show
 * @used: bytes of it
 */
struct fake {
	struct zcs	z;
	uint8_t		*rings;
	size_t		ring_size;
	struct zcs_tail	*tails;
	uint8_t		*data;
	size_t		used;
};

void fake_init(struct fake *f, unsigned int nr_rings, uint32_t first);
void fake_uninit(struct fake *f);
struct zcs_desc *fake_add(struct fake *f, unsigned int ring, uint64_t ts_ns, const uint8_t *bytes,
			  size_t len, unsigned int nr_segs);

/* === packets.c ============================================================ */

size_t packet_udp4(uint8_t *p, size_t payload);
size_t packet_tcp6(uint8_t *p, size_t payload);
size_t packet_arp(uint8_t *p);
size_t packet_vlan(uint8_t *p, size_t payload);

/* === the tests ============================================================ */

void test_rings(void);
void test_bytes(void);
void test_out(void);
void test_pcapng(const char *dir);
void test_rotation(const char *dir);
void test_print(void);
void test_random(const char *dir);

#endif /* _ZCS_UNIT_H */
