/* Bytes on their way into the image store: in memory while they are few, then in an unnamed file, hashed as they
 * come.
 *
 * A process that dies leaves nothing behind. One thread. */
#ifndef INTAKE_SPOOL_H
#define INTAKE_SPOOL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

/* beyond this a file is used: as many spools fill at once as a program has threads */
enum { SPOOL_MEMORY_BYTES = 256 * 1024 };

struct spool {
	const char *dir; /* where the file is made, best on the store's own file system; kept by pointer */
	int64_t max;     /* more is ERR_TOO_LARGE */
	int64_t length;
	struct buf memory;
	int fd; /* the file, or -1 */
	struct hash_stream *hash;
	unsigned char sha256[HASH_SHA256_SIZE]; /* after spool_finish */
};

void spool_init(struct spool *spool, const char *dir, int64_t max);
void spool_release(struct spool *spool);

/* Announces how many bytes will come, if the sender is right. */
void spool_expect(struct spool *spool, int64_t length);

/* Appends bytes. ERR_TOO_LARGE over max, ERR_NO_SPACE, ERR_UNAVAILABLE. */
int spool_write(struct spool *spool, const void *bytes, size_t len, struct err *err);
/* Reads up to len bytes from offset: returns how many, 0 at the end, -1 with err. */
ssize_t spool_read(const struct spool *spool, int64_t offset, void *bytes, size_t len, struct err *err);
/* Ends the bytes: sha256 is valid then. */
void spool_finish(struct spool *spool);

#endif
