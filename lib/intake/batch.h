/* Several files in one form: each has a result of its own, so that a bad one never loses the others. One thread. */
#ifndef INTAKE_BATCH_H
#define INTAKE_BATCH_H

#include <cjson/cJSON.h>

#include "intake/ingest.h"
#include "intake/receive.h"

/* Builds the result of a file that was stored (sample set) or not (failed set). */
typedef cJSON *batch_result(void *data, const struct ingest *ingest, const char *filename, const struct sample *sample,
                            bool duplicate, const struct err *failed);

struct batch {
	struct ingest *ingest;
	char *label; /* name, or "" */
	batch_result *result;
	void *data;     /* for result */
	cJSON *results; /* one a file, in order */
	cJSON *skipped; /* names of those not stored */
	int64_t files, stored;
	int64_t lost;     /* how many files in a row failed because a store is down; after some, the rest are not tried */
	struct err store; /* the error of the last of these */
	/* the failure of all when nothing was stored: a store's failure comes before a file's */
	struct err worst;
};

/* Stores the body's files under one of the dataset's labels (or ""); NULL: under the label that the form names
 * before its files, if any. Borrows ingest. ERR_BAD_REQUEST when there are no files; release *batch in any case. */
int batch_store(struct batch *batch, struct ingest *ingest, const struct receive *receive, const char *label,
                batch_result *result, void *data, struct err *err);
void batch_release(struct batch *batch);

#endif
