/* JPEGs by libjpeg itself, where that is much faster than libvips: whether one can be decoded to its end, and
 * small versions of it. libvips hands libjpeg 4 KiB at a time, too little for its fast decoder of bits. */
#ifndef BLOB_IMAGE_JPEG_H
#define BLOB_IMAGE_JPEG_H

#include <stdbool.h>

#include "blob/image_module.h"

/* Every entropy-coded bit of every scan is decoded, as libvips would do, but of each block of pixels only
 * its mean is computed, and that of the first component alone. False when it breaks off before its end, or
 * libjpeg gives up; damage that libjpeg only warns of is let pass, as by libvips. Limits on its size are
 * the caller's, before. */
bool image_jpeg_decodes(const struct image_source *source);

enum { IMAGE_JPEG_SHRUNK_BYTES_MAX = 16 * 1024 * 1024 };

/* A JPEG decoded at a fraction of its size: rows of `bands` bytes a pixel, without padding. */
struct image_jpeg_pixels {
	unsigned char *bytes; /* malloced */
	int width, height, bands; /* 1: gray, 3: RGB */
};
/* Decodes it at 1/denominator (1, 2, 4, 8). Of a broken one it gives what is there, the rest black. False when
 * that is nothing, it is in other colors, or it takes more than IMAGE_JPEG_SHRUNK_BYTES_MAX. */
bool image_jpeg_shrunk(const struct image_source *source, unsigned denominator, struct image_jpeg_pixels *out);

#endif
