/* Stores the images of an archive, one after the other. */
#ifndef ARCHIVE_IMPORT_H
#define ARCHIVE_IMPORT_H

#include "intake/archive_links.h"
#include "intake/spool.h"
#include "fastcgi/app.h"
#include "intake/ingest.h"
#include "intake/unpacker.h"

struct import {
	struct call *call;
	struct ingest ingest; /* filled at the first image */
	struct unpacker *unpacker;
	int64_t stored, duplicates, skipped, failed;
	int64_t guessed;             /* names whose charset was not given */
	const char *guess;           /* the charset assumed for them */
	struct archive_links *links; /* by path: the samples that entries became */
	int64_t lost;                /* how many in a row failed because a store is down */
	struct err store;            /* the error of the last of these */
	struct under_way *under_way;
	struct spool lines; /* the answer, kept because nginx sends no more of a request's body once its answer has begun */
};

/* Answers with a line for each entry ("path" with "id", and "duplicate" where it is one, or "skipped", or "error"),
 * and a last line "summary". A body that is no archive at all fails with err; an archive that breaks off is reported
 * in the summary. So is a store that is down: after some images the others, each of which would wait for it, are not
 * tried; if no image was stored, that fails with err. */
int import_run(struct import *import, struct err *err);

#endif
