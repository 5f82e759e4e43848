/* Checks one dataset: its database, its counts, its samples' labels, and that each sample's image is there. */
#ifndef ADMIN_CHECK_DATASET_H
#define ADMIN_CHECK_DATASET_H

#include "blob/blob.h"
#include "check_objects.h"
#include "check_report.h"
#include "dataset/dataset.h"

struct check {
	const struct config *config;
	struct dataset_store *store;
	struct blob_store *blobs;
	struct check_objects *objects;
	struct check_report *report;
	bool repair, thorough;
};

/* Adds to the report. All but the database is as of one moment, so that people may go on; a finding about an image is
 * looked at again before it counts. */
int check_dataset(struct check *check, const char *name, struct err *err);

#endif
