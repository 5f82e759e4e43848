/* The text of multipart headers: boundary, field name, file name. For multipart.c and its tests. */
#ifndef INTAKE_MULTIPART_HEADER_H
#define INTAKE_MULTIPART_HEADER_H

#include "base/buf.h"
#include "intake/multipart.h"

/* Reads the boundary parameter of a request's Content-Type. ERR_MEDIA_TYPE, ERR_BAD_REQUEST. */
int multipart_boundary(const char *content_type, char out[MULTIPART_BOUNDARY_MAX + 1], struct err *err);

/* One part's headers, collected line by line. */
struct multipart_headers {
	struct buf name, filename, filename_ext, type;
	bool has_disposition, has_name, has_filename, has_filename_ext, has_type;
};
void multipart_headers_init(struct multipart_headers *headers);
void multipart_headers_release(struct multipart_headers *headers);
void multipart_headers_clear(struct multipart_headers *headers);
int multipart_headers_add(struct multipart_headers *headers, const char *line, size_t len, struct err *err);
/* Checks that nothing is missing; *part points into headers. */
int multipart_headers_end(struct multipart_headers *headers, struct multipart_part *part, struct err *err);

#endif
