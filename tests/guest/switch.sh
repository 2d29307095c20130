#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The switch net.core.nta: takes masks from 0 to 7 and nothing else, may be
# turned while traffic flows, and does what it says.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

sysctl=/proc/sys/net/core/nta

is_refused()
{
	local err

	if err=$( { echo "$1" > "$sysctl"; } 2>&1); then
		fail "'$1' was taken, the mask is $(< "$sysctl")"
	fi
	[[ $err == *"Invalid argument"* ]] || fail "'$1': $err"
}

wrong_masks_are_refused()
{
	local mask wrong

	defer write_to "$sysctl" "$(< "$sysctl")"
	for mask in 0 5 7; do
		echo "$mask" > "$sysctl"
		for wrong in 8 9 -1 4294967296 foo 1x ''; do
			[[ -z $wrong ]] || is_refused "$wrong"
			is_equal "$(< "$sysctl")" "$mask" "mask after '$wrong'"
		done
	done
	nta_at_least 0
}

# With the switch off nothing is taken from NTA, with it on it is again.
off_means_off()
{
	local before n

	n=$(scaled 500 100)
	net_pair 1500
	make_payload payload $((n * 1400))
	set_for_now "$sysctl" 0
	before=$(nta_get allocs)
	udp_transfer west east 4 payload 1400
	tcp_transfer west east 6 payload
	is_equal "$(nta_get allocs)" "$before" "allocations while off"
	echo 1 > "$sysctl"
	udp_transfer west east 4 payload 1400
	nta_at_least "$n"
}

# Bit 4 alone: fragments of streams in blocks, heads from the stock path.
stream_fragments_have_their_own_bit()
{
	local blocks heads bytes

	bytes=$(scaled 8000000 1000000)
	net_pair 1500
	make_payload payload "$bytes"
	set_for_now "$sysctl" 4
	blocks=$(nta_get block_allocs)
	heads=$(nta_get allocs)
	tcp_transfer west east 4 payload
	tcp_transfer east west 6 payload
	nta_grew block_allocs "$blocks" $((bytes / 32768)) ||
		fail "$((REPLY - blocks)) blocks, expected $((bytes / 32768))"
	is_equal "$(nta_get allocs)" "$heads" "heads while their bit is off"
	nta_at_least 0
}

# Buffers of one setting are freed under another one.
buffers_outlive_a_change_of_the_mask()
{
	local mask n receiver

	n=$(scaled 1000 200)
	net_pair 1500
	make_payload payload $((n * 1400))
	set_for_now "$sysctl" 1
	for mask in 0 7 2 5; do
		spawn east socat -u UDP4-RECV:5001,rcvbuf=33554432 "OPEN:got.$mask,creat"
		receiver=$REPLY
		wait_until is_listening east udp 5001
		kill -STOP "$receiver"
		echo 1 > "$sysctl"
		in_ns west socat -u -b 1400 OPEN:payload UDP4:10.1.0.2:5001
		echo "$mask" > "$sysctl"
		kill -CONT "$receiver"
		wait_until has_size "got.$mask" $((n * 1400))
		kill "$receiver"
		cmp payload "got.$mask"
	done
	nta_at_least $((4 * n))
}

# All masks in turn while a web server and iperf3 are at work.
mask_changes_under_load()
{
	local round mask rounds web seen

	rounds=$(scaled 4 1)
	net_pair 1500
	mkdir site
	head -c 5000 /dev/urandom > site/page
	start_lighttpd east "$WORK/site"
	start_load
	set_for_now "$sysctl" 1
	browse > browsed &
	web=$!
	for ((round = 0; round < rounds; round++)); do
		for mask in 0 1 2 3 4 5 6 7 0 7 0 7; do
			echo "$mask" > "$sysctl"
			is_equal "$(< "$sysctl")" "$mask" "mask"
			load_goes_on
		done
		nta_check
	done
	touch enough
	wait_for "$web" || fail "the browser failed: $(tail -n 1 browsed)"
	seen=$(grep -c ^good browsed)
	is_at_least "$seen" 1 "rounds of the browser"
	nta_at_least $((rounds * 50))
}

# Requests until told to stop; any that fails ends it.
browse()
{
	until [[ -e enough ]]; do
		in_ns west ab -q -n 50 -c 5 http://10.1.0.2/page > out
		grep -q '^Complete requests: *50$' out
		grep -q '^Failed requests: *0$' out
		echo good
	done
}

guest_main "$@" -- \
	wrong_masks_are_refused \
	off_means_off \
	stream_fragments_have_their_own_bit \
	buffers_outlive_a_change_of_the_mask \
	mask_changes_under_load
