/* Measures leases + labels on MongoDB through the dataset interface, against a bare libmongoc loop with the same two
 * writes: a lease and a label, each to one document, w:majority and j:true, to different documents so that none
 * conflict.
 *
 * usage: TEST_MONGODB_URI=… mongo_rate [SECONDS=5 of each] [THREADS=64]      (tests/services/with-mongo sets it)
 * Prints a line: pairs of lease and label a second, bare and ours, and their ratio. */
#include "mongo_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "dataset/task.h"

static atomic_bool over;
static atomic_int_fast64_t done, next;

/* Runs `run` on threads for a second; returns how many pairs were done in it. */
static double rate(int64_t threads, void *(*run)(void *), void *data)
{
	pthread_t id[threads];
	struct timespec from, to, length = {.tv_sec = 1};

	over = false;
	done = 0;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int64_t i = 0; i < threads; i++) {
		if (pthread_create(&id[i], NULL, run, data))
			die("pthread_create", "no more threads");
	}
	nanosleep(&length, NULL); /* the time that is measured */
	over = true;
	for (int64_t i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)done / ((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
}

/* --- bare ---------------------------------------------------------------------------------------------------------- */

static void update(mongoc_collection_t *collection, bson_t *filter, bson_t *change)
{
	bson_error_t error;

	if (!mongoc_collection_update_one(collection, filter, change, NULL, NULL, &error))
		die("update", error.message);
	bson_destroy(filter);
	bson_destroy(change);
}

static void *run_bare(void *data)
{
	mongoc_client_pool_t *pool = data;
	mongoc_client_t *client = mongoc_client_pool_pop(pool);
	mongoc_collection_t *collection = mongoc_client_get_collection(client, database, "bare");

	while (!over) {
		int64_t id = next++;

		update(collection, BCON_NEW("_id", BCON_INT64(id), "token", BCON_UTF8("")),
		       BCON_NEW("$set", "{", "token", BCON_UTF8("0123456789012345678901"), "user", BCON_UTF8("ada"), "expires",
		                BCON_INT64(id), "}"));
		update(collection, BCON_NEW("_id", BCON_INT64(id), "token", BCON_UTF8("0123456789012345678901")),
		       BCON_NEW("$set", "{", "label", BCON_UTF8("cat"), "token", BCON_UTF8(""), "}"));
		done++;
	}
	mongoc_collection_destroy(collection);
	mongoc_client_pool_push(pool, client);
	return NULL;
}

static void fill_bare(mongoc_client_pool_t *pool, int64_t count)
{
	mongoc_client_t *client = mongoc_client_pool_pop(pool);
	mongoc_collection_t *collection = mongoc_client_get_collection(client, database, "bare");
	mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(collection, NULL);
	bson_error_t error;

	for (int64_t id = 0; id < count; id++) {
		char path[64];

		snprintf(path, sizeof(path), "some/folder/picture-%lld.png", (long long)id);
		bson_t *document = BCON_NEW("_id", BCON_INT64(id), "filepath", BCON_UTF8(path), "label", BCON_UTF8(""), "token",
		                            BCON_UTF8(""));
		mongoc_bulk_operation_insert(bulk, document);
		bson_destroy(document);
	}
	if (!mongoc_bulk_operation_execute(bulk, NULL, &error))
		die("insert", error.message);
	mongoc_bulk_operation_destroy(bulk);
	mongoc_collection_destroy(collection);
	mongoc_client_pool_push(pool, client);
}

/* --- ours ---------------------------------------------------------------------------------------------------------- */

static void *run_ours(void *data)
{
	static atomic_int people;
	struct dataset *dataset = data;
	char user[32];
	struct task task;
	struct err err;
	size_t taken;

	snprintf(user, sizeof(user), "person-%d", people++);
	while (!over) {
		if (lease_take(dataset, user, 1, &task, &taken, &err))
			die("lease", err.text);
		if (taken == 0)
			die("lease", "all samples are labelled: give fewer seconds");
		if (lease_label(dataset, user, task.token, "cat", 100, NULL, &err))
			die("label", err.text);
		task_release(&task);
		done++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int64_t seconds = number(argc > 1 ? argv[1] : NULL, 5), threads = number(argc > 2 ? argv[2] : NULL, 64);
	int64_t count = seconds * 8000 / PER_MERGE * PER_MERGE + PER_MERGE;
	struct dataset *dataset = open_dataset("rate");
	mongoc_client_pool_t *bare = open_pool();

	fill_bare(bare, count);
	fill_ours(dataset, count);
	double of_bare = 0, of_ours = 0;
	for (int64_t i = 0; i < seconds; i++) { /* in turn, so that both meet the same weather */
		of_bare += rate(threads, run_bare, bare) / (double)seconds;
		of_ours += rate(threads, run_ours, dataset) / (double)seconds;
	}
	close_dataset(dataset, bare);
	printf("mongodb leases+labels, %lld threads: bare %.0f/s, ours %.0f/s, ratio %.2f\n", (long long)threads, of_bare,
	       of_ours, of_ours / of_bare);
	return 0;
}
