/* Where the shards of a dataset begin, by id. Thread-safe.
 *
 * A shard has a range of ids whose images are about SHARD_BYTES together, labelled or not. Its beginning is stored
 * in the dataset, and stays, whatever is labelled, uploaded or removed: a client that fetches one shard after the
 * other gets no image twice, and misses none. */
#ifndef EXPORT_SHARDS_H
#define EXPORT_SHARDS_H

#include "fastcgi/images.h"

#define SHARD_BYTES 1000000000

struct shard {
	int64_t from, to; /* ids from `from` to below `to`; INT64_MAX: up to the newest */
};

/* ERR_NOT_FOUND: there is no such shard. The first one always exists. */
int shards_find(const struct images *images, int64_t number, struct shard *out, struct err *err);
/* Makes the shard before `number` (anything, for 0) that of `number`, which must be there. */
int shards_step(const struct images *images, int64_t number, struct shard *shard, struct err *err);

#endif
