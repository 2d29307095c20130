# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the guest's measurements of capturing share: a veth pair, and how each
# reader is called. To be sourced.
#
#   far                      here
#   w0 10.1.0.1 -----------  e0 10.1.0.2	packets are captured on e0

# Capture without link-layer surprises: IPv4 only, nobody announces himself.
join_pair()
{
	ip netns add far
	sysctl -q net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip netns exec far sysctl -q net.ipv6.conf.default.disable_ipv6=1
	ip link add e0 mtu "$1" type veth peer name w0 mtu "$1" netns far
	ip addr add 10.1.0.2/24 dev e0
	ip link set e0 up
	ip -n far addr add 10.1.0.1/24 dev w0
	ip -n far link set lo up
	ip -n far link set w0 up
	until ip netns exec far ping -q -c 1 -W 1 10.1.0.2 > /dev/null; do :; done
	# Nobody asks for an address while it is counted.
	ip neigh replace 10.1.0.1 lladdr "$(ip -n far -j link show w0 | jq -r '.[0].address')" \
		dev e0 nud permanent
	ip -n far neigh replace 10.1.0.2 lladdr "$(ip -j link show e0 | jq -r '.[0].address')" \
		dev w0 nud permanent
}

# For kernels that have the sniffer as a module.
load_sniffer()
{
	[[ -e /dev/zc_sniffer ]] || modprobe zc_sniffer
}

# reader KIND DEVICE OPTION...: a reader's command line; what it captures goes nowhere.
reader()
{
	local kind=$1 device=$2; shift 2

	case $kind in
	tcpdump) echo "tcpdump -i $device -n -w /dev/null $*" ;;
	tpacket) echo "./tpacket -i $device $*" ;;
	tap) echo "./zcsniff -i $device -n -w /dev/null $*" ;;
	free) echo "./zcsniff --point free -n -w /dev/null $*" ;;
	*) echo "no reader $kind" >&2; return 1 ;;
	esac
}

# listens FILE PID: wait for a reader that writes to FILE
listens()
{
	until grep -q 'listening on' "$1"; do
		kill -0 "$2" 2> /dev/null || { cat "$1" >&2; return 1; }
	done
}

# number FILE REGEX: the one in front of what matches
number()
{
	sed -nE "s/^([0-9]+) .*($2).*/\1/p" "$1" | head -n 1
}

# What a reader says in FILE when it ends.
captured()
{
	number "$1" captured
}

missed()
{
	local n

	n=$(number "$1" 'dropped by kernel|missed')
	echo "${n:-0}"
}
