// SPDX-License-Identifier: GPL-2.0-only
/*
 * nta-fuzz: libFuzzer feeds operations to the model.
 *
 * Corpus: nta-model seeds. What it finds, nta-model replay repeats.
 */

#include "replay.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static bool ready;
	const char *err;

	if (!ready) {
		replay_init();
		ready = true;
	}
	err = replay_run(data, len);
	if (err) {
		fprintf(stderr, "FAIL: %s\n", err);
		abort();
	}
	return 0;
}
