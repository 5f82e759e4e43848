/* The samples that an export is of, one after the other, in order of id: read in pages, so that nothing is held while
 * the client takes its time. One thread. */
#ifndef EXPORT_EACH_H
#define EXPORT_EACH_H

#include "dataset/dataset.h"

struct each {
	struct dataset *dataset;
	struct sample_filter filter; /* its texts are borrowed */
	struct sample *page;
	size_t count, at; /* of the page, and how many were given */
	int64_t after;    /* the id of the last one read; -1 = none yet */
	bool last;        /* there are no more behind this page */
};

void each_init(struct each *each, struct dataset *dataset);
void each_release(struct each *each);

/* The next one, which is each's until the next call. 1; 0: there are no more; -1 with err. */
int each_next(struct each *each, const struct sample **out, struct err *err);
/* Reads the first page, so that what fails does so before an answer has begun. */
int each_start(struct each *each, struct err *err);

#endif
