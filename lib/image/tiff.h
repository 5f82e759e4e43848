/* The pages of a TIFF, found and described without decoding them (TIFF 6.0; BigTIFF). */
#ifndef IMAGE_TIFF_H
#define IMAGE_TIFF_H

#include <stdbool.h>

#include "image/module.h"

/* A page's description; 0 where it says nothing. */
struct image_tiff_page {
	uint64_t at; /* offset of the description */
	bool cut;    /* the description goes on beyond the file's end */
	uint64_t width, height, rows_per_strip, tile_height, orientation, compression;
	/* The list of a page's strips or tiles: where they lie, or how many bytes each has. */
	struct image_tiff_list {
		int64_t at;
		uint64_t count;
		int size; /* bytes of a number; 0: there is no list */
	} offsets, lengths;
};

/* A walk through the pages, which begins as {0}. */
struct image_tiff {
	bool big_endian, big; /* BigTIFF: numbers of 8 bytes */
	int64_t first_at;     /* offset of the first page's offset; 0 = not read yet */
	uint64_t next;        /* offset of the next page's description; 0 after the last one */
	int64_t entries;      /* of all pages so far */
	struct image_tiff_page page;
};

/* Patches *source so that the next page is the only one: libvips counts all pages whenever it opens one (measured:
 * 47 s for the 1,000 pages of a file of 114 KB). Returns false, and leaves *source as it was, when the file breaks
 * off there, or describes its pages at greater length than any writer does. */
bool image_tiff_next(struct image_source *source, struct image_tiff *tiff);

/* Whether the page's bytes, or its description, go on beyond the file's end. */
bool image_tiff_is_cut(const struct image_source *source, const struct image_tiff *tiff);

/* Whether the file goes on to the end of its list of pages; *pages is their number, IMAGE_FRAMES_MAX + 1 at most. A
 * list that leads back to a page ends there, as for other readers. */
bool image_tiff_pages(const struct image_source *source, int64_t *pages);

#endif
