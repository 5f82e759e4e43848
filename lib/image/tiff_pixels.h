/* TIFFs that libvips does not read, by libtiff: tiles of a plane a color, old-style JPEG, 12 bits a sample, doubles. */
#ifndef IMAGE_TIFF_PIXELS_H
#define IMAGE_TIFF_PIXELS_H

#include <vips/vips.h>

#include "image/module.h"

/* Decodes the first page whole; *out has its pixels in memory. ERR_TOO_LARGE over pixels_max, or over
 * IMAGE_WHOLE_BYTES_MAX; ERR_MEDIA_TYPE, which names it, for a kind that libtiff does not read either;
 * ERR_UNPROCESSABLE. */
int image_tiff_pixels(const struct image_source *source, int64_t pixels_max, VipsImage **out, struct err *err);

#endif
