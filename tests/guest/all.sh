#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Run the guest scenarios, inside the guest: KTAP, one subtest per file.
#
#   all.sh [FILE-GLOB...]
#
# With SHORT=1 harness is left out unless named: it is about these scripts and
# not about the kernel.
# From outside: tests/vm -d tests/guest -- /t/all.sh
# SHORT=1 scales down; a kernel with KASAN sets it by itself (see lib.sh).
# Exit: 0 nothing failed, 1 something did, 2 no such file.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

files=(harness web bulk jumbo offload frag mcast unix netlink netem replay updown
	switch hotplug pressure fault sniff zcsend sniff_tests kevent evserver shim)

main()
{
	local file pattern status n=0 failed=0
	local -a chosen=()

	if [[ $# -eq 0 ]]; then
		set -- '*'
		[[ $SHORT -eq 0 ]] || files=("${files[@]:1}")
	fi
	for file in "${files[@]}"; do
		for pattern in "$@"; do
			# shellcheck disable=SC2053 # a glob is meant
			if [[ $file == ${pattern%.sh} ]]; then
				chosen+=("$file")
				break
			fi
		done
	done
	if [[ ${#chosen[@]} -eq 0 ]]; then
		echo "all.sh: no file matches $*; there are: ${files[*]}" >&2
		exit 2
	fi

	echo "KTAP version 1"
	echo "1..$((${#chosen[@]} + $([[ -e $KMEMLEAK ]] && echo 1 || echo 0)))"
	hold_time_stamps
	leaks_clear
	for file in "${chosen[@]}"; do
		echo "# $file, $SECONDS s since the start" >&2
		LEAK_CHECK=0 bash "$here/$file.sh" 2>&1 | sed -u 's/^/    /'
		status=${PIPESTATUS[0]}
		n=$((n + 1))
		if [[ $status -eq 0 ]]; then
			echo "ok $n $file"
		else
			echo "not ok $n $file"
			failed=1
		fi
	done
	if [[ -e $KMEMLEAK ]]; then
		echo "# scanning for leaks, $SECONDS s since the start" >&2
		n=$((n + 1))
		if leaks_found; then
			echo "not ok $n kmemleak_finds_nothing"
			failed=1
		else
			echo "ok $n kmemleak_finds_nothing"
		fi
	fi
	echo "# $SECONDS s" >&2
	exit "$failed"
}

main "$@"
