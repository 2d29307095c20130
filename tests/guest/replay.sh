#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Raw frames of all sizes and kinds, replayed by tcpreplay and compared with
# what a tap on the other end captured, byte by byte.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# A wire that carries nothing but what is replayed.
quiet_pair()
{
	net_ns west east
	ip link add w0 mtu "$1" netns west type veth peer name e0 mtu "$1" netns east
	in_ns west sysctl -qw net.ipv6.conf.w0.disable_ipv6=1
	in_ns east sysctl -qw net.ipv6.conf.e0.disable_ipv6=1
	ip -n west link set w0 up
	ip -n east link set e0 up
}

frames_of()
{
	tcpdump -nn -t -q -xx -r "$1" 2> /dev/null
}

# replay_all MTU TIMES [TCPREPLAY-OPTION...]
replay_all()
{
	local mtu=$1 times=$2 n rx tap i

	gawk -b -v "max=$mtu" -v "step=$((mtu / 9 + 1))" -f "$here/mkpcap.awk" > sent.pcap 2> count
	n=$(($(< count) * times))
	is_at_least "$n" 100 "frames"
	quiet_pair "$mtu"
	rx=$(link_stat east e0 rx packets)
	spawn east tcpdump -i e0 -n -U -Q in -B 65536 -c "$n" -w got.pcap
	tap=$REPLY
	wait_until has_size got.pcap 24
	ip netns exec west tcpreplay -i w0 -l "$times" "${@:3}" sent.pcap > out 2>&1
	wait_for "$tap"
	is_equal "$(($(link_stat east e0 rx packets) - rx))" "$n" "frames received"
	for ((i = 0; i < times; i++)); do
		frames_of sent.pcap
	done > sent
	frames_of got.pcap > got
	is_at_least "$(stat -c %s got)" "$n" "bytes printed"
	cmp sent got || fail "what was captured is not what was replayed"
	nta_at_least "$n"
}

ethernet_frames_arrive_intact()
{
	replay_all 1500 "$(scaled 3 1)" --topspeed
}

jumbo_frames_arrive_intact()
{
	replay_all 9000 1 --topspeed
}

# tcpreplay keeps the file in memory and sends from there.
preloaded_frames_arrive_intact()
{
	replay_all 1500 1 --preload-pcap --pps="$(scaled 5000 500)"
}

guest_main "$@" -- \
	ethernet_frames_arrive_intact \
	jumbo_frames_arrive_intact \
	preloaded_frames_arrive_intact
