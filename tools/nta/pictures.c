// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model pictures: what fragmentation looks like.
 *
 * For each largest size of a page, a half, a quarter, and an eighth of one: an
 * arena of fixed length is filled with random sizes until an allocation
 * fails - once fresh, and once after much random allocating and freeing. The
 * power-of-two allocator gets the same sizes. Hot lists are off, so that free
 * memory is merged memory.
 *
 * Writes pictures.svg, one column per page, and pictures.json.
 */

#include "pow2.h"

static const char pictures_usage[] =
	"Usage: nta-model pictures [OPTION]...\n"
	"Draws full arenas, fresh and aged, of NTA and of powers of two.\n\n"
	"  --out FOLDER  where pictures.svg and pictures.json go (.)\n"
	"  --ops N       random operations that age an arena     (200000)\n"
	"  --seed N      random seed                             (1)\n";

#define PICTURES_PAGES	128
#define PICTURES_BYTES	(PICTURES_PAGES * PAGE_SIZE)
#define PICTURES_CELL	64
#define PICTURES_CELLS	(PICTURES_BYTES / PICTURES_CELL)
#define PICTURES_COLUMN	(PAGE_SIZE / PICTURES_CELL)
#define PICTURES_ROWS	4

/* Share of the arena in use while it ages. */
#define PICTURES_FULL	0.85

/* Points of the drawing. */
#define PICTURES_X	4.0
#define PICTURES_Y	2.5
#define PICTURES_W	(PICTURES_PAGES * PICTURES_X)
#define PICTURES_H	(PICTURES_COLUMN * PICTURES_Y)

enum pictures_cell {
	PICTURES_FREE,
	PICTURES_USED,
	PICTURES_LOST,		/* by rounding */
};

static const char * const pictures_color[] = {
	[PICTURES_FREE] = "#3f9b4f",
	[PICTURES_USED] = "#b8332a",
	[PICTURES_LOST] = "#f0a848",
};

/* An allocator, as this file needs it. */
struct pictures_allocator {
	const char	*name;
	void		*(*alloc)(size_t need);
	void		(*free)(void *ptr);
	size_t		(*size)(const void *ptr);
	size_t		(*meta)(void);
};

struct pictures_chunk {
	void		*ptr;
	unsigned int	need;
};

/* One panel of the picture. */
struct pictures_panel {
	const char	*name;
	bool		aged;
	unsigned int	max;
	unsigned int	failed;		/* size that did not fit any more */
	unsigned int	nr;		/* chunks in use then */
	size_t		asked;
	size_t		taken;		/* asked, rounded up */
	size_t		meta;
	unsigned char	cell[PICTURES_CELLS];
};

static struct {
	const char	*out;
	unsigned long	ops, seed;
} pictures_opt = { ".", 200000, 1 };

static void *pictures_nta_alloc(size_t need)
{
	unsigned int size;

	return nta_alloc(need, &size, GFP_KERNEL, NUMA_NO_NODE);
}

static void pictures_nta_free(void *ptr)
{
	nta_free(ptr);
}

static const struct pictures_allocator pictures_allocators[] = {
	{ "NTA", pictures_nta_alloc, pictures_nta_free, nta_usable_size,
	  shim_slab_bytes },
	{ "powers of two", pow2_alloc, pow2_free, pow2_size, pow2_meta_bytes },
};

/* === Filling ============================================================= */

static struct pictures_chunk pictures_chunk[PICTURES_CELLS];

static void pictures_paint(struct pictures_panel *panel, const void *ptr,
			   size_t need, size_t size)
{
	size_t first = ((char *)ptr - shim_arena) / PICTURES_CELL, i;

	for (i = 0; i < size / PICTURES_CELL; i++)
		panel->cell[first + i] = i * PICTURES_CELL < need ?
					 PICTURES_USED : PICTURES_LOST;
}

/* Random frees and allocations around a level; failures do not matter. */
static unsigned int pictures_age(const struct pictures_allocator *with,
				 struct rng *rng, unsigned int max)
{
	size_t asked = 0, level = PICTURES_BYTES * PICTURES_FULL;
	unsigned int nr = 0, i;
	unsigned long op;

	for (op = 0; op < pictures_opt.ops; op++) {
		unsigned int need = rng_range(rng, 1, max);
		void *ptr = NULL;

		if (asked + need < level && nr < PICTURES_CELLS)
			ptr = with->alloc(need);
		if (ptr) {
			pictures_chunk[nr++] = (struct pictures_chunk){
				ptr, need };
			asked += need;
			continue;
		}
		if (!nr)
			continue;
		i = rng_below(rng, nr);
		with->free(pictures_chunk[i].ptr);
		asked -= pictures_chunk[i].need;
		pictures_chunk[i] = pictures_chunk[--nr];
	}
	return nr;
}

static void pictures_fill(const struct pictures_allocator *with,
			  struct pictures_panel *panel)
{
	struct rng rng = rng_of(pictures_opt.seed);
	unsigned int need, i;
	size_t size;
	void *ptr;

	memset(panel->cell, PICTURES_FREE, sizeof(panel->cell));
	panel->name = with->name;
	if (panel->aged)
		panel->nr = pictures_age(with, &rng, panel->max);
	for (;;) {
		need = rng_range(&rng, 1, panel->max);
		ptr = with->alloc(need);
		if (!ptr)
			break;
		pictures_chunk[panel->nr++] = (struct pictures_chunk){
			ptr, need };
	}
	panel->failed = need;
	panel->meta = with->meta();
	for (i = 0; i < panel->nr; i++) {
		ptr = pictures_chunk[i].ptr;
		need = pictures_chunk[i].need;
		size = with->size(ptr);
		panel->asked += need;
		panel->taken += size;
		pictures_paint(panel, ptr, need, size);
	}
	for (i = 0; i < panel->nr; i++)
		with->free(pictures_chunk[i].ptr);
}

static void pictures_make(unsigned int which, struct pictures_panel *panel)
{
	shim_reset(pictures_opt.seed);
	pow2_uninit();
	pow2_init();
	nta_set_hot_limits(0, NTA_HOT_MAX);
	if (shim_pages_used())
		model_die("pictures: an arena was not empty");
	pictures_fill(&pictures_allocators[which], panel);
}

/* === Drawing ============================================================= */

static double pictures_percent(size_t part)
{
	return 100.0 * part / PICTURES_BYTES;
}

static void pictures_text(FILE *svg, double x, double y, const char *style,
			  const char *fmt, ...)
{
	va_list args;

	fprintf(svg, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, style);
	va_start(args, fmt);
	vfprintf(svg, fmt, args);
	va_end(args);
	fputs("</text>\n", svg);
}

/* Equal cells of a column are one rectangle; the arena begins at the top. */
static void pictures_draw_cells(FILE *svg, const struct pictures_panel *panel,
				double x, double y)
{
	unsigned int page, from, to;

	for (page = 0; page < PICTURES_PAGES; page++) {
		const unsigned char *cell =
			panel->cell + page * PICTURES_COLUMN;

		for (from = 0; from < PICTURES_COLUMN; from = to) {
			for (to = from + 1; to < PICTURES_COLUMN &&
			     cell[to] == cell[from]; to++)
				;
			fprintf(svg, "<rect x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\" fill=\"%s\"/>\n",
				x + page * PICTURES_X, y + from * PICTURES_Y,
				PICTURES_X - 0.5, (to - from) * PICTURES_Y,
				pictures_color[cell[from]]);
		}
	}
}

static void pictures_draw(FILE *svg, const struct pictures_panel *panel,
			  double x, double y)
{
	pictures_text(svg, x, y - 8, "head", "%s, %s", panel->name,
		      panel->aged ? "aged" : "fresh");
	pictures_draw_cells(svg, panel, x, y);
	pictures_text(svg, x, y + PICTURES_H + 15, "note",
		      "asked %.1f%%, rounding %.1f%%, free %.1f%%, metadata %.1f%%",
		      pictures_percent(panel->asked),
		      pictures_percent(panel->taken - panel->asked),
		      pictures_percent(PICTURES_BYTES - panel->taken),
		      pictures_percent(panel->meta));
	pictures_text(svg, x, y + PICTURES_H + 30, "note",
		      "%u chunks; then %u bytes did not fit", panel->nr,
		      panel->failed);
}

static void pictures_legend(FILE *svg, double x, double y)
{
	static const char * const what[] = {
		[PICTURES_FREE] = "free", [PICTURES_USED] = "asked for",
		[PICTURES_LOST] = "lost by rounding",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(what); i++) {
		fprintf(svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" fill=\"%s\"/>\n",
			x, y - 10, pictures_color[i]);
		pictures_text(svg, x + 18, y, "note", "%s", what[i]);
		x += 120;
	}
}

static FILE *pictures_open(const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", pictures_opt.out, name);
	file = fopen(path, "w");
	if (!file)
		model_die("cannot write %s", path);
	return file;
}

static void pictures_close(FILE *file)
{
	if (ferror(file) || fclose(file))
		model_die("cannot write to %s", pictures_opt.out);
}

static void pictures_write_svg(const struct pictures_panel *panel)
{
	const double left = 124, top = 96, dx = PICTURES_W + 28;
	const double dy = PICTURES_H + 76;
	FILE *svg = pictures_open("pictures.svg");
	unsigned int row, column;

	fprintf(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\">\n"
		"<style>text{font-family:sans-serif;fill:#222}.title{font-size:22px;font-weight:bold}"
		".head{font-size:14px;font-weight:bold}.note{font-size:12px}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fdfdfb\"/>\n",
		left + 4 * dx, top + PICTURES_ROWS * dy);
	pictures_text(svg, 20, 36, "title",
		      "%lu KiB filled with random sizes until one does not fit",
		      PICTURES_BYTES >> 10);
	pictures_text(svg, 20, 58, "note",
		      "One column is one page, cells of %u bytes. Aged: after %lu random allocations and frees at %.0f%%. Hot lists are off.",
		      PICTURES_CELL, pictures_opt.ops, PICTURES_FULL * 100);
	pictures_legend(svg, left + 2 * dx, 36);
	for (row = 0; row < PICTURES_ROWS; row++) {
		pictures_text(svg, 20, top + row * dy + 20, "head", "sizes to");
		pictures_text(svg, 20, top + row * dy + 38, "head", "%u bytes",
			      panel[row * 4].max);
		for (column = 0; column < 4; column++)
			pictures_draw(svg, &panel[row * 4 + column],
				      left + column * dx, top + row * dy);
	}
	fputs("</svg>\n", svg);
	pictures_close(svg);
}

static void pictures_write_json(const struct pictures_panel *panel)
{
	FILE *json = pictures_open("pictures.json");
	unsigned int i;

	fprintf(json, "{\"arena\": %lu, \"ops\": %lu, \"seed\": %lu, \"panels\": [\n",
		PICTURES_BYTES, pictures_opt.ops, pictures_opt.seed);
	for (i = 0; i < PICTURES_ROWS * 4; i++, panel++)
		fprintf(json, "  {\"allocator\": \"%s\", \"max\": %u, \"aged\": %s, \"failed\": %u, \"chunks\": %u, \"asked\": %zu, \"internal\": %zu, \"external\": %zu, \"metadata\": %zu}%s\n",
			panel->name, panel->max, panel->aged ? "true" : "false",
			panel->failed, panel->nr, panel->asked,
			panel->taken - panel->asked,
			PICTURES_BYTES - panel->taken, panel->meta,
			i + 1 < PICTURES_ROWS * 4 ? "," : "");
	fputs("]}\n", json);
	pictures_close(json);
}

static void pictures_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "out", required_argument, NULL, 'o' },
		{ "ops", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'o':
			pictures_opt.out = optarg;
			break;
		case 'n':
			pictures_opt.ops = model_number("ops", optarg, 1, ULONG_MAX);
			break;
		case 's':
			pictures_opt.seed = model_number("seed", optarg, 0,
							 ULONG_MAX);
			break;
		case 'h':
			fputs(pictures_usage, stdout);
			exit(MODEL_OK);
		default:
			fputs(pictures_usage, stderr);
			exit(MODEL_USAGE);
		}
	}
	if (optind != argc)
		model_die("pictures takes no %s", argv[optind]);
}

int cmd_pictures(int argc, char **argv)
{
	static struct pictures_panel panel[PICTURES_ROWS * 4];
	unsigned int i;

	pictures_parse(argc, argv);
	shim_pages_init(PICTURES_PAGES);
	for (i = 0; i < ARRAY_SIZE(panel); i++) {
		panel[i].max = PAGE_SIZE >> (i / 4);
		panel[i].aged = i & 1;
		pictures_make(i / 2 % 2, &panel[i]);
		printf("%-14s %-5s  to %4u bytes: asked %5.1f%%, rounding %4.1f%%, free %4.1f%%, metadata %3.1f%%; %u did not fit\n",
		       panel[i].name, panel[i].aged ? "aged" : "fresh",
		       panel[i].max, pictures_percent(panel[i].asked),
		       pictures_percent(panel[i].taken - panel[i].asked),
		       pictures_percent(PICTURES_BYTES - panel[i].taken),
		       pictures_percent(panel[i].meta), panel[i].failed);
	}
	pictures_write_svg(panel);
	pictures_write_json(panel);
	return MODEL_OK;
}
