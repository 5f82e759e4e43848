/* JSON that comes from outside, bounded before it is built: yajl checks and streams, cJSON holds the tree.
 *
 * cJSON alone accepts duplicate keys, trailing bytes, embedded NULs and bad UTF-8, and a small body can become a
 * large tree (measured: 40 times its size); so yajl checks every text first. Thread-safe. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	JSON_DEPTH_MAX = 32,         /* nested arrays and objects: 32 are accepted, 33 refused */
	JSON_BODY_MAX = 1024 * 1024, /* bytes of a request body or a small file */
	JSON_NODES_MAX = 100 * 1000, /* values in one tree: < 10 MB of cJSON */
	JSON_KEYS_MAX = 10 * 1000,   /* keys in one object */
};

/* Parses a JSON text whose top is an object. The caller owns the tree (cJSON_Delete). NULL with ERR_BAD_REQUEST,
 * which says what is wrong at which line and column (ERR_TOO_LARGE over JSON_BODY_MAX): empty, not JSON, no object,
 * truncated, too deep, too many values, a duplicate key, trailing bytes, a NUL (raw or escaped), invalid UTF-8, a
 * lone surrogate. */
cJSON *json_parse_object(const char *bytes, size_t len, struct err *err);

/* Reads and parses a file (at most JSON_BODY_MAX) whose top may be any value; messages name the file. */
cJSON *json_parse_file(const char *path, struct err *err);

/* Typed fields. A wrong type is ERR_BAD_REQUEST, which names the key. If `required`, so is absence; else an absent
 * or null field leaves *out as it was. Strings belong to the tree. */
int json_string(const cJSON *object, const char *key, bool required, const char **out, struct err *err);
int json_int64(const cJSON *object, const char *key, bool required, int64_t min, int64_t max, int64_t *out,
               struct err *err);
/* Reads any finite number in [min, max]. */
int json_number(const cJSON *object, const char *key, bool required, double min, double max, double *out,
                struct err *err);
int json_bool(const cJSON *object, const char *key, bool required, bool *out, struct err *err);
/* Reads an array of strings; *out is the cJSON array (NULL when absent). */
int json_string_array(const cJSON *object, const char *key, bool required, const cJSON **out, struct err *err);
/* Reads an object; *out is NULL when absent. */
int json_object(const cJSON *object, const char *key, bool required, const cJSON **out, struct err *err);
/* Checks that the object has only fields in keys (NULL-ended): else ERR_BAD_REQUEST names another one, so that a
 * misspelt change does not look as if it had been made. `what` names what has these keys, such as "A policy". */
int json_only(const cJSON *object, const char *what, const char *const *keys, struct err *err);

/* Functions that build trees; they abort when out of memory, as buf does. */
cJSON *json_new_object(void);
cJSON *json_new_array(void);
void json_add_string(cJSON *object, const char *key, const char *value);
void json_add_string_or_null(cJSON *object, const char *key, const char *value);
void json_add_int64(cJSON *object, const char *key, int64_t value); /* exact to 2^53 */
void json_add_number(cJSON *object, const char *key, double value);
void json_add_bool(cJSON *object, const char *key, bool value);
void json_add_null(cJSON *object, const char *key);
/* Adds microseconds since 1970 as RFC 3339 (text_time); null for 0, which means never. */
void json_add_time(cJSON *object, const char *key, int64_t microseconds);
void json_add(cJSON *object, const char *key, cJSON *value); /* takes value */
void json_append(cJSON *array, cJSON *value);                /* takes value */
void json_append_string(cJSON *array, const char *value);

/* Appends the tree as compact UTF-8; bytes that are not UTF-8 become U+FFFD. Fails above the buffer's ceiling; the
 * buffer then keeps what it held. */
int json_print(const cJSON *tree, struct buf *out);
/* Appends a string, with its quotes. */
void json_print_text(const char *text, struct buf *out);
/* Appends the tree as compact ASCII (\uXXXX, surrogate pairs), fit for a header. */
int json_print_ascii(const cJSON *tree, struct buf *out);

#endif
