/* A change of the policy in MongoDB, and how a change of the overlap reaches the existing samples.
 *
 * It reaches them in bites, between which others write. The dataset's document has `due` as long as some samples do
 * not follow the policy yet: the id of the last change, so that only a process that has gone through all samples for
 * this change removes it. In a dataset of an earlier version, which left some votes in the events alone, everything
 * is due until all samples were looked at. Each bite is a transaction that reads the policy, and leaves samples
 * alone that follow it: after a crash it starts again, and only reads what was done. */
#include "dataset/mongodb/internal.h"

enum {
	BITE_MAX = 500, /* samples in a transaction */
	STEP_MAX = 50,  /* in one that is part of a user's request for a task */
};

struct bite {
	struct mongodb_dataset *dataset;
	int64_t after, last; /* ids of samples */
	size_t most, found;  /* most: halved each time that others wrote to the same samples */
	bool tried;
	struct settings settings;
	struct records records;
	struct batch batch;
};

bool catch_up_due(struct mongodb_dataset *dataset)
{
	static const bson_oid_t none = {.bytes = {0}};

	pthread_mutex_lock(&dataset->mutex);
	bool due = !dataset->settings.votes_kept || !bson_oid_equal(&dataset->settings.due, &none);
	pthread_mutex_unlock(&dataset->mutex);
	return due;
}

static void append_exists(bson_t *any, const char *key, const char *field)
{
	bson_t *exists = BCON_NEW(field, "{", "$exists", BCON_BOOL(true), "}");

	BSON_APPEND_DOCUMENT(any, key, exists);
	bson_destroy(exists);
}

/* Samples with votes or leases; for all others the overlap makes no difference. */
static bson_t *concerned(const struct bite *bite)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(bite->dataset->base.name), "id", "{", "$gt",
	                          BCON_INT64(bite->after), "}");
	bson_t any, *older = BCON_NEW("events", "{", "$gt", BCON_INT64(0), "}");

	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &any);
	append_exists(&any, "0", "votes");
	append_exists(&any, "1", "leases");
	if (!bite->settings.votes_kept)
		BSON_APPEND_DOCUMENT(&any, "2", older);
	bson_append_array_end(filter, &any);
	bson_destroy(older);
	return filter;
}

static int run_bite(struct work *work, void *data, struct err *err)
{
	struct bite *bite = data;
	const char *name = bite->dataset->base.name;
	int64_t now;

	if (bite->tried && bite->most > 1)
		bite->most /= 2;
	bite->tried = true;
	bson_t *opts = opts_hint("id", (int64_t)bite->most);
	BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}");
	settings_release(&bite->settings);
	records_release(&bite->records);
	if (work_now(work, &now, err) || settings_read(work, name, &bite->settings, err)) {
		bson_destroy(opts);
		return -1;
	}
	batch_restart(&bite->batch, work, now);
	if (work_find(work, "images", concerned(bite), opts, records_visit, &bite->records, err) ||
	    (!bite->settings.votes_kept && records_take_events(work, name, &bite->records, err)))
		return -1;
	bite->found = bite->records.count;
	for (size_t i = 0; i < bite->found; i++) {
		struct record *record = &bite->records.item[i];

		bite->last = record->sample.id;
		record_settle(record, bite->settings.policy.overlap, bite->batch.now);
		if (record->changed && batch_save(&bite->batch, record, err))
			return -1;
	}
	return batch_write(&bite->batch, err);
}

/* *most is set for the next bite: fewer samples where others write, more again where they do not. */
static int take_bite(struct mongodb_dataset *dataset, int64_t *after, size_t *most, bool *more, struct err *err)
{
	struct bite bite = {.dataset = dataset, .after = *after, .last = *after, .most = *most};

	bite.batch.dataset = dataset->base.name;
	bite.batch.shard = dataset->store->shard;
	int failed = work_transaction(dataset->store, run_bite, &bite, err);
	*after = bite.last;
	*more = bite.found == bite.most;
	*most = bite.most < BITE_MAX / 2 ? bite.most * 2 : BITE_MAX;
	settings_release(&bite.settings);
	records_release(&bite.records);
	batch_clear(&bite.batch);
	return failed;
}

/* Ends the change, unless the overlap was changed again meanwhile. */
static int end(struct mongodb_dataset *dataset, const bson_oid_t *due, struct err *err)
{
	static const bson_oid_t none = {.bytes = {0}};
	bson_t *filter = filter_dataset(dataset->base.name);
	struct work work;
	bool found;

	if (bson_oid_equal(due, &none))
		BCON_APPEND(filter, "due", "{", "$exists", BCON_BOOL(false), "}");
	else
		BSON_APPEND_OID(filter, "due", due);
	int failed = work_begin(&work, dataset->store, err);
	if (failed)
		bson_destroy(filter);
	else
		failed = work_update(&work, "datasets", filter,
		                     BCON_NEW("$set", "{", "votes_kept", BCON_BOOL(true), "}", "$unset", "{", "due", BCON_UTF8(""),
		                              "overlap_due", BCON_UTF8(""), "}"),
		                     false, &found, err);
	work_end(&work);
	return failed || settings_refresh(dataset, err);
}

static bson_oid_t due_now(struct mongodb_dataset *dataset)
{
	pthread_mutex_lock(&dataset->mutex);
	bson_oid_t due = dataset->settings.due;
	pthread_mutex_unlock(&dataset->mutex);
	return due;
}

int catch_up(struct mongodb_dataset *dataset, struct err *err)
{
	bson_oid_t due = due_now(dataset);
	int64_t after = -1;
	size_t most = BITE_MAX;

	for (bool more = catch_up_due(dataset); more;) {
		if (take_bite(dataset, &after, &most, &more, err))
			return -1;
		if (!more && end(dataset, &due, err))
			return -1;
	}
	return 0;
}

int catch_up_step(struct mongodb_dataset *dataset, struct err *err)
{
	bson_oid_t due = due_now(dataset);
	size_t most = STEP_MAX;
	bool more;

	if (!catch_up_due(dataset))
		return 0;
	if (!bson_oid_equal(&due, &dataset->step_due)) {
		dataset->step_due = due;
		dataset->step_after = -1;
	}
	if (take_bite(dataset, &dataset->step_after, &most, &more, err))
		return -1;
	return more ? 0 : end(dataset, &due, err);
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

struct update {
	struct mongodb_dataset *dataset;
	const struct dataset_change *change;
};

/* The transaction has read the policy that it merges into, and so conflicts with another change of it. */
static int run_update(struct work *work, void *data, struct err *err)
{
	const struct update *update = data;
	const char *name = update->dataset->base.name;
	struct settings settings;
	bson_oid_t revision = new_revision();

	if (settings_read(work, name, &settings, err) ||
	    rules_check_base_dir(update->change, settings.base_dir, err)) {
		settings_release(&settings);
		return -1;
	}
	struct dataset_policy merged = settings.policy;
	rules_merge_policy(&merged, update->change);
	bson_t *changes = bson_new(), set, *policy = policy_document(&merged);
	BSON_APPEND_DOCUMENT_BEGIN(changes, "$set", &set);
	BSON_APPEND_OID(&set, "revision", &revision);
	if (update->change->base_dir)
		BSON_APPEND_UTF8(&set, "base_dir", update->change->base_dir);
	BSON_APPEND_DOCUMENT(&set, "policy", policy);
	if (merged.overlap != settings.policy.overlap)
		BSON_APPEND_OID(&set, "due", &revision);
	bson_append_document_end(changes, &set);
	bson_destroy(policy);
	settings_release(&settings);
	return work_update(work, "datasets", filter_dataset(name), changes, false, NULL, err);
}

int mongodb_update(struct dataset *base, const struct dataset_change *change, struct err *err)
{
	struct update update = {.dataset = mongodb_dataset(base), .change = change};

	pthread_mutex_lock(&update.dataset->structure);
	int failed = work_transaction(update.dataset->store, run_update, &update, err) ||
	             settings_refresh(update.dataset, err) || catch_up(update.dataset, err);
	pthread_mutex_unlock(&update.dataset->structure);
	return failed;
}
