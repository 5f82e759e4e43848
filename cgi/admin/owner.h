/* Whose work root does: a command run as root makes what a server reads that does not run as root. */
#ifndef ADMIN_OWNER_H
#define ADMIN_OWNER_H

#include "base/err.h"

/* As root, for a folder of somebody else's (one that is not there yet: for the nearest above it): goes on as that one,
 * to the end of the process. All that is made is theirs then, and what they cannot read is reported instead of taken.
 * Nothing for others than root. Once, while there is one thread. */
int owner_become(const char *folder, struct err *err);

#endif
