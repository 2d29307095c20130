/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libzcs: what its files share.
 */
#ifndef _ZCS_INTERNAL_H
#define _ZCS_INTERNAL_H

#include "../zcs.h"

#define ZCS_DEVICE	"/dev/zc_sniffer"

/**
 * struct reader - one ring, as the consumer sees it
 * @nr: number of the ring
 * @ring: the kernel's side
 * @slots: its slots
 * @tail: where to tell the kernel what was given back
 * @mask: number of slots less one
 * @head: slots that were filled when the rings were last looked at
 * @pos: next slot to read
 * @released: what @tail holds
 */
struct reader {
	unsigned int		nr;
	const struct zcs_ring	*ring;
	const struct zcs_desc	*slots;
	struct zcs_tail		*tail;
	uint32_t		mask;
	uint32_t		head;
	uint32_t		pos;
	uint32_t		released;
};

/**
 * struct zcs - a handle for capture
 * @fd: the device
 * @data: start of the data mapping
 * @data_size: its length
 * @readers: the rings
 * @nr_rings: how many
 * @active: rings with packets of this batch, the earliest packet first
 * @nr_active: how many
 * @bound: time of the next packet of active[1]; UINT64_MAX without
 * @rings_map: mapping of the rings, to undo
 * @rings_len: its length
 * @tails_map: mapping of the tails, to undo
 * @tails_len: its length
 */
struct zcs {
	int		fd;
	const uint8_t	*data;
	uint64_t	data_size;
	struct reader	*readers;
	unsigned int	nr_rings;
	struct reader	**active;
	unsigned int	nr_active;
	uint64_t	bound;
	void		*rings_map;
	size_t		rings_len;
	void		*tails_map;
	size_t		tails_len;
};

/* open.c */
int zcs_device_open(char *err);

/* ring.c */
int zcs_rings_init(struct zcs *z, const void *rings, size_t ring_size, unsigned int nr_rings,
		   struct zcs_tail *tails);
void zcs_rings_uninit(struct zcs *z);

/* netns.c */
int zcs_netns_open(const char *netns);

/* error.c */
void zcs_err(char *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* _ZCS_INTERNAL_H */
