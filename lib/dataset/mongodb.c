/* The MongoDB store: its client pool, the datasets it keeps open, and the table of the backend's functions. */
#include "dataset/mongodb.h"

#include "base/module.h"

enum { PING_MS = 2000 };

/* --- libmongoc's own state ----------------------------------------------------------------------------------------- */

dataset_log *mongodb_log;

static void log_to(dataset_log *log)
{
	mongodb_log = log;
}

static void log_line(mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
	enum log_level ours = level <= MONGOC_LOG_LEVEL_CRITICAL  ? LOG_ERROR
	                      : level == MONGOC_LOG_LEVEL_WARNING ? LOG_WARN
	                                                          : LOG_DEBUG;

	(void)data;
	if (mongodb_uri_hears(message))
		return;
	/* libmongoc warns of what is no news: the server has ended that transaction already, and it is run again. */
	if (strncmp(message, "Error in abortTransaction", 25) == 0)
		return;
	if (level <= MONGOC_LOG_LEVEL_WARNING)
		mongodb_log(ours, "mongodb", "domain", domain, "detail", message, NULL);
}

static void start_library(void)
{
	mongoc_log_set_handler(log_line, NULL);
	mongoc_init();
}

static void start_library_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_library);
}

/* --- opening ------------------------------------------------------------------------------------------------------- */

static void store_free(struct dataset_store *base);

static int store_open(struct dataset_store **out, const struct config *config, bool reading, struct err *err)
{
	struct err unavailable = {0};
	struct work work;

	start_library_once();
	if (config->dataset_store.database[0] == '\0')
		return err_set(err, ERR_BAD_REQUEST, "\"dataset_store.database\" must name a database");
	mongoc_client_pool_t *pool = mongodb_pool(config, err);
	if (!pool)
		return -1;
	struct mongodb_store *store = calloc(1, sizeof(*store));
	if (!store)
		abort();
	store->base.backend = &dataset_mongodb;
	store->config = config;
	store->reading = reading;
	store->ready = reading; /* nothing is made where only reading is meant */
	store->shard = arc4random_uniform(COUNTER_SHARDS);
	pthread_mutex_init(&store->mutex, NULL);
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
		store_free(&store->base);
		return -1;
	}
	if (failed)
		mongodb_log(LOG_WARN, "the dataset store cannot be reached yet", "detail", unavailable.text, NULL);
	*out = &store->base;
	return 0;
}

static void free_dataset(struct mongodb_dataset *dataset)
{
	settings_release(&dataset->settings);
	ahead_release(dataset);
	label_set_release(&dataset->labels);
	combiner_release(&dataset->changes);
	combiner_release(&dataset->leases);
	combiner_release(&dataset->additions);
	pthread_mutex_destroy(&dataset->structure);
	pthread_mutex_destroy(&dataset->mutex);
	free(dataset->base.name);
	free(dataset);
}

static void store_free(struct dataset_store *base)
{
	struct mongodb_store *store = mongodb_store(base);

	while (store->datasets) {
		struct mongodb_dataset *next = store->datasets->next;

		free_dataset(store->datasets);
		store->datasets = next;
	}
	if (store->pool)
		mongoc_client_pool_destroy(store->pool);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

/* By a connection of its own with a short patience, so that a store that is down is told soon. */
static int store_ping(struct dataset_store *base, struct err *err)
{
	struct mongodb_store *store = mongodb_store(base);
	struct work work = {.store = store};
	mongoc_uri_t *uri = mongodb_uri(store->config, err);
	bson_error_t error;

	if (!uri) { /* it was good enough for the pool, but a file of it may be gone */
		err->code = ERR_UNAVAILABLE;
		return -1;
	}
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, PING_MS);
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, PING_MS);
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, PING_MS);
	mongoc_client_t *client = mongoc_client_new_from_uri_with_error(uri, &error);
	mongoc_uri_destroy(uri);
	if (!client) /* a name that DNS does not know any more */
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

static void store_place(struct dataset_store *base, struct buf *out)
{
	const struct config *config = mongodb_store(base)->config;

	buf_printf(out, "the MongoDB database %s at ", config->dataset_store.database);
	mongodb_hosts(config, out);
}

/* --- listing ------------------------------------------------------------------------------------------------------- */

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
	return listing->visit(listing->data, bson_iter_utf8(&iter, NULL)) ? 0 : 1;
}

static int store_list(struct dataset_store *base, const char *after, size_t limit, dataset_name_visit *visit, void *data,
                      struct err *err)
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

/* --- open datasets ------------------------------------------------------------------------------------------------- */

/* With the store's mutex held. */
static struct mongodb_dataset *cached(struct mongodb_store *store, const char *name)
{
	for (struct mongodb_dataset *dataset = store->datasets; dataset; dataset = dataset->next) {
		if (strcmp(dataset->base.name, name) == 0)
			return dataset;
	}
	return NULL;
}

/* Frees those used longest ago, until one more may be kept open. With the store's mutex held. */
static void evict(struct mongodb_store *store)
{
	while (store->open_count >= store->config->limits.open_datasets) {
		struct mongodb_dataset **oldest = NULL;

		for (struct mongodb_dataset **at = &store->datasets; *at; at = &(*at)->next) {
			if ((*at)->users == 0 && (!oldest || (*at)->last_use < (*oldest)->last_use))
				oldest = at;
		}
		if (!oldest)
			return; /* all in use */
		struct mongodb_dataset *dataset = *oldest;
		*oldest = dataset->next;
		store->open_count--;
		free_dataset(dataset);
	}
}

static struct mongodb_dataset *add_to_cache(struct mongodb_store *store, const char *name)
{
	struct mongodb_dataset *dataset = calloc(1, sizeof(*dataset));

	if (!dataset)
		abort();
	dataset->base.backend = &dataset_mongodb;
	dataset->base.name = text_copy(name);
	dataset->store = store;
	pthread_mutex_init(&dataset->mutex, NULL);
	pthread_mutex_init(&dataset->structure, NULL);
	combiner_init(&dataset->changes);
	combiner_init(&dataset->leases);
	combiner_init(&dataset->additions);
	dataset->step_after = -1;
	dataset->next = store->datasets;
	store->datasets = dataset;
	store->open_count++;
	return dataset;
}

struct dataset *dataset_handle(struct mongodb_store *store, const char *name, struct settings *settings)
{
	pthread_mutex_lock(&store->mutex);
	struct mongodb_dataset *dataset = cached(store, name);
	if (!dataset) {
		evict(store);
		dataset = add_to_cache(store, name);
	}
	dataset->users++;
	dataset->last_use = ++store->clock;
	pthread_mutex_unlock(&store->mutex);
	settings_replace(dataset, settings);
	return &dataset->base;
}

static int open_dataset(struct dataset_store *base, const char *name, struct dataset **out, struct err *err)
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

static void close_dataset(struct dataset *base)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);
	struct mongodb_store *store = dataset->store;

	pthread_mutex_lock(&store->mutex);
	dataset->users--;
	pthread_mutex_unlock(&store->mutex);
}

MODULE_EXPORT const struct dataset_backend dataset_mongodb = {
	.type = "mongodb",
	.log_to = log_to,
	.store_open = store_open,
	.store_free = store_free,
	.store_ping = store_ping,
	.store_list = store_list,
	.store_place = store_place,
	.create = mongodb_create,
	.remove = mongodb_remove,
	.open = open_dataset,
	.close = close_dataset,
	.info = mongodb_info,
	.place = mongodb_place,
	.refresh = mongodb_refresh,
	.labels = mongodb_labels,
	.counts = mongodb_counts,
	.size = mongodb_size,
	.update = mongodb_update,
	.label_add = mongodb_label_add,
	.sample = mongodb_sample,
	.sample_by_path = mongodb_sample_by_path,
	.sample_by_sha256 = mongodb_sample_by_sha256,
	.samples = mongodb_samples,
	.merge = mongodb_merge,
	.adopt = mongodb_adopt,
	.note_get = mongodb_note_get,
	.note_set = mongodb_note_set,
	.add_image = mongodb_add_image,
	.has_blob = mongodb_has_blob,
	.set_urls = mongodb_set_urls,
	.history = mongodb_history,
	.next = mongodb_next,
	.lease = mongodb_lease,
	.held = mongodb_held,
	.renew = mongodb_renew,
	.release = mongodb_release,
	.skip = mongodb_skip,
	.label_task = mongodb_label_task,
	.label_path = mongodb_label_path,
	.mark_unreadable = mongodb_mark_unreadable,
	.retry_unreadable = mongodb_retry_unreadable,
	.unreadable = mongodb_unreadable,
	.mark_readable = mongodb_mark_readable,
	.outline = mongodb_outline,
	.records = mongodb_records,
	.restore_open = mongodb_restore_open,
	.restore_outline = mongodb_restore_outline,
	.restore_records = mongodb_restore_records,
	.restore_finish = mongodb_restore_finish,
	.restore_drop = mongodb_restore_drop,
	.idempotency_claim = mongodb_idempotency_claim,
	.idempotency_finish = mongodb_idempotency_finish,
	.idempotency_abandon = mongodb_idempotency_abandon,
};
