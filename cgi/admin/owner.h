/* For whom root works: what a command run as root makes must be readable for a server that does not run as root. */
#ifndef ADMIN_OWNER_H
#define ADMIN_OWNER_H

#include "base/err.h"

/* As root, for another user's folder (or, if it does not exist, the nearest existing one above it): goes on as that
 * user until the process ends. New files then belong to that user, and what the user cannot read is reported, not
 * used. Does nothing for anybody but root. Call it once, while there is one thread. */
int owner_become(const char *folder, struct err *err);

#endif
