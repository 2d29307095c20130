#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A real web server under real load generators: every request gets its answer,
# whole, with connections that are kept and with a new one for each request.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

site()
{
	mkdir "$WORK/site"
	head -c 1024 /dev/urandom > "$WORK/site/small"
	head -c 200000 /dev/urandom > "$WORK/site/large"
	net_pair 1500
	start_lighttpd east "$WORK/site"
}

# Number behind a heading of ab.
ab_says()
{
	sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$WORK/ab"
}

# run_ab REQUESTS CONCURRENCY PAGE [OPTION...]: all answered, in full length.
run_ab()
{
	local requests=$1 page=$3

	in_ns west ab -q -n "$requests" -c "$2" "${@:4}" "http://10.1.0.2/$page" > "$WORK/ab"
	ab_has_all "$WORK/ab" "$requests"
	is_equal "$(ab_says 'Document Length')" "$(stat -c %s "$WORK/site/$page")" "length"
}

# A connection is six packets at the very least, each with a head.
ab_loses_nothing_with_a_connection_per_request()
{
	local n

	n=$(scaled 2000 100)
	site
	run_ab "$n" "$(scaled 200 50)" small
	nta_at_least $((6 * n))
}

# One packet there, one back.
ab_loses_nothing_with_kept_connections()
{
	local n

	n=$(scaled 5000 200)
	site
	run_ab "$n" "$(scaled 100 20)" small -k
	is_equal "$(ab_says 'Keep-Alive requests')" "$n" "requests on kept connections"
	nta_at_least $((2 * n))
}

ab_loses_nothing_of_large_pages()
{
	local n

	n=$(scaled 300 10)
	site
	run_ab "$n" 10 large -k
	in_ns west curl -sf http://10.1.0.2/large -o got
	cmp got site/large
	# Segments of at most 64 KiB.
	nta_at_least $((n * 200000 / 65536))
}

httperf_sees_no_error()
{
	local conns calls=5

	conns=$(scaled 300 10)
	site
	in_ns west httperf --hog --server 10.1.0.2 --uri /small --num-conns "$conns" \
		--num-calls "$calls" --timeout 60 > out 2>&1
	grep -q "^Total: connections $conns requests $((conns * calls)) replies $((conns * calls)) " \
		out || fail "$(grep ^Total out)"
	grep -q '^Errors: total 0 ' out || fail "$(grep ^Errors out)"
	grep -q "^Reply status: 1xx=0 2xx=$((conns * calls)) " out ||
		fail "$(grep '^Reply status' out)"
	nta_at_least $((2 * conns * calls))
}

guest_main "$@" -- \
	ab_loses_nothing_with_a_connection_per_request \
	ab_loses_nothing_with_kept_connections \
	ab_loses_nothing_of_large_pages \
	httperf_sees_no_error
