/* The snapshots of a dataset that moves, with their manifests. One thread. */
#ifndef ADMIN_MIGRATE_SNAPSHOTS_H
#define ADMIN_MIGRATE_SNAPSHOTS_H

#include "dataset/snapshot.h"
#include "migrate_images.h"

/* Takes a snapshot's manifest as if it were an image, which nobody but the server may read (migrate_images_take). */
int migrate_manifest(struct migrate_images *images, const struct snapshot *snapshot, bool look, struct err *err);

/* Copies each one that the destination lacks: first its manifest, by `images`, then the snapshot itself. *count gets
 * how many there are. A manifest that the source lacks counts as a missing image. ERR_CONFLICT: the destination has
 * another snapshot of that name. */
int migrate_snapshots(struct dataset *from, struct dataset *to, struct migrate_images *images, int64_t *count,
                      struct err *err);

#endif
