/* Removes the file of a sample that lies in a dataset's base_dir, and nothing outside it. Thread-safe. */
#ifndef BLOB_DISCARD_H
#define BLOB_DISCARD_H

#include "base/config.h"
#include "base/err.h"

/* Whether the file can be removed; one that is not there can. ERR_CONFLICT, in a sentence that says what to do, when
 * its folder may not be written, or its image lies outside base_dir, in one of roots. ERR_UNAVAILABLE when base_dir
 * cannot be opened. */
int discard_check(const char *base_dir, const char *filepath, const struct config_list *roots, struct err *err);

/* Removes the file, durably; of a symlink, the link alone. One that is not there, or is no file, is fine, as is one
 * outside base_dir, which stays. */
int discard_file(const char *base_dir, const char *filepath, struct err *err);

#endif
