#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# zcsniff beside tcpdump: the same traffic, at the same time, is the same packets,
# byte for byte, and none is missed.

# shellcheck source-path=SCRIPTDIR source=sniff_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/sniff_lib.sh"

# Both at one end of the wire: watch_pair NS [EXPRESSION...]
watch_pair()
{
	sniffer_is_there
	start_tcpdump "$1" "${1:0:1}0" "${@:2}"
	start_zcsniff "$1" -i "${1:0:1}0" "${@:2}"
	begin_capture west w0
}

tcp_is_the_same()
{
	local bytes

	bytes=$(scaled 400000 100000)
	net_pair 1500
	pair_features tso off gso off gro off
	watch_pair east
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	tcp_transfer east west 6 payload
	end_capture west w0
	same_packets $((2 * bytes / 1500))
	nta_at_least $((2 * bytes / 1500))
}

udp_of_many_sizes_is_the_same()
{
	local size n
	local -a v4=(1 87 1472) v6=(67 1452)

	n=$(scaled 50 10)
	[[ $SHORT -eq 1 ]] || { v4+=(60 86 128 500 1000); v6+=(1 66 1000); }
	net_pair 1500
	watch_pair east
	make_payload payload 80000
	for size in "${v4[@]}"; do
		head -c $((size * n)) payload > part
		udp_transfer west east 4 part "$size"
	done
	for size in "${v6[@]}"; do
		head -c $((size * n)) payload > part
		udp_transfer east west 6 part "$size"
	done
	end_capture west w0
	same_packets $((5 * n))
	nta_at_least $((5 * n))
}

# Packets of 64 KiB, on the way out and on the way in.
segmentation_offload_is_the_same()
{
	local bytes

	bytes=$(scaled 1000000 300000)
	net_pair 1500
	pair_features tso on gso on gro on
	watch_pair west
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	tcp_transfer east west 6 payload
	end_capture west w0
	same_packets $((2 * bytes / 65536))
	is_at_least "$(gawk '{ if (length($0) > n) n = length($0) } END { print n }' sniffed)" 4000 \
		"hex digits of the longest packet"
	nta_at_least $((2 * bytes / 65536))
}

# Merged by the receiver: lists and fragments of other packets' buffers.
receive_offload_is_the_same()
{
	local bytes

	bytes=$(scaled 800000 200000)
	net_pair 1500
	pair_features tso off gso on gro on
	watch_pair east
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	tcp_transfer west east 6 payload
	end_capture west w0
	same_packets $((2 * bytes / 65536))
	nta_at_least $((2 * bytes / 1500))
}

udp_segmentation_is_the_same()
{
	net_pair 1500
	watch_pair west
	make_payload payload $((14000 * $(scaled 50 10)))
	udp_transfer west east 4 payload 14000 ",setsockopt-int=17:103:1400"
	end_capture west w0
	same_packets "$(scaled 50 10)"
	nta_at_least "$(scaled 50 10)"
}

jumbo_frames_are_the_same()
{
	local bytes

	bytes=$(scaled 800000 200000)
	net_pair 9000
	pair_features tso off gso off gro off
	watch_pair east
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	udp_transfer west east 6 payload 8900
	end_capture west w0
	same_packets $((2 * bytes / 9000))
	nta_at_least $((2 * bytes / 9000))
}

fragments_are_the_same()
{
	local bytes

	bytes=$(scaled 1000000 150000)
	net_pair 1500
	watch_pair east
	make_payload payload "$bytes"
	udp_transfer west east 4 payload 8000
	udp_transfer west east 6 payload 30000
	end_capture west w0
	same_packets $((2 * bytes / 1500))
	nta_at_least $((2 * bytes / 1500))
}

# One tag, two tags; on the wire and on the interface of the tag.
vlan_tags_are_the_same()
{
	local bytes

	bytes=$(scaled 500000 100000)
	net_pair 1500
	for end in "west w0 1" "east e0 2"; do
		read -r ns dev host <<< "$end"
		ip -n "$ns" link set "$dev" mtu 1508
		ip -n "$ns" link add link "$dev" name tag type vlan id 77
		ip -n "$ns" link add link "$dev" name outer type vlan id 88 protocol 802.1ad
		ip -n "$ns" link set tag up
		ip -n "$ns" link set outer up
		ip -n "$ns" link add link outer name inner type vlan id 99
		ip -n "$ns" link set inner up
		ip -n "$ns" addr add "10.5.0.$host/24" dev tag
		ip -n "$ns" addr add "10.6.0.$host/24" dev inner
	done
	in_ns west ping -q -c 1 -W 5 10.5.0.2 > /dev/null
	in_ns west ping -q -c 1 -W 5 10.6.0.2 > /dev/null
	watch_pair east
	make_payload payload "$bytes"
	for addr in 10.5.0.2 10.6.0.2; do
		spawn east socat -u TCP4-LISTEN:5000,reuseaddr OPEN:got,creat,trunc
		server=$REPLY
		wait_until is_listening east tcp 5000
		in_ns west socat -u OPEN:payload "TCP4:$addr:5000"
		wait_for "$server"
		cmp payload got
	done
	end_capture west w0
	same_packets 20
	grep -q "vlan 77," sniffed || fail "no packet with tag 77"
	grep -q "vlan 88,.*vlan 99," sniffed || fail "no packet with two tags"
	nta_at_least 20
}

loopback_is_the_same()
{
	local bytes

	bytes=$(scaled 800000 300000)
	sniffer_is_there
	net_ns west
	start_tcpdump west lo
	start_zcsniff west -i lo
	begin_capture west lo
	make_payload payload "$bytes"
	spawn west socat -u TCP4-LISTEN:5000 OPEN:got,creat
	server=$REPLY
	wait_until is_listening west tcp 5000
	in_ns west socat -u OPEN:payload TCP4:127.0.0.1:5000
	wait_for "$server"
	cmp payload got
	in_ns west ping -q -c 5 -i 0.01 -s 20000 ::1 > /dev/null
	end_capture west lo
	same_packets $((bytes / 65536))
	nta_at_least $((bytes / 65536))
}

web_traffic_is_the_same()
{
	local n

	n=$(scaled 100 40)
	net_pair 1500
	mkdir site
	make_payload site/small 500
	make_payload site/large 300000
	start_lighttpd east "$WORK/site"
	watch_pair east
	in_ns west ab -q -n "$n" -c 8 http://10.1.0.2/small > ab.small
	in_ns west ab -q -n $((n / 10)) -c 4 http://10.1.0.2/large > ab.large
	end_capture west w0
	same_packets $((n * 6))
	nta_at_least $((n * 6))
}

# Lost, doubled, late and damaged packets: seen as they come out of it.
bad_wire_is_the_same()
{
	local bytes

	bytes=$(scaled 500000 100000)
	net_pair 1500
	pair_features tso off gso off gro off tx off
	in_ns west tc qdisc add dev w0 root netem limit 100000 \
		delay 1ms 1ms reorder 80% 50% loss 1% duplicate 5% corrupt 1%
	sniffer_is_there
	start_tcpdump west w0
	start_zcsniff west -i w0
	begin_capture east e0
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	tcp_transfer east west 4 payload
	in_ns west tc qdisc del dev w0 root
	end_capture east e0
	same_packets $((2 * bytes / 1500))
	nta_at_least $((2 * bytes / 1500))
}

# Every kind of frame that there is, damaged ones among them.
replayed_frames_are_the_same()
{
	local n

	gawk -b -v max=9000 -v step="$(scaled 501 3001)" -f "$here/mkpcap.awk" > sent.pcap 2> count
	n=$(< count)
	net_pair 9000
	watch_pair east
	in_ns west tcpreplay -i w0 --topspeed sent.pcap > out 2>&1
	end_capture west w0
	same_packets "$n"
	nta_at_least "$n"
}

# One zcsniff on all interfaces, a tcpdump on each.
all_interfaces_are_the_same()
{
	local bytes

	bytes=$(scaled 400000 200000)
	net_pair 1500
	sniffer_is_there
	ip -n west link add d0 type dummy
	ip -n west addr add 10.7.0.1/24 dev d0
	ip -n west link set d0 up
	ip -n west neigh add 10.7.0.2 lladdr 02:00:00:00:00:02 dev d0
	start_tcpdump west w0
	start_tcpdump west d0
	start_tcpdump west lo
	start_zcsniff west -i any
	begin_capture west w0
	mark west d0 zcs-begins-here
	mark west lo zcs-begins-here
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	in_ns west socat -u -b 1000 OPEN:payload UDP4:10.7.0.2:5001
	in_ns west ping -q -c 20 -i 0.01 -s 1000 127.0.0.1 > /dev/null
	# Each of tcpdump's files must have it; in zcsniff's, the last one counts.
	mark west d0 zcs-ends-here
	mark west lo zcs-ends-here
	end_capture west w0
	same_packets $((bytes / 1000 + 40))
	nta_at_least $((bytes / 1000))
}

# One zcsniff outside, on all namespaces; a tcpdump in each.
all_namespaces_are_the_same()
{
	local bytes filter

	bytes=$(scaled 400000 200000)
	net_pair 1500
	sniffer_is_there
	filter="$MARKS or net 10.1.0.0/24 or net fd01::/64"
	start_tcpdump west w0 "$filter"
	start_tcpdump east e0 "$filter"
	start_zcsniff west --netns all -i any "$filter"
	begin_capture west w0
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	tcp_transfer east west 6 payload
	end_capture west w0
	same_packets $((2 * 2 * bytes / 65536))
	nta_at_least $((2 * bytes / 65536))
}

other_namespace_is_the_same()
{
	net_pair 1500
	sniffer_is_there
	start_tcpdump east e0
	start_zcsniff west --netns east -i e0
	begin_capture west w0
	make_payload payload "$(scaled 1000000 200000)"
	tcp_transfer west east 4 payload
	end_capture west w0
	same_packets 10
	nta_at_least 10
}

mac_of()
{
	ip -n "$1" -j link show "$2" | jq -r '.[0].address'
}

# The kernel runs the same program for both.
expressions_choose_the_same()
{
	local n=0 expression

	net_pair 1500
	make_payload payload "$(scaled 100000 20000)"
	for expression in "udp port 5001" "greater 500" "less 100" "ip6" "icmp or icmp6" \
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0" "host 10.1.0.2 and not tcp" \
		"ether src host $(mac_of west w0)" "vlan 77"; do
		rm -f dump.* sniff.*
		watch_pair east "$MARKS or ($expression)"
		tcp_transfer west east 4 payload
		udp_transfer west east 6 payload 1000
		in_ns west ping -q -c 3 -i 0.01 10.1.0.2 > /dev/null
		end_capture west w0
		same_packets 0
		n=$((n + $(wc -l < sniffed)))
		say "$(wc -l < sniffed) packets: $expression"
	done
	is_at_least "$n" 100 "packets chosen"
	nta_at_least 100
}

snap_length_cuts_the_same()
{
	local snap

	net_pair 1500
	make_payload payload "$(scaled 300000 60000)"
	for snap in 60 128 129 1000; do
		rm -f dump.* sniff.*
		watch_pair east -s "$snap"
		tcp_transfer west east 4 payload
		udp_transfer west east 6 payload 1400
		end_capture west w0
		same_packets 40
	done
	nta_at_least 100
}

#   west              router                 east
#   w0 10.8.0.1 ----- r0 10.8.0.254
#                     r1 10.9.0.254, NAT --- e0 10.9.0.1
#
# Addresses, ports, hop limit and checksums change in place, between the two
# interfaces; and the capture holds the packet meanwhile.
translated_packets_are_the_same()
{
	local bytes

	bytes=$(scaled 1000000 200000)
	sniffer_is_there
	net_ns west router east
	ip -batch - <<-END
	link add w0 netns west type veth peer name r0 netns router
	link add e0 netns east type veth peer name r1 netns router
	END
	ip -n west -batch - <<-END
	addr add 10.8.0.1/24 dev w0
	link set w0 up
	route add default via 10.8.0.254
	END
	ip -n east -batch - <<-END
	addr add 10.9.0.1/24 dev e0
	link set e0 up
	END
	ip -n router -batch - <<-END
	addr add 10.8.0.254/24 dev r0
	addr add 10.9.0.254/24 dev r1
	link set r0 up
	link set r1 up
	END
	in_ns router bash -c "$NS_SETUP echo 1 > ipv4/ip_forward"
	in_ns router nft -f - <<-END
	table ip nat {
		chain post {
			type nat hook postrouting priority srcnat
			oif r1 masquerade
		}
	}
	END
	in_ns west ping -q -c 1 -W 5 10.9.0.1 > /dev/null
	start_tcpdump router r0
	start_tcpdump router r1
	start_zcsniff router -i any
	begin_capture west w0
	mark east e0 zcs-begins-here
	make_payload payload "$bytes"
	spawn east socat -u TCP4-LISTEN:5000 OPEN:got,creat
	server=$REPLY
	wait_until is_listening east tcp 5000
	in_ns west socat -u OPEN:payload TCP4:10.9.0.1:5000
	wait_for "$server"
	cmp payload got
	mark east e0 zcs-ends-here
	end_capture west w0
	same_packets $((2 * bytes / 65536))
	grep -q "10.8.0.1.*> 10.9.0.1" sniffed || fail "no packet from before the translation"
	grep -q "10.9.0.254.*> 10.9.0.1" sniffed || fail "no packet from after it"
	nta_at_least $((bytes / 65536))
}

# Each datagram passes once and is freed once: the two points see the same bytes.
free_point_sees_what_the_tap_sees()
{
	local filter="udp dst port 5001"

	net_pair 1500
	sniffer_is_there
	start_zcsniff east -i e0 "$MARKS or $filter"
	start_zcsniff east --point free --netns all "$MARKS or $filter"
	begin_capture west w0
	make_payload payload "$(scaled 500000 50000)"
	udp_transfer west east 4 payload 700
	udp_transfer west east 6 payload 1300
	end_udp_capture
	packets_sorted inside sniff.0.pcapng > tapped
	packets_sorted inside sniff.1.pcapng > freed
	is_at_least "$(wc -l < tapped)" $(($(scaled 500000 50000) / 700)) "datagrams"
	cmp tapped freed || fail "$(wc -l < tapped) tapped, $(wc -l < freed) freed: not the same"
	is_equal "$(counter missed_ring)" 0 missed
	nta_at_least "$(wc -l < tapped)"
}

# No tcpdump takes part.
end_udp_capture()
{
	local pid

	mark west w0 zcs-ends-here
	wait_until has_mark zcs-ends-here sniff.*.pcapng
	kill -INT "${SNIFFERS[@]}"
	for pid in "${SNIFFERS[@]}"; do
		wait_for "$pid"
	done
}

# A limit too small for the traffic: packets are missed and counted, the stack
# does not notice, and what is written is right.
small_limit_misses_and_counts()
{
	local n=400

	net_pair 1500
	sniffer_is_there
	spawn east "$here/zcsniff" -i e0 -B 64 --slots 8192 -w few.pcapng --json=sniff.0.json "udp port 5001" 2> sniff.0.err
	server=$REPLY
	wait_until is_listening_to_packets 0 "$server"
	kill -STOP "$server"
	make_payload payload $((n * 1400))
	udp_transfer west east 4 payload 1400
	kill -CONT "$server"
	kill -INT "$server"
	wait_for "$server"
	is_equal "$(counter passed)" "$n" "datagrams that passed"
	is_equal $(($(counter shown) + $(counter missed_limit) + $(counter missed_ring) + $(counter missed_memory))) \
		"$n" "shown and missed"
	is_at_least "$(counter missed_limit)" 1 "missed"
	is_equal "$(tcpdump -nn -r few.pcapng 2> /dev/null | wc -l)" "$(counter shown)" "packets written"
	nta_at_least "$n"
}

# On a slow kernel only those that take other paths through it; the self tests
# have all sizes.
guest_main "$@" -- \
	segmentation_offload_is_the_same \
	receive_offload_is_the_same \
	fragments_are_the_same \
	vlan_tags_are_the_same \
	bad_wire_is_the_same \
	replayed_frames_are_the_same \
	all_interfaces_are_the_same \
	translated_packets_are_the_same \
	free_point_sees_what_the_tap_sees \
	small_limit_misses_and_counts \
	-- \
	tcp_is_the_same \
	udp_of_many_sizes_is_the_same \
	udp_segmentation_is_the_same \
	jumbo_frames_are_the_same \
	loopback_is_the_same \
	web_traffic_is_the_same \
	all_namespaces_are_the_same \
	other_namespace_is_the_same \
	expressions_choose_the_same \
	snap_length_cuts_the_same
