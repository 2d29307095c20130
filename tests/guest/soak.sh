#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kevent under load for a long time, inside the guest.
#
#   soak.sh SECONDS
#
# Rounds, until the time is over: random calls and kills with seeds that were never
# used before, wake-up topologies, connections, and the benchmark's engines, each
# of which fails when an event is missing. After each round, with everything
# closed, a line about memory: objects of kevent's caches, which must be 0, and
# unreclaimable slab, which must not grow from the second round, when all that is
# allocated once is there, to the last.
# Exit: 0 all of it was so, 1 not, 2 wrong call.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=soak_lib.sh
. "$here/soak_lib.sh"

# Run a program; its output only if it fails.
# check NAME [ARGUMENT...]
check()
{
	local status=0

	"$here/$1" "${@:2}" > /tmp/soak.log 2>&1 || status=$?
	[[ $status -ne 0 ]] || return 0
	echo "# $*: exit status $status"
	grep -vE "^(ok|#  RUN|#            OK)" /tmp/soak.log | head -n 40 | sed 's/^#* */# /'
	return 1
}

seed()
{
	od -An -N4 -tu4 /dev/urandom | tr -d ' '
}

round()
{
	local kind mode

	check kevent_fuzz -n 100000 -s "$(seed)" || return
	check kevent_kill -n 20 -s "$(seed)" || return
	check kevent_topology || return
	check kevent_fair || return
	for kind in pipe unix inet; do
		for mode in et lt; do
			check kevent_bench -e kevent,kevent-user,kevent-wait,kevent-ring \
				-k "$kind" -m "$mode" -t 2 -c 3 -n 64 -a 16 -r 2000 || return
		done
	done
}

main()
{
	local n=0 base='' failed=0 left

	if [[ $# -ne 1 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
		sed -n '4,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	fi
	caches_are_there || exit 1
	ulimit -n 65536
	while [[ $failed -eq 0 && ($SECONDS -lt $1 || $n -lt 3) ]]; do
		n=$((n + 1))
		round || failed=1
		settle || failed=1
		left=$REPLY
		unreclaimable
		[[ $n -ne 2 ]] || base=$REPLY
		printf 'round %d, %d s: %d kevents left, %d KiB of slab\n' "$n" "$SECONDS" \
			"$left" "$REPLY"
	done
	if [[ $failed -eq 0 && $REPLY -gt $((base + SPREAD)) ]]; then
		echo "# memory is not flat: $((REPLY - base)) KiB more than after round 2"
		failed=1
	fi
	exit "$failed"
}

main "$@"
