#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fragments: datagrams that the wire is too small for are put together intact.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# ping compares the pattern of each answer and says so when it differs.
check_ping()
{
	local ip=$1 host=$2 n

	n=$(scaled 50 10)
	net_pair 1500
	in_ns west ping -q "-$ip" -c "$n" -i 0.01 -W 60 -s 60000 -p 5aa5c3 "$host" > out
	grep -q " $n received, 0% packet loss" out || fail "$(grep received out)"
	! grep -q 'wrong data' out || fail "$(grep 'wrong data' out)"
	# 41 fragments there, 41 back.
	nta_at_least $((80 * n))
}

ping_of_60000_bytes_comes_back_over_ipv4()
{
	check_ping 4 10.1.0.2
	is_at_least "$(snmp east IpReasmOKs)" "$(scaled 50 10)" "datagrams put together"
	is_equal "$(snmp east IpReasmFails)" 0 "datagrams not put together"
}

ping_of_60000_bytes_comes_back_over_ipv6()
{
	check_ping 6 fd01::2
	is_at_least "$(snmp east Ip6ReasmOKs)" "$(scaled 50 10)" "datagrams put together"
	is_equal "$(snmp east Ip6ReasmFails)" 0 "datagrams not put together"
}

# Odd MTUs make odd fragments.
udp_over_odd_mtus_arrives_intact()
{
	local mtu n

	n=$(scaled 100 10)
	net_pair 1500
	make_payload payload $((n * 20000))
	for mtu in 1281 1337 4099; do
		ip -n west link set w0 mtu "$mtu"
		ip -n east link set e0 mtu "$mtu"
		udp_transfer west east 4 payload 20000
		udp_transfer east west 6 payload 20000
	done
	nta_at_least $((n * 2 * (20000 / 1281 + 20000 / 1337 + 20000 / 4099)))
}

# Fragments that never become whole are freed when their queue times out.
lost_fragments_are_given_back()
{
	local n

	n=$(scaled 200 40)
	net_pair 1500
	in_ns east sysctl -qw net.ipv4.ipfrag_time=1 net.ipv6.ip6frag_time=1
	# Only what is longer than a last fragment gets lost.
	in_ns east nft -f - <<-END
	table netdev t {
		chain c {
			type filter hook ingress device e0 priority 0;
			meta length < 1000 ip protocol udp counter drop
			meta length < 1000 ip6 nexthdr 44 counter drop
		}
	}
	END
	make_payload payload $((n * 3000))
	in_ns west socat -u -b 3000 OPEN:payload UDP4:10.1.0.2:5001
	in_ns west socat -u -b 3000 OPEN:payload "UDP6:[fd01::2]:5001"
	is_at_least "$(snmp east IpReasmReqds)" $((2 * n)) "fragments received, IPv4"
	is_equal "$(snmp east IpReasmOKs)" 0 "datagrams put together, IPv4"
	is_equal "$(snmp east Ip6ReasmOKs)" 0 "datagrams put together, IPv6"
	wait_until all_timed_out "$n"
	nta_at_least $((6 * n))
}

all_timed_out()
{
	(($(snmp east IpReasmTimeout) + $(snmp east Ip6ReasmTimeout) >= 2 * $1))
}

guest_main "$@" -- \
	ping_of_60000_bytes_comes_back_over_ipv4 \
	ping_of_60000_bytes_comes_back_over_ipv6 \
	udp_over_odd_mtus_arrives_intact \
	lost_fragments_are_given_back
