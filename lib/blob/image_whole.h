/* Whether a file goes on to its format's end, where libvips stops looking earlier. */
#ifndef BLOB_IMAGE_WHOLE_H
#define BLOB_IMAGE_WHOLE_H

#include <stdbool.h>

#include "blob/image_module.h"

/* False when a PNG breaks off before its end chunk, a GIF within a block, or a TIFF within its list of
 * pages: libvips takes what is there for the whole. True for every other type. *frames is the number of
 * frames of a GIF (libvips counts to 4,097) and of pages of a TIFF (up to IMAGE_FRAMES_MAX + 1), else 1. */
bool image_is_whole(const struct image_source *source, const char *type, int64_t *frames);

#endif
