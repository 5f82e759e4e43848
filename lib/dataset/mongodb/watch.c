/* Rings those who wait for the next change of a dataset: one change stream a process for all of them.
 *
 * A stream of one's own, opened every second, would cost MongoDB three commands a second for each that waits. Instead
 * one of the threads that wait reads the stream for all of them for its turn, then another one does. The stream is
 * opened when the first begins to wait, and closed with the last. It has no change from before it was opened, so
 * everybody is rung then, as when it breaks. A change that it has before somebody begins to wait was committed before:
 * a caller that begins to wait first, and then reads the feed, misses nothing. */
#include "dataset/mongodb/internal.h"

#include "base/memory.h"

enum { WATCH_TURN_MS = 500 }; /* for which the server waits for a change */

struct feed_waiter {
	struct mongodb_store *store;
	const char *dataset;
	bool is_rung;
	struct feed_waiter *next;
};

void watch_init(struct watch *watch)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&watch->mutex, NULL);
	pthread_cond_init(&watch->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void watch_release(struct watch *watch)
{
	pthread_cond_destroy(&watch->changed);
	pthread_mutex_destroy(&watch->mutex);
}

static void watch_close(struct watch *watch)
{
	if (watch->stream)
		mongoc_change_stream_destroy(watch->stream);
	watch->stream = NULL;
	work_end(&watch->work);
}

/* dataset NULL: all. */
static void watch_ring(struct watch *watch, const char *dataset)
{
	pthread_mutex_lock(&watch->mutex);
	for (struct feed_waiter *waiter = watch->first; waiter; waiter = waiter->next)
		waiter->is_rung = waiter->is_rung || !dataset || strcmp(waiter->dataset, dataset) == 0;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->mutex);
}

/* --- the stream, of the thread whose turn it is ------------------------------------------------------------------- */

/* Everything that may become an item of a feed, without its content. */
static void watch_open(struct watch *watch, struct mongodb_store *store)
{
	struct err err;

	if (work_begin(&watch->work, store, &err)) {
		work_end(&watch->work);
		return;
	}
	bson_t *pipeline = BCON_NEW("pipeline", "[", "{", "$match", "{", "ns.coll", "{", "$in", "[", BCON_UTF8("events"),
	                            BCON_UTF8("images"), BCON_UTF8("removed"), "]", "}", "$or", "[", "{", "operationType",
	                            "{", "$in", "[", BCON_UTF8("insert"), BCON_UTF8("replace"), "]", "}", "}", "{",
	                            "updateDescription.updatedFields.dataset", "{", "$exists", BCON_BOOL(true), "}", "}",
	                            "]", "}", "}", "{", "$project", "{", "documentKey", BCON_INT32(1),
	                            "fullDocument.dataset", BCON_INT32(1), "updateDescription.updatedFields.dataset",
	                            BCON_INT32(1), "}", "}", "]");
	bson_t *opts = BCON_NEW("maxAwaitTimeMS", BCON_INT64(WATCH_TURN_MS));
	mongoc_database_t *database = mongoc_client_get_database(watch->work.client, store->config->dataset_store.database);
	watch->stream = mongoc_database_watch(database, pipeline, opts);
	mongoc_database_destroy(database);
	bson_destroy(opts);
	bson_destroy(pipeline);
}

static const char *dataset_of(const bson_t *change)
{
	static const char *const places[] = {"documentKey._id.dataset", "fullDocument.dataset",
	                                     "updateDescription.updatedFields.dataset"};
	bson_iter_t iter, name;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (bson_iter_init(&iter, change) && bson_iter_find_descendant(&iter, places[i], &name) &&
		    BSON_ITER_HOLDS_UTF8(&name))
			return bson_iter_utf8(&name, NULL);
	}
	return NULL;
}

/* Whether the stream can be read on. One that the server has ended, as it does with the database, says nothing, and at
 * once. */
static bool watch_goes_on(struct watch *watch, int64_t waited_us)
{
	bson_error_t error;
	const bson_t *reply;

	return waited_us >= WATCH_TURN_MS * 1000 / 2 && !mongoc_change_stream_error_document(watch->stream, &error, &reply);
}

/* Reads the stream until no change comes for a while, or the one that the reader waits for, or the turn is over. */
static void watch_read(struct watch *watch, struct feed_waiter *reader, int64_t until_us)
{
	const bson_t *change;
	bool mine = false;

	if (!watch->stream) {
		watch_open(watch, reader->store);
		watch_ring(watch, NULL);
		return;
	}
	while (!mine && clock_us() < until_us) {
		int64_t begun = clock_us();

		if (mongoc_change_stream_next(watch->stream, &change)) {
			const char *dataset = dataset_of(change);

			mine = dataset && strcmp(dataset, reader->dataset) == 0;
			if (dataset)
				watch_ring(watch, dataset);
		} else if (!watch_goes_on(watch, clock_us() - begun)) {
			watch_close(watch);
			watch_ring(watch, NULL);
			return;
		}
	}
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

struct feed_waiter *mongodb_feed_waiter_open(struct dataset *base)
{
	struct mongodb_store *store = mongodb_dataset(base)->store;
	struct feed_waiter *waiter = memory_new(1, sizeof(*waiter));

	*waiter = (struct feed_waiter){.store = store, .dataset = base->name};
	pthread_mutex_lock(&store->watch.mutex);
	waiter->next = store->watch.first;
	store->watch.first = waiter;
	pthread_mutex_unlock(&store->watch.mutex);
	return waiter;
}

void mongodb_feed_waiter_close(struct dataset *base, struct feed_waiter *waiter)
{
	(void)base;
	struct watch *watch = &waiter->store->watch;
	struct feed_waiter **at = &watch->first;

	pthread_mutex_lock(&watch->mutex);
	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
	if (!watch->first)
		watch_close(watch);
	pthread_mutex_unlock(&watch->mutex);
	free(waiter);
}

bool mongodb_feed_wait(struct dataset *base, struct feed_waiter *waiter, int64_t ms)
{
	(void)base;
	struct watch *watch = &waiter->store->watch;
	int64_t until_us = clock_us() + ms * 1000;
	const struct timespec until = clock_timespec(until_us);

	pthread_mutex_lock(&watch->mutex);
	while (!waiter->is_rung && clock_us() < until_us) {
		if (watch->is_read) {
			pthread_cond_timedwait(&watch->changed, &watch->mutex, &until);
			continue;
		}
		watch->is_read = true;
		pthread_mutex_unlock(&watch->mutex);
		watch_read(watch, waiter, until_us);
		pthread_mutex_lock(&watch->mutex);
		watch->is_read = false;
		pthread_cond_broadcast(&watch->changed);
	}
	bool is_rung = waiter->is_rung;
	waiter->is_rung = false;
	pthread_mutex_unlock(&watch->mutex);
	return is_rung;
}
