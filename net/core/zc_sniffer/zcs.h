/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Zero-copy sniffer: what its files share.
 *
 * A reader is one open file that captures; it has a ring per possible CPU. The
 * overview and the locking rules are at the top of main.c.
 */
#ifndef _ZCS_H
#define _ZCS_H

#include <linux/build_bug.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/irq_work.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched/user.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/zc_sniffer.h>

struct file;
struct zcs_tx_area;

/* What a slot of a ring keeps of packet memory; see struct zcs_entry. */
#define ZCS_REF_CHUNK	0UL	/* nta_hold() on a chunk of the stack's */
#define ZCS_REF_COPY	1UL	/* a chunk of our own */
#define ZCS_REF_PAGE	2UL	/* a reference on a block */
#define ZCS_REF_NONE	3UL	/* nothing: the snapshot has it all */
#define ZCS_REF_MASK	3UL

enum zcs_state {
	ZCS_ENTRY_FREE,		/* given back, or never used */
	ZCS_ENTRY_USED,		/* first slot of a packet that the reader has */
	ZCS_ENTRY_MORE,		/* further slot of the packet before */
};

/**
 * struct zcs_entry - the kernel's own record of a slot
 * @ref: what the packet keeps: addresses, each with a ZCS_REF_* in its low bits
 * @bytes: charged to the limit for it
 * @nr_refs: how many of @ref
 * @nr_slots: slots of the packet, in the first one
 * @state: enum zcs_state
 */
struct zcs_entry {
	unsigned long	ref[ZCS_MORE_SEGS];
	u32		bytes;
	u8		nr_refs;
	u8		nr_slots;
	u8		state;
};

/**
 * struct zcs_part - a contiguous piece of a packet that is not to be copied
 * @ref: what to hold, with ZCS_REF_* in its low bits
 * @ptr: first byte
 * @len: length
 * @size: of the chunk
 */
struct zcs_part {
	unsigned long	ref;
	const void	*ptr;
	u32		len;
	u32		size;
};

/**
 * struct zcs_plan - the parts of a packet
 * @nr: how many
 * @nr_copies: how many of them must be copied: those without @ref
 * @bytes: what they are charged
 * @copied: bytes to be copied
 * @covered: bytes from the first on that need no more than the snapshot
 * @part: the parts
 */
struct zcs_plan {
	unsigned int	nr;
	unsigned int	nr_copies;
	u32		bytes;
	u32		copied;
	u32		covered;
	struct zcs_part	part[ZCS_SEGS_MAX];
};

/**
 * struct zcs_cpu_ring - the kernel's side of one ring
 * @mem: what is mapped: header and slots; written only
 * @slots: slot 0, in @mem
 * @entry: one per slot
 * @reader: whose it is
 * @mask: number of slots - 1
 * @cpu: whose packets are here
 * @head: next slot to be filled
 * @missed: packets missed since the last one shown
 * @quota: bytes of the reader's limit that this ring may charge
 * @wake: wakes the reader from a context that must not
 * @plan: the packet that is being captured
 * @lock: the consumer's side, below; also @quota
 * @tail: oldest slot that is not free
 * @read_pos: next slot for read()
 * @returned: bytes of zcs_ring.charged that came back
 */
struct zcs_cpu_ring {
	struct zcs_ring		*mem;
	struct zcs_desc		*slots;
	struct zcs_entry	*entry;
	struct zcs_reader	*reader;
	u32			mask;
	u32			cpu;
	u32			head;
	u32			missed;
	u64			quota;
	struct irq_work		wake;
	struct zcs_plan		plan;

	raw_spinlock_t		lock ____cacheline_aligned_in_smp;
	u32			tail;
	u32			read_pos;
	u64			returned;
};

/* How a reader consumes */
enum zcs_mode {
	ZCS_MODE_NONE,		/* it has not said yet */
	ZCS_MODE_MAPPED,	/* it maps the tails */
	ZCS_MODE_READ,		/* read() and write() */
};

#define ZCS_NR_LINKS	2

/**
 * struct zcs_filter_prog - a filter that is attached
 * @prog: the program
 * @classic: it was made from classic instructions
 */
struct zcs_filter_prog {
	struct bpf_prog	*prog;
	bool		classic;
};

/**
 * struct zcs_reader - an open file
 * @list: on the list of its capture point while started
 * @setup: what it asked for, checked; constant once set up
 * @net: network namespace, or NULL for all
 * @filter: one per link type, or NULL
 * @ring: one per possible CPU
 * @nr_rings: nr_cpu_ids
 * @rings: memory of all rings, as it is mapped
 * @tails: memory of the tails; user space writes here
 * @tails_size: its size
 * @portion: bytes of the limit that a ring asks for at a time
 * @pool: bytes of the limit that no ring has
 * @wait: who sleeps in poll() or read()
 * @armed: somebody sleeps: wake him
 * @stolen: jiffies when a ring last looked for quota at the others
 * @mtx: setting up, starting, stopping, filter, read side
 * @mode: enum zcs_mode
 * @started: it is on a list
 * @user: whom memory is charged to
 * @locked: how many pages
 * @tx: what it sends from, or NULL
 */
struct zcs_reader {
	struct hlist_node	list;
	struct zcs_setup	setup;
	struct net		*net;
	struct zcs_filter_prog __rcu *filter[ZCS_NR_LINKS];
	struct zcs_cpu_ring	*ring;
	unsigned int		nr_rings;
	void			*rings;
	struct zcs_tail		*tails;
	size_t			tails_size;
	u64			portion;

	atomic64_t		pool ____cacheline_aligned_in_smp;
	wait_queue_head_t	wait;
	int			armed;
	unsigned long		stolen;

	struct mutex		mtx ____cacheline_aligned_in_smp;
	enum zcs_mode		mode;
	bool			started;
	struct user_struct	*user;
	unsigned long		locked;
	struct zcs_tx_area	*tx;
};

/* Bytes of struct zcs_desc that do not hold parts or bytes of the packet. */
#define ZCS_DESC_FIXED	offsetof(struct zcs_desc, seg)

/**
 * struct zcs_view - what capture looks at: one packet at one point
 * @skb: the packet
 * @start: its first byte, from skb->data; negative if headers were pulled
 * @link: ZCS_LINK_*
 * @d: what all readers are told of it, up to ZCS_DESC_FIXED; in place of what
 *	differs: @cap_len is the length of the packet, what belongs to a ring is
 *	0
 */
struct zcs_view {
	struct sk_buff	*skb;
	int		start;
	u32		link;
	struct zcs_desc	d;
};

/* Rings are there once their number is. */
static inline unsigned int zcs_nr_rings(const struct zcs_reader *r)
{
	/* Pairs with zcs_rings_alloc(). */
	return smp_load_acquire(&r->nr_rings);
}

/* reader.c APIs */
struct zcs_reader *zcs_reader_new(void);
int zcs_charge(struct user_struct *user, u64 bytes, unsigned long *locked);
void zcs_uncharge(struct user_struct *user, unsigned long pages);
int zcs_reader_setup(struct zcs_reader *r, struct zcs_setup *setup);
int zcs_reader_start(struct zcs_reader *r);
int zcs_reader_stop(struct zcs_reader *r);
void zcs_reader_free(struct zcs_reader *r);
void zcs_reader_stats(struct zcs_reader *r, struct zcs_stats *stats);

/* filter.c APIs */
int zcs_reader_filter(struct zcs_reader *r, const struct zcs_filter *f);
void zcs_filter_drop(struct zcs_filter_prog *filter);

/* ring.c APIs */
int zcs_rings_alloc(struct zcs_reader *r);
int zcs_tails_alloc(struct zcs_reader *r);
void zcs_rings_free(struct zcs_reader *r);
void zcs_entry_drop(struct zcs_entry *e);
int zcs_ring_release_one(struct zcs_cpu_ring *ring, u32 pos);
int zcs_release_all(struct zcs_reader *r);
int zcs_ring_reap(struct zcs_cpu_ring *ring);
bool zcs_ring_grant(struct zcs_cpu_ring *ring, u32 bytes);
bool zcs_arm(struct zcs_reader *r);
bool zcs_reader_pending(struct zcs_reader *r);
u64 zcs_reader_held(struct zcs_reader *r);

/* read.c APIs */
ssize_t zcs_read(struct zcs_reader *r, struct file *file, char __user *buf,
		 size_t count);
ssize_t zcs_write(struct zcs_reader *r, const char __user *buf, size_t count);

/* capture.c APIs */
void zcs_capture(struct zcs_cpu_ring *ring, const struct zcs_view *v,
		 u32 cap_len);

/* tap.c APIs */
void zcs_tap(struct sk_buff *skb, bool out);
u32 zcs_filter_run(const struct zcs_filter_prog *filter,
		   const struct zcs_view *v);
extern struct hlist_head zcs_tap_readers;

/* free.c APIs */
void zcs_free(struct sk_buff *skb);
extern struct hlist_head zcs_free_readers;

/* map.c APIs */
int zcs_mmap(struct zcs_reader *r, struct vm_area_struct *vma);
int zcs_map_init(void);
void zcs_map_exit(void);
void zcs_map_opened(struct file *file);

/* send.c APIs */
int zcs_tx_init(void);
void zcs_tx_exit(void);
int zcs_tx_setup(struct zcs_reader *r, struct zcs_tx_setup *setup);
long zcs_tx_submit(struct zcs_reader *r, const struct zcs_tx *tx);
void zcs_tx_close(struct zcs_reader *r);
bool zcs_tx_pending(struct zcs_reader *r);
void zcs_tx_stats(struct zcs_reader *r, struct zcs_stats *stats);
int zcs_tx_mmap(struct zcs_reader *r, struct vm_area_struct *vma);
int zcs_tx_ring_mmap(struct zcs_reader *r, struct vm_area_struct *vma);

#endif /* _ZCS_H */
