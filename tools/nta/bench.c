// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model bench: nanoseconds per allocation and free, beside other
 * allocators.
 *
 * All are called through the same pointers, and each allocation is written to
 * once; "none" hands out the same buffer again and again, so it is what the
 * loop itself costs. Rounds are interleaved: every allocator runs once before
 * any runs again. The figure is the median, and half of the distance between
 * the quartiles.
 *
 * This compares algorithms in a process. What NTA saves in the kernel is
 * measured there.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#include "pow2.h"
#include "trace.h"

static const char bench_usage[] =
	"Usage: nta-model bench [OPTION]...\n"
	"Nanoseconds per allocation and free.\n\n"
	"  --rounds N   times to measure each     (11)\n"
	"  --ms N       length of one measurement (8)\n"
	"  --json       numbers as JSON\n"
	"  --smoke      only see whether all are there and work\n"
	"jemalloc and mimalloc are left out if their libraries are missing.\n";

#define BENCH_MAX_ROUNDS	101
#define BENCH_BURST		64
#define BENCH_LIVE		1024
#define BENCH_TRACE		16384
#define BENCH_RING		1024

struct bench_allocator {
	const char	*name;
	void		*(*alloc)(size_t size);
	void		(*free)(void *ptr, size_t size);
	bool		one_thread;
	bool		missing;
};

struct bench_case {
	const char	*name;
	/* @nr allocations and frees. */
	void		(*run)(const struct bench_allocator *with, size_t size,
			       unsigned long nr);
	size_t		size;
	bool		threads;
};

static struct {
	unsigned long	rounds, ms;
	int		json, smoke;
} bench_opt = { .rounds = 11, .ms = 8 };

/* === Allocators ========================================================== */

static char bench_buffer[1 << 17];

static void *bench_none_alloc(size_t size)
{
	return bench_buffer;
}

static void bench_none_free(void *ptr, size_t size)
{
}

static void *bench_nta_alloc(size_t size)
{
	unsigned int got;

	return nta_alloc_head(size, &got, GFP_ATOMIC, NUMA_NO_NODE) ?:
	       nta_alloc_head(size, &got, GFP_KERNEL, NUMA_NO_NODE);
}

static void bench_nta_free(void *ptr, size_t size)
{
	/* The stack knows the size in whole units. */
	nta_free_head(ptr, (size + NTA_UNIT - 1) & ~(NTA_UNIT - 1));
}

static void bench_pow2_free(void *ptr, size_t size)
{
	pow2_free(ptr);
}

static void *(*bench_je_malloc)(size_t size);
static void (*bench_je_sdallocx)(void *ptr, size_t size, int flags);
static void *(*bench_mi_malloc)(size_t size);
static void (*bench_mi_free_size)(void *ptr, size_t size);

static void *bench_glibc_alloc(size_t size)
{
	return malloc(size);
}

static void bench_glibc_free(void *ptr, size_t size)
{
	free(ptr);
}

static void *bench_je_alloc(size_t size)
{
	return bench_je_malloc(size);
}

static void bench_je_free(void *ptr, size_t size)
{
	bench_je_sdallocx(ptr, size, 0);
}

static void *bench_mi_alloc(size_t size)
{
	return bench_mi_malloc(size);
}

static void bench_mi_free(void *ptr, size_t size)
{
	bench_mi_free_size(ptr, size);
}

static struct bench_allocator bench_allocators[] = {
	{ "none", bench_none_alloc, bench_none_free, false, false },
	{ "NTA", bench_nta_alloc, bench_nta_free, false, false },
	{ "pow2", pow2_alloc, bench_pow2_free, true, false },
	{ "glibc", bench_glibc_alloc, bench_glibc_free, false, false },
	{ "jemalloc", bench_je_alloc, bench_je_free, false, true },
	{ "mimalloc", bench_mi_alloc, bench_mi_free, false, true },
};

#define BENCH_ALLOCATORS	ARRAY_SIZE(bench_allocators)

#define BENCH_TUNABLE	"glibc.rtld.optional_static_tls=16384"

/*
 * Libraries that are loaded beside libc's malloc, not in its place. They want
 * more static TLS than glibc has left after the start, so start again with
 * more.
 */
static void bench_load(char **argv)
{
	void *lib = dlopen("libjemalloc.so.2", RTLD_NOW | RTLD_LOCAL);

	if (!lib && !getenv("GLIBC_TUNABLES")) {
		setenv("GLIBC_TUNABLES", BENCH_TUNABLE, 1);
		execv("/proc/self/exe", argv);
	}
	if (lib) {
		bench_je_malloc = (void *(*)(size_t))dlsym(lib, "malloc");
		bench_je_sdallocx = (void (*)(void *, size_t, int))
			dlsym(lib, "sdallocx");
		bench_allocators[4].missing =
			!bench_je_malloc || !bench_je_sdallocx;
	}
	lib = dlopen("libmimalloc.so.2.0", RTLD_NOW | RTLD_LOCAL) ?:
	      dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL) ?:
	      dlopen("libmimalloc.so", RTLD_NOW | RTLD_LOCAL);
	if (lib) {
		bench_mi_malloc = (void *(*)(size_t))dlsym(lib, "mi_malloc");
		bench_mi_free_size = (void (*)(void *, size_t))
			dlsym(lib, "mi_free_size");
		bench_allocators[5].missing =
			!bench_mi_malloc || !bench_mi_free_size;
	}
}

/* === Cases =============================================================== */

static void *bench_take(const struct bench_allocator *with, size_t size)
{
	unsigned long *ptr = with->alloc(size);

	if (!ptr)
		model_die("bench: %s has no memory", with->name);
	WRITE_ONCE(*ptr, size);
	return ptr;
}

static void bench_same(const struct bench_allocator *with, size_t size,
		       unsigned long nr)
{
	while (nr--)
		with->free(bench_take(with, size), size);
}

static void bench_burst(const struct bench_allocator *with, size_t size,
			unsigned long nr)
{
	void *ptr[BENCH_BURST];
	unsigned int i;

	for (; nr >= BENCH_BURST; nr -= BENCH_BURST) {
		for (i = 0; i < BENCH_BURST; i++)
			ptr[i] = bench_take(with, size);
		for (i = 0; i < BENCH_BURST; i++)
			with->free(ptr[i], size);
	}
}

static unsigned int bench_trace[BENCH_TRACE];

/* Packets of all sizes; each leaves when BENCH_LIVE others have come. */
static void bench_mixed(const struct bench_allocator *with, size_t size,
			unsigned long nr)
{
	static void *ptr[BENCH_LIVE];
	static unsigned int len[BENCH_LIVE];
	unsigned int i;

	while (nr--) {
		i = nr % BENCH_LIVE;
		if (ptr[i])
			with->free(ptr[i], len[i]);
		len[i] = bench_trace[nr % BENCH_TRACE];
		ptr[i] = bench_take(with, len[i]);
	}
	for (i = 0; i < BENCH_LIVE; i++) {
		if (ptr[i])
			with->free(ptr[i], len[i]);
		ptr[i] = NULL;
	}
}

/* One producer, one consumer. */
static struct {
	unsigned long	head __attribute__((__aligned__(64)));
	unsigned long	tail __attribute__((__aligned__(64)));
	void		*slot[BENCH_RING];
} bench_ring;

struct bench_consumer {
	const struct bench_allocator *with;
	size_t size;
	unsigned long nr;
};

static void *bench_consume(void *data)
{
	const struct bench_consumer *me = data;
	unsigned long tail, head = 0;

	shim_set_cpu(1);
	for (tail = 0; tail < me->nr; tail++) {
		while (head == tail) {
			head = __atomic_load_n(&bench_ring.head,
					       __ATOMIC_ACQUIRE);
			if (head == tail)
				sched_yield();
		}
		me->with->free(bench_ring.slot[tail % BENCH_RING], me->size);
		__atomic_store_n(&bench_ring.tail, tail + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void bench_pipeline(const struct bench_allocator *with, size_t size,
			   unsigned long nr)
{
	struct bench_consumer consumer = { with, size, nr };
	unsigned long head, tail = 0;
	pthread_t thread;
	void *ptr;

	bench_ring.head = 0;
	bench_ring.tail = 0;
	if (pthread_create(&thread, NULL, bench_consume, &consumer))
		model_die("no thread");
	for (head = 0; head < nr; head++) {
		ptr = bench_take(with, size);
		while (head - tail == BENCH_RING) {
			tail = __atomic_load_n(&bench_ring.tail,
					       __ATOMIC_ACQUIRE);
			if (head - tail == BENCH_RING)
				sched_yield();
		}
		bench_ring.slot[head % BENCH_RING] = ptr;
		__atomic_store_n(&bench_ring.head, head + 1, __ATOMIC_RELEASE);
	}
	pthread_join(thread, NULL);
}

static const struct bench_case bench_cases[] = {
	{ "same size", bench_same, 128, false },
	{ "same size", bench_same, 256, false },
	{ "same size", bench_same, 640, false },
	{ "same size", bench_same, 1024, false },
	{ "same size", bench_same, 1984, false },
	{ "same size", bench_same, 4096, false },
	{ "same size", bench_same, 9408, false },
	{ "same size", bench_same, 16384, false },
	{ "same size", bench_same, 32768, false },
	{ "same size", bench_same, 65536, false },
	{ "bursts of 64", bench_burst, 640, false },
	{ "bursts of 64", bench_burst, 1984, false },
	{ "bursts of 64", bench_burst, 9408, false },
	{ "mixed, 1024 live", bench_mixed, 0, false },
	{ "freed elsewhere", bench_pipeline, 640, true },
	{ "freed elsewhere", bench_pipeline, 1984, true },
};

#define BENCH_CASES	ARRAY_SIZE(bench_cases)

/* === Measuring =========================================================== */

struct bench_result {
	double ns[BENCH_MAX_ROUNDS];
	double median;
	double spread;		/* half of the distance of the quartiles */
};

static struct bench_result bench_results[BENCH_CASES][BENCH_ALLOCATORS];

static double bench_measure(const struct bench_case *one,
			    const struct bench_allocator *with,
			    unsigned long nr)
{
	double start = model_seconds();

	one->run(with, one->size, nr);
	return (model_seconds() - start) / nr * 1e9;
}

/* How many allocations take so long; warms up as well. */
static unsigned long bench_calibrate(const struct bench_case *one,
				     const struct bench_allocator *with)
{
	unsigned long nr = 4096;
	double ns;

	if (bench_opt.smoke)
		return nr;
	for (;;) {
		ns = bench_measure(one, with, nr) * nr;
		if (ns > bench_opt.ms * 1e5)
			return max(4096UL, (unsigned long)
				   (nr * bench_opt.ms * 1e6 / ns));
		nr *= 4;
	}
}

static int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void bench_run_case(unsigned int nr_case)
{
	const struct bench_case *one = &bench_cases[nr_case];
	unsigned long nr[BENCH_ALLOCATORS] = {}, round;
	struct bench_result *result;
	unsigned int i;

	for (i = 0; i < BENCH_ALLOCATORS; i++)
		if (!bench_allocators[i].missing &&
		    !(one->threads && bench_allocators[i].one_thread))
			nr[i] = bench_calibrate(one, &bench_allocators[i]);
	for (round = 0; round < bench_opt.rounds; round++)
		for (i = 0; i < BENCH_ALLOCATORS; i++)
			if (nr[i])
				bench_results[nr_case][i].ns[round] =
					bench_measure(one, &bench_allocators[i],
						      nr[i]);
	for (i = 0; i < BENCH_ALLOCATORS; i++) {
		result = &bench_results[nr_case][i];
		qsort(result->ns, bench_opt.rounds, sizeof(double),
		      bench_compare);
		result->median = result->ns[bench_opt.rounds / 2];
		result->spread = (result->ns[bench_opt.rounds * 3 / 4] -
				  result->ns[bench_opt.rounds / 4]) / 2;
	}
}

static bool bench_has(unsigned int nr_case, unsigned int i)
{
	return bench_results[nr_case][i].median > 0;
}

static void bench_print_case(unsigned int nr_case)
{
	const struct bench_case *one = &bench_cases[nr_case];
	unsigned int i;

	printf("%-18s %6zu", one->name, one->size);
	for (i = 0; i < BENCH_ALLOCATORS; i++) {
		const struct bench_result *result = &bench_results[nr_case][i];

		if (bench_has(nr_case, i))
			printf(" %7.1f ±%-4.1f", result->median,
			       result->spread);
		else
			printf(" %7s %5s", "-", "");
	}
	printf("\n");
	fflush(stdout);
}

static void bench_print_json(void)
{
	unsigned int k, i;
	bool first;

	printf("{\"unit\": \"ns per alloc and free\", \"rounds\": %lu, \"cases\": [",
	       bench_opt.rounds);
	for (k = 0; k < BENCH_CASES; k++) {
		printf("%s\n  {\"name\": \"%s\", \"size\": %zu", k ? "," : "",
		       bench_cases[k].name, bench_cases[k].size);
		first = true;
		for (i = 0; i < BENCH_ALLOCATORS; i++) {
			if (!bench_has(k, i))
				continue;
			printf("%s\"%s\": {\"median\": %.2f, \"spread\": %.2f}",
			       first ? ", \"allocators\": {" : ", ",
			       bench_allocators[i].name,
			       bench_results[k][i].median,
			       bench_results[k][i].spread);
			first = false;
		}
		printf("}}");
	}
	printf("\n]}\n");
}

static void bench_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "ms", required_argument, NULL, 'm' },
		{ "json", no_argument, &bench_opt.json, 1 },
		{ "smoke", no_argument, &bench_opt.smoke, 1 },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 0:
			break;
		case 'r':
			bench_opt.rounds = model_number("rounds", optarg, 1,
							BENCH_MAX_ROUNDS);
			break;
		case 'm':
			bench_opt.ms = model_number("ms", optarg, 1, 10000);
			break;
		case 'h':
			fputs(bench_usage, stdout);
			exit(MODEL_OK);
		default:
			fputs(bench_usage, stderr);
			exit(MODEL_USAGE);
		}
	}
	if (optind != argc)
		model_die("bench takes no %s", argv[optind]);
	if (bench_opt.smoke)
		bench_opt.rounds = 1;
}

int cmd_bench(int argc, char **argv)
{
	struct rng rng = rng_of(1);
	unsigned int i;

	bench_parse(argc, argv);
	/* The name of the program comes before that of the command. */
	bench_load(argv - 1);
	shim_pages_init((512UL << 20) >> PAGE_SHIFT);
	shim_reset(1);
	pow2_init();
	for (i = 0; i < BENCH_TRACE; i++)
		bench_trace[i] = trace_next(&rng, 5).size;

	if (!bench_opt.json) {
		printf("ns per alloc and free  ");
		for (i = 0; i < BENCH_ALLOCATORS; i++)
			printf("  %7s     ", bench_allocators[i].name);
		printf("\n");
	}
	for (i = 0; i < BENCH_CASES; i++) {
		bench_run_case(i);
		if (!bench_opt.json)
			bench_print_case(i);
	}
	if (bench_opt.json)
		bench_print_json();
	for (i = 0; bench_opt.smoke && i < BENCH_ALLOCATORS; i++) {
		if (!bench_allocators[i].missing)
			continue;
		printf("FAIL: no %s\n", bench_allocators[i].name);
		return MODEL_FAILED;
	}
	return MODEL_OK;
}
