/* Files that can be made again, kept in a folder up to a ceiling: those that were used longest ago go first.
 *
 * A file belongs to a group, which is a folder of its own, and says of which content it was made (its version): it
 * is given to nobody who asks for another. Thread-safe; several processes may share the folder, each of which counts
 * what it adds by itself. */
#ifndef FASTCGI_KEPT_H
#define FASTCGI_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct kept;

/* In <state_dir>/<name>, below which folders are made as they are needed; `bytes_max` on the disk. */
struct kept *kept_new(const char *state_dir, const char *name, int64_t bytes_max);
void kept_free(struct kept *kept); /* NULL is fine */

/* Appends the file to out. Whether it was there, and of this version. */
bool kept_read(struct kept *kept, const char *group, const char *name, const char *version, struct buf *out);
/* In place of what has the name. What cannot be kept is made again next time: there is no error. */
void kept_add(struct kept *kept, const char *group, const char *name, const char *version, const struct buf *bytes);
/* Removes one. */
void kept_remove(struct kept *kept, const char *group, const char *name);

/* Removes a group, or all but those that are wanted; one that is not there is fine. */
int kept_remove_group(const char *state_dir, const char *name, const char *group, struct err *err);
typedef bool kept_wanted(void *data, const char *group);
int kept_sweep(const char *state_dir, const char *name, kept_wanted *wanted, void *data, struct err *err);

#endif
