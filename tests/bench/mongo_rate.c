/* Measures leases + labels on MongoDB through the dataset interface, against a bare libmongoc loop with the same two
 * writes: a lease and a label, each to one document, w:majority and j:true, to different documents so that none
 * conflict.
 *
 * usage: TEST_MONGODB_URI=… mongo_rate [SECONDS=5 of each] [THREADS=64]      (tests/services/with-mongo sets it)
 * Prints a line: pairs of lease and label a second, bare and ours, and their ratio. */
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "dataset/dataset.h"
#include "dataset/task.h"

enum { PER_MERGE = 10000 };

static atomic_bool over;
static atomic_int_fast64_t done, next;

struct bare {
	mongoc_client_pool_t *pool;
	const char *database;
};

_Noreturn static void die(const char *what, const char *why)
{
	fprintf(stderr, "mongo_rate: %s: %s\n", what, why);
	exit(1);
}

static int64_t number(const char *text, int64_t otherwise)
{
	int64_t value = otherwise;

	if (text && text_int64(text, 1, 1000, &value))
		die("not a number from 1 to 1000", text);
	return value;
}

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
	struct bare *bare = data;
	mongoc_client_t *client = mongoc_client_pool_pop(bare->pool);
	mongoc_collection_t *collection = mongoc_client_get_collection(client, bare->database, "bare");

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
	mongoc_client_pool_push(bare->pool, client);
	return NULL;
}

static void fill_bare(struct bare *bare, int64_t count)
{
	mongoc_client_t *client = mongoc_client_pool_pop(bare->pool);
	mongoc_collection_t *collection = mongoc_client_get_collection(client, bare->database, "bare");
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
	mongoc_client_pool_push(bare->pool, client);
}

static void drop(struct bare *bare)
{
	mongoc_client_t *client = mongoc_client_pool_pop(bare->pool);
	mongoc_database_t *database = mongoc_client_get_database(client, bare->database);

	mongoc_database_drop(database, NULL);
	mongoc_database_destroy(database);
	mongoc_client_pool_push(bare->pool, client);
}

static mongoc_client_pool_t *open_pool(const char *text)
{
	mongoc_uri_t *uri = mongoc_uri_new(text);
	mongoc_write_concern_t *concern = mongoc_write_concern_new();

	mongoc_write_concern_set_wmajority(concern, 0);
	mongoc_write_concern_set_journal(concern, true);
	mongoc_uri_set_write_concern(uri, concern);
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE, 1000);
	mongoc_client_pool_t *pool = mongoc_client_pool_new(uri);
	mongoc_write_concern_destroy(concern);
	mongoc_uri_destroy(uri);
	return pool;
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

static void fill_ours(struct dataset *dataset, int64_t count)
{
	static const char *const labels[] = {"cat", "dog"};
	static char path[PER_MERGE][64];
	static struct dataset_seed seeds[PER_MERGE];
	struct dataset_merged merged = {0};
	struct err err;

	for (int64_t from = 0; from < count; from += PER_MERGE) {
		for (int64_t i = 0; i < PER_MERGE; i++) {
			snprintf(path[i], sizeof(path[i]), "some/folder/picture-%lld.png", (long long)(from + i));
			seeds[i] = (struct dataset_seed){path[i], ""};
		}
		if (dataset_merge(dataset, labels, 2, seeds, PER_MERGE, &merged, &err))
			die("merge", err.text);
	}
}

static const char *uri, *database;

/* The configuration that the server has when nothing but this is set. */
static const char *environment(const char *name)
{
	if (strcmp(name, "MONGODB_CONN_STRING") == 0)
		return uri;
	return strcmp(name, "DATABASE_NAME") == 0 ? database : strcmp(name, "HOME") == 0 ? "/nonexistent" : NULL;
}

int main(int argc, char **argv)
{
	int64_t seconds = number(argc > 1 ? argv[1] : NULL, 5), threads = number(argc > 2 ? argv[2] : NULL, 64);
	int64_t count = seconds * 8000 / PER_MERGE * PER_MERGE + PER_MERGE;
	struct config config;
	struct dataset_store *store;
	struct dataset *dataset;
	struct err err;
	char name[64];

	uri = getenv("TEST_MONGODB_URI");
	database = name;
	if (!uri)
		die("TEST_MONGODB_URI", "is not set (tests/services/with-mongo sets it)");
	snprintf(name, sizeof(name), "rate-%d", (int)getpid());
	log_init("mongo_rate", LOG_WARN);
	if (config_load(&config, NULL, environment, &err) || dataset_store_open(&store, &config, &err) ||
	    dataset_create(store, "rate", "/pictures", NULL, &err) ||
	    dataset_open(store, "rate", &dataset, &err))
		die("store", err.text);
	struct bare bare = {.pool = open_pool(uri), .database = name};
	fill_bare(&bare, count);
	fill_ours(dataset, count);
	double of_bare = 0, of_ours = 0;
	for (int64_t i = 0; i < seconds; i++) { /* in turn, so that both meet the same weather */
		of_bare += rate(threads, run_bare, &bare) / (double)seconds;
		of_ours += rate(threads, run_ours, dataset) / (double)seconds;
	}
	drop(&bare);
	mongoc_client_pool_destroy(bare.pool);
	dataset_close(dataset);
	dataset_store_free(store);
	config_release(&config);
	printf("mongodb leases+labels, %lld threads: bare %.0f/s, ours %.0f/s, ratio %.2f\n", (long long)threads, of_bare,
	       of_ours, of_ours / of_bare);
	return 0;
}
