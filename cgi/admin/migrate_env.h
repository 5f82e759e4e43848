/* Which environment variables hold for each side of a migration, where two configurations are read at once, and for
 * the place of backups, beside the server's.
 *
 * A variable with FROM_, TO_ or BACKUP_ before its name holds for that side, and wins over its file. One without such
 * a prefix chooses no store, and only fills in what the file lacks for a store that it chose; so no variable can
 * turn both sides into the same store. */
#ifndef ADMIN_MIGRATE_ENV_H
#define ADMIN_MIGRATE_ENV_H

#include "base/config.h"

enum migrate_side { MIGRATE_FROM, MIGRATE_TO, MIGRATE_BACKUP };

/* Calls config_load for that side's file. One thread. */
int migrate_env_load(struct config *config, enum migrate_side side, const char *path, config_env *env, struct err *err);

/* The first variable that is set, would choose a store outside of a migration, and was ignored on both sides; NULL
 * when there is none. Report it after both were loaded. */
const char *migrate_env_left_out(void);

#endif
