/* The addresses by which other systems name images: from them back to filepaths. Pure; thread-safe. */
#ifndef IMPORT_REFERENCE_H
#define IMPORT_REFERENCE_H

#include "base/buf.h"

/* Clears out, and appends the filepath: of an address what follows its host or bucket, else all of it; or only what
 * follows "/images/DATASET/" in it, of whatever dataset, as this server's own addresses have it (of_images). Non-zero
 * when there is none, or its escapes are broken. */
int reference_filepath(const char *reference, bool of_images, struct buf *out);

#endif
