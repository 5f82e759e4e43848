/* How far the changes that are under way in this program are: for who looks at the dataset meanwhile. Thread-safe. */
#ifndef DATASETS_PROGRESS_H
#define DATASETS_PROGRESS_H

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The caller's, and known from progress_begin to progress_end. */
struct progress {
	const char *dataset;
	atomic_bool public_read;          /* what its images become */
	atomic_int_least64_t done, total; /* of its samples */
	struct progress *next;
};

void progress_begin(struct progress *progress);
void progress_end(struct progress *progress);

/* Adds "publishing" to the dataset's document while its images become public, or private. */
void progress_add(cJSON *document, const char *dataset);

#endif
