#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Multicast over a bridge: one datagram, several receivers that share its data.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

receivers=(east north south)

#   west --- br0 in hub --- east, north, south
net_star()
{
	local ns host=0

	net_ns hub west "${receivers[@]}"
	ip -n hub link add br0 type bridge
	ip -n hub link set br0 up
	for ns in west "${receivers[@]}"; do
		host=$((host + 1))
		ip link add port0 netns "$ns" type veth peer name "$ns" netns hub
		ip -n hub link set "$ns" master br0 up
		ip -n "$ns" -batch - <<-END
		addr add 10.1.0.$host/24 dev port0
		addr add fd01::$host/64 dev port0 nodad
		link set port0 up
		route add 239.0.0.0/8 dev port0
		END
	done
}

is_forwarding()
{
	[[ $(ip -n hub -j -d link show "$1" | jq -r '.[0].linkinfo.info_slave_data.state') == forwarding ]]
}

all_have_joined()
{
	local ns

	for ns in "${receivers[@]}"; do
		is_listening "$ns" udp 5001 || return
		ip -n "$ns" maddr show dev port0 | grep -qi "$1" || return
	done
}

# check_group GROUP RECEIVER-ADDRESS SENDER-ADDRESS
check_group()
{
	local group=$1 receive=$2 send=$3 n ns

	n=$(scaled 1000 100)
	net_star
	for ns in west "${receivers[@]}"; do
		wait_until is_forwarding "$ns"
	done
	make_payload payload $((n * 1400))
	for ns in "${receivers[@]}"; do
		spawn "$ns" socat -u -b 65536 "$receive" "OPEN:got.$ns,creat"
	done
	wait_until all_have_joined "$group"
	in_ns west socat -u -b 1400 OPEN:payload "$send"
	for ns in "${receivers[@]}"; do
		wait_until has_size "got.$ns" $((n * 1400))
		cmp payload "got.$ns" || fail "$ns got something else"
	done
	nta_at_least "$n"
}

every_receiver_gets_all_over_ipv4()
{
	check_group 239.1.1.1 \
		UDP4-RECV:5001,rcvbuf=33554432,ip-add-membership=239.1.1.1:port0 \
		UDP4-DATAGRAM:239.1.1.1:5001,ip-multicast-loop=0
}

every_receiver_gets_all_over_ipv6()
{
	check_group ff15::101 \
		"UDP6-RECV:5001,rcvbuf=33554432,ipv6-join-group=[ff15::101]:port0" \
		"UDP6-DATAGRAM:[ff15::101]:5001"
}

guest_main "$@" -- \
	every_receiver_gets_all_over_ipv4 \
	every_receiver_gets_all_over_ipv6
