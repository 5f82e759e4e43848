/* Collections and indexes of the MongoDB store, the order of the labels documents, and the end of removed datasets. */
#include "dataset/mongodb/record.h"

#include "base/text.h"

/* To be raised by whatever an earlier program would damage, or misread. */
enum { SCHEMA_VERSION = 1 };
enum { CODE_NAMESPACE_EXISTS = 48, PURGE_AT_ONCE = 1000, LABELS_AT_ONCE = 64 };

/* Documents without "dataset" belong to other services, and stay out of our indexes. */
#define OURS "\"partialFilterExpression\": {\"dataset\": {\"$exists\": true}}"

#define OURS_ABOVE(field, least) \
	"\"partialFilterExpression\": {\"dataset\": {\"$exists\": true}, \"" field "\": {\"$gt\": " least "}}"

static const struct {
	const char *collection;
	const char *indexes; /* JSON; NULL: none but _id */
} schema[] = {
	{"datasets", NULL},
	{"labels", NULL},
	{"label_details", NULL},
	{"images",
         "[{\"name\": \"id\", \"key\": {\"dataset\": 1, \"id\": 1}, \"unique\": true, " OURS "},"
         /* Not unique, since databases of the older system may list a file twice. No other duplicate can be added,
          * because adding samples also writes the dataset's document. */
         " {\"name\": \"path\", \"key\": {\"dataset\": 1, \"filepath\": 1, \"id\": 1}, " OURS "},"
         " {\"name\": \"sha256\", \"key\": {\"dataset\": 1, \"sha256\": 1}, \"unique\": true,"
         "  \"partialFilterExpression\": {\"sha256\": {\"$exists\": true}}},"
         " {\"name\": \"blob\", \"key\": {\"dataset\": 1, \"blob_key\": 1},"
         "  \"partialFilterExpression\": {\"blob_key\": {\"$exists\": true}}},"
         " {\"name\": \"queue\", \"key\": {\"dataset\": 1, \"free_at\": 1, \"position\": 1},"
         "  \"partialFilterExpression\": {\"state\": \"unlabelled\"}},"
         " {\"name\": \"holders\", \"key\": {\"dataset\": 1, \"leases.user\": 1},"
         "  \"partialFilterExpression\": {\"leases\": {\"$exists\": true}}},"
         /* For filters of samples, in order of id (filter.c). */
         " {\"name\": \"by_state\", \"key\": {\"dataset\": 1, \"state\": 1, \"id\": 1}, " OURS "},"
         " {\"name\": \"by_label\", \"key\": {\"dataset\": 1, \"Label\": 1, \"id\": 1}, "
         OURS_ABOVE("Label", "\"\"") "},"
         " {\"name\": \"by_person\", \"key\": {\"dataset\": 1, \"labelled_by\": 1, \"id\": 1}, "
         OURS_ABOVE("labelled_by", "\"\"") "},"
         " {\"name\": \"by_time\", \"key\": {\"dataset\": 1, \"labelled_at\": 1, \"id\": 1}, "
         OURS_ABOVE("labelled_at", "0") "},"
         " {\"name\": \"by_path\", \"key\": {\"dataset\": 1, \"id\": 1, \"filepath\": 1}, " OURS "},"
         " {\"name\": \"flagged\", \"key\": {\"dataset\": 1, \"id\": 1, \"flag\": 1},"
         "  \"partialFilterExpression\": {\"flag\": {\"$exists\": true}}},"
         " {\"name\": \"gold\", \"key\": {\"dataset\": 1, \"gold\": 1, \"id\": 1},"
         "  \"partialFilterExpression\": {\"gold\": true}},"
         " {\"name\": \"disputed\", \"key\": {\"dataset\": 1, \"disputed\": 1, \"id\": 1},"
         "  \"partialFilterExpression\": {\"disputed\": true}},"
         /* All documents of others, to find those to adopt. */
         " {\"name\": \"foreign\", \"key\": {\"Image URL\": 1}, \"partialFilterExpression\": {\"dataset\": null}}]"},
	/* For what a person says of samples, the newest first (sayings.c). */
	{"events",
         "[{\"name\": \"by_person\","
         "  \"key\": {\"_id.dataset\": 1, \"by\": 1, \"at\": 1, \"_id.sample\": 1, \"_id.n\": 1},"
         "  \"partialFilterExpression\": {\"label\": {\"$gt\": \"\"}}}]"},
	{"removed",
         "[{\"name\": \"id\", \"key\": {\"dataset\": 1, \"id\": 1}, \"unique\": true},"
         " {\"name\": \"filepath\", \"key\": {\"dataset\": 1, \"filepath\": 1}},"
         " {\"name\": \"sha256\", \"key\": {\"dataset\": 1, \"sha256\": 1, \"id\": 1},"
         "  \"partialFilterExpression\": {\"sha256\": {\"$exists\": true}}},"
         " {\"name\": \"blob_key\", \"key\": {\"dataset\": 1, \"blob_key\": 1},"
         "  \"partialFilterExpression\": {\"blob_key\": {\"$exists\": true}}},"
         " {\"name\": \"due\", \"key\": {\"dataset\": 1, \"due\": 1, \"id\": 1},"
         "  \"partialFilterExpression\": {\"due\": true}},"
         " {\"name\": \"at\", \"key\": {\"at\": 1}}]"},
	{"counters",
         "[{\"name\": \"name\", \"key\": {\"dataset\": 1, \"kind\": 1, \"name\": 1, \"shard\": 1}, \"unique\": true}]"},
	{"notes", "[{\"name\": \"key\", \"key\": {\"dataset\": 1, \"key\": 1}, \"unique\": true}]"},
	{"answers", "[{\"name\": \"ended\", \"key\": {\"ended\": 1}, \"expireAfterSeconds\": 0}]"},
	{"snapshots", "[{\"name\": \"name\", \"key\": {\"dataset\": 1, \"name\": 1}, \"unique\": true}]"},
	{"audit", NULL},
	{"accounts", NULL},
	{"logins", "[{\"name\": \"at\", \"key\": {\"at\": 1}}]"},
	{"schema", NULL},
};

static int run_command(struct work *work, bson_t *command, struct err *err)
{
	bson_t reply, *opts = BCON_NEW("writeConcern", "{", "w", BCON_UTF8("majority"), "}");
	bson_error_t error;
	int failed = 0;

	if (!mongoc_client_write_command_with_opts(work->client, work->store->config->dataset_store.database, command, opts,
	                                           &reply, &error) &&
	    error.code != CODE_NAMESPACE_EXISTS)
		failed = work_fail(work, &error, &reply, err);
	bson_destroy(&reply);
	bson_destroy(opts);
	bson_destroy(command);
	return failed;
}

static int make_collection(struct work *work, const char *name, const char *indexes, struct err *err)
{
	if (!indexes)
		return run_command(work, BCON_NEW("create", BCON_UTF8(name)), err);
	bson_error_t error;
	bson_t *list = bson_new_from_json((const uint8_t *)indexes, -1, &error);
	if (!list)
		return err_set(err, ERR_INTERNAL, "The indexes of %s: %s", name, error.message);
	bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(name), "indexes", BCON_ARRAY(list));
	bson_destroy(list);
	return run_command(work, command, err);
}

/* --- labels documents --------------------------------------------------------------------------------------------- */

struct labels_order {
	const char *first; /* the name that shall come first */
	size_t count;
	bson_t *before[LABELS_AT_ONCE]; /* documents that come before it */
};

static int see_labels(void *data, const bson_t *document, struct err *err)
{
	struct labels_order *order = data;
	bson_iter_t iter;

	(void)err;
	if (bson_iter_init_find(&iter, document, "_id") && BSON_ITER_HOLDS_UTF8(&iter) &&
	    strcmp(bson_iter_utf8(&iter, NULL), order->first) == 0)
		return WORK_ENOUGH;
	order->before[order->count++] = bson_copy(document);
	return order->count == LABELS_AT_ONCE ? WORK_ENOUGH : 0;
}

static bson_t *id_filter(const bson_t *document)
{
	bson_t *filter = bson_new();
	bson_iter_t iter;

	if (bson_iter_init_find(&iter, document, "_id"))
		bson_append_iter(filter, "_id", -1, &iter);
	return filter;
}

static int move_behind(struct work *work, const bson_t *document, struct err *err)
{
	return work_delete(work, "labels", id_filter(document), err) ||
	       work_insert(work, "labels", bson_copy(document), err);
}

/* A document that is inserted again comes last in natural order. */
static int put_first(struct work *work, void *data, struct err *err)
{
	struct labels_order *order = data;

	order->count = 0;
	bson_t *natural = BCON_NEW("sort", "{", "$natural", BCON_INT32(1), "}");
	int failed = work_find(work, "labels", bson_new(), natural, see_labels, order, err);
	for (size_t i = 0; i < order->count; i++) {
		failed = failed || move_behind(work, order->before[i], err);
		bson_destroy(order->before[i]);
	}
	return failed;
}

static int take_labels(void *data, const bson_t *document, struct err *err)
{
	bson_t *ours = data;
	bson_iter_t iter;
	int64_t key;

	(void)err;
	for (bool ok = bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
		if (BSON_ITER_HOLDS_UTF8(&iter) && !text_int64(bson_iter_key(&iter), 0, DATASET_LABELS_MAX - 1, &key) &&
		    !text_check_label(bson_iter_utf8(&iter, NULL), NULL))
			bson_append_iter(ours, NULL, 0, &iter);
	}
	return 0;
}

/* The older collecting system has one document, whose _id MongoDB made. It stays, after ours. */
static int make_labels(struct work *work, const char *name, struct err *err)
{
	bson_t *document = BCON_NEW("_id", BCON_UTF8(name));
	bson_t *first = BCON_NEW("sort", "{", "$natural", BCON_INT32(1), "}", "limit", BCON_INT64(1));

	if (work_find(work, "labels", BCON_NEW("_id", "{", "$type", BCON_UTF8("objectId"), "}"), first, take_labels,
	              document, err)) {
		bson_destroy(document);
		return -1;
	}
	return work_insert(work, "labels", document, err) && !work->duplicate;
}

/* find_one() returns the first document in natural order. It must be the default dataset's: so that document is made
 * before the dataset, and put first again when another dataset becomes the default. */
static int order_labels(struct work *work, struct err *err)
{
	struct labels_order order = {.first = work->store->config->default_dataset};

	if (order.first[0] == '\0')
		return 0;
	if (make_labels(work, order.first, err))
		return -1;
	do {
		if (work_transaction_in(work, put_first, &order, err))
			return -1;
	} while (order.count == LABELS_AT_ONCE);
	return 0;
}

/* --- removed datasets --------------------------------------------------------------------------------------------- */

struct purge {
	const char *name;
	bson_oid_t revision;
	int64_t next_id;
	int64_t from; /* samples below this are removed */
	bool found;
};

/* Each bite of the removal writes the dataset's document, so that a late process never removes anything of a new
 * dataset with the same name. */
static int claim_bite(struct work *work, const struct purge *purge, struct err *err)
{
	return work_update(work, "datasets",
	                   BCON_NEW("_id", BCON_UTF8(purge->name), "removed", BCON_BOOL(true), "revision",
	                            BCON_OID(&purge->revision)),
	                   BCON_NEW("$set", "{", "purged", BCON_INT64(purge->from), "}"), false, NULL, err);
}

static int purge_samples(struct work *work, void *data, struct err *err)
{
	const struct purge *purge = data;
	int64_t to = purge->from + PURGE_AT_ONCE;

	return claim_bite(work, purge, err) ||
	       work_delete(work, "images",
	                   BCON_NEW("dataset", BCON_UTF8(purge->name), "id", "{", "$gte",
	                            BCON_INT64(purge->from), "$lt", BCON_INT64(to), "}"),
	                   err) ||
	       work_delete(work, "events", events_filter(purge->name, purge->from, to), err);
}

/* The default dataset's labels document is emptied, so that it keeps its place. */
static int purge_labels(struct work *work, const char *name, struct err *err)
{
	bson_t *empty = BCON_NEW("_id", BCON_UTF8(name));

	if (strcmp(name, work->store->config->default_dataset) != 0)
		return work_delete(work, "labels", empty, err);
	mongoc_bulk_operation_t *bulk = work_bulk(work, "labels");
	mongoc_bulk_operation_replace_one(bulk, empty, empty, true);
	bson_destroy(empty);
	return work_bulk_run(work, bulk, NULL, err);
}

static int purge_rest(struct work *work, void *data, struct err *err)
{
	const struct purge *purge = data;

	return claim_bite(work, purge, err) || purge_labels(work, purge->name, err) ||
	       work_delete(work, "label_details", BCON_NEW("_id", BCON_UTF8(purge->name)), err) ||
	       work_delete(work, "removed", BCON_NEW("dataset", BCON_UTF8(purge->name)), err) ||
	       work_delete(work, "counters", BCON_NEW("dataset", BCON_UTF8(purge->name)), err) ||
	       work_delete(work, "snapshots", BCON_NEW("dataset", BCON_UTF8(purge->name)), err) ||
	       work_delete(work, "notes", BCON_NEW("dataset", BCON_UTF8(purge->name)), err) ||
	       work_delete(work, "datasets", BCON_NEW("_id", BCON_UTF8(purge->name)), err);
}

static int see_removed(void *data, const bson_t *document, struct err *err)
{
	struct purge *purge = data;
	bson_iter_t iter;

	(void)err;
	purge->found = true;
	if (bson_iter_init_find(&iter, document, "revision") && BSON_ITER_HOLDS_OID(&iter))
		bson_oid_copy(bson_iter_oid(&iter), &purge->revision);
	if (bson_iter_init_find(&iter, document, "next_id"))
		purge->next_id = bson_iter_as_int64(&iter);
	return 0;
}

int dataset_purge(struct work *work, const char *name, struct err *err)
{
	struct purge purge = {.name = name};

	if (work_find(work, "datasets", BCON_NEW("_id", BCON_UTF8(name), "removed", BCON_BOOL(true)), NULL, see_removed,
	              &purge, err))
		return -1;
	int failed = 0;
	for (; purge.found && !failed && purge.from < purge.next_id; purge.from += PURGE_AT_ONCE)
		failed = work_transaction_in(work, purge_samples, &purge, err);
	if (purge.found && !failed)
		failed = work_transaction_in(work, purge_rest, &purge, err);
	/* Another process was quicker. */
	return failed && err->code != ERR_NOT_FOUND;
}

struct removed {
	size_t count;
	char *name[LABELS_AT_ONCE];
};

static int collect_removed(void *data, const bson_t *document, struct err *err)
{
	struct removed *removed = data;
	bson_iter_t iter;

	(void)err;
	if (bson_iter_init_find(&iter, document, "_id") && BSON_ITER_HOLDS_UTF8(&iter))
		removed->name[removed->count++] = memory_text(bson_iter_utf8(&iter, NULL));
	return removed->count == LABELS_AT_ONCE ? WORK_ENOUGH : 0;
}

/* Ends removals whose process died. */
static int purge_removed(struct work *work, struct err *err)
{
	struct removed removed = {0};
	int failed = work_find(work, "datasets", BCON_NEW("removed", BCON_BOOL(true)), NULL, collect_removed, &removed, err);

	for (size_t i = 0; i < removed.count; i++) {
		failed = failed || dataset_purge(work, removed.name[i], err);
		free(removed.name[i]);
	}
	return failed;
}

/* --- indexes ------------------------------------------------------------------------------------------------------ */

static int has_index(struct work *work, const char *collection, const char *name, bool *found, struct err *err)
{
	mongoc_collection_t *of =
		mongoc_client_get_collection(work->client, work->store->config->dataset_store.database, collection);
	mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(of, NULL);
	const bson_t *index;
	bson_error_t error;

	*found = false;
	while (!*found && mongoc_cursor_next(cursor, &index))
		*found = strcmp(text_in(index, "name"), name) == 0;
	int failed = !*found && mongoc_cursor_error(cursor, &error) ? work_fail(work, &error, NULL, err) : 0;
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(of);
	return failed;
}

/* The index of an earlier version, which kept files from being listed twice. Mostly it is only looked for, since
 * dropping it waits for all writers. */
static int drop_retired_index(struct work *work, struct err *err)
{
	bool found;

	if (has_index(work, "images", "filepath", &found, err))
		return -1;
	return found && run_command(work, BCON_NEW("dropIndexes", BCON_UTF8("images"), "index", BCON_UTF8("filepath")), err);
}

/* --- the version -------------------------------------------------------------------------------------------------- */

static int see_version(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(int64_t *)data = number_in(document, "version");
	return 0;
}

int schema_check(struct work *work, struct err *err)
{
	int64_t version = 0;

	if (work_find(work, "schema", BCON_NEW("_id", BCON_UTF8("version")), NULL, see_version, &version, err))
		return -1;
	if (version <= SCHEMA_VERSION)
		return 0;
	return err_set(err, ERR_INTERNAL,
	               "The database was written by a newer version of this program (schema %lld, known %d)",
	               (long long)version, SCHEMA_VERSION);
}

static int note_version(struct work *work, struct err *err)
{
	return work_update(work, "schema", BCON_NEW("_id", BCON_UTF8("version")),
	                   BCON_NEW("$max", "{", "version", BCON_INT64(SCHEMA_VERSION), "}"), true, NULL, err);
}

int schema_prepare(struct work *work, struct err *err)
{
	if (schema_check(work, err))
		return -1;
	for (size_t i = 0; i < sizeof(schema) / sizeof(*schema); i++) {
		if (make_collection(work, schema[i].collection, schema[i].indexes, err))
			return -1;
	}
	return note_version(work, err) || drop_retired_index(work, err) || order_labels(work, err) ||
	       purge_removed(work, err);
}

static int tell_missing_indexes(struct work *work, const char *collection, const bson_t *indexes, dataset_told *told,
                                void *data, struct err *err)
{
	bson_iter_t iter, name;
	bool found;

	for (bool ok = bson_iter_init(&iter, indexes); ok && bson_iter_next(&iter);) {
		if (!bson_iter_recurse(&iter, &name) || !bson_iter_find(&name, "name"))
			continue;
		if (has_index(work, collection, bson_iter_utf8(&name, NULL), &found, err))
			return -1;
		if (found)
			continue;
		char *what = memory_format("the index %s of %s is missing", bson_iter_utf8(&name, NULL), collection);
		told(data, what);
		free(what);
	}
	return 0;
}

int mongodb_store_integrity(struct dataset_store *base, dataset_told *told, void *data, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err);

	for (size_t i = 0; i < sizeof(schema) / sizeof(*schema) && !failed; i++) {
		bson_t *indexes = schema[i].indexes ? bson_new_from_json((const uint8_t *)schema[i].indexes, -1, NULL) : NULL;

		failed = indexes && tell_missing_indexes(&work, schema[i].collection, indexes, told, data, err);
		bson_destroy(indexes);
	}
	work_end(&work);
	return failed;
}
