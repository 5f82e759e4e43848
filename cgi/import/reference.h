/* The addresses by which other systems name images: from them back to filepaths. Pure; thread-safe. */
#ifndef IMPORT_REFERENCE_H
#define IMPORT_REFERENCE_H

#include "base/buf.h"

/* What an address may mean, the likeliest first. */
enum reference {
	REFERENCE_WHOLE,  /* what follows its host or bucket, or all of it when it has none */
	REFERENCE_IMAGES, /* what follows "/images/DATASET/", of whatever dataset, as in this server's own addresses */
	REFERENCE_BY_ID,  /* what follows "#", as in this server's own addresses of images that are by id */
	REFERENCE_LOCAL,  /* Label Studio's /data/local-files/?d=PATH */
	REFERENCE_UPLOAD, /* Label Studio's /data/upload/PROJECT/HASH-NAME: the name */
	REFERENCE_COUNT,
};
/* Clears out, and appends the filepath. Non-zero when the address means nothing in this way, or its escapes are
 * broken. */
int reference_filepath(const char *address, enum reference reference, struct buf *out);

/* What the filepath names within the folder, when it begins with as much of the folder's end as there is: "b/c.png"
 * and "a/b/c.png" in "/a/b" are "c.png". NULL when it does not. */
const char *reference_within(const char *filepath, const char *folder);

#endif
