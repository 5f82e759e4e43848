/* Names of objects in the image store. Pure functions; thread-safe. */
#ifndef BLOB_KEY_H
#define BLOB_KEY_H

#include "base/err.h"

enum {
	BLOB_KEY_MAX = 1000,        /* bytes of a key with its NUL; S3 takes 1,024 */
	BLOB_KEY_SEGMENT_MAX = 240, /* bytes between two '/'; file systems take 255 */
};

/* Checks that it can be a key: 1..BLOB_KEY_MAX-1 bytes of UTF-8 without control characters or backslashes, in
 * segments of 1..BLOB_KEY_SEGMENT_MAX bytes between '/', none of them "." or "..". Else ERR_BAD_REQUEST. */
int blob_key_check(const char *key, struct err *err);

/* How all our keys begin: those of the default dataset, and those of the others. */
#define BLOB_KEY_IMAGES "images/"
#define BLOB_KEY_DATASETS "datasets/"

/* The dataset's name in keys, for the functions below: NULL for the default dataset, whose keys are the older
 * system's. default_dataset is the configuration's. */
const char *blob_key_dataset(const char *name, const char *default_dataset);

/* The folder of a label's images, the part of blob_key_image's keys before "img-". */
int blob_key_folder(char out[BLOB_KEY_MAX], const char *dataset, const char *label, struct err *err);

/* The key of an image: "images/{label}/img-{uuid}.{ext}", after "datasets/{dataset}/" unless dataset is NULL (the
 * default dataset). The label is percent-encoded where a path can't hold it, and cut (with a hash) when too long; ""
 * is "unlabelled". ext is blob_key_extension's for type. ERR_BAD_REQUEST when a part can't be in a key. */
int blob_key_image(char out[BLOB_KEY_MAX], const char *dataset, const char *label, const char *uuid,
                   const char *type, struct err *err);

/* The key of a snapshot's manifest: "datasets/{dataset}/snapshots/{uuid}.jsonl", also for the default dataset. */
int blob_key_manifest(char out[BLOB_KEY_MAX], const char *dataset, const char *uuid, struct err *err);

/* The filepath of an image that was sent without one: the part of its key from "images/" on; borrowed from key. */
const char *blob_key_filepath(const char *key, const char *dataset);

/* The ending of file names, without a dot, for a media type of images that we accept (base/image_type.h); NULL for
 * others. */
const char *blob_key_extension(const char *type);
/* The media type, of the accepted ones, that a key's ending stands for; NULL for others. */
const char *blob_key_type(const char *key);

#endif
