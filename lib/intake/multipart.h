/* Reads a multipart/form-data body (RFC 7578, RFC 2046) as a stream: part by part, in constant memory, pulled from
 * any source.
 *
 * 	while (multipart_next(multipart, &part, err) == 0 && part != NULL)
 * 		while (multipart_read(multipart, bytes, sizeof(bytes), &got, err) == 0 && got > 0)
 * 			…
 *
 * A body that breaks off, anything malformed, and headers over a limit are ERR_BAD_REQUEST, which says what is
 * wrong. One thread. */
#ifndef INTAKE_MULTIPART_H
#define INTAKE_MULTIPART_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum {
	MULTIPART_BOUNDARY_MAX = 70,       /* characters; RFC 2046 §5.1.1 */
	MULTIPART_HEADERS_MAX = 16 * 1024, /* bytes of one part's headers */
	MULTIPART_HEADER_LINES_MAX = 32,   /* a part */
};

/* Reads up to len more bytes of the body: returns how many, 0 at its end, -1 with err. */
typedef ssize_t multipart_source(void *data, void *bytes, size_t len, struct err *err);

struct multipart;

/* content_type is the request's header. ERR_MEDIA_TYPE when it is not multipart/form-data, ERR_BAD_REQUEST
 * when its boundary is missing or malformed. */
int multipart_open(struct multipart **out, const char *content_type, multipart_source *source, void *data,
                   struct err *err);
void multipart_free(struct multipart *multipart); /* NULL is fine */

/* A part's headers. Text is UTF-8 (any other bytes are read as ISO 8859-1) without NULs, valid until the next
 * multipart_next. */
struct multipart_part {
	const char *name;     /* the form's field; never NULL */
	const char *filename; /* as sent, filename* before filename; NULL when it has none, and so is no file */
	const char *type;     /* Content-Type; "" when it has none */
};

/* Goes to the next part, skipping the unread rest of the last one. *part is NULL after the last part, and only when
 * the final boundary was there. After a failure nothing more can be read. */
int multipart_next(struct multipart *multipart, const struct multipart_part **part, struct err *err);

/* Reads up to len bytes of the part's body; *got is 0 at its end. */
int multipart_read(struct multipart *multipart, void *bytes, size_t len, size_t *got, struct err *err);

#endif
