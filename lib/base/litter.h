/* What systems, NAS, cameras and telephones leave among people's images: thumbnails, bins, resource forks. Pure. */
#ifndef BASE_LITTER_H
#define BASE_LITTER_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a file or folder with this name (of len bytes, one segment of a path), and everything in it, is litter and
 * not anybody's image or label. The caller checks for hidden ones ('.' first). */
bool litter_is(const char *name, size_t len, bool folder);

#endif
