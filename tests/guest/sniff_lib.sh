# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scenarios of the sniffer share: tcpdump and zcsniff on the same
# traffic, and the comparison of what they wrote, packet by packet, byte by byte.
#
#   sniffer_is_there
#   start_tcpdump NS IFACE; start_zcsniff NS OPTION...; begin_capture IFACE
#   ... traffic ...
#   end_capture IFACE
#   same_packets AT-LEAST
#
# The packets that count are those between two frames that begin_capture and
# end_capture send out of an interface: what one of them saw before the other was
# ready, or after it was stopped, does not.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What the marks are, to be added to an expression.
# shellcheck disable=SC2034 # the scenarios do that
MARKS="ether proto 0x88b5"

sniffer_is_there()
{
	[[ -c /dev/zc_sniffer ]] || modprobe zc_sniffer
	[[ -c /dev/zc_sniffer ]] || fail "no /dev/zc_sniffer"
}

# Processes, and the number of each kind.
TAPS=()
SNIFFERS=()

# start_tcpdump NS IFACE [ARGUMENT...]: writes dump.N.pcap
start_tcpdump()
{
	local n=${#TAPS[@]}

	spawn "$1" tcpdump -i "$2" -n -U -B 65536 -w "dump.$n.pcap" \
		"${@:3}" 2> "dump.$n.err"
	TAPS+=("$REPLY")
	wait_until has_size "dump.$n.pcap" 24
}

# start_zcsniff NS ARGUMENT...: writes sniff.N.pcapng
start_zcsniff()
{
	local n=${#SNIFFERS[@]}

	spawn "$1" "$here/zcsniff" -n -U -w "sniff.$n.pcapng" --json="sniff.$n.json" \
		"${@:2}" 2> "sniff.$n.err"
	SNIFFERS+=("$REPLY")
	wait_until is_listening_to_packets "$n" "$REPLY"
}

is_listening_to_packets()
{
	grep -q "listening on" "sniff.$1.err" && return
	! has_ended "$2" || fail "zcsniff: $(< "sniff.$1.err")"
	return 1
}

# Send a frame that everybody sees and nobody answers: mark NS IFACE TEXT
mark()
{
	printf '%b%-60s' '\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5' "$3" |
		in_ns "$1" socat -u -b 2000 - "INTERFACE:$2"
}

# Every file has it: has_mark TEXT FILE...
has_mark()
{
	local file

	for file in "${@:2}"; do
		grep -aq "$1" "$file" || return 1
	done
}

# Out of an interface: begin_capture NS IFACE
begin_capture()
{
	mark "$1" "$2" zcs-begins-here
}

end_capture()
{
	local pid

	mark "$1" "$2" zcs-ends-here
	wait_until has_mark zcs-ends-here dump.*.pcap sniff.*.pcapng
	kill -INT "${TAPS[@]}" "${SNIFFERS[@]}"
	for pid in "${TAPS[@]}" "${SNIFFERS[@]}"; do
		wait_for "$pid"
	done
	TAPS=()
	SNIFFERS=()
}

# One line per packet between the marks, or outside of them: what tcpdump says, all
# bytes. packets_of inside|outside FILE
packets_of()
{
	tcpdump -nn -t -q -e -xx -r "$2" 2> /dev/null | gawk -v wanted="$1" '
		function emit(    mark)
		{
			mark = substr(hex, 29, 40)
			if (mark ~ /^7a63732d626567696e73/)
				where = "inside"
			else if (mark ~ /^7a63732d656e6473/)
				where = "outside"
			else if (where == wanted && hex != "")
				print head, hex
			hex = ""
		}
		BEGIN { where = "outside" }
		/^[^\t]/ { emit(); head = $0; next }
		{ sub(/^\t0x[0-9a-f]+: +/, ""); gsub(/ /, ""); hex = hex $0 }
		END { emit() }'
}

# The packets of all these files, in an order that does not depend on who came
# first where two processors took part. packets_sorted inside|outside FILE...
packets_sorted()
{
	local file

	for file in "${@:2}"; do
		packets_of "$1" "$file"
	done | sort
}

# Counters that zcsniff wrote at its end, summed: counter NAME
counter()
{
	jq -es "map(.$1) | add" sniff.*.json
}

nothing_missed()
{
	local name

	for name in missed_ring missed_limit missed_memory bad_releases held; do
		is_equal "$(counter "$name")" 0 "zcsniff: $name"
	done
	is_equal "$(counter passed)" "$(counter shown)" "packets shown of those that passed"
	if grep -h "dropped by kernel" dump.*.err | grep -v "^0 "; then
		fail "tcpdump missed packets: this proves nothing"
	fi
}

# Packets that one has between the marks and the other one has nowhere:
# strangers dumped|sniffed sniffed|dumped
strangers()
{
	comm -23 "$1" "$2" | comm -23 - "outside.$2" |
		sed -n "1,3s/^\(.\{1,300\}\).*/# only $1: \1/p"
}

# What both wrote is the same, and so many packets at least. One that comes beside a
# mark, on another processor or interface, may be inside for one of them and outside
# for the other: both have it.
same_packets()
{
	packets_sorted inside dump.*.pcap > dumped
	packets_sorted inside sniff.*.pcapng > sniffed
	nothing_missed
	is_at_least "$(wc -l < dumped)" "$1" "packets that tcpdump saw"
	cmp -s dumped sniffed && return
	say "between the marks of one only: $(comm -3 dumped sniffed | wc -l) packets"
	packets_sorted outside dump.*.pcap > outside.dumped
	packets_sorted outside sniff.*.pcapng > outside.sniffed
	{ strangers dumped sniffed; strangers sniffed dumped; } > strange
	[[ -s strange ]] || return 0
	cat strange
	fail "not the same packets: $(wc -l < dumped) dumped, $(wc -l < sniffed) sniffed"
}
