/* Which environment variables hold for each side of a migration, where two configurations are read at once.
 *
 * A variable with FROM_ or TO_ before its name holds for that side, and wins over its file. Without that it chooses no
 * store, and only fills in what a store that the side's file chose lacks there; so none can turn both sides into the
 * same store. */
#ifndef ADMIN_MIGRATE_ENV_H
#define ADMIN_MIGRATE_ENV_H

#include "base/config.h"

enum migrate_side { MIGRATE_FROM, MIGRATE_TO };

/* config_load of that side's file. One thread. */
int migrate_env_load(struct config *config, enum migrate_side side, const char *path, config_env *env, struct err *err);

/* The first variable that chooses a store elsewhere, is set, and was left out on both sides; NULL when there is none.
 * To be reported, after both were loaded. */
const char *migrate_env_left_out(void);

#endif
