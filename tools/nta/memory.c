// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model memory: bytes taken against bytes asked for.
 *
 * A mixed packet trace runs through NTA and through a model of the stock paths
 * side by side. What is live swells to --live and shrinks to an eighth of it,
 * ten times. Most packets go in the order they came; some go at random,
 * and one in a hundred stays for long.
 *
 * taken = pages of nodes + what kmalloc takes for their metadata.
 *
 * Then all packets but a few are freed: what do the survivors pin?
 */

#include <math.h>

#include "stock.h"

static const char memory_usage[] =
	"Usage: nta-model memory [OPTION]...\n"
	"Bytes taken against bytes asked for, NTA beside the stock paths.\n\n"
	"  --live BYTES   live data at the peaks     (32m)\n"
	"  --packets N    packets to run through     (2000000)\n"
	"  --cpus N       CPUs                       (2)\n"
	"  --seed N       random seed                (1)\n"
	"  --linear N     of 1000 packets, segments of up to 64 KiB in one\n"
	"                 piece                      (0)\n"
	"  --json         numbers as JSON\n"
	"  --check        fail if NTA takes more than the stock paths at a peak\n";

#define MEMORY_WAVES	10
#define MEMORY_LOW	8	/* the valley is so many times lower */

struct memory_packet {
	void			*ptr;
	unsigned int		size;
	struct stock_chunk	stock;
	unsigned long		until;	/* packet number; 0: nothing special */
};

/* Packets in the order they came; a size of 0 is a gap. */
struct memory_queue {
	struct memory_packet	*packet;
	unsigned long		mask;
	unsigned long		head;
	unsigned long		tail;
};

/* What is known at one moment. */
struct memory_point {
	unsigned long	asked;
	unsigned long	nodes;
	unsigned long	meta;
	unsigned long	stock;
};

static struct {
	unsigned long	live, packets, cpus, seed, linear;
	int		json, check;
} memory_opt = {
	.live = 32UL << 20, .packets = 2000000, .cpus = 2, .seed = 1,
};

static struct memory_queue memory_short, memory_long;
static unsigned long memory_asked;
static unsigned long memory_refused;

static void memory_queue_init(struct memory_queue *queue, unsigned long len)
{
	queue->mask = len - 1;
	queue->packet = calloc(len, sizeof(*queue->packet));
	if (!queue->packet)
		model_die("no memory");
}

static void memory_push(struct memory_queue *queue,
			struct memory_packet packet)
{
	if (queue->head - queue->tail > queue->mask)
		model_die("too many packets");
	queue->packet[queue->head++ & queue->mask] = packet;
}

static struct memory_point memory_now(void)
{
	return (struct memory_point){
		.asked = memory_asked,
		.nodes = shim_pages_used() << PAGE_SHIFT,
		.meta = shim_slab_bytes(),
		.stock = stock_taken(),
	};
}

static double memory_ratio(const struct memory_point *at)
{
	return (double)(at->nodes + at->meta) / at->asked;
}

static double memory_stock_ratio(const struct memory_point *at)
{
	return (double)at->stock / at->asked;
}

static void memory_free(struct rng *rng, struct memory_packet *packet)
{
	if (!packet->size)
		return;
	/* A third is freed on another CPU than the current one. */
	if (memory_opt.cpus > 1 && !rng_below(rng, 3))
		shim_set_cpu(rng_below(rng, memory_opt.cpus));
	if (packet->ptr)
		nta_free_head(packet->ptr, packet->size);
	stock_free(packet->stock);
	memory_asked -= packet->size;
	packet->size = 0;
}

static void memory_alloc(struct rng *rng, unsigned long nr)
{
	struct trace_packet ask = trace_next(rng, memory_opt.linear);
	struct memory_packet packet = { .size = ask.size };
	unsigned int size;

	shim_set_cpu(rng_below(rng, memory_opt.cpus));
	packet.ptr = nta_alloc_head(ask.size, &size, ask.receive ?
				    GFP_ATOMIC : GFP_KERNEL, NUMA_NO_NODE);
	packet.stock = stock_alloc(&ask, shim_this_cpu);
	memory_asked += ask.size;
	if (!packet.ptr)
		memory_refused++;
	if (!rng_below(rng, 100)) {
		packet.until = nr + memory_opt.packets / MEMORY_WAVES / 4;
		memory_push(&memory_long, packet);
	} else {
		memory_push(&memory_short, packet);
	}
}

/* One packet goes: mostly the oldest. */
static void memory_reduce(struct rng *rng)
{
	struct memory_queue *queue = &memory_short;
	unsigned long at = queue->tail;

	if (queue->head == queue->tail) {
		queue = &memory_long;
		at = queue->tail;
		if (queue->head == queue->tail)
			return;
	}
	if (!rng_below(rng, 5))
		at += rng_below(rng, queue->head - queue->tail);
	memory_free(rng, &queue->packet[at & queue->mask]);
	while (queue->tail != queue->head &&
	       !queue->packet[queue->tail & queue->mask].size)
		queue->tail++;
}

static void memory_expire(struct rng *rng, unsigned long nr)
{
	struct memory_queue *queue = &memory_long;
	struct memory_packet *packet;

	while (queue->tail != queue->head) {
		packet = &queue->packet[queue->tail & queue->mask];
		if (packet->size && packet->until > nr)
			break;
		memory_free(rng, packet);
		queue->tail++;
	}
}

static unsigned long memory_target(unsigned long nr)
{
	double angle = 2 * M_PI * nr * MEMORY_WAVES / memory_opt.packets;
	double low = 1.0 / MEMORY_LOW;

	return memory_opt.live * (low + (1 - low) * (1 - cos(angle)) / 2);
}

static void memory_time(void)
{
	int cpu;

	shim_set_jiffies(shim_jiffies() + 1);
	for (cpu = 0; cpu < (int)memory_opt.cpus; cpu++) {
		shim_set_cpu(cpu);
		shim_run_worker();
	}
}

/* What is known after the trace. */
struct memory_result {
	struct memory_point	first;	/* the first peak */
	struct memory_point	worst;	/* the worst of the later ones */
	double			mean;	/* over time, from the second wave on */
	double			stock_mean;
};

static struct memory_result memory_trace(void)
{
	struct rng rng = rng_of(memory_opt.seed);
	unsigned long nr, target, points = 0, wave;
	struct memory_point at, peak = {};
	struct memory_result result = {};

	wave = memory_opt.packets / MEMORY_WAVES;
	for (nr = 1; nr <= memory_opt.packets; nr++) {
		memory_alloc(&rng, nr);
		memory_expire(&rng, nr);
		target = memory_target(nr);
		while (memory_asked > target)
			memory_reduce(&rng);
		/* 1 Mpps and HZ of 250. */
		if (nr % 4000 == 0)
			memory_time();
		at = memory_now();
		if (at.asked > peak.asked)
			peak = at;
		if (nr > wave) {
			result.mean += memory_ratio(&at);
			result.stock_mean += memory_stock_ratio(&at);
			points++;
		}
		if (nr % wave)
			continue;
		if (nr == wave)
			result.first = peak;
		else if (!result.worst.asked ||
			 memory_ratio(&peak) > memory_ratio(&result.worst))
			result.worst = peak;
		peak = (struct memory_point){};
	}
	result.mean /= points;
	result.stock_mean /= points;
	return result;
}

/* Keep @survivors packets at random and let the rest go. */
static struct memory_point memory_survive(unsigned long survivors)
{
	struct rng rng = rng_of(memory_opt.seed + 1);
	struct memory_queue *queue = &memory_short;
	unsigned long i, nr, left;
	struct memory_point at;

	while (memory_asked < memory_opt.live)
		memory_alloc(&rng, ULONG_MAX / 2);
	nr = queue->head - queue->tail;
	left = survivors;
	for (i = queue->tail; i != queue->head; i++, nr--) {
		struct memory_packet *packet = &queue->packet[i & queue->mask];

		if (packet->size && rng_below(&rng, nr) < left)
			left--;
		else
			memory_free(&rng, packet);
	}
	for (i = memory_long.tail; i != memory_long.head; i++)
		memory_free(&rng, &memory_long.packet[i & memory_long.mask]);
	memory_long.tail = memory_long.head;
	shim_settle();
	at = memory_now();
	while (queue->tail != queue->head)
		memory_free(&rng, &queue->packet[queue->tail++ & queue->mask]);
	shim_settle();
	return at;
}

static void memory_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "live", required_argument, NULL, 'l' },
		{ "packets", required_argument, NULL, 'p' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "linear", required_argument, NULL, 'i' },
		{ "json", no_argument, &memory_opt.json, 1 },
		{ "check", no_argument, &memory_opt.check, 1 },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 0:
			break;
		case 'l':
			memory_opt.live = model_number("live", optarg, 1 << 20,
						       1 << 30);
			break;
		case 'p':
			memory_opt.packets = model_number("packets", optarg,
							  100000, ULONG_MAX);
			break;
		case 'c':
			memory_opt.cpus = model_number("cpus", optarg, 1, NR_CPUS);
			break;
		case 'i':
			memory_opt.linear = model_number("linear", optarg, 0,
							 1000);
			break;
		case 's':
			memory_opt.seed = model_number("seed", optarg, 0, ULONG_MAX);
			break;
		case 'h':
			fputs(memory_usage, stdout);
			exit(MODEL_OK);
		default:
			fputs(memory_usage, stderr);
			exit(MODEL_USAGE);
		}
	}
	if (optind != argc)
		model_die("memory takes no %s", argv[optind]);
}

static void memory_print(const char *name, const struct memory_point *at)
{
	printf("%-24s %9lu %9lu %9lu %8.3f %8.3f\n", name, at->asked >> 10,
	       (at->nodes + at->meta) >> 10, at->stock >> 10,
	       memory_ratio(at), memory_stock_ratio(at));
}

static void memory_json(const char *name, const struct memory_point *at)
{
	printf(" \"%s\": {\"asked\": %lu, \"nodes\": %lu, \"metadata\": %lu, \"stock\": %lu, \"ratio\": %.4f, \"stock_ratio\": %.4f}",
	       name, at->asked, at->nodes, at->meta, at->stock,
	       memory_ratio(at), memory_stock_ratio(at));
}

int cmd_memory(int argc, char **argv)
{
	static const unsigned long survivors[] = { 1, 16, 256 };
	struct memory_point left[ARRAY_SIZE(survivors)];
	struct memory_result result;
	char name[40];
	unsigned int i;

	memory_parse(argc, argv);
	shim_pages_init((8 * memory_opt.live + (256UL << 20)) >> PAGE_SHIFT);
	shim_reset(memory_opt.seed);
	stock_reset();
	memory_queue_init(&memory_short, 1 << 20);
	memory_queue_init(&memory_long, 1 << 16);

	result = memory_trace();
	while (memory_asked)
		memory_reduce(&(struct rng){ 1 });
	for (i = 0; i < ARRAY_SIZE(survivors); i++)
		left[i] = memory_survive(survivors[i]);

	if (memory_opt.json) {
		printf("{\"live\": %lu, \"packets\": %lu, \"cpus\": %lu, \"seed\": %lu, \"linear\": %lu,\n",
		       memory_opt.live, memory_opt.packets, memory_opt.cpus,
		       memory_opt.seed, memory_opt.linear);
		memory_json("first_peak", &result.first);
		printf(",\n");
		memory_json("worst_peak", &result.worst);
		printf(",\n \"mean\": {\"ratio\": %.4f, \"stock_ratio\": %.4f},\n \"percpu\": %zu, \"refused\": %lu, \"pin_bound\": %u",
		       result.mean, result.stock_mean, sizeof(struct nta_cpu),
		       memory_refused, 1U << NTA_NODE_SHIFT);
		for (i = 0; i < ARRAY_SIZE(survivors); i++) {
			snprintf(name, sizeof(name), "survivors_%lu",
				 survivors[i]);
			printf(",\n");
			memory_json(name, &left[i]);
		}
		printf("}\n");
	} else {
		trace_describe(stdout);
		printf("%lu packets, %lu of 1000 in one large piece, live %lu to %lu KiB, %lu CPUs,\nseed %lu, %lu refused\n\n",
		       memory_opt.packets, memory_opt.linear,
		       memory_opt.live / MEMORY_LOW >> 10,
		       memory_opt.live >> 10, memory_opt.cpus, memory_opt.seed,
		       memory_refused);
		printf("%-24s %9s %9s %9s %8s %8s\n", "KiB", "asked", "NTA",
		       "stock", "NTA/1", "stock/1");
		memory_print("first peak", &result.first);
		memory_print("worst later peak", &result.worst);
		printf("%-24s %9s %9s %9s %8.3f %8.3f\n", "mean over time",
		       "", "", "", result.mean, result.stock_mean);
		for (i = 0; i < ARRAY_SIZE(survivors); i++) {
			snprintf(name, sizeof(name), "%lu survivors at rest",
				 survivors[i]);
			printf("%-24s %9lu %9lu %9lu\n", name,
			       left[i].asked >> 10,
			       (left[i].nodes + left[i].meta) >> 10,
			       left[i].stock >> 10);
		}
		printf("\nOf NTA's first peak %lu KiB are metadata; each CPU has %zu KiB more.\n"
		       "One chunk pins its node, at most %u KiB; its owner still uses the rest.\n",
		       result.first.meta >> 10, sizeof(struct nta_cpu) >> 10,
		       1U << (NTA_NODE_SHIFT - 10));
	}
	if (memory_opt.check &&
	    (result.first.nodes + result.first.meta > result.first.stock ||
	     memory_ratio(&result.worst) > memory_stock_ratio(&result.worst))) {
		printf("FAIL: %.3f at a peak, stock paths take %.3f\n",
		       memory_ratio(&result.worst),
		       memory_stock_ratio(&result.worst));
		return MODEL_FAILED;
	}
	return MODEL_OK;
}
