/* Uploads that come in pieces (tus), kept in a folder of this machine until they are whole or have expired.
 *
 * An upload is a file of the bytes so far, ID.part, and a file that describes it, ID.json. A handle holds the
 * upload's lock: there is one at a time in all processes. One thread a handle. */
#ifndef INTAKE_PARTIAL_H
#define INTAKE_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { PARTIAL_ID_MAX = 40 };

struct partial {
	char id[PARTIAL_ID_MAX]; /* random, 128 bits */
	const char *dir;         /* kept by pointer */
	int fd;
	int64_t length;     /* bytes it will have */
	int64_t offset;     /* bytes that are there */
	int64_t expires_us; /* microseconds since 1970 */
	int64_t result;     /* the sample that was made of it; -1: none yet */
	char *user, *dataset, *filepath, *filename, *label;
	char *metadata; /* the client's description, as sent */
};

/* Makes an upload from *partial's fields except id, fd, offset and result; copies the strings, which stay the
 * caller's. Makes the folder if absent. Release it afterwards; a failure leaves nothing, and nothing to release. */
int partial_create(struct partial *partial, struct err *err);
/* Opens and locks an upload. ERR_NOT_FOUND when there is none, it has expired, or it is another user's or dataset's;
 * ERR_CONFLICT when another request is writing to it. */
int partial_open(struct partial *out, const char *dir, const char *id, const char *user, const char *dataset,
                 struct err *err);
void partial_release(struct partial *partial);

/* Appends at offset; not durable before partial_sync. ERR_TOO_LARGE beyond length. */
int partial_append(struct partial *partial, const void *bytes, size_t len, struct err *err);
int partial_sync(struct partial *partial, struct err *err);
/* Removes what was appended since offset was `offset`. */
int partial_truncate(struct partial *partial, int64_t offset, struct err *err);
/* Keeps only the number of the sample that it became, for a client that missed the answer. The file of fd stays
 * unchanged, without its name: it may be the image's own by now. */
int partial_finish(struct partial *partial, int64_t sample, struct err *err);
/* Removes the upload. */
int partial_remove(struct partial *partial, struct err *err);
/* Removes all uploads that have expired. */
int partial_sweep(const char *dir, struct err *err);

#endif
