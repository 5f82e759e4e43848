/* The types of images: how they are called, by which endings and first bytes they are recognised, and what becomes
 * of them.
 *
 * One table for all: the store's keys, the walk through a folder, the addresses in documents; tests hold nginx, the
 * scripts and the README to it. */
#ifndef BASE_IMAGE_TYPE_H
#define BASE_IMAGE_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct image_type {
	const char *media;      /* "image/jpeg" */
	const char *name;       /* "JPEG" */
	const char *endings[5]; /* of file names, in lower case, without a dot; the first one is that of the store's keys */
	bool taken;             /* recognised by its content, checked, and made thumbnails of; else by its name alone */
	bool shown;             /* by browsers */
};

/* NULL: no such one. */
const struct image_type *image_type_of(const char *media);
const struct image_type *image_type_by_name(const char *path); /* by its ending */

/* The taken type that a file's first bytes show; IMAGE_TYPE_MAGIC_BYTES are enough. */
enum { IMAGE_TYPE_MAGIC_BYTES = 64 };
const struct image_type *image_type_sniff(const unsigned char *bytes, size_t len);

/* Appends the names of those taken: "JPEG, PNG, …". */
void image_type_names(struct buf *out);

#endif
