/* One dataset that moves: copied from where it was left off, compared, and made whole. */
#ifndef ADMIN_MIGRATE_DATASET_H
#define ADMIN_MIGRATE_DATASET_H

#include "base/progress.h"
#include "migrate_images.h"

/* What stays the same for all datasets. */
struct migration {
	const struct config *from_config, *to_config;
	struct dataset_store *from, *to;
	struct migrate_images images;
	const char *base_url; /* of the destination's server: begins the URLs of public images that it serves itself */
	bool restart;         /* an unfinished move is dropped first */
	bool allow_missing;   /* images that the source lacks keep nothing back */
};

/* Moves it, and prints what was moved on standard output; what a person should know on the way goes to stderr. A
 * dataset that is whole in the destination and came from there is only compared (images that it lacks are copied). */
int migrate_dataset(struct migration *migration, const char *name, struct err *err);

#endif
