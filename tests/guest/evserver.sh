#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# evserver on each of its engines under curl, ab, httperf, wrk and a client that
# misbehaves: every request gets its answer, nothing leaks, nothing spins.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# All the points of the engine's own tests; those that failed are shown. A request
# is one packet there and one back at the least.
serve()
{
	local status=0

	"$here/evserver-serve" "$1" "$here/evserver" "$here/evabuse" "$(scaled 4 20)" > log 2>&1 ||
		status=$?
	grep -v '^ok' log || true
	is_at_least "$(grep -c '^ok' log)" 47 "points that passed"
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

guest_main "$@" -- \
	kevent_ring_serves \
	kevent_serves \
	epoll_serves \
	poll_serves \
	io_uring_serves
