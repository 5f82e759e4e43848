/* All label events of a sample at once, in memory. */
#ifndef DATASET_SAID_EVENTS_H
#define DATASET_SAID_EVENTS_H

#include "dataset/dataset.h"

struct said_events {
	struct label_event *item; /* own their texts */
	size_t count;
};
/* Oldest first. The caller releases *out, also after a failure. */
int said_events_read(struct dataset *dataset, int64_t id, struct said_events *out, struct err *err);
void said_events_release(struct said_events *events);

#endif
