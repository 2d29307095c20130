// SPDX-License-Identifier: GPL-2.0-only
/*
 * kevent_bench: what it costs to register, change and remove.
 */

#include "bench.h"

int measure_ctl(struct engine *e, const struct channels *ch, struct result *res)
{
	int (* const how[])(struct engine *, const int *, uint32_t, unsigned int) = {
		e->ops->add, e->ops->modify, e->ops->remove,
	};
	uint64_t round;
	int i, err;

	/* The first round warms up. */
	for (round = 0; round <= e->opts->rounds; round++) {
		for (i = 0; i < 3; i++) {
			struct span span;

			span_begin(&span);
			err = how[i](e, ch->rd, 0, e->opts->ctl);
			span_end(&span);
			if (err)
				return err;
			if (!round)
				continue;
			res->ctl[i].ns += span.ns;
			res->ctl[i].ticks += span.ticks;
		}
	}
	res->rounds = e->opts->rounds;
	return 0;
}
