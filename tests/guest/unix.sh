#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Unix sockets. Their buffers are charged to the memory cgroup, where there is
# one, and so are left to kmalloc: that must be counted and must work.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The traffic took so many buffers: from NTA, or refused by it for their flags.
took_buffers()
{
	local before=$1 n=$2

	if has_config MEMCG; then
		nta_grew fallback_gfp "$before" "$n" ||
			fail "$((REPLY - before)) requests refused for their flags, expected $n"
		nta_at_least 0
	else
		nta_at_least "$n"
	fi
}

stream_arrives_intact()
{
	local bytes before server

	bytes=$(scaled 32000000 1000000)
	make_payload payload "$bytes"
	before=$(nta_get fallback_gfp)
	socat -u UNIX-LISTEN:sock OPEN:got,creat &
	server=$!
	wait_until test -S sock
	socat -u -b 65536 OPEN:payload UNIX-CONNECT:sock
	wait_for "$server"
	cmp payload got
	took_buffers "$before" $((bytes / 65536))
}

# A datagram socket holds ten and the sender waits: nothing may be lost.
datagrams_arrive_intact()
{
	local n size before

	n=$(scaled 2000 300)
	before=$(nta_get fallback_gfp)
	for size in 1000 9000 60000; do
		make_payload payload $((n * size / 10))
		rm -f sock got
		socat -u -b 65536 UNIX-RECV:sock OPEN:got,creat &
		wait_until test -S sock
		socat -u -b "$size" OPEN:payload UNIX-SENDTO:sock
		wait_until has_size got "$(stat -c %s payload)"
		kill "$!"
		cmp payload got || fail "datagrams of $size bytes"
	done
	took_buffers "$before" $((3 * n / 10))
}

guest_main "$@" -- \
	stream_arrives_intact \
	datagrams_arrive_intact
