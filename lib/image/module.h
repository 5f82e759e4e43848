/* The seam between the program `decode` and the module "image", which needs libvips. */
#ifndef IMAGE_MODULE_H
#define IMAGE_MODULE_H

#include "image/image.h"

/* An image's bytes: in memory, or (bytes == NULL) in a file. */
struct image_source {
	const unsigned char *bytes;
	int fd;
	int64_t from; /* where they begin in the file */
	int64_t size;
	int *trouble; /* gets the errno of a read that failed; or NULL */
	/* Bytes that are read in place of the real ones. */
	struct image_patch {
		int64_t at;
		size_t len; /* 0: there is none */
		unsigned char bytes[8];
	} patch[2];
};

/* Reads up to len bytes at offset: returns how many, 0 at the end, -1 on failure. */
int64_t image_source_read(const struct image_source *source, int64_t offset, void *bytes, size_t len);

struct image_module {
	int (*check)(const struct image_source *source, const char *type, int64_t pixels_max, struct image_info *out,
	             struct err *err);
	int (*thumb)(const struct image_source *source, const char *type, int64_t pixels_max, int side, struct buf *out,
	             const char **thumb_type, struct err *err);
	bool (*can)(const char *type);
};
/* The module's symbol "image_module" is one of these. */

#endif
