#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory gets short: NTA gives back what lies idle, traffic goes on.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What NTA has from the system, in REPLY.
nta_footprint()
{
	local depot

	nta_sum depot_bytes
	depot=$REPLY
	nta_sum node_bytes
	REPLY=$((REPLY + depot))
}

footprint_is_below()
{
	nta_footprint
	((REPLY < $1))
}

grown_and_idle()
{
	nta_sum depot_bytes
	((REPLY >= $1))
}

drop_caches_gives_nodes_back()
{
	local n returned full

	n=$(scaled 10000 2000)
	net_pair 1500
	grow_nta "$n"
	full=$(< full)
	is_at_least "$full" $((n * 1400)) "bytes of nodes when full"
	wait_until grown_and_idle $((full / 2))
	returned=$(nta_get returned)
	echo 2 > /proc/sys/vm/drop_caches
	nta_grew returned "$returned" 1 || fail "the shrinker gave nothing back"
	wait_until footprint_is_below $((full / 2))
	tcp_transfer west east 4 payload
	nta_at_least "$n"
}

# Without anybody asking: idle nodes go back by themselves.
idle_nodes_age()
{
	local n full

	n=$(scaled 10000 2000)
	net_pair 1500
	grow_nta "$n"
	full=$(< full)
	wait_until footprint_is_below $((full / 2))
	nta_at_least "$n"
}

meminfo()
{
	awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

# The shrinker was called by reclaim, and NTA's had something to count. If not,
# there is something idle for it now: what there was before may have aged. And
# kswapd gives up when it finds nothing, so ask for reclaim here too, for as long
# as a second: one look at NTA is enough.
reclaim_asked_nta()
{
	grep -q 'nta_shrink_scan' "$1/trace" && return
	grow_nta "$(scaled 5000 1000)"
	timeout 1 bash -c "echo 1M > /sys/fs/cgroup/memory.reclaim" 2> /dev/null || true
	return 1
}

# Free memory stays under kswapd's high mark (a tenth of all) and well above
# where anybody would be killed.
traffic_goes_on_under_pressure()
{
	local trace=/sys/kernel/tracing event leave scan i

	event=$trace/events/vmscan/mm_shrink_slab_start
	scan=$(awk '$3 == "nta_shrink_scan" { print $1 }' /proc/kallsyms)

	net_pair 1500
	set_for_now /proc/sys/vm/min_free_kbytes 16384
	set_for_now /proc/sys/vm/watermark_scale_factor 1000
	defer write_to "$trace/trace" ''
	defer write_to "$event/filter" 0
	defer write_to "$event/enable" 0
	echo "shrink == 0x$scan" > "$event/filter"
	echo 1 > "$event/enable"
	start_load
	grow_nta "$(scaled 5000 1000)"
	make_payload payload 1000000
	leave=$((16384 + $(meminfo MemTotal) / 12))
	# Nothing can push these pages out: there is no swap.
	mkdir hog
	mount -t tmpfs -o size=100% hog hog
	defer umount "$WORK/hog"
	head -c "$(($(meminfo MemFree) - leave))K" /dev/zero > hog/file
	wait_until reclaim_asked_nta "$trace"
	for ((i = 0; i < $(scaled 4 1); i++)); do
		tcp_transfer west east 4 payload
		tcp_transfer east west 6 payload
		load_goes_on
		nta_check
	done
	nta_at_least "$(scaled 5000 1000)"
}

# A slow kernel takes minutes to find nothing.
guest_main "$@" -- \
	drop_caches_gives_nodes_back \
	idle_nodes_age \
	-- \
	traffic_goes_on_under_pressure
