#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# zcsend: what arrives at the other end is what was to be sent, bit for bit, from
# files, as a flow of datagrams, as frames and as packets that the kernel routes.

# shellcheck source-path=SCRIPTDIR source=sniff_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/sniff_lib.sh"

# zcsend in namespace west; what it says at the end is in "out".
zcsend()
{
	sniffer_is_there
	in_ns west "$here/zcsend" "$@" > out 2> err || fail "zcsend $*: $(< err)"
}

frames_of()
{
	tcpdump -nn -t -q -xx -r "$1" 2> /dev/null
}

# Send a file of frames of all kinds, some times: send_file MTU TIMES [OPTION...]
send_file()
{
	local mtu=$1 times=$2 n tap i

	gawk -b -v "max=$mtu" -v "step=$((mtu / 9 + 1))" -f "$here/mkpcap.awk" > sent.pcap 2> count
	n=$(($(< count) * times))
	net_pair "$mtu"
	# Nobody else has anything to say.
	in_ns west sysctl -qw net.ipv6.conf.w0.disable_ipv6=1
	in_ns east sysctl -qw net.ipv6.conf.e0.disable_ipv6=1
	ip -n west link set w0 arp off
	ip -n east link set e0 arp off
	# Groups are left when the kernel likes.
	spawn east tcpdump -i e0 -n -U -Q in -B 65536 -c "$n" -w got.pcap "not (ip6[6] = 0)"
	tap=$REPLY
	wait_until has_size got.pcap 24
	zcsend -i w0 -c "$times" --json "${@:3}" sent.pcap
	wait_for "$tap"
	is_equal "$(jq .packets out)" "$n" "packets sent, by zcsend"
	is_equal "$(jq .completed out)" "$n" "packets completed, by zcsend"
	for ((i = 0; i < times; i++)); do
		frames_of sent.pcap
	done > sent
	frames_of got.pcap > got
	is_at_least "$(stat -c %s got)" "$n" "bytes printed"
	cmp sent got || fail "what arrived is not what was sent"
	nta_at_least "$n"
}

file_arrives_bit_exact()
{
	send_file 1500 "$(scaled 3 1)"
}

jumbo_file_arrives_bit_exact()
{
	send_file 9000 1
}

# Every chunk is used again many times, one packet per call.
file_arrives_from_few_chunks()
{
	send_file 1500 "$(scaled 3 1)" --chunks 4 --batch 1
}

# Datagrams to a socket: receive_flow VERSION ARGUMENT...
receive_flow()
{
	local ip=$1 n=$2 size=$3 headers=28 receiver

	[[ $ip == 4 ]] || headers=48
	spawn east socat -u -b 65536 "UDP$ip-RECV:5001,rcvbuf=33554432" OPEN:got,creat,trunc
	receiver=$REPLY
	wait_until is_listening east udp 5001
	zcsend --dst "$(socat_addr east "$ip"):5001" --size "$size" --count "$n" \
		--payload payload --json "${@:4}"
	wait_until has_size got $((n * (size - headers)))
	kill "$receiver"
	is_equal "$(stat -c %s got)" $((n * (size - headers))) "bytes received"
	is_equal "$(jq .packets out)" "$n" "packets sent"
	is_equal "$(jq .completed out)" "$n" "packets completed"
	# Each datagram carries the same.
	cp payload wanted
	until has_size wanted $((n * (size - headers))); do
		cat wanted wanted > twice
		mv twice wanted
	done
	cmp -n $((n * (size - headers))) wanted got || fail "what arrived is not what was sent"
	rm wanted
}

# As frames, which zcsend addresses itself, and through the kernel's routes.
flow_arrives()
{
	local n size
	local -a sizes=(128 9000)

	[[ $SHORT -eq 1 ]] || sizes+=(100 156 1500)
	n=$(scaled 300 50)
	net_pair 9000
	for size in "${sizes[@]}"; do
		make_payload payload $((size - $2))
		receive_flow "$1" "$n" "$size" "${@:3}"
	done
	is_equal "$(snmp east UdpInErrors)" 0 "datagrams with errors"
	nta_at_least $((2 * n))
}

ipv4_flow_arrives()
{
	flow_arrives 4 28
}

ipv6_flow_arrives()
{
	flow_arrives 6 48
}

routed_ipv4_flow_arrives()
{
	flow_arrives 4 28 --ip
}

routed_ipv6_flow_arrives()
{
	flow_arrives 6 48 --ip
}

# The datagram of 2006: sent without a copy, caught by tcpdump on the other side.
one_datagram_is_caught_by_tcpdump()
{
	local tap

	net_pair 1500
	make_payload payload 1000
	spawn east tcpdump -i e0 -n -U -c 1 -w got.pcap udp port 5001
	tap=$REPLY
	wait_until has_size got.pcap 24
	zcsend --dst 10.1.0.2:5001 --size 1028 --count 1 --payload payload
	wait_for "$tap"
	# File header, packet header, Ethernet, IP, UDP.
	tail -c +$((24 + 16 + 14 + 20 + 8 + 1)) got.pcap > got
	cmp payload got || fail "tcpdump has caught something else"
	nta_at_least 1
}

# Sniffed where it leaves, dumped where it arrives.
sent_packets_are_captured()
{
	local n

	n=$(scaled 500 100)
	net_pair 1500
	sniffer_is_there
	start_tcpdump east e0 -Q in "$MARKS or udp port 5001"
	start_zcsniff west -i w0 -Q out "$MARKS or udp port 5001"
	begin_capture west w0
	make_payload payload 1472
	receive_flow 4 "$n" 1500
	make_payload payload 972
	receive_flow 4 "$n" 1000 --ip
	end_capture west w0
	same_packets $((2 * n))
	nta_at_least $((2 * n))
}

# The wire is slow: chunks wait, are not used again too early, and all arrive.
slow_wire_loses_nothing()
{
	local n

	n=$(scaled 400 100)
	net_pair 1500
	in_ns west tc qdisc add dev w0 root netem limit 100000 delay 5ms
	make_payload payload 1472
	receive_flow 4 "$n" 1500 --chunks 16 --batch 8
	receive_flow 4 "$n" 1500 --chunks 16 --batch 8 --ip
	nta_at_least "$n"
}

# Killed in the middle, again and again: what it sent is whole.
killed_sender_leaves_whole_packets()
{
	local i n sender receiver records bad

	n=$(scaled 20 5)
	net_pair 1500
	sniffer_is_there
	printf 'whole' > payload
	make_payload rest 1395
	cat rest >> payload
	spawn east tcpdump -i e0 -n -U -B 65536 -w got.pcap udp port 5001
	receiver=$REPLY
	wait_until has_size got.pcap 24
	for ((i = 0; i < n; i++)); do
		spawn west "$here/zcsend" --dst 10.1.0.2:5001 --size 1428 --count 10000000 \
			--payload payload > out 2>&1
		sender=$REPLY
		wait_until has_size got.pcap $(($(stat -c %s got.pcap) + 100000))
		kill -KILL "$sender"
		wait_for "$sender" 2> /dev/null || true
	done
	kill -INT "$receiver"
	wait_for "$receiver"
	# Each record: header, Ethernet, IP, UDP, payload.
	LC_ALL=C gawk -b -v "header=$((16 + 14 + 20 + 8))" -v size=1400 '
		BEGIN { RS = "^$"; getline wanted < "payload" }
		{
			for (i = 25; i <= length($0); i += header + size) {
				n++
				if (substr($0, i + header, size) != wanted)
					bad++
			}
		}
		END { print n + 0, bad + 0 }' got.pcap > tally
	read -r records bad < tally
	is_at_least "$records" $((60 * n)) "packets caught"
	is_equal "$bad" 0 "packets with another payload"
	nta_at_least 1000
}

wrong_calls_are_refused()
{
	local status

	net_pair 1500
	sniffer_is_there
	for call in "" "-i w0" "--size 10 --dst 10.1.0.2:5001" "--dst nonsense" \
		"--count x --dst 10.1.0.2:5001" "--chunks 3 --dst 10.1.0.2:5001" "--nonsense"; do
		status=0
		# shellcheck disable=SC2086 # a list of words is meant
		in_ns west "$here/zcsend" $call > out 2> err || status=$?
		is_equal "$status" 2 "status of zcsend $call"
		is_at_least "$(stat -c %s err)" 10 "bytes of its message"
	done
	for call in "-i nowhere --dst 10.1.0.2:5001" "-i w0 /nowhere.pcap" "--dst 10.99.0.1:5001 --ip"; do
		status=0
		# shellcheck disable=SC2086 # a list of words is meant
		in_ns west "$here/zcsend" $call > out 2> err || status=$?
		is_equal "$status" 1 "status of zcsend $call"
		is_at_least "$(stat -c %s err)" 10 "bytes of its message"
	done
	nta_at_least 0
}

# On a slow kernel only those that take other paths through it.
guest_main "$@" -- \
	file_arrives_bit_exact \
	jumbo_file_arrives_bit_exact \
	ipv4_flow_arrives \
	routed_ipv6_flow_arrives \
	sent_packets_are_captured \
	slow_wire_loses_nothing \
	killed_sender_leaves_whole_packets \
	wrong_calls_are_refused \
	-- \
	file_arrives_from_few_chunks \
	ipv6_flow_arrives \
	routed_ipv4_flow_arrives \
	one_datagram_is_caught_by_tcpdump
