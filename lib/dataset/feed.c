/* Asks the store's backend for the feed of a dataset. */
#include "dataset/feed.h"

#include "dataset/backend.h"

const char *feed_kind_name(enum feed_kind kind)
{
	static const char *const names[] = {[FEED_LABEL] = "label", [FEED_UPLOAD] = "upload", [FEED_REMOVE] = "remove"};

	return names[kind];
}

int feed_read(struct dataset *dataset, const char *after, size_t limit, feed_visit *visit, void *data,
              char next[FEED_KEY_MAX], struct err *err)
{
	next[0] = '\0';
	return dataset_check_limit(limit, err) ||
	       dataset->backend->feed_read(dataset, after, limit, visit, data, next, err);
}

struct feed_waiter *feed_waiter_open(struct dataset *dataset)
{
	return dataset->backend->feed_waiter_open ? dataset->backend->feed_waiter_open(dataset) : NULL;
}

void feed_waiter_close(struct dataset *dataset, struct feed_waiter *waiter)
{
	if (waiter)
		dataset->backend->feed_waiter_close(dataset, waiter);
}

bool feed_wait(struct dataset *dataset, struct feed_waiter *waiter, int64_t ms)
{
	return !waiter || dataset->backend->feed_wait(dataset, waiter, ms);
}
