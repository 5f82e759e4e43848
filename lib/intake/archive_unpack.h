/* The bytes of an archive after undoing the compression that its first bytes show (gzip, zstd or none), under
 * limits.
 *
 * libarchive undoes up to 25 layers before it returns, and a few hundred bytes can unpack to themselves. So it never
 * chooses the filters, and what it unpacks passes through here, piece by piece. One thread. */
#ifndef INTAKE_ARCHIVE_UNPACK_H
#define INTAKE_ARCHIVE_UNPACK_H

#include "intake/archive.h"

enum {
	/* An archive may grow to 250 times its size (images hardly do, plain-colored bitmaps do), and to this many bytes in
	 * any case; one that grows more is a bomb. */
	ARCHIVE_RATIO_MAX = 250,
	ARCHIVE_RATIO_FREE_BYTES = 256 * 1024 * 1024,
	/* Bytes that zstd must keep in memory; a frame that needs more (zstd --ultra, --long) is refused. */
	ARCHIVE_WINDOW_MAX = 64 * 1024 * 1024,
	/* Processor time that an archive may take: this, and a second for each so many of its bytes. Inflating takes a
	 * tenth of it. */
	ARCHIVE_SECONDS_FREE = 30,
	ARCHIVE_BYTES_A_SECOND = 1024 * 1024,
};

/* Whether so many bytes of an archive must not grow to so many. */
static inline bool archive_unpack_is_bomb(int64_t in, int64_t out)
{
	return out >= ARCHIVE_RATIO_FREE_BYTES && out / ARCHIVE_RATIO_MAX >= in;
}

/* How many seconds of the processor so many bytes of an archive may take. */
static inline int64_t archive_unpack_seconds(int64_t in)
{
	return ARCHIVE_SECONDS_FREE + in / ARCHIVE_BYTES_A_SECOND;
}

struct archive; /* libarchive's */

/* What libarchive's failure means: the archive is broken, or there is no memory for it. */
int archive_explain(struct archive *archive, const char *broken, struct err *err);

struct archive_unpack;

struct archive_unpack *archive_unpack_new(archive_source *source, void *data, archive_going *going);
void archive_unpack_free(struct archive_unpack *unpack); /* NULL is fine */

/* Returns the length of the next piece, which is valid until the next call; 0 at the end, -1 with err. */
ssize_t archive_unpack_next(struct archive_unpack *unpack, const void **piece, struct err *err);

/* Whether it began like an archive or a compressed one: then an archive that makes no sense is a broken one. */
bool archive_unpack_is_known(const struct archive_unpack *unpack);

/* Processor time counts between these two calls. */
void archive_unpack_enter(struct archive_unpack *unpack);
void archive_unpack_leave(struct archive_unpack *unpack);

/* Fails when the archive has grown too much (`out`: bytes of entries so far), takes too long, or nobody waits for it
 * any more. Call it for each piece of work. */
int archive_unpack_check(struct archive_unpack *unpack, int64_t out, struct err *err);

#endif
