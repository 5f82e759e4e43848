/* Removes from the image store what crashes left between an image's bytes and its metadata. */
#ifndef ADMIN_SWEEP_H
#define ADMIN_SWEEP_H

#include "base/buf.h"
#include "base/config.h"
#include "dataset/dataset.h"

enum {
	SWEEP_AGE_SECONDS = 3600,            /* younger ones may be under way */
	SWEEP_PARTS_AGE_SECONDS = 24 * 3600, /* the same for parts in S3, which slow clients may be sending */
};

/* state_dir is the server's. *removed counts objects. Each failure adds a line to `warn`, and is tried again at the
 * next start. */
void sweep_uploads(const struct config *config, struct dataset_store *store, const char *state_dir, int64_t *removed,
                   struct buf *warn);

/* Ends the removals of samples that were interrupted, and removes the thumbnails that this machine keeps of removed
 * samples. Failures as above. */
void sweep_removed(const struct config *config, struct dataset *dataset, const struct dataset_place *place,
                   const char *state_dir, struct buf *warn);

#endif
