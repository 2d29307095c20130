#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's self tests of the sniffer, its abuse, and the module that comes and
# goes while packets flow.

# shellcheck source-path=SCRIPTDIR source=sniff_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/sniff_lib.sh"

self_test()
{
	sniffer_is_there
	test_program "$@"
}

setup_is_checked()
{
	self_test zcs_setup
	nta_at_least 1
}

permission_is_needed()
{
	self_test zcs_permission
	nta_at_least 1
}

mappings_are_safe()
{
	self_test zcs_map
	nta_at_least 1000
}

rings_are_right()
{
	self_test zcs_ring
	nta_at_least 500
}

read_and_write_are_right()
{
	self_test zcs_rw
	nta_at_least 200
}

poll_wakes()
{
	self_test zcs_poll
	nta_at_least 500
}

ledger_is_exact()
{
	self_test zcs_ledger
	nta_at_least 5000
}

filters_choose()
{
	self_test zcs_filter
	nta_at_least 200
}

readers_see_what_they_asked_for()
{
	self_test zcs_select
	nta_at_least 50
}

content_is_exact()
{
	self_test zcs_content
	nta_at_least 500
}

free_point_shows_all()
{
	self_test zcs_free
	nta_at_least 500
}

readers_do_not_disturb_each_other()
{
	self_test zcs_readers
	nta_at_least 1000
}

sending_is_right()
{
	self_test zcs_send
	nta_at_least 500
}

blocks_end_in_the_allocator()
{
	self_test zcs_block
	nta_at_least 10
}

# Two seeds: the second one's calls follow others.
abuse_is_survived()
{
	self_test zcs_abuse -n "$(scaled 20000 2000)" -s 1
	self_test zcs_abuse -n "$(scaled 20000 2000)" -s $((RANDOM * 32768 + RANDOM))
	nta_at_least 1000
}

# Four kinds of victims.
killing_is_survived()
{
	self_test zcs_kill -n "$(scaled 50 5)"
	nta_at_least 1000
}

# === The module ==============================================================

module_is_gone()
{
	rmmod zc_sniffer 2> rmmod.err
}

is_a_module()
{
	sniffer_is_there
	[[ -d /sys/module/zc_sniffer/holders ]] || skip "zc_sniffer is built in"
}

module_comes_and_goes_under_load()
{
	local i n

	n=$(scaled 30 5)
	is_a_module
	net_pair 1500
	start_load
	for ((i = 0; i < n; i++)); do
		wait_until module_is_gone
		[[ ! -e /dev/zc_sniffer ]] || fail "the device is still there"
		modprobe zc_sniffer
		in_ns east "$here/zcsniff" -i e0 -n -c 20 -w /dev/null 2> sniff.err ||
			fail "zcsniff: $(< sniff.err)"
	done
	load_goes_on
	end_load
	nta_at_least 1000
}

# Somebody has it open: it stays. Killed at any moment: it can go at once.
module_goes_when_its_readers_have()
{
	local i n reader

	n=$(scaled 20 5)
	is_a_module
	net_pair 1500
	start_load
	for ((i = 0; i < n; i++)); do
		sniffer_is_there
		spawn east "$here/zcsniff" -i e0 -n -w /dev/null 2> sniff.0.err
		reader=$REPLY
		wait_until is_listening_to_packets 0 "$reader"
		! rmmod zc_sniffer 2> rmmod.err || fail "the module went while it was open"
		load_goes_on
		kill -KILL "$reader"
		wait_for "$reader" 2> /dev/null || true
		wait_until module_is_gone
	done
	load_goes_on
	end_load
	sniffer_is_there
	nta_at_least 1000
}

# Packets of a sender are under way: the module waits for them, not they for it.
module_stays_while_packets_are_under_way()
{
	is_a_module
	net_pair 1500
	in_ns west tc qdisc add dev w0 root netem limit 100000 delay 200s
	ip -n west neigh replace 10.1.0.2 lladdr 02:00:00:00:00:02 dev w0
	spawn west "$here/zcsend" --ip --dst 10.1.0.2:5001 --size 1000 --count 64 > out 2>&1
	sender=$REPLY
	wait_until is_queued 64
	kill -KILL "$sender"
	wait_for "$sender" 2> /dev/null || true
	! rmmod zc_sniffer 2> rmmod.err || fail "the module went while its packets were queued"
	in_ns west tc qdisc del dev w0 root
	wait_until module_is_gone
	sniffer_is_there
	nta_at_least 64
}

is_queued()
{
	[[ $(in_ns west tc -s -j qdisc show dev w0 | jq '.[0].qlen') -ge $1 ]]
}

# NTA is switched off and on while a reader captures: what is not in its memory is
# copied, or missed and counted.
allocator_is_switched_under_a_reader()
{
	local i n reader switch=/proc/sys/net/core/nta

	n=$(scaled 20 4)
	net_pair 1500
	sniffer_is_there
	start_load
	spawn east "$here/zcsniff" -i e0 -n -w /dev/null --json=sniff.0.json 2> sniff.0.err
	reader=$REPLY
	wait_until is_listening_to_packets 0 "$reader"
	set_for_now "$switch" 1
	for ((i = 0; i < n; i++)); do
		echo 0 > "$switch"
		load_goes_on
		echo 1 > "$switch"
		load_goes_on
	done
	kill -INT "$reader"
	wait_for "$reader"
	end_load
	is_equal "$(counter passed)" \
		$(($(counter shown) + $(counter missed_ring) + $(counter missed_limit) + $(counter missed_memory))) \
		"shown and missed"
	is_at_least "$(counter copied_packets)" 1 "packets copied"
	nta_at_least 100
}

guest_main "$@" -- \
	setup_is_checked \
	permission_is_needed \
	mappings_are_safe \
	rings_are_right \
	read_and_write_are_right \
	poll_wakes \
	ledger_is_exact \
	filters_choose \
	readers_see_what_they_asked_for \
	content_is_exact \
	free_point_shows_all \
	readers_do_not_disturb_each_other \
	sending_is_right \
	blocks_end_in_the_allocator \
	abuse_is_survived \
	killing_is_survived \
	module_comes_and_goes_under_load \
	module_goes_when_its_readers_have \
	module_stays_while_packets_are_under_way \
	allocator_is_switched_under_a_reader
