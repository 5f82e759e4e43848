/* Which datasets' folders lie apart: neither another dataset's folder, nor the image store, nor the state folder
 * lies in them or around them. Everything in such a folder that looks like an image may be served to users who may
 * see the dataset; from any other folder only samples are.
 *
 * The dataset notes it, so that all machines know it; the note holds as long as the folder is the one that was
 * looked at. */
#ifndef DATASET_APART_H
#define DATASET_APART_H

#include "base/config.h"
#include "dataset/dataset.h"
#include "dataset/move.h"

/* Looks at all datasets, and notes what has changed: after a base_dir was set, at start and at reload. Skips
 * datasets that cannot be read. state_dir NULL: not known. */
int apart_settle(struct dataset_store *store, const struct config *config, const char *state_dir, struct err *err);

/* The dataset's folder, its symlinks resolved, if it exists and lies apart; else out is "". */
int apart_folder(struct dataset *dataset, const char *base_dir, char out[4096 /* PATH_MAX */], struct err *err);

/* Whether base_dir may be set by HTTP: it must lie in one of config->base_dirs, symlinks resolved (else
 * ERR_FORBIDDEN), and apart from all datasets but the one of this name (else ERR_CONFLICT). "" may always be set. */
int apart_check(struct dataset_store *store, const struct config *config, const char *state_dir, const char *name,
                const char *base_dir, struct err *err);

#endif
