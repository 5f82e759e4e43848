/* One dataset that moves: copied from where it was left off, compared, and made whole. */
#ifndef ADMIN_MIGRATE_DATASET_H
#define ADMIN_MIGRATE_DATASET_H

#include "base/progress.h"
#include "migrate_images.h"

/* The same for all datasets of a run. */
struct migration {
	const struct config *from_config, *to_config;
	struct dataset_store *from, *to;
	struct migrate_images images;
	/* address of the destination's server, which begins the URLs of public images that it serves itself */
	const char *base_url;
	bool restart;       /* an unfinished move is dropped first */
	bool allow_missing; /* images that the source lacks do not stop a dataset */
};

/* Moves the dataset, and prints what was moved on standard output; warnings go to stderr. A dataset that is whole in
 * the destination and came from this source is only compared (images that it lacks are copied). */
int migrate_dataset(struct migration *migration, const char *name, struct err *err);

/* The address of a configuration's server: as given, or as far as the configuration tells it. */
void migrate_base_url(const struct config *config, const char *given, struct buf *out);

#endif
