/* `admin backup`: makes, lists, verifies and restores backups of datasets, images, users and the configuration. */
#ifndef ADMIN_BACKUP_H
#define ADMIN_BACKUP_H

#include "base/config.h"

/* Returns the exit status. */
int admin_backup(int argc, char **argv, config_env *env);

#endif
