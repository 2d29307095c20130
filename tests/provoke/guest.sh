#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Make mistakes on purpose, inside the guest, and look for what must be said.
#
#   guest.sh MISTAKE...
#
# Prints KTAP. After each mistake the allocator must still find itself whole.
# Exit: 0 all were caught, 1 not.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kmemleak=/sys/kernel/debug/kmemleak
n=0
failed=0

point()
{
	local status=$1 name=$2

	n=$((n + 1))
	if [[ $status -eq 0 ]]; then
		echo "ok $n $name"
	else
		echo "not ok $n $name"
		failed=1
	fi
}

# Is there a line that matches in what the kernel said since the last clearing?
said()
{
	local log

	log=$(dmesg)
	grep -qE -- "$1" <<< "$log"
}

# kmemleak waits until an object is five seconds old; ask it until it knows.
leak_is_found()
{
	local end=$((SECONDS + 60))

	while ((SECONDS < end)); do
		echo scan > "$kmemleak"
		grep -q nta_alloc "$kmemleak" && return 0
	done
	return 1
}

make_mistake()
{
	dmesg -C
	[[ $1 != leak ]] || echo clear > "$kmemleak"
	insmod "$here/nta_provoke.ko" what="$1" 2> /dev/null

	case $1 in
	read_after_free) said 'BUG: KASAN: use-after-free in' ;;
	read_behind_end) said 'BUG: KASAN: use-after-free in|BUG: KASAN: .*out-of-bounds in' ;;
	double_free) said 'nta: bad free: free already' && said 'allocated at:' &&
		said 'freed last at:' ;;
	leak) leak_is_found ;;
	copy_too_much) said 'usercopy: Kernel memory exposure attempt detected from packet data' ;;
	copy_enough) ! said 'usercopy:' ;;
	*) false ;;
	esac
}

echo "KTAP version 1"
echo "1..$((2 * $#))"
for mistake in "$@"; do
	make_mistake "$mistake"
	point $? "$mistake is noticed"
	grep -q '^ok' /sys/kernel/debug/nta/check
	point $? "$mistake does no harm"
done
exit "$failed"
