/* JPEGs by libjpeg itself, where that is much faster than libvips: whether one can be decoded to its end, and small
 * versions of it. libvips gives libjpeg 4 KiB at a time, too little for its fast bit decoder. */
#ifndef IMAGE_JPEG_H
#define IMAGE_JPEG_H

#include <stdbool.h>

#include "image/jpeg_header.h"

/* Whether libjpeg decodes the image to its end. Damage that libjpeg only warns of is accepted, as by browsers. A
 * single scan of Huffman codes is not decoded, only skipped to the end marker, so damage within it goes unnoticed.
 * Other scans are decoded, though only the mean of each block of pixels is computed, and only for the first
 * component. The caller checks limits on the size before. */
bool image_jpeg_decodes(const struct image_source *source, const struct image_jpeg_header *header);

enum { IMAGE_JPEG_SHRUNK_BYTES_MAX = 16 * 1024 * 1024 };

/* A JPEG decoded to a fraction of its size: rows of `bands` bytes a pixel, without padding. */
struct image_jpeg_pixels {
	unsigned char *bytes;     /* malloced */
	int width, height, bands; /* 1: gray, 3: RGB */
};
/* Decodes at 1/denominator (1, 2, 4, 8) of the size. Shows what is there of a broken image, the rest black. False
 * when nothing is there, the colors are of another kind, or it takes more than IMAGE_JPEG_SHRUNK_BYTES_MAX. */
bool image_jpeg_shrunk(const struct image_source *source, unsigned denominator, struct image_jpeg_pixels *out);

#endif
