/* Compares a dataset that moves with its source, sample by sample, and mends what differs. */
#ifndef ADMIN_MIGRATE_COMPARE_H
#define ADMIN_MIGRATE_COMPARE_H

#include "migrate_images.h"

enum { MIGRATE_PAGE = 500 }; /* records a durable write */

struct compare {
	struct dataset *from, *to;
	/* Changes records of the source into what they are to be in the destination (their URLs). */
	int (*prepare)(void *data, struct dataset_record *records, size_t count, struct err *err);
	/* Copies what differs, with its images, as many as MIGRATE_PAGE; NULL: only counts. */
	int (*mend)(void *data, const struct dataset_record *records, size_t count, struct err *err);
	/* After each page of the source: all of its records, and the last of their ids. */
	int (*page)(void *data, const struct dataset_record *records, size_t count, struct err *err);
	void *data;

	/* Counted. */
	int64_t samples, events, votes, images, image_bytes; /* of the source */
	int64_t differing;                                   /* those that differ or are lacking: mended if they may be */
	int64_t first_differing;                             /* id; -1: none */
	int64_t extra;                                       /* only in the destination */
	char digest[2][HASH_SHA256_HEX];                     /* over all samples and events, of both */
};

int migrate_compare(struct compare *compare, struct err *err);

/* The kept counts, by state and by label. err (ERR_CONFLICT) says what differs. */
int migrate_compare_counts(struct dataset *from, struct dataset *to, struct err *err);

#endif
