#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Devices and namespaces come and go under traffic: what was on its way is
# freed, and what comes later arrives.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

link_goes_down_and_up_under_load()
{
	local i n

	n=$(scaled 10 3)
	net_pair 1500
	start_load
	for ((i = 0; i < n; i++)); do
		ip -n west link set w0 down
		ip -n east link set e0 down
		nta_check
		ip -n east link set e0 up
		ip -n west link set w0 up
		ip -n west addr replace fd01::1/64 dev w0 nodad
		ip -n east addr replace fd01::2/64 dev e0 nodad
	done
	wait_until in_ns west ping -q -c 1 -W 5 10.1.0.2 > out
	make_payload payload 300000
	tcp_transfer west east 4 payload
	tcp_transfer east west 6 payload
	nta_at_least 200
}

# Each size of frames is a size of heads.
mtu_changes_under_load()
{
	local mtu i n

	n=$(scaled 4 1)
	net_pair 1500
	start_load
	for ((i = 0; i < n; i++)); do
		for mtu in 9000 1280 65535 1501 4000 1500; do
			ip -n west link set w0 mtu "$mtu"
			ip -n east link set e0 mtu "$mtu"
			load_goes_on
		done
		nta_check
	done
	make_payload payload 300000
	tcp_transfer west east 4 payload
	nta_at_least $((n * 6 * 50))
}

offloads_change_under_load()
{
	local feature state i n

	n=$(scaled 2 1)
	net_pair 1500
	start_load
	for ((i = 0; i < n; i++)); do
		for feature in tso gso gro sg tx; do
			for state in off on; do
				pair_features "$feature" "$state"
				load_goes_on
			done
		done
	done
	nta_at_least $((n * 10 * 50))
}

# The device is taken from under the sockets that send through it.
device_is_deleted_under_load()
{
	local i n

	n=$(scaled 5 2)
	for ((i = 0; i < n; i++)); do
		net_pair 1500
		start_load
		ip -n west link del w0
		end_load
		nta_check
		ip netns del west
		ip netns del east
	done
	nta_at_least $((n * 50))
}

# Both namespaces go while packets are on their way and queues are full.
namespaces_are_destroyed_under_load()
{
	local i n

	n=$(scaled 5 2)
	for ((i = 0; i < n; i++)); do
		net_pair 1500
		in_ns west tc qdisc add dev w0 root netem delay 20ms limit 10000
		start_load
		ip netns del west
		ip netns del east
		end_load
		nta_check
	done
	nta_at_least $((n * 50))
}

guest_main "$@" -- \
	link_goes_down_and_up_under_load \
	mtu_changes_under_load \
	offloads_change_under_load \
	device_is_deleted_under_load \
	namespaces_are_destroyed_under_load
