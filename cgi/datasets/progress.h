/* How far the dataset changes under way in this program have come, for requests that look at the dataset meanwhile.
 * Thread-safe. */
#ifndef DATASETS_PROGRESS_H
#define DATASETS_PROGRESS_H

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Belongs to the caller; visible to others from progress_begin to progress_end. */
struct progress {
	const char *dataset;
	atomic_bool public_read;          /* what the images become */
	atomic_int_least64_t done, total; /* counts of the dataset's samples */
	struct progress *next;
};

void progress_begin(struct progress *progress);
void progress_end(struct progress *progress);

/* Adds "publishing" to the dataset's document while its images become public or private. */
void progress_add(cJSON *document, const char *dataset);

#endif
