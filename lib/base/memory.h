/* Allocates memory, or ends the program.
 *
 * Nobody checks for NULL: without memory these functions abort, as do buf, json and hash. That is right here,
 * because
 * - everything that a request may take has a limit (a buf's ceiling, JSON's bounds, an image's pixels), and more is
 *   an error with a sentence; within the limits only the machine can fail, and Linux rather ends a process than
 *   refuses it memory;
 * - the supervisor restarts a program that aborts, and nothing that was acknowledged is lost: an answer is sent when
 *   its work is durable. nginx answers the requests under way with 502, and their clients send them again;
 * - no test reaches code that would go on without memory.
 * Libraries that let others allocate for them (cJSON, yajl, expat, libcsv) get these functions: they would tell of a
 * text that is broken. libvips, SQLite and libarchive report their own shortage, which is the error of that request.
 * Thread-safe. The caller frees the memory with free(). */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "base/banned.h"

void *memory_new(size_t count, size_t size); /* zeros */
void *memory_raw(size_t size);               /* of any content, for large memory that is written before it is read */
/* Resizes the array to count elements; new ones have any content. array may be NULL. */
void *memory_grow(void *array, size_t count, size_t size);
void *memory_resize(void *memory, size_t size); /* to so many bytes, as realloc(3): what libraries take for that */
/* For memory from another library, which is NULL only when out of memory. */
void *memory_must(void *allocated);

char *memory_text(const char *text);
char *memory_real_path(const char *path);             /* of realpath(3): NULL with errno when there is none */
char *memory_text_part(const char *text, size_t len); /* its first len bytes */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
