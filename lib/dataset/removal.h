/* Removing samples for good. Of a removed sample a tombstone stays: its id is never given again, no seed and no
 * adoption brings it back, and its image's key is never used again. As thread-safe as dataset.h says, and with its
 * errors. */
#ifndef DATASET_REMOVAL_H
#define DATASET_REMOVAL_H

#include "dataset/dataset.h"

struct tombstone {
	int64_t id;
	char *filepath;
	char *blob_key; /* of an uploaded image; "": it lay in base_dir */
	char *sha256;   /* of an uploaded image; else "" */
	int64_t at;     /* by the store's clock */
	char *by;       /* the user who removed it */
	bool due;       /* its image has still to be removed */
};
/* Strings belong to the tombstone, and are never NULL once it is filled. */
void tombstone_release(struct tombstone *tombstone);
void tombstones_release(struct tombstone *tombstones, size_t count); /* and frees the array */

/* Removes the sample, and every other one with its filepath (older databases list files twice), with their events,
 * votes and leases. One durable write, which leaves tombstones that are due; the caller then removes the image, and
 * calls dataset_removed_done for each. ERR_NOT_FOUND "Sample not found". */
int dataset_remove_sample(struct dataset *dataset, int64_t id, const char *user, struct tombstone **out, size_t *count,
                          struct err *err);
/* The sample's image is gone: its tombstone is due no more. */
int dataset_removed_done(struct dataset *dataset, int64_t id, struct err *err);

/* The tombstones with id > after, in order of id, at most limit (1..DATASET_PAGE_MAX); due: only those that are. */
int dataset_removed(struct dataset *dataset, bool due, int64_t after, size_t limit, struct tombstone **out,
                    size_t *count, struct err *err);
/* *id is that of the last removed sample with these bytes; -1: there is none. May lag behind other processes;
 * dataset_add_image refuses (ERR_CONFLICT) a key that a removed sample had, and by then it is up to date. */
int dataset_removed_bytes(struct dataset *dataset, const char *sha256, int64_t *id, struct err *err);

/* Visits the tombstones of all datasets with at >= since, for what other machines keep of their images; nothing where
 * a store belongs to one machine. *now is the store's clock (0: there is nothing to visit). */
typedef void tombstone_visit(void *data, const char *dataset, const struct tombstone *tombstone);
int dataset_store_removed(struct dataset_store *store, int64_t since, tombstone_visit *visit, void *data,
                          int64_t *now, struct err *err);

#endif
