/* Compares a dataset that moves with its source, sample by sample, and mends what differs. */
#ifndef ADMIN_MIGRATE_COMPARE_H
#define ADMIN_MIGRATE_COMPARE_H

#include "migrate_images.h"

enum { MIGRATE_PAGE = 500 }; /* records a durable write */

struct compare {
	struct dataset *from, *to;
	/* Changes the source's records into what the destination shall hold (their URLs). */
	int (*prepare)(void *data, struct dataset_record *records, size_t count, struct err *err);
	/* Copies records that differ, with their images, up to MIGRATE_PAGE at a time; NULL: only count them. */
	int (*mend)(void *data, const struct dataset_record *records, size_t count, struct err *err);
	/* Called after each page of the source with all its records. */
	int (*page)(void *data, const struct dataset_record *records, size_t count, struct err *err);
	void *data;

	/* Results. */
	int64_t samples, events, votes, images, image_bytes; /* in the source */
	int64_t differing;                                   /* records that differ or are missing; mend has copied them */
	int64_t first_differing;                             /* id; -1: none */
	int64_t extra;                                       /* only in the destination */
	char digest[2][HASH_SHA256_HEX];                     /* over all samples and events, of either side */
};

int migrate_compare(struct compare *compare, struct err *err);

/* Compares the stored counts, by state and by label. err (ERR_CONFLICT) says what differs. */
int migrate_compare_counts(struct dataset *from, struct dataset *to, struct err *err);

#endif
