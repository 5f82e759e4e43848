/* The manifest of a snapshot: a line of JSON for each sample, `{"id","sha256","filepath","label","version","split"}`,
 * in order of id. What is unknown is null: "sha256" of an image that is not there, "split" of it or without a split.
 * One thread. */
#ifndef FASTCGI_MANIFEST_H
#define FASTCGI_MANIFEST_H

#include <cjson/cJSON.h>

#include "blob/blob.h"
#include "dataset/dataset.h"

#define MANIFEST_TYPE "application/x-ndjson"

/* Appends the line of a sample; sha256 "" and split NULL: unknown. */
void manifest_add(struct buf *out, const struct sample *sample, const char *sha256, const char *split);

/* A manifest in the image store, read line by line at constant memory. */
struct manifest {
	struct blob_store *blobs;
	char *key;
	int64_t offset;  /* of what is to be read next */
	struct buf text; /* what was read of it, and is yet to be returned from `at` on */
	size_t at;
	bool ended;
};
void manifest_open(struct manifest *manifest, struct blob_store *blobs, const char *key);
void manifest_close(struct manifest *manifest);
void manifest_rewind(struct manifest *manifest); /* to its first line */

/* A line's contents. Its texts live until the next call. */
struct manifest_line {
	int64_t id, version;
	const char *sha256, *filepath, *label; /* sha256 "": unknown */
	const char *split;                     /* NULL: unknown */
	cJSON *tree;
};
/* Reads the next line; zero *line before the first call. *more is false, and nothing is held any more, at the end. */
int manifest_next(struct manifest *manifest, struct manifest_line *line, bool *more, struct err *err);
void manifest_line_release(struct manifest_line *line);

#endif
