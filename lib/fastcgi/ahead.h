/* Fetches images from a store on other machines before they are read, several at once: one after the other, each would
 * wait for the network.
 *
 * Used by one thread, beside threads of its own. */
#ifndef FASTCGI_AHEAD_H
#define FASTCGI_AHEAD_H

#include "blob/blob.h"
#include "dataset/dataset.h"

enum {
	AHEAD_IMAGES = 8,            /* held or under way at once */
	AHEAD_IMAGE_BYTES = 1 << 20, /* larger ones are not fetched ahead */
	AHEAD_AT_ONCE = 8,           /* of a process; further ones fetch nothing */
};

struct ahead;

/* NULL when the store's images are files of this machine, or there are AHEAD_AT_ONCE already. */
struct ahead *ahead_new(struct blob_store *blobs);
void ahead_free(struct ahead *ahead); /* waits for what is under way; NULL is fine */

/* Announces that a sample's image will be read, after those announced before; as often as wanted. */
void ahead_want(struct ahead *ahead, const struct sample *sample);
/* Forgets the samples before this id: they have been read. */
void ahead_pass(struct ahead *ahead, int64_t id);
/* As blob_read, from an image that was fetched; waits for one under way. Returns whether there is one. */
bool ahead_read(struct ahead *ahead, int64_t id, int64_t offset, void *bytes, size_t len, size_t *got);

#endif
