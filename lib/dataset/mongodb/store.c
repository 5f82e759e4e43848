/* The MongoDB store: its client pool, and the datasets it keeps open. */
#include "dataset/mongodb/internal.h"

enum { PING_MS = 2000 };

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void mongodb_dataset_free(struct dataset *base)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);

	settings_release(&dataset->settings);
	ahead_release(dataset);
	label_set_release(&dataset->labels);
	combine_release(&dataset->changes);
	combine_release(&dataset->leases);
	combine_release(&dataset->additions);
	pthread_mutex_destroy(&dataset->structure);
	pthread_mutex_destroy(&dataset->mutex);
	free(base->name);
	free(dataset);
}

int mongodb_store_open(struct dataset_store **out, const struct config *config, bool reading, struct err *err)
{
	struct err unavailable = {0};
	struct work work;

	mongodb_log_start();
	if (config->dataset_store.database[0] == '\0')
		return err_set(err, ERR_BAD_REQUEST, "\"dataset_store.database\" must name a database");
	mongoc_client_pool_t *pool = mongodb_pool(config, err);
	if (!pool)
		return -1;
	struct mongodb_store *store = memory_new(1, sizeof(*store));
	store->config = config;
	store->reading = reading;
	store->prepare = reading ? schema_check : schema_prepare; /* when only reading, nothing is made */
	store->shard = arc4random_uniform(COUNTER_SHARDS);
	pthread_mutex_init(&store->mutex, NULL);
	watch_init(&store->watch);
	handles_init(&store->handles, config->limits.open_datasets, mongodb_dataset_free);
	store->pool = pool;
	mongoc_client_pool_set_error_api(store->pool, MONGOC_ERROR_API_VERSION_2);
	char appname[ORPHANS_APPNAME_MAX];
	orphans_appname(appname);
	mongoc_client_pool_set_appname(store->pool, appname);
	int failed = work_begin(&work, store, &unavailable);
	work_end(&work);
	if (failed && unavailable.code == ERR_UNAVAILABLE)
		mongodb_look_closer(config, &unavailable);
	/* A store that is down now may be up when it is first needed. */
	if (failed && unavailable.code != ERR_UNAVAILABLE) {
		*err = unavailable;
		mongodb_store_free(&store->base);
		return -1;
	}
	if (failed)
		mongodb_log(LOG_WARN, "the dataset store cannot be reached yet", "detail", unavailable.text, NULL);
	*out = &store->base;
	return 0;
}

void mongodb_store_free(struct dataset_store *base)
{
	struct mongodb_store *store = mongodb_store(base);

	handles_release(&store->handles);
	if (store->pool)
		mongoc_client_pool_destroy(store->pool);
	watch_release(&store->watch);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

/* Uses a connection of its own with short timeouts, so that a store that is down is noticed soon. */
int mongodb_store_ping(struct dataset_store *base, struct err *err)
{
	struct mongodb_store *store = mongodb_store(base);
	struct work work = {.store = store};
	mongoc_uri_t *uri = mongodb_uri(store->config, err);
	bson_error_t error;

	if (!uri) { /* the pool accepted it, but one of its files may be gone */
		err->code = ERR_UNAVAILABLE;
		return -1;
	}
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, PING_MS);
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, PING_MS);
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, PING_MS);
	mongoc_client_t *client = mongoc_client_new_from_uri_with_error(uri, &error);
	mongoc_uri_destroy(uri);
	if (!client) /* DNS may not know the name any more */
		return err_set(err, ERR_UNAVAILABLE, "MongoDB: %s", error.message);
	mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
	bson_t *command = BCON_NEW("ping", BCON_INT32(1)), reply;
	bool up = mongoc_client_command_simple(client, "admin", command, NULL, &reply, &error);
	int failed = up ? 0 : work_fail(&work, &error, &reply, err);
	bson_destroy(&reply);
	bson_destroy(command);
	mongoc_client_destroy(client);
	return failed;
}

void mongodb_store_place(struct dataset_store *base, struct buf *out)
{
	const struct config *config = mongodb_store(base)->config;

	buf_printf(out, "the MongoDB database %s at ", config->dataset_store.database);
	mongodb_hosts(config, out);
}

/* --- listing ------------------------------------------------------------------------------------------------------ */

struct listing {
	dataset_name_visit *visit;
	void *data;
};

static int list_one(void *data, const bson_t *document, struct err *err)
{
	const struct listing *listing = data;
	bson_iter_t iter;

	(void)err;
	if (!bson_iter_init_find(&iter, document, "_id") || !BSON_ITER_HOLDS_UTF8(&iter))
		return 0;
	return listing->visit(listing->data, bson_iter_utf8(&iter, NULL)) ? 0 : WORK_ENOUGH;
}

int mongodb_store_list(struct dataset_store *base, const char *after, size_t limit, dataset_name_visit *visit,
                       void *data, struct err *err)
{
	struct listing listing = {.visit = visit, .data = data};
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err);

	if (!failed && limit > 0) {
		bson_t *filter = BCON_NEW("_id", "{", "$gt", BCON_UTF8(after), "}", "removed", "{", "$exists",
		                          BCON_BOOL(false), "}", "unfinished", "{", "$exists", BCON_BOOL(false), "}");
		bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "projection", "{", "_id", BCON_INT32(1), "}");

		if (limit < INT32_MAX)
			BSON_APPEND_INT64(opts, "limit", (int64_t)limit);
		failed = work_find(&work, "datasets", filter, opts, list_one, &listing, err);
	}
	work_end(&work);
	return failed;
}

/* --- open datasets ------------------------------------------------------------------------------------------------ */

/* Settings are read each time a dataset is opened. */
static int new_dataset(void *data, const char *name, struct dataset **out, struct err *err)
{
	struct mongodb_store *store = data;
	struct mongodb_dataset *dataset = memory_new(1, sizeof(*dataset));

	(void)err;
	dataset->base.backend = store->base.backend;
	dataset->base.name = memory_text(name);
	dataset->store = store;
	pthread_mutex_init(&dataset->mutex, NULL);
	pthread_mutex_init(&dataset->structure, NULL);
	combine_init(&dataset->changes, COMBINE_BATCH);
	combine_init(&dataset->leases, COMBINE_BATCH);
	combine_init(&dataset->additions, COMBINE_BATCH);
	dataset->step_after = -1;
	*out = &dataset->base;
	return 0;
}

struct dataset *dataset_handle(struct mongodb_store *store, const char *name, struct settings *settings)
{
	struct dataset *dataset;

	handles_get(&store->handles, name, new_dataset, store, &dataset, NULL);
	settings_replace(mongodb_dataset(dataset), settings);
	return dataset;
}

int mongodb_open(struct dataset_store *base, const char *name, struct dataset **out, struct err *err)
{
	struct mongodb_store *store = mongodb_store(base);
	struct settings settings = {.next_id = 0};
	struct work work;
	int failed = work_begin(&work, store, err) || settings_read(&work, name, &settings, err);

	if (!failed && !settings.uuid[0] && !store->reading)
		failed = settings_give_uuid(&work, name, &settings, err);
	work_end(&work);
	if (!failed && settings.unfinished)
		failed = err_set(err, ERR_NOT_FOUND, "Database not found");
	if (failed) {
		settings_release(&settings);
		return -1;
	}
	*out = dataset_handle(store, name, &settings);
	return 0;
}

void mongodb_close(struct dataset *dataset)
{
	handles_put(&mongodb_dataset(dataset)->store->handles, dataset);
}
