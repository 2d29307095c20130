# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The clients of soak_servers.sh. Each looks at all that it got, and exits with a
# reason when something is missing. Sourced; needs lib.sh, and of its user
#
#   here, PORT[], site    where programs are, ports by server, the documents' folder
#
# What a client got from a server is added to the file tally.

# got SERVER NUMBER
# shellcheck disable=SC2153,SC2154 # see above
got()
{
	echo "$1 $2" >> tally
}

# load_ab SERVER URI REQUESTS CONCURRENCY [OPTION...]
load_ab()
{
	local out=$BASHPID.ab

	ab -q -s 120 -n "$3" -c "$4" "${@:5}" "http://127.0.0.1:${PORT[$1]}$2" > "$out" 2>&1 ||
		fail "ab: $(tail -n 3 "$out")"
	ab_has_all "$out" "$3"
	got "$1" "$3"
}

# load_httperf SERVER URI CONNECTIONS CALLS
load_httperf()
{
	local out=$BASHPID.httperf all=$(($3 * $4))

	httperf --hog --server 127.0.0.1 --port "${PORT[$1]}" --uri "$2" --num-conns "$3" \
		--num-calls "$4" --timeout 120 > "$out" 2>&1 || fail "httperf: $(tail -n 3 "$out")"
	grep -q "^Reply status: 1xx=0 2xx=$all 3xx=0 4xx=0 5xx=0" "$out" ||
		fail "httperf, of $all: $(grep '^Reply status' "$out")"
	grep -q '^Errors: total 0 ' "$out" || fail "httperf: $(grep '^Errors' "$out")"
	got "$1" "$all"
}

# It ends in the middle of requests, so these are no less than it says.
# load_wrk SERVER URI CONCURRENCY
load_wrk()
{
	local out=$BASHPID.wrk number

	wrk -t 1 -c "$3" -d 1 --timeout 120 "http://127.0.0.1:${PORT[$1]}$2" > "$out" 2>&1 ||
		fail "wrk: $(tail -n 3 "$out")"
	number=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$out")
	[[ -n $number ]] || fail "wrk: $(tail -n 3 "$out")"
	! grep -q 'Socket errors\|Non-2xx' "$out" || fail "wrk: $(grep 'Socket\|Non-2xx' "$out")"
	got "$1" "$number"
}

# Slower than the server: load_slow SERVER URI FILE BYTES-A-SECOND
load_slow()
{
	local out=$BASHPID.page

	curl -sSf --limit-rate "$4" --max-time 240 "http://127.0.0.1:${PORT[$1]}$2" -o "$out" 2>&1 ||
		fail "curl: exit status $?"
	cmp "$out" "$site/$3" || fail "curl: another page"
	rm "$out"
	got "$1" 1
}

# What misbehaves, and a good request after it. load_abuse SERVER KIND...
load_abuse()
{
	local kind

	for kind in "${@:2}"; do
		# shellcheck disable=SC2086 # a kind and its number
		"$here/evabuse" "${PORT[$1]}" $kind 2>&1 || fail "evabuse $kind: exit status $?"
		got "$1" 1
	done
}

# load_redis SERVER REQUESTS
load_redis()
{
	local out=$BASHPID.redis port=${PORT[$1]}

	redis-benchmark -p "$port" -n "$2" -c 20 -d 64 -r 1000 --csv \
		-t ping,set,get,incr,lpush,lpop,sadd,hset > "$out" 2>&1 || fail "$(tail -n 3 "$out")"
	is_equal "$(grep -cE '^"[^"]*","[0-9.]+"' "$out")" 9 "tests of redis-benchmark"
	redis-benchmark -p "$port" -n "$2" -c 20 -P 16 -r 1000 --csv -t set,get > "$out" 2>&1 ||
		fail "$(tail -n 3 "$out")"
	is_equal "$(redis-cli -p "$port" info stats | tr -d '\r' |
		sed -n 's/^total_error_replies://p')" 0 "errors of redis"
	is_equal "$(redis-cli -p "$port" flushall)" OK
	got "$1" $((11 * $2))
}

# Every value that is read is compared with what was written. load_memcached SERVER REQUESTS
load_memcached()
{
	local out=$BASHPID.memcached

	memcaslap -s "127.0.0.1:${PORT[$1]}" -x "$2" -c 16 -T 1 -w 1k -v 1 > "$out" 2>&1 ||
		fail "$(tail -n 5 "$out")"
	memcaslap_has_all "$out"
	got "$1" "$2"
}
