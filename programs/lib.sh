# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the builds of programs/*/build share: a program's source as Debian has it now,
# with the program's kevent.patch. A build sets program and made_for, the version
# that its patch was made for, and says ". lib.sh".
#
# The source comes with apt-get source, through a configuration, lists and a cache of
# its own in build/programs/apt: the machine's are read, to know where it has its
# packages from, and not changed. Nothing is installed but what tests/deps says.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
patch=$root/programs/${program:?}/kevent.patch
work=$root/build/programs/$program
apt=$root/build/programs/apt
log=$root/build/log/$program.log
CC=gcc
! command -v ccache > /dev/null || CC="ccache gcc"
export CC

die()
{
	echo "$program: $*; the log is ${log#"$root"/}" >&2
	exit 1
}

# begin FILE...: start from nothing, unless it was all done with the same FILEs.
begin()
{
	local old=

	stamp=$(cat "${BASH_SOURCE[0]}" "$patch" "$@" | sha256sum)
	[[ ! -f $work/stamp ]] || old=$(< "$work/stamp")
	[[ $old != "$stamp" ]] || exit 0
	rm -rf "$work"
	mkdir -p "$work" "${log%/*}" "$apt"/{state/lists/partial,cache/archives/partial}
	: > "$log"
	"$root/tests/deps" programs
}

# It is all done: "src" is the version that stands in $work/src.
finish()
{
	echo "$stamp" > "$work/stamp"
	echo "$program $version: ${work#"$root"/}"
}

# apt-get, of the machine's configuration with what is for fetching only: a hook that
# runs after an update would change the machine.
private_apt()
{
	APT_CONFIG=$apt/apt.conf apt-get -q "$@"
}

write_apt_conf()
{
	apt-config dump | grep '^Acquire::' > "$apt/apt.conf" || true
	cat >> "$apt/apt.conf" <<-END
	Dir::Etc::Main "/dev/null";
	Dir::Etc::Parts "/dev/null";
	Dir::State "$apt/state";
	Dir::State::status "/var/lib/dpkg/status";
	Dir::Cache "$apt/cache";
	Dir::Log "$apt/state";
	APT::Sandbox::User "$(id -un)";
	END
}

# Where packages of Debian come from, by the lists of APT-GET, but of sources:
# debian_sources APT-GET
debian_sources()
{
	local key=/usr/share/keyrings/debian-archive-keyring.gpg

	# shellcheck disable=SC2016 # apt's own words
	"$1" indextargets --format "deb-src [signed-by=$key] "'$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Origin: Debian' 'Created-By: Packages' | grep -v -e '-backports ' | sort -u
}

# A machine without lists, such as a new container, has private ones fetched.
write_sources()
{
	write_apt_conf
	debian_sources apt-get > "$apt/sources.list" && return
	private_apt update >> "$log" 2>&1 || true
	debian_sources private_apt > "$apt/sources.list" ||
		die "apt-get update finds no packages of Debian: no network, or none in /etc/apt"
}

# Debian's source in $work/src, as Debian's own patches leave it, then patched. Builds
# may run side by side, and apt has one at a time.
get_source()
{
	local -a only=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null)
	local lock

	exec {lock}> "$apt/lock"
	flock "$lock"
	write_sources
	private_apt "${only[@]}" update >> "$log" 2>&1 || die "apt-get update failed"
	mkdir "$work/get"
	(cd "$work/get" && private_apt "${only[@]}" source "$program") >> "$log" 2>&1 ||
		die "apt-get source failed"
	exec {lock}>&-
	mv "$work/get/$program"-*/ "$work/src"
	version=$(dpkg-parsechangelog -l "$work/src/debian/changelog" -S Version)
	patch -s -p1 -d "$work/src" < "$patch" >> "$log" 2>&1 ||
		die "kevent.patch, made for ${made_for:?}, does not apply to $version"
}
