// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-model: the allocator's own source, run in a process.
 */

#include "model.h"

struct model_cmd {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
};

static const struct model_cmd model_cmds[] = {
	{ "example", cmd_example, "the worked example: each split and merge" },
	{ "stress", cmd_stress, "random operations against a shadow map" },
	{ "threads", cmd_threads, "many CPUs at once: allocate here, free there" },
	{ "damage", cmd_damage, "misused memory: each kind is found once" },
	{ "memory", cmd_memory, "bytes taken against bytes asked for" },
	{ "pictures", cmd_pictures, "draw fragmentation, beside powers of two" },
	{ "bench", cmd_bench, "speed, beside other allocators" },
	{ "replay", cmd_replay, "run inputs of the fuzzer" },
	{ "seeds", cmd_seeds, "write inputs for the fuzzer to start from" },
};

static void model_usage(FILE *out)
{
	unsigned int i;

	fputs("Usage: nta-model COMMAND [OPTION]...\n"
	      "Runs the source of the network tree allocator in a process.\n\n",
	      out);
	for (i = 0; i < ARRAY_SIZE(model_cmds); i++)
		fprintf(out, "  %-10s %s\n", model_cmds[i].name,
			model_cmds[i].what);
	fputs("\nCOMMAND --help says more. Exit: 0 all is well, 1 a rule was broken,\n"
	      "2 wrong usage.\n", out);
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc < 2) {
		model_usage(stderr);
		return MODEL_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		model_usage(stdout);
		return MODEL_OK;
	}
	for (i = 0; i < ARRAY_SIZE(model_cmds); i++)
		if (!strcmp(argv[1], model_cmds[i].name))
			return model_cmds[i].run(argc - 1, argv + 1);
	fprintf(stderr, "nta-model: no command %s\n", argv[1]);
	model_usage(stderr);
	return MODEL_USAGE;
}
