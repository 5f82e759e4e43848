/* What libvips does not look at in a file: whether it goes on to its format's end, and what browsers go by. */
#ifndef IMAGE_WHOLE_H
#define IMAGE_WHOLE_H

#include <stdbool.h>

#include "image/module.h"

/* False when a PNG breaks off before its end chunk or has more packed text than any writer makes, or when a GIF
 * breaks off within a block, or a TIFF within its list of pages: libvips takes what is there for the whole. True for
 * every other type. *frames is the number of frames of a GIF (libvips counts to 4,097) or of pages of a TIFF (up to
 * IMAGE_FRAMES_MAX + 1), else 1. */
bool image_is_whole(const struct image_source *source, const char *type, int64_t *frames);

/* Reads the gamma by which to correct a PNG's samples; false when it is sRGB's, or another chunk defines the colors. */
bool image_png_gamma(const struct image_source *source, double *gamma);

/* The part of a GIF's canvas that the first frame paints. */
struct image_rect {
	int left, top, width, height;
};
bool image_gif_frame(const struct image_source *source, struct image_rect *out);

#endif
