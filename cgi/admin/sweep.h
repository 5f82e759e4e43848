/* Removes from the image store what crashes left between an image's bytes and its metadata. */
#ifndef ADMIN_SWEEP_H
#define ADMIN_SWEEP_H

#include "base/buf.h"
#include "base/config.h"
#include "dataset/dataset.h"

enum {
	SWEEP_AGE_SECONDS = 3600,            /* younger ones may be uploads under way */
	SWEEP_PARTS_AGE_SECONDS = 24 * 3600, /* the same of parts in S3, where others may send slowly */
};

/* state_dir is that of the server. *removed counts objects. What fails is a line in `warn`, and is tried at the next
 * start. */
void sweep_uploads(const struct config *config, struct dataset_store *store, const char *state_dir, int64_t *removed,
                   struct buf *warn);

#endif
