/* Names in archives: such as every system and loader can unpack, whatever files and labels are called. Pure;
 * thread-safe. */
#ifndef EXPORT_NAMES_H
#define EXPORT_NAMES_H

#include "base/buf.h"
#include "dataset/dataset.h"

enum { NAMES_FOLDER_MAX = 200, NAMES_FILE_MAX = 128 }; /* bytes, without a NUL */

/* Appends the folder of a label: the label, with what a path cannot hold (on Windows, too), a dot at either end and '%'
 * itself percent-encoded. One that is longer than NAMES_FOLDER_MAX is cut, and ends with a digest of the label. */
void names_folder(const char *label, struct buf *out);

/* Appends "STEM-ID.ENDING": what is a letter, digit or '-' of ASCII in the file's own name, the sample's id, so that
 * it is unique, and the ending of its content's type in lower case. */
void names_file(const struct sample *sample, const char *type, struct buf *out);
/* Appends the ending alone, "jpg". */
void names_ending(const char *type, struct buf *out);

#endif
