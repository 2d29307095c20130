#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Jumbo frames over a veth with MTU 9000: they arrive intact, and each takes its
# size rounded to cache lines, not to a power of two.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# 8972 bytes and 28 of headers are one frame of 9000. Its head holds that, the
# link's headroom and struct skb_shared_info: less than 512 bytes more. From
# kmalloc it would take 16384.
udp_heads_are_rounded_to_cache_lines()
{
	local n before after

	n=$(scaled 1000 100)
	net_pair 9000
	make_payload payload $((n * 8972))
	before=$(nta_sizes 9001 9512)
	udp_transfer west east 4 payload 8972
	after=$(nta_sizes 9001 9512)
	is_at_least $((${after% *} - ${before% *})) "$n" "chunks of 9001 to 9512 bytes"
	is_equal "$(snmp west IpFragOKs)" 0 "fragmented datagrams"
	nta_at_least "$n"
}

udp_over_ipv6_arrives_intact()
{
	local n

	n=$(scaled 500 50)
	net_pair 9000
	make_payload payload $((n * 8952))
	udp_transfer east west 6 payload 8952
	is_equal "$(snmp east Ip6FragOKs)" 0 "fragmented datagrams"
	nta_at_least "$n"
}

# No segmentation by anybody: every frame is as long as the wire allows.
tcp_arrives_intact()
{
	local bytes

	bytes=$(scaled 16000000 700000)
	net_pair 9000
	pair_features tso off gso off gro off
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	tcp_transfer east west 6 payload
	is_at_least $(($(link_stat east e0 rx bytes) / $(link_stat east e0 rx packets))) 1600 \
		"mean frame"
	nta_at_least $((2 * bytes / 9000))
}

# Largest datagrams on a wire that takes them whole: 64 KiB in one head or frags.
datagrams_of_64k_arrive_intact()
{
	local n

	n=$(scaled 100 20)
	net_pair 65535
	make_payload payload $((n * 65507))
	udp_transfer west east 4 payload 65507
	is_equal "$(snmp west IpFragOKs)" 0 "fragmented datagrams"
	nta_at_least "$n"
}

guest_main "$@" -- \
	udp_heads_are_rounded_to_cache_lines \
	udp_over_ipv6_arrives_intact \
	tcp_arrives_intact \
	datagrams_of_64k_arrive_intact
