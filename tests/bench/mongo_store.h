/* What the benchmarks of MongoDB share: a store of samples in a database of its own, and a bare libmongoc beside it. */
#ifndef TESTS_BENCH_MONGO_STORE_H
#define TESTS_BENCH_MONGO_STORE_H

#include <mongoc/mongoc.h>
#include <unistd.h>

#include "base/log.h"
#include "dataset/dataset.h"
#include "measured.h"

static struct config config;
static struct dataset_store *store;
static const char *address;
static char database[64];

/* --- bare --------------------------------------------------------------------------------------------------------- */

static mongoc_client_pool_t *open_pool(void)
{
	mongoc_uri_t *uri = mongoc_uri_new(address);
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

static void drop_database(mongoc_client_pool_t *pool)
{
	mongoc_client_t *client = mongoc_client_pool_pop(pool);
	mongoc_database_t *dropped = mongoc_client_get_database(client, database);

	mongoc_database_drop(dropped, NULL);
	mongoc_database_destroy(dropped);
	mongoc_client_pool_push(pool, client);
}

/* --- ours --------------------------------------------------------------------------------------------------------- */

/* The configuration that the server has when nothing but this is set. */
static const char *environment(const char *name)
{
	if (strcmp(name, "MONGODB_CONN_STRING") == 0)
		return address;
	return strcmp(name, "DATABASE_NAME") == 0 ? database : strcmp(name, "HOME") == 0 ? "/nonexistent" : NULL;
}

/* A store in a database with a name of its own, and in it an empty dataset. */
static struct dataset *open_dataset(const char *name)
{
	struct dataset *dataset;

	address = getenv("TEST_MONGODB_URI");
	if (!address)
		die("TEST_MONGODB_URI", "is not set (tests/services/with-mongo sets it)");
	snprintf(database, sizeof(database), "%s-%d", name, (int)getpid());
	log_init("bench", LOG_WARN);
	if (config_load(&config, NULL, environment, &trouble) || dataset_store_open(&store, &config, &trouble) ||
	    dataset_create(store, name, "/pictures", NULL, &trouble) || dataset_open(store, name, &dataset, &trouble))
		die("store", trouble.text);
	return dataset;
}

/* And drops the database. */
static void close_dataset(struct dataset *dataset, mongoc_client_pool_t *bare)
{
	drop_database(bare);
	mongoc_client_pool_destroy(bare);
	dataset_close(dataset);
	dataset_store_free(store);
	config_release(&config);
}

#endif
