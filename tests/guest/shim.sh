#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that know epoll only, as Debian has them, on kevent: the preloaded
# kevent-epoll.so answers their calls. Each serves the same load on epoll and on
# kevent, and all of it. The rates are shown, and nothing depends on them.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# On the debug kernel only what is tested there.
sides=(epoll kevent)
[[ $SHORT -eq 0 ]] || sides=(kevent)

# on HOW COMMAND...: run it on epoll or on kevent
on()
{
	local how=$1; shift

	if [[ $how == kevent ]]; then
		LD_PRELOAD=$here/kevent-epoll.so exec "$@"
	fi
	exec "$@"
}

# Does a process, or a child, have queues and no epoll, or the other way round?
uses()
{
	local how=$1 one=$2 other=eventpoll links

	[[ $how == kevent ]] || other=kevent
	links=$(for one in "$one" $(pgrep -P "$one"); do
		readlink "/proc/$one/fd/"* || true
	done)
	grep -q "^anon_inode:.*${how/epoll/eventpoll}" <<< "$links" ||
		fail "$how: no ${how/epoll/eventpoll}: $links"
	! grep -q "^anon_inode:.*$other" <<< "$links" || fail "$how: there is one of $other, too"
}

# The calls themselves: what a test finds that passes on epoll.
calls_are_those_of_epoll()
{
	local how points

	for how in "${sides[@]}"; do
		(on "$how" "$here/epoll-conform" "$([[ $how == epoll ]] || echo kevent)") > log ||
			fail "$how: $(grep '^not ok' log || tail -n 3 log)"
		points=$(grep -c '^ok' log)
		say "$how: $points points"
		is_at_least "$points" 130
	done
	nta_at_least 0
}

# Keys, lists, sets and hashes from 50 clients, single and in pipelines.
redis_serves()
{
	local how n server port=6390 errors tests=

	n=$(scaled 5000 100)
	for how in "${sides[@]}"; do
		(on "$how" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no) \
			> redis.log 2>&1 &
		server=$!
		wait_until answers "$port"
		uses "$how" "$server"
		redis-benchmark -p "$port" -n "$n" -c 50 -d 64 -r 1000 --csv \
			-t ping,set,get,incr,lpush,lpop,sadd,hset,lrange_100 > single.csv
		redis-benchmark -p "$port" -n "$n" -c 50 -P 16 -r 1000 --csv -t set,get > piped.csv
		sed "1d; s/^\"\([^\"]*\)\",\"\([^\"]*\)\".*/# redis on $how: \1: \2 a second/" single.csv
		errors=$(redis-cli -p "$port" info stats | tr -d '\r')
		is_equal "$(sed -n 's/^total_error_replies://p' <<< "$errors")" 0 "errors of redis"
		is_at_least "$(sed -n 's/^total_commands_processed://p' <<< "$errors")" $((11 * n))
		is_equal "$(wc -l < single.csv) $(wc -l < piped.csv)" "${tests:=$(wc -l < single.csv) 3}" "tests of redis"
		redis-cli -p "$port" shutdown nosave || true
		wait_for "$server" || fail "redis ended with $?"
		port=$((port + 1))
	done
	nta_at_least "$((2 * n))"
}

# Four threads; each value that is read is compared with what was written.
memcached_serves()
{
	local how n server port=11290

	n=$(scaled 20000 500)
	for how in "${sides[@]}"; do
		(on "$how" memcached -u root -l 127.0.0.1 -p "$port" -U 0 -t 4) > memcached.log 2>&1 &
		server=$!
		wait_until answers "$port"
		uses "$how" "$server"
		memcaslap -s "127.0.0.1:$port" -x "$n" -c 32 -T 2 -v 1 > load 2>&1 ||
			fail "$(tail -n 5 load)"
		memcaslap_has_all load
		say "memcached on $how: $(sed -n 's/.*TPS: \([0-9]*\).*/\1/p' load) a second"
		kill "$server"
		wait_for "$server" || true
		port=$((port + 1))
	done
	nta_at_least "$n"
}

nginx_config()
{
	cat <<-END
	daemon off;
	worker_processes 2;
	error_log stderr warn;
	pid $PWD/nginx.pid;
	user root;
	events { use epoll; worker_connections 2048; }
	http {
		access_log off;
		sendfile on;
		keepalive_requests 100000;
		proxy_max_temp_file_size 0;
		client_body_temp_path $PWD/a; proxy_temp_path $PWD/b; fastcgi_temp_path $PWD/c;
		uwsgi_temp_path $PWD/d; scgi_temp_path $PWD/e;
		server { listen 127.0.0.1:$1 backlog=4096; root $PWD/site; }
		server { listen 127.0.0.1:$(($1 + 1)); location / { proxy_pass http://127.0.0.1:$1; } }
	}
	END
}

# run_ab HOW REQUESTS URL [OPTION...]
run_ab()
{
	local how=$1 requests=$2 url=$3; shift 3

	ab -q -s 120 -n "$requests" "$@" "$url" > load ||
		fail "$(tail -n 3 load)"
	ab_has_all load "$requests"
	say "nginx on $how, ab $*: $(sed -n 's/^Requests per second: *\([0-9.]*\).*/\1/p' load) a second"
}

# Two workers, a file that is sent in pieces, and nginx as its own client.
nginx_serves()
{
	local how n server port=8180 at

	n=$(scaled 2000 100)
	mkdir site
	head -c 699 /dev/urandom > site/small
	head -c 3000000 /dev/urandom > site/large
	for how in "${sides[@]}"; do
		nginx_config "$port" > nginx.conf
		(on "$how" nginx -c "$PWD/nginx.conf" -e stderr) > nginx.log 2>&1 &
		server=$!
		wait_until answers "$((port + 1))"
		uses "$how" "$server"
		run_ab "$how" "$n" "http://127.0.0.1:$port/small" -c 100
		run_ab "$how" $((2 * n)) "http://127.0.0.1:$port/small" -k -c 100
		run_ab "$how" "$n" "http://127.0.0.1:$((port + 1))/small" -c 50
		for at in "$port" "$((port + 1))"; do
			curl -sf --limit-rate 20M --max-time 60 "http://127.0.0.1:$at/large" -o got
			cmp got site/large
		done
		kill -QUIT "$server"
		wait_for "$server" || fail "nginx ended with $?: $(tail -n 3 nginx.log)"
		[[ ! -s nginx.log ]] || fail "nginx says: $(head -n 3 nginx.log)"
		port=$((port + 2))
	done
	nta_at_least $((6 * n))
}

guest_main "$@" -- \
	calls_are_those_of_epoll \
	memcached_serves \
	-- \
	redis_serves \
	nginx_serves
