/* BMP as a libvips image. libvips itself reads it through ImageMagick, which holds the whole image, at 8 bytes a
 * pixel, and counts as untrusted; here rows are read as they are needed. */
#ifndef IMAGE_BMP_H
#define IMAGE_BMP_H

#include <vips/vips.h>

#include "image/module.h"

struct bmp;

/* Reads the header: Windows (versions 1 to 5) and OS/2 bitmaps of 1, 4, 8, 16, 24 and 32 bits, with RLE and bit
 * fields. ERR_UNPROCESSABLE when it is broken or pixels are missing. The caller checks limits before bmp_image.
 * source must outlive the bmp. */
int bmp_open(struct bmp **out, const struct image_source *source, struct err *err);
void bmp_free(struct bmp *bmp);            /* NULL is fine; call it after its image is unreferenced */
int64_t bmp_memory(const struct bmp *bmp); /* bytes that bmp_unpack needs */
void bmp_size(const struct bmp *bmp, int64_t *width, int64_t *height);

/* An sRGB image of 3 bands, or 4 where the header has an alpha mask. */
int bmp_image(struct bmp *bmp, VipsImage **out, struct err *err);
/* Unpacks RLE, to a byte a pixel in memory; call it before pixels are read. ERR_UNPROCESSABLE. */
int bmp_unpack(struct bmp *bmp, struct err *err);

#endif
