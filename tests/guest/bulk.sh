#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# iperf3 between namespaces: what one end says it sent, the other end received.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# run_iperf3 VERSION OPTION...: result in $WORK/result.
run_iperf3()
{
	local ip=$1 server; shift

	spawn east iperf3 -s -1 -p 5201 > "$WORK/server"
	server=$REPLY
	wait_until is_listening east tcp 5201
	in_ns west iperf3 "-$ip" -c "$(addr_of east "$ip")" -p 5201 -J "$@" > "$WORK/result" ||
		fail "iperf3: $(jq -r .error "$WORK/result")"
	wait_for "$server"
}

result()
{
	jq -e "$1" "$WORK/result"
}

check_tcp()
{
	local ip=$1 bytes sent received

	bytes=$(scaled 64000000 8000000)
	net_pair 1500
	run_iperf3 "$ip" -n "$bytes" -P 2 -w 128K "${@:2}"
	sent=$(result .end.sum_sent.bytes)
	received=$(result .end.sum_received.bytes)
	is_at_least "$sent" "$bytes" "bytes sent"
	# At the end iperf3 does not wait for what is still in the buffers of two
	# connections; each end has twice what was asked for.
	is_at_least "$received" $((bytes - 2 * 4 * 131072)) "bytes received"
	is_at_least "$sent" "$received" "bytes sent, by those received"
	# A head for each segment of at most 64 KiB.
	nta_at_least $((bytes / 65536))
}

# All datagrams fit into the receiver's buffer, so none may be missing in between.
check_udp()
{
	local ip=$1 bytes size=1400 packets udp=Udp

	bytes=$(scaled 5600000 560000)
	net_pair 1500
	run_iperf3 "$ip" -u -b "$(scaled 40 4)M" -n "$bytes" -l "$size" -w 32M
	packets=$(result .end.sum.packets)
	is_at_least "$packets" $((bytes / size)) "datagrams sent"
	is_equal "$(result .end.sum.lost_packets)" 0 "datagrams lost"
	[[ $ip == 4 ]] || udp=Udp6
	is_equal "$(snmp east ${udp}RcvbufErrors)" 0 "datagrams that found no room"
	is_at_least "$(snmp east ${udp}InDatagrams)" 1 "datagrams received"
	nta_at_least "$packets"
}

tcp_over_ipv4_arrives()
{
	check_tcp 4
}

tcp_over_ipv6_arrives()
{
	check_tcp 6 --reverse
}

udp_over_ipv4_arrives()
{
	check_udp 4
}

udp_over_ipv6_arrives()
{
	check_udp 6
}

# Any size from one byte to the largest: each is a size class of its own.
tcp_writes_of_odd_sizes_arrive_intact()
{
	local size server

	net_pair 1500
	make_payload payload "$(scaled 400000 40000)"
	for size in 1 63 65 1447 1449 4097 65535; do
		head -c $((size < 64 ? 4000 : 400000)) payload > part
		spawn east socat -u TCP4-LISTEN:5000,reuseaddr OPEN:got,creat,trunc
		server=$REPLY
		wait_until is_listening east tcp 5000
		in_ns west socat -u -b "$size" OPEN:part TCP4:10.1.0.2:5000,nodelay
		wait_for "$server"
		cmp part got || fail "writes of $size bytes"
	done
	nta_at_least 4000
}

# Sender and receiver sit on different CPUs: what one takes the other frees.
frees_on_another_cpu_find_home()
{
	local n before receiver

	n=$(scaled 3000 300)
	net_pair 1500
	make_payload payload $((n * 1400))
	before=$(nta_get remote_frees)
	spawn east taskset -c 1 socat -u -b 65536 UDP4-RECV:5001,rcvbuf=33554432 \
		OPEN:got,creat
	receiver=$REPLY
	wait_until is_listening east udp 5001
	in_ns west taskset -c 0 socat -u -b 1400 OPEN:payload UDP4:10.1.0.2:5001
	wait_until has_size got $((n * 1400))
	kill "$receiver"
	cmp payload got
	nta_grew remote_frees "$before" "$n" ||
		fail "$((REPLY - before)) frees on another CPU, expected $n"
	nta_at_least "$n"
}

guest_main "$@" -- \
	tcp_over_ipv4_arrives \
	tcp_over_ipv6_arrives \
	udp_over_ipv4_arrives \
	udp_over_ipv6_arrives \
	frees_on_another_cpu_find_home \
	tcp_writes_of_odd_sizes_arrive_intact
