/* What systems, NAS, cameras and telephones leave among people's images: thumbnails, bins, resource forks. Pure. */
#ifndef BASE_LITTER_H
#define BASE_LITTER_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a file or folder of this name (of len bytes, one segment of a path) is no image or label of anybody's, with
 * all that lies in it. Hidden ones ('.' first) are for the caller to know. */
bool litter_is(const char *name, size_t len, bool folder);

#endif
