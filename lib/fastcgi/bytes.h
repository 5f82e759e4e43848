/* The bytes of a sample's image, wherever it lies: read in pieces, and their SHA-256. One thread. */
#ifndef FASTCGI_BYTES_H
#define FASTCGI_BYTES_H

#include <sys/types.h>

#include "fastcgi/images.h"

struct bytes {
	struct images images;
	const struct sample *sample; /* borrowed */
	int fd;                      /* -1: it is read from the image store by its key */
	int64_t size;
	int64_t modified_ns; /* of a file in base_dir; else 0 */
	const char *type;    /* media type; the sample's, or static */
};

/* ERR_NOT_FOUND "Image file not found" when that is so of this one image (images_locate). */
int bytes_open(struct bytes *bytes, const struct images *images, const struct sample *sample, struct err *err);
/* Reads up to len bytes from offset: how many, -1 with err; 0 at the end alone. */
ssize_t bytes_read(struct bytes *bytes, int64_t offset, void *out, size_t len, struct err *err);
void bytes_close(struct bytes *bytes);

/* The SHA-256 of images: known of those that were uploaded, computed once of those in base_dir and kept by the store of
 * datasets for as long as the file has the same size and time. */
enum { DIGESTS_HELD = 200 }; /* that are kept in one write */
struct digests {
	struct images images;
	size_t count;
	struct dataset_content held[DIGESTS_HELD];
};
void digests_init(struct digests *digests, const struct images *images);
/* ERR_NOT_FOUND as bytes_open. */
int digests_of(struct digests *digests, const struct sample *sample, char out[HASH_SHA256_HEX], struct err *err);
/* The same of an image that is open, without reading it: whether it is known. */
bool digests_know(const struct bytes *bytes, char out[HASH_SHA256_HEX]);
/* What was read to its end. */
void digests_add(struct digests *digests, const struct bytes *bytes, const char sha256[HASH_SHA256_HEX]);
/* Keeps what was computed. That the store could not take it is logged: it is computed anew the next time. */
void digests_keep(struct digests *digests);

#endif
