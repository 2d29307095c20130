#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Netlink: large dumps are complete. Each is a stream of 32 KiB buffers.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Lines that a command prints in namespace west.
lines_of()
{
	in_ns west "$@" | wc -l
}

all_routes_are_dumped()
{
	local n

	n=$(scaled 20000 1000)
	net_ns west
	ip -n west link add d0 type dummy
	ip -n west link set d0 up
	seq "$n" | awk '{ printf "route add 10.%d.%d.%d/32 dev d0\n",
		$1 / 65536, $1 / 256 % 256, $1 % 256 }' | ip -n west -batch -
	is_equal "$(lines_of ip route show table main)" "$n" "routes as text"
	is_equal "$(in_ns west ip -j route show table main | jq length)" "$n" "routes as JSON"
	is_equal "$(in_ns west ip route show table main | sort -u | wc -l)" "$n" "different routes"
	nta_at_least "$n"
}

all_addresses_are_dumped()
{
	local n

	n=$(scaled 2000 200)
	net_ns west
	ip -n west link add d0 type dummy
	ip -n west link set d0 up
	seq "$n" | awk '{ printf "addr add 10.1.%d.%d/32 dev d0\naddr add fd01::%x/128 dev d0 nodad\n",
		$1 / 256, $1 % 256, $1 }' | ip -n west -batch -
	is_equal "$(lines_of ip -4 -o addr show dev d0)" "$n" "IPv4 addresses"
	is_equal "$(lines_of ip -6 -o addr show dev d0 scope global)" "$n" "IPv6 addresses"
	nta_at_least $((2 * n))
}

all_links_are_dumped()
{
	local n

	n=$(scaled 300 30)
	net_ns west
	seq "$n" | sed 's/.*/link add d& type dummy/' | ip -n west -batch -
	is_equal "$(lines_of ip -o link show type dummy)" "$n" "links"
	is_equal "$(in_ns west ip -s -d -j link show type dummy | jq length)" "$n" "links as JSON"
	nta_at_least "$n"
}

all_sockets_are_dumped()
{
	local n port

	n=$(scaled 500 50)
	net_pair 1500
	mkdir site
	{
		printf 'server.document-root = "%s/site"\nserver.port = 2000\n' "$WORK"
		printf 'server.max-fds = 4096\nserver.modules = ()\n'
		for ((port = 2001; port < 2000 + n; port++)); do
			# shellcheck disable=SC2016 # lighttpd's variable
			printf '$SERVER["socket"] == ":%d" { }\n' "$port"
		done
	} > many.conf
	spawn east lighttpd -D -f many.conf
	wait_until is_listening east tcp $((2000 + n - 1))
	is_equal "$(in_ns east ss -Hltn | wc -l)" "$n" "listening sockets"
	is_equal "$(in_ns east ss -Ha -t -m | grep -c LISTEN)" "$n" "listening sockets with memory"
	nta_at_least 10
}

all_filters_are_dumped()
{
	local n

	n=$(scaled 1000 100)
	net_ns west
	ip -n west link add d0 type dummy
	in_ns west tc qdisc add dev d0 clsact
	seq "$n" | awk '{ printf "filter add dev d0 ingress pref %d protocol ip flower dst_ip 10.1.%d.%d\n",
		$1, $1 / 256, $1 % 256 }' | in_ns west tc -batch -
	is_equal "$(in_ns west tc -j filter show dev d0 ingress |
		jq '[.[] | select(.options.handle)] | length')" "$n" "filters"
	is_equal "$(lines_of nstat -asz IpInReceives)" 2 "lines of nstat"
	nta_at_least "$n"
}

guest_main "$@" -- \
	all_routes_are_dumped \
	all_addresses_are_dumped \
	all_links_are_dumped \
	all_sockets_are_dumped \
	all_filters_are_dumped
