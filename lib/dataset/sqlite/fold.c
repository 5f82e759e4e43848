/* Writes the write-ahead logs of a folder of databases back into them, so that each can be copied alone. */
#include "dataset/sqlite/internal.h"

struct fold {
	struct dataset_store *store;
	struct err *err;
	int failed;
};

static bool fold_one(void *data, const char *name)
{
	struct fold *fold = data;
	struct dataset *dataset;

	if (sqlite_open(fold->store, name, &dataset, fold->err)) {
		fold->failed = -1;
		return true;
	}
	if (db_fold(dataset_db(dataset), false, fold->err))
		fold->failed = -1;
	sqlite_close(dataset);
	return true;
}

int sqlite_store_fold(struct dataset_store *store, struct err *err)
{
	struct fold fold = {.store = store, .err = err};

	return sqlite_store_list(store, "", SIZE_MAX, fold_one, &fold, err) || fold.failed ||
	       beside_fold(store, &beside_audit, err);
}
