# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What all guest scenarios share. A scenario file says ". lib.sh", defines one
# function per scenario and ends with
#
#   guest_main "$@" -- FUNCTION... [-- FUNCTION...]
#
# which prints KTAP: one point per scenario, named FILE.FUNCTION. Arguments of
# the file choose scenarios by glob; -l lists them. With SHORT=1 those behind a
# second -- are left out.
#
# A scenario runs in a subshell with errexit, in a folder and a cgroup of its
# own, so a failing command fails it and nothing that it starts outlives it.
# It passes if, besides, after everything is torn down
#
#   - it said how many packet buffers its traffic needs (nta_at_least), and NTA
#     handed out that many;
#   - debugfs nta/check says ok: the conservation law holds, no rule is broken;
#   - no more chunks are in use than before: nothing leaked;
#   - NTA refused no free and quarantined nothing.
#
# Environment: SHORT=1 scales down (set by itself in a kernel with KASAN),
# SHORT=0 never; NTA_STAT, NTA_CHECK other files than the kernel's (for
# harness.sh); LEAK_CHECK=0 leaves the scan for leaks to the caller.

set -uo pipefail

# The folder of all this, wherever a scenario works.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

NTA_STAT=${NTA_STAT:-/proc/net/stat/nta}
NTA_CHECK=${NTA_CHECK:-/sys/kernel/debug/nta/check}
KMEMLEAK=/sys/kernel/debug/kmemleak
# Switched off when the kernel was started: as if it were not there.
[[ " $(< /proc/cmdline) " != *" kmemleak=off "* ]] || KMEMLEAK=/none
CGROUP=/sys/fs/cgroup/scenario
WORK=/tmp/scenario

# Unpacked once for all files.
[[ -e /tmp/kconfig ]] || gunzip -c /proc/config.gz > /tmp/kconfig
KCONFIG=$(< /tmp/kconfig)

# Never ready to be read: what tick() waits on.
exec {TICK}<> <(:)

has_config()
{
	[[ $KCONFIG == *$'\n'"CONFIG_$1=y"* ]]
}

if [[ -z ${SHORT:-} ]]; then
	SHORT=0
	! has_config KASAN || SHORT=1
fi
export SHORT
# A hang ends by these, nothing else depends on them: seconds to wait for one
# thing, seconds for a scenario.
DEADLINE=${DEADLINE:-$((SHORT ? 300 : 100))}
LIMIT=${LIMIT:-$((4 * DEADLINE))}

# The first number, or the second one when time is short.
scaled()
{
	echo "$((SHORT ? $2 : $1))"
}

# === Saying and waiting ======================================================

say()
{
	printf '# %s\n' "$*"
}

fail()
{
	say "$*"
	exit 1
}

# End the scenario as skipped.
skip()
{
	echo "$*" > "$WORK/skipped"
	exit 4
}

tick()
{
	read -rt 0.05 -u "$TICK" _ || true
}

# Poll a command until it succeeds or the deadline has passed.
wait_until()
{
	local end=$((SECONDS + DEADLINE))

	until "$@"; do
		if ((SECONDS >= end)); then
			say "not within $DEADLINE s: $*"
			return 1
		fi
		tick
	done
}

# Wait for a process that was started here; its status.
wait_for()
{
	if ! wait_until has_ended "$1"; then
		say "it is $(tr '\0' ' ' < "/proc/$1/cmdline"), in $(< "/proc/$1/syscall")"
		return 1
	fi
	wait "$1"
}

has_ended()
{
	! kill -0 "$1" 2> /dev/null
}

is_equal()
{
	[[ $1 == "$2" ]] || fail "${3:-value}: $1, expected $2"
}

is_at_least()
{
	[[ $1 -ge $2 ]] || fail "${3:-value}: $1, expected $2 or more"
}

# Run a command after the scenario, however it ends.
defer()
{
	printf '%q ' "$@" >> "$WORK/deferred"
	echo >> "$WORK/deferred"
}

# Write to a file under /proc or /sys and put the old content back afterwards.
set_for_now()
{
	defer write_to "$1" "$(< "$1")"
	echo "$2" > "$1"
}

write_to()
{
	echo "$2" > "$1"
}

# A test program beside this file: none of its points may fail or be skipped.
# test_program NAME [ARGUMENT...]
test_program()
{
	local status=0 totals

	"$here/$1" "${@:2}" > log 2>&1 || status=$?
	grep -E "^# [0-9]+ (bad releases|interests)" log || true
	totals=$(grep "^# Totals:" log) || totals="# no totals"
	echo "$totals"
	[[ $status -eq 0 && $totals == *" fail:0 "*" skip:0 error:0" ]] && return
	grep -vE "^(ok|#  RUN|#            OK|# Totals)" log | head -n 40 |
		sed 's/^#* */# /' || true
	# The first check that failed: where, and what was expected.
	fail "$1: status $status $(grep -m 1 -E '^# [a-z_]+\.c:[0-9]+:' log || true)"
}

# === NTA's own view ==========================================================

# Sum over all CPUs of a counter, in REPLY.
nta_sum()
{
	local -a lines words
	local line

	mapfile -t lines < "$NTA_STAT"
	for line in "${lines[@]}"; do
		[[ $line == "$1 "* ]] || continue
		read -ra words <<< "$line"
		local IFS=+
		REPLY=$((${words[*]:1}))
		return
	done
	fail "no counter '$1' in $NTA_STAT"
}

nta_get()
{
	nta_sum "$1"
	echo "$REPLY"
}

# Chunks in use, held, or on their way home, in REPLY; counted with the machine
# stopped.
nta_live()
{
	local verdict

	verdict=$(< "$NTA_CHECK")
	[[ $verdict =~ allocated\ ([0-9]+)\ =\ freed\ ([0-9]+) ]] ||
		fail "$NTA_CHECK says '$verdict'"
	REPLY=$((BASH_REMATCH[1] - BASH_REMATCH[2]))
}

# A counter has grown by so much since a value.
nta_grew()
{
	nta_sum "$1"
	((REPLY >= $2 + $3))
}

# Fill a receiver's buffer and drop it: NTA grows by what it held and has it
# lying idle afterwards. grow_nta DATAGRAMS
grow_nta()
{
	local receiver

	make_payload payload $(($1 * 1400))
	spawn east socat -u UDP4-RECV:5001,rcvbuf=67108864 OPEN:/dev/null
	receiver=$REPLY
	wait_until is_listening east udp 5001
	kill -STOP "$receiver"
	# Again, if there is no memory for the way there: fault.sh.
	wait_until in_ns west socat -u -b 1400 OPEN:payload UDP4:10.1.0.2:5001
	nta_get node_bytes > full
	kill -KILL "$receiver"
}

nta_check()
{
	local verdict

	verdict=$(< "$NTA_CHECK")
	[[ $verdict == ok* ]] && return
	say "nta/check: ${verdict:-nothing}"
	return 1
}

# Allocations and frees of sizes from $1 to $2 bytes, summed: "allocs frees".
nta_sizes()
{
	awk -v lo="$1" -v hi="$2" 'NR > 1 && $1 >= lo && $1 <= hi { a += $2; f += $3 }
		END { print a + 0, f + 0 }' /sys/kernel/debug/nta/sizes
}

# The scenario's claim: its traffic takes at least so many buffers from NTA.
nta_at_least()
{
	local claim=$1 before

	before=$(< "$WORK/allocs")
	echo "$claim" > "$WORK/claim"
	nta_grew allocs "$before" "$claim" && return
	fail "NTA handed out $((REPLY - before)) chunks, this traffic needs $claim or more"
}

# Buffers that a CPU keeps for later wait for its next softirq: give it one.
nta_poke()
{
	local cpu

	for cpu in $(online_cpus); do
		taskset -c "$cpu" ping -q -c 1 -W 5 127.0.0.1 > /dev/null || true
	done
}

nta_is_back_at()
{
	nta_live
	((REPLY <= $1)) && return
	((++POLLS % 10)) || nta_poke
	return 1
}

# Wait until no more than so many chunks are in use.
nta_quiesce()
{
	POLLS=0
	wait_until nta_is_back_at "$1" && return
	nta_live
	say "$REPLY chunks in use, $1 before: leaked"
	return 1
}

online_cpus()
{
	local dir

	for dir in /sys/devices/system/cpu/cpu[0-9]*; do
		[[ -e $dir/online && $(< "$dir/online") == 0 ]] || echo "${dir##*cpu}"
	done
}

# Every ping asks for time stamps, for which the kernel patches its receive path
# when the first one comes and when the last one goes. Emulation with a thread per
# CPU has been seen to stumble over that ("Oops: int3" in netif_rx_internal()), so
# one ping stays.
hold_time_stamps()
{
	[[ -z ${STAMPS_HELD:-} ]] || return 0
	ping -q -i 3600 127.0.0.1 > /dev/null &
	STAMPS_HELD=$!
	export STAMPS_HELD
	# shellcheck disable=SC2064 # expand now
	trap "kill $!" EXIT
}

# === Leaks ===================================================================

leaks_clear()
{
	[[ -e $KMEMLEAK ]] || return 0
	echo scan > "$KMEMLEAK"
	echo clear > "$KMEMLEAK"
}

# Two scans, the last one six seconds or more after what is looked at: kmemleak
# reports nothing younger than five, and nothing that it sees for the first time.
leaks_found()
{
	local since=$SECONDS

	[[ -e $KMEMLEAK ]] || return 1
	echo scan > "$KMEMLEAK" || { say "kmemleak does not scan"; return 0; }
	while ((SECONDS - since < 7)); do
		tick
	done
	echo scan > "$KMEMLEAK"
	grep -q . "$KMEMLEAK" || return 1
	head -n 60 "$KMEMLEAK" | sed 's/^/# /'
}

# === Network =================================================================

# Run in a namespace.
in_ns()
{
	local ns=$1; shift

	nsenter "--net=/run/netns/$ns" "$@"
}

# The process that was last started in each namespace.
declare -A NS_PID=()

# Start in a namespace, in the background; its process in REPLY.
spawn()
{
	local ns=$1; shift

	nsenter "--net=/run/netns/$ns" "$@" &
	REPLY=$!
	NS_PID[$ns]=$REPLY
}

# What busy servers need; what makes sockets without a process go soon, but not
# while a slow machine is about to answer: three seconds; nobody is told to slow
# down; no packets but those of the scenario.
NS_SETUP='
	cd /proc/sys/net
	echo 8192 > core/somaxconn
	echo 8192 > ipv4/tcp_max_syn_backlog
	echo 1024 65535 > ipv4/ip_local_port_range
	echo 3 > ipv4/tcp_orphan_retries
	echo 1 > ipv4/tcp_fin_timeout
	echo 0 > ipv4/icmp_ratelimit
	echo 0 > ipv6/icmp/ratelimit
	echo 0 > ipv6/conf/default/accept_dad
	echo 0 > ipv6/conf/default/router_solicitations
'

# Make namespaces.
net_ns()
{
	local ns

	for ns in "$@"; do
		ip netns add "$ns"
		in_ns "$ns" bash -ec "$NS_SETUP ip link set lo up"
	done
}

# Address of a namespace made by net_pair, by IP version.
addr_of()
{
	local host=1

	[[ $1 == west ]] || host=2
	if [[ $2 == 4 ]]; then
		echo "10.1.0.$host"
	else
		echo "fd01::$host"
	fi
}

# The same as socat wants it.
socat_addr()
{
	if [[ $2 == 4 ]]; then
		addr_of "$@"
	else
		echo "[$(addr_of "$@")]"
	fi
}

#   west                     east
#   w0 10.1.0.1 -----------  e0 10.1.0.2
#      fd01::1                  fd01::2
net_pair()
{
	# The wire comes last: devices take over the defaults that are there.
	net_ns west east
	ip link add w0 mtu "$1" netns west type veth peer name e0 mtu "$1" netns east
	in_ns east bash -ec '
		ip -batch - <<-END
		addr add 10.1.0.2/24 dev e0
		addr add fd01::2/64 dev e0 nodad
		link set e0 up
		END'
	# The ends get to know each other: no later packet waits for an address.
	in_ns west bash -ec '
		ip -batch - <<-END
		addr add 10.1.0.1/24 dev w0
		addr add fd01::1/64 dev w0 nodad
		link set w0 up
		END
		until ping -q -4 -c 1 -W 5 10.1.0.2; do :; done
		until ping -q -6 -c 1 -W 5 fd01::2; do :; done' > "$WORK/ping"
}

# Switch features of both ends of the pair.
pair_features()
{
	in_ns west ethtool -K w0 "$@" > "$WORK/ethtool"
	in_ns east ethtool -K e0 "$@" > "$WORK/ethtool"
}

# SNMP counter of a namespace: snmp NS NAME
snmp()
{
	in_ns "$1" nstat -asz "$2" | awk -v name="$2" '$1 == name { print $2; found = 1 }
		END { exit !found }'
}

# Interface counter: link_stat NS DEV rx|tx packets|bytes|dropped
link_stat()
{
	ip -n "$1" -s -j link show "$2" | jq -e ".[0].stats64.$3.$4"
}

# is_listening NS tcp|udp PORT, for the process last started there, which may
# not end meanwhile.
is_listening()
{
	local port state=0A line file
	local -a lines

	has_ended "${NS_PID[$1]}" && fail "who was to listen at $2 port $3 has ended"
	[[ $2 == tcp ]] || state=07
	printf -v port %04X "$3"
	for file in "/proc/${NS_PID[$1]}/net/$2" "/proc/${NS_PID[$1]}/net/${2}6"; do
		mapfile -t lines < "$file" || return
		for line in "${lines[@]}"; do
			[[ $line != *:"$port "*:"0000 $state "* ]] || return 0
		done
	done
	return 1
}

# Does a server on this machine take connections at a port?
answers()
{
	(: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

# The report of ab in a file tells of so many requests, all answered as they should.
# ab_has_all FILE REQUESTS
ab_has_all()
{
	is_equal "$(sed -n 's/^Complete requests: *//p' "$1")" "$2" "complete requests"
	is_equal "$(sed -n 's/^Failed requests: *//p' "$1")" 0 "failed requests"
	! grep -q 'Non-2xx\|Write errors' "$1" || fail "$(grep 'Non-2xx\|Write' "$1")"
}

# The report of memcaslap in a file tells of no value that was lost, not compared, or
# another one than was written.
memcaslap_has_all()
{
	local line

	for line in get_misses verify_misses verify_failed; do
		is_equal "$(sed -n "s/^$line: //p" "$1")" 0 "memcaslap: $line"
	done
}

# What a log of lighttpd complains of, besides PATTERN: complaints FILE [PATTERN]. It
# reads two clocks one after the other, and a second may begin in between.
complaints()
{
	grep -v "server started\\|server stopped\\|clock jumped -1 secs${2:+\\|$2}" "$1"
}

# Random bytes, so that nothing can match by accident.
make_payload()
{
	head -c "$2" /dev/urandom > "$1"
}

has_size()
{
	[[ -e $1 && $(stat -c %s "$1") -ge $2 ]]
}

# Carry a file over TCP and compare:
# tcp_transfer FROM TO VERSION FILE [OPTIONS-OF-BOTH]
tcp_transfer()
{
	local from=$1 to=$2 ip=$3 file=$4 options=${5:-} server addr

	addr=$(socat_addr "$to" "$ip")
	rm -f "$WORK/got"
	spawn "$to" socat -u "TCP$ip-LISTEN:5000,reuseaddr$options" \
		"OPEN:$WORK/got,creat,excl"
	server=$REPLY
	wait_until is_listening "$to" tcp 5000
	in_ns "$from" socat -u "OPEN:$file" "TCP$ip:$addr:5000$options"
	wait_for "$server"
	cmp "$file" "$WORK/got" || fail "TCP/IPv$ip $from to $to: what came is not what was sent"
}

# The same over UDP, in datagrams of SIZE bytes; all of the file must fit into
# the receiver's buffer, so nothing may get lost:
# udp_transfer FROM TO VERSION FILE SIZE [OPTION-OF-SENDER]
udp_transfer()
{
	local from=$1 to=$2 ip=$3 file=$4 size=$5 option=${6:-} server addr

	addr=$(socat_addr "$to" "$ip")
	rm -f "$WORK/got"
	spawn "$to" socat -u -b 65536 "UDP$ip-RECV:5001,rcvbuf=33554432" \
		"OPEN:$WORK/got,creat,excl"
	server=$REPLY
	wait_until is_listening "$to" udp 5001
	in_ns "$from" socat -u -b "$size" "OPEN:$file" "UDP$ip:$addr:5001$option"
	wait_until has_size "$WORK/got" "$(stat -c %s "$file")" ||
		fail "UDP/IPv$ip: $(stat -c %s "$WORK/got") bytes came"
	kill "$server"
	cmp "$file" "$WORK/got" || fail "UDP/IPv$ip $from to $to: what came is not what was sent"
}

# Serve DIR over HTTP in a namespace: start_lighttpd NS DIR
start_lighttpd()
{
	cat > "$WORK/lighttpd.conf" <<-END
	server.document-root = "$2"
	server.bind = "0.0.0.0"
	server.port = 80
	server.modules = ()
	server.max-fds = 16384
	server.max-connections = 8192
	server.listen-backlog = 8192
	server.max-keep-alive-requests = 1000000
	server.errorlog = "$WORK/lighttpd.log"
	END
	spawn "$1" lighttpd -D -f "$WORK/lighttpd.conf"
	wait_until is_listening "$1" tcp 80
}

# Processes of start_load.
LOAD=()

# Endless bulk traffic from west to east and back, TCP and UDP, until the
# scenario ends. It yields to what the scenario does meanwhile.
start_load()
{
	local port

	for port in 5301 5302; do
		spawn east nice -n 19 iperf3 -s -p "$port" > "$WORK/iperf3.$port" 2>&1
		LOAD+=("$REPLY")
		wait_until is_listening east tcp "$port"
	done
	spawn west nice -n 19 iperf3 -c 10.1.0.2 -p 5301 -t 3600 -b 100M --bidir > "$WORK/load.tcp" 2>&1
	LOAD+=("$REPLY")
	spawn west nice -n 19 iperf3 -c 10.1.0.2 -p 5302 -t 3600 -u -b 20M > "$WORK/load.udp" 2>&1
	LOAD+=("$REPLY")
	load_goes_on
}

# Stop it, in the middle of whatever it does.
end_load()
{
	local pid

	kill -KILL "${LOAD[@]}"
	for pid in "${LOAD[@]}"; do
		wait_for "$pid" 2> /dev/null || true
	done
	LOAD=()
}

# Packets that the receiving end of the load has seen, in REPLY.
load_packets()
{
	local -a lines words
	local line

	# Of the namespace that the first process of the load is in.
	mapfile -t lines < "/proc/${LOAD[0]}/net/dev"
	for line in "${lines[@]}"; do
		read -ra words <<< "$line"
		[[ ${words[0]} != e0: ]] || REPLY=${words[2]}
	done
}

load_has_passed()
{
	load_packets
	((REPLY >= $1))
}

# Fail unless packets still flow.
load_goes_on()
{
	load_packets
	wait_until load_has_passed $((REPLY + 50)) || fail "the load has stopped"
}

# === Running =================================================================

teardown()
{
	local line ns

	if [[ -e $CGROUP/cgroup.kill ]]; then
		echo 1 > "$CGROUP/cgroup.kill"
		wait_until cgroup_is_empty
	fi
	if [[ -e $WORK/deferred ]]; then
		while read -r line; do
			eval "$line" || say "could not undo: $line"
		done < <(tac "$WORK/deferred")
	fi
	for ns in /run/netns/*; do
		[[ ! -e $ns ]] || echo "netns del ${ns##*/}"
	done | ip -batch -
}

cgroup_is_empty()
{
	[[ $(< "$CGROUP/cgroup.events") == *"populated 0"* ]]
}

# Run one scenario with all the checks. 0 passed, 4 skipped, else failed.
run_scenario()
{
	local name=$1 status bad refused quarantined watchdog

	rm -rf "$WORK"
	mkdir -p "$WORK" "$CGROUP"
	nta_sum bad_frees; refused=$REPLY
	nta_sum quarantined; quarantined=$REPLY
	nta_get allocs > "$WORK/allocs"

	(
		read -rt "$LIMIT" -u "$TICK" _
		say "not done within $LIMIT s"
		echo 1 > "$CGROUP/cgroup.kill"
	) &
	watchdog=$!
	(
		echo "$BASHPID" > "$CGROUP/cgroup.procs"
		cd "$WORK" || exit 1
		set -eE
		trap 'say "line $LINENO: $BASH_COMMAND"' ERR
		"$name"
	) 2> "$WORK/stderr"
	status=$?
	kill "$watchdog"
	wait "$watchdog" 2> /dev/null
	teardown 2>> "$WORK/stderr" || status=1

	if [[ $status -eq 0 && ! -e $WORK/claim ]]; then
		say "the scenario did not say what traffic it had"
		status=1
	fi
	nta_check || bad=1
	nta_quiesce "$LIVE" || bad=1
	nta_live
	# What leaked once is not held against the scenarios after.
	LIVE=$REPLY
	nta_sum bad_frees
	[[ $REPLY -eq $refused ]] || { say "$((REPLY - refused)) frees were refused"; bad=1; }
	nta_sum quarantined
	[[ $REPLY -eq $quarantined ]] || { say "$((REPLY - quarantined)) chunks quarantined"; bad=1; }
	[[ -z ${bad:-} ]] || status=1
	if [[ $status -ne 0 && $status -ne 4 ]]; then
		tail -n 20 "$WORK/stderr" | sed 's/^/#   /'
	fi
	return "$status"
}

guest_main()
{
	local file=${0##*/} name pattern started verdict status n=0 failed=0
	local -a patterns=() names=() chosen=()

	file=${file%.sh}
	while [[ $1 != -- ]]; do
		patterns+=("$1")
		shift
	done
	shift
	for name in "$@"; do
		if [[ $name != -- ]]; then
			names+=("$name")
		elif [[ $SHORT -eq 1 ]]; then
			break
		fi
	done
	set -- "${names[@]}"
	if [[ ${patterns[0]:-} == -l ]]; then
		printf "$file.%s\n" "$@"
		return 0
	fi
	[[ ${#patterns[@]} -gt 0 ]] || patterns=('*')
	for name in "$@"; do
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2053 # a glob is meant
			if [[ $name == $pattern ]]; then
				chosen+=("$name")
				break
			fi
		done
	done

	echo "KTAP version 1"
	if [[ ! -r $NTA_STAT || ! -r $NTA_CHECK ]]; then
		echo "Bail out! no $NTA_STAT or $NTA_CHECK: a kernel without NTA"
		return 1
	fi
	if [[ ${#chosen[@]} -eq 0 ]]; then
		echo "Bail out! no scenario ${patterns[*]} in $file; -l lists them"
		return 1
	fi
	sysctl -qw net.core.rmem_max=67108864 net.core.wmem_max=67108864 \
		net.core.netdev_max_backlog=20000
	hold_time_stamps
	[[ ${LEAK_CHECK:-1} == 0 ]] || leaks_clear
	nta_live
	LIVE=$REPLY
	echo "1..${#chosen[@]}"
	for name in "${chosen[@]}"; do
		started=$SECONDS
		# Not as part of a list: errexit would be off inside.
		run_scenario "$name"
		status=$?
		verdict=ok
		if [[ $status -ne 0 && $status -ne 4 ]]; then
			verdict="not ok"
			failed=1
		fi
		if [[ $status -eq 4 ]]; then
			echo "ok $((++n)) $file.$name # SKIP $(< "$WORK/skipped")"
		else
			echo "$verdict $((++n)) $file.$name"
		fi
		say "$((SECONDS - started)) s"
	done
	if [[ ${LEAK_CHECK:-1} != 0 ]] && leaks_found; then
		echo "Bail out! kmemleak found leaks after $file"
		failed=1
	fi
	return "$failed"
}
