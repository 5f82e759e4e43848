/* `admin export`: a dataset as CSV, from whatever store the configuration names. */
#ifndef ADMIN_EXPORT_H
#define ADMIN_EXPORT_H

#include "base/config.h"

/* Writes to standard output: a line of JSON with dataset_name, base_dir and labels, then the CSV. Returns the exit
 * status. */
int admin_export(int argc, char **argv, config_env *env);

#endif
