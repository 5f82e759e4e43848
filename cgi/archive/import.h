/* Takes in the images of an archive, one after the other. */
#ifndef ARCHIVE_IMPORT_H
#define ARCHIVE_IMPORT_H

#include "intake/archive.h"
#include "intake/archive_links.h"
#include "intake/spool.h"
#include "fastcgi/app.h"

struct import {
	struct call *call;
	struct archive_reader *reader;
	int64_t stored, duplicates, skipped, failed;
	int64_t guessed;             /* names whose charset nobody gave */
	const char *guess;           /* which it was taken for */
	struct archive_links *links; /* by path: the samples that entries have become */
	int64_t lost;                /* how many in a row failed for a store that is down */
	struct err store;            /* the error of the last of these */
	struct under_way *under_way;
	struct spool lines; /* the answer: nginx takes no more of a FastCGI request's body once an answer has begun */
};

/* Answers a line an entry ("path" with "id", "duplicate" where it is one, or "skipped", or "error"), and a last one,
 * "summary". What is no archive at all fails with err; one that breaks off is reported in the summary. So is a store
 * that is down: after some images no others are tried, each of which would wait for it; with err, when no image was
 * taken. */
int import_run(struct import *import, struct err *err);

#endif
