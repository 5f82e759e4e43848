/* Reads an archive of images as a stream: tar, tar.gz, tar.zst or zip, recognised by its content, at constant
 * memory.
 *
 *	while (archive_reader_next(reader, &item, err) == 0 && item != NULL)
 *		if (item->kind == ARCHIVE_IMAGE)
 *			while (archive_reader_read(reader, bytes, len, &got, err) == 0 && got > 0)
 *				…
 *
 * Nothing is written anywhere; what an entry is decides its name and its first bytes. One thread a reader. */
#ifndef INTAKE_ARCHIVE_H
#define INTAKE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/config.h"
#include "base/err.h"

/* Asked for each piece of work, however long the archive's bytes keep libarchive busy: -1 with err ends it, since
 * nobody waits for it any more. Gets the source's data. */
typedef int archive_going(void *data, struct err *err);

struct archive_limits {
	int64_t entries;                /* one more is ERR_TOO_LARGE of the archive */
	int64_t entry_bytes;            /* a larger image is refused */
	const struct config_list *skip; /* folders to be passed over, by name; may be NULL; kept by pointer */
	const char *names;              /* charset of names that are no UTF-8, archive_name_knows it; NULL: as is usual */
	archive_going *going;           /* NULL: somebody waits */
};

/* Gives up to len more bytes of the archive: how many, 0 at its end, -1 with err. */
typedef ssize_t archive_source(void *data, void *bytes, size_t len, struct err *err);

struct archive_reader;

/* *limits is copied. Reads nothing yet. */
int archive_reader_open(struct archive_reader **out, archive_source *source, void *data,
                        const struct archive_limits *limits, struct err *err);
void archive_reader_free(struct archive_reader *reader); /* NULL is fine */

enum archive_kind {
	ARCHIVE_IMAGE,   /* has an image's first bytes; to be read */
	ARCHIVE_LINK,    /* a hard link: the bytes of the entry `target`, which came before it if it is one of the archive's */
	ARCHIVE_SKIPPED, /* hidden, in a folder to be skipped, or no image: no failure */
	ARCHIVE_REFUSED, /* an absolute name, "..", a link, a device, encrypted, too large */
};

/* An entry, valid until the next archive_reader_next. Folders are not among them. */
struct archive_item {
	enum archive_kind kind;
	const char *path;    /* UTF-8; of an image relative, without "." and ".." */
	const char *target;  /* of ARCHIVE_LINK: as `path` */
	const char *label;   /* the name of the folder it lies in; "" when in none */
	const char *type;    /* of an image: media type by its first bytes; else NULL */
	int64_t bytes;       /* -1 when the archive does not say before the data */
	const char *guessed; /* the charset that its name was taken for, since none was given and it is no UTF-8; else NULL */
	const char *skipped; /* of ARCHIVE_SKIPPED: why */
	struct err err;      /* of ARCHIVE_REFUSED: why */
};

/* Goes to the next entry, passing over what was not read of the last one. *item is NULL after the last one.
 * -1 when the archive itself fails, and then it can't be read any further: ERR_MEDIA_TYPE (no such
 * archive), ERR_UNPROCESSABLE (broken, truncated, a bomb, compressed twice, too slow to unpack), ERR_TOO_LARGE (too
 * many entries), or what the source or `going` said. */
int archive_reader_next(struct archive_reader *reader, const struct archive_item **item, struct err *err);

/* Reads up to len bytes of the image; *got is 0 at its end. -1 when this entry can't be read: ERR_TOO_LARGE,
 * ERR_UNPROCESSABLE; go on with archive_reader_next, which shows whether the archive can be. */
int archive_reader_read(struct archive_reader *reader, void *bytes, size_t len, size_t *got, struct err *err);

#endif
