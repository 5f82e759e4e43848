/* Reads an archive of images as intake/archive.h does, by the program `unpack`: a worker (base/worker.h) for this
 * archive alone, in which libarchive runs.
 *
 * The worker gets the archive's bytes, when it wants some, and answers with entries and their bytes. Of what it answers
 * nothing is believed: names are checked as those of an archive, and counts and sizes against the same limits. One that
 * lies, ends, or takes too long is ended, and its archive is ERR_UNPROCESSABLE. One thread a reader. */
#ifndef INTAKE_UNPACKER_H
#define INTAKE_UNPACKER_H

#include "base/text.h"
#include "intake/archive.h"

struct unpacker;

/* As archive_reader_open. The worker is started once as much of the archive has come as a message holds, or all. */
struct unpacker *unpacker_new(archive_source *source, void *data, const struct archive_limits *limits);
void unpacker_free(struct unpacker *unpacker); /* NULL is fine */

/* Opens what workers are started from (worker_prepare). Non-zero with the errors of unpacker_next. */
int unpacker_prepare(struct err *err);

/* As archive_reader_next; `going` is also asked each UNPACKER_LOOK_MS of waiting. ERR_UNAVAILABLE: no worker can be had
 * now; ERR_INTERNAL: none can be had here. */
int unpacker_next(struct unpacker *unpacker, const struct archive_item **item, struct err *err);
/* As archive_reader_read, but gives the bytes themselves, valid until the next call; none at the image's end. */
int unpacker_read(struct unpacker *unpacker, const void **bytes, size_t *len, struct err *err);

enum {
	UNPACKER_LOOK_MS = 500,
	/* Of one answer: before nginx gives up (fastcgi_read_timeout). */
	UNPACKER_SECONDS_MAX = 45,
	/* Of the processor, more than archive_unpack_seconds: an honest worker is the first to say that it takes too long. */
	UNPACKER_SECONDS_MORE = 10,
};

/* --- for the worker ----------------------------------------------------------------------------------------------- */

enum { UNPACKER_PIECE_BYTES = ARCHIVE_ASKED_MIN, UNPACKER_TYPE_SIZE = 32 };

/* Its first message, from struct archive_limits. */
struct unpacker_limits {
	int64_t entries, entry_bytes;
	char names[40]; /* "": the usual charset */
	size_t skip_count;
	char skip[CONFIG_LIST_MAX][TEXT_LABEL_MAX + 1]; /* without longer ones: such a folder is refused anyway */
};

/* An entry, as struct archive_item. */
struct unpacker_entry {
	enum archive_kind kind;
	int64_t bytes;
	char path[TEXT_FILEPATH_MAX + 1], target[TEXT_FILEPATH_MAX + 1], label[TEXT_LABEL_MAX + 1];
	char type[UNPACKER_TYPE_SIZE];
	char guessed[40];
	struct err why; /* skipped or refused */
};

/* It tells each ENTRY, after one that is an image its BYTES, of which the LAST may be none, and then the END. Instead
 * of an image's bytes it tells that it FAILS at them, and goes on with the next entry; instead of an entry, and ends.
 * In between it tells that it WANTS bytes of the archive, and waits for them: BYTES, none at the archive's end, after
 * which it wants no more. It goes ahead of who reads that as far as there is room on the socket. */
struct unpacker_message {
	enum unpacker_what {
		UNPACKER_BYTES,
		UNPACKER_LAST,
		UNPACKER_WANTS,
		UNPACKER_ENTRY,
		UNPACKER_END,
		UNPACKER_FAILS,
	} what;
	union {
		unsigned char bytes[UNPACKER_PIECE_BYTES];
		struct unpacker_entry entry;
		struct err why;
	};
};
/* The message's length, with so many bytes after `what`. */
#define UNPACKER_LENGTH(len) (offsetof(struct unpacker_message, bytes) + (len))

#endif
