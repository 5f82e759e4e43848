/* Reads a dataset as the older system keeps it in JSON, of any size, at constant memory.
 *
 *   {"dataset_name": "NAMEDB", "labels": ["positive", "negative"], "base_dir": "/path/to/images",
 *    "samples": [{"filepath": "image1.png", "label": "positive"}, {"filepath": "image2.png", "label": ""}]}
 *
 * "samples" may be absent, and a sample's "label" absent or null (none). Other keys are passed over.
 * Errors name the file and the line. Thread-safe. */
#ifndef DATASET_SEEDFILE_H
#define DATASET_SEEDFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct seedfile {
	char *dataset;  /* a valid name */
	char *base_dir; /* as the file says */
	char **labels;  /* each valid */
	size_t label_count;
	int64_t sample_count;
};

/* Reads no further than "dataset_name"; *name is the caller's to free. */
int seedfile_name(const char *path, char **name, struct err *err);

/* Checks the whole file. The caller ends with seedfile_release. */
int seedfile_read(const char *path, struct seedfile *out, struct err *err);
void seedfile_release(struct seedfile *file);

/* Walks the samples in order; label "" = none. visit returns 0 to go on, or non-zero with err, which ends the
 * walk. */
typedef int seedfile_visit(void *data, const char *filepath, const char *label, struct err *err);
int seedfile_samples(const char *path, seedfile_visit *visit, void *data, struct err *err);

#endif
