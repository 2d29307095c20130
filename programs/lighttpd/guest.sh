#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the guest: lighttpd with the back end of kevent.patch. Its own tests pass,
# and it serves every request, on kevent as on epoll; who misbehaves does it no harm.

# shellcheck source-path=SCRIPTDIR source=../../tests/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

top=$here/lighttpd
handlers=(linux-sysepoll linux-kevent)
declare -A queues=([linux-sysepoll]='[eventpoll]' [linux-kevent]='[kevent]')

# lighttpd's tests, with a line more in its configurations; all are run, and the
# names of those that failed left in the file failed: own_tests HANDLER
own_tests()
{
	local handler=$1 file program points

	: > failed
	rm -rf tree
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
		(cd tree/obj/src && "./t/${program##*/}") > log 2>&1 && continue
		tail -n 5 log | sed 's/^/# /'
		echo "${program##*/}" >> failed
	done
	(cd tree/obj/tests && "$srcdir/prepare.sh" && perl "$srcdir/run-tests.pl") > log 2>&1 || true
	sed 's/^/# /' log
	points=$(sed -n 's/^Files=\([0-9]*\), Tests=\([0-9]*\),.*/\2/p' log)
	grep -q '^Result: PASS' log && [[ ${points:-0} -ge 100 ]] || echo run-tests.pl >> failed
}

# On epoll only to say more of a failure.
own_tests_pass()
{
	local failed

	own_tests linux-kevent
	if [[ -s failed ]]; then
		failed=$(< failed)
		own_tests linux-sysepoll
		fail "these fail: ${failed//$'\n'/ }; on epoll: $(tr '\n' ' ' < failed)"
	fi
	nta_at_least 500
}

# run_ab HANDLER REQUESTS CONCURRENCY URL [OPTION...]
run_ab()
{
	local requests=$2

	ab -q -s 120 -n "$requests" -c "$3" "${@:5}" "$4" > load || fail "$(tail -n 3 load)"
	ab_has_all load "$requests"
	say "$1, ab -n $requests -c $3 ${*:5}: $(sed -n 's/^Requests per second: *//p' load)"
}

# The same load on both: connections kept and not, small and large, one worker and
# three, a client that is slower than the server.
serves_all()
{
	local handler n server port=8280 workers

	n=$(scaled 1000 100)
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
			run_ab "$handler" "$((n / 20))" 5 "http://127.0.0.1:$port/large" -k
			curl -sf --limit-rate 20M --max-time 60 "http://127.0.0.1:$port/large" -o got
			cmp got site/large
			kill "$server"
			wait_for "$server" || fail "$handler: lighttpd ended with $?"
			! complaints error || fail "$handler: lighttpd complains"
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
	local handler i n server port=8290 text

	n=$(scaled 40 8)
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
		for ((i = 0; i < n; i++)); do
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
		! complaints error || fail "$handler: it complains"
	done
	nta_at_least $((10 * n))
}

# With a page of so many bytes and lines more in its configuration; in REPLY its process.
# start_kevent PORT BYTES LINE...
start_kevent()
{
	local port=$1 bytes=$2; shift 2

	mkdir -p site
	head -c $((bytes * 3 / 4)) /dev/urandom | base64 -w 0 > site/index.html
	{
		cat <<-END
		server.document-root = "$PWD/site"
		server.bind = "127.0.0.1"
		server.port = $port
		server.event-handler = "linux-kevent"
		server.modules = ("mod_indexfile")
		index-file.names = ("index.html")
		server.max-keep-alive-requests = 1000000
		server.errorlog = "$PWD/error"
		END
		printf '%s\n' "$@"
	} > conf
	"$top/obj/src/lighttpd" -D -f conf -m "$top/obj/src/.libs" &
	REPLY=$!
	wait_until answers "$port"
	"$here/evabuse" "$port" half
}

# Descriptors of a process and interests of its queues, in REPLY. Some may be closed
# meanwhile.
holds()
{
	local fds=("/proc/$1/fd/"*)

	REPLY="${#fds[@]} $({ cat "/proc/$1/fdinfo/"* || true; } |
		awk '/^interests:/ { sum += $2 } END { print sum + 0 }')"
}

# No more than DESCRIPTORS and INTERESTS; files that it keeps open may be closed by now.
# holds_again PROCESS DESCRIPTORS INTERESTS
holds_again()
{
	holds "$1"
	((${REPLY% *} <= $2 && ${REPLY#* } <= $3))
}

# Nothing happens, and so it does next to nothing: each second it looks at its clock,
# which is less than ten calls. One that spins makes thousands. is_idle PROCESS WHEN
is_idle()
{
	local calls

	# With -c strace counts none that it does not know, as kevent's.
	timeout -s INT 4 strace -f -o calls -p "$1" 2> strace.err || true
	calls=$(wc -l < calls)
	say "$calls system calls $2"
	is_at_least "$calls" 1 "system calls $2"
	[[ $calls -lt 100 ]] || fail "it spins $2: $(tail -n 3 calls)"
}

ends_well()
{
	kill "$1"
	wait_for "$1" || fail "lighttpd ended with $?"
	! grep fdevent error || fail "complaints of the event handler"
}

# All is as it was before: abuse PROCESS PORT KIND...
abuse()
{
	local server=$1 port=$2 base kind

	holds "$server"
	base=$REPLY
	for kind in "${@:3}"; do
		# shellcheck disable=SC2086 # a kind and its numbers
		"$here/evabuse" -a "$port" $kind || fail "$kind: exit status $?"
		# shellcheck disable=SC2086 # two numbers
		wait_until holds_again "$server" $base || fail "after $kind: $REPLY, before: $base"
	done
	is_idle "$server" "after bad clients"
	ends_well "$server"
}

# Requests that are none, clients that go away at any point: it answers or closes.
bad_clients_do_no_harm()
{
	start_kevent 8301 700
	abuse "$REPLY" 8301 malformed "pipeline $(scaled 3000 500)" bytewise half \
		"reset $(scaled 500 60)" "random $(scaled 500 60) $RANDOM"
	nta_at_least "$(scaled 2000 300)"
}

# Who does not send, or does not read, for two seconds is closed. The latter cannot
# see that, so its own end is not waited for.
slow_clients_are_closed()
{
	local server client base

	start_kevent 8302 60000 'server.max-read-idle = 2' 'server.max-keep-alive-idle = 2' \
		'server.max-write-idle = 2' 'debug.log-timeouts = "enable"'
	server=$REPLY
	holds "$server"
	base=$REPLY
	"$here/evabuse" 8302 stall &
	client=$!
	wait_until grep -qs 'timed out after writing' error
	# shellcheck disable=SC2086 # two numbers
	wait_until holds_again "$server" $base || fail "$REPLY, before: $base"
	kill -0 "$client" || fail "the client has ended"
	kill "$client"
	abuse "$server" 8302 slow
	nta_at_least 10
}

# More connections than it has descriptors: they wait, it does not spin, and when
# there are descriptors again it goes on.
connections_wait_for_descriptors()
{
	local server base i fd
	local -a fds=()

	start_kevent 8303 700 'server.max-fds = 64'
	server=$REPLY
	holds "$server"
	base=$REPLY
	"$here/evabuse" 8303 crowd 200
	for ((i = 0; i < 100; i++)); do
		exec {fd}<> /dev/tcp/127.0.0.1/8303
		fds+=("$fd")
	done
	holds "$server"
	say "100 connections: descriptors and interests $REPLY, before: $base"
	is_idle "$server" "without descriptors"
	for fd in "${fds[@]}"; do
		exec {fd}>&-
	done
	"$here/evabuse" 8303 crowd 200
	# shellcheck disable=SC2086 # two numbers
	wait_until holds_again "$server" $base || fail "$REPLY, before: $base"
	ends_well "$server"
	nta_at_least $((4 * 500))
}

guest_main "$@" -- \
	serves_all \
	stat_cache_sees_changes \
	bad_clients_do_no_harm \
	slow_clients_are_closed \
	connections_wait_for_descriptors \
	-- \
	own_tests_pass
