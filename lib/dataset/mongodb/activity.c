/* Reads from MongoDB who works on a dataset now, and what was labelled last. */
#include "dataset/mongodb/internal.h"

static int read_worker(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	activity_add_working(data, text_in(document, "_id"));
	return 0;
}

static bson_t *workers_pipeline(const char *name, int64_t now)
{
	return BCON_NEW("pipeline", "[", "{", "$match", "{", "dataset", BCON_UTF8(name), "leases", "{", "$exists",
	                BCON_BOOL(true), "}", "leases.user", "{", "$gte", BCON_UTF8(""), "}", "}", "}", "{", "$unwind",
	                BCON_UTF8("$leases"), "}", "{", "$match", "{", "leases.expires", "{", "$gt", BCON_INT64(now), "}",
	                "}", "}", "{", "$group", "{", "_id", BCON_UTF8("$leases.user"), "}", "}", "{", "$sort", "{", "_id",
	                BCON_INT32(1), "}", "}", "{", "$limit", BCON_INT32(ACTIVITY_WORKING_MAX), "}", "]");
}

static int read_labelled(void *data, const bson_t *document, struct err *err)
{
	struct dataset_activity *activity = data;
	const char *by = text_in(document, "labelled_by");

	(void)err;
	activity->labelled_at = number_in(document, "labelled_at");
	if (*by)
		activity->labelled_by = memory_text(by);
	return 0;
}

int mongodb_activity(struct dataset *base, bool but_gold, struct dataset_activity *out, struct err *err)
{
	struct work work;
	int64_t now;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) || work_now(&work, &now, err) ||
	             work_aggregate(&work, "images", workers_pipeline(base->name, now), read_worker, out, err);

	if (!failed) {
		bson_t *filter = BCON_NEW("dataset", BCON_UTF8(base->name), "labelled_at", "{", "$gt", BCON_INT64(0), "}");
		bson_t *opts = BCON_NEW("sort", "{", "labelled_at", BCON_INT32(-1), "}", "limit", BCON_INT64(1), "hint",
		                        BCON_UTF8("by_time"));

		if (but_gold) /* of which there are few */
			BCON_APPEND(filter, "gold", "{", "$exists", BCON_BOOL(false), "}");
		failed = work_find(&work, "images", filter, opts, read_labelled, out, err);
	}
	work_end(&work);
	return failed;
}
