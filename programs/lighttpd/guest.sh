#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the guest: lighttpd with the back end of kevent.patch. Its own tests pass,
# and it serves every request, on kevent as on epoll.

# shellcheck source-path=SCRIPTDIR source=../../tests/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lighttpd
handlers=(linux-sysepoll linux-kevent)
declare -A queues=([linux-sysepoll]='[eventpoll]' [linux-kevent]='[kevent]')

# lighttpd's tests, with a line more in its configurations: own_tests HANDLER
own_tests()
{
	local handler=$1 file program points

	cp -a "$top" tree
	# One of them is included by another.
	for file in tree/src/tests/{lighttpd,condition,proxy,fastcgi-responder,scgi-responder}.conf; do
		sed -i "1i server.event-handler = \"$handler\"" "$file"
	done
	# Where Perl looks first; a CGI program is told of no other place.
	ln -sfn "$top/perl" /etc/perl
	PERL=$(command -v perl)
	export PERL srcdir=$PWD/tree/src/tests top_builddir=$PWD/tree/obj
	for program in tree/obj/src/t/test_*; do
		(cd tree/obj/src && "./t/${program##*/}") > log 2>&1 || fail "$program: $(tail -n 5 log)"
	done
	(cd tree/obj/tests && "$srcdir/prepare.sh" && perl "$srcdir/run-tests.pl") > log 2>&1 || true
	cat log
	points=$(sed -n 's/^Files=\([0-9]*\), Tests=\([0-9]*\),.*/\2/p' log)
	grep -q '^Result: PASS' log || fail "lighttpd's own tests on $handler"
	is_at_least "${points:-0}" 100 "points of lighttpd's own tests"
	nta_at_least 500
}

own_tests_pass_on_epoll()
{
	own_tests linux-sysepoll
}

own_tests_pass_on_kevent()
{
	own_tests linux-kevent
}

answers()
{
	(: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

# run_ab HANDLER REQUESTS CONCURRENCY URL [OPTION...]
run_ab()
{
	local requests=$2

	ab -q -s 120 -n "$requests" -c "$3" "${@:5}" "$4" > load || fail "$(tail -n 3 load)"
	is_equal "$(sed -n 's/^Complete requests: *//p' load)" "$requests" "complete requests"
	is_equal "$(sed -n 's/^Failed requests: *//p' load)" 0 "failed requests"
	! grep -q 'Non-2xx\|Write errors' load || fail "$(grep 'Non-2xx\|Write' load)"
	say "$1, ab -n $requests -c $3 ${*:5}: $(sed -n 's/^Requests per second: *//p' load)"
}

# The same load on both: connections kept and not, small and large, one worker and
# three, a client that is slower than the server.
serves_all()
{
	local handler n server port=8280 workers

	n=$(scaled 3000 100)
	mkdir site
	head -c 699 /dev/urandom > site/small
	head -c 3000000 /dev/urandom > site/large
	for workers in 0 3; do
		for handler in "${handlers[@]}"; do
			port=$((port + 1))
			cat > conf <<-END
			server.document-root = "$PWD/site"
			server.bind = "127.0.0.1"
			server.port = $port
			server.event-handler = "$handler"
			server.max-worker = $workers
			server.max-fds = 8192
			server.max-keep-alive-requests = 1000000
			server.errorlog = "$PWD/error"
			END
			# One with workers ends all of its process group.
			setsid "$top/obj/src/lighttpd" -D -f conf -m "$top/obj/src/.libs" &
			server=$!
			wait_until answers "$port"
			# Workers have it, the process that made them has not.
			readlink "/proc/$(pgrep -P "$server" | head -n 1)/fd/"* \
				"/proc/$server/fd/"* > links || true
			grep -qF "${queues[$handler]}" links || fail "no ${queues[$handler]}: $(< links)"
			run_ab "$handler" "$n" "$(scaled 300 20)" "http://127.0.0.1:$port/small"
			run_ab "$handler" "$((2 * n))" "$(scaled 300 20)" "http://127.0.0.1:$port/small" -k
			run_ab "$handler" "$((n / 20))" 10 "http://127.0.0.1:$port/large" -k
			curl -sf --limit-rate 20M --max-time 60 "http://127.0.0.1:$port/large" -o got
			cmp got site/large
			kill "$server"
			wait_for "$server" || fail "$handler: lighttpd ended with $?"
			! grep -v 'server started\|server stopped' error ||
				fail "$handler: lighttpd complains"
		done
	done
	nta_at_least $((12 * n))
}

shows()
{
	[[ $(curl -sf --max-time 60 "http://127.0.0.1:$1/dir/page") == "$2" ]]
}

# What is cached is looked at again when its directory has changed, and not before
# 16 seconds otherwise: so many changes in time are events.
stat_cache_sees_changes()
{
	local handler i server port=8290 text

	mkdir -p site/dir
	for handler in "${handlers[@]}"; do
		port=$((port + 1))
		text=begin
		echo "$text" > site/dir/page
		cat > conf <<-END
		server.document-root = "$PWD/site"
		server.bind = "127.0.0.1"
		server.port = $port
		server.event-handler = "$handler"
		server.stat-cache-engine = "kevent"
		server.errorlog = "$PWD/error"
		END
		"$top/obj/src/lighttpd" -D -f conf -m "$top/obj/src/.libs" &
		server=$!
		wait_until answers "$port"
		shows "$port" "$text" || fail "$handler: no page"
		for ((i = 0; i < 40; i++)); do
			text=$text.$i
			case $((i % 4)) in
			0) echo "$text" > site/dir/page ;;
			1) echo "$text" > site/dir/new && mv site/dir/new site/dir/page ;;
			2) rm site/dir/page && echo "$text" > site/dir/page ;;
			3) mv site/dir site/old && mkdir site/dir && echo "$text" > site/dir/page &&
				rm -r site/old ;;
			esac
			wait_until shows "$port" "$text"
		done
		kill "$server"
		wait_for "$server" || fail "$handler: lighttpd ended with $?"
		! grep -v 'server started\|server stopped' error || fail "$handler: it complains"
	done
	nta_at_least 400
}

guest_main "$@" -- \
	own_tests_pass_on_epoll \
	own_tests_pass_on_kevent \
	serves_all \
	stat_cache_sees_changes
