/* The clock of leases in MongoDB: the server's, since the machines' clocks may differ by minutes.
 *
 * It is asked at most once a second, and carried on by this machine's steady clock in between. It is late by the
 * time that the answer took: so a lease may seem to live a moment longer, never shorter. */
#include "dataset/mongodb/store.h"

#include <time.h>

enum { TRUSTED_US = 1000 * 1000, MILLISECOND_US = 1000 };

static int clock_ask(struct work *work, int64_t *now, struct err *err)
{
	mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	bson_t *hello = BCON_NEW("hello", BCON_INT32(1)), reply;
	bson_error_t error;
	bson_iter_t iter;
	int failed = 0;

	if (!mongoc_client_command_simple(work->client, "admin", hello, primary, &reply, &error))
		failed = work_fail(work, &error, &reply, err);
	else if (!bson_iter_init_find(&iter, &reply, "localTime") || !BSON_ITER_HOLDS_DATE_TIME(&iter))
		failed = err_set(err, ERR_INTERNAL, "MongoDB: the server does not report its time");
	else
		*now = bson_iter_date_time(&iter) * 1000;
	bson_destroy(&reply);
	bson_destroy(hello);
	mongoc_read_prefs_destroy(primary);
	return failed;
}

/* The answer is the time at some moment since `before`, in whole milliseconds. The earlier result is kept as long as
 * it agrees with that, so that a slow answer does not turn time back. */
static void learn(struct mongodb_store *store, int64_t told, int64_t before)
{
	int64_t after = clock_us(), least = told - after, most = told + MILLISECOND_US - before;

	pthread_mutex_lock(&store->mutex);
	if (store->asked_us == 0 || store->ahead_us < least || store->ahead_us > most)
		store->ahead_us = least;
	store->asked_us = after;
	pthread_mutex_unlock(&store->mutex);
}

int work_now(struct work *work, int64_t *now, struct err *err)
{
	struct mongodb_store *store = work->store;
	int64_t steady = clock_us(), told;

	pthread_mutex_lock(&store->mutex);
	bool trusted = store->asked_us > 0 && steady - store->asked_us < TRUSTED_US;
	pthread_mutex_unlock(&store->mutex);
	if (!trusted) {
		if (clock_ask(work, &told, err))
			return -1;
		learn(store, told, steady);
	}
	pthread_mutex_lock(&store->mutex);
	*now = clock_us() + store->ahead_us;
	pthread_mutex_unlock(&store->mutex);
	return 0;
}
