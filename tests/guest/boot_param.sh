#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The boot parameter nta=: boots the kernel once per value, on the host. A mask
# from 0 to 7 is taken, anything else gets one message and the default.
#
#   tests/guest/boot_param.sh [-k IMAGE]
#
#   -k IMAGE   kernel to boot (build/fast/arch/x86/boot/bzImage)
#
# KTAP on standard output, kernel logs in build/log. Exit: 0 all as expected,
# 1 not, 2 wrong call.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
image=$root/build/fast/arch/x86/boot/bzImage
log=$root/build/log/boot_param.log
default=1

# name, command line, mask that is in force, part of the log or "-" for none
cases=(
	"nothing_gives_the_default||$default|-"
	"0_switches_off|nta=0|0|-"
	"7_switches_all_on|nta=7|7|-"
	"hexadecimal_is_taken|nta=0x5|5|-"
	"8_is_refused|nta=8|$default|nta=8 is not a mask from 0 to 7, $default is used"
	"99_is_refused|nta=99|$default|nta=99 is not a mask from 0 to 7, $default is used"
	"minus_one_is_refused|nta=-1|$default|nta=-1 is not a mask from 0 to 7, $default is used"
	"a_word_is_refused|nta=foo|$default|nta=foo is not a mask from 0 to 7, $default is used"
)

usage()
{
	sed -n '4,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

# check APPEND MASK MESSAGE: says what is wrong.
check()
{
	local got messages status=0

	got=$("$root/tests/vm" -k "$image" -l "$log" -m 1024 -t 120 -a "$1" \
		-- cat /proc/sys/net/core/nta) || status=$?
	if [[ $status -ne 0 ]]; then
		echo "the guest ended with $status: $got"
	elif [[ $got != "$2" ]]; then
		echo "mask $got, expected $2"
	fi
	messages=$(grep -a 'is not a mask' "$log" | tr -d '\r' || true)
	if [[ $3 == - && -n $messages ]]; then
		echo "unexpected message: $messages"
	elif [[ $3 != - && $(grep -cF "$3" <<< "$messages") != 1 ]]; then
		echo "expected once: $3; the log has: ${messages:-nothing}"
	fi
}

main()
{
	local opt entry name append mask message wrong n=0 failed=0

	while getopts "k:h" opt; do
		case $opt in
		k) image=$OPTARG ;;
		*) usage ;;
		esac
	done
	shift $((OPTIND - 1))
	[[ $# -eq 0 ]] || usage

	echo "KTAP version 1"
	echo "1..${#cases[@]}"
	for entry in "${cases[@]}"; do
		IFS='|' read -r name append mask message <<< "$entry"
		n=$((n + 1))
		wrong=$(check "$append" "$mask" "$message")
		if [[ -z $wrong ]]; then
			echo "ok $n boot_param.$name"
			continue
		fi
		echo "# ${wrong//$'\n'/$'\n# '}"
		echo "not ok $n boot_param.$name"
		failed=1
	done
	exit "$failed"
}

main "$@"
