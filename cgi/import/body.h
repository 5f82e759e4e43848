/* The body of a request byte by byte, and line by line. One thread. */
#ifndef IMPORT_BODY_H
#define IMPORT_BODY_H

#include "base/buf.h"
#include "fastcgi/request.h"

enum { BODY_PIECE = 64 * 1024 };

struct body {
	struct request *request;
	int64_t max, taken; /* bytes */
	size_t at, len;     /* in piece */
	size_t back;        /* bytes of `again` that were read again */
	struct buf again;   /* bytes that were put back */
	char piece[BODY_PIECE];
};

/* max: more bytes are ERR_TOO_LARGE. A byte order mark at the beginning is left out. again_max: of body_put_back. */
int body_begin(struct body *body, struct request *request, int64_t max, size_t again_max, struct err *err);
void body_release(struct body *body);

/* The next byte; BODY_END; or BODY_FAILED with err. */
enum { BODY_END = -1, BODY_FAILED = -2 };
int body_next(struct body *body, struct err *err);
/* Bytes that are to be read once more, the next ones; only up to again_max of them. */
void body_put_back(struct body *body, const char *bytes, size_t len);

/* Reads a line without its end. *more is false after the last one. A line longer than the buffer's ceiling is read to
 * its end, and marks the buffer as overflowed. */
int body_line(struct body *body, struct buf *line, bool *more, struct err *err);

#endif
