/* Several files in one request: each has a result of its own, so that a bad one never loses the others. One request,
 * one thread. */
#ifndef FASTCGI_BATCH_H
#define FASTCGI_BATCH_H

#include "fastcgi/app.h"
#include "intake/ingest.h"

/* Builds the result of a file that was stored (sample set) or not (failed set). */
typedef cJSON *batch_result(struct call *call, const struct ingest *ingest, const char *filename,
                            const struct sample *sample, bool duplicate, const struct err *failed);

struct batch {
	struct ingest ingest;
	char *label; /* name, or "" */
	batch_result *result;
	cJSON *results; /* one a file, in order */
	cJSON *skipped; /* names of those not stored */
	int64_t files, stored;
	int64_t lost;     /* how many files in a row failed because a store is down; after some, the rest are not tried */
	struct err store; /* the error of the last of these */
	/* what the whole request answers when nothing was stored: a store's failure comes before a file's */
	struct err worst;
};

/* Stores the body's files under the label that the client names, by ?label= or in the form before the files.
 * ERR_BAD_REQUEST when there are none; release *batch in any case. */
int batch_store(struct batch *batch, struct call *call, batch_result *result, struct err *err);
/* Answers `answer` (taken) with the results added: 200 when any file was stored, else the status of the worst
 * failure. */
void batch_reply(const struct batch *batch, struct call *call, cJSON *answer);
void batch_release(struct batch *batch);

#endif
