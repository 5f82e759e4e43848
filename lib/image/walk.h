/* Reads an image's bytes one after the other, through a window. */
#ifndef IMAGE_WALK_H
#define IMAGE_WALK_H

#include <stdbool.h>

#include "image/module.h"

/* Begins as {.source = …, .at = …}. */
struct walk {
	const struct image_source *source;
	int64_t at;         /* of the next byte */
	int64_t start, len; /* the window: bytes [start, start + len) of the source */
	unsigned char window[16 * 1024];
};

/* The next byte, or -1 at the end. */
int walk_byte(struct walk *walk);
/* Goes to the next byte of that value; false when there is none. */
bool walk_find(struct walk *walk, int value);
/* Whether len bytes are there to be passed over. */
bool walk_skip(struct walk *walk, int64_t len);
/* An unsigned number of `size` bytes; *ok is false at the end, and is not touched before. */
uint64_t walk_number(struct walk *walk, int size, bool big_endian, bool *ok);

#endif
