// SPDX-License-Identifier: GPL-2.0-only
/*
 * A new file, a second that passed and Ctrl-C, from one queue. README.md shows it.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <libkevent.h>

int main(void)
{
	struct ukevent ev[] = {
		kq_interest(KEVENT_INODE, open("/tmp", O_RDONLY), KEVENT_INODE_CREATE, 0, 'f'),
		kq_interest(KEVENT_SIGNAL, SIGINT | KEVENT_SIGNAL_NOMASK, KEVENT_SIGNAL_PROCESS, 0, 's'),
		kq_interest_timer(1, 0, 0, 't'),
	};
	struct kq *kq;

	if (kq_open(&kq, NULL) || kq_add(kq, ev, 3))
		return 1;
	while (kq_get(kq, ev, 1, NULL) == 1 && ev->cookie != 's')
		puts(ev->cookie == 'f' ? "a new file" : "a second");
	kq_close(kq);
	return 0;
}
