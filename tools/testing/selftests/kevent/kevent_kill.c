// SPDX-License-Identifier: GPL-2.0
/*
 * Kill processes, and cancel threads, that use kevent, at random moments.
 * Prints TAP.
 *
 *   kevent_kill [-n COUNT] [-s SEED]
 *
 *   -n COUNT   how many to kill, of each kind (100)
 *   -s SEED    where to begin (1)
 *
 * A victim counts its steps, and is killed after a random number of them.
 * Victims that fetch events share the killer's memory, where the ring is.
 * Afterwards each event is in the ring, once and in order, or still in the
 * queue. Other victims have a copy of the memory: some close many interests,
 * which are not charged to the user afterwards.
 * Exit: 0, 1 a point failed, 2 wrong call.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"

#include "kevent_test.h"

#define RING_SIZE	512
#define NR_EVENTS	(RING_SIZE - 1)
#define MAX_VICTIMS	3
#define STACK_SIZE	65536
#define NR_CLOSED	256

static unsigned int nr_kills = 100;
static unsigned int seed = 1;

/* Shared by the killer and all victims, even those with a copy of the rest. */
struct shared {
	volatile unsigned int	steps;
	struct kevent_ring	ring;
	struct ukevent		slots[RING_SIZE];
};

static struct shared *shared;
static int queue;

static unsigned int next(unsigned int *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void step(void)
{
	__atomic_add_fetch(&shared->steps, 1, __ATOMIC_SEQ_CST);
}

/* === Victims: endless ==================================================== */

static void victim_get(unsigned int chance)
{
	struct __kernel_timespec ts = ms(chance & 1 ? 1 : 1000);
	struct ukevent ev[16];

	for (;;) {
		kevent_get_events(queue, 1, 1 + chance % 16,
				  chance & 4 ? NULL : &ts, ev, 0);
		step();
	}
}

static void victim_wait(unsigned int chance)
{
	struct __kernel_timespec ts = ms(chance & 1 ? 1 : 1000);

	for (;;) {
		kevent_wait(queue, 1 + chance % 16, 0, chance & 4 ? NULL : &ts,
			    0);
		step();
	}
}

/* Queues and what they watch, of its own. */
static void victim_churn(unsigned int chance)
{
	struct ukevent ev[16];
	struct map map = { 0 };
	int i, kq, p[2];

	for (;;) {
		kq = kevent_init(NULL, 0, 0);
		step();
		if (kq < 0 || pipe2(p, O_NONBLOCK) || map_open(&map, 8))
			_exit(1);
		step();
		for (i = 0; i < 16; i++)
			ev[i] = interest(i % 3 ? KEVENT_USER : KEVENT_PIPE,
					 p[0], KEVENT_SOCKET_RECV * !(i % 3),
					 KEVENT_REQ_COOKIE);
		for (i = 0; i < 16; i++)
			ev[i].cookie = i;
		kevent_ctl(kq, KEVENT_CTL_ADD, 16, ev);
		step();
		kevent_ctl(map.fd, KEVENT_CTL_ADD, 16, ev);
		add_fd(map.fd, KEVENT_POLL, kq, KEVENT_POLL_POLLIN, 0);
		step();
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		step();
		get(kq, ev, 16, 0);
		map_wait(&map, 0);
		while (map_take(&map, ev))
			step();
		if (chance & 1)
			close(p[0]);
		if (chance & 2)
			close(kq);
		map_close(&map);
		step();
		if (!(chance & 1))
			close(p[0]);
		if (!(chance & 2))
			close(kq);
		close(p[1]);
		step();
	}
}

/* Close descriptors with many interests, one of them a copy; and the queue. */
static void victim_close(unsigned int chance)
{
	struct map map = { 0 };
	struct ukevent ev[64];
	int i, n, p[2], copy;

	for (;;) {
		if (pipe2(p, O_NONBLOCK) || map_open(&map, NR_CLOSED))
			_exit(1);
		copy = dup(p[0]);
		for (n = 0; n < NR_CLOSED; n += 64) {
			for (i = 0; i < 64; i++) {
				ev[i] = interest(KEVENT_PIPE,
						 i & 1 ? p[0] : copy,
						 KEVENT_SOCKET_RECV,
						 KEVENT_REQ_COOKIE |
						 KEVENT_REQ_WAKEUP_ALL |
						 KEVENT_REQ_ET);
				ev[i].cookie = n + i;
			}
			if (kevent_ctl(map.fd, KEVENT_CTL_ADD, 64, ev))
				_exit(1);
		}
		step();
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		close(p[chance & 1]);
		step();
		map_close(&map);
		step();
		close(copy);
		close(p[!(chance & 1)]);
		step();
	}
}

/* === The killer ========================================================== */

static int feed(unsigned int id)
{
	return add(queue, interest(KEVENT_USER, id, 0, KEVENT_REQ_ONESHOT |
				   KEVENT_REQ_READY));
}

/* What nobody fetched is fetched here; then all of it must be there. */
static int is_complete(unsigned int nr)
{
	struct __kernel_timespec now = ms(0);
	unsigned int i;

	while (kevent_wait(queue, RING_SIZE, 0, &now, 0) > 0)
		;
	if (shared->ring.ring_kidx != nr) {
		ksft_print_msg("%u of %u events in the ring\n",
			       shared->ring.ring_kidx, nr);
		return 0;
	}
	for (i = 0; i < nr; i++) {
		struct ukevent *ev = &shared->ring.event[i];

		if (ev->id.raw_u64 == i && ev->cookie == i + 1000 &&
		    ev->type == KEVENT_USER &&
		    ev->ret_flags == KEVENT_RET_DONE)
			continue;
		ksft_print_msg("slot %u has event %llu, flags %#x\n", i,
			       (unsigned long long)ev->id.raw_u64,
			       ev->ret_flags);
		return 0;
	}
	return 1;
}

static int begin(void)
{
	memset(shared, 0, sizeof(*shared));
	queue = kevent_init(&shared->ring, RING_SIZE, 0);
	return queue < 0;
}

/*
 * Events while the victims make their steps: one, until the first of them is
 * there, then as fast as they come. Those that need no events go on without.
 */
static int feed_until(unsigned int after, void (*victim)(unsigned int),
		      unsigned int *nr)
{
	if (feed((*nr)++))
		return 1;
	while (!shared->steps)
		sched_yield();
	while (shared->steps < after) {
		if (*nr < NR_EVENTS - 32) {
			if (feed((*nr)++))
				return 1;
		} else if (victim == victim_get || victim == victim_wait) {
			break;
		}
		sched_yield();
	}
	return 0;
}

struct start {
	void		(*victim)(unsigned int chance);
	unsigned int	chance;
};

static int start_victim(void *arg)
{
	struct start *start = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	start->victim(start->chance);
	return 0;
}

/*
 * Start a victim as a process. One that fetches events needs the memory of the
 * ring. Any other gets a copy: when it is killed, its mappings must not stay in
 * the killer's memory.
 */
static pid_t start(struct start *start, unsigned int nr)
{
	static char stack[MAX_VICTIMS][STACK_SIZE]
		__attribute__((aligned(64)));
	int flags = SIGCHLD;

	if (start->victim == victim_get || start->victim == victim_wait)
		flags |= CLONE_VM;
	return clone(start_victim, stack[nr] + STACK_SIZE, flags, start);
}

static int kill_one(void (*victim)(unsigned int), unsigned int nr_victims,
		    unsigned int *state)
{
	unsigned int after = next(state) % 300, chance = next(state);
	struct start starts[MAX_VICTIMS];
	unsigned int i, nr = 0;
	pid_t pid[MAX_VICTIMS];
	int status, bad;

	if (begin())
		return 1;
	for (i = 0; i < nr_victims; i++) {
		starts[i].victim = victim;
		starts[i].chance = chance >> i;
		pid[i] = start(&starts[i], i);
		if (pid[i] < 0)
			return 1;
	}
	bad = feed_until(after, victim, &nr);
	for (i = 0; i < nr_victims; i++) {
		kill(pid[i], SIGKILL);
		/* While it dies. */
		bad |= feed(nr++);
	}
	for (i = 0; i < nr_victims; i++) {
		waitpid(pid[i], &status, 0);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
			ksft_print_msg("a victim ended by itself: %#x\n",
				       status);
			bad = 1;
		}
	}
	if (!bad && !is_complete(nr))
		bad = 1;
	if (bad)
		ksft_print_msg("after %u steps, chance %#x\n", after, chance);
	close(queue);
	return bad;
}

static int kill_many(void (*victim)(unsigned int), unsigned int nr_victims)
{
	unsigned int state = seed, i;

	for (i = 0; i < nr_kills; i++)
		if (kill_one(victim, nr_victims, &state)) {
			ksft_print_msg("kill %u of %u\n", i + 1, nr_kills);
			return 1;
		}
	return 0;
}

struct thread {
	pthread_t	thread;
	void		(*victim)(unsigned int chance);
	unsigned int	chance;
};

static void *thread_run(void *arg)
{
	struct thread *t = arg;

	/* Anywhere, also in the middle of a call. */
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	t->victim(t->chance);
	return NULL;
}

static int cancel_one(void (*victim)(unsigned int), unsigned int *state)
{
	unsigned int after = next(state) % 300, chance = next(state);
	struct thread t[MAX_VICTIMS];
	unsigned int i, nr = 0;
	int bad;

	if (begin())
		return 1;
	for (i = 0; i < MAX_VICTIMS; i++) {
		t[i].victim = victim;
		t[i].chance = chance >> i;
		if (pthread_create(&t[i].thread, NULL, thread_run, &t[i]))
			return 1;
	}
	bad = feed_until(after, victim, &nr);
	for (i = 0; i < MAX_VICTIMS; i++) {
		pthread_cancel(t[i].thread);
		bad |= feed(nr++);
	}
	for (i = 0; i < MAX_VICTIMS; i++)
		pthread_join(t[i].thread, NULL);
	if (!bad && !is_complete(nr))
		bad = 1;
	if (bad)
		ksft_print_msg("after %u steps, chance %#x\n", after, chance);
	close(queue);
	return bad;
}

static int cancel_many(void (*victim)(unsigned int))
{
	unsigned int state = seed, i;

	for (i = 0; i < nr_kills; i++)
		if (cancel_one(victim, &state)) {
			ksft_print_msg("cancel %u of %u\n", i + 1, nr_kills);
			return 1;
		}
	return 0;
}

static int kill_in_get_events(void)
{
	return kill_many(victim_get, 1);
}

static int kill_in_wait(void)
{
	return kill_many(victim_wait, 1);
}

static int kill_three_in_get_events(void)
{
	return kill_many(victim_get, 3);
}

static int kill_three_in_wait(void)
{
	return kill_many(victim_wait, 3);
}

static int kill_in_ctl(void)
{
	return kill_many(victim_churn, 2);
}

/*
 * The interests of killed victims are not charged any more: with a low limit,
 * the user can still add one.
 */
static int all_is_given_back(void)
{
	static const char name[] = "/proc/sys/kernel/kevent_max_user";
	unsigned long limit = 0;
	int bad = 1, kq, i;
	char text[32];
	FILE *file;

	file = fopen(name, "r");
	if (!file || fscanf(file, "%lu", &limit) != 1) {
		ksft_print_msg("cannot read %s\n", name);
		return 0;
	}
	fclose(file);
	kq = open(name, O_WRONLY);
	if (kq < 0 || write(kq, "64", 2) != 2) {
		ksft_print_msg("cannot write %s: run as root\n", name);
		return 0;
	}
	close(kq);
	/* A worker may still be freeing them. */
	for (i = 0; bad && i < LONG_MS / 10; i++) {
		kq = kevent_init(NULL, 0, 0);
		bad = add(kq, interest(KEVENT_USER, 1, 0, 0)) != 0;
		close(kq);
		if (bad)
			usleep(10000);
	}
	if (bad)
		ksft_print_msg("interests of killed victims are still charged\n");
	kq = open(name, O_WRONLY);
	snprintf(text, sizeof(text), "%lu", limit);
	bad |= write(kq, text, strlen(text)) != (ssize_t)strlen(text);
	close(kq);
	return !bad;
}

static int kill_in_close(void)
{
	return kill_many(victim_close, 2) || !all_is_given_back();
}

static int cancel_in_get_events(void)
{
	return cancel_many(victim_get);
}

static int cancel_in_wait(void)
{
	return cancel_many(victim_wait);
}

static const struct {
	const char	*name;
	int		(*run)(void);
} points[] = {
	{ "kill_in_get_events", kill_in_get_events },
	{ "kill_in_wait", kill_in_wait },
	{ "kill_three_in_get_events", kill_three_in_get_events },
	{ "kill_three_in_wait", kill_three_in_wait },
	{ "kill_in_ctl", kill_in_ctl },
	{ "kill_in_close", kill_in_close },
	{ "cancel_in_get_events", cancel_in_get_events },
	{ "cancel_in_wait", cancel_in_wait },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:h")) != -1) {
		switch (opt) {
		case 'n':
			nr_kills = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: kevent_kill [-n COUNT] [-s SEED]\n");
			return 2;
		}
	}
	if (!nr_kills) {
		fprintf(stderr, "kevent_kill: COUNT is at least 1\n");
		return 2;
	}
	ksft_print_header();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	ksft_set_plan(ARRAY_SIZE(points));
	for (i = 0; i < ARRAY_SIZE(points); i++)
		ksft_test_result(!points[i].run(), "%s\n", points[i].name);
	ksft_finished();
}
