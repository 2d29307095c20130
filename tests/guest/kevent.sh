#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's self tests of kevent: a scenario for each program, the random ones
# with two seeds, the second of which others do not know.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# No packets flow, or few.
self_test()
{
	test_program "$@"
	nta_at_least 0
}

calls_are_right()
{
	self_test kevent_calls
}

closing_ends_interests()
{
	self_test kevent_close
}

programs_of_32_bit_are_served()
{
	self_test kevent_compat
}

mapped_ring_is_right()
{
	self_test kevent_map
}

queues_nest()
{
	self_test kevent_nest
}

own_ring_is_right()
{
	self_test kevent_ring
}

sources_tell()
{
	self_test kevent_sources
}

one_is_woken()
{
	self_test kevent_wake
}

connections_are_spread()
{
	self_test kevent_fair
}

topologies_wake_whom_they_should()
{
	self_test kevent_topology
}

old_defects_are_gone()
{
	self_test kevent_defects
}

abuse_is_survived()
{
	self_test kevent_abuse
}

# The second one's calls follow others.
random_calls_are_survived()
{
	self_test kevent_fuzz -n "$(scaled 100000 20000)" -s 1
	self_test kevent_fuzz -n "$(scaled 100000 20000)" -s $((RANDOM * 32768 + RANDOM))
}

killing_loses_nothing()
{
	self_test kevent_kill -n "$(scaled 50 10)"
}

guest_main "$@" -- \
	calls_are_right \
	closing_ends_interests \
	programs_of_32_bit_are_served \
	mapped_ring_is_right \
	queues_nest \
	own_ring_is_right \
	sources_tell \
	one_is_woken \
	connections_are_spread \
	topologies_wake_whom_they_should \
	old_defects_are_gone \
	abuse_is_survived \
	random_calls_are_survived \
	killing_loses_nothing
