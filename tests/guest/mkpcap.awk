#!/usr/bin/gawk -bf
# SPDX-License-Identifier: GPL-2.0-only
#
# Write a capture file of frames that are hard on an allocator: every kind below
# in odd sizes up to a jumbo frame. Same arguments, same bytes.
#
#   gawk -b -v max=9000 -v step=1001 -f mkpcap.awk > FILE
#
#   max    longest payload of an Ethernet frame
#   step   between the sizes that are not near a power of two
#
# Kinds: an ethertype of nobody's, IPv4 and IPv6 UDP, VLAN and double VLAN, ARP,
# IPv4 and IPv6 fragments, 802.3 with a length. Sizes: around powers of two and
# multiples of a cache line. Checksums of IPv4 headers are right, those of UDP
# are not made. On standard error: how many frames.

function le16(n) { return sprintf("%c%c", n % 256, int(n / 256) % 256) }
function le32(n) { return le16(n % 65536) le16(int(n / 65536)) }
function be16(n) { return sprintf("%c%c", int(n / 256) % 256, n % 256) }

# A frame as the file keeps it: time, length there, length on the wire.
function frame(data)
{
	printf "%s%s%s%s%s", le32(1000000000 + frames), le32(0), le32(length(data)),
		le32(length(data)), data
	frames++
}

# Bytes that differ from place to place and from frame to frame.
function pattern(len,    i, s)
{
	while (length(s) < len) {
		for (i = 0; i < 64; i++)
			s = s sprintf("%c", (i * 7 + frames * 13 + length(s) / 64) % 256)
	}
	return substr(s, 1, len)
}

function checksum(s,    i, sum)
{
	for (i = 1; i <= length(s); i += 2)
		sum += ord[substr(s, i, 1)] * 256 + ord[substr(s, i + 1, 1)]
	while (sum > 65535)
		sum = sum % 65536 + int(sum / 65536)
	return 65535 - sum
}

function udp(len)
{
	return be16(4000) be16(5000) be16(len + 8) be16(0) pattern(len)
}

# offset: of a fragment, in units of 8; more: another one follows
function ipv4(payload, offset, more,    head, tail)
{
	head = "\x45\x00" be16(20 + length(payload)) be16(frames % 65536) \
		be16(offset + more * 8192) "\x40\x11"
	tail = "\x0a\x01\x00\x01\x0a\x01\x00\x02"
	return head be16(checksum(head "\0\0" tail)) tail payload
}

function ipv6(payload, nexthdr)
{
	return "\x60\0\0\0" be16(length(payload)) sprintf("%c", nexthdr) "\x40" \
		"\xfd\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x01" \
		"\xfd\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x02" payload
}

function all_kinds(size,    cut)
{
	frame(ether "\x88\xb5" pattern(size))
	if (size >= 28) {
		frame(ether "\x08\x00" ipv4(udp(size - 28), 0, 0))
		frame(ether "\x81\x00\x00\x2a\x08\x00" ipv4(udp(size - 28), 0, 0))
		frame(ether "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" pattern(size - 8))
	}
	if (size >= 48) {
		frame(ether "\x86\xdd" ipv6(udp(size - 48), 17))
		frame(ether "\x81\x00\x00\x07\x86\xdd" ipv6(udp(size - 48), 17))
	}
	if (size >= 52 && size + 4 <= max)
		frame(ether "\x81\x00\x00\x07\x81\x00\x00\x08\x86\xdd" ipv6(udp(size - 48), 17))
	if (size >= 128) {
		cut = int((size - 28) / 16)
		frame(ether "\x08\x00" ipv4(pattern(cut * 8), 0, 1))
		frame(ether "\x08\x00" ipv4(pattern(size - 28 - cut * 8), cut, 0))
		frame(ether "\x86\xdd" ipv6("\x11\0" be16(1) be16(0) be16(frames) pattern(cut * 8), 44))
	}
	if (size <= 1500)
		frame(ether be16(size) pattern(size))
}

BEGIN {
	for (i = 0; i < 256; i++)
		ord[sprintf("%c", i)] = i
	ether = "\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
	printf "%s", le32(2712847316) le16(2) le16(4) le32(0) le32(0) le32(262144) le32(1)
	for (size = 1; size < max; size *= 2) {
		for (odd = -1; odd <= 1; odd++)
			if (size + odd > 0 && size + odd <= max)
				all_kinds(size + odd)
	}
	for (size = 50; size <= max; size += step)
		all_kinds(size)
	all_kinds(max)
	print frames > "/dev/stderr"
}
