/* Whether a JPEG can be decoded to its end, at a fraction of what decoding it costs. */
#ifndef BLOB_IMAGE_JPEG_H
#define BLOB_IMAGE_JPEG_H

#include <stdbool.h>

#include "blob/image_module.h"

/* Every entropy-coded bit of every scan is decoded, as libvips would do, but of each block of pixels only
 * its mean is computed, and that of the first component alone. False when it breaks off before its end, or
 * libjpeg gives up; damage that libjpeg only warns of is let pass, as by libvips. Limits on its size are
 * the caller's, before. */
bool image_jpeg_decodes(const struct image_source *source);

#endif
