/* Merges the JSON datasets of a folder into the store, at start and at reload.
 *
 * Every *.json (no hidden ones), in byte order: the dataset is made when absent; the labels and filepaths
 * it lacks are added; labels people gave are never touched. The store is the truth: its base_dir holds
 * where the file has another one, and a file may be deleted afterwards. A file that was merged as it is
 * now is passed over by its SHA-256. */
#ifndef DATASET_SEED_H
#define DATASET_SEED_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "dataset/dataset.h"

struct seed_result {
	const char *file; /* its name in the folder */
	const char *dataset;
	bool known;   /* merged before; nothing was done */
	bool created; /* the dataset is new */
	struct dataset_merged merged;
};
typedef void seed_visit(void *data, const struct seed_result *result);

/* Calls visit (may be NULL) for each file that holds. One that is broken is left out whole: a line in
 * `warn` names it and the line, as it does what else a person should know. Non-zero when the folder cannot be
 * read or the store fails; a folder that is not there has no files. */
int seed_merge(struct dataset_store *store, const char *json_db_dir, seed_visit *visit, void *data,
               struct buf *warn, struct err *err);

#endif
