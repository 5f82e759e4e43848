/* The images to upload, one after the other: those of a folder, or of an archive. One thread. */
#ifndef UPLOAD_SOURCE_H
#define UPLOAD_SOURCE_H

#include <signal.h>

#include "base/config.h"
#include "base/walk.h"
#include "intake/archive.h"
#include "intake/archive_links.h"
#include "intake/spool.h"
#include "report.h"

/* An image; all zero when there is none. */
struct source_item {
	char *path;  /* within the dataset: relative to the folder, or as in the archive */
	char *label; /* "" is none */
	int64_t bytes;
	bool held;          /* the bytes are in `spool`; else in `fd` */
	struct spool spool; /* for an archive: hashed already */
	int fd;             /* for a folder */
};
void source_item_release(struct source_item *item);
/* Computes the SHA-256 of the item's bytes. */
int source_item_sha256(struct source_item *item, unsigned char sha256[HASH_SHA256_SIZE], struct err *err);
/* Reads up to len bytes from `at` on; returns how many, -1 when they cannot be read. */
ssize_t source_item_read(const struct source_item *item, int64_t at, void *bytes, size_t len);

struct source_options {
	const char *label;                    /* for all images; NULL: the name of each image's folder */
	const struct config_list *skip;       /* names of folders to skip */
	const char *names;                    /* charset of an archive's names that are not UTF-8; NULL: the usual one */
	const char *tmp;                      /* folder for large images of an archive */
	const volatile sig_atomic_t *stopped; /* the signal that stops the upload, once one came */
};

struct source {
	struct source_options options;
	struct report *report;       /* gets the files that are skipped or cannot be read */
	int fd;                      /* the folder, or the archive */
	struct archive_links *links; /* by path: the entries that were images */
	size_t guessed;              /* names whose charset was not given */
	const char *guess;           /* the charset assumed for them */
	int64_t done, total;         /* the progress: in files, or in bytes of the archive */
	struct walk walk;
	struct archive_reader *archive;
	const char *path;
};

/* Everything is borrowed. Call source_release at the end, also after a failure. */
int source_open(struct source *source, const char *path, const struct source_options *options,
                struct report *report, struct err *err);
void source_release(struct source *source);
/* Looks at one more file: *item is an image to upload (the caller's), or stays all zero when the file was skipped.
 * Returns 1, 0 when there are no more files, -1 when it can't go on. */
int source_next(struct source *source, struct source_item *item, struct err *err);

#endif
