/* Connections and transactions of the MongoDB backend. */
#include "dataset/mongodb/store.h"

#include <time.h>

enum {
	TRANSACTION_SECONDS = 13, /* how long a transaction is tried again; an election takes up to 12 s */
	TRIES_MAX = 2000,         /* and how often */
	BACKOFF_MAX_MS = 64,
	ORPHAN_MS = 1000,  /* a transaction that does nothing for this long has lost its program */
	UNREADY_MS = 1000, /* how long the failure of a store that is down is repeated without asking again */
};

/* --- connections -------------------------------------------------------------------------------------------------- */

static int64_t monotonic_ms(void)
{
	return clock_us() / 1000;
}

/* A standalone server would accept the preparation, but refuse the first transaction. */
static int check_set(struct work *work, struct err *err)
{
	bson_t *command = BCON_NEW("isMaster", BCON_INT32(1)), hello;
	bson_error_t error;
	struct buf hosts;
	bool told = mongoc_client_command_simple(work->client, "admin", command, NULL, &hello, &error);
	int failed = told ? 0 : work_fail(work, &error, &hello, err);

	if (told && !text_in(&hello, "setName")[0] && !text_in(&hello, "msg")[0]) {
		buf_init(&hosts, 4096);
		mongodb_hosts(work->store->config, &hosts);
		failed = mongodb_standalone(buf_text(&hosts), err);
		buf_release(&hosts);
	}
	bson_destroy(&hello);
	bson_destroy(command);
	return failed;
}

/* An earlier run of this program may have been killed during a transaction. */
static int end_former_life(struct work *work, struct err *err)
{
	char appname[ORPHANS_APPNAME_MAX];

	orphans_appname(appname);
	return orphans_end(work, appname, 0, err);
}

/* One thread waits for a store that is down; the others that wait get the same answer, as do those that ask shortly
 * afterwards, so that a start need not wait for each of its questions. */
static int make_ready(struct work *work, struct err *err)
{
	struct mongodb_store *store = work->store;
	int64_t begun = monotonic_ms();
	int failed = 0;

	pthread_mutex_lock(&store->mutex);
	if (!store->ready && store->unready_ms && store->unready_ms + UNREADY_MS > begun) {
		*err = store->unready;
		failed = -1;
	} else if (!store->ready) {
		failed = check_set(work, err) || (!store->reading && end_former_life(work, err)) || store->prepare(work, err);
		store->ready = !failed;
		store->unready_ms = monotonic_ms();
		if (failed)
			store->unready = *err;
	}
	pthread_mutex_unlock(&store->mutex);
	return failed;
}

int work_begin(struct work *work, struct mongodb_store *store, struct err *err)
{
	memset(work, 0, sizeof(*work));
	work->store = store;
	work->client = mongoc_client_pool_pop(store->pool);
	return make_ready(work, err);
}

void work_end(struct work *work)
{
	if (work->client)
		mongoc_client_pool_push(work->store->pool, work->client);
	memset(work, 0, sizeof(*work));
}

static mongoc_collection_t *collection_of(struct work *work, const char *name)
{
	return mongoc_client_get_collection(work->client, work->store->config->dataset_store.database, name);
}

/* Adds the transaction, if there is one, to the options of a call. */
static void join_transaction(struct work *work, bson_t *opts)
{
	bson_error_t error;

	if (work->session && !mongoc_client_session_append(work->session, opts, &error))
		abort(); /* happens only for options of a wrong type */
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int work_visit_all(struct work *work, mongoc_cursor_t *cursor, work_visit *visit, void *data, struct err *err)
{
	const bson_t *document, *reply = NULL;
	bson_error_t error;
	int result = 0;

	while (result == 0 && mongoc_cursor_next(cursor, &document))
		result = visit(data, document, err);
	if (result == 0 && mongoc_cursor_error_document(cursor, &error, &reply))
		result = work_fail(work, &error, reply, err);
	mongoc_cursor_destroy(cursor);
	return result && result != WORK_ENOUGH;
}

int work_find(struct work *work, const char *collection, bson_t *filter, bson_t *opts, work_visit *visit, void *data,
              struct err *err)
{
	mongoc_collection_t *found = collection_of(work, collection);

	if (!opts)
		opts = bson_new();
	join_transaction(work, opts);
	int failed = work_visit_all(work, mongoc_collection_find_with_opts(found, filter, opts, NULL), visit, data, err);
	bson_destroy(filter);
	bson_destroy(opts);
	mongoc_collection_destroy(found);
	return failed;
}

int work_aggregate(struct work *work, const char *collection, bson_t *pipeline, work_visit *visit, void *data,
                   struct err *err)
{
	mongoc_collection_t *found = collection_of(work, collection);
	bson_t opts = BSON_INITIALIZER;

	join_transaction(work, &opts);
	int failed = work_visit_all(work, mongoc_collection_aggregate(found, MONGOC_QUERY_NONE, pipeline, &opts, NULL), visit,
	                            data, err);
	bson_destroy(pipeline);
	bson_destroy(&opts);
	mongoc_collection_destroy(found);
	return failed;
}

int work_freeze(struct work *work, struct err *err)
{
	mongoc_session_opt_t *opts = mongoc_session_opts_new();
	bson_error_t error;

	mongoc_session_opts_set_snapshot(opts, true);
	work->session = mongoc_client_start_session(work->client, opts, &error);
	mongoc_session_opts_destroy(opts);
	return work->session ? 0 : work_fail(work, &error, NULL, err);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static int64_t reply_count(const bson_t *reply, const char *key)
{
	bson_iter_t iter;

	return bson_iter_init_find(&iter, reply, key) ? bson_iter_as_int64(&iter) : 0;
}

int work_update(struct work *work, const char *collection, bson_t *filter, bson_t *update, bool upsert, bool *matched,
                struct err *err)
{
	mongoc_collection_t *found = collection_of(work, collection);
	bson_t opts = BSON_INITIALIZER, reply;
	bson_error_t error;

	if (upsert)
		BSON_APPEND_BOOL(&opts, "upsert", true);
	join_transaction(work, &opts);
	int failed = mongoc_collection_update_one(found, filter, update, &opts, &reply, &error)
	                     ? 0
	                     : work_fail(work, &error, &reply, err);
	bool any = reply_count(&reply, "matchedCount") > 0;
	if (matched)
		*matched = any;
	else if (!failed && !any && !upsert)
		failed = err_set(err, ERR_NOT_FOUND, "Database not found");
	bson_destroy(&opts);
	bson_destroy(&reply);
	bson_destroy(filter);
	bson_destroy(update);
	mongoc_collection_destroy(found);
	return failed;
}

int work_insert(struct work *work, const char *collection, bson_t *document, struct err *err)
{
	mongoc_collection_t *found = collection_of(work, collection);
	bson_t opts = BSON_INITIALIZER, reply;
	bson_error_t error;

	join_transaction(work, &opts);
	int failed = mongoc_collection_insert_one(found, document, &opts, &reply, &error)
	                     ? 0
	                     : work_fail(work, &error, &reply, err);
	bson_destroy(&opts);
	bson_destroy(&reply);
	bson_destroy(document);
	mongoc_collection_destroy(found);
	return failed;
}

int work_delete(struct work *work, const char *collection, bson_t *filter, struct err *err)
{
	mongoc_collection_t *found = collection_of(work, collection);
	bson_t opts = BSON_INITIALIZER, reply;
	bson_error_t error;

	join_transaction(work, &opts);
	int failed = mongoc_collection_delete_many(found, filter, &opts, &reply, &error)
	                     ? 0
	                     : work_fail(work, &error, &reply, err);
	bson_destroy(&opts);
	bson_destroy(&reply);
	bson_destroy(filter);
	mongoc_collection_destroy(found);
	return failed;
}

mongoc_bulk_operation_t *work_bulk(struct work *work, const char *collection)
{
	mongoc_collection_t *found = collection_of(work, collection);
	bson_t opts = BSON_INITIALIZER;

	BSON_APPEND_BOOL(&opts, "ordered", work->session); /* in a transaction the first failure ends it */
	join_transaction(work, &opts);
	mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(found, &opts);
	bson_destroy(&opts);
	mongoc_collection_destroy(found);
	return bulk;
}

int work_bulk_run(struct work *work, mongoc_bulk_operation_t *bulk, int64_t *matched, struct err *err)
{
	bson_t reply;
	bson_error_t error;
	int failed = mongoc_bulk_operation_execute(bulk, &reply, &error) ? 0 : work_fail(work, &error, &reply, err);

	if (matched)
		*matched = reply_count(&reply, "nMatched");
	bson_destroy(&reply);
	mongoc_bulk_operation_destroy(bulk);
	return failed;
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

/* Two transactions that conflicted should not conflict again. */
void work_back_off(unsigned tries)
{
	unsigned most = tries < 6 ? 1U << tries : BACKOFF_MAX_MS;
	struct timespec pause = {.tv_nsec = (long)arc4random_uniform(most * 1000000)};

	nanosleep(&pause, NULL);
}

static mongoc_client_session_t *start_session(struct work *work, struct err *err)
{
	mongoc_transaction_opt_t *transaction = mongoc_transaction_opts_new();
	mongoc_session_opt_t *session = mongoc_session_opts_new();
	mongoc_read_concern_t *read = mongoc_read_concern_new();
	mongoc_write_concern_t *write = mongoc_write_concern_new();
	bson_error_t error;

	mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_SNAPSHOT);
	mongoc_write_concern_set_wmajority(write, 0);
	mongoc_write_concern_set_journal(write, true);
	mongoc_transaction_opts_set_read_concern(transaction, read);
	mongoc_transaction_opts_set_write_concern(transaction, write);
	mongoc_session_opts_set_default_transaction_opts(session, transaction);
	mongoc_client_session_t *started = mongoc_client_start_session(work->client, session, &error);
	if (!started)
		work_fail(work, &error, NULL, err);
	mongoc_write_concern_destroy(write);
	mongoc_read_concern_destroy(read);
	mongoc_session_opts_destroy(session);
	mongoc_transaction_opts_destroy(transaction);
	return started;
}

/* Repeats a commit whose answer was lost: the primary, old or new, knows how it ended. Also repeats a commit whose
 * wait for the other nodes was interrupted: a program of the same name, when it starts, ends what it takes for
 * transactions of its earlier run (orphans_end). */
static int commit(struct work *work, int64_t deadline, struct err *err)
{
	for (unsigned tries = 0;; tries++) {
		bson_t reply;
		bson_error_t error;
		bool committed = mongoc_client_session_commit_transaction(work->session, &reply, &error);
		bool unknown = !committed && (mongoc_error_has_label(&reply, "UnknownTransactionCommitResult") ||
		                              error.code == MONGODB_INTERRUPTED);

		if (!committed)
			work_fail(work, &error, &reply, err);
		bson_destroy(&reply);
		if (committed)
			return 0;
		work->again = work->again && !unknown; /* it may have been committed, and must not be done twice */
		if (!unknown || error.domain == MONGOC_ERROR_SERVER_SELECTION || tries == TRIES_MAX || monotonic_ms() > deadline)
			return -1;
		work_back_off(tries);
	}
}

static int try_transaction(struct work *work, work_run *run, void *data, int64_t deadline, struct err *err)
{
	bson_error_t error;

	work->again = false;
	if (!mongoc_client_session_start_transaction(work->session, NULL, &error))
		return work_fail(work, &error, NULL, err);
	if (run(work, data, err) == 0)
		return commit(work, deadline, err);
	mongoc_client_session_abort_transaction(work->session, NULL);
	return -1;
}

int work_transaction_in(struct work *work, work_run *run, void *data, struct err *err)
{
	int64_t looked = monotonic_ms(), deadline = looked + TRANSACTION_SECONDS * 1000;
	int failed = -1;

	work->session = start_session(work, err);
	for (unsigned tries = 0; work->session; tries++) {
		failed = try_transaction(work, run, data, deadline, err);
		if (!failed || !work->again || tries == TRIES_MAX || monotonic_ms() > deadline)
			break;
		if (monotonic_ms() - looked > ORPHAN_MS) {
			orphans_end(work, NULL, ORPHAN_MS * INT64_C(1000), NULL);
			looked = monotonic_ms();
		}
		work_back_off(tries);
	}
	if (failed && work->again)
		err->code = ERR_UNAVAILABLE;
	if (work->session)
		mongoc_client_session_destroy(work->session);
	work->session = NULL;
	work->again = false;
	return failed;
}

int work_transaction(struct mongodb_store *store, work_run *run, void *data, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, store, err) || work_transaction_in(&work, run, data, err);

	work_end(&work);
	return failed;
}
