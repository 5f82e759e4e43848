/* How a change of the overlap reaches the existing samples in MongoDB (catchup.c).
 *
 * The dataset's document has `due` as long as some samples do not follow the policy yet: the id of the last change, so
 * that only a process that has gone through all samples for this change removes it. In a dataset of an earlier
 * version, which left some votes in the events alone, put nothing in review or knew no disputes, everything is due
 * until all samples were looked at. Each bite reads the policy, and leaves samples alone that follow it: after a crash
 * it starts again, and only reads what was done. */
#include "dataset/mongodb/catchup.h"

static const bson_oid_t none = {.bytes = {0}};

static bool overlap_due(const struct settings *settings, bson_oid_t *which)
{
	*which = settings->due;
	bool of_several = !settings->limited || !settings->disputes_kept; /* matters where several are asked */

	return !settings->votes_kept || (of_several && settings->policy.overlap > 1) || !bson_oid_equal(&settings->due, &none);
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

static int overlap_run(struct work *work, void *data, struct err *err)
{
	struct bite *bite = data;
	bson_t *opts = opts_hint("id", 0);

	if (bite_begin(bite, work, err)) {
		bson_destroy(opts);
		return -1;
	}
	BSON_APPEND_INT64(opts, "limit", (int64_t)bite->most);
	BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}");
	if (work_find(work, "images", concerned(bite), opts, records_visit, &bite->records, err) ||
	    (!bite->settings.votes_kept && records_take_events(work, bite->dataset->base.name, &bite->records, err)))
		return -1;
	bite->more = bite->records.count == bite->most;
	for (size_t i = 0; i < bite->records.count; i++) {
		struct record *record = &bite->records.item[i];

		bite->last = record->sample.id;
		record_settle(record, rules_quorum_of(&bite->settings.policy), bite->batch.now);
		if (record->changed && batch_save(&bite->batch, record, err))
			return -1;
	}
	return batch_write(&bite->batch, err);
}

static int overlap_end(struct mongodb_dataset *dataset, const bson_oid_t *due, struct err *err)
{
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
		                     BCON_NEW("$set", "{", "votes_kept", BCON_BOOL(true), "disputes_kept",
		                              BCON_BOOL(true), "}", "$max", "{", "policy.overlap_max", BCON_INT64(0), "}",
		                              "$unset", "{", "due", BCON_UTF8(""), "overlap_due", BCON_UTF8(""), "}"),
		                     false, &found, err);
	work_end(&work);
	return failed || settings_refresh(dataset, err);
}

const struct catch_up catch_up_overlap = {.due = overlap_due, .run = overlap_run, .end = overlap_end};
