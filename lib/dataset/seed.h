/* Merges the JSON datasets of a folder into the store, at start and at reload.
 *
 * Reads every *.json (except hidden ones), in byte order: makes the dataset when it is absent; adds the labels and
 * filepaths that it lacks; never touches labels that people gave. The store is the truth: its base_dir holds if the
 * file has another one, and a file may be deleted afterwards. A file that was merged in its present form, by its
 * SHA-256, is skipped. */
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

/* Calls visit (may be NULL) for each file that was merged. A broken file is left out whole: a line in `warn` names
 * it and its broken line; other lines tell people what else they should know. Fails when the folder cannot be read
 * or the store fails; a folder that does not exist has no files. */
int seed_merge(struct dataset_store *store, const char *json_db_dir, seed_visit *visit, void *data,
               struct buf *warn, struct err *err);

#endif
