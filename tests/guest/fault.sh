#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Page allocations fail at random in atomic context (debug kernel): NTA falls
# back, packets get lost, transfers end intact all the same.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

faults=/sys/kernel/debug/fail_page_alloc

if [[ ! -d $faults ]]; then
	echo "1..0 # SKIP no fault injection in this kernel (CONFIG_FAIL_PAGE_ALLOC)"
	exit 0
fi

# fail_pages PERCENT MIN-ORDER
fail_pages()
{
	defer write_to "$faults/probability" 0
	echo 0 > "$faults/verbose"
	echo N > "$faults/task-filter"
	# Only what may not wait: packets, not the programs that we need.
	echo Y > "$faults/ignore-gfp-wait"
	echo "$2" > "$faults/min-order"
	echo 1 > "$faults/interval"
	echo -1 > "$faults/times"
	echo "$1" > "$faults/probability"
}

# bind() and connect() need atomic memory as well and say so when there is none:
# the programs try again, packets are what the kernel has to try again.
carry()
{
	tcp_transfer "$1" "$2" "$3" payload ,forever,interval=0.1
}

# Every large node is refused, small ones are not.
nodes_of_high_order_fail()
{
	local i

	fail_pages 100 4
	net_pair 1500
	make_payload payload 1000000
	for ((i = 0; i < 2; i++)); do
		carry west east 4
		carry east west 6
		udp_transfer west east 4 payload 1400
	done
	nta_at_least 714
}

# Nothing at all in atomic context half of the time.
half_of_all_atomic_allocations_fail()
{
	local i

	net_pair 1500
	make_payload payload 300000
	fail_pages 50 0
	for ((i = 0; i < 3; i++)); do
		carry west east 4
		carry east west 6
	done
	nta_at_least 50
}

# NTA is made to give everything back again and again, so that it has to grow
# again in whatever context comes.
growth_fails_again_and_again()
{
	local grown refused

	net_pair 9000
	fail_pages 80 0
	grown=$(nta_get grown)
	refused=$(nta_get fallback_nomem)
	# Packets that nobody takes need more than NTA has at rest.
	grow_nta 1000
	nta_grew grown "$grown" 1 || nta_grew fallback_nomem "$refused" 1 ||
		fail "NTA neither grew nor counted that it could not"
	make_payload payload 1000000
	carry west east 4
	nta_at_least 500
}

guest_main "$@" -- \
	nodes_of_high_order_fail \
	half_of_all_atomic_allocations_fail \
	growth_fails_again_and_again
