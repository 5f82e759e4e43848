/* JPEGs by libjpeg itself, where that is much faster than libvips: whether one can be decoded to its end, and
 * small versions of it. libvips hands libjpeg 4 KiB at a time, too little for its fast decoder of bits. */
#ifndef IMAGE_JPEG_H
#define IMAGE_JPEG_H

#include <stdbool.h>

#include "image/jpeg_header.h"

/* Whether libjpeg decodes it to its end. Damage that it only warns of is let pass, as by browsers; and of nothing but
 * that it can see where a single scan of Huffman codes is concerned: there the bits are not decoded, but passed over
 * to the end marker. Other scans are decoded, though of each block of pixels only the mean is computed, and that of the
 * first component alone. Limits on its size are the caller's, before. */
bool image_jpeg_decodes(const struct image_source *source, const struct image_jpeg_header *header);

enum { IMAGE_JPEG_SHRUNK_BYTES_MAX = 16 * 1024 * 1024 };

/* A JPEG decoded at a fraction of its size: rows of `bands` bytes a pixel, without padding. */
struct image_jpeg_pixels {
	unsigned char *bytes;     /* malloced */
	int width, height, bands; /* 1: gray, 3: RGB */
};
/* Decodes it at 1/denominator (1, 2, 4, 8). Of a broken one it gives what is there, the rest black. False when
 * that is nothing, it is in other colors, or it takes more than IMAGE_JPEG_SHRUNK_BYTES_MAX. */
bool image_jpeg_shrunk(const struct image_source *source, unsigned denominator, struct image_jpeg_pixels *out);

#endif
