/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zcsend: what its files share, by file.
 */
#ifndef _ZCSEND_H
#define _ZCSEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../zcs.h"

/* Exit status */
#define EXIT_OK		0
#define EXIT_FAIL	1
#define EXIT_CALL	2

#define ETHER_LEN	14

/* === options.c ============================================================ */

/**
 * struct endpoint - an address and a port
 * @ip: 4, 6, or 0 if it was not given
 * @addr: in network byte order
 * @port: host byte order
 */
struct endpoint {
	int		ip;
	uint8_t		addr[16];
	uint16_t	port;
};

/**
 * struct options - the command line
 * @file: capture to send, or NULL for a flow
 * @ifname: -i, or NULL
 * @src: source of the flow
 * @dst: its destination
 * @has_smac: --smac was given
 * @has_dmac: --dmac was given
 * @smac: --smac
 * @dmac: --dmac
 * @route: --ip: the kernel routes and adds the link-layer header
 * @json: --json
 * @size: --size, length of an IP packet of the flow; 0: as the payload is
 * @count: packets of the flow, times to send the file
 * @rate: packets a second; 0 is as fast as it goes
 * @batch: packets per system call
 * @nr_chunks: packets under way at once
 * @payload: --payload, or NULL
 * @pattern: --pattern, or NULL
 */
struct options {
	const char	*file;
	const char	*ifname;
	struct endpoint	src;
	struct endpoint	dst;
	bool		has_smac;
	bool		has_dmac;
	uint8_t		smac[6];
	uint8_t		dmac[6];
	bool		route;
	bool		json;
	unsigned int	size;
	uint64_t	count;
	uint64_t	rate;
	unsigned int	batch;
	unsigned int	nr_chunks;
	const char	*payload;
	const char	*pattern;
};

void options_parse(struct options *opts, int argc, char **argv);

/* === link.c =============================================================== */

/**
 * struct nexthop - where the packets of a flow go first
 * @ifindex: out of this interface
 * @ether: it wants an Ethernet header
 * @smac: of the interface
 * @dmac: of the neighbour
 */
struct nexthop {
	unsigned int	ifindex;
	bool		ether;
	uint8_t		smac[6];
	uint8_t		dmac[6];
};

int link_find(struct nexthop *hop, const struct options *opts);
int link_resolve(struct nexthop *hop, struct options *opts);

/* === route.c ============================================================== */

/**
 * struct route - the kernel's answer
 * @ifindex: output interface
 * @gateway: next hop; the destination itself if it is on the link
 * @src: source address that the kernel would take; its @ip is 0 if none
 * @broadcast: the destination is everybody on the link
 */
struct route {
	unsigned int	ifindex;
	struct endpoint	gateway;
	struct endpoint	src;
	bool		broadcast;
};

int route_lookup(struct route *route, const struct endpoint *dst, unsigned int ifindex);
int neighbour_lookup(uint8_t mac[6], const struct endpoint *addr, unsigned int ifindex);

/* === flow.c =============================================================== */

/* Most that a chunk can hold */
#define PACKET_MAX	ZCS_TX_CHUNK_MAX

ssize_t flow_build(uint8_t *packet, const struct options *opts, const struct nexthop *hop);

/* === replay.c ============================================================= */

struct replay;

struct replay *replay_open(const struct options *opts);
int replay_rewind(struct replay *r);
ssize_t replay_longest(struct replay *r);
ssize_t replay_next(struct replay *r, const uint8_t **packet);
uint64_t replay_skipped(const struct replay *r);
void replay_close(struct replay *r);

/* === transmit.c =========================================================== */

/**
 * struct result - what came of it
 * @packets: handed to the stack
 * @bytes: their bytes
 * @completed: completions that came back
 * @copied: of them, those whose data somebody on the way copied
 * @calls: system calls that took them
 * @seconds: from the first one to the last completion
 * @cpu_user: seconds
 * @cpu_system: seconds
 */
struct result {
	uint64_t	packets;
	uint64_t	bytes;
	uint64_t	completed;
	uint64_t	copied;
	uint64_t	calls;
	double		seconds;
	double		cpu_user;
	double		cpu_system;
};

int transmit_flow(struct result *res, const struct options *opts, unsigned int ifindex,
		  const uint8_t *packet, size_t len);
int transmit_file(struct result *res, const struct options *opts, unsigned int ifindex,
		  struct replay *r);
void transmit_stop(void);

#endif /* _ZCSEND_H */
