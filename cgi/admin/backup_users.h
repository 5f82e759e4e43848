/* The documents of users and tokens in a backup: a line of JSON each, {"name", "text"}. */
#ifndef ADMIN_BACKUP_USERS_H
#define ADMIN_BACKUP_USERS_H

#include "base/config.h"
#include "dataset/dataset.h"

/* Writes those of the server into a new file; *in_store: a store keeps them, not the folder. */
int backup_users_write(const struct config *config, struct dataset_store *store, const char *path, bool *in_store,
                       struct err *err);

/* Writes those of the file to the server's folder, or to its store if in_store and it has one. Others that are there
 * stay; those of the same name that say something else are ERR_CONFLICT, and then none is written: unless adding, which
 * leaves them as they are. *count gets how many were written. only_look: writes none. */
struct backup_users {
	bool in_store, adding, only_look;
	size_t count;
};
int backup_users_read(const struct config *config, struct dataset_store *store, const char *path,
                      struct backup_users *users, struct err *err);

#endif
