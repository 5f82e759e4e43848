/* Removes old backups, and what interrupted ones have left. */
#ifndef ADMIN_BACKUP_KEEP_H
#define ADMIN_BACKUP_KEEP_H

#include "backup_manifest.h"

/* Removes all but the newest `keep` backups (0: none of them), those that were interrupted, and the images that no
 * backup names any more. The manifest of a backup goes first. Call it only when a backup is complete. */
struct backup_removed {
	int64_t backups, interrupted, images;
};
int backup_keep(struct backup_place *place, int64_t keep, struct backup_removed *removed, struct err *err);

#endif
