/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Points where a sniffer looks at packets: see net/core/sniff.c.
 *
 * While no sniffer is at work each of them is one static branch.
 */
#ifndef _NET_SNIFF_H
#define _NET_SNIFF_H

#include <linux/jump_label.h>
#include <linux/static_call.h>
#include <linux/types.h>

struct sk_buff;

/**
 * struct sniff_ops - a sniffer
 * @tap: a packet passes a device, where packet sockets see it: before its
 *	protocol does (@out false), or before the driver does (@out true, and
 *	skb->data at the link-layer header). In an RCU read-side critical
 *	section with softirqs off; the packet may be shared.
 * @free: the stack frees the data of a packet, or of a buffer that never became
 *	one. Any context but NMI. What @skb says of devices, sockets and
 *	namespaces may be gone.
 */
struct sniff_ops {
	void (*tap)(struct sk_buff *skb, bool out);
	void (*free)(struct sk_buff *skb);
};

#ifdef CONFIG_NET_SNIFF

DECLARE_STATIC_KEY_FALSE(sniff_tap_key);
DECLARE_STATIC_KEY_FALSE(sniff_free_key);

void sniff_no_tap(struct sk_buff *skb, bool out);
DECLARE_STATIC_CALL(sniff_tap_call, sniff_no_tap);

int sniff_register(const struct sniff_ops *ops);
void sniff_unregister(const struct sniff_ops *ops);
void __sniff_free(struct sk_buff *skb);

static inline void sniff_tap(struct sk_buff *skb, bool out)
{
	if (static_branch_unlikely(&sniff_tap_key))
		static_call(sniff_tap_call)(skb, out);
}

static inline void sniff_free(struct sk_buff *skb)
{
	if (static_branch_unlikely(&sniff_free_key))
		__sniff_free(skb);
}

#else

static inline void sniff_tap(struct sk_buff *skb, bool out)
{
}

static inline void sniff_free(struct sk_buff *skb)
{
}

#endif

#endif /* _NET_SNIFF_H */
