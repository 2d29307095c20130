/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libzcs: capture and send packets through /dev/zc_sniffer without copying.
 *
 *   struct zcs *z = zcs_open(&(struct zcs_options){ .ifname = "eth0" }, err);
 *   zcs_set_filter(z, "tcp port 80", err);
 *   zcs_start(z);
 *   while (poll(&(struct pollfd){ zcs_fd(z), POLLIN }, 1, -1) >= 0) {
 *           while (zcs_next(z, &pkt) > 0)
 *                   n = zcs_iov(z, &pkt, 0, iov, ZCS_IOV_MAX);
 *           zcs_release(z);
 *   }
 *   zcs_close(z);
 *
 * A handle is used by one thread at a time; several handles are independent.
 * Functions that return int return 0 or a count, and a negative errno on
 * failure. Where there is @err, it is NULL or ZCS_ERR_LEN bytes that receive a
 * sentence for people when the call fails.
 */
#ifndef _ZCS_H
#define _ZCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/zc_sniffer.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZCS_VERSION	"1.0"

/* Bytes of the @err of a call, with the final NUL */
#define ZCS_ERR_LEN	320

/* Most pieces of one packet: its snapshot and its parts */
#define ZCS_IOV_MAX	(1 + ZCS_SEGS_MAX)

/* What a field of struct zcs_options that is 0 stands for */
#define ZCS_DEFAULT_SLOTS	8192
#define ZCS_DEFAULT_LIMIT	(128ULL << 20)

struct zcs;
struct zcs_sender;

/* === Capture ============================================================== */

/**
 * struct zcs_options - argument of zcs_open(); all zeros is a good start
 * @ifname: interface, or NULL for every one
 * @netns: network namespace of the interface: NULL for the caller's, a name
 *	under /run/netns, a path such as /proc/PID/ns/net, or "all"
 * @point: ZCS_POINT_TAP or ZCS_POINT_FREE; the latter needs @netns "all"
 * @direction: mask of ZCS_DIR_*; 0 is both
 * @nr_slots: slots of each ring, a power of two from ZCS_SLOTS_MIN to
 *	ZCS_SLOTS_MAX; 0 is ZCS_DEFAULT_SLOTS
 * @snaplen: bytes of a packet to capture; 0 is all
 * @watermark: slots that wait in a ring before poll() reports the handle, up
 *	to @nr_slots; 0 is 1
 * @limit: bytes of packets held at once; 0 is ZCS_DEFAULT_LIMIT
 */
struct zcs_options {
	const char	*ifname;
	const char	*netns;
	unsigned int	point;
	unsigned int	direction;
	unsigned int	nr_slots;
	unsigned int	snaplen;
	unsigned int	watermark;
	uint64_t	limit;
};

/**
 * struct zcs_packet - a packet that zcs_next() found
 * @desc: what the kernel says of it
 * @ring: number of the ring that it lies in
 *
 * It and all that it points to stay until zcs_release(). The snapshot,
 * @desc->head, never changes; the stack may change the bytes of the parts, so
 * copy what is looked at more than once (zcs_copy()).
 */
struct zcs_packet {
	const struct zcs_desc	*desc;
	unsigned int		ring;
};

/**
 * zcs_open() - open the device and map what it has to show
 * @opts: what to capture; may be changed or freed afterwards
 * @err: see the head of this file
 *
 * Packets are captured from zcs_start() on. Needs CAP_NET_RAW and
 * CAP_NET_ADMIN in the initial user namespace.
 *
 * Return: a handle for zcs_close(), or NULL with errno: ENOENT when the kernel
 * has no sniffer, EPERM, ENODEV for an unknown interface, EINVAL, ENOMEM when
 * RLIMIT_MEMLOCK is too low.
 */
struct zcs *zcs_open(const struct zcs_options *opts, char *err);

/**
 * zcs_close() - give everything back
 * @z: handle, or NULL
 */
void zcs_close(struct zcs *z);

/**
 * zcs_set_filter() - let the kernel pass only some packets
 * @z: handle, started or not
 * @expression: of pcap-filter(7); NULL or "" passes all
 * @err: see the head of this file
 *
 * An expression about link-layer headers passes no packet that has none.
 *
 * Return: 0, -EINVAL for a wrong expression, or another negative errno; the
 * filter before then stays.
 */
int zcs_set_filter(struct zcs *z, const char *expression, char *err);

/**
 * zcs_start() - begin to capture, or go on
 * @z: handle
 *
 * Return: 0 or a negative errno.
 */
int zcs_start(struct zcs *z);

/**
 * zcs_stop() - stop to capture; what was captured can still be read
 * @z: handle
 *
 * Return: 0 or a negative errno.
 */
int zcs_stop(struct zcs *z);

/**
 * zcs_fd() - descriptor for poll(2), which reports POLLIN at the watermark
 * @z: handle
 *
 * Return: a descriptor that zcs_close() closes.
 */
int zcs_fd(const struct zcs *z);

/**
 * zcs_next() - find the next packet of all rings, without a system call
 * @z: handle
 * @pkt: out
 *
 * Packets come in the order of their time stamps as far as they waited together
 * when zcs_next() looked at the rings, which it does when it has none left.
 *
 * Return: 1, 0 if no packet waits, -EBADMSG if a ring makes no sense.
 */
int zcs_next(struct zcs *z, struct zcs_packet *pkt);

/**
 * zcs_for_each() - call a function for each waiting packet, then release all
 * @z: handle
 * @fn: called with each; anything but 0 ends the walk
 * @arg: last argument of @fn
 *
 * The packet that @fn ended the walk with counts as read.
 *
 * Return: what @fn returned last, 0 if no packet waits any more, or -EBADMSG.
 */
int zcs_for_each(struct zcs *z, int (*fn)(struct zcs *z, const struct zcs_packet *pkt, void *arg),
		 void *arg);

/**
 * zcs_release() - give back all packets that zcs_next() has found
 * @z: handle
 *
 * No system call: the kernel notices when it captures again, and in poll().
 */
void zcs_release(struct zcs *z);

/**
 * zcs_waiting() - count the slots that wait in all rings
 * @z: handle
 *
 * Return: slots that the kernel has filled and zcs_next() not yet passed.
 */
uint64_t zcs_waiting(const struct zcs *z);

/**
 * zcs_segment() - one part of a packet
 * @z: handle
 * @pkt: packet
 * @i: which one, less than @pkt->desc->nr_segs
 *
 * Return: the part, or NULL if there is no such one.
 */
const struct zcs_seg *zcs_segment(const struct zcs *z, const struct zcs_packet *pkt,
				  unsigned int i);

/**
 * zcs_data() - address of bytes in the data mapping
 * @z: handle
 * @off: where they begin, as @chunk + @off of a struct zcs_seg
 * @len: how many
 *
 * Return: the address, or NULL if they are not all inside of the mapping.
 */
const void *zcs_data(const struct zcs *z, uint64_t off, size_t len);

/**
 * zcs_iov() - where the bytes of a packet lie
 * @z: handle
 * @pkt: packet
 * @off: bytes to leave out at its start
 * @iov: out
 * @max: items of @iov; ZCS_IOV_MAX are always enough
 *
 * The snapshot comes first, then what the parts have beyond it. The items add
 * up to @pkt->desc->cap_len less @off, unless @max is too small.
 *
 * Return: number of items, or -EBADMSG if the descriptor makes no sense.
 */
int zcs_iov(const struct zcs *z, const struct zcs_packet *pkt, size_t off,
	    struct iovec *iov, int max);

/**
 * zcs_copy() - copy the start of a packet
 * @z: handle
 * @pkt: packet
 * @buf: out
 * @len: bytes of @buf
 *
 * Return: bytes copied, the lesser of @len and @pkt->desc->cap_len, or
 * -EBADMSG.
 */
ssize_t zcs_copy(const struct zcs *z, const struct zcs_packet *pkt, void *buf, size_t len);

/**
 * zcs_stats() - what was captured and missed, all rings together
 * @z: handle
 * @stats: out
 *
 * Return: 0 or a negative errno.
 */
int zcs_stats(const struct zcs *z, struct zcs_stats *stats);

/**
 * zcs_nr_rings() - number of rings, one per possible CPU
 * @z: handle
 *
 * Return: the number.
 */
unsigned int zcs_nr_rings(const struct zcs *z);

/**
 * zcs_ring_info() - a ring's counters, which the kernel goes on to count
 * @z: handle
 * @ring: which one, less than zcs_nr_rings()
 *
 * Return: the start of the ring, valid until zcs_close().
 */
const struct zcs_ring *zcs_ring_info(const struct zcs *z, unsigned int ring);

/* === Network namespaces =================================================== */

/**
 * zcs_netns_socket() - a socket in another network namespace
 * @netns: a name under /run/netns or a path; NULL is the caller's
 * @family: as of socket(2)
 * @type: as of socket(2); SOCK_CLOEXEC is added
 *
 * Such a socket answers SIOCGIFNAME and SIOCGIFINDEX for that namespace.
 *
 * Return: a descriptor that the caller closes, or a negative errno.
 */
int zcs_netns_socket(const char *netns, int family, int type);

/* === Sending ============================================================== */

/**
 * struct zcs_tx_options - argument of zcs_tx_open()
 * @nr_chunks: packets that can be under way at once, a power of two up to
 *	ZCS_TX_CHUNKS_MAX; 0 is 1024
 * @chunk_size: bytes of each, a power of two from the page size to
 *	ZCS_TX_CHUNK_MAX; 0 is 4096
 */
struct zcs_tx_options {
	unsigned int	nr_chunks;
	unsigned int	chunk_size;
};

/**
 * zcs_tx_open() - open the device for sending and map the chunks
 * @opts: sizes
 * @err: see the head of this file
 *
 * Return: a handle for zcs_tx_close(), or NULL with errno as of zcs_open().
 */
struct zcs_sender *zcs_tx_open(const struct zcs_tx_options *opts, char *err);

/**
 * zcs_tx_close() - give everything back; what is under way is still sent
 * @tx: handle, or NULL
 */
void zcs_tx_close(struct zcs_sender *tx);

/**
 * zcs_tx_fd() - descriptor for poll(2): POLLOUT while completions wait
 * @tx: handle
 *
 * Return: a descriptor that zcs_tx_close() closes.
 */
int zcs_tx_fd(const struct zcs_sender *tx);

/**
 * zcs_tx_nr_chunks() - number of chunks
 * @tx: handle
 *
 * Return: the number.
 */
unsigned int zcs_tx_nr_chunks(const struct zcs_sender *tx);

/**
 * zcs_tx_chunk() - address of a chunk, to be filled with a packet
 * @tx: handle
 * @chunk: which one, less than zcs_tx_nr_chunks()
 *
 * The caller owns a chunk until it submits it, and again from its completion
 * on. Its content stays as it is.
 *
 * Return: the address, or NULL if there is no such one.
 */
void *zcs_tx_chunk(const struct zcs_sender *tx, unsigned int chunk);

/**
 * zcs_tx_submit() - send packets
 * @tx: handle
 * @descs: one per packet; may be changed afterwards
 * @nr: how many
 *
 * Return: how many were taken, from the first one on; less than @nr if the next
 * one was refused; a negative errno if the first was: EBUSY for a chunk that is
 * under way, EMSGSIZE, ENODEV, ENETDOWN, EHOSTUNREACH, ENOBUFS, EINVAL.
 */
int zcs_tx_submit(struct zcs_sender *tx, const struct zcs_tx_desc *descs, unsigned int nr);

/**
 * zcs_tx_reap() - take completions, without a system call
 * @tx: handle
 * @done: out
 * @max: items of @done
 *
 * Return: how many were taken.
 */
int zcs_tx_reap(struct zcs_sender *tx, struct zcs_tx_done *done, int max);

/**
 * zcs_tx_stats() - counters of sending
 * @tx: handle
 * @stats: out; only the fields tx_* mean something
 *
 * Return: 0 or a negative errno.
 */
int zcs_tx_stats(const struct zcs_sender *tx, struct zcs_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* _ZCS_H */
