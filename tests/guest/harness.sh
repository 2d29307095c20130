#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The scenarios' own checks: each must fail a scenario that deserves it.
#
#   harness.sh        KTAP; exit 0 if all the bad scenarios failed as they should
#
# Every case is a small scenario file of its own, run with its output kept.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(mktemp -d /tmp/harness.XXXXXX)
n=0
failed=0

# expect VERDICT PATTERN NAME [VARIABLE=VALUE...] < BODY: run a scenario with
# that body. Its first test point must be VERDICT and its output match PATTERN.
expect()
{
	local verdict=$1 pattern=$2 name=$3

	{
		printf '. %q/lib.sh\nscenario()\n{\n' "$here"
		cat
		# shellcheck disable=SC2016 # for the scenario file
		printf '}\nguest_main "$@" -- scenario\n'
	} > "$top/case.sh"
	env LEAK_CHECK=0 DEADLINE=30 TOP="$top" "${@:4}" bash "$top/case.sh" > "$top/out" 2>&1
	n=$((n + 1))
	if grep -qE "^$verdict 1 case.scenario" "$top/out" && grep -qE "$pattern" "$top/out"; then
		echo "ok $n harness.$name"
	else
		sed 's/^/#   /' "$top/out"
		echo "# expected: $verdict, and /$pattern/"
		echo "not ok $n harness.$name"
		failed=1
	fi
}

# Counters as NTA shows them, to be falsified.
fake_stat()
{
	printf 'allocs 5 6\nfrees 5 6\nbad_frees 0 0\nquarantined 0 0\n' > "$top/stat"
	echo "ok: allocated 11 = freed 11" > "$top/check"
}

echo "KTAP version 1"
echo "1..14"

expect ok '' a_good_scenario_passes <<'END'
	ping -q -c 1 127.0.0.1
	nta_at_least 1
END

expect 'not ok' 'line [0-9]+: false' a_failing_command_fails <<'END'
	false
	nta_at_least 0
END

expect 'not ok' 'differ' other_bytes_than_sent_fail <<'END'
	make_payload a 1000
	make_payload b 1000
	cmp a b || fail "files differ"
	nta_at_least 0
END

expect 'not ok' 'did not say what traffic' a_scenario_without_a_claim_fails <<'END'
	true
END

expect 'not ok' 'handed out [0-9]+ chunks, this traffic needs 1000000000' \
	traffic_that_bypasses_nta_fails <<'END'
	ping -q -c 1 127.0.0.1
	nta_at_least 1000000000
END

expect 'not ok' 'not within 2 s: false' waiting_in_vain_fails DEADLINE=2 <<'END'
	wait_until false
	nta_at_least 0
END

# A socket outside the scenario's reach keeps a packet.
expect 'not ok' 'chunks in use, [0-9]+ before: leaked' a_buffer_still_in_use_fails DEADLINE=5 <<'END'
	socat -u UDP4-RECV:5009 OPEN:/dev/null &
	echo "$!" > "$TOP/pid"
	echo "$!" > /sys/fs/cgroup/cgroup.procs
	until [[ -n $(ss -Hlun "sport = :5009") ]]; do tick; done
	kill -STOP "$!"
	head -c 1000 /dev/urandom | socat -u - UDP4:127.0.0.1:5009
	nta_at_least 1
END
kill -KILL "$(< "$top/pid")"

fake_stat
expect 'not ok' '1 chunks in use, 0 before: leaked' a_chunk_that_stays_away_fails \
	NTA_STAT="$top/stat" NTA_CHECK="$top/check" DEADLINE=2 <<'END'
	sed -i 's/^allocs 5 6/allocs 5 7/' "$TOP/stat"
	echo "ok: allocated 12 = freed 11" > "$TOP/check"
	nta_at_least 1
END

fake_stat
expect 'not ok' 'nta/check: FAIL: two free chunks touch' a_broken_law_fails \
	NTA_STAT="$top/stat" NTA_CHECK="$top/check" <<'END'
	echo "FAIL: two free chunks touch: allocated 11 = freed 11" > "$TOP/check"
	nta_at_least 0
END

fake_stat
expect 'not ok' '2 frees were refused' a_refused_free_fails \
	NTA_STAT="$top/stat" NTA_CHECK="$top/check" <<'END'
	sed -i 's/^bad_frees 0 0/bad_frees 0 2/' "$TOP/stat"
	nta_at_least 0
END

fake_stat
expect 'not ok' '1 chunks quarantined' a_quarantined_chunk_fails \
	NTA_STAT="$top/stat" NTA_CHECK="$top/check" <<'END'
	sed -i 's/^quarantined 0 0/quarantined 1 0/' "$TOP/stat"
	nta_at_least 0
END

# A process that is left behind is gone afterwards.
expect ok '' nothing_outlives_its_scenario <<'END'
	setsid bash -c 'echo "$$" > "$TOP/pid"; exec tail -f /dev/null' &
	wait_until test -s "$TOP/pid"
	nta_at_least 0
END
if kill -0 "$(< "$top/pid")" 2> /dev/null; then
	echo "Bail out! a process outlived its scenario"
	failed=1
fi

expect 'not ok' 'not done within 3 s' a_scenario_that_hangs_fails LIMIT=3 <<'END'
	tail -f /dev/null
	nta_at_least 0
END

expect ok 'SKIP no such thing' a_skip_says_why <<'END'
	skip "no such thing"
END

rm -rf "$top"
exit "$failed"
