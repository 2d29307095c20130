#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the guest: libevent on kevent. Its own tests, with those that fail tried again and then on
# epoll, where they must fail as well to be forgiven; and a program of Debian's
# with the library in place of its own.

# They sleep a lot.
LIMIT=${LIMIT:-1800}
# shellcheck source-path=SCRIPTDIR source=../../tests/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
libevent=$here/libevent
export LD_LIBRARY_PATH=$libevent

# The back end that a program of libevent chooses.
method_is()
{
	EVENT_SHOW_METHOD=1 "$libevent/test/test-init" 2>&1 | grep -qx ".*libevent using: $1" ||
		fail "libevent does not use $1"
}

# Run regress on what is chosen; the full names of tests that failed in FAILED[].
# regress [NAME...]
regress()
{
	local status=0

	"$libevent/test/regress" "$@" > log 2>&1 || status=$?
	mapfile -t FAILED < <(grep -aoE '^[a-z0-9_]+/[a-z0-9_.]+: |\[[a-z0-9_]+ FAILED\]' log |
		awk '/FAILED/ { print name; next } { name = substr($1, 1, length($1) - 1) }')
	tail -n 1 log | sed 's/^/# /'
	if [[ $status -ne 0 && ${#FAILED[@]} -eq 0 ]]; then
		tail -n 20 log | sed 's/^/# /'
		fail "regress: exit status $status"
	fi
	! grep -qE "^0 tests ok" log || fail "regress ran nothing"
}

# All of it; what fails has two more tries by itself. Timing tests do, when the
# machine is busy.
regress_passes()
{
	local name

	regress
	for name in "${FAILED[@]}"; do
		regress "$name"
		[[ ${#FAILED[@]} -ne 0 ]] || continue
		regress "$name"
		[[ ${#FAILED[@]} -ne 0 ]] || continue
		grep -aE "FAIL" log | sed 's/^/# /'
		EVENT_NOLINUX_KEVENT=1 regress "$name"
		[[ ${#FAILED[@]} -ne 0 ]] || fail "$name fails on linux-kevent, and not on epoll"
		say "$name fails on epoll, too"
	done
}

small_tests_pass()
{
	local name

	method_is linux-kevent
	for name in eof closed weof time changelist fdleak dumpevents; do
		"$libevent/test/test-$name" > log 2>&1 ||
			fail "test-$name: exit status $?: $(tail -n 1 log)"
	done
	nta_at_least 0
}

regress_passes_on_kevent()
{
	method_is linux-kevent
	regress_passes
	nta_at_least 0
}

regress_passes_in_debug_mode()
{
	method_is linux-kevent
	export EVENT_DEBUG_MODE=1
	regress_passes
	nta_at_least 0
}

# Many values, from one of several clients at once.
client()
{
	local i line

	exec 3<> /dev/tcp/127.0.0.1/11311
	for ((i = 0; i < 100; i++)); do
		printf 'set %s 0 0 6\r\nv%05d\r\nget %s\r\n' "k$1" "$i" "k$1" >&3
		for line in STORED "VALUE k$1 0 6" "$(printf 'v%05d' "$i")" END; do
			read -r -t "$DEADLINE" -u 3 || return 1
			[[ $REPLY == "$line"$'\r' ]] || return 1
		done
	done
}

is_serving()
{
	(exec 3<> /dev/tcp/127.0.0.1/11311) 2> /dev/null
}

a_program_of_debian_runs()
{
	local i pid
	local -a clients=()

	EVENT_SHOW_METHOD=1 "$libevent/memcached" -u root -l 127.0.0.1 -p 11311 -t 2 \
		> log 2>&1 &
	pid=$!
	wait_until is_serving
	# One base for each thread of its own, one for the listener.
	grep -q "libevent using: linux-kevent" log || fail "memcached does not use linux-kevent"
	! grep "libevent using" log | grep -qv "linux-kevent" || fail "one base is of another kind"
	for ((i = 0; i < 8; i++)); do
		client "$i" &
		clients+=("$!")
	done
	for i in "${clients[@]}"; do
		wait_for "$i" || fail "a client had a wrong answer"
	done
	kill -TERM "$pid"
	wait_for "$pid" || fail "memcached: exit status $?"
	nta_at_least 0
}

guest_main "$@" -- \
	small_tests_pass \
	a_program_of_debian_runs \
	regress_passes_on_kevent \
	-- \
	regress_passes_in_debug_mode
