/* How far the dataset changes under way in this program have come, for requests that look at the dataset meanwhile.
 * Thread-safe. */
#ifndef DATASETS_PUBLISHING_H
#define DATASETS_PUBLISHING_H

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Belongs to the caller; visible to others from publishing_begin to publishing_end. */
struct publishing {
	const char *dataset;
	atomic_bool public_read;          /* what the images become */
	atomic_int_least64_t done, total; /* counts of the dataset's samples */
	struct publishing *next;
};

void publishing_begin(struct publishing *progress);
void publishing_end(struct publishing *progress);

/* Adds "publishing" to the dataset's document while its images become public or private. */
void publishing_add(cJSON *document, const char *dataset);

#endif
