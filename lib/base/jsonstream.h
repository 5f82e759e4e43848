/* A walk over JSON as a stream of events, with every check of json.h, for texts too large to hold as a tree.
 *
 * Before an event is passed on, these are checked: syntax, UTF-8, NULs, lone surrogates, JSON_DEPTH_MAX,
 * JSON_KEYS_MAX, duplicate keys. Memory is bounded by the longest string (JSON_TOKEN_MAX) and the keys of the open
 * objects. Thread-safe: a walk shares nothing. */
#ifndef BASE_JSONSTREAM_H
#define BASE_JSONSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { JSON_TOKEN_MAX = 1024 * 1024 }; /* bytes of one string, or of space between values, in a file */

/* Any function may be NULL: such events are ignored. Text is NUL-terminated UTF-8 without NULs inside, and valid
 * during the call. A number is passed as its text ("1.50"), at most JSON_NUMBER_MAX bytes. Each function returns 0
 * to go on; non-zero with err set ends the walk with that message after the text's name and the line. */
enum { JSON_NUMBER_MAX = 63 };
struct json_events {
	int (*start_object)(void *context, struct err *err);
	int (*end_object)(void *context, struct err *err);
	int (*start_array)(void *context, struct err *err);
	int (*end_array)(void *context, struct err *err);
	int (*key)(void *context, const char *key, struct err *err);
	int (*string)(void *context, const char *value, struct err *err);
	int (*number)(void *context, const char *value, struct err *err);
	int (*boolean)(void *context, bool value, struct err *err);
	int (*null)(void *context, struct err *err);
};

/* Walks a text in memory with at most values_max values (0 = any number). `name` names the text in messages:
 * "request body is not JSON: line 3, column 7: …". ERR_BAD_REQUEST, or the error of an event's function. */
int json_walk(const char *name, const char *bytes, size_t len, size_t values_max,
              const struct json_events *events, void *context, struct err *err);

/* Walks a file of any size, read in pieces; its path names it in messages. Only regular files are read.
 * ERR_NOT_FOUND when there is none, ERR_INTERNAL when it can't be read. */
int json_walk_file(const char *path, const struct json_events *events, void *context, struct err *err);

#endif
