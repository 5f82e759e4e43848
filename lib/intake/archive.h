/* Reads an archive of images as a stream: tar, tar.gz, tar.zst or zip, recognised by its content, in constant
 * memory.
 *
 * 	while (archive_reader_next(reader, &item, err) == 0 && item != NULL)
 * 		if (item->kind == ARCHIVE_IMAGE)
 * 			while (archive_reader_read(reader, bytes, len, &got, err) == 0 && got > 0)
 * 				…
 *
 * Nothing is written anywhere; an entry's name and its first bytes decide what it is. One thread a reader. */
#ifndef INTAKE_ARCHIVE_H
#define INTAKE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/config.h"
#include "base/err.h"

/* Called for each piece of work, however long libarchive works on the archive's bytes, with the source's data.
 * Returning non-zero with err ends the reading: nobody waits for it any more. */
typedef int archive_going(void *data, struct err *err);

struct archive_limits {
	int64_t entries;                /* more is ERR_TOO_LARGE for the whole archive */
	int64_t entry_bytes;            /* a larger image is refused */
	const struct config_list *skip; /* names of folders to skip; may be NULL; kept by pointer */
	/* charset of names that are not UTF-8, one that archive_name_knows; NULL: the usual one */
	const char *names;
	archive_going *going; /* NULL: never give up */
};

/* Reads up to len more bytes of the archive, which are ARCHIVE_ASKED_MIN or more: returns how many, 0 at its end, -1
 * with err. */
enum { ARCHIVE_ASKED_MIN = 128 * 1024 };
typedef ssize_t archive_source(void *data, void *bytes, size_t len, struct err *err);

struct archive_reader;

/* Copies *limits, and reads nothing yet. */
int archive_reader_open(struct archive_reader **out, archive_source *source, void *data,
                        const struct archive_limits *limits, struct err *err);
void archive_reader_free(struct archive_reader *reader); /* NULL is fine */

enum archive_kind {
	ARCHIVE_IMAGE, /* has an image's first bytes; read it with archive_reader_read */
	/* a hard link: its bytes are those of the entry `target`, which came earlier if it is in the archive */
	ARCHIVE_LINK,
	ARCHIVE_SKIPPED, /* hidden, in a folder to skip, or no image: not a failure */
	ARCHIVE_REFUSED, /* an absolute name, "..", a link, a device, encrypted, too large */
};

/* An entry, valid until the next archive_reader_next. Folders are left out. */
struct archive_item {
	enum archive_kind kind;
	const char *path;    /* UTF-8; an image's is relative, without "." and ".." */
	const char *target;  /* for ARCHIVE_LINK: like `path` */
	const char *label;   /* the name of the folder it lies in; "" when there is none */
	const char *type;    /* for an image: its media type by its first bytes; else NULL */
	int64_t bytes;       /* -1 when the archive does not say so before the data */
	const char *guessed; /* the charset assumed for a name that is not UTF-8, when none was given; else NULL */
	const char *skipped; /* for ARCHIVE_SKIPPED: why */
	struct err err;      /* for ARCHIVE_REFUSED: why */
};

/* Goes to the next entry, skipping the unread rest of the last one. *item is NULL after the last entry. Fails when
 * the archive itself does, which then can't be read any further: ERR_MEDIA_TYPE (no such archive), ERR_UNPROCESSABLE
 * (broken, truncated, a bomb, compressed twice, too slow to unpack), ERR_TOO_LARGE (too many entries), or the error
 * of the source or of `going`. */
int archive_reader_next(struct archive_reader *reader, const struct archive_item **item, struct err *err);

/* Reads up to len bytes of the image; *got is 0 at its end. Fails when this entry can't be read: ERR_TOO_LARGE,
 * ERR_UNPROCESSABLE; go on with archive_reader_next, which shows whether the rest of the archive can. */
int archive_reader_read(struct archive_reader *reader, void *bytes, size_t len, size_t *got, struct err *err);

#endif
