/* A part of an answer of known size, as a client requests it to resume a download: RFC 9110, section 14. Pure;
 * thread-safe. */
#ifndef EXPORT_RANGE_H
#define EXPORT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
	bool partial;        /* 206 */
	bool unsatisfiable;  /* 416 */
	int64_t first, last; /* bytes, both within the part; in an empty answer last is first - 1 */
};

/* header is Range, if_range is If-Range, both NULL where there is none; etag is the answer's. A header that is no
 * range of bytes, or has several, is ignored, as is one for another version of the answer: the answer is sent whole. */
struct range range_of(const char *header, const char *if_range, const char *etag, int64_t size);

#endif
