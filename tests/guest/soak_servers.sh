#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Servers on kevent under mixed load for a long time, inside the guest.
#
#   soak_servers.sh SECONDS
#
# Servers, up from the beginning to the end: evserver twice on each of its engines,
# once for clients that behave and once for those that do not, and once with workers;
# lighttpd, if it was built, on kevent and on epoll; nginx, redis and memcached with
# epoll's calls on kevent; memcached on libevent on kevent, if that was built.
#
# Rounds, until the time is over: all clients at once, each of which looks at every
# answer, and a sniffer; in every second round net.core.nta is turned off and on. After
# each round, when all is quiet, a line: requests answered so far, TCP sockets, KiB of
# unreclaimable slab but for sockets in TIME_WAIT, NTA's nodes, and of each server KiB of
# memory / descriptors / interests in kevent's queues. The latter two, sockets and network
# buffers must be back where they were before the first round; memory must not grow
# from the second round on, when all that is allocated once is there. At last every
# server ends on SIGTERM, with status 0, and evserver's counts are what its clients
# counted.
# Exit: 0 all of it was so, 1 not, 2 wrong call.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR source=soak_lib.sh
. "$here/soak_lib.sh"
# shellcheck source-path=SCRIPTDIR source=soak_load.sh
. "$here/soak_load.sh"

# KiB that a server may have more than after the second round, by how many connections
# it had at once at the most.
RSS_SPREAD=2048
# NTA's nodes, for the same reason.
NODES_SPREAD=64
# KiB of values that memcached may keep: it takes more until there are so many.
CACHE=32768
ENGINES=(kevent-ring kevent epoll poll io_uring)
NTA_SWITCH=/proc/sys/net/core/nta

WORK=/tmp/soak
site=$WORK/site
names=()
declare -A PORT=() PID=() PIDS=() RSS=() FDS=() KEVENTS=()
declare -A BASE_RSS=() BASE_FDS=() BASE_KEVENTS=()
# What a client is, by process.
declare -A CLIENT=()

# === Servers =================================================================

# serve NAME PORT COMMAND...: not to be waited for here
serve()
{
	local name=$1

	names+=("$name")
	PORT[$name]=$2
	"${@:3}" > "$name.log" 2> "$name.err" &
	PID[$name]=$!
}

# No time may be over, however slow the machine is.
lighttpd_config()
{
	cat <<-END
	server.document-root = "$site"
	server.bind = "127.0.0.1"
	server.port = $2
	server.event-handler = "$1"
	server.modules = ("mod_indexfile")
	index-file.names = ("small")
	server.max-fds = 4096
	server.max-keep-alive-requests = 1000000
	server.max-keep-alive-idle = 600
	server.max-read-idle = 600
	server.max-write-idle = 600
	server.errorlog = "$WORK/lighttpd-$1.errors"
	END
}

nginx_config()
{
	cat <<-END
	daemon off;
	worker_processes 2;
	error_log stderr warn;
	pid $WORK/nginx.pid;
	user root;
	events { use epoll; worker_connections 1024; }
	http {
		access_log off;
		sendfile on;
		keepalive_requests 1000000;
		keepalive_timeout 600;
		client_header_timeout 600;
		send_timeout 600;
		client_body_temp_path $WORK/a; proxy_temp_path $WORK/b;
		fastcgi_temp_path $WORK/c; uwsgi_temp_path $WORK/d; scgi_temp_path $WORK/e;
		server { listen 127.0.0.1:$1 backlog=4096; root $site; index small; }
	}
	END
}

start_servers()
{
	local engine port=8000 handler name
	local evserver=("$here/evserver" --bind 127.0.0.1 --json --timeout 600)
	local shim=(env "LD_PRELOAD=$here/kevent-epoll.so")

	for engine in "${ENGINES[@]}"; do
		serve "$engine" $((++port)) "${evserver[@]}" -e "$engine" -p "$port" -f "$site/small"
		serve "rough-$engine" $((++port)) "${evserver[@]}" -e "$engine" -p "$port" -f "$site/small"
	done
	serve workers $((++port)) "${evserver[@]}" -e kevent-ring -p "$port" -f "$site/large" --workers 3
	if [[ -x $here/lighttpd/lighttpd ]]; then
		for handler in linux-kevent linux-sysepoll; do
			lighttpd_config "$handler" $((++port)) > "$handler.conf"
			serve "lighttpd-$handler" "$port" "$here/lighttpd/lighttpd" -D \
				-f "$handler.conf" -m "$here/lighttpd"
		done
	else
		say "no lighttpd: programs/lighttpd/build was not run"
	fi
	nginx_config $((++port)) > nginx.conf
	serve nginx "$port" "${shim[@]}" nginx -c "$WORK/nginx.conf" -e stderr
	serve redis $((++port)) "${shim[@]}" redis-server --port "$port" --bind 127.0.0.1 --save '' \
		--appendonly no
	serve memcached $((++port)) "${shim[@]}" memcached -u root -l 127.0.0.1 -p "$port" -U 0 \
		-t 2 -m $((CACHE / 1024))
	if [[ -x $here/libevent/memcached ]]; then
		serve memcached-libevent $((++port)) env "LD_LIBRARY_PATH=$here/libevent" \
			"$here/libevent/memcached" -u root -l 127.0.0.1 -p "$port" -U 0 -t 2 \
			-m $((CACHE / 1024))
	else
		say "no memcached on libevent on kevent: programs/libevent/build was not run"
	fi
	for name in "${names[@]}"; do
		wait_until answers "${PORT[$name]}" || fail "$name: $(< "$name.err")"
		PIDS[$name]="${PID[$name]} $(pgrep -P "${PID[$name]}" | tr '\n' ' ')"
	done
}

# Of a server and its workers, in RSS, FDS and KEVENTS: KiB of their own in memory, which
# a ring that is mapped is not; open descriptors; interests in queues of kevent.
measure()
{
	local name=$1 pid line rss=0 fds=0 kevents=0
	local -a lines

	# shellcheck disable=SC2086 # processes
	for pid in ${PIDS[$name]}; do
		lines=("/proc/$pid/fd/"*)
		fds=$((fds + ${#lines[@]}))
		mapfile -t lines < <(cat "/proc/$pid/status" "/proc/$pid/fdinfo/"* 2> /dev/null)
		for line in "${lines[@]}"; do
			case $line in
			RssAnon:*) line=${line//[!0-9]/}; rss=$((rss + line)) ;;
			interests:*) kevents=$((kevents + ${line//[!0-9]/})) ;;
			esac
		done
	done
	RSS[$name]=$rss FDS[$name]=$fds KEVENTS[$name]=$kevents
}

is_back()
{
	measure "$1"
	((FDS[$1] <= BASE_FDS[$1] && KEVENTS[$1] <= BASE_KEVENTS[$1]))
}

# === Rounds ==================================================================

# client FUNCTION SERVER [ARGUMENT...]
client()
{
	("$@") > client.$((${#CLIENT[@]} + 1)) 2>&1 &
	CLIENT[$!]="$((${#CLIENT[@]} + 1)) $*"
}

start_clients()
{
	local name

	for name in "${names[@]}"; do
		case $name in
		rough-*)
			client load_abuse "$name" malformed "pipeline 300" bytewise half "reset 30" \
				"random 30 $RANDOM"
			client load_wrk "$name" / 10
			;;
		workers)
			client load_ab "$name" / 40 10
			client load_slow "$name" / large 500K
			;;
		lighttpd-*|nginx)
			client load_ab "$name" /small 150 30
			client load_ab "$name" /small 300 30 -k
			client load_wrk "$name" /small 10
			client load_slow "$name" /large large 500K
			client load_abuse "$name" half "reset 30" "random 30 $RANDOM"
			;;
		redis)
			client load_redis "$name" 300
			;;
		memcached*)
			client load_memcached "$name" 1000
			;;
		*)
			client load_ab "$name" / 150 30
			client load_ab "$name" / 300 30 -k
			# It never sleeps.
			[[ $name != kevent* ]] || client load_httperf "$name" / 20 5
			;;
		esac
	done
}

# Wait for all of them. With a mask, net.core.nta is 0 or that in turn,
# as they end.
finish_clients()
{
	local pid status failed=0

	while [[ ${#CLIENT[@]} -gt 0 ]]; do
		status=0
		wait -n -p pid "${!CLIENT[@]}" || status=$?
		if [[ $status -ne 0 ]]; then
			say "${CLIENT[$pid]#* }: exit status $status"
			sed 's/^#* */#   /' "client.${CLIENT[$pid]%% *}" | head -n 10
			failed=1
		fi
		unset "CLIENT[$pid]"
		[[ -z ${1:-} ]] || echo $((${#CLIENT[@]} % 2 ? 0 : $1)) > "$NTA_SWITCH"
	done
	return "$failed"
}

round()
{
	local sniffer failed=0 mask

	mask=$(< "$NTA_SWITCH")
	"$here/zcsniff" -n -i lo -w /dev/null --json=sniff.json tcp > sniff.out 2>&1 &
	sniffer=$!
	start_clients
	if (($1 % 2)); then
		finish_clients || failed=1
	else
		finish_clients "$mask" || failed=1
	fi
	echo "$mask" > "$NTA_SWITCH"
	kill "$sniffer"
	wait "$sniffer" || { say "zcsniff: $?: $(tail -n 3 sniff.out)"; failed=1; }
	jq -e '.shown > 0' sniff.json > jq.out || { say "the sniffer saw nothing"; failed=1; }
	return "$failed"
}

# No more TCP sockets than there were; those in TIME_WAIT are none. A server may hold
# one without a descriptor, in a ring of io_uring.
no_more_sockets()
{
	SOCKETS=$(sed -n 's/^TCP:.* alloc \([0-9]*\).*/\1/p' /proc/net/sockstat)
	((SOCKETS <= ${BASE_SOCKETS:=$SOCKETS}))
}

# Sockets in TIME_WAIT stay for a minute, as many as the machine had time for: KiB of
# their slabs, in REPLY.
time_wait()
{
	local cache slabs order sum=0

	for cache in tw_sock_TCP tcp_bind_bucket tcp_bind2_bucket; do
		read -r slabs _ < "$slab/$cache/slabs"
		read -r order < "$slab/$cache/order"
		sum=$((sum + (4 * slabs << order)))
	done
	REPLY=$sum
}

# All is back, nothing grows: look ROUND
look()
{
	local name failed=0 nodes slab_kib spread all=''

	for name in "${names[@]}"; do
		if ! wait_until is_back "$name"; then
			say "$name: ${FDS[$name]} descriptors, ${KEVENTS[$name]} kevents;" \
				"${BASE_FDS[$name]} and ${BASE_KEVENTS[$name]} before"
			failed=1
		fi
		all+=" $name ${RSS[$name]}/${FDS[$name]}/${KEVENTS[$name]}"
	done
	wait_until no_more_sockets || { say "$SOCKETS sockets, $BASE_SOCKETS before"; failed=1; }
	nta_quiesce "$LIVE" || failed=1
	nta_check || failed=1
	nta_sum nodes
	nodes=$REPLY
	unreclaimable
	slab_kib=$REPLY
	time_wait
	slab_kib=$((slab_kib - REPLY))
	if [[ $1 -eq 2 ]]; then
		BASE_SLAB=$slab_kib BASE_NODES=$nodes
		for name in "${names[@]}"; do
			BASE_RSS[$name]=${RSS[$name]}
		done
	fi
	printf 'round %d, %d s: %d requests, %d sockets, slab %d KiB, %d nodes;%s\n' "$1" \
		"$SECONDS" "$(awk '{ sum += $2 } END { print sum + 0 }' tally)" "$SOCKETS" \
		"$slab_kib" "$nodes" "$all"
	[[ $1 -gt 2 ]] || return "$failed"
	is_flat slab "$slab_kib" "$BASE_SLAB" "$SPREAD" || failed=1
	is_flat "NTA's nodes" "$nodes" "$BASE_NODES" "$NODES_SPREAD" || failed=1
	for name in "${names[@]}"; do
		spread=$RSS_SPREAD
		[[ $name != memcached* ]] || spread=$((spread + CACHE))
		is_flat "$name" "${RSS[$name]}" "${BASE_RSS[$name]}" "$spread" || failed=1
	done
	return "$failed"
}

# is_flat WHAT NOW AFTER-ROUND-2 SPREAD
is_flat()
{
	(($2 <= $3 + $4)) && return
	say "$1 is not flat: $2, $3 after round 2"
	return 1
}

# === The end =================================================================

# evserver's counts are what its clients counted; of one whose clients end in the
# middle of requests, no less.
counts_are_right()
{
	local name=$1 number condition

	number=$(awk -v name="$name" '$1 == name { sum += $2 } END { print sum + 0 }' tally)
	condition="(map(.requests) | add) == $number and (map(.resets + .cut) | add) == 0 and
		(map(.replies[\"4xx\"] + .replies[\"5xx\"]) | add) == 0"
	[[ $name != rough-* ]] || condition="(map(.requests) | add) >= $number"
	# The first line says where it listens.
	tail -n +2 "$name.log" | jq -se "$condition and (map(.timeouts + .pauses) | add) == 0" \
		> jq.out && return
	say "$name: its clients got $number; it says: $(tail -n +2 "$name.log")"
	return 1
}

stop_servers()
{
	local name status failed=0

	kill "${PID[@]}"
	for name in "${names[@]}"; do
		status=0
		wait_for "${PID[$name]}" || status=$?
		[[ $status -eq 0 ]] || { say "$name: exit status $status"; failed=1; }
		[[ ! -s $name.err ]] || { sed "s/^/# $name: /" "$name.err" | head -n 5; failed=1; }
		case $name in
		rough-*|workers|kevent*|epoll|poll|io_uring) counts_are_right "$name" || failed=1 ;;
		lighttpd-*)
			# Random bytes are no request, and may begin like TLS.
			! complaints "$name.errors" 'sending Status 400\|TLS ClientHello' || failed=1
			;;
		esac
	done
	return "$failed"
}

main()
{
	local n=0 failed=0 name at

	if [[ $# -ne 1 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
		sed -n '4,22s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	fi
	caches_are_there || exit 1
	rm -rf "$WORK"
	mkdir -p "$site"
	cd "$WORK" || exit 1
	: > tally
	# evabuse takes text only.
	head -c 525 /dev/urandom | base64 -w 0 > "$site/small"
	head -c 1000000 /dev/urandom > "$site/large"
	ulimit -n 65536
	# Nobody is told to slow down. With fewer sockets in TIME_WAIT than there are, the
	# client of a server that closes first is reset before it has read everything.
	sysctl -qw net.core.netdev_max_backlog=20000 net.core.somaxconn=8192 \
		net.ipv4.tcp_max_syn_backlog=8192 net.ipv4.tcp_max_tw_buckets=262144 \
		net.ipv4.ip_local_port_range="16384 65535"
	hold_time_stamps
	nta_live
	LIVE=$REPLY

	start_servers
	# What they allocate, or keep open, with the first request.
	for name in "${names[@]}"; do
		for at in small large; do
			[[ $name != lighttpd-* && $name != nginx ]] || load_slow "$name" "/$at" "$at" 0
		done
	done
	for name in "${names[@]}"; do
		measure "$name"
		BASE_FDS[$name]=${FDS[$name]} BASE_KEVENTS[$name]=${KEVENTS[$name]}
	done
	wait_until no_more_sockets
	while [[ $failed -eq 0 && ($SECONDS -lt $1 || $n -lt 3) ]]; do
		n=$((n + 1))
		round "$n" || failed=1
		look "$n" || failed=1
	done
	stop_servers || failed=1
	settle || { say "$REPLY kevents left"; failed=1; }
	return "$failed"
}

main "$@"
