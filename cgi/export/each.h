/* The samples of an export, one after the other, in order of id: read in pages, so that nothing is locked while the
 * client takes its time. One thread. */
#ifndef EXPORT_EACH_H
#define EXPORT_EACH_H

#include "dataset/dataset.h"

struct each {
	struct dataset *dataset;
	struct sample_filter filter; /* its texts are borrowed */
	struct sample *page;
	size_t count, at; /* in the page, and how many of these were returned */
	int64_t after;    /* the last id that was read; -1 = none yet */
	bool last;        /* the page is the last one */
};

void each_init(struct each *each, struct dataset *dataset);
void each_release(struct each *each);

/* Returns the next sample, which belongs to each until the next call. 1; 0: there are no more; -1 with err. */
int each_next(struct each *each, const struct sample **out, struct err *err);
/* Begins anew, behind this id. */
void each_restart(struct each *each, int64_t after);
/* Reads the first page, so that a failure comes before the answer has begun. */
int each_start(struct each *each, struct err *err);

#endif
