/* Names of files as their senders call them, made fit to be shown and kept. Thread-safe. */
#ifndef INTAKE_FILENAME_H
#define INTAKE_FILENAME_H

enum { FILENAME_CLEAN_MAX = 256 }; /* bytes of a cleaned name with its NUL */

/* A file name as metadata: the last component after '/' or '\', without control characters and surrounding spaces,
 * cut at a whole character; "" where there is no name ("", ".", ".."). Always UTF-8 when `sent` is. */
void filename_clean(const char *sent, char out[FILENAME_CLEAN_MAX]);

#endif
