/* Samples in MongoDB: reading them and their history. */
#include "dataset/mongodb/internal.h"

static int find_images(struct dataset *base, bson_t *filter, bson_t *opts, struct records *found, struct err *err)
{
	struct work work;

	if (work_begin(&work, mongodb_dataset(base)->store, err) == 0) {
		int failed = work_find(&work, "images", filter, opts, records_visit, found, err);

		work_end(&work);
		return failed;
	}
	work_end(&work);
	bson_destroy(filter);
	bson_destroy(opts);
	return -1;
}

void record_to_sample(struct record *record, struct sample *out)
{
	*out = record->sample;
	memset(&record->sample, 0, sizeof(record->sample));
}

static int sample_find(struct dataset *base, bson_t *filter, bson_t *opts, struct sample *out, struct err *err)
{
	struct records found = {.count = 0};
	int failed = find_images(base, filter, opts, &found, err);

	if (!failed && found.count == 0)
		failed = err_set(err, ERR_NOT_FOUND, "Sample not found");
	if (!failed)
		record_to_sample(&found.item[0], out);
	records_release(&found);
	return failed;
}

int mongodb_sample(struct dataset *base, int64_t id, struct sample *out, struct err *err)
{
	return sample_find(base, filter_id(base->name, id), opts_hint("id", 1), out, err);
}

/* Reads only what survives a change of the primary, since the sender of an image that is reported as there may not
 * send it again. Lookups by filepath read in the same way: otherwise a taken filepath could be found whose bytes are
 * not found yet. */
static bson_t *opts_lasting(const char *index)
{
	bson_t *opts = opts_hint(index, 1);

	BCON_APPEND(opts, "readConcern", "{", "level", BCON_UTF8("majority"), "}");
	return opts;
}

int mongodb_sample_by_path(struct dataset *base, const char *filepath, struct sample *out, struct err *err)
{
	bson_t *opts = opts_lasting("path");

	BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(1), "}");
	return sample_find(base, BCON_NEW("dataset", BCON_UTF8(base->name), "filepath", BCON_UTF8(filepath)), opts, out, err);
}

int mongodb_sample_by_sha256(struct dataset *base, const char *sha256, struct sample *out, struct err *err)
{
	return sample_find(base, BCON_NEW("dataset", BCON_UTF8(base->name), "sha256", BCON_UTF8(sha256)),
	                   opts_lasting("sha256"), out, err);
}

int mongodb_has_blob(struct dataset *base, const char *blob_key, bool *out, struct err *err)
{
	struct records found = {.count = 0};
	int failed = find_images(base, BCON_NEW("dataset", BCON_UTF8(base->name), "blob_key", BCON_UTF8(blob_key)),
	                         opts_hint("blob", 1), &found, err);

	*out = found.count > 0;
	records_release(&found);
	return failed || (!*out && snapshot_has_blob(base, blob_key, out, err));
}

/* --- URLs --------------------------------------------------------------------------------------------------------- */

struct urls {
	const char *dataset;
	const struct dataset_url *items;
	size_t count;
};

static int run_set_urls(struct work *work, void *data, struct err *err)
{
	const struct urls *urls = data;
	mongoc_bulk_operation_t *bulk = work_bulk(work, "images");
	bson_t *opts = opts_hint("id", 0);

	for (size_t i = 0; i < urls->count; i++) {
		bson_t *filter = filter_id(urls->dataset, urls->items[i].id);
		bson_t *update = BCON_NEW("$set", "{", "Image URL", BCON_UTF8(urls->items[i].url), "}");

		mongoc_bulk_operation_update_one_with_opts(bulk, filter, update, opts, NULL);
		bson_destroy(filter);
		bson_destroy(update);
	}
	bson_destroy(opts);
	return work_bulk_run(work, bulk, NULL, err);
}

int mongodb_set_urls(struct dataset *base, const struct dataset_url *urls, size_t count, struct err *err)
{
	struct urls all = {.dataset = base->name, .items = urls, .count = count};

	return count > 0 ? work_transaction(mongodb_dataset(base)->store, run_set_urls, &all, err) : 0;
}

/* --- flags -------------------------------------------------------------------------------------------------------- */

int mongodb_flag(struct dataset *base, int64_t id, const char *user, const char *note, struct sample *out,
                 struct err *err)
{
	bson_t *update = note ? BCON_NEW("$set", "{", "flag", BCON_UTF8(note), "flagged_by", BCON_UTF8(user), "}")
	                      : BCON_NEW("$unset", "{", "flag", BCON_UTF8(""), "flagged_by", BCON_UTF8(""), "}");
	struct work work;
	bool found = false;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err);

	if (!failed)
		failed = work_update(&work, "images", filter_id(base->name, id), update, false, &found, err);
	else
		bson_destroy(update);
	work_end(&work);
	if (!failed && !found)
		failed = err_set(err, ERR_NOT_FOUND, "Sample not found");
	return failed || mongodb_sample(base, id, out, err);
}

/* --- contents ----------------------------------------------------------------------------------------------------- */

struct contents {
	const char *dataset;
	const struct dataset_content *items;
	size_t count;
};

static int update_contents(struct work *work, void *data, struct err *err)
{
	const struct contents *contents = data;
	mongoc_bulk_operation_t *bulk = work_bulk(work, "images");
	bson_t *opts = opts_hint("id", 0);

	for (size_t i = 0; i < contents->count; i++) {
		const struct dataset_content *content = &contents->items[i];
		bson_t *filter = filter_id(contents->dataset, content->id);
		bson_t *update = BCON_NEW("$set", "{", "file_sha256", BCON_UTF8(content->sha256), "file_bytes",
		                          BCON_INT64(content->bytes), "file_modified_ns", BCON_INT64(content->modified_ns), "}");

		mongoc_bulk_operation_update_one_with_opts(bulk, filter, update, opts, NULL);
		bson_destroy(filter);
		bson_destroy(update);
	}
	bson_destroy(opts);
	return work_bulk_run(work, bulk, NULL, err);
}

int mongodb_set_contents(struct dataset *base, const struct dataset_content *contents, size_t count, struct err *err)
{
	struct contents all = {.dataset = base->name, .items = contents, .count = count};

	return count > 0 ? work_transaction(mongodb_dataset(base)->store, update_contents, &all, err) : 0;
}

/* --- history ------------------------------------------------------------------------------------------------------ */

struct telling {
	label_event_visit *visit;
	void *data;
};

static int tell_event(void *data, const bson_t *document, struct err *err)
{
	const struct telling *telling = data;
	struct label_event event = event_of(document);

	(void)err;
	telling->visit(telling->data, &event);
	return 0;
}

int mongodb_history(struct dataset *base, int64_t id, label_event_visit *visit, void *data, struct err *err)
{
	struct telling telling = {.visit = visit, .data = data};
	struct sample sample;
	struct work work;

	if (mongodb_sample(base, id, &sample, err))
		return -1;
	sample_release(&sample);
	int failed = work_begin(&work, mongodb_dataset(base)->store, err);
	if (!failed)
		failed = work_find(&work, "events", events_filter(base->name, id, id + 1),
		                   BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}"), tell_event, &telling, err);
	work_end(&work);
	return failed;
}
