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

# reader KIND OPTION...: a reader's command line; what it captures goes nowhere.
reader()
{
	local kind=$1; shift

	case $kind in
	tcpdump) echo "tcpdump -i e0 -n -w /dev/null $*" ;;
	tpacket) echo "./tpacket -i e0 $*" ;;
	tap) echo "./zcsniff -i e0 -n -w /dev/null $*" ;;
	free) echo "./zcsniff --point free -n -w /dev/null $*" ;;
	*) echo "no reader $kind" >&2; return 1 ;;
	esac
}
