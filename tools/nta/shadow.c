// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shadow map: one tag per unit of the arena, and patterns in the chunks.
 */

#include "shadow.h"

/* Between the ends of a chunk every so many words are looked at. */
#define SHADOW_STRIDE	61

static u32 *shadow_map;

static size_t shadow_len(void)
{
	return (shim_arena_pages << PAGE_SHIFT) >> NTA_UNIT_SHIFT;
}

/**
 * shadow_init() - make the map, after the arena
 */
void shadow_init(void)
{
	shadow_map = calloc(shadow_len(), sizeof(*shadow_map));
	if (!shadow_map)
		model_die("no memory for the shadow map");
}

/**
 * shadow_reset() - forget all chunks
 */
void shadow_reset(void)
{
	memset(shadow_map, 0, shadow_len() * sizeof(*shadow_map));
}

static u32 *shadow_at(const struct shadow_chunk *chunk)
{
	return shadow_map + (((char *)chunk->ptr - shim_arena) >>
			     NTA_UNIT_SHIFT);
}

/**
 * shadow_take() - NTA handed out a chunk
 * @chunk: the chunk
 *
 * Return: NULL, or what is wrong with it.
 */
const char *shadow_take(const struct shadow_chunk *chunk)
{
	unsigned int i, units = chunk->size >> NTA_UNIT_SHIFT;
	u32 *map = shadow_at(chunk);

	if ((uintptr_t)chunk->ptr & (NTA_UNIT - 1))
		return "a chunk is not aligned";
	if (!nta_owns(chunk->ptr) ||
	    !nta_owns((char *)chunk->ptr + chunk->size - 1))
		return "a chunk is not inside a node";
	if (chunk->size < chunk->need)
		return "a chunk is too short";
	if (chunk->size - chunk->need >= NTA_UNIT)
		return "a chunk is longer than whole units need";
	for (i = 0; i < units; i++) {
		if (map[i])
			return "a chunk overlaps another one";
		map[i] = chunk->tag;
	}
	return NULL;
}

/**
 * shadow_drop() - a chunk goes back to NTA
 * @chunk: the chunk
 *
 * Return: NULL, or what is wrong.
 */
const char *shadow_drop(const struct shadow_chunk *chunk)
{
	unsigned int i, units = chunk->size >> NTA_UNIT_SHIFT;
	u32 *map = shadow_at(chunk);

	for (i = 0; i < units; i++) {
		if (map[i] != chunk->tag)
			return "the shadow map has another owner";
		map[i] = 0;
	}
	return NULL;
}

static unsigned long shadow_word(const struct shadow_chunk *chunk,
				 unsigned long i)
{
	return (chunk->tag * 0x9e3779b97f4a7c15UL) ^ (i * 0xd6e8feb86659fd93UL);
}

/* The next word to look at after @i. */
static unsigned long shadow_step(unsigned long i, unsigned long words,
				 bool full)
{
	if (full || i < 8 || i + 8 >= words)
		return i + 1;
	i += SHADOW_STRIDE;
	return i + 8 < words ? i : words - 8;
}

/**
 * shadow_fill() - write the pattern
 * @chunk: the chunk
 * @full: every word; else the ends and samples between
 */
void shadow_fill(const struct shadow_chunk *chunk, bool full)
{
	unsigned long i, words = chunk->size / sizeof(long);
	unsigned long *word = chunk->ptr;

	for (i = 0; i < words; i = shadow_step(i, words, full))
		word[i] = shadow_word(chunk, i);
}

/**
 * shadow_verify() - read the pattern
 * @chunk: the chunk
 * @full: as it was written
 *
 * Return: NULL, or what is wrong.
 */
const char *shadow_verify(const struct shadow_chunk *chunk, bool full)
{
	unsigned long i, words = chunk->size / sizeof(long);
	const unsigned long *word = chunk->ptr;

	for (i = 0; i < words; i = shadow_step(i, words, full))
		if (word[i] != shadow_word(chunk, i))
			return "somebody wrote to a chunk in use";
	return NULL;
}

/**
 * shadow_check_live() - does NTA know of as many chunks as we do?
 * @in_use: chunks not freed
 * @held: chunks freed, but held
 *
 * Nobody else may use NTA meanwhile.
 *
 * Return: NULL, or the rule that is broken.
 */
const char *shadow_check_live(unsigned long in_use, unsigned long held)
{
	unsigned long live = 0, queued = 0, dropped = 0;
	static char msg[256];
	const char *err;
	int cpu;

	if (nta_check_all(msg, sizeof(msg)))
		return msg;
	for_each_possible_cpu(cpu) {
		err = nta_check_cpu(per_cpu_ptr(&nta_cpu, cpu), &live,
				    &queued);
		if (err)
			return err;
		dropped += per_cpu_ptr(&nta_cpu, cpu)->stats.quarantined;
	}
	if (live - queued - dropped != in_use + held) {
		snprintf(msg, sizeof(msg),
			 "NTA has %lu chunks in use, %lu in use and %lu held are right",
			 live - queued - dropped, in_use, held);
		return msg;
	}
	return NULL;
}

/**
 * shadow_check_empty() - was everything given back that was taken?
 *
 * Call it when all chunks are free and no other thread uses NTA. Lets time
 * pass and takes all CPUs down but one.
 *
 * Return: NULL, or the rule that is broken.
 */
const char *shadow_check_empty(void)
{
	unsigned long reserve = 0;
	struct nta_cpu *c;
	const char *err;
	int cpu;

	for_each_possible_cpu(cpu)
		if (!shim_cpu_is_online(cpu))
			shim_cpu_up(cpu);
	shim_settle();
	err = shadow_check_live(0, 0);
	if (err)
		return err;
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&nta_cpu, cpu);
		if (c->nr_nodes != c->nr_whole)
			return "a CPU keeps a node with nothing in use";
		if (c->nr_nodes > NTA_RESERVE)
			return "a CPU keeps more than its reserve";
		reserve += c->nr_units >> (PAGE_SHIFT - NTA_UNIT_SHIFT);
	}
	if (shim_pages_used() != reserve)
		return "pages were lost";

	shim_set_cpu(0);
	for (cpu = 1; cpu < NR_CPUS; cpu++)
		shim_cpu_down(cpu);
	shim_settle();
	c = per_cpu_ptr(&nta_cpu, 0);
	if (shim_pages_used() != c->nr_units >> (PAGE_SHIFT - NTA_UNIT_SHIFT))
		return "pages were lost with a CPU";
	err = shadow_check_live(0, 0);
	if (err)
		return err;
	return shim_warnings() ? "there were warnings" : NULL;
}
