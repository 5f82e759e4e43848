/* Files that can be made again, kept in a folder up to a ceiling: the files unused for longest go first.
 *
 * A file belongs to a group, which is a folder of its own, and records the content it was made from (its version): a
 * request for another version does not get it. Thread-safe; several processes may share the folder, and each counts
 * only what it adds itself. */
#ifndef FASTCGI_KEPT_H
#define FASTCGI_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct kept;

/* In <state_dir>/<name>, where folders are made as needed; `bytes_max` is measured on the disk. */
struct kept *kept_new(const char *state_dir, const char *name, int64_t bytes_max);
void kept_free(struct kept *kept); /* NULL is fine */

/* Appends the file to out. Returns whether it was there with this version. */
bool kept_read(struct kept *kept, const char *group, const char *name, const char *version, struct buf *out);
/* Replaces any file of this name. There is no error: a file that cannot be kept is made again next time. */
void kept_add(struct kept *kept, const char *group, const char *name, const char *version, const struct buf *bytes);
/* Removes one file. */
void kept_remove(struct kept *kept, const char *group, const char *name);

/* Remove a group (one that does not exist is fine), or all groups but the wanted ones. */
int kept_remove_group(const char *state_dir, const char *name, const char *group, struct err *err);
typedef bool kept_wanted(void *data, const char *group);
int kept_sweep(const char *state_dir, const char *name, kept_wanted *wanted, void *data, struct err *err);

#endif
