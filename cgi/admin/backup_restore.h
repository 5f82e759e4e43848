/* Reads a backup again: restores it into the stores of a configuration, or verifies that this could be done. */
#ifndef ADMIN_BACKUP_RESTORE_H
#define ADMIN_BACKUP_RESTORE_H

#include "backup_manifest.h"
#include "dataset/dataset.h"

struct backup_restore {
	const struct config *config; /* of the server that gets it; for verifying: NULL */
	config_env *env;
	struct backup_place place;
	unsigned jobs;
	const char *base_url;        /* NULL: from the configuration */
	const char *const *datasets; /* only these, and no users; count 0: everything */
	size_t dataset_count;
	bool adding; /* into stores that have datasets and users already, which stay as they are */

	/* Results. */
	size_t restored, failed; /* datasets; failures were told of on stderr */
	int64_t images;          /* verified */
	size_t users;
};

/* Moves every dataset as image-label-migrate does, from the backup's databases: each becomes whole once it is compared.
 * After an interruption it goes on. ERR_CONFLICT, and nothing is done, if there is another dataset already. */
int backup_restore(struct backup_restore *restore, const struct backup_manifest *manifest, struct err *err);
/* Reads every part and every image, and compares their SHA-256. What is missing or damaged is told of on stderr. */
int backup_verify(struct backup_restore *restore, const struct backup_manifest *manifest, struct err *err);

#endif
