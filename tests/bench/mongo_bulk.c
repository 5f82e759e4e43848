/* Measures one label for a thousand samples on MongoDB through the dataset interface, against one label for one sample,
 * and against a bare libmongoc transaction that writes as much with the same indexes: an update of each sample by its
 * id, and an event for each.
 *
 * usage: TEST_MONGODB_URI=… mongo_bulk [ROUNDS=10]      (tests/services/with-mongo sets it)
 * Prints a line with the median of each, in ms. */
#include "mongo_store.h"

enum { ONES = 5 };

/* --- bare --------------------------------------------------------------------------------------------------------- */

static mongoc_bulk_operation_t *bulk_of(mongoc_client_t *client, const char *name, const bson_t *opts)
{
	mongoc_collection_t *collection = mongoc_client_get_collection(client, database, name);
	mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(collection, opts);

	mongoc_collection_destroy(collection);
	return bulk;
}

static void run(mongoc_bulk_operation_t *bulk)
{
	bson_error_t error;

	if (!mongoc_bulk_operation_execute(bulk, NULL, &error))
		die("bulk", error.message);
	mongoc_bulk_operation_destroy(bulk);
}

static void update_samples(mongoc_client_t *client, const bson_t *opts, int64_t from)
{
	mongoc_bulk_operation_t *bulk = bulk_of(client, "images", opts);
	bson_t *hint = BCON_NEW("hint", BCON_UTF8("id"));
	bson_t *change = BCON_NEW("$set", "{", "Label", BCON_UTF8("cat"), "state", BCON_UTF8("labelled"), "labelled_by",
	                          BCON_UTF8("ada"), "labelled_at", BCON_INT64(clock_us()), "version", BCON_INT64(1),
	                          "events", BCON_INT64(1), "revision", BCON_INT64(1), "}");

	for (int64_t id = from; id < from + MANY; id++) {
		bson_t *filter = BCON_NEW("dataset", BCON_UTF8("bulk"), "id", BCON_INT64(id));

		mongoc_bulk_operation_update_one_with_opts(bulk, filter, change, hint, NULL);
		bson_destroy(filter);
	}
	run(bulk);
	bson_destroy(hint);
	bson_destroy(change);
}

static void insert_events(mongoc_client_t *client, const bson_t *opts, int64_t from)
{
	mongoc_bulk_operation_t *bulk = bulk_of(client, "events", opts);

	for (int64_t id = from; id < from + MANY; id++) {
		bson_t *event = BCON_NEW("_id", "{", "dataset", BCON_UTF8("bulk"), "sample", BCON_INT64(id), "n", BCON_INT64(1),
		                         "}", "label", BCON_UTF8("cat"), "by", BCON_UTF8("ada"), "at", BCON_INT64(clock_us()),
		                         "source", BCON_UTF8("label"), "lead_time_ms", BCON_INT64(-1));

		mongoc_bulk_operation_insert(bulk, event);
		bson_destroy(event);
	}
	run(bulk);
}

static void write_bare(mongoc_client_pool_t *pool, int64_t from)
{
	mongoc_client_t *client = mongoc_client_pool_pop(pool);
	bson_error_t error;
	bson_t opts = BSON_INITIALIZER;
	mongoc_client_session_t *session = mongoc_client_start_session(client, NULL, &error);

	if (!session || !mongoc_client_session_start_transaction(session, NULL, &error) ||
	    !mongoc_client_session_append(session, &opts, &error))
		die("transaction", error.message);
	update_samples(client, &opts, from);
	insert_events(client, &opts, from);
	if (!mongoc_client_session_commit_transaction(session, NULL, &error))
		die("commit", error.message);
	mongoc_client_session_destroy(session);
	bson_destroy(&opts);
	mongoc_client_pool_push(pool, client);
}

/* --- both --------------------------------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static int64_t one[ROUNDS_MAX * ONES], ours[ROUNDS_MAX], bare[ROUNDS_MAX];
	int64_t rounds = number(argc > 1 ? argv[1] : NULL, 10), id = 0;
	struct dataset *dataset = open_dataset("bulk");
	mongoc_client_pool_t *pool = open_pool();

	fill_ours(dataset, rounds * (2 * MANY + ONES));
	for (int64_t i = 0; i < rounds; i++) { /* in turn, so that all meet the same weather */
		for (int j = 0; j < ONES; j++) {
			one[i * ONES + j] = -clock_us();
			label_one(dataset, id++);
			one[i * ONES + j] += clock_us();
		}
		ours[i] = -clock_us();
		label_many(dataset, id);
		ours[i] += clock_us();
		bare[i] = -clock_us();
		write_bare(pool, id + MANY);
		bare[i] += clock_us();
		id += 2 * MANY;
	}
	close_dataset(dataset, pool);
	printf("mongodb labels: one %.2f ms, %d at once %.2f ms, bare %.2f ms\n", median_ms(one, rounds * ONES), MANY,
	       median_ms(ours, rounds), median_ms(bare, rounds));
	return 0;
}
