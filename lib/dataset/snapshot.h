/* Snapshots of a dataset: under a name, the SHA-256 of a manifest that lists its samples as they were at one moment.
 * A snapshot never changes. The manifest itself is an object of the image store (fastcgi/manifest.h). Thread-safe. */
#ifndef DATASET_SNAPSHOT_H
#define DATASET_SNAPSHOT_H

#include "dataset/dataset.h"

enum { SNAPSHOT_NAME_MAX = 200 }; /* bytes */

/* Its texts are UTF-8 and never NULL in a filled one. */
struct snapshot {
	char *name;
	char *digest; /* SHA-256 of the manifest, hex */
	char *blob_key;
	char *split, *seed; /* "" without a split (dataset/split.h) */
	char *by;
	int64_t size; /* samples */
	int64_t at;   /* when it was made, by the store's clock */
};
void snapshot_release(struct snapshot *snapshot);
void snapshots_free(struct snapshot *snapshots, size_t count); /* NULL is fine */

/* 1..SNAPSHOT_NAME_MAX bytes without control characters or '/', the first of them no '.'. ERR_BAD_REQUEST. */
int snapshot_check_name(const char *name, struct err *err);
/* Adds it durably, and sets its time, unless it has one (of a dataset that moves). ERR_CONFLICT when the name is
 * taken. */
int snapshot_add(struct dataset *dataset, struct snapshot *snapshot, struct err *err);
/* ERR_NOT_FOUND names the one that is not there. */
int snapshot_find(struct dataset *dataset, const char *name, struct snapshot *out, struct err *err);
/* Those with a name > after ("" = from the first), at most limit (1..DATASET_PAGE_MAX), in byte order of their names.
 * The caller ends with snapshots_free, also after a failure. */
int snapshot_list(struct dataset *dataset, const char *after, size_t limit, struct snapshot **out, size_t *count,
                  struct err *err);

/* Visits each of them in that order, a page at a time. A visit that returns non-zero, with err, ends it. The snapshot
 * lives only during the visit. */
typedef int snapshot_visit(void *data, struct snapshot *snapshot, struct err *err);
int snapshot_each(struct dataset *dataset, snapshot_visit *visit, void *data, struct err *err);

/* Visits every sample, in order of id, as all of them were at one moment; labelling goes on meanwhile. A visit that
 * returns non-zero, with err, ends it. The sample lives only during the visit. */
typedef int sample_visit(void *data, const struct sample *sample, struct err *err);
int dataset_visit_all(struct dataset *dataset, sample_visit *visit, void *data, struct err *err);

#endif
