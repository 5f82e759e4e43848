/* `admin load --in-place`: makes a dataset of a folder of images where it lies, or adds what is new in it. */
#ifndef ADMIN_LOAD_H
#define ADMIN_LOAD_H

#include "base/config.h"

/* argv[0] is the word `load`. Prints a summary on stdout; progress, skipped files and errors on stderr. Returns the
 * exit status: 0, 1 failed, 2 wrong usage. */
int admin_load(int argc, char **argv, config_env *env);

#endif
