/* Checks the bytes of a JSON text for what yajl accepts too easily: NULs, invalid UTF-8 and lone surrogate escapes.
 *
 * A scan is fed the text in pieces of any size. It treats a backslash anywhere as an escape, since yajl refuses one
 * outside a string anyway. Internal to the JSON modules. */
#ifndef BASE_JSONSCAN_H
#define BASE_JSONSCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/banned.h"

struct json_scan {
	unsigned pending;            /* continuation bytes the current character still needs */
	unsigned char low, high;     /* bounds of the next continuation byte */
	enum { SCAN_PLAIN, SCAN_BACKSLASH, SCAN_HEX } state;
	unsigned digits, unit;       /* of the \u escape being read */
	bool after_high;             /* a high surrogate waits for its low one */
};

/* A new scan is all zero. Returns NULL when the piece is fine so far; else what is wrong, and *at is its offset in
 * the piece. */
const char *json_scan(struct json_scan *scan, const char *bytes, size_t len, size_t *at);
/* The same at the end of the text. */
const char *json_scan_end(const struct json_scan *scan);

/* How many of a text's first bytes are a byte order mark, which editors on Windows write, and which a parser may
 * ignore (RFC 8259 §8.1). */
size_t json_scan_mark(const char *bytes, size_t len);
/* Whether a text begins like UTF-16 or UTF-32. */
bool json_scan_is_wide(const char *bytes, size_t len);

#endif
