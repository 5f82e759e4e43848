/* The samples of an export, one after the other, in order of id: those that there are, read in pages, so that
 * nothing is locked while the client takes its time; or those of a snapshot, as its manifest has them. One thread. */
#ifndef EXPORT_EACH_H
#define EXPORT_EACH_H

#include "dataset/dataset.h"
#include "dataset/gold.h"
#include "fastcgi/manifest.h"

struct each {
	struct dataset *dataset;
	struct sample_filter filter; /* its texts are borrowed */
	struct gold_view view;       /* for whom the samples are read; released with each */
	struct sample *page;
	size_t count, at; /* in the page, and how many of these were returned */
	int64_t after;    /* the last id that was read; -1 = none yet */
	bool last;        /* the page is the last one */

	struct blob_store *blobs; /* of a snapshot: where its manifest is; else NULL */
	struct manifest manifest;
};

void each_init(struct each *each, struct dataset *dataset);
/* From now on these are the samples of the snapshot whose manifest has this key. Its filter may have a state, a label
 * and a part of the filepath. */
void each_of_snapshot(struct each *each, struct blob_store *blobs, const char *manifest_key);
void each_release(struct each *each);

/* Returns the next sample, which belongs to each until the next call. 1; 0: there are no more; -1 with err. */
int each_next(struct each *each, const struct sample **out, struct err *err);
/* The one that comes n samples after the next one; NULL where that is not known yet. It lives as long. */
const struct sample *each_peek(const struct each *each, size_t n);
/* Starts again, after this id. */
void each_restart(struct each *each, int64_t after);
/* Reads the first page, so that a failure comes before the answer has begun. */
int each_start(struct each *each, struct err *err);

#endif
