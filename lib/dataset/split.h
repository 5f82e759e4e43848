/* Splits of a dataset into train, val and test: an image's part follows from its content and the seed alone, so that no
 * image changes its part when others come. Pure; thread-safe. */
#ifndef DATASET_SPLIT_H
#define DATASET_SPLIT_H

#include "base/err.h"
#include "base/hash.h"

enum { SPLIT_PARTS = 3, SPLIT_SEED_MAX = 1024 };

struct split {
	int percent[SPLIT_PARTS]; /* of train, val, test */
	const char *seed;         /* borrowed */
};

/* The names of the parts: "train", "val", "test". */
extern const char *const split_names[SPLIT_PARTS];

/* Reads "80,10,10", or "80,20" for no test: whole numbers whose sum is 100. seed may be "". ERR_BAD_REQUEST. */
int split_parse(const char *text, const char *seed, struct split *out, struct err *err);

/* The part of the image with this SHA-256 (hex, in lower case): the first 8 bytes of HMAC-SHA256, the seed being its
 * key and these 64 letters its message, as a fraction of 2^64. */
const char *split_of(const struct split *split, const char sha256[HASH_SHA256_HEX]);

#endif
