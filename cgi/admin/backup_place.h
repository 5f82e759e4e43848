/* Where backups are kept: an image store of their own, in a folder or a bucket, whose keys below "backups/" are the
 * backups and all others the images, under the keys they have in the server; and a folder in which databases of the
 * backup at hand are made or read. One process at a time uses a place. */
#ifndef ADMIN_BACKUP_PLACE_H
#define ADMIN_BACKUP_PLACE_H

#include "blob/blob.h"
#include "base/config.h"

#define BACKUP_KEYS "backups/"
enum { BACKUP_ID_MAX = 32 }; /* "20260131T123456.789Z" */

struct backup_place {
	const char *name;     /* a folder, or s3://BUCKET; borrowed */
	struct config config; /* its image store, and sqlite_db_dir for the databases at hand */
	struct blob_store *blobs;
	bool in_bucket;
	char *work; /* a folder of this machine */
	int lock;
};

/* Opens it; in a place that must exist (making: else it is made), ERR_NOT_FOUND if it does not. What the server's
 * configuration says of S3 holds for s3://BUCKET unless the environment says otherwise (migrate_env.h). ERR_CONFLICT
 * while another process uses it. End with backup_place_close, also after a failure. */
int backup_place_open(struct backup_place *place, const char *name, bool making, const struct config *server,
                      config_env *env, struct err *err);
void backup_place_close(struct backup_place *place);

/* Empties the folder for databases, and calls it by the backup at hand. */
int backup_place_stage(struct backup_place *place, const char *id, struct err *err);

/* The name of a backup that begins at this time: in the order of time, and fit for a key. */
void backup_id(int64_t at, char out[BACKUP_ID_MAX]);
/* The backups that are there, oldest first, the complete ones or the others (those that were interrupted). The caller
 * frees the array. */
int backup_place_ids(struct backup_place *place, bool complete, char (**ids)[BACKUP_ID_MAX], size_t *count,
                     struct err *err);

#endif
