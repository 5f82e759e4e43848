/* Whether a file goes on to its format's end, where libvips stops looking earlier. */
#ifndef BLOB_IMAGE_WHOLE_H
#define BLOB_IMAGE_WHOLE_H

#include <stdbool.h>

#include "blob/image_module.h"

/* False when a PNG breaks off before its end chunk or has more packed text than any writer makes, a GIF within a block, or a TIFF within its list of
 * pages: libvips takes what is there for the whole. True for every other type. *frames is the number of
 * frames of a GIF (libvips counts to 4,097) and of pages of a TIFF (up to IMAGE_FRAMES_MAX + 1), else 1. */
bool image_is_whole(const struct image_source *source, const char *type, int64_t *frames);

/* The way through a TIFF's pages, which begins as {0}. */
struct image_tiff {
	bool big_endian, big; /* BigTIFF: numbers of 8 bytes */
	int64_t first_at;     /* where its header says which page is the first; 0 = not read yet */
	uint64_t next;        /* where the next page is described; 0 after the last one */
	int64_t entries;      /* of the pages so far */
};

/* Patches *source so that the next page is the only one: libvips counts all pages whenever it opens one (measured: 47 s for
 * the 1,000 of a file of 114 KB). False, and *source is as it was, when the file breaks off there, or
 * says more of its pages than any writer does. */
bool image_tiff_next(struct image_source *source, struct image_tiff *tiff);

#endif
