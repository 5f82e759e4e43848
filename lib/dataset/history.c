/* Reads the history of a sample, and what it says by the rules. */
#include "dataset/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dataset/gold.h"

static int load_shown(struct dataset *dataset, const struct sample *sample, const char *seen_by, struct history *out,
                      struct err *err)
{
	if (sample->gold && seen_by)
		return gold_shown(dataset, seen_by, sample->id, &out->events, &out->shown, err);
	if (said_events_read(dataset, sample->id, &out->events, err))
		return -1;
	out->shown = memory_new(out->events.count + 1, sizeof(*out->shown));
	memset(out->shown, true, out->events.count * sizeof(*out->shown));
	return 0;
}

int history_load(struct dataset *dataset, const struct sample *sample, const char *seen_by, struct history *out,
                 struct err *err)
{
	struct rules_decision decision;

	*out = (struct history){.vote_count = 0};
	if (load_shown(dataset, sample, seen_by, out, err))
		return -1;
	const struct said_events *events = &out->events;
	out->taken_back = memory_new(events->count + 1, sizeof(*out->taken_back));
	rules_taken_back(events->item, events->count, out->taken_back);
	out->votes = memory_new(events->count + 1, sizeof(*out->votes));
	out->vote_count =
		sample->gold && !seen_by
			? rules_fold_gold(events->item, events->count, RULES_NOTHING, out->votes, &decision)
			: rules_fold_shown(events->item, events->count, out->shown, out->votes, &decision);
	return 0;
}

void history_release(struct history *history)
{
	said_events_release(&history->events);
	free(history->shown);
	free(history->taken_back);
	free(history->votes);
	*history = (struct history){.vote_count = 0};
}
