/* The history of a sample: what was said of it, what of that was taken back, and what each person says now. */
#ifndef DATASET_HISTORY_H
#define DATASET_HISTORY_H

#include "dataset/rules.h"
#include "dataset/said_events.h"

struct history {
	struct said_events events;
	bool *shown;              /* for each event, whether the user sees it */
	bool *taken_back;         /* for each event, whether an undo took it back */
	struct rules_vote *votes; /* that count now, of what is shown; their texts belong to the events */
	size_t vote_count;
};
/* seen_by: as this user sees the sample, who is asked (gold.h); NULL: as it is. The caller releases *out, also after a
 * failure. */
int history_load(struct dataset *dataset, const struct sample *sample, const char *seen_by, struct history *out,
                 struct err *err);
void history_release(struct history *history);

#endif
