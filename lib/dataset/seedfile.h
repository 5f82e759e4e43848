/* Reads a dataset in the older system's JSON, of any size, in constant memory.
 *
 *   {"dataset_name": "NAMEDB", "labels": ["positive", "negative"], "base_dir": "/path/to/images",
 *    "samples": [{"filepath": "image1.png", "label": "positive"}, {"filepath": "image2.png", "label": ""}]}
 *
 * "samples" may be absent, and a sample's "label" absent or null (none). Other keys are ignored. Errors name the
 * file and the line. Thread-safe. */
#ifndef DATASET_SEEDFILE_H
#define DATASET_SEEDFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct seedfile {
	char *dataset;  /* a valid name */
	char *base_dir; /* as in the file */
	char **labels;  /* each of them valid */
	size_t label_count;
	int64_t sample_count;
};

/* Reads no further than "dataset_name"; the caller frees *name. */
int seedfile_name(const char *path, char **name, struct err *err);

/* Checks the whole file. Call seedfile_release at the end. */
int seedfile_read(const char *path, struct seedfile *out, struct err *err);
void seedfile_release(struct seedfile *file);

/* Walks the samples in order; label "" = none. visit returns 0 to go on; non-zero with err ends the walk. */
typedef int seedfile_visit(void *data, const char *filepath, const char *label, struct err *err);
int seedfile_samples(const char *path, seedfile_visit *visit, void *data, struct err *err);

#endif
