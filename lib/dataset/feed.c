/* Asks the store's backend for the feed of a dataset. */
#include "dataset/feed.h"

#include "dataset/backend.h"

const char *feed_kind_name(enum feed_kind kind)
{
	static const char *const names[] = {[FEED_LABEL] = "label", [FEED_UPLOAD] = "upload", [FEED_REMOVE] = "remove"};

	return names[kind];
}

int feed_read(struct dataset *dataset, const char *after, size_t limit, int64_t wait_ms, feed_visit *visit, void *data,
              char next[FEED_KEY_MAX], struct err *err)
{
	next[0] = '\0';
	return dataset_check_limit(limit, err) ||
	       dataset->backend->feed_read(dataset, after, limit, wait_ms, visit, data, next, err);
}
