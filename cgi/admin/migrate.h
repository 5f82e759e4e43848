/* `admin migrate`: moves datasets, and the images uploaded to them, from the stores of one configuration to those of
 * another. */
#ifndef ADMIN_MIGRATE_H
#define ADMIN_MIGRATE_H

#include "base/config.h"

/* Returns the exit status. */
int admin_migrate(int argc, char **argv, config_env *env);

#endif
