/* Text as it arrives from outside: numbers with bounds, UTF-8, percent-encoding, RFC 3339 times, names.
 * Pure functions; thread-safe. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

/* Parses a whole decimal number in [min, max]; no sign but '-', no spaces. Returns 0, or non-zero without an err. */
int text_int64(const char *text, int64_t min, int64_t max, int64_t *out);

/* Whether the bytes are well-formed UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. NUL
 * is well-formed here. */
bool text_utf8_valid(const char *bytes, size_t len);

/* How many of the first bytes are whole, well-formed characters of UTF-8: len when all are. */
size_t text_utf8_span(const char *bytes, size_t len);

bool text_is_ascii(const char *text);
/* Unicode's canonical composition (NFC); the caller frees it. Text that is not UTF-8 is copied unchanged. */
char *text_nfc(const char *text);
/* Whether two texts are canonically equal: have the same NFC. */
bool text_same(const char *a, const char *b);

/* Whether it has a byte below 0x20, or 0x7f. */
bool text_has_control(const char *text);

/* The value of a hexadecimal digit, or -1. */
int text_hex_digit(char c);

/* Decodes percent-encoding (RFC 3986) of a path segment or ('+' = space) of a query into out (cleared first). Fails
 * on a broken escape, an escaped NUL or invalid UTF-8. */
int text_percent_decode(const char *bytes, size_t len, bool plus_is_space, struct buf *out);

/* Appends path percent-encoded, except for unreserved characters and '/'. */
void text_percent_encode(const char *path, struct buf *out);
/* The same for one path segment or a query value: encodes '/', too. */
void text_percent_encode_segment(const char *segment, struct buf *out);

enum { TEXT_TIME_MAX = 32 };
/* Microseconds since 1970 as RFC 3339, UTC, "2026-01-31T12:34:56.789Z" (milliseconds). */
const char *text_time(int64_t microseconds, char out[TEXT_TIME_MAX]);
/* Parses RFC 3339 (any offset, 'T' or a space; finer fractions are cut) into microseconds; non-zero when it is
 * something else. */
int text_time_parse(const char *text, int64_t *microseconds);
/* The present time by CLOCK_REALTIME, in microseconds since 1970. */
int64_t text_now(void);

/* Checks a dataset's name: 1..128 bytes of UTF-8 without control characters or '/', not starting with '.'. Else
 * ERR_BAD_REQUEST, which says what is wrong. */
enum { TEXT_DATASET_NAME_MAX = 128 };
int text_check_dataset_name(const char *name, struct err *err);
/* Checks a user's or token's name: 1..64 of [A-Za-z0-9._@-], not starting with '.' or '-'. (Basic auth does not
 * allow ':'.) */
enum { TEXT_USER_NAME_MAX = 64 };
int text_check_user_name(const char *name, struct err *err);
/* Checks a label: 1..256 bytes of UTF-8 without control characters. */
enum { TEXT_LABEL_MAX = 256 };
int text_check_label(const char *label, struct err *err);
/* Checks a filepath in a dataset: 1..4096 bytes of UTF-8, no NUL (other control characters are allowed: disks have
 * them). */
enum { TEXT_FILEPATH_MAX = 4096 };
int text_check_filepath(const char *filepath, struct err *err);

/* The name of the folder that the path's file lies in: *len bytes within the path; none at the top. */
const char *text_folder(const char *path, size_t *len);

/* The candidate nearest to word by Levenshtein distance (the first of several), or NULL when none is within half of
 * word's length, or word is longer than TEXT_NEAREST_MAX bytes. */
enum { TEXT_NEAREST_MAX = 64 };
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

#endif
