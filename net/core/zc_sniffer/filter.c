// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: filters - classic BPF and eBPF, before anything is held.
 *
 * A reader has one for packets with a link-layer header and one for those
 * without: the same expression means other offsets there.
 *
 * Locking: reader->mtx protects the pointers, which are read under RCU.
 */

#include <linux/bpf.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "zcs.h"

static void zcs_filter_put(struct bpf_prog *prog, bool classic)
{
	if (classic)
		bpf_prog_destroy(prog);
	else
		bpf_prog_put(prog);
}

static struct bpf_prog *zcs_filter_classic(const struct zcs_filter *f)
{
	struct sock_fprog fprog = {
		.len	= f->len,
		.filter	= u64_to_user_ptr(f->insns),
	};
	struct bpf_prog *prog;
	int err;

	if (f->prog_fd || f->len > BPF_MAXINSNS)
		return ERR_PTR(-EINVAL);
	err = bpf_prog_create_from_user(&prog, &fprog, NULL, false);
	return err ? ERR_PTR(err) : prog;
}

static struct bpf_prog *zcs_filter_ebpf(const struct zcs_filter *f)
{
	if (f->len || f->insns)
		return ERR_PTR(-EINVAL);
	return bpf_prog_get_type(f->prog_fd, BPF_PROG_TYPE_SOCKET_FILTER);
}

/**
 * zcs_filter_drop() - a filter is not used any more
 * @filter: filter that no capture sees, or NULL
 *
 * Context: Process context.
 */
void zcs_filter_drop(struct zcs_filter_prog *filter)
{
	if (!filter)
		return;
	zcs_filter_put(filter->prog, filter->classic);
	kfree(filter);
}

/**
 * zcs_reader_filter() - ZCS_IOC_FILTER
 * @r: reader
 * @f: the filter
 *
 * Context: Process context; sleeps for a grace period.
 * Return: 0, -EINVAL, -EBADF, -EFAULT or -ENOMEM.
 */
int zcs_reader_filter(struct zcs_reader *r, const struct zcs_filter *f)
{
	struct zcs_filter_prog *new = NULL, *old;
	struct bpf_prog *prog;

	if (f->link >= ZCS_NR_LINKS || f->reserved)
		return -EINVAL;
	switch (f->kind) {
	case ZCS_FILTER_NONE:
		prog = NULL;
		break;
	case ZCS_FILTER_CLASSIC:
		prog = zcs_filter_classic(f);
		break;
	case ZCS_FILTER_EBPF:
		prog = zcs_filter_ebpf(f);
		break;
	default:
		return -EINVAL;
	}
	if (IS_ERR(prog))
		return PTR_ERR(prog);

	if (prog) {
		new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
		if (!new) {
			zcs_filter_put(prog, f->kind == ZCS_FILTER_CLASSIC);
			return -ENOMEM;
		}
		new->prog = prog;
		new->classic = f->kind == ZCS_FILTER_CLASSIC;
	}
	mutex_lock(&r->mtx);
	old = rcu_replace_pointer(r->filter[f->link], new,
				  lockdep_is_held(&r->mtx));
	mutex_unlock(&r->mtx);
	if (old) {
		synchronize_net();
		zcs_filter_drop(old);
	}
	return 0;
}
