/* The bytes of a sample's image, wherever it lies: read in pieces, and their SHA-256. One thread. */
#ifndef FASTCGI_BYTES_H
#define FASTCGI_BYTES_H

#include <sys/types.h>

#include "fastcgi/images.h"

struct bytes {
	struct images images;
	const struct sample *sample; /* borrowed */
	int fd;                      /* -1: read from the image store by its key */
	int64_t size;
	int64_t modified_ns; /* for a file in base_dir; else 0 */
	const char *type;    /* media type; belongs to the sample, or static */
};

/* ERR_NOT_FOUND "Image file not found" when that is true of this one image (images_locate). */
int bytes_open(struct bytes *bytes, const struct images *images, const struct sample *sample, struct err *err);
/* Reads up to len bytes from offset: returns how many, -1 with err; 0 only at the end. */
ssize_t bytes_read(struct bytes *bytes, int64_t offset, void *out, size_t len, struct err *err);
void bytes_close(struct bytes *bytes);

/* SHA-256s of images: known for uploaded ones; computed once for those in base_dir, and kept in the dataset for as
 * long as the file has the same size and time. */
enum { DIGESTS_HELD = 200 }; /* kept in one write */
struct digests {
	struct images images;
	size_t count;
	struct dataset_content held[DIGESTS_HELD];
};
void digests_init(struct digests *digests, const struct images *images);
/* ERR_NOT_FOUND as for bytes_open. */
int digests_of(struct digests *digests, const struct sample *sample, char out[HASH_SHA256_HEX], struct err *err);
/* The same without reading the image: "" when only that would tell. */
int digests_known(const struct digests *digests, const struct sample *sample, char out[HASH_SHA256_HEX],
                  struct err *err);
/* Adds the SHA-256 of an image that was read to its end. */
void digests_add(struct digests *digests, const struct bytes *bytes, const char sha256[HASH_SHA256_HEX]);
/* Stores what was computed. A failure is only logged: the SHA-256s are computed again next time. */
void digests_keep(struct digests *digests);

#endif
