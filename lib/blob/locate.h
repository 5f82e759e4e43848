/* Finds the file of a sample that lies in a dataset's base_dir, and refuses what lies outside.
 * Thread-safe. */
#ifndef BLOB_LOCATE_H
#define BLOB_LOCATE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"

/* Which file it is, and of which content, as far as stat(2) shows. */
struct located_id {
	int64_t inode, bytes;
	int64_t modified_ns, changed_ns; /* nanoseconds since 1970 */
};

struct located {
	char path[PATH_MAX]; /* absolute, with no symlink in it below root: to be opened without following any there */
	size_t root;         /* bytes of path that are the folder it may lie in, without its last slash; 0: all, "/" */
	const char *type;    /* media type by content; by name where the content does not show it; static */
	int64_t bytes;
	struct located_id id; /* of a file in base_dir */
};

struct stat;
void located_id_of(const struct stat *st, struct located_id *out);

/* ERR_NOT_FOUND "Image file not found" when that is so of this one file, for anybody who looks: filepath leaves
 * base_dir (`..`, absolute, a symlink; openat2 RESOLVE_BENEATH) and lies in none of `roots`, names nothing (ENOENT,
 * ENOTDIR, ELOOP, ENAMETOOLONG), may not be read (EACCES), or is no regular file; and base_dir is there and may be
 * searched, or the dataset has none (""). All else, such as a disk that is away or a program out of descriptors, is
 * ERR_UNAVAILABLE. */
int locate_file(const char *base_dir, const char *filepath, const struct config_list *roots,
                struct located *out, struct err *err);

#endif
