// SPDX-License-Identifier: GPL-2.0-only
/*
 * libzcs: sending out of chunks that the kernel shares with this process.
 *
 * Barriers: the kernel writes a completion, then stores head with release;
 * zcs_tx_reap() loads it with acquire, and stores its tail with release after
 * the last read.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define DEFAULT_CHUNKS		1024
#define DEFAULT_CHUNK_SIZE	4096

/**
 * struct zcs_sender - a handle for sending
 * @fd: the device
 * @chunks: mapping of the chunks
 * @nr_chunks: how many
 * @chunk_size: bytes of each
 * @ring: mapping of the completions
 * @ring_len: its length
 * @done: the completions themselves
 * @mask: their number less one
 * @tails: mapping of the tails
 * @tails_len: its length
 * @tail: the one for completions
 */
struct zcs_sender {
	int				fd;
	uint8_t				*chunks;
	unsigned int			nr_chunks;
	unsigned int			chunk_size;
	const struct zcs_tx_ring	*ring;
	size_t				ring_len;
	const struct zcs_tx_done	*done;
	uint32_t			mask;
	struct zcs_tail			*tails;
	size_t				tails_len;
	struct zcs_tail			*tail;
};

static void *map(int fd, size_t len, int prot, off_t off)
{
	void *p = mmap(NULL, len, prot, MAP_SHARED, fd, off);

	return p == MAP_FAILED ? NULL : p;
}

static int map_all(struct zcs_sender *tx, const struct zcs_tx_setup *setup)
{
	uint64_t end;

	tx->chunks = map(tx->fd, (size_t)tx->nr_chunks * tx->chunk_size, PROT_READ | PROT_WRITE,
			 ZCS_OFF_TX);
	tx->ring_len = setup->ring_size;
	tx->ring = map(tx->fd, tx->ring_len, PROT_READ, ZCS_OFF_TX_RING);
	tx->tails_len = setup->tails_size;
	tx->tails = map(tx->fd, tx->tails_len, PROT_READ | PROT_WRITE, ZCS_OFF_TAILS);
	if (!tx->chunks || !tx->ring || !tx->tails)
		return -1;
	end = tx->ring->slots_off + (uint64_t)tx->ring->nr_slots * sizeof(*tx->done);
	if (!tx->ring->nr_slots || tx->ring->nr_slots & (tx->ring->nr_slots - 1) ||
	    end > tx->ring_len || (setup->tail_index + 1ULL) * sizeof(*tx->tail) > tx->tails_len) {
		errno = EBADMSG;
		return -1;
	}
	tx->done = (const void *)((const char *)tx->ring + tx->ring->slots_off);
	tx->mask = tx->ring->nr_slots - 1;
	tx->tail = &tx->tails[setup->tail_index];
	return 0;
}

struct zcs_sender *zcs_tx_open(const struct zcs_tx_options *opts, char *err)
{
	struct zcs_sender *tx = calloc(1, sizeof(*tx));
	struct zcs_tx_setup setup = { .size = sizeof(setup) };

	if (!tx) {
		zcs_err(err, "no memory");
		return NULL;
	}
	tx->nr_chunks = opts->nr_chunks ? opts->nr_chunks : DEFAULT_CHUNKS;
	tx->chunk_size = opts->chunk_size ? opts->chunk_size : DEFAULT_CHUNK_SIZE;
	tx->fd = zcs_device_open(err);
	if (tx->fd < 0)
		goto err_close;
	setup.nr_chunks = tx->nr_chunks;
	setup.chunk_size = tx->chunk_size;
	if (ioctl(tx->fd, ZCS_IOC_TX_SETUP, &setup)) {
		zcs_err(err, "the kernel refuses %u chunks of %u bytes: %s%s", tx->nr_chunks,
			tx->chunk_size, strerror(errno),
			errno == ENOMEM ? "; RLIMIT_MEMLOCK counts without CAP_IPC_LOCK" : "");
		goto err_close;
	}
	if (map_all(tx, &setup)) {
		zcs_err(err, "%s: mmap: %s", ZCS_DEVICE, strerror(errno));
		goto err_close;
	}
	return tx;

err_close:
	zcs_tx_close(tx);
	return NULL;
}

void zcs_tx_close(struct zcs_sender *tx)
{
	int saved = errno;

	if (!tx)
		return;
	if (tx->chunks)
		munmap(tx->chunks, (size_t)tx->nr_chunks * tx->chunk_size);
	if (tx->ring)
		munmap((void *)tx->ring, tx->ring_len);
	if (tx->tails)
		munmap(tx->tails, tx->tails_len);
	if (tx->fd >= 0)
		close(tx->fd);
	free(tx);
	errno = saved;
}

int zcs_tx_fd(const struct zcs_sender *tx)
{
	return tx->fd;
}

unsigned int zcs_tx_nr_chunks(const struct zcs_sender *tx)
{
	return tx->nr_chunks;
}

void *zcs_tx_chunk(const struct zcs_sender *tx, unsigned int chunk)
{
	return chunk < tx->nr_chunks ? tx->chunks + (size_t)chunk * tx->chunk_size : NULL;
}

int zcs_tx_submit(struct zcs_sender *tx, const struct zcs_tx_desc *descs, unsigned int nr)
{
	struct zcs_tx arg = {
		.size = sizeof(arg),
		.nr = nr,
		.descs = (uintptr_t)descs,
	};
	int ret = ioctl(tx->fd, ZCS_IOC_TX, &arg);

	return ret < 0 ? -errno : ret;
}

int zcs_tx_reap(struct zcs_sender *tx, struct zcs_tx_done *done, int max)
{
	uint32_t tail = tx->tail->tail;
	uint32_t head = __atomic_load_n(&tx->ring->head, __ATOMIC_ACQUIRE);
	int n;

	for (n = 0; n < max && tail != head; n++, tail++)
		done[n] = tx->done[tail & tx->mask];
	if (n)
		__atomic_store_n(&tx->tail->tail, tail, __ATOMIC_RELEASE);
	return n;
}

int zcs_tx_stats(const struct zcs_sender *tx, struct zcs_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	return ioctl(tx->fd, ZCS_IOC_STATS, stats) ? -errno : 0;
}
