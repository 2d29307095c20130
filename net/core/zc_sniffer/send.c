// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-copy sniffer: sending from mapped chunks.
 *
 * Overview
 * --------
 *
 * A process gets an area of chunks, fills one with a packet and submits it. Its
 * pages are nobody else's: no head, no other packet and nothing that the kernel
 * trusts ever lies in them, and what is known about a chunk is kept elsewhere.
 *
 *   chunk, mapped writable              skb
 *   +---------+--------------------+    head, ours: a copy of the first 128
 *   | headers | payload            |    bytes, and skb_shared_info
 *   +---------+--------------------+         |
 *        |              ^                    v
 *      copied once,     +------------- fragment 0, marked as shared, with
 *      checked                         a callback (ubuf_info)
 *
 * Headers are checked in the copy and never read again from the chunk. Payload
 * is read by the device, or by whoever copies it on the way. When the last user
 * of the fragment has let go, ubuf_info says so, the chunk is free again, and a
 * completion is put into the ring.
 *
 * An area lives as long as the file or any packet of it, whichever is longer.
 *
 * Locking
 * -------
 *
 *   area->mtx    submitting: one at a time
 *   area->lock   completion ring; taken in any context, interrupts off
 *   chunk->busy  taken with cmpxchg by a submit, cleared by the completion
 */

#include <linux/fs.h>
#include <linux/if_vlan.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <net/inet_dscp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/route.h>

#include "zcs.h"

/* Bytes of a packet that are copied: all headers that the stack looks at. */
#define ZCS_TX_HEAD	128

/**
 * struct zcs_tx_chunk - what is known about a chunk
 * @ubuf: what the stack calls back
 * @area: its area
 * @page: its memory, a compound page
 * @user: zcs_tx_desc.user of the packet in it
 * @busy: it is in flight
 * @copied: somebody copied the data
 */
struct zcs_tx_chunk {
	struct ubuf_info	ubuf;
	struct zcs_tx_area	*area;
	struct page		*page;
	u64			user;
	int			busy;
	bool			copied;
};

/**
 * struct zcs_tx_area - all that a file sends from
 * @kref: the file, and each packet in flight
 * @work: frees it
 * @nr_chunks: number of chunks, a power of two
 * @chunk_size: size of each
 * @chunk: the chunks
 * @owner: whom to wake; NULL once the file is closed; under @lock
 * @mtx: submitting
 * @lock: completions
 * @ring: mapped: completions
 * @head: next completion
 * @net: where packets are sent
 * @user: who pays
 * @locked: for how many pages
 * @sent: packets
 * @bytes: their bytes
 * @errors: descriptors that were refused
 * @in_flight: chunks
 */
struct zcs_tx_area {
	struct kref		kref;
	struct work_struct	work;
	unsigned int		nr_chunks;
	unsigned int		chunk_size;
	struct zcs_tx_chunk	*chunk;
	struct zcs_reader	*owner;
	/* Protects: submitting. */
	struct mutex		mtx;
	/* Protects: @ring, @head, @owner. */
	spinlock_t		lock;
	struct zcs_tx_ring	*ring;
	u32			head;
	struct net		*net;
	struct user_struct	*user;
	unsigned long		locked;
	u64			sent;
	u64			bytes;
	u64			errors;
	atomic_t		in_flight;
};

static struct workqueue_struct *zcs_tx_wq;

/* === The area ============================================================ */

static size_t zcs_tx_ring_size(const struct zcs_tx_area *a)
{
	return PAGE_ALIGN(sizeof(*a->ring) +
			  a->nr_chunks * sizeof(struct zcs_tx_done));
}

static void zcs_tx_free(struct zcs_tx_area *a)
{
	unsigned int i;

	for (i = 0; a->chunk && i < a->nr_chunks; i++) {
		if (a->chunk[i].page)
			put_page(a->chunk[i].page);
		cond_resched();
	}
	kvfree(a->chunk);
	vfree(a->ring);
	if (a->user) {
		zcs_uncharge(a->user, a->locked);
		free_uid(a->user);
	}
	if (a->net)
		put_net(a->net);
	kfree(a);
}

static void zcs_tx_free_work(struct work_struct *work)
{
	zcs_tx_free(container_of(work, struct zcs_tx_area, work));
	/* The queue is flushed before the module goes. */
	module_put(THIS_MODULE);
}

static void zcs_tx_last_put(struct kref *kref)
{
	struct zcs_tx_area *a = container_of(kref, struct zcs_tx_area, kref);

	queue_work(zcs_tx_wq, &a->work);
}

static const struct ubuf_info_ops zcs_tx_ubuf_ops;

static struct zcs_tx_area *zcs_tx_alloc(struct zcs_reader *r,
					const struct zcs_tx_setup *setup)
{
	unsigned int order = get_order(setup->chunk_size), i;
	struct zcs_tx_chunk *chunk;
	struct zcs_tx_area *a;
	int err = -ENOMEM;

	a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		return ERR_PTR(-ENOMEM);
	a->nr_chunks = setup->nr_chunks;
	a->chunk_size = setup->chunk_size;
	kref_init(&a->kref);
	INIT_WORK(&a->work, zcs_tx_free_work);
	mutex_init(&a->mtx);
	spin_lock_init(&a->lock);
	a->owner = r;
	a->net = get_net(current->nsproxy->net_ns);
	a->user = get_uid(r->user);
	err = zcs_charge(a->user, (u64)a->nr_chunks * a->chunk_size +
			 zcs_tx_ring_size(a), &a->locked);
	if (err)
		goto err_free;

	err = -ENOMEM;
	a->ring = vmalloc_user(zcs_tx_ring_size(a));
	a->chunk = kvcalloc(a->nr_chunks, sizeof(*a->chunk),
			    GFP_KERNEL_ACCOUNT);
	if (!a->ring || !a->chunk)
		goto err_free;
	a->ring->nr_slots = a->nr_chunks;
	a->ring->slots_off = sizeof(*a->ring);
	for (i = 0; i < a->nr_chunks; i++) {
		chunk = &a->chunk[i];
		chunk->area = a;
		chunk->ubuf.ops = &zcs_tx_ubuf_ops;
		chunk->ubuf.flags = SKBFL_ZEROCOPY_FRAG | SKBFL_DONT_ORPHAN;
		chunk->page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO |
					  __GFP_COMP | __GFP_NOWARN |
					  __GFP_RETRY_MAYFAIL, order);
		if (!chunk->page)
			goto err_free;
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			goto err_free;
		}
		cond_resched();
	}
	return a;

err_free:
	zcs_tx_free(a);
	return ERR_PTR(err);
}

static int zcs_tx_check(const struct zcs_tx_setup *s)
{
	u64 ram = (u64)totalram_pages() << PAGE_SHIFT;

	if (s->flags || s->reserved || s->ring_size || s->tails_size ||
	    s->tail_index)
		return -EINVAL;
	if (!is_power_of_2(s->nr_chunks) || s->nr_chunks > ZCS_TX_CHUNKS_MAX ||
	    !is_power_of_2(s->chunk_size) || s->chunk_size < PAGE_SIZE ||
	    s->chunk_size > ZCS_TX_CHUNK_MAX)
		return -EINVAL;
	return (u64)s->nr_chunks * s->chunk_size > ram / 4 ? -ENOMEM : 0;
}

/**
 * zcs_tx_setup() - ZCS_IOC_TX_SETUP
 * @r: whose area it will be
 * @setup: what it asks for; filled in on success
 *
 * Context: Process context.
 * Return: 0; -EBUSY if it has one; -EINVAL, -ENOMEM, -EINTR.
 */
int zcs_tx_setup(struct zcs_reader *r, struct zcs_tx_setup *setup)
{
	struct zcs_tx_area *a;
	int err;

	err = zcs_tx_check(setup);
	if (err)
		return err;
	mutex_lock(&r->mtx);
	err = -EBUSY;
	if (r->tx)
		goto out;
	err = zcs_tails_alloc(r);
	if (err)
		goto out;
	a = zcs_tx_alloc(r, setup);
	err = PTR_ERR_OR_ZERO(a);
	if (err)
		goto out;
	/* Until the last packet has gone; till now the file pins it. */
	__module_get(THIS_MODULE);
	setup->ring_size = zcs_tx_ring_size(a);
	setup->tails_size = r->tails_size;
	setup->tail_index = nr_cpu_ids;
	/* Pairs with zcs_tx_area(). */
	smp_store_release(&r->tx, a);
out:
	mutex_unlock(&r->mtx);
	return err;
}

/* The area, if there is one. */
static struct zcs_tx_area *zcs_tx_area(struct zcs_reader *r)
{
	/* Pairs with zcs_tx_setup(). */
	return smp_load_acquire(&r->tx);
}

/**
 * zcs_tx_close() - the file is closed
 * @r: reader that nobody uses any more
 *
 * Context: Process context.
 */
void zcs_tx_close(struct zcs_reader *r)
{
	struct zcs_tx_area *a = r->tx;

	if (!a)
		return;
	spin_lock_irq(&a->lock);
	a->owner = NULL;
	spin_unlock_irq(&a->lock);
	kref_put(&a->kref, zcs_tx_last_put);
}

/* === Completions ========================================================= */

static void zcs_tx_done(struct zcs_tx_chunk *chunk)
{
	struct zcs_tx_area *a = chunk->area;
	struct zcs_tx_done *done;
	unsigned long flags;

	spin_lock_irqsave(&a->lock, flags);
	done = (struct zcs_tx_done *)(a->ring + 1) +
	       (a->head & (a->nr_chunks - 1));
	done->user = chunk->user;
	done->chunk = chunk - a->chunk;
	done->copied = chunk->copied;
	atomic_dec(&a->in_flight);
	/* The chunk may be submitted again as soon as it is not busy. */
	smp_store_release(&chunk->busy, 0);
	a->head++;
	/* Who sees head sees the completion. */
	smp_store_release(&a->ring->head, a->head);
	if (a->owner && wq_has_sleeper(&a->owner->wait))
		wake_up_interruptible(&a->owner->wait);
	spin_unlock_irqrestore(&a->lock, flags);
	kref_put(&a->kref, zcs_tx_last_put);
}

static void zcs_tx_complete(struct sk_buff *skb, struct ubuf_info *ubuf,
			    bool success)
{
	struct zcs_tx_chunk *chunk = container_of(ubuf, struct zcs_tx_chunk,
						  ubuf);

	if (!success)
		WRITE_ONCE(chunk->copied, true);
	if (refcount_dec_and_test(&ubuf->refcnt))
		zcs_tx_done(chunk);
}

static const struct ubuf_info_ops zcs_tx_ubuf_ops = {
	.complete	= zcs_tx_complete,
};

/**
 * zcs_tx_pending() - do completions wait?
 * @r: reader
 *
 * Context: Any context.
 * Return: true if the tail that user space moves is not at head.
 */
bool zcs_tx_pending(struct zcs_reader *r)
{
	struct zcs_tx_area *a = zcs_tx_area(r);

	return a && READ_ONCE(a->ring->head) !=
		    READ_ONCE(r->tails[nr_cpu_ids].tail);
}

/* === One packet ========================================================== */

/* The skb for a descriptor that was checked; it owns the chunk from now on. */
static struct sk_buff *zcs_tx_skb(struct zcs_tx_chunk *chunk,
				  const struct zcs_tx_desc *d,
				  unsigned int reserve)
{
	unsigned int head_len = min_t(u32, d->len, ZCS_TX_HEAD);
	unsigned int rest = d->len - head_len;
	struct sk_buff *skb;

	skb = alloc_skb(reserve + head_len, GFP_KERNEL | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, reserve);
	skb_put_data(skb, page_address(chunk->page) + d->off, head_len);
	if (rest) {
		get_page(chunk->page);
		skb_fill_page_desc(skb, 0, chunk->page, d->off + head_len,
				   rest);
		skb->len += rest;
		skb->data_len += rest;
		skb->truesize += chunk->area->chunk_size;
	}
	return skb;
}

/* Its completion will come, however the packet ends. */
static void zcs_tx_arm(struct zcs_tx_chunk *chunk, struct sk_buff *skb,
		       const struct zcs_tx_desc *d)
{
	struct zcs_tx_area *a = chunk->area;

	chunk->user = d->user;
	chunk->copied = false;
	refcount_set(&chunk->ubuf.refcnt, 1);
	kref_get(&a->kref);
	atomic_inc(&a->in_flight);
	a->sent++;
	a->bytes += d->len;
	skb_zcopy_init(skb, &chunk->ubuf);
}

static int zcs_tx_frame(struct zcs_tx_area *a, struct zcs_tx_chunk *chunk,
			const struct zcs_tx_desc *d, struct net_device *dev)
{
	struct sk_buff *skb;
	unsigned int max;

	if (!dev)
		return -ENODEV;
	max = READ_ONCE(dev->mtu) + dev->hard_header_len;
	if (!(dev->flags & IFF_UP))
		return -ENETDOWN;
	if (d->len < max_t(u32, dev->hard_header_len, 1))
		return -EINVAL;
	if (d->len > max + VLAN_HLEN)
		return -EMSGSIZE;

	skb = zcs_tx_skb(chunk, d, LL_RESERVED_SPACE(dev));
	if (!skb)
		return -ENOBUFS;
	skb->dev = dev;
	skb_reset_mac_header(skb);
	if (dev->type == ARPHRD_ETHER || dev->type == ARPHRD_LOOPBACK)
		skb->protocol = eth_hdr(skb)->h_proto;
	else
		skb->protocol = dev_parse_header_protocol(skb);
	/* Only what has a VLAN tag may be longer by one. */
	if (d->len > max && !eth_type_vlan(skb->protocol)) {
		kfree_skb(skb);
		return -EMSGSIZE;
	}
	skb_set_network_header(skb, dev->hard_header_len);
	skb_probe_transport_header(skb);
	zcs_tx_arm(chunk, skb, d);
	dev_queue_xmit(skb);
	return 0;
}

/* As a raw socket with IP_HDRINCL: what is zero is filled in. */
static int zcs_tx_ip4(struct zcs_tx_area *a, struct zcs_tx_chunk *chunk,
		      const struct zcs_tx_desc *d, struct sk_buff *skb)
{
	struct iphdr *ip = ip_hdr(skb);
	struct flowi4 fl4 = {};
	struct rtable *rt;

	if (skb_headlen(skb) < sizeof(*ip) || ip->ihl < 5 ||
	    ip->ihl * 4 > skb_headlen(skb))
		return -EINVAL;
	fl4.daddr = ip->daddr;
	fl4.saddr = ip->saddr;
	fl4.flowi4_oif = d->ifindex;
	fl4.flowi4_proto = ip->protocol;
	fl4.flowi4_tos = ip->tos & INET_DSCP_MASK;
	fl4.flowi4_flags = FLOWI_FLAG_ANYSRC | FLOWI_FLAG_KNOWN_NH;
	rt = ip_route_output_key(a->net, &fl4);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	skb_dst_set(skb, &rt->dst);
	if (d->len > dst_mtu(&rt->dst))
		return -EMSGSIZE;
	if (!ip->saddr)
		ip->saddr = fl4.saddr;
	if (!ip->id)
		ip_select_ident(a->net, skb, NULL);
	skb->protocol = htons(ETH_P_IP);
	skb->transport_header = skb->network_header + ip->ihl * 4;
	zcs_tx_arm(chunk, skb, d);
	/* Fills in the length and the checksum. */
	ip_local_out(a->net, NULL, skb);
	return 0;
}

#if IS_ENABLED(CONFIG_IPV6)
static int zcs_tx_ip6(struct zcs_tx_area *a, struct zcs_tx_chunk *chunk,
		      const struct zcs_tx_desc *d, struct sk_buff *skb)
{
	struct ipv6hdr *ip6 = ipv6_hdr(skb);
	struct flowi6 fl6 = {};
	struct dst_entry *dst;
	int err;

	if (skb_headlen(skb) < sizeof(*ip6))
		return -EINVAL;
	fl6.daddr = ip6->daddr;
	fl6.saddr = ip6->saddr;
	fl6.flowi6_oif = d->ifindex;
	fl6.flowi6_proto = ip6->nexthdr;
	fl6.flowlabel = ip6_flowinfo(ip6);
	dst = ip6_route_output(a->net, NULL, &fl6);
	err = dst->error;
	skb_dst_set(skb, dst);
	if (err)
		return err;
	if (d->len > dst_mtu(dst))
		return -EMSGSIZE;
	skb->protocol = htons(ETH_P_IPV6);
	skb->transport_header = skb->network_header + sizeof(*ip6);
	zcs_tx_arm(chunk, skb, d);
	/* Fills in the length. */
	ip6_local_out(a->net, NULL, skb);
	return 0;
}
#else
static int zcs_tx_ip6(struct zcs_tx_area *a, struct zcs_tx_chunk *chunk,
		      const struct zcs_tx_desc *d, struct sk_buff *skb)
{
	return -EAFNOSUPPORT;
}
#endif

static int zcs_tx_ip(struct zcs_tx_area *a, struct zcs_tx_chunk *chunk,
		     const struct zcs_tx_desc *d)
{
	struct sk_buff *skb;
	int err;

	if (!d->len)
		return -EINVAL;
	skb = zcs_tx_skb(chunk, d, LL_MAX_HEADER);
	if (!skb)
		return -ENOBUFS;
	skb_reset_network_header(skb);
	switch (*skb->data >> 4) {
	case 4:
		err = zcs_tx_ip4(a, chunk, d, skb);
		break;
	case 6:
		err = zcs_tx_ip6(a, chunk, d, skb);
		break;
	default:
		err = -EINVAL;
	}
	if (err)
		kfree_skb(skb);
	return err;
}

static int zcs_tx_one(struct zcs_tx_area *a, const struct zcs_tx_desc *d,
		      struct net_device **dev)
{
	struct zcs_tx_chunk *chunk;
	int err;

	if (d->flags || d->reserved || d->chunk >= a->nr_chunks ||
	    d->off > a->chunk_size || d->len > a->chunk_size - d->off)
		return -EINVAL;
	if (d->mode != ZCS_TX_FRAME && d->mode != ZCS_TX_IP)
		return -EINVAL;

	chunk = &a->chunk[d->chunk];
	/* Pairs with zcs_tx_done(). */
	if (cmpxchg_acquire(&chunk->busy, 0, 1))
		return -EBUSY;
	if (d->mode == ZCS_TX_IP) {
		err = zcs_tx_ip(a, chunk, d);
	} else {
		if (*dev && (*dev)->ifindex != d->ifindex) {
			dev_put(*dev);
			*dev = NULL;
		}
		if (!*dev)
			*dev = dev_get_by_index(a->net, d->ifindex);
		err = zcs_tx_frame(a, chunk, d, *dev);
	}
	if (err)
		WRITE_ONCE(chunk->busy, 0);
	return err;
}

/**
 * zcs_tx_submit() - ZCS_IOC_TX
 * @r: reader
 * @tx: where the descriptors are
 *
 * Context: Process context.
 * Return: how many descriptors were taken; if none: why, see struct zcs_tx.
 */
long zcs_tx_submit(struct zcs_reader *r, const struct zcs_tx *tx)
{
	const struct zcs_tx_desc __user *from = u64_to_user_ptr(tx->descs);
	struct zcs_tx_area *a = zcs_tx_area(r);
	struct net_device *dev = NULL;
	struct zcs_tx_desc d;
	long done = 0;
	int err = 0;

	if (!a || tx->nr > INT_MAX)
		return -EINVAL;
	mutex_lock(&a->mtx);
	while (done < tx->nr) {
		if (copy_from_user(&d, &from[done], sizeof(d)))
			err = -EFAULT;
		else
			err = zcs_tx_one(a, &d, &dev);
		if (err)
			break;
		done++;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	if (err)
		a->errors++;
	mutex_unlock(&a->mtx);
	dev_put(dev);
	return done ?: err;
}

/**
 * zcs_tx_stats() - what was sent
 * @r: reader
 * @stats: tx_* are filled in
 *
 * Context: Any context.
 */
void zcs_tx_stats(struct zcs_reader *r, struct zcs_stats *stats)
{
	struct zcs_tx_area *a = zcs_tx_area(r);

	if (!a)
		return;
	stats->tx_sent = READ_ONCE(a->sent);
	stats->tx_bytes = READ_ONCE(a->bytes);
	stats->tx_errors = READ_ONCE(a->errors);
	stats->tx_in_flight = atomic_read(&a->in_flight);
}

/* === Mapping ============================================================= */

static vm_fault_t zcs_tx_fault(struct vm_fault *vmf)
{
	struct zcs_tx_area *a = vmf->vma->vm_private_data;
	unsigned long page = vmf->pgoff - (ZCS_OFF_TX >> PAGE_SHIFT);
	unsigned int order = get_order(a->chunk_size);

	if (page >> order >= a->nr_chunks)
		return VM_FAULT_SIGBUS;
	vmf->page = a->chunk[page >> order].page + (page & ((1 << order) - 1));
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct zcs_tx_vm_ops = {
	.fault	= zcs_tx_fault,
};

/**
 * zcs_tx_mmap() - map the chunks
 * @r: reader; its file keeps the area while it is mapped
 * @vma: from the first chunk on
 *
 * Context: Process context, under mmap_lock.
 * Return: 0 or -EINVAL.
 */
int zcs_tx_mmap(struct zcs_reader *r, struct vm_area_struct *vma)
{
	struct zcs_tx_area *a = zcs_tx_area(r);

	if (!a || vma->vm_end - vma->vm_start >
		  (u64)a->nr_chunks * a->chunk_size)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = a;
	vma->vm_ops = &zcs_tx_vm_ops;
	return 0;
}

/**
 * zcs_tx_ring_mmap() - map the completions
 * @r: reader
 * @vma: from the header on
 *
 * Context: Process context, under mmap_lock.
 * Return: 0 or -EINVAL.
 */
int zcs_tx_ring_mmap(struct zcs_reader *r, struct vm_area_struct *vma)
{
	struct zcs_tx_area *a = zcs_tx_area(r);

	if (!a || vma->vm_end - vma->vm_start > zcs_tx_ring_size(a))
		return -EINVAL;
	return remap_vmalloc_range(vma, a->ring, 0);
}

/* === Module ============================================================== */

/**
 * zcs_tx_init() - what sending needs
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int zcs_tx_init(void)
{
	zcs_tx_wq = alloc_workqueue("zc_sniffer", 0, 0);
	return zcs_tx_wq ? 0 : -ENOMEM;
}

/**
 * zcs_tx_exit() - undo zcs_tx_init()
 *
 * Context: Process context; no packet is in flight.
 */
void zcs_tx_exit(void)
{
	destroy_workqueue(zcs_tx_wq);
}
