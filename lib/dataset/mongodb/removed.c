/* Removing samples from MongoDB, and the tombstones that stay. */
#include "dataset/mongodb/internal.h"

static struct tombstone tombstone_of(const bson_t *document)
{
	return (struct tombstone){.id = number_in(document, "id"),
	                          .filepath = memory_text(text_in(document, "filepath")),
	                          .blob_key = memory_text(text_in(document, "blob_key")),
	                          .sha256 = memory_text(text_in(document, "sha256")),
	                          .at = number_in(document, "at"),
	                          .by = memory_text(text_in(document, "by")),
	                          .due = bson_has_field(document, "due")};
}

static bson_t *tombstone_filter(const char *dataset, int64_t id)
{
	return BCON_NEW("dataset", BCON_UTF8(dataset), "id", BCON_INT64(id));
}

int tombstones_find(struct work *work, const char *dataset, const char *field, const char *const *values, size_t count,
                    work_visit *visit, void *data, struct err *err)
{
	return find_any(work, "removed", dataset, field, field, values, count, visit, data, err);
}

/* --- removing ----------------------------------------------------------------------------------------------------- */

void tombstone_append(mongoc_bulk_operation_t *bulk, const char *dataset, const struct tombstone *tombstone)
{
	bson_t *filter = tombstone_filter(dataset, tombstone->id);
	bson_t *document = BCON_NEW("dataset", BCON_UTF8(dataset), "id", BCON_INT64(tombstone->id), "filepath",
	                            BCON_UTF8(tombstone->filepath), "at", BCON_INT64(tombstone->at), "by",
	                            BCON_UTF8(tombstone->by));

	if (tombstone->blob_key[0])
		BSON_APPEND_UTF8(document, "blob_key", tombstone->blob_key);
	if (tombstone->sha256[0])
		BSON_APPEND_UTF8(document, "sha256", tombstone->sha256);
	if (tombstone->due)
		BSON_APPEND_BOOL(document, "due", true);
	mongoc_bulk_operation_replace_one(bulk, filter, document, true);
	bson_destroy(filter);
	bson_destroy(document);
}

struct removal {
	struct mongodb_dataset *dataset;
	int64_t id;
	const char *user;
	struct settings settings;
	struct records named, records; /* the sample, and all with its filepath */
	struct batch batch;
	struct tombstone *tombstones;
	size_t count;
};

static void removal_clear(struct removal *removal)
{
	records_release(&removal->named);
	records_release(&removal->records);
	settings_release(&removal->settings);
	tombstones_release(removal->tombstones, removal->count);
	removal->tombstones = NULL;
	removal->count = 0;
}

static void removal_bury(struct removal *removal, const struct record *record)
{
	const struct sample *sample = &record->sample;

	batch_remove(&removal->batch, record);
	removal->settings.gaps++;
	removal->settings.bytes -= sample->bytes;
	removal->tombstones[removal->count++] =
		(struct tombstone){.id = sample->id,
	                           .filepath = memory_text(sample->filepath),
	                           .blob_key = memory_text(sample->blob_key ? sample->blob_key : ""),
	                           .sha256 = memory_text(sample->sha256 ? sample->sha256 : ""),
	                           .at = removal->batch.now,
	                           .by = memory_text(removal->user),
	                           .due = true};
}

static int write_tombstones(struct work *work, const struct removal *removal, struct err *err)
{
	mongoc_bulk_operation_t *bulk = work_bulk(work, "removed");

	for (size_t i = 0; i < removal->count; i++)
		tombstone_append(bulk, removal->dataset->base.name, &removal->tombstones[i]);
	return work_bulk_run(work, bulk, NULL, err);
}

static int run_removal(struct work *work, void *data, struct err *err)
{
	struct removal *removal = data;
	const char *name = removal->dataset->base.name;

	removal_clear(removal);
	if (batch_restart(&removal->batch, work, err) || settings_read(work, name, &removal->settings, err) ||
	    work_find(work, "images", filter_id(name, removal->id), opts_hint("id", 1), records_visit, &removal->named, err))
		return -1;
	if (removal->named.count == 0)
		return err_set(err, ERR_NOT_FOUND, "Sample not found");
	const char *filepath = removal->named.item[0].sample.filepath;
	if (records_find(work, name, "filepath", &filepath, 1, &removal->records, err) ||
	    records_read_all_events(work, name, &removal->records, err))
		return -1;
	removal->tombstones = memory_new(removal->records.count, sizeof(*removal->tombstones));
	for (size_t i = 0; i < removal->records.count; i++)
		removal_bury(removal, &removal->records.item[i]);
	return settings_save(work, name, &removal->settings, err) || write_tombstones(work, removal, err) ||
	       batch_write(&removal->batch, err);
}

int mongodb_remove_sample(struct dataset *base, int64_t id, const char *user, struct tombstone **out, size_t *count,
                          struct err *err)
{
	struct removal removal = {.dataset = mongodb_dataset(base), .id = id, .user = user};

	removal.batch.dataset = base->name;
	removal.batch.shard = removal.dataset->store->shard;
	pthread_mutex_lock(&removal.dataset->structure);
	int failed = work_transaction(removal.dataset->store, run_removal, &removal, err);
	pthread_mutex_unlock(&removal.dataset->structure);
	if (!failed) {
		*out = removal.tombstones;
		*count = removal.count;
		removal.tombstones = NULL;
		removal.count = 0;
	}
	removal_clear(&removal);
	batch_clear(&removal.batch);
	return failed;
}

int mongodb_removed_done(struct dataset *base, int64_t id, struct err *err)
{
	struct work work;
	bool known;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err);

	if (!failed)
		failed = work_update(&work, "removed", tombstone_filter(base->name, id),
		                     BCON_NEW("$unset", "{", "due", BCON_UTF8(""), "}"), false, &known, err);
	work_end(&work);
	return failed;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct tombstones {
	struct tombstone *item;
	size_t count;
};

static int tombstones_collect(void *data, const bson_t *document, struct err *err)
{
	struct tombstones *found = data;

	(void)err;
	found->item = memory_grow(found->item, found->count + 1, sizeof(*found->item));
	found->item[found->count++] = tombstone_of(document);
	return 0;
}

int tombstones_page(struct work *work, const char *dataset, bool due, int64_t after, size_t limit,
                    struct tombstone **out, size_t *count, struct err *err)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(dataset), "id", "{", "$gt", BCON_INT64(after), "}");
	bson_t *opts = opts_hint(due ? "due" : "id", (int64_t)limit);
	struct tombstones found = {.count = 0};

	if (due)
		BSON_APPEND_BOOL(filter, "due", true);
	BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}");
	if (work_find(work, "removed", filter, opts, tombstones_collect, &found, err)) {
		tombstones_release(found.item, found.count);
		return -1;
	}
	*out = found.item;
	*count = found.count;
	return 0;
}

int mongodb_removed(struct dataset *base, bool due, int64_t after, size_t limit, struct tombstone **out,
                    size_t *count, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) ||
	             tombstones_page(&work, base->name, due, after, limit, out, count, err);

	work_end(&work);
	return failed;
}

static int read_removed_id(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(int64_t *)data = number_in(document, "id");
	return 0;
}

/* Most datasets have no gaps, and then nothing is asked. */
int mongodb_removed_bytes(struct dataset *base, const char *sha256, int64_t *id, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);
	struct work work;

	*id = -1;
	pthread_mutex_lock(&dataset->mutex);
	bool any = dataset->settings.gaps > 0;
	pthread_mutex_unlock(&dataset->mutex);
	if (!any)
		return 0;
	bson_t *opts = opts_hint("sha256", 1);
	BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(-1), "}");
	int failed = work_begin(&work, dataset->store, err);
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(base->name), "sha256", BCON_UTF8(sha256));
	if (!failed) {
		failed = work_find(&work, "removed", filter, opts, read_removed_id, id, err);
	} else {
		bson_destroy(filter);
		bson_destroy(opts);
	}
	work_end(&work);
	return failed;
}

struct visiting {
	tombstone_visit *visit;
	void *data;
};

static int visit_tombstone(void *data, const bson_t *document, struct err *err)
{
	const struct visiting *visiting = data;
	struct tombstone tombstone = tombstone_of(document);

	(void)err;
	visiting->visit(visiting->data, text_in(document, "dataset"), &tombstone);
	tombstone_release(&tombstone);
	return 0;
}

int mongodb_store_removed(struct dataset_store *base, int64_t since, tombstone_visit *visit, void *data,
                          int64_t *now, struct err *err)
{
	struct visiting visiting = {.visit = visit, .data = data};
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err) || work_now(&work, now, err);

	if (!failed)
		failed = work_find(&work, "removed", BCON_NEW("at", "{", "$gte", BCON_INT64(since), "}"), opts_hint("at", 0),
		                   visit_tombstone, &visiting, err);
	work_end(&work);
	return failed;
}
