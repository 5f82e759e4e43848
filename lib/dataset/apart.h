/* Which datasets' folders lie apart: no other dataset's folder, nor the image store, nor the state folder lies in
 * them, and they in none of these. Of such a folder whatever looks like an image may be served to who may see the
 * dataset; of any other, samples alone.
 *
 * It is noted in the dataset, so that all machines know it, and holds as long as the folder is the one that was
 * looked at. */
#ifndef DATASET_APART_H
#define DATASET_APART_H

#include "base/config.h"
#include "dataset/dataset.h"
#include "dataset/move.h"

/* Looks at all datasets, and notes what has changed: after a base_dir was set, at start and at reload. Datasets that
 * cannot be read are passed over. state_dir NULL: not known. */
int apart_settle(struct dataset_store *store, const struct config *config, const char *state_dir, struct err *err);

/* The dataset's folder, its symlinks resolved, if it is there and apart; else out is "". */
int apart_folder(struct dataset *dataset, const char *base_dir, char out[4096 /* PATH_MAX */], struct err *err);

/* Whether base_dir may be set by HTTP: it lies in one of config->base_dirs, symlinks resolved (ERR_FORBIDDEN), and
 * would be apart from all but the dataset of this name (ERR_CONFLICT). "" may be set always. */
int apart_check(struct dataset_store *store, const struct config *config, const char *state_dir, const char *name,
                const char *base_dir, struct err *err);

#endif
