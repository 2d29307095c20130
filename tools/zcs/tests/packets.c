// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets with known content.
 */

#include <string.h>

#include "unit.h"

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static size_t put_ether(uint8_t *p, unsigned int type)
{
	memcpy(p, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
	put16(p + 12, type);
	return 14;
}

static void put_payload(uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + i / 256);
}

static size_t put_udp4(uint8_t *p, size_t payload)
{
	memset(p, 0, 28);
	p[0] = 0x45;
	put16(p + 2, (unsigned int)(28 + payload));
	put16(p + 4, 4711);
	p[8] = 64;
	p[9] = 17;
	memcpy(p + 12, "\x0a\x01\x00\x01\x0a\x01\x00\x02", 8);
	put16(p + 20, 4000);
	put16(p + 22, 5000);
	put16(p + 24, (unsigned int)(8 + payload));
	put_payload(p + 28, payload);
	return 28 + payload;
}

/* 10.1.0.1.4000 > 10.1.0.2.5000 */
size_t packet_udp4(uint8_t *p, size_t payload)
{
	size_t len = put_ether(p, 0x0800);

	return len + put_udp4(p + len, payload);
}

/* fd00::1.4000 > fd00::2.80, seq 1000, ack 2000, PUSH and ACK */
size_t packet_tcp6(uint8_t *p, size_t payload)
{
	size_t len = put_ether(p, 0x86dd);

	p += len;
	memset(p, 0, 60);
	p[0] = 0x60;
	put16(p + 4, (unsigned int)(20 + payload));
	p[6] = 6;
	p[7] = 64;
	p[8] = 0xfd;
	p[23] = 1;
	p[24] = 0xfd;
	p[39] = 2;
	put16(p + 40, 4000);
	put16(p + 42, 80);
	put16(p + 46, 1000);
	put16(p + 50, 2000);
	p[52] = 0x50;
	p[53] = 0x18;
	put16(p + 54, 512);
	put_payload(p + 60, payload);
	return len + 60 + payload;
}

/* who-has 10.1.0.2 tell 10.1.0.1 */
size_t packet_arp(uint8_t *p)
{
	size_t len = put_ether(p, 0x0806);

	memcpy(p + len, "\0\1\x08\0\6\4\0\1\2\0\0\0\0\1\x0a\1\0\1\0\0\0\0\0\0\x0a\1\0\2", 28);
	return len + 28;
}

/* packet_udp4() with the tag 7, priority 3, in its bytes */
size_t packet_vlan(uint8_t *p, size_t payload)
{
	size_t len = put_ether(p, 0x8100);

	put16(p + len, 0x6007);
	put16(p + len + 2, 0x0800);
	return len + 4 + put_udp4(p + len + 4, payload);
}
