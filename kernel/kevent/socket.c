// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: sockets.
 *
 * RECV and ACCEPT are input, SEND is room for output. EOF is input, with
 * KEVENT_POLL_POLLRDHUP; errors and the end of both directions are told always.
 */

#include <linux/file.h>
#include <linux/net.h>
#include <linux/tcp.h>
#include <net/sock.h>

#include "kevent.h"

static u32 socket_mask(u32 event)
{
	u32 mask = 0;

	if (event & (KEVENT_SOCKET_RECV | KEVENT_SOCKET_ACCEPT))
		mask |= (__force u32)(EPOLLIN | EPOLLRDNORM | EPOLLRDHUP);
	if (event & KEVENT_SOCKET_SEND)
		mask |= (__force u32)(EPOLLOUT | EPOLLWRNORM);
	return mask;
}

static int socket_add(struct kevent *kev)
{
	CLASS(fd, f)(kev->event.id.raw[0]);

	if (fd_empty(f))
		return -EBADF;
	if (!sock_from_file(fd_file(f)))
		return -EINVAL;
	return kevent_file_watch(to_kevent_file(kev), fd_file(f),
				 socket_mask(kev->event.event));
}

static int socket_modify(struct kevent *kev, const struct ukevent *event)
{
	kevent_file_modify(kev, socket_mask(event->event));
	return 0;
}

/* Unlocked reads: a number that helps to size a buffer, no promise. */
u32 kevent_socket_measure(struct kevent *kev)
{
	struct socket *sock = to_kevent_file(kev)->file->private_data;
	struct sock *sk = READ_ONCE(sock->sk);
	const struct tcp_sock *tp;
	int nr;

	if (!sk)
		return 0;
	/* AF_UNIX and AF_TIPC have no backlog: count their packets instead. */
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return READ_ONCE(sk->sk_ack_backlog) ?:
		       skb_queue_len_lockless(&sk->sk_receive_queue);
	if (!sk_is_tcp(sk))
		return skb_queue_len_lockless(&sk->sk_receive_queue);
	tp = tcp_sk(sk);
	/* FIN counts as a byte in rcv_nxt, and in copied_seq once read. */
	nr = READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq) -
	     sock_flag(sk, SOCK_DONE);
	/* Or a reader was faster, and copied_seq is past this rcv_nxt. */
	return max(nr, 0);
}

static const struct kevent_source socket_source = {
	.type		= KEVENT_SOCKET,
	.events		= KEVENT_SOCKET_RECV | KEVENT_SOCKET_ACCEPT |
			  KEVENT_SOCKET_SEND,
	.add		= socket_add,
	.modify		= socket_modify,
	.measure	= kevent_socket_measure,
	KEVENT_FILE_SOURCE,
};

static int __init kevent_socket_init(void)
{
	kevent_source_register(&socket_source);
	return 0;
}
fs_initcall(kevent_socket_init);
