/* Makes one backup, while people go on labelling. */
#ifndef ADMIN_BACKUP_TAKE_H
#define ADMIN_BACKUP_TAKE_H

#include "backup_manifest.h"

/* The server's configuration and stores, and its place of backups. */
struct backup_run {
	const struct config *config;
	config_env *env;
	struct backup_place place;
	unsigned jobs;                /* images at once */
	int64_t copied, copied_bytes; /* images that the place did not have yet */
};

/* Makes a backup, and fills its manifest. Each dataset is as it was at one moment, the moments a little apart. A
 * dataset that cannot be read is told of on stderr, and noted as failed; the others are in the backup. */
int backup_take(struct backup_run *run, struct backup_manifest *manifest, struct err *err);

#endif
