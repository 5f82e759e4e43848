/* Memory that is there, or the program ends.
 *
 * Nobody checks for NULL: without memory these abort, and so do buf, json and hash. That is right here, since
 * - what a request may take has a limit everywhere (a buf's ceiling, JSON's bounds, an image's pixels), and over it is
 *   an error with a sentence; what fails within them is the machine, on which Linux rather ends a process than refuses
 *   it memory;
 * - a program that aborts is started again by its supervisor, and nothing is lost that was acknowledged: an answer is
 *   sent when its work is durable. The requests under way are answered 502 by nginx, and sent again by their clients;
 * - what would go on without memory is code that no test reaches.
 * libvips, SQLite and libarchive report their own shortage, which is the error of that request. Thread-safe. The memory
 * is the caller's, for free(). */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "base/banned.h"

void *memory_new(size_t count, size_t size); /* zeros */
void *memory_raw(size_t size);               /* of any content: for what is large and written before it is read */
/* The array with room for count elements; what is new of it has any content. array may be NULL. */
void *memory_grow(void *array, size_t count, size_t size);
/* What another library has allocated, which is NULL only without memory. */
void *memory_must(void *allocated);

char *memory_text(const char *text);
char *memory_text_part(const char *text, size_t len); /* its first len bytes */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
