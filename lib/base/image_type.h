/* The types of images: their names, the endings and first bytes by which they are recognised, and how each is
 * handled.
 *
 * The store's keys, the walk through a folder and the addresses in documents use this one table; tests check that
 * nginx, the scripts and the README agree with it. */
#ifndef BASE_IMAGE_TYPE_H
#define BASE_IMAGE_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct image_type {
	const char *media;      /* "image/jpeg" */
	const char *name;       /* "JPEG" */
	const char *endings[5]; /* of file names, in lower case, without a dot; the store's keys have the first one */
	bool taken;             /* recognised by content, checked, and has thumbnails; else known by name alone */
	bool shown;             /* by browsers */
};

/* NULL: no such type */
const struct image_type *image_type_of(const char *media);
const struct image_type *image_type_by_name(const char *path); /* by its ending */

/* The accepted type that a file's first bytes show; IMAGE_TYPE_MAGIC_BYTES are enough. */
enum { IMAGE_TYPE_MAGIC_BYTES = 64 };
const struct image_type *image_type_sniff(const unsigned char *bytes, size_t len);

/* Appends the names of the accepted types: "JPEG, PNG, …". */
void image_type_names(struct buf *out);

#endif
