/* The queue: candidates for a batch of leases. Private to lib/dataset/mongodb/. */
#ifndef DATASET_MONGODB_QUEUE_H
#define DATASET_MONGODB_QUEUE_H

#include "dataset/mongodb/record.h"

enum { WINDOW_MAX = 1000 }; /* samples read at once */

struct window {
	struct mongodb_dataset *dataset;
	struct dataset_policy policy;
	int64_t now;
	int64_t end;    /* the position of the next new sample */
	bool contended; /* others were quicker in the last round */
	struct records records;
};
int window_open(struct window *window, struct mongodb_dataset *dataset, struct work *work, struct err *err);
void window_close(struct window *window);
void ahead_release(struct mongodb_dataset *dataset);
/* Reads candidates for this many leases, in order of the queue; user NULL: samples that anybody may have, else those
 * that this user may have. */
int window_fill(struct window *window, struct work *work, const char *user, size_t wanted, struct err *err);

#endif
