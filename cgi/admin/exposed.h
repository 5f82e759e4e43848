/* Files with passwords that others on the machine can read. */
#ifndef ADMIN_EXPOSED_H
#define ADMIN_EXPOSED_H

#include "base/buf.h"
#include "base/config.h"

/* Appends a line for each: the configuration, when MongoDB's connection string in it has a password, and the users'
 * files in which a password stands as it is. What cannot be looked at is passed over. */
void exposed_warn(const struct config *config, struct buf *warnings);

#endif
