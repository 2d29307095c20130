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
slab=/sys/kernel/slab
# KiB. What per-CPU lists, and the slabs of processes that come and go, differ by.
SPREAD=4096

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

# Objects of kevent's caches, in REPLY.
objects()
{
	local cache value

	REPLY=0
	for cache in "$slab"/kevent_file "$slab"/kevent_file_wait; do
		echo 1 > "$cache/shrink"
		read -r value _ < "$cache/objects"
		REPLY=$((REPLY + value))
	done
}

# What is freed later is freed soon: objects must be gone, in REPLY how many are
# not.
settle()
{
	local i

	for ((i = 0; i < 100; i++)); do
		objects
		[[ $REPLY -ne 0 ]] || return 0
		sleep 0.1
	done
	return 1
}

# Unreclaimable slab in KiB, in REPLY.
unreclaimable()
{
	sync
	echo 3 > /proc/sys/vm/drop_caches
	REPLY=$(awk '/^SUnreclaim/ { print $2 }' /proc/meminfo)
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
	if [[ ! -w $slab/kevent_file/shrink || -L $slab/kevent_file ]]; then
		echo "soak: no cache of kevent's own in $slab; boot with slab_nomerge" >&2
		exit 1
	fi
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
