/* A part of an answer whose size is known, as a client that goes on with a download asks for it: RFC 9110, section 14.
 * Pure; thread-safe. */
#ifndef EXPORT_RANGE_H
#define EXPORT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
	bool partial;        /* 206 */
	bool unsatisfiable;  /* 416 */
	int64_t first, last; /* bytes, both of the part; last is first - 1 of an empty answer */
};

/* header is that of Range, if_range that of If-Range, both NULL where there is none; etag is the answer's. What is no
 * range of bytes, or more than one, is passed over, as is one of another version of the answer: it is sent whole. */
struct range range_of(const char *header, const char *if_range, const char *etag, int64_t size);

#endif
