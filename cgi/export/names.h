/* Names in archives that every system and loader can unpack, whatever files and labels are called. Pure;
 * thread-safe. */
#ifndef EXPORT_NAMES_H
#define EXPORT_NAMES_H

#include "base/buf.h"
#include "dataset/dataset.h"

enum { NAMES_FOLDER_MAX = 200, NAMES_FILE_MAX = 128 }; /* bytes, without a NUL */

/* Appends the folder of a label: the label, with everything that a path cannot hold (even on Windows), a dot at
 * either end and '%' itself percent-encoded. A folder longer than NAMES_FOLDER_MAX is cut, and ends with a digest of
 * the label. */
void names_folder(const char *label, struct buf *out);

/* Appends "STEM-ID.ENDING": the ASCII letters, digits and '-' of the file's own name, the sample's id, which makes
 * it unique, and the ending for its content's type in lower case. */
void names_file(const struct sample *sample, const char *type, struct buf *out);
/* Appends only the ending, such as "jpg". */
void names_ending(const char *type, struct buf *out);

#endif
