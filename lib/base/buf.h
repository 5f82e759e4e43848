/* A growable byte buffer born with a ceiling, always NUL-terminated beyond its length.
 *
 * Growing beyond `max` fails and marks the buffer as overflowed; further appends do nothing, so that a series of
 * appends needs only one check at its end. Not thread-safe. Running out of memory aborts the process (programs are
 * restarted). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/banned.h"

struct buf {
	char *data;      /* owned; NULL until the first append; data[len] is NUL */
	size_t len;      /* bytes in use */
	size_t capacity; /* bytes allocated */
	size_t max;      /* ceiling of len */
	bool overflow;   /* an append did not fit */
};

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf); /* frees; buf may be used again, with its max */
void buf_clear(struct buf *buf);   /* len = 0, overflow = false; keeps memory */

/* Append; each returns 0, or non-zero when it would exceed the ceiling (then nothing is appended). */
int buf_add(struct buf *buf, const void *bytes, size_t len);
int buf_str(struct buf *buf, const char *string);
int buf_char(struct buf *buf, char c);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for `len` more bytes at data + len; they do not count until the caller raises buf.len. NULL above the
 * ceiling. Then read it through buf_text, which puts the NUL behind them. */
char *buf_reserve(struct buf *buf, size_t len);

/* The text so far; "" when empty, never NULL. Valid until the next append. */
const char *buf_text(const struct buf *buf);

/* Gives the memory (NUL-terminated, from malloc) to the caller and empties the buffer. Never NULL. */
char *buf_detach(struct buf *buf);

#endif
