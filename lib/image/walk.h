/* Reads an image's bytes one after the other, through a window. */
#ifndef IMAGE_WALK_H
#define IMAGE_WALK_H

#include <stdbool.h>

#include "image/module.h"

/* Initialize it as {.source = …, .at = …}. */
struct walk {
	const struct image_source *source;
	int64_t at;         /* offset of the next byte */
	int64_t start, len; /* the window: bytes [start, start + len) of the source */
	unsigned char window[16 * 1024];
};

/* The next byte, or -1 at the end. */
int walk_byte(struct walk *walk);
/* Goes to the next byte of this value; false when there is none. */
bool walk_find(struct walk *walk, int value);
/* Skips len bytes; false when there are fewer. */
bool walk_skip(struct walk *walk, int64_t len);
/* Reads an unsigned number of `size` bytes; sets *ok to false at the end, and else leaves it. */
uint64_t walk_number(struct walk *walk, int size, bool big_endian, bool *ok);

#endif
