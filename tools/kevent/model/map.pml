/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model of the mapped ring of <linux/kevent.h>: one kernel, two consumers.
 *
 *   spin -a [-DSLOTS=n] [-DSOURCES=n] [-DTRIGGERS=n] [-DLEVEL=1] map.pml
 *   cc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c; ./pan -m100000
 *
 * What is modelled
 *
 *   - SOURCES sources, each with one interest. A source has bytes to be read; a
 *     trigger adds one, then tells the queue. Edge-triggered, a consumer reads all.
 *     With LEVEL it reads one byte; kevent_wait() looks at the sources whose events
 *     were taken, without the lock, and tells those that have more.
 *   - A ring of SLOTS slots, with indices that run freely and wrap (modulo 16). With
 *     less slots than sources the ring overflows; one slot is less than the kernel
 *     allows, and the smallest such model.
 *   - One slot stands for several triggers while nobody has taken it.
 *   - What finds the ring full waits in a list in the kernel, in order, and flows
 *     in at the next trigger, kevent_wait() or kevent_commit().
 *   - Waiters are woken one by one, first come first served. Consumers sleep for
 *     ever, so that a wake-up that is lost is a deadlock.
 *   - The kernel works under the queue's lock. What it has for itself it changes in
 *     one step with the next load or store of shared memory; between those come
 *     steps of others. (A) to (D) are the letters of the header. Loads and stores
 *     are seen in the order in which they are made, as the header's acquire,
 *     release and full barriers demand; breaks 1 to 3 are one of those missing.
 *
 * What is proved, over all interleavings
 *
 *   - No event is lost: when nothing moves any more, nothing is left to be read,
 *     in the ring, or in the list; and both consumers sleep.
 *   - None is seen twice: each index is claimed once, in order.
 *   - No slot is torn: what was claimed is what was written for that index.
 *   - No wake-up is lost: no consumer sleeps while an event is in the ring, unless
 *     one is awake to take it.
 *   - The list never has more than one entry per interest, the ring never more
 *     than its slots.
 *
 * To see it fail: -DBREAK=n
 *
 *   1  consumers act, then move uidx        a trigger in between is lost: (C)
 *   2  the kernel loads uidx before the     the same from the other side: (D)
 *      source changes its state
 *   3  kidx is stored before the slot       a slot that was not written: (A)
 *   4  uidx is stored, not exchanged        two consumers see one event
 *   5  kevent_wait() looks, then queues     sleeps while an event is in the ring
 *      itself without looking again
 *   6  what waits for room does not flow    lost in the kernel's list
 *      in at kevent_wait()
 *   7  with LEVEL: an event that was told   never looked at again
 *      while its source was looked at is
 *      not to be looked at once more
 */

#ifndef BREAK
#define BREAK 0
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef SOURCES
#define SOURCES 2
#endif
#ifndef LEVEL
#define LEVEL 0
#endif
#ifndef TRIGGERS
#define TRIGGERS 2	/* of each source */
#endif

#define CONSUMERS	2
#define WRAP		16
#define FIRST		14	/* so that indices wrap soon */
#define NONE		255

/* === Shared memory ======================================================== */

byte kidx = FIRST;		/* written by the kernel */
byte slot_source[SLOTS];
byte slot_stamp[SLOTS];		/* the index that it was written for */
byte uidx = FIRST;		/* written by consumers */

/* === The kernel's own ===================================================== */

bit locked;
byte data[SOURCES];		/* bytes to be read; an edge does not count them */
byte pos[SOURCES] = NONE;	/* index of the slot written last */
bit listed[SOURCES];		/* waits for room */
bit check[SOURCES];		/* LEVEL: was told, to be looked at */
bit mtx;			/* LEVEL: one looks at a time */
chan overflow = [SOURCES] of { byte };
chan waiters = [CONSUMERS] of { byte };
bit asleep[CONSUMERS];

/* === What the proof needs ================================================= */

byte nr_claimed;

#define pending(u)	((kidx + WRAP - (u)) % WRAP)
#define untaken(s, u)	(pos[s] != NONE && \
			 (kidx + WRAP - 1 - pos[s]) % WRAP < pending(u))

/* Write the next slot; there is room, and the caller loaded uidx. */
inline put(s)
{
	assert(pending(uidx) < SLOTS);
	pos[s] = kidx;
#if BREAK == 3
	kidx = (kidx + 1) % WRAP;
	slot_source[pos[s] % SLOTS] = s;
	slot_stamp[pos[s] % SLOTS] = pos[s];
#else
	slot_source[kidx % SLOTS] = s;
	slot_stamp[kidx % SLOTS] = kidx;
#if LEVEL
	check[s] = 1;
#endif
	kidx = (kidx + 1) % WRAP;	/* (A) */
#endif
}

inline flush(s)
{
	do
	:: atomic { nempty(overflow) && pending(uidx) < SLOTS ->
		overflow?s;
		listed[s] = 0 };
		put(s)
	:: atomic { empty(overflow) || pending(uidx) >= SLOTS -> s = 0 };
		break
	od
}

/* It is news: to the ring, or to the list. */
inline tell(me)
{
	flush(s);
	if
	:: empty(overflow) && pending(uidx) < SLOTS ->
		put(me)
	:: else ->
		atomic { listed[me] = 1; overflow!me }
	fi
}

/* Wake the one that has waited longest. */
inline wake()
{
	atomic {
		if
		:: nempty(waiters) -> waiters?s; asleep[s] = 0; s = 0
		:: empty(waiters)
		fi
	}
}

#if LEVEL
#define add(n)	n++
#else
#define add(n)	n = 1
#endif

/* A source's thread: change the state, tell the queue. */
proctype source(byte me)
{
	byte left = TRIGGERS, s;
	bit join;

	do
	:: left > 0 ->
#if BREAK == 2
		atomic { !locked -> locked = 1; join = listed[me] || untaken(me, uidx) };
		add(data[me]);
#else
		add(data[me]);
		/* (D) */
		atomic { !locked -> locked = 1; join = listed[me] || untaken(me, uidx) };
#endif
		if
		:: join
			/* The slot was not taken: it stands for this, too. */
		:: else ->
			tell(me);
			wake()
		fi;
		atomic { locked = 0; join = 0; left-- }
	:: left == 0 -> break
	od
}

#if LEVEL
/*
 * Look at the sources whose events were taken. The lock is dropped meanwhile: a
 * source may be told, and its event be taken, before the answer is used. Who looks
 * takes one event itself, and wakes others for the rest.
 */
inline look()
{
	at = 0;
	told = 0;
	do
	:: at < SOURCES ->
		if
		:: atomic { check[at] && !untaken(at, uidx) -> check[at] = 0; locked = 0 };
			found = data[at] > 0;
			atomic { !locked -> locked = 1 };
#if BREAK == 7
			check[at] = 0;
#endif
			if
			:: found && !listed[at] && !untaken(at, uidx) ->
				tell(at);
				if
				:: told -> wake()
				:: else -> told = 1
				fi
			:: else
			fi;
			found = 0
		:: else
		fi;
		at++
	:: else -> break
	od;
	atomic { at = 0; told = 0 }
}
#endif

/* kevent_wait(fd, 0, uidx, NULL, 0) */
inline wait()
{
	do
	:: atomic { !locked && !mtx -> locked = 1; mtx = LEVEL };
#if BREAK != 6
		flush(s);
#endif
#if LEVEL
		look();
#endif
		if
		:: pending(uidx) > 0 ->
			atomic { locked = 0; mtx = 0 };
			break
		:: else ->
#if BREAK == 5
			locked = 0;
			atomic { !locked -> skip };
#endif
			atomic { asleep[me] = 1; waiters!me; locked = 0; mtx = 0 };
end:			!asleep[me]
		fi
	od
}

/* Do what the event asks for: read, all that is there or a byte. */
inline act(s)
{
#if LEVEL
	atomic {
		if
		:: data[s] > 0 -> data[s]--
		:: else
		fi
	}
#else
	data[s] = 0
#endif
}

proctype consumer(byte me)
{
	byte u, src, stamp, s;
	bit claimed;
#if LEVEL
	byte at;
	bit found, told;
#endif

	do
	:: u = uidx;
	   if
	   :: kidx == u -> u = 0; wait()
	   :: kidx != u ->		/* (B) */
		src = slot_source[u % SLOTS];
		stamp = slot_stamp[u % SLOTS];
#if BREAK == 1
		act(src);
#endif
		atomic {		/* (C) */
			if
#if BREAK == 4
			:: true ->
#else
			:: uidx == u ->
#endif
				uidx = (u + 1) % WRAP;
				nr_claimed++;
				claimed = 1;
				assert(stamp == u)
#if BREAK != 4
			:: else -> src = 0
#endif
			fi;
			u = 0;
			stamp = 0
		}
		if
		:: claimed ->
#if BREAK != 1
			act(src);
#endif
			atomic { claimed = 0; src = 0 }
		:: else
		fi
	   fi
	od
}

#define done(n)	((kidx + WRAP - FIRST) % WRAP == (n) % WRAP)

/* When nothing moves any more: is all as it should be? */
proctype observer()
{
	byte s;

	timeout;
	assert(_nr_pr == 4);	/* init, the consumers, this: no trigger is left */
	assert(asleep[0] && asleep[1]);
	assert(uidx == kidx && done(nr_claimed));
	assert(empty(overflow));
	do
	:: s < SOURCES -> assert(data[s] == 0); s++
	:: else -> break
	od
}

init {
	byte s;

	atomic {
		run observer();
		run consumer(0);
		run consumer(1);
		do
		:: s < SOURCES -> run source(s); s++
		:: else -> break
		od
	}
}
