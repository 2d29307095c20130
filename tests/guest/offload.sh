#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Segmentation and receive offload, on and off: the same bytes arrive, and the
# frames on the wire show that the switch did what it says.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Mean size of the frames that a side received, those at the start left out:
# mean_frame NS [BYTES FRAMES]
mean_frame()
{
	local bytes frames

	bytes=$(link_stat "$1" "${1:0:1}0" rx bytes)
	frames=$(link_stat "$1" "${1:0:1}0" rx packets)
	echo $(((bytes - ${2:-0}) / (frames - ${3:-0})))
}

both_ways()
{
	make_payload payload "$1"
	tcp_transfer west east 4 payload
	tcp_transfer east west 6 payload
}

# Packets of up to 64 KiB cross the wire in one piece: more than a frame holds,
# how much more is up to TCP's pacing.
tcp_arrives_with_segmentation_offload()
{
	local bytes at_start

	bytes=$(scaled 16000000 700000)
	net_pair 1500
	pair_features tso on gso on gro off
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	is_at_least "$(mean_frame east)" 1515 "mean frame of IPv4"
	# Leave out the acknowledgements.
	at_start="$(link_stat west w0 rx bytes) $(link_stat west w0 rx packets)"
	tcp_transfer east west 6 payload
	# shellcheck disable=SC2086 # two words
	is_at_least "$(mean_frame west $at_start)" 1515 "mean frame of IPv6"
	nta_at_least $((2 * bytes / 65536))
}

# The stack cuts packets just before the wire (GSO without TSO).
tcp_arrives_segmented_in_software()
{
	local bytes

	bytes=$(scaled 8000000 500000)
	net_pair 1500
	pair_features tso off gso on gro off
	both_ways "$bytes"
	is_at_least 1514 "$(mean_frame east)" "longest frame, by the mean of all"
	nta_at_least $((2 * bytes / 1500))
}

tcp_arrives_without_any_offload()
{
	local bytes

	bytes=$(scaled 4000000 500000)
	net_pair 1500
	pair_features tso off gso off gro off sg off tx off
	both_ways "$bytes"
	is_at_least 1514 "$(mean_frame east)" "longest frame, by the mean of all"
	nta_at_least $((2 * bytes / 1500))
}

# Small frames on the wire, merged again by the receiver's NAPI.
tcp_arrives_with_receive_offload()
{
	local bytes

	bytes=$(scaled 8000000 500000)
	net_pair 1500
	pair_features tso off gso on gro on
	both_ways "$bytes"
	is_at_least "$(snmp east IpInReceives)" 1 "packets received"
	is_at_least "$(link_stat east e0 rx packets)" "$(($(snmp east IpInReceives) + 1))" \
		"frames, by packets after merging"
	nta_at_least $((2 * bytes / 1500))
}

# One send of ten datagrams: cut by the stack or by the device.
udp_segmentation_cuts_datagrams()
{
	local n state sol_udp=17 udp_segment=103

	n=$(scaled 200 20)
	net_pair 1500
	make_payload payload $((n * 14000))
	for state in off on; do
		pair_features tx-udp-segmentation "$state"
		udp_transfer west east 4 payload 14000 \
			",setsockopt-int=$sol_udp:$udp_segment:1400"
	done
	is_equal "$(snmp east UdpInDatagrams)" $((2 * n * 10)) "datagrams received"
	nta_at_least $((11 * n))
}

# Heads that somebody else must be able to write: packets that are cloned for a
# tap are copied before they are changed.
packets_seen_by_a_tap_arrive_intact()
{
	local bytes tap

	bytes=$(scaled 4000000 500000)
	net_pair 1500
	spawn east tcpdump -i e0 -n -q -U -w tap.pcap
	tap=$REPLY
	wait_until has_size tap.pcap 24
	both_ways "$bytes"
	kill -INT "$tap"
	wait_for "$tap"
	has_size tap.pcap "$bytes" || fail "the tap saw $(stat -c %s tap.pcap) bytes"
	nta_at_least $((2 * bytes / 65536))
}

guest_main "$@" -- \
	tcp_arrives_with_segmentation_offload \
	tcp_arrives_segmented_in_software \
	tcp_arrives_without_any_offload \
	tcp_arrives_with_receive_offload \
	udp_segmentation_cuts_datagrams \
	packets_seen_by_a_tap_arrive_intact
