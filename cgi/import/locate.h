/* Finds the sample that an address means. One request, one thread. */
#ifndef IMPORT_LOCATE_H
#define IMPORT_LOCATE_H

#include "import.h"

/* Clears out, and appends the filepath of the sample. If there is none, returns false, and out has the likeliest
 * filepath, or nothing when the address cannot be read. */
bool locate(const struct import *import, const char *address, struct buf *out);

#endif
