#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What packet data costs from NTA and from the stock path, in one boot.
#
#   nta_bench.sh [-r ROUNDS] [-m "MASK..."] [-x CPU] [-t TESTS] [-s SIZES]
#                [-n LOOPS] [-p REPEATS] [-o FILE]
#
#   -r ROUNDS    so often all masks in turn: A B A B       (2)
#   -m "MASK..." values of net.core.nta                    ("1 0")
#   -x CPU       free on this CPU what CPU 0 allocated; without: same CPU
#   -t TESTS     comma separated; module/bench.c has them  (all)
#   -s SIZES     comma separated bytes                     (128 to 65536)
#   -n LOOPS     elements per repeat                       (2000)
#   -p REPEATS   repeats                                   (7)
#   -o FILE      raw lines: the mask, the round, and what module/bench.c says
#
# Prints a table of medians, ticks of the time stamp counter per element, and
# KTAP. The figures decide nothing: a test fails when it could not run, when the
# switch had no effect, or when NTA's own check finds damage afterwards.
# Exit: 0 pass, 1 fail, 4 skip (no root, no module, no NTA).

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
debugfs=/sys/kernel/debug
params=/sys/module/nta_bench/parameters
rounds=2
masks="1 0"
cross=0
tests=
sizes=
loops=2000
repeats=7
out=
raw=
failed=0
nr=0

skip()
{
	echo "1..0 # SKIP $*"
	exit 4
}

result()
{
	local status=$1; shift

	nr=$((nr + 1))
	if [[ $status -eq 0 ]]; then
		echo "ok $nr $*"
	else
		echo "not ok $nr $*"
		failed=$((failed + 1))
	fi
}

finish()
{
	rmmod nta_bench 2> /dev/null || true
	if [[ -n $saved ]]; then
		sysctl -q net.core.nta="$saved" || true
	fi
	[[ -z $raw ]] || rm -f "$raw"
}

load()
{
	local ko

	[[ $(id -u) -eq 0 ]] || skip "not root"
	[[ -d $debugfs/tracing || -d $debugfs/nta ]] ||
		mount -t debugfs none "$debugfs" 2> /dev/null || true
	[[ ! -d $params ]] || return 0
	for ko in "$here/module/nta_bench.ko" "$here/nta_bench.ko"; do
		if [[ -f $ko ]]; then
			insmod "$ko" || skip "$ko does not fit this kernel"
			return
		fi
	done
	skip "no nta_bench.ko: run make"
}

set_params()
{
	echo "$loops" > "$params/loops"
	echo "$repeats" > "$params/repeats"
	echo "$cross" > "$params/cross"
	echo "$tests" > "$params/only"
	[[ -z $sizes ]] || echo "$sizes" > "$params/sizes"
}

switch()
{
	[[ $1 == none ]] || sysctl -q net.core.nta="$1"
}

# Every line of a mask with heads is NTA's, every line of mask 0 is not.
switch_works()
{
	awk '
		$3 != "alloc_skb" { next }
		{ seen = 1 }
		$1 % 2 == 1 && $10 != 100 { bad = 1 }
		$1 % 2 == 0 && $10 != 0 { bad = 1 }
		END { exit bad }
	' "$raw"
}

table()
{
	awk -v masks="$masks" '
		function key() { return $3 " " $4 " " $5 " " $6 }
		{
			k = key()
			if (!(k in seen)) { seen[k] = 1; order[++n] = k }
			v[k, $1, ++c[k, $1]] = $8
		}
		function head(a, b, c, d) {
			printf "# %-18s %6s %5s %-11s", a, b, c, d
		}
		function median(k, m,   i, j, t, x) {
			for (i = 1; i <= c[k, m]; i++) x[i] = v[k, m, i]
			for (i = 2; i <= c[k, m]; i++)
				for (j = i; j > 1 && x[j] < x[j - 1]; j--) {
					t = x[j]; x[j] = x[j - 1]; x[j - 1] = t
				}
			return x[int((c[k, m] + 1) / 2)]
		}
		END {
			nm = split(masks, mask, " ")
			head("test", "size", "burst", "where")
			for (i = 1; i <= nm; i++) printf " %9s", "nta=" mask[i]
			printf (nm > 1 ? "  ratio\n" : "\n")
			for (i = 1; i <= n; i++) {
				split(order[i], f, " ")
				head(f[1], f[2], f[3], f[4])
				for (j = 1; j <= nm; j++) {
					a = median(order[i], mask[j])
					printf " %9.1f", a
				}
				a = median(order[i], mask[1])
				b = median(order[i], mask[nm])
				if (nm > 1 && b > 0)
					printf "  %5.2f", a / b
				printf "\n"
			}
		}
	' "$raw"
}

main()
{
	local opt round mask status=0 check
	saved=

	while getopts "r:m:x:t:s:n:p:o:h" opt; do
		case $opt in
		r) rounds=$OPTARG ;;
		m) masks=$OPTARG ;;
		x) cross=$OPTARG ;;
		t) tests=$OPTARG ;;
		s) sizes=$OPTARG ;;
		n) loops=$OPTARG ;;
		p) repeats=$OPTARG ;;
		o) out=$OPTARG ;;
		*) sed -n '4,24s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 1 ;;
		esac
	done

	echo "KTAP version 1"
	load
	raw=$(mktemp)
	trap finish EXIT
	saved=$(sysctl -n net.core.nta 2> /dev/null) || saved=
	[[ -n $saved ]] || masks=none
	set_params

	for ((round = 1; round <= rounds; round++)); do
		for mask in $masks; do
			switch "$mask"
			sed "s/^[^#]/$mask $round &/" \
				"$debugfs/nta_bench/run" >> "$raw" || status=1
		done
	done
	sed -n '1,2{/^#/p}' "$raw"
	! grep ': error' "$raw" || status=1
	sed -i '/^#/d' "$raw"
	[[ -s $raw ]] || status=1

	table
	echo "1..3"
	result "$status" "benchmark runs"
	if [[ -n $saved ]]; then
		switch_works && status=0 || status=1
		result "$status" "the switch decides where heads come from"
		check=$(cat "$debugfs/nta/check" 2>&1) || true
		echo "# $check"
		[[ $check == ok* ]] && status=0 || status=1
		result "$status" "NTA finds itself whole"
	else
		result 0 "the switch # SKIP this kernel has no NTA"
		result 0 "NTA finds itself whole # SKIP this kernel has no NTA"
	fi
	[[ -z $out ]] || cp "$raw" "$out"
	[[ $failed -eq 0 ]]
}

main "$@"
