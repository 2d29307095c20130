#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# CPUs come and go under traffic: the nodes of one that goes are inherited, and
# so is what others still send back to it.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cpu1=/sys/devices/system/cpu/cpu1/online

cpu_goes_and_comes_under_load()
{
	local i n

	n=$(scaled 10 3)
	net_pair 1500
	make_payload payload 200000
	set_for_now "$cpu1" 1
	start_load
	for ((i = 0; i < n; i++)); do
		echo 0 > "$cpu1"
		nta_check
		load_goes_on
		tcp_transfer west east 4 payload
		echo 1 > "$cpu1"
		nta_check
		load_goes_on
	done
	tcp_transfer east west 6 payload
	nta_at_least $((n * 100))
}

# What a dead CPU has handed out is freed when it is gone: its nodes have a new
# owner by then.
buffers_outlive_their_cpu()
{
	local n receiver i

	n=$(scaled 2000 300)
	net_pair 1500
	make_payload payload $((n * 1400))
	set_for_now "$cpu1" 1
	for ((i = 0; i < 3; i++)); do
		rm -f got
		spawn east socat -u -b 65536 UDP4-RECV:5001,rcvbuf=33554432 OPEN:got,creat
		receiver=$REPLY
		wait_until is_listening east udp 5001
		kill -STOP "$receiver"
		in_ns west taskset -c 1 socat -u -b 1400 OPEN:payload UDP4:10.1.0.2:5001
		echo 0 > "$cpu1"
		nta_check
		kill -CONT "$receiver"
		wait_until has_size got $((n * 1400))
		cmp payload got
		kill "$receiver"
		nta_check
		echo 1 > "$cpu1"
	done
	is_equal "$(dead_cpu_nodes)" "" "nodes of a CPU that is not there"
	nta_at_least $((3 * n))
}

# Nodes in the map whose CPU is neither online nor none (the depot).
dead_cpu_nodes()
{
	awk -v online=" $(online_cpus | tr '\n' ' ')" \
		'$4 >= 0 && index(online, " " $4 " ") == 0' /sys/kernel/debug/nta/map
}

# Without traffic in between, as fast as it goes.
cpu_flaps()
{
	local i n

	n=$(scaled 20 5)
	net_pair 1500
	make_payload payload 200000
	set_for_now "$cpu1" 1
	for ((i = 0; i < n; i++)); do
		in_ns west taskset -c 1 ping -q -c 1 -W 5 -s 8000 10.1.0.2 > out
		echo 0 > "$cpu1"
		is_equal "$(dead_cpu_nodes)" "" "nodes of a CPU that is not there"
		echo 1 > "$cpu1"
	done
	nta_check
	tcp_transfer west east 4 payload
	nta_at_least $((2 * n))
}

guest_main "$@" -- \
	cpu_goes_and_comes_under_load \
	buffers_outlive_their_cpu \
	cpu_flaps
