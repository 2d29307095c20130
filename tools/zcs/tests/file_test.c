// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files: gathered output, pcapng read back by libpcap, rotation.
 *
 * writev() is replaced: it writes as few bytes as it likes.
 */

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static bool writev_is_short;

ssize_t __real_writev(int fd, const struct iovec *iov, int nr);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int nr);

ssize_t __wrap_writev(int fd, const struct iovec *iov, int nr)
{
	if (nr > OUT_IOVS) {
		errno = EINVAL;
		return -1;
	}
	if (!writev_is_short)
		return __real_writev(fd, iov, nr);
	return write(fd, iov->iov_base, 1 + random_u32() % iov->iov_len);
}

static char *path_in(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	return path;
}

void test_out(void)
{
	struct out *out = malloc(sizeof(*out));
	char got[64] = "";
	FILE *f = tmpfile();

	out_init(out, fileno(f), "file");
	memcpy(out_room(out), "one ", 4);
	out_commit(out, out_room(out) + 4);
	memcpy(out_room(out), "two ", 4);
	out_commit(out, out_room(out) + 4);
	out_refer(out, "three ", 6);
	ok(out->nr == 2, "output: staged bytes in a row are one item, a reference is another");
	memcpy(out_room(out), "four", 4);
	out_commit(out, out_room(out) + 4);
	out->size = 18;
	writev_is_short = true;
	ok(!out_flush(out) && !out->nr && out->written == 18, "output: short writes go on");
	writev_is_short = false;
	ok(pread(fileno(f), got, sizeof(got), 0) == 18 && !strcmp(got, "one two three four"),
	   "output: all is written, in order");
	fclose(f);

	out_init(out, open("/dev/full", O_WRONLY), "full");
	out_refer(out, "x", 1);
	out->size = 1;
	ok(out_flush(out) == -ENOSPC, "output: a full disk is told");
	close(out->fd);
	free(out);
}

/* What a file was made of */
struct expected {
	uint8_t		bytes[FAKE_PACKET];
	size_t		len;
	uint32_t	wire_len;
	uint64_t	ts_ns;
};

/* Libpcap finds these packets in the file, and no others. */
static bool reads_back(const char *path, const struct expected *e, unsigned int nr)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO,
							       err);
	struct pcap_pkthdr *hdr;
	const uint8_t *data;
	bool same = true;
	unsigned int i;

	if (!pcap) {
		fprintf(stderr, "# %s\n", err);
		return false;
	}
	for (i = 0; i < nr && same; i++, e++) {
		same = pcap_next_ex(pcap, &hdr, &data) == 1 && hdr->caplen == e->len &&
		       hdr->len == e->wire_len && !memcmp(data, e->bytes, e->len) &&
		       (uint64_t)hdr->ts.tv_sec * 1000000000 + (uint64_t)hdr->ts.tv_usec ==
		       e->ts_ns;
		if (!same)
			fprintf(stderr, "# packet %u is another: %s\n", i, pcap_geterr(pcap));
	}
	same = same && pcap_next_ex(pcap, &hdr, &data) == PCAP_ERROR_BREAK;
	pcap_close(pcap);
	return same;
}

static void write_file(struct fake *f, const char *path, unsigned int snaplen)
{
	struct options opts = { .write = path, .filter = (char *)"udp", .snaplen = snaplen };
	struct writer *w = writer_open(&opts);
	struct zcs_packet pkt;

	if (!w)
		return;
	while (zcs_next(&f->z, &pkt) > 0) {
		if (!out_fits(&w->out, PCAPNG_STAGE, PCAPNG_ITEMS))
			writer_flush(w);
		if (pcapng_packet(&w->file, &w->out, &f->z, &pkt))
			break;
	}
	writer_close(w, &f->z);
	zcs_release(&f->z);
}

/* Every length to 300 and some beyond, in every way. */
static void test_lengths(const char *dir)
{
	struct expected *e = calloc(420, sizeof(*e));
	char *path = path_in(dir, "lengths.pcapng");
	unsigned int nr = 0, i, batch;
	bool same = true;
	struct fake f;

	fake_init(&f, 2, 0);
	for (i = 15; i < 400; ) {
		unsigned int first = nr;

		for (batch = 0; batch < 20 && i < 400; batch++, i++) {
			size_t len = i < 300 ? i : (i - 299) * 600;
			uint8_t *b = e[nr].bytes;
			size_t j;

			for (j = 0; j < len; j++)
				b[j] = (uint8_t)random_u32();
			e[nr].len = len;
			e[nr].wire_len = (uint32_t)len;
			e[nr].ts_ns = 1700000000123456789ULL + i * 1000;
			fake_add(&f, i % 2, e[nr].ts_ns, b, len,
				 len > ZCS_HEAD_LEN ? 1 + i % 20 : 0);
			nr++;
		}
		f.used = 0;
		write_file(&f, path, 0);
		same = same && reads_back(path, e + first, nr - first);
	}
	ok(same, "pcapng: libpcap reads what was written, in nanoseconds");
	writev_is_short = true;
	nr = 0;
	for (i = 0; i < 10; i++)
		fake_add(&f, 0, e[300 + i].ts_ns, e[300 + i].bytes, e[300 + i].len, 3);
	write_file(&f, path, 0);
	writev_is_short = false;
	ok(reads_back(path, e + 300, 10), "pcapng: whole after short writes");
	write_file(&f, path, 0);
	ok(reads_back(path, NULL, 0), "pcapng: a file without packets");
	fake_uninit(&f);
	free(path);
	free(e);
}

/* The tag that the kernel keeps beside the bytes comes back into them. */
static void test_tag(const char *dir)
{
	struct expected *e = calloc(2, sizeof(*e));
	char *path = path_in(dir, "tag.pcapng");
	struct zcs_desc *d;
	uint8_t bare[2000];
	unsigned int i;
	struct fake f;
	size_t len;

	fake_init(&f, 1, 0);
	for (i = 0; i < 2; i++) {
		size_t payload = i ? 1000 : 20;

		len = packet_udp4(bare, payload);
		d = fake_add(&f, 0, 5000 + i, bare, len, i);
		d->flags |= ZCS_F_VLAN;
		d->vlan_tci = 0x6007;
		d->vlan_proto = 0x0081;		/* 0x8100 in network byte order */
		e[i].len = packet_vlan(e[i].bytes, payload);
		e[i].wire_len = (uint32_t)e[i].len;
		e[i].ts_ns = 5000 + i;
	}
	write_file(&f, path, 0);
	ok(reads_back(path, e, 2), "pcapng: a VLAN tag is where it was on the wire");

	len = packet_udp4(bare, 1000);
	d = fake_add(&f, 0, 5001, bare, 100, 0);
	d->wire_len = (uint32_t)len;
	d->flags |= ZCS_F_VLAN | ZCS_F_TRUNC;
	d->vlan_tci = 0x6007;
	d->vlan_proto = 0x0081;
	e[1].len = 100;
	write_file(&f, path, 100);
	ok(reads_back(path, e + 1, 1), "pcapng: the tag counts for the snapshot length");
	fake_uninit(&f);
	free(path);
	free(e);
}

/* A first part that only the snapshot has; the second one has the rest. */
static void test_head_part(const char *dir)
{
	struct expected *e = calloc(4, sizeof(*e));
	char *path = path_in(dir, "head.pcapng");
	unsigned int i;
	struct fake f;

	fake_init(&f, 1, 0);
	for (i = 0; i < 4; i++) {
		/* The first one goes the long way, no interface being known. */
		uint32_t first = i < 2 ? 66 : i < 3 ? 128 : 14;
		struct zcs_desc *d;

		e[i].len = packet_tcp6(e[i].bytes, i < 3 ? 1000 : 300);
		e[i].wire_len = (uint32_t)e[i].len;
		e[i].ts_ns = 6000 + i;
		d = fake_add(&f, 0, e[i].ts_ns, e[i].bytes, e[i].len, 1);
		d->nr_segs = 2;
		d->seg[1] = d->seg[0];
		d->seg[1].off += first;
		d->seg[1].len -= first;
		d->seg[0] = (struct zcs_seg){ .len = first, .flags = ZCS_SEG_HEAD };
	}
	write_file(&f, path, 0);
	ok(reads_back(path, e, 4), "pcapng: a first part that is in the snapshot only");
	fake_uninit(&f);
	free(path);
	free(e);
}

/* Left for tshark, which knows the options. */
static void write_mixed(const char *dir)
{
	char *path = path_in(dir, "mixed.pcapng");
	struct zcs_desc *d;
	uint8_t p[4000];
	struct fake f;

	fake_init(&f, 2, 0);
	fake_add(&f, 0, 1700000000000000001ULL, p, packet_udp4(p, 1200), 2);
	d = fake_add(&f, 1, 1700000000000000002ULL, p, packet_tcp6(p, 30), 0);
	d->direction = ZCS_DIR_OUT;
	d->pkt_type = 4;
	d->missed = 3;
	d->seq = 17;
	d = fake_add(&f, 1, 1700000000000000003ULL, p + 14, packet_udp4(p, 900) - 14, 1);
	d->flags &= ~ZCS_F_LINK;
	d->protocol = 0x0008;			/* IPv4 */
	d->hw_type = 65534;
	d->ifindex = 99999;
	packet_arp(p);
	d = fake_add(&f, 0, 1700000000000000004ULL, p, 300, 1);
	d->flags &= ~ZCS_F_LINK;
	d->hw_type = 824;
	d->ifindex = 0;
	fake_add(&f, 0, 1700000000000000005ULL, p, packet_arp(p), 0);
	d = fake_add(&f, 0, 1700000000000000006ULL, p, packet_arp(p), 0);
	d->ifindex = 88888;
	d = fake_add(&f, 0, 1700000000000000007ULL, p, packet_arp(p), 0);
	d->ifindex = 88888;
	d->netns = 5;
	fake_add(&f, 0, 1700000000000000008ULL, p, packet_arp(p), 0);
	write_file(&f, path, 0);
	ok(!access(path, R_OK), "pcapng: a file with several interfaces");
	fake_uninit(&f);
	free(path);
}

void test_pcapng(const char *dir)
{
	test_lengths(dir);
	test_tag(dir);
	test_head_part(dir);
	write_mixed(dir);
}

/* Packets of 1000 bytes, one a second, into files; how many there are. */
static unsigned int rotate(const char *dir, struct options *opts, const char *name,
			   unsigned int packets, int *ret)
{
	char *path = path_in(dir, name);
	struct zcs_packet pkt;
	uint8_t p[2000];
	struct fake f;
	struct writer *w;
	unsigned int i, opened = 1;
	size_t len = packet_udp4(p, 900);

	opts->write = path;
	opts->filter = (char *)"";
	*ret = 0;
	fake_init(&f, 1, 0);
	w = writer_open(opts);
	for (i = 0; w && i < packets && !*ret; i++) {
		f.used = 0;
		fake_add(&f, 0, (w->since_s + (opts->file_seconds ? 1 : 0)) * 1000000000, p, len,
			 1);
		zcs_next(&f.z, &pkt);
		if (writer_is_due(w, pkt.desc->ts_ns)) {
			*ret = writer_rotate(w, &f.z, pkt.desc->ts_ns);
			opened++;
		}
		if (!*ret)
			pcapng_packet(&w->file, &w->out, &f.z, &pkt);
		writer_flush(w);
		zcs_release(&f.z);
	}
	if (w)
		writer_close(w, &f.z);
	else
		*ret = -1;
	fake_uninit(&f);
	free(path);
	return opened;
}

static bool exists(const char *dir, const char *name)
{
	char *path = path_in(dir, name);
	bool there = !access(path, R_OK);

	free(path);
	return there;
}

void test_rotation(const char *dir)
{
	struct options opts = { .file_size = 5000 };
	int ret;

	ok(!writer_open(&(struct options){ .write = "/dev/full", .filter = (char *)"" }),
	   "rotation: a full disk is told at once");

	ok(rotate(dir, &opts, "size", 12, &ret) == 3 && exists(dir, "size") &&
	   exists(dir, "size1") && exists(dir, "size2") && !exists(dir, "size3"),
	   "rotation: by size, numbers from the second file on");
	opts.max_files = 11;
	ok(rotate(dir, &opts, "wheel", 60, &ret) == 12 && exists(dir, "wheel00") &&
	   exists(dir, "wheel10") && !exists(dir, "wheel11"),
	   "rotation: the first file again after so many");
	opts = (struct options){ .file_seconds = 1, .max_files = 2 };
	ok(rotate(dir, &opts, "time%s", 5, &ret) == 3 && ret == 1,
	   "rotation: by time, the capture ends after so many");
	opts = (struct options){ .file_seconds = 1 };
	rotate(dir, &opts, "none/there", 1, &ret);
	ok(ret == -1, "rotation: a folder that is not there");
}
