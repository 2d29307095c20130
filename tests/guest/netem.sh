#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A bad wire: packets get lost, doubled, late or damaged, TCP still carries the
# bytes, and every buffer that was dropped on the way comes back.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# bad_wire NETEM-ARGUMENTS...: both directions, one packet per frame, then a
# transfer each way.
bad_wire()
{
	local bytes

	bytes=$(scaled 2000000 300000)
	net_pair 1500
	pair_features tso off gso off gro off tx off
	in_ns west tc qdisc add dev w0 root netem limit 100000 "$@"
	in_ns east tc qdisc add dev e0 root netem limit 100000 "$@"
	make_payload payload "$bytes"
	tcp_transfer west east 4 payload
	tcp_transfer east west 6 payload
	nta_at_least $((2 * bytes / 1500))
}

# Sum of two counters of the namespaces.
both_saw()
{
	echo $(($(snmp west "$1") + $(snmp east "$1")))
}

tcp_survives_loss()
{
	bad_wire loss 3%
	is_at_least "$(both_saw TcpRetransSegs)" 1 "segments sent again"
	is_at_least "$(in_ns west tc -s -j qdisc show dev w0 | jq '.[0].drops')" 1 "packets lost"
}

tcp_survives_duplication()
{
	local out in

	bad_wire duplicate 20%
	out=$(link_stat west w0 tx packets)
	in=$(snmp west TcpOutSegs)
	is_at_least "$out" $((in + 1)) "frames, by segments before they were doubled"
}

tcp_survives_reordering()
{
	bad_wire delay 2ms reorder 70% 50%
	is_at_least "$(both_saw TcpExtTCPOFOQueue)" 1 "segments out of order"
}

# Checksums are made before the damage, so whoever gets it must notice.
tcp_survives_corruption()
{
	bad_wire corrupt 3%
	is_at_least "$(($(both_saw TcpInCsumErrors) + $(both_saw IpInHdrErrors) +
		$(both_saw IpExtInCsumErrors)))" 1 "damaged packets"
}

tcp_survives_all_at_once()
{
	bad_wire delay 1ms 1ms reorder 80% 50% loss 1% duplicate 5% corrupt 1%
}

# Packets that wait in a queue when it is taken away are freed.
queue_is_dropped_with_its_packets()
{
	local n

	n=$(scaled 2000 400)
	net_pair 1500
	in_ns west tc qdisc add dev w0 root netem limit 100000 delay 200s
	ip -n west neigh replace 10.1.0.2 lladdr 02:00:00:00:00:02 dev w0
	make_payload payload $((n * 1000))
	in_ns west socat -u -b 1000 OPEN:payload UDP4:10.1.0.2:5001,sndbuf=33554432
	is_at_least "$(in_ns west tc -s -j qdisc show dev w0 | jq '.[0].qlen')" "$n" "queue"
	nta_at_least "$n"
	in_ns west tc qdisc del dev w0 root
}

guest_main "$@" -- \
	tcp_survives_loss \
	tcp_survives_duplication \
	tcp_survives_reordering \
	tcp_survives_corruption \
	tcp_survives_all_at_once \
	queue_is_dropped_with_its_packets
