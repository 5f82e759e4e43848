/* The images to be uploaded, one after the other: those of a folder, or of an archive. One thread. */
#ifndef UPLOAD_SOURCE_H
#define UPLOAD_SOURCE_H

#include <signal.h>

#include "base/config.h"
#include "base/walk.h"
#include "intake/archive.h"
#include "intake/archive_links.h"
#include "intake/spool.h"
#include "report.h"

/* An image, all zero when there is none. */
struct source_item {
	char *path;  /* within the dataset: relative to the folder, or as in the archive */
	char *label; /* "" is none */
	int64_t bytes;
	bool held;          /* the bytes are in `spool`; else in `fd` */
	struct spool spool; /* of an archive: hashed already */
	int fd;             /* of a folder */
};
void source_item_release(struct source_item *item);
/* The digest of its bytes. */
int source_item_sha256(struct source_item *item, unsigned char sha256[HASH_SHA256_SIZE], struct err *err);
/* Reads up to len bytes from `at` on; how many, -1 when they cannot be read. */
ssize_t source_item_read(const struct source_item *item, int64_t at, void *bytes, size_t len);

struct source_options {
	const char *label;                    /* of all images; NULL: the folder's name that each lies in */
	const struct config_list *skip;       /* folders passed over, by name */
	const char *names;                    /* charset of an archive's names that are no UTF-8; NULL: as is usual */
	const char *tmp;                      /* where a large image of an archive waits */
	const volatile sig_atomic_t *stopped; /* the signal that ends it, once one came */
};

struct source {
	struct source_options options;
	struct report *report;       /* gets what is skipped, and what cannot be read */
	int fd;                      /* the folder, or the archive */
	struct archive_links *links; /* by path: the entries that were images */
	size_t guessed;              /* names whose charset nobody gave */
	const char *guess;           /* which it was taken for */
	int64_t done, total;         /* how far it is: files, or bytes of the archive */
	struct walk walk;
	struct archive_reader *archive;
	const char *path;
};

/* All is borrowed. The caller ends with source_release, also on failure. */
int source_open(struct source *source, const char *path, const struct source_options *options,
                struct report *report, struct err *err);
void source_release(struct source *source);
/* Looks at one more file: *item is an image to be uploaded (the caller's), or stays all zero when the file was passed
 * over. 1, 0 when there are no more, -1 when it can't go on. */
int source_next(struct source *source, struct source_item *item, struct err *err);

#endif
