/* The images that a dataset has, by content: whether a file's bytes are among them. The size is checked first, so
 * that a file is only read when one has its size. One thread. */
#ifndef UPLOAD_KNOWN_H
#define UPLOAD_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

/* the first bytes of a SHA-256: enough to distinguish images, at half the memory for a million of them */
enum { KNOWN_DIGEST = 16 };

struct known {
	unsigned char (*digests)[KNOWN_DIGEST]; /* open addressing; all zero means free */
	int64_t *sizes;                         /* the same; 0 means free */
	size_t digest_count, digest_room, size_count, size_room;
};

/* An all-zero struct is empty. */
void known_release(struct known *known);
void known_add(struct known *known, int64_t bytes, const unsigned char sha256[HASH_SHA256_SIZE]);
bool known_size(const struct known *known, int64_t bytes);
bool known_content(const struct known *known, const unsigned char sha256[HASH_SHA256_SIZE]);

#endif
