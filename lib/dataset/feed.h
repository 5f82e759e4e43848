/* The feed of a dataset: each label event, upload and removal of a sample once, in the order in which they were
 * committed. Thread-safe.
 *
 * A follower reads from the beginning ("") and goes on from the key that each page gives, also across restarts of
 * either side. An event that a vote or decision, an undo or a merge of labels makes is an item; a label that is
 * renamed makes none. */
#ifndef DATASET_FEED_H
#define DATASET_FEED_H

#include "dataset/dataset.h"

enum { FEED_KEY_MAX = 768 }; /* bytes of a key with its NUL */

/* Sets ERR_GONE, which says why; returns -1. */
int feed_gone(const char *why, struct err *err);

enum feed_kind { FEED_LABEL, FEED_UPLOAD, FEED_REMOVE };
const char *feed_kind_name(enum feed_kind kind);

struct feed_item {
	enum feed_kind kind;
	int64_t id;        /* of the sample */
	const char *label; /* what was said, by the name that the label had then; "": none */
	const char *by;    /* "": nobody, as for a seed */
	int64_t at;
};
/* The item lives only during the visit. */
typedef void feed_visit(void *data, const struct feed_item *item);

/* Visits the items behind `after` ("": from the first) until there were `limit` (1..DATASET_PAGE_MAX) or some more,
 * since a store may not part what was committed together. `next` is the key from which to go on, also when there was
 * no item: then there may be some by now. ERR_GONE: what follows `after` is no longer known in full, as after the
 * dataset was restored from a backup. */
int feed_read(struct dataset *dataset, const char *after, size_t limit, feed_visit *visit, void *data,
              char next[FEED_KEY_MAX], struct err *err);

/* Waits for the next change, of a dataset that stays open. A caller that opens a waiter first, and then reads to the
 * end, misses none. NULL, which the others take, too: this store notices no changes, and is to be asked now and
 * then. One thread each. */
struct feed_waiter;
struct feed_waiter *feed_waiter_open(struct dataset *dataset);
void feed_waiter_close(struct dataset *dataset, struct feed_waiter *waiter);
/* Waits up to `ms`, or somewhat longer. Whether the feed may have gone on; of NULL it may, at once. */
bool feed_wait(struct dataset *dataset, struct feed_waiter *waiter, int64_t ms);

#endif
