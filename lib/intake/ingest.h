/* The way of an image into the stores: checked, deduplicated, bytes durable, then metadata. */
#ifndef INTAKE_INGEST_H
#define INTAKE_INGEST_H

#include <stdatomic.h>

#include "blob/blob.h"
#include "blob/key.h"
#include "dataset/dataset.h"
#include "image/image.h"
#include "intake/intent.h"
#include "intake/spool.h"

/* What the images of one request share. Threads may share it; everything is borrowed. */
struct ingest {
	struct blob_store *blobs;
	struct intents *intents;
	struct dataset *dataset;
	const char *key_dataset;   /* the dataset's name in keys (blob_key_dataset) */
	const char *user;          /* the user who sends them */
	const char *base_url;      /* this server's address for the client, "https://host/label" */
	int64_t pixels_max;        /* of an image */
	int64_t quota_bytes;       /* for the dataset; 0: none */
	atomic_int_fast64_t bytes; /* of its images so far; unknown without a quota */
	atomic_bool is_public;     /* whether its images are; ingest_metadata keeps it up to date */
};

/* An image's bytes: in memory, or (bytes NULL) a whole file to which nobody writes any more. */
struct ingest_source {
	const void *bytes;
	int fd;
	int64_t length;
	unsigned char sha256[HASH_SHA256_SIZE];
};
/* after spool_finish; borrows */
void ingest_from_spool(const struct spool *spool, struct ingest_source *out);
int ingest_from_file(int fd, int64_t length, struct ingest_source *out, struct err *err); /* hashes it; borrows fd */

struct ingest_image {
	struct ingest_source source;
	const char *label;    /* a label's name, or "" */
	const char *filepath; /* where it lies in the dataset; NULL: named by its content */
	const char *filename; /* as its sender calls it, cleaned; "" when unknown */
};

/* Finds the label that a client names by key or by name; *out is malloced. "" stays "". ERR_UNPROCESSABLE when the
 * dataset has no label of that name or key. */
int ingest_label(struct dataset *dataset, const char *given, char **out, struct err *err);

/* Checks a filepath that an upload may name: relative, each part a proper name, no control characters; else
 * ERR_BAD_REQUEST. (Files seeded in place keep the names they have on the disk.) */
int ingest_filepath(const char *filepath, struct err *err);

/* Stores the image in the dataset; if that becomes public or private meanwhile, so does the image, and
 * ingest->is_public says so. *out is the sample as it is now: for a duplicate, the one that was there.
 * ERR_BAD_REQUEST for an empty file or an impossible filepath, ERR_MEDIA_TYPE for what is no image,
 * ERR_UNPROCESSABLE for a broken one, ERR_TOO_LARGE, ERR_CONFLICT (other bytes at that filepath), ERR_NO_SPACE. */
int ingest_store(struct ingest *ingest, const struct ingest_image *image, struct sample *out, bool *duplicate,
                 struct err *err);

/* The same in two steps, for callers that store the bytes of several images at once, and then their metadata in
 * order. After ingest_bytes the bytes are durable; unless *duplicate is set, ingest_metadata must follow, with the
 * same image. Another thread may take the first step. */
struct ingest_step {
	struct image_info info;
	struct intent *intent;
	bool is_public;  /* how the bytes are stored */
	int64_t removed; /* the last removed sample with these bytes, whose key they may not have; -1: there is none */
	char key[BLOB_KEY_MAX], sha256[HASH_SHA256_HEX];
};
int ingest_bytes(struct ingest *ingest, const struct ingest_image *image, struct ingest_step *step, struct sample *out,
                 bool *duplicate, struct err *err);
int ingest_metadata(struct ingest *ingest, const struct ingest_image *image, struct ingest_step *step,
                    struct sample *out, bool *duplicate, struct err *err);

/* Appends the lasting URL, with scheme and host, of a public image. */
enum { INGEST_URL_MAX = 64 * 1024 }; /* bytes */
int ingest_url(struct blob_store *blobs, const char *key, const char *base_url, struct buf *out, struct err *err);

#endif
