#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# evserver on each of its engines under curl, ab, httperf, wrk and a client that
# misbehaves: every request gets its answer, nothing leaks, nothing spins.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# All the points of the engine's own tests; those that failed are shown. A request
# is one packet there and one back at the least.
serve()
{
	local status=0

	"$here/evserver-serve" "$1" "$here/evserver" "$here/evabuse" "$(scaled 4 20)" > log 2>&1 ||
		status=$?
	grep -v '^ok' log || true
	is_at_least "$(grep -c '^ok' log)" "$(scaled 47 33)" "points that passed"
	[[ $status -eq 0 ]] || fail "status $status"
	nta_at_least "$(scaled 10000 1000)"
}

kevent_ring_serves()
{
	serve kevent-ring
}

kevent_serves()
{
	serve kevent
}

epoll_serves()
{
	serve epoll
}

poll_serves()
{
	serve poll
}

io_uring_serves()
{
	serve io_uring
}

# Has each worker of a server its two interests, the listener and its signals?
# all_look EVSERVER WORKERS
all_look()
{
	local pid ready=0

	for pid in $(pgrep -P "$1"); do
		if grep -qs $'^interests:\t2$' "/proc/$pid/fdinfo/"* ||
		   [[ $(cat "/proc/$pid/fdinfo/"* | grep -c '^tfd:') -eq 2 ]]; then
			ready=$((ready + 1))
		fi
	done
	((ready == $2))
}

# Connections that each of four workers accepted, in SHARES. The next one is made when
# the last one has its answer: all workers wait then, and which of them is woken is up
# to the kernel alone. share ENGINE CONNECTIONS
share()
{
	local engine=$1 n=$2 server port

	"$here/evserver" --engine "$engine" --bind 127.0.0.1 --port 0 --json --workers 4 > counts &
	server=$!
	wait_until has_size counts 1
	port=$(jq -s '.[0].port' counts)
	wait_until all_look "$server" 4
	ab -q -s 120 -n "$n" -c 1 "http://127.0.0.1:$port/" > load || fail "$(tail -n 3 load)"
	ab_has_all load "$n"
	kill "$server"
	wait_for "$server"
	mapfile -t SHARES < <(tail -n +2 counts | jq .accepted | sort -n)
	say "$engine: ${SHARES[*]} connections"
	is_equal "$(tail -n +2 counts | jq -s 'map(.requests) | add')" "$n" "requests"
}

# Of four workers none has more than 1.2 times what another has. With epoll one has
# nearly all, which is shown only.
workers_have_equal_shares()
{
	local engine n

	n=$(scaled 2000 200)
	for engine in kevent-ring kevent; do
		share "$engine" "$n"
		((SHARES[3] * 10 <= SHARES[0] * 12)) || fail "$engine: the shares are not equal"
	done
	share epoll "$n"
	nta_at_least $((3 * 6 * n))
}

guest_main "$@" -- \
	kevent_ring_serves \
	kevent_serves \
	-- \
	epoll_serves \
	poll_serves \
	io_uring_serves \
	workers_have_equal_shares
