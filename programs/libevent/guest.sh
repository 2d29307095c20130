#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the guest: libevent on kevent. Its own tests, with those that fail tried
# again and then on epoll, where they must fail as well to be forgiven; and a
# program of Debian's with the library in place of its own.

# shellcheck source-path=SCRIPTDIR source=../../tests/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

libevent=$here/libevent
export LD_LIBRARY_PATH=$libevent

# The back end that a program of libevent chooses.
method_is()
{
	EVENT_SHOW_METHOD=1 "$libevent/test/test-init" 2>&1 | grep -qx ".*libevent using: $1" ||
		fail "libevent does not use $1"
}

# One test of regress: ok, skipped or failed, in REPLY, and its output in a file of
# its name.
run_test()
{
	local output=results/${1//\//.}

	REPLY=failed
	"$libevent/test/regress" --timeout "$DEADLINE" "$1" > "$output" 2>&1 || return 0
	case $(< "$output") in
	*SKIPPED*) REPLY=skipped ;;
	*"1 tests ok."*) REPLY=ok ;;
	esac
}

# try_test NAME TIMES: until it does not fail
try_test()
{
	local i

	for ((i = 0; i < $2; i++)); do
		run_test "$1"
		[[ $REPLY == failed ]] || return 0
	done
	return 1
}

# Each WORKERS-th test from the given one on; what became of them, line by line.
run_part()
{
	local n

	for ((n = $1; n < ${#tests[@]}; n += workers)); do
		run_test "${tests[n]}"
		echo "$REPLY ${tests[n]}"
	done > "results/$1"
}

# The tests of regress that match REGEX, at least MINIMUM of them, without those that
# libevent has off, as they need a network or much time. Each is a process of its own,
# and many run side by side: they sleep most of the time. Some measure it, and may fail
# so: what fails has two more tries by itself. Then it must fail on epoll, too, and is
# named, or pass in three last tries: regress_passes REGEX MINIMUM
regress_passes()
{
	local i name workers pid n=0
	local -a tests=() pids=() failed=()
	local -A number=([ok]=0 [skipped]=0 [failed]=0)

	workers=$(scaled 8 4)
	mkdir results
	mapfile -t tests < <("$libevent/test/regress" --list-tests | sed -n '/(Off/d; s/^    //p' |
		grep "$1")
	for ((i = 0; i < workers; i++)); do
		run_part "$i" &
		pids+=("$!")
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	for ((i = 0; i < workers; i++)); do
		while read -r REPLY name; do
			number[$REPLY]=$((number[$REPLY] + 1))
			[[ $REPLY != failed ]] || failed+=("$name")
		done < "results/$i"
	done
	say "at once: ${number[ok]} ok, ${number[skipped]} skipped, ${number[failed]} failed"
	is_at_least "$((number[ok] + number[failed]))" "$2" "tests of regress that ran"
	is_equal "$((number[ok] + number[failed] + number[skipped]))" "${#tests[@]}" "results"
	for name in "${failed[@]}"; do
		! try_test "$name" 2 || continue
		sed 's/^/# /' "results/${name//\//.}"
		if EVENT_NOLINUX_KEVENT=1 try_test "$name" 1; then
			# On a machine that became quiet meanwhile, say.
			try_test "$name" 3 || fail "$name fails on linux-kevent, and not on epoll"
			say "$name: ok at last"
			continue
		fi
		say "$name fails on linux-kevent and on epoll"
		n=$((n + 1))
	done
	say "by themselves: $((${#failed[@]} - n)) of ${#failed[@]} ok, $n fail as on epoll"
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
	regress_passes . 340
	nta_at_least 0
}

# Of what a back end has a part in.
regress_passes_in_debug_mode()
{
	method_is linux-kevent
	export EVENT_DEBUG_MODE=1
	regress_passes '^main/\|^et/\|^signal/' 70
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
