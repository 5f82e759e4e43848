/* Whether what a store holds of a dataset is sound, and mending what is not. As thread-safe as dataset.h says. */
#ifndef DATASET_INTEGRITY_H
#define DATASET_INTEGRITY_H

#include "dataset/dataset.h"
#include "dataset/stats_kept.h"

typedef void dataset_told(void *data, const char *what);
/* Calls told for each index that the store lacks. Opening it for writing makes them. */
int dataset_store_integrity(struct dataset_store *store, dataset_told *told, void *data, struct err *err);
/* Calls told for each thing that is wrong with the dataset's database itself; a store without such a check finds
 * nothing. thorough: also whether its indexes agree with its tables, which takes several times as long. */
int dataset_integrity(struct dataset *dataset, bool thorough, dataset_told *told, void *data, struct err *err);

enum dataset_count_kind {
	DATASET_COUNT_SIZE,
	DATASET_COUNT_STATE,
	DATASET_COUNT_LABEL,
	DATASET_COUNT_GOLD,
	DATASET_COUNT_BYTES
};
/* A kept count that is too small by `by`. */
struct dataset_count_fix {
	enum dataset_count_kind kind;
	enum sample_state state; /* of DATASET_COUNT_STATE */
	const char *label;       /* of DATASET_COUNT_LABEL */
	int64_t by;
};
/* Adds the differences, in one durable write: right whatever was written since they were found, because every write
 * changes a count by what it changes. */
int dataset_fix_counts(struct dataset *dataset, const struct dataset_count_fix *fixes, size_t count, struct err *err);

/* A kept count for statistics whose n and ms are too small by these. */
struct dataset_stats_fix {
	enum stats_kind kind;
	struct stats_row by; /* its texts are borrowed */
};
/* The same for the statistics; a durable write for each DATASET_FIXES_MAX, so that others need not wait long. */
enum { DATASET_FIXES_MAX = 1000 };
int dataset_fix_stats(struct dataset *dataset, const struct dataset_stats_fix *fixes, size_t count, struct err *err);

#endif
