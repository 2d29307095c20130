# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the soaks share: kernel memory that is left after a round. Sourced.

slab=/sys/kernel/slab
# KiB. What per-CPU lists, and the slabs of processes that come and go, differ by.
# shellcheck disable=SC2034 # of who sources this
SPREAD=4096

# Kevent's objects can be counted.
caches_are_there()
{
	[[ -w $slab/kevent_file/shrink && ! -L $slab/kevent_file ]] && return
	echo "soak: no cache of kevent's own in $slab; boot with slab_nomerge" >&2
	return 1
}

# Objects of kevent's caches, in REPLY.
objects()
{
	local cache value

	REPLY=0
	for cache in "$slab"/kevent_file "$slab"/kevent_file_wait; do
		echo 1 > "$cache/shrink"
		read -r value _ < "$cache/objects"
		REPLY=$((REPLY + value))
	done
}

# What is freed later is freed soon: objects must be gone, in REPLY how many are
# not.
settle()
{
	local i

	for ((i = 0; i < 100; i++)); do
		objects
		[[ $REPLY -ne 0 ]] || return 0
		sleep 0.1
	done
	return 1
}

# Unreclaimable slab in KiB, in REPLY, without what is empty.
unreclaimable()
{
	local cache

	sync
	echo 3 > /proc/sys/vm/drop_caches
	for cache in "$slab"/*/shrink; do
		echo 1 > "$cache"
	done
	REPLY=$(awk '/^SUnreclaim/ { print $2 }' /proc/meminfo)
}
