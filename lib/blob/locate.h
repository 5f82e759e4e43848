/* Finds the file of a sample that lies in a dataset's base_dir, and refuses what lies outside.
 * Thread-safe. */
#ifndef BLOB_LOCATE_H
#define BLOB_LOCATE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"

/* Identifies a file and its content, as far as stat(2) shows. */
struct located_id {
	int64_t inode, bytes;
	int64_t modified_ns, changed_ns; /* nanoseconds since 1970 */
};

struct located {
	char path[PATH_MAX]; /* absolute, without symlinks below root: open it without following any there */
	size_t root;         /* length of the folder in path that the file may lie in, without its last slash; 0: all, "/" */
	const char *type;    /* media type by content, or by name where the content does not show it; static */
	int64_t bytes;
	struct located_id id; /* of a file in base_dir */
};

struct stat;
void located_id_of(const struct stat *st, struct located_id *out);

/* ERR_NOT_FOUND "Image file not found" when that is true of this one file, for anybody who looks: filepath leaves
 * base_dir (`..`, absolute, a symlink; openat2 RESOLVE_BENEATH) and lies in none of `roots`, names nothing (ENOENT,
 * ENOTDIR, ELOOP, ENAMETOOLONG), may not be read (EACCES), or is no regular file; and base_dir exists and may be
 * searched, or the dataset has none (""). Any other failure, such as a missing disk or a program out of descriptors,
 * is ERR_UNAVAILABLE. */
int locate_file(const char *base_dir, const char *filepath, const struct config_list *roots,
                struct located *out, struct err *err);

/* Looks at what lies at filepath, wherever that leads, without opening it: at a tenth of the cost, whether a known
 * file is still as it was, or is gone. */
enum locate_glance { LOCATE_UNSURE, LOCATE_THERE, LOCATE_GONE };
enum locate_glance locate_glance(const char *base_dir, const char *filepath, struct located_id *out);

#endif
