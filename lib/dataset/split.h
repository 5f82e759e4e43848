/* Splits of a dataset into train, val and test: an image's part follows only from its content and the seed, so that
 * no image changes its part when others are added. One thread. */
#ifndef DATASET_SPLIT_H
#define DATASET_SPLIT_H

#include "base/err.h"
#include "base/hash.h"

enum { SPLIT_PARTS = 3, SPLIT_SEED_MAX = 1024 };

struct split {
	int percent[SPLIT_PARTS]; /* for train, val, test */
	struct hash_hmac *hmac;   /* with the seed as its key */
};

/* The names of the parts: "train", "val", "test". */
extern const char *const split_names[SPLIT_PARTS];

/* Parses "80,10,10", or "80,20" without a test part: whole numbers whose sum is 100. seed may be "".
 * ERR_BAD_REQUEST. Release it in any case. */
int split_parse(const char *text, const char *seed, struct split *out, struct err *err);
void split_release(struct split *split); /* all zero is fine */

/* The part of the image with this SHA-256 (hex, in lower case): the first 8 bytes of HMAC-SHA256, with the seed as
 * its key and these 64 letters as its message, as a fraction of 2^64. */
const char *split_of(const struct split *split, const char sha256[HASH_SHA256_HEX]);

#endif
