// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent source: files and directories, named by a descriptor, O_PATH will do.
 *
 * An interest has an fsnotify mark of its own in the one group of all queues. A
 * mark outlives it until fsnotify has seen the last of it; mark->kev, under the
 * queue's lock, says whether there still is an interest. A directory tells of
 * what is in it; of its own end only its parent can tell.
 */

#include <linux/file.h>
#include <linux/fsnotify_backend.h>
#include <linux/security.h>
#include <linux/slab.h>

#include "kevent.h"

/**
 * struct kevent_inode_mark - what fsnotify knows of an interest
 * @mark: the mark
 * @kq: the queue; a reference
 * @kev: the interest, or NULL; protected by the queue's lock
 */
struct kevent_inode_mark {
	struct fsnotify_mark	mark;
	struct kevent_queue	*kq;
	struct kevent		*kev;
};

/**
 * struct kevent_inode - interest in an inode
 * @kf: the interest, ended by a close of the descriptor
 * @inode: the inode, pinned by @im
 * @im: the mark
 */
struct kevent_inode {
	struct kevent_file		kf;
	struct inode			*inode;
	struct kevent_inode_mark	*im;
};

static struct fsnotify_group *kevent_group __ro_after_init;

static struct kevent_inode *to_kevent_inode(struct kevent *kev)
{
	return container_of(kev, struct kevent_inode, kf.kev);
}

/* The file's own last name is gone: told as a change of its attributes. */
static u32 inode_bits(u32 mask, struct inode *inode, bool self)
{
	u32 bits = 0;

	if (mask & FS_CREATE)
		bits |= KEVENT_INODE_CREATE;
	if (mask & (FS_DELETE | FS_DELETE_SELF) ||
	    (mask & FS_ATTRIB && self && !inode->i_nlink))
		bits |= KEVENT_INODE_REMOVE;
	if (mask & FS_MODIFY)
		bits |= KEVENT_INODE_MODIFY;
	if (mask & FS_ATTRIB)
		bits |= KEVENT_INODE_ATTRIB;
	if (mask & (FS_MOVE | FS_MOVE_SELF))
		bits |= KEVENT_INODE_RENAME;
	return bits;
}

static int inode_event(struct fsnotify_mark *mark, u32 mask,
		       struct inode *inode, struct inode *dir,
		       const struct qstr *name, u32 cookie)
{
	struct kevent_inode_mark *im;
	struct kevent_queue *kq;
	bool pollers = false;
	struct kevent *kev;
	u32 bits;

	im = container_of(mark, struct kevent_inode_mark, mark);
	kq = im->kq;
	spin_lock_irq(&kq->wq.lock);
	kev = im->kev;
	if (kev) {
		bits = inode_bits(mask, inode,
				  inode == to_kevent_inode(kev)->inode);
		bits &= kev->mask;
		if (bits && __kevent_tell(kev, bits, 1))
			pollers = __kevent_wake(kq, 1);
	}
	spin_unlock_irq(&kq->wq.lock);
	if (pollers)
		kevent_wake_pollers(kq, 0);
	return 0;
}

static void inode_free_mark(struct fsnotify_mark *mark)
{
	struct kevent_inode_mark *im;

	im = container_of(mark, struct kevent_inode_mark, mark);
	kevent_queue_put(im->kq);
	kfree(im);
}

static const struct fsnotify_ops inode_fsnotify_ops = {
	.handle_inode_event	= inode_event,
	.free_mark		= inode_free_mark,
};

/* Everything that any interest might want; kev->mask chooses. */
static u32 fsnotify_mask(struct inode *inode)
{
	u32 mask = FS_CREATE | FS_DELETE | FS_DELETE_SELF | FS_MODIFY |
		   FS_ATTRIB | FS_MOVE | FS_MOVE_SELF;

	return S_ISDIR(inode->i_mode) ? mask | FS_EVENT_ON_CHILD : mask;
}

static int inode_may(struct file *file, u32 mask)
{
	int err;

	err = inode_permission(file_mnt_idmap(file), file_inode(file),
			       MAY_READ);
	if (err)
		return err;
	return security_path_notify(&file->f_path, mask,
				    FSNOTIFY_OBJ_TYPE_INODE);
}

static int inode_add(struct kevent *kev)
{
	CLASS(fd_raw, f)(kev->event.id.raw[0]);
	struct kevent_inode *ki = to_kevent_inode(kev);
	struct kevent_inode_mark *im;
	struct file *file = fd_file(f);
	u32 mask;
	int err;

	if (fd_empty(f))
		return -EBADF;
	ki->inode = file_inode(file);
	mask = fsnotify_mask(ki->inode);
	err = inode_may(file, mask);
	if (err)
		return err;
	im = kzalloc(sizeof(*im), GFP_KERNEL_ACCOUNT);
	if (!im)
		return -ENOMEM;
	im->kev = kev;
	im->kq = kev->kq;
	kevent_queue_get(im->kq);
	fsnotify_init_mark(&im->mark, kevent_group);
	im->mark.mask = mask;
	kev->mask = kev->event.event;
	ki->im = im;
	err = fsnotify_add_inode_mark(&im->mark, ki->inode, 0);
	if (!err) {
		err = kevent_file_attach(&ki->kf, file);
		if (!err)
			return 0;
		spin_lock_irq(&kev->kq->wq.lock);
		im->kev = NULL;
		spin_unlock_irq(&kev->kq->wq.lock);
		fsnotify_destroy_mark(&im->mark, kevent_group);
	}
	fsnotify_put_mark(&im->mark);
	return err;
}

static void inode_remove(struct kevent *kev)
{
	struct kevent_inode *ki = to_kevent_inode(kev);

	spin_lock_irq(&kev->kq->wq.lock);
	ki->im->kev = NULL;
	spin_unlock_irq(&kev->kq->wq.lock);
	kevent_file_detach(&ki->kf);
	fsnotify_destroy_mark(&ki->im->mark, kevent_group);
	fsnotify_put_mark(&ki->im->mark);
}

static int inode_modify(struct kevent *kev, const struct ukevent *event)
{
	spin_lock_irq(&kev->kq->wq.lock);
	if (!(kev->flags & KEV_DEAD))
		kev->mask = event->event;
	spin_unlock_irq(&kev->kq->wq.lock);
	return 0;
}

static const struct kevent_source inode_source = {
	.type		= KEVENT_INODE,
	.events		= KEVENT_INODE_CREATE | KEVENT_INODE_REMOVE |
			  KEVENT_INODE_MODIFY | KEVENT_INODE_ATTRIB |
			  KEVENT_INODE_RENAME,
	.size		= sizeof(struct kevent_inode),
	.merge		= { KEVENT_MERGE_OR, KEVENT_MERGE_ADD },
	.add		= inode_add,
	.remove		= inode_remove,
	.modify		= inode_modify,
};

static int __init kevent_inode_init(void)
{
	kevent_group = fsnotify_alloc_group(&inode_fsnotify_ops,
					    FSNOTIFY_GROUP_DUPS);
	/* Without it the type is unknown, and everything else works. */
	if (!IS_ERR(kevent_group))
		kevent_source_register(&inode_source);
	return 0;
}
fs_initcall(kevent_inode_init);
