/* Takes in the images of an archive, one after the other. */
#ifndef ARCHIVE_IMPORT_H
#define ARCHIVE_IMPORT_H

#include "blob/archive.h"
#include "blob/spool.h"
#include "fastcgi/app.h"

struct import {
	struct call *call;
	struct archive_reader *reader;
	int64_t stored, duplicates, skipped, failed;
	struct under_way *under_way;
	struct spool lines; /* the answer: nginx takes no more of a FastCGI request's body once an answer has begun */
};

/* Answers a line an entry ("path" with "id", "duplicate" where it is one, or "skipped", or "error"), and a last one, "summary".
 * What is no archive at all fails with err; one that breaks off is told in the summary. */
int import_run(struct import *import, struct err *err);

#endif
