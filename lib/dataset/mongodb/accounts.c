/* Users' and tokens' documents in MongoDB, for all machines, and when each was last let in on any of them. */
#include "dataset/mongodb/internal.h"

/* The document with this _id counts the changes of the others; no account has this name. */
#define REVISION ".revision"

static int read_revision(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(int64_t *)data = number_in(document, "n");
	return WORK_ENOUGH;
}

int mongodb_account_revision(struct dataset_store *store, int64_t *revision, struct err *err)
{
	struct work work;

	*revision = 0;
	int failed = work_begin(&work, mongodb_store(store), err) ||
	             work_find(&work, "accounts", BCON_NEW("_id", BCON_UTF8(REVISION)), NULL, read_revision, revision, err);
	work_end(&work);
	return failed;
}

struct listing {
	account_visit *visit;
	void *data;
};

static int see_account(void *data, const bson_t *document, struct err *err)
{
	const struct listing *listing = data;
	const char *name = text_in(document, "_id");

	(void)err;
	if (strcmp(name, REVISION) != 0)
		listing->visit(listing->data, name, text_in(document, "text"));
	return 0;
}

int mongodb_account_list(struct dataset_store *store, account_visit *visit, void *data, struct err *err)
{
	struct listing listing = {.visit = visit, .data = data};
	struct work work;
	int failed = work_begin(&work, mongodb_store(store), err) ||
	             work_find(&work, "accounts", bson_new(), NULL, see_account, &listing, err);

	work_end(&work);
	return failed;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

struct change {
	const char *name, *was, *text; /* text NULL: remove it */
};

static int other_was_quicker(struct work *work, struct err *err)
{
	work->again = false; /* a taken name stays taken */
	return err_set(err, ERR_CONFLICT, "This was changed at the same time on another machine: try again");
}

static int replace_account(struct work *work, const struct change *change, struct err *err)
{
	bool matched;

	if (change->was)
		return work_update(work, "accounts",
		                   BCON_NEW("_id", BCON_UTF8(change->name), "text", BCON_UTF8(change->was)),
		                   BCON_NEW("$set", "{", "text", BCON_UTF8(change->text), "}"), false, &matched, err) ||
		       (!matched && other_was_quicker(work, err));
	int failed = work_insert(work, "accounts", BCON_NEW("_id", BCON_UTF8(change->name), "text", BCON_UTF8(change->text)),
	                         err);
	return failed && work->duplicate ? other_was_quicker(work, err) : failed;
}

static int run_account_change(struct work *work, void *data, struct err *err)
{
	const struct change *change = data;
	bool ignored;
	int failed = change->text ? replace_account(work, change, err)
	                          : work_delete(work, "accounts", BCON_NEW("_id", BCON_UTF8(change->name)), err);

	return failed || work_update(work, "accounts", BCON_NEW("_id", BCON_UTF8(REVISION)),
	                             BCON_NEW("$inc", "{", "n", BCON_INT64(1), "}"), true, &ignored, err);
}

int mongodb_account_put(struct dataset_store *store, const char *name, const char *was, const char *text,
                        struct err *err)
{
	struct change change = {.name = name, .was = was, .text = text};

	return work_transaction(mongodb_store(store), run_account_change, &change, err);
}

int mongodb_account_remove(struct dataset_store *store, const char *name, struct err *err)
{
	struct change change = {.name = name};

	return work_transaction(mongodb_store(store), run_account_change, &change, err);
}

/* --- uses --------------------------------------------------------------------------------------------------------- */

int mongodb_account_note_uses(struct dataset_store *store, const struct account_use *uses, size_t count,
                              struct err *err)
{
	struct work work;

	if (work_begin(&work, mongodb_store(store), err)) {
		work_end(&work);
		return -1;
	}
	mongoc_bulk_operation_t *bulk = work_bulk(&work, "logins");
	for (size_t i = 0; i < count; i++) {
		bson_t *filter = BCON_NEW("_id", BCON_UTF8(uses[i].login)), opts = BSON_INITIALIZER;
		bson_t *update = BCON_NEW("$max", "{", "at", BCON_DATE_TIME(uses[i].at / 1000), "}");

		BSON_APPEND_BOOL(&opts, "upsert", true);
		mongoc_bulk_operation_update_one_with_opts(bulk, filter, update, &opts, NULL);
		bson_destroy(&opts);
		bson_destroy(filter);
		bson_destroy(update);
	}
	int failed = work_bulk_run(&work, bulk, NULL, err);
	work_end(&work);
	return failed;
}

struct use_listing {
	account_use_visit *visit;
	void *data;
};

static int see_use(void *data, const bson_t *document, struct err *err)
{
	const struct use_listing *listing = data;
	bson_iter_t at;

	(void)err;
	if (bson_iter_init_find(&at, document, "at"))
		listing->visit(listing->data, text_in(document, "_id"), bson_iter_date_time(&at) * 1000);
	return 0;
}

int mongodb_account_uses(struct dataset_store *store, int64_t since, account_use_visit *visit, void *data,
                         struct err *err)
{
	struct use_listing listing = {.visit = visit, .data = data};
	struct work work;
	int failed = work_begin(&work, mongodb_store(store), err) ||
	             work_find(&work, "logins", BCON_NEW("at", "{", "$gte", BCON_DATE_TIME(since / 1000), "}"), NULL, see_use,
	                       &listing, err);

	work_end(&work);
	return failed;
}
