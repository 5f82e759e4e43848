/* Files with passwords that others on the machine can read. */
#ifndef ADMIN_EXPOSED_H
#define ADMIN_EXPOSED_H

#include "base/buf.h"
#include "base/config.h"

/* Appends a line for each: the configuration, if MongoDB's connection string in it has a password, and the users'
 * files with a plain password. Files that cannot be looked at are ignored. */
void exposed_warn(const struct config *config, struct buf *warnings);

#endif
