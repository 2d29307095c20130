// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel in the program; see fake.h.
 *
 * The rings behave as <linux/kevent.h> and kevent_commit(2) say, with the traps of
 * the original's commit. All state is in memory that fork() shares, and mapped
 * rings are files in memory, so that the library maps them itself.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

#define NR_QUEUES	64
#define NR_READY	1024
#define NR_INTERESTS	64
#define PAGE		4096

/* At most this many events wait outside of the ring; more have to try again. */
struct queue {
	pthread_mutex_t		lock;
	pthread_cond_t		cond;
	bool			kicked;
	struct ukevent		ready[NR_READY];
	unsigned int		first;
	unsigned int		nr_ready;
	struct ukevent		interests[NR_INTERESTS];
	unsigned int		nr;
	/* mapped ring */
	struct kevent_map	*map;
	struct ukevent		*slots;
	struct kevent_map_tail	*tail;
	/* ring in process memory, and the process that made it */
	struct kevent_ring	*ring;
	pid_t			owner;
	uint32_t		size;
	uint32_t		kidx;
	uint32_t		uidx;
};

uint32_t fake_first;
void (*fake_spoil)(struct kevent_map *map);
unsigned int fake_calls;

static struct queue *queues;

static void __attribute__((constructor)) fake_init(void)
{
	pthread_condattr_t cattr;
	pthread_mutexattr_t attr;
	int i;

	queues = mmap(NULL, NR_QUEUES * sizeof(*queues), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (queues == MAP_FAILED)
		abort();
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_condattr_init(&cattr);
	pthread_condattr_setpshared(&cattr, PTHREAD_PROCESS_SHARED);
	pthread_condattr_setclock(&cattr, CLOCK_MONOTONIC);
	for (i = 0; i < NR_QUEUES; i++) {
		pthread_mutex_init(&queues[i].lock, &attr);
		pthread_cond_init(&queues[i].cond, &cattr);
	}
}

static struct queue *enter(int fd)
{
	__atomic_fetch_add(&fake_calls, 1, __ATOMIC_RELAXED);
	if (fd < 0 || fd >= NR_QUEUES)
		abort();
	pthread_mutex_lock(&queues[fd].lock);
	return &queues[fd];
}

/* True in a child; the kernel compares address spaces. */
static bool is_foreign(const struct queue *q)
{
	return q->ring && q->owner != getpid();
}

static void leave(struct queue *q)
{
	pthread_mutex_unlock(&q->lock);
}

/* === Mapped ring ========================================================== */

static uint32_t pending(const struct queue *q)
{
	uint32_t nr = q->kidx - __atomic_load_n(&q->tail->uidx, __ATOMIC_SEQ_CST);

	return nr < q->size ? nr : q->size;
}

static void put_slot(struct ukevent *slot, const struct ukevent *ev)
{
	const word *src = (const word *)ev;
	word *dst = (word *)slot;
	unsigned int i;

	for (i = 0; i < sizeof(*ev) / sizeof(word); i++)
		__atomic_store_n(&dst[i], src[i], __ATOMIC_RELAXED);
}

static struct ukevent *pop_ready(struct queue *q)
{
	struct ukevent *ev = &q->ready[q->first];

	q->first = (q->first + 1) % NR_READY;
	q->nr_ready--;
	return ev;
}

static bool push_ready(struct queue *q, const struct ukevent *ev)
{
	if (q->nr_ready == NR_READY)
		return false;
	q->ready[(q->first + q->nr_ready++) % NR_READY] = *ev;
	return true;
}

static void map_flush(struct queue *q)
{
	while (q->nr_ready && pending(q) < q->size) {
		put_slot(&q->slots[q->kidx & (q->size - 1)], pop_ready(q));
		__atomic_store_n(&q->map->kidx, ++q->kidx, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&q->map->flags, q->nr_ready ? KEVENT_MAP_FULL : 0, __ATOMIC_RELAXED);
}

static int map_init(struct queue *q, int fd, unsigned int num)
{
	uint32_t size = 2;
	char *mem;

	if (num < 2)
		return -EINVAL;
	while (size < num)
		size *= 2;
	if (ftruncate(fd, KEVENT_OFF_TAIL + PAGE))
		return -errno;
	mem = mmap(NULL, PAGE + size * sizeof(*q->slots), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   KEVENT_OFF_MAP);
	q->tail = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, KEVENT_OFF_TAIL);
	if (mem == MAP_FAILED || q->tail == MAP_FAILED)
		return -errno;
	q->map = (void *)mem;
	q->slots = (void *)(mem + PAGE);
	q->size = size;
	q->kidx = fake_first;
	q->map->kidx = fake_first;
	q->map->nr_slots = size;
	q->map->slots_off = PAGE;
	q->tail->uidx = fake_first;
	if (fake_spoil)
		fake_spoil(q->map);
	return 0;
}

#ifdef __SANITIZE_THREAD__
/*
 * The sanitizer for threads knows memory by its address, so that it does not see
 * what two mappings have in common: the library gets the one that is here already.
 * Linked with --wrap=mmap --wrap=munmap.
 */
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *addr, size_t len);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *addr, size_t len);

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	void *mem = NULL;

	if (fd >= 0)
		mem = off == (off_t)KEVENT_OFF_TAIL ? (void *)queues[fd].tail : queues[fd].map;
	return mem ? mem : __real_mmap(addr, len, prot, flags, fd, off);
}

int __wrap_munmap(void *addr, size_t len)
{
	int i;

	for (i = 0; i < NR_QUEUES; i++) {
		if (addr == queues[i].map || addr == queues[i].tail)
			return 0;
	}
	return __real_munmap(addr, len);
}
#endif

/* === Ring in process memory =============================================== */

static uint32_t ring_used(const struct queue *q)
{
	return (q->kidx + q->size - q->uidx) % q->size;
}

static unsigned int ring_move(struct queue *q, unsigned int max)
{
	unsigned int nr = 0;

	while (nr < max && q->nr_ready && ring_used(q) < q->size - 1) {
		put_slot(&q->ring->event[q->kidx], pop_ready(q));
		q->kidx = (q->kidx + 1) % q->size;
		__atomic_store_n(&q->ring->ring_kidx, q->kidx, __ATOMIC_RELEASE);
		nr++;
	}
	return nr;
}

static int ring_commit(struct queue *q, uint32_t to, uint32_t over)
{
	uint32_t now = q->ring->ring_over, old = q->uidx;

	if (to >= q->size || (old <= q->kidx && to > q->kidx))
		return -EINVAL;
	if (over != now && over != now - 1)
		return -EOVERFLOW;
	if (to == old)
		return 0;
	if (to > old) {
		if (over != now)
			return -EOVERFLOW;
		q->uidx = to;
		return to - old;
	}
	q->uidx = to;
	__atomic_store_n(&q->ring->ring_over, now + 1, __ATOMIC_RELAXED);
	return q->size - (old - to);
}

/* === What tests do ======================================================== */

/* Something happened. False when it has to be told again later. */
bool fake_event(int fd, const struct ukevent *ev)
{
	struct queue *q = enter(fd);
	bool told;

	told = push_ready(q, ev);
	if (told && q->map) {
		map_flush(q);
		if (q->nr_ready)
			q->map->overflow++;
	}
	/* All at once, to get in each other's way. */
	if (told)
		pthread_cond_broadcast(&q->cond);
	leave(q);
	return told;
}

/* The interest whose event is in a slot was removed. */
void fake_stale(int fd, uint32_t idx)
{
	struct queue *q = enter(fd);

	__atomic_fetch_or(&q->slots[idx & (q->size - 1)].ret_flags, KEVENT_RET_STALE,
			  __ATOMIC_RELAXED);
	leave(q);
}

struct kevent_map_tail *fake_tail(int fd)
{
	return queues[fd].tail;
}

uint32_t fake_kidx(int fd)
{
	return queues[fd].kidx;
}

/* === The calls ============================================================ */

int kevent_init(struct kevent_ring *ring, unsigned int num, unsigned int flags)
{
	int fd = memfd_create("kevent", MFD_CLOEXEC), err = 0;
	struct queue *q = enter(fd);

	q->kicked = false;
	q->first = 0;
	q->nr_ready = 0;
	q->nr = 0;
	q->map = NULL;
	q->tail = NULL;
	q->ring = ring;
	q->owner = getpid();
	q->size = num;
	q->kidx = 0;
	q->uidx = 0;
	if (flags & KEVENT_INIT_MAP)
		err = map_init(q, fd, num);
	else if (!ring != !num || num == 1)
		err = -EINVAL;
	leave(q);
	if (err)
		close(fd);
	return err ? err : fd;
}

static int find(const struct queue *q, const struct ukevent *ev)
{
	unsigned int i;

	for (i = 0; i < q->nr; i++) {
		if (q->interests[i].type == ev->type &&
		    q->interests[i].id.raw_u64 == ev->id.raw_u64)
			return i;
	}
	return -1;
}

static void fail(struct ukevent *ev, int err)
{
	ev->ret_flags |= KEVENT_RET_BROKEN;
	ev->ret_data[1] = err;
}

static int ctl_one(struct queue *q, unsigned int cmd, struct ukevent *ev)
{
	int at = find(q, ev);

	if (cmd == KEVENT_CTL_ADD) {
		if (at >= 0)
			return -EEXIST;
		if (ev->type >= KEVENT_MAX)
			return -ENOSYS;
		if (q->nr == NR_INTERESTS)
			return -ENOSPC;
		q->interests[q->nr++] = *ev;
		return 0;
	}
	if (at < 0)
		return -ENOENT;
	if (cmd == KEVENT_CTL_REMOVE)
		q->interests[at] = q->interests[--q->nr];
	else if (cmd == KEVENT_CTL_MODIFY)
		q->interests[at] = *ev;
	else
		push_ready(q, &q->interests[at]);
	return 0;
}

int kevent_ctl(int fd, unsigned int cmd, unsigned int num, struct ukevent *arg)
{
	struct queue *q = enter(fd);
	unsigned int i, failed = 0;

	if (cmd == KEVENT_CTL_READY && !num) {
		q->kicked = true;
		pthread_cond_signal(&q->cond);
	}
	for (i = 0; i < num; i++) {
		int err = ctl_one(q, cmd, &arg[i]);
		struct ukevent tmp = arg[i];

		if (cmd == KEVENT_CTL_REMOVE || cmd == KEVENT_CTL_MODIFY || err)
			tmp.ret_flags |= KEVENT_RET_DONE;
		if (err)
			fail(&tmp, err);
		arg[i] = tmp;
		if (err && (cmd == KEVENT_CTL_ADD || cmd == KEVENT_CTL_READY)) {
			arg[i] = arg[failed];
			arg[failed++] = tmp;
		}
	}
	if (q->map)
		map_flush(q);
	if (q->nr_ready || (q->map && pending(q)))
		pthread_cond_broadcast(&q->cond);
	leave(q);
	return cmd == KEVENT_CTL_READY ? num - failed : failed;
}

/* Sleep until there may be something; false at the time-out. */
static bool doze(struct queue *q, const struct __kernel_timespec *timeout, unsigned int flags,
		 struct timespec *end)
{
	bool absolute = flags & KEVENT_FLAGS_ABSTIME;

	if (flags & KEVENT_FLAGS_ARGS)
		timeout = (void *)(uintptr_t)((const struct kevent_args *)timeout)->timeout;
	if (!timeout)
		return !pthread_cond_wait(&q->cond, &q->lock);
	if (!end->tv_sec) {
		if (!absolute)
			clock_gettime(CLOCK_MONOTONIC, end);
		end->tv_sec += timeout->tv_sec;
		end->tv_nsec += timeout->tv_nsec;
		if (end->tv_nsec >= 1000000000) {
			end->tv_nsec -= 1000000000;
			end->tv_sec++;
		}
	}
	return !pthread_cond_timedwait(&q->cond, &q->lock, end);
}

static bool take_kick(struct queue *q)
{
	bool kicked = q->kicked;

	q->kicked = false;
	return kicked;
}

int kevent_get_events(int fd, unsigned int min_nr, unsigned int max_nr,
		      const struct __kernel_timespec *timeout, struct ukevent *buf,
		      unsigned int flags)
{
	struct timespec end = {};
	struct queue *q = enter(fd);
	unsigned int nr = 0;

	if (is_foreign(q)) {
		leave(q);
		return -EXDEV;
	}
	while (q->nr_ready < min_nr && !take_kick(q) && doze(q, timeout, flags, &end))
		;
	while (nr < max_nr && q->nr_ready)
		buf[nr++] = *pop_ready(q);
	leave(q);
	return nr;
}

int kevent_wait(int fd, unsigned int num, unsigned int old_uidx,
		const struct __kernel_timespec *timeout, unsigned int flags)
{
	struct timespec end = {};
	struct queue *q = enter(fd);
	int nr;

	if (q->map) {
		for (;;) {
			map_flush(q);
			nr = pending(q);
			if (nr || take_kick(q) || !doze(q, timeout, flags, &end))
				break;
		}
		if (num && (unsigned int)nr > num)
			nr = num;
	} else if (is_foreign(q)) {
		nr = -EXDEV;
	} else if (!q->ring || num > q->size) {
		nr = -EINVAL;
	} else {
		while (!(q->nr_ready && ring_used(q) < q->size - 1) && old_uidx == q->uidx &&
		       !take_kick(q) && doze(q, timeout, flags, &end))
			;
		nr = ring_move(q, num);
	}
	leave(q);
	return nr;
}

int kevent_commit(int fd, unsigned int new_uidx, unsigned int over)
{
	struct queue *q = enter(fd);
	int nr = 0;

	if (q->map) {
		nr = new_uidx - __atomic_load_n(&q->tail->uidx, __ATOMIC_SEQ_CST);
		if (nr > 0)
			__atomic_store_n(&q->tail->uidx, new_uidx, __ATOMIC_SEQ_CST);
		map_flush(q);
	} else if (is_foreign(q)) {
		nr = -EXDEV;
	} else if (q->ring) {
		nr = ring_commit(q, new_uidx, over);
		if (nr > 0)
			pthread_cond_broadcast(&q->cond);
	}
	leave(q);
	return nr;
}
