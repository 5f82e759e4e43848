/* `admin check`: whether datasets, their counts, their images and thumbnails agree, and mends what is safe to mend. */
#ifndef ADMIN_CHECK_H
#define ADMIN_CHECK_H

#include "base/config.h"

enum { CHECK_WELL = 0, CHECK_FOUND = 1, CHECK_UNSURE = 2 };

/* Returns the exit status: all is well (or was mended); something was found; or else not all of it could be checked, or
 * wrong usage. */
int admin_check(int argc, char **argv, config_env *env);

#endif
