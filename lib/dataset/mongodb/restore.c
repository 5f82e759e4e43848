/* A dataset that comes from another store into MongoDB: its document marks it as unfinished until it is whole. */
#include "dataset/mongodb/internal.h"

#include "base/text.h"

/* --- opening ------------------------------------------------------------------------------------------------------ */

struct beginning {
	const char *name, *origin;
	struct settings settings;
	char *known_origin;
};

static bson_t *origin_filter(const char *name)
{
	return BCON_NEW("dataset", BCON_UTF8(name), "key", BCON_UTF8(DATASET_ORIGIN));
}

static int read_origin(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(char **)data = memory_text(text_in(document, "value"));
	return 0;
}

/* The outline comes later; this writes only what cannot wait. */
static int make_unfinished(struct work *work, const struct beginning *beginning, struct err *err)
{
	bson_oid_t revision = new_revision();
	struct dataset_policy policy = dataset_policy_default();
	bson_t *stored = policy_document(&policy);
	char uuid[HASH_UUID_MAX];
	hash_random_uuid(uuid);
	bson_t *document =
		BCON_NEW("_id", BCON_UTF8(beginning->name), "uuid", BCON_UTF8(uuid), "unfinished", BCON_BOOL(true),
	                 "votes_kept", BCON_BOOL(true), "disputes_kept", BCON_BOOL(true), "stats_kept", BCON_BOOL(true),
	                 "revision", BCON_OID(&revision),
	                 "base_dir", BCON_UTF8(""), "policy", BCON_DOCUMENT(stored), "next_id", BCON_INT64(0),
	                 "next_label", BCON_INT64(0), "bytes", BCON_INT64(0), "gaps", BCON_INT64(0));

	bson_destroy(stored);
	return work_insert(work, "datasets", document, err) ||
	       work_update(work, "notes", origin_filter(beginning->name),
	                   BCON_NEW("$set", "{", "value", BCON_UTF8(beginning->origin), "}"), true, NULL,
	                   err);
}

static int run_begin(struct work *work, void *data, struct err *err)
{
	struct beginning *beginning = data;

	settings_release(&beginning->settings);
	free(beginning->known_origin);
	beginning->known_origin = NULL;
	if (settings_read(work, beginning->name, &beginning->settings, err) == 0) {
		if (!beginning->settings.unfinished)
			return err_set(err, ERR_CONFLICT, "A dataset named %s exists already", beginning->name);
		if (work_find(work, "notes", origin_filter(beginning->name), NULL, read_origin, &beginning->known_origin, err))
			return -1;
		return beginning->known_origin && strcmp(beginning->known_origin, beginning->origin) == 0
		               ? 0
		               : err_set(err, ERR_CONFLICT, "An unfinished move of another dataset to %s is there",
		                         beginning->name);
	}
	if (err->code != ERR_NOT_FOUND)
		return -1;
	return make_unfinished(work, beginning, err) || settings_read(work, beginning->name, &beginning->settings, err);
}

int mongodb_restore_open(struct dataset_store *base, const char *name, const char *origin, struct dataset **out,
                         int64_t *last, struct err *err)
{
	struct beginning beginning = {.name = name, .origin = origin};
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err) || dataset_purge(&work, name, err) ||
	             work_transaction_in(&work, run_begin, &beginning, err);

	work_end(&work);
	free(beginning.known_origin);
	if (failed) {
		settings_release(&beginning.settings);
		return -1;
	}
	*last = beginning.settings.next_id - 1;
	*out = dataset_handle(mongodb_store(base), name, &beginning.settings);
	return 0;
}

/* --- the outline -------------------------------------------------------------------------------------------------- */

struct outlining {
	const char *name;
	const struct dataset_outline *outline;
};

static int replace_labels(struct work *work, const struct outlining *outlining, struct err *err)
{
	mongoc_bulk_operation_t *bulk = work_bulk(work, "labels");
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(outlining->name));
	bson_t *document = BCON_NEW("_id", BCON_UTF8(outlining->name));

	for (size_t i = 0; i < outlining->outline->label_count; i++) {
		char key[24];

		snprintf(key, sizeof(key), "%lld", (long long)outlining->outline->labels[i].key);
		BSON_APPEND_UTF8(document, key, outlining->outline->labels[i].name);
	}
	mongoc_bulk_operation_replace_one(bulk, filter, document, true);
	bson_destroy(filter);
	bson_destroy(document);
	return work_bulk_run(work, bulk, NULL, err);
}

static int replace_details(struct work *work, const struct outlining *outlining, struct err *err)
{
	bson_t *document = BCON_NEW("_id", BCON_UTF8(outlining->name)), of, detail;

	BSON_APPEND_DOCUMENT_BEGIN(document, "of", &of);
	for (size_t i = 0; i < outlining->outline->label_count; i++) {
		const struct dataset_label *label = &outlining->outline->labels[i];
		char key[24];

		snprintf(key, sizeof(key), "%lld", (long long)label->key);
		BSON_APPEND_DOCUMENT_BEGIN(&of, key, &detail);
		BSON_APPEND_UTF8(&detail, "colour", label->colour);
		BSON_APPEND_UTF8(&detail, "description", label->description ? label->description : "");
		BSON_APPEND_DOUBLE(&detail, "position", label->position);
		bson_append_document_end(&of, &detail);
	}
	bson_append_document_end(document, &of);
	mongoc_bulk_operation_t *bulk = work_bulk(work, "label_details");
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(outlining->name));
	mongoc_bulk_operation_replace_one(bulk, filter, document, true);
	bson_destroy(filter);
	bson_destroy(document);
	return work_bulk_run(work, bulk, NULL, err);
}

static int replace_former(struct work *work, const struct outlining *outlining, struct err *err)
{
	struct formers formers = {.count = 0};

	for (size_t i = 0; i < outlining->outline->former_count; i++) {
		const struct dataset_former *former = &outlining->outline->former[i];

		formers_note(&formers, former->name, former->key, former->key, "");
	}
	int failed = formers_write(work, outlining->name, &formers, err);
	formers_release(&formers);
	return failed;
}

static int replace_notes(struct work *work, const struct outlining *outlining, struct err *err)
{
	if (work_delete(work, "notes",
	                BCON_NEW("dataset", BCON_UTF8(outlining->name), "key", "{", "$ne", BCON_UTF8(DATASET_ORIGIN), "}"),
	                err))
		return -1;
	for (size_t i = 0; i < outlining->outline->note_count; i++) {
		const struct dataset_note *note = &outlining->outline->notes[i];

		if (work_insert(work, "notes",
		                BCON_NEW("dataset", BCON_UTF8(outlining->name), "key", BCON_UTF8(note->key), "value",
		                         BCON_UTF8(note->value)),
		                err))
			return -1;
	}
	return 0;
}

static int restore_outline(struct work *work, void *data, struct err *err)
{
	const struct outlining *outlining = data;
	struct settings settings = {.next_id = 0};
	int failed = settings_read(work, outlining->name, &settings, err);

	settings.next_label = outlining->outline->next_label;
	settings.revision = new_revision();
	failed = failed || settings_save(work, outlining->name, &settings, err) || replace_labels(work, outlining, err) ||
	         replace_details(work, outlining, err) ||
	         replace_former(work, outlining, err) || replace_notes(work, outlining, err);
	settings_release(&settings);
	return failed;
}

int mongodb_restore_outline(struct dataset *base, const struct dataset_outline *outline, struct err *err)
{
	struct outlining outlining = {.name = base->name, .outline = outline};
	struct dataset_change change = {
		.base_dir = outline->base_dir, .fields = DATASET_POLICY_ALL, .policy = outline->policy};

	return mongodb_update(base, &change, err) ||
	       work_transaction(mongodb_dataset(base)->store, restore_outline, &outlining, err);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

struct filling {
	struct mongodb_dataset *dataset;
	const struct dataset_record *records;
	size_t count;
	struct settings settings;
	struct records there, coming;
	struct batch batch;
};

/* Finds the records that will be replaced. */
static int find_there(struct work *work, struct filling *filling, struct err *err)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(filling->dataset->base.name)), in, list = BSON_INITIALIZER;

	BSON_APPEND_DOCUMENT_BEGIN(filter, "id", &in);
	for (size_t i = 0; i < filling->count; i++)
		BSON_APPEND_INT64(&list, "0", filling->records[i].sample.id);
	BSON_APPEND_ARRAY(&in, "$in", &list);
	bson_destroy(&list);
	bson_append_document_end(filter, &in);
	return work_find(work, "images", filter, opts_hint("id", 0), records_visit, &filling->there, err) ||
	       records_read_all_events(work, filling->dataset->base.name, &filling->there, err);
}

/* If the sample came before it was removed in the source, its image came, too, and has to be removed. */
static void add_tombstone_of(const struct filling *filling, mongoc_bulk_operation_t *bulk, const struct tombstone *from)
{
	struct tombstone tombstone = *from;

	tombstone.due = from->due && !from->blob_key[0];
	for (size_t i = 0; i < filling->there.count; i++)
		tombstone.due = tombstone.due || filling->there.item[i].sample.id == from->id;
	tombstone_append(bulk, filling->dataset->base.name, &tombstone);
}

static int restore_tombstones(struct work *work, const struct filling *filling, struct err *err)
{
	mongoc_bulk_operation_t *bulk = NULL;

	for (size_t i = 0; i < filling->count; i++) {
		if (!filling->records[i].removed)
			continue;
		if (!bulk)
			bulk = work_bulk(work, "removed");
		add_tombstone_of(filling, bulk, filling->records[i].removed);
	}
	return bulk ? work_bulk_run(work, bulk, NULL, err) : 0;
}

static void add_record(struct filling *filling, const struct dataset_record *from)
{
	struct record *record = records_add(&filling->coming);

	record->is_new = true;
	sample_copy(&record->sample, &from->sample);
	record->url = memory_text(from->url);
	record->added_at = from->added_at;
	record->position = from->requeued ? POSITION_END + from->requeued : from->sample.id;
	for (size_t i = 0; i < from->event_count; i++) {
		batch_event(&filling->batch, record, &from->events[i], NULL);
		record_hear(record, &from->events[i]);
	}
	if (from->event_count > 0)
		record_fold(record);
	for (size_t i = 0; i < from->vote_count; i++) {
		if (!from->votes[i].label)
			record_pass_on(record, from->votes[i].user, 0, 0);
	}
	record_refresh(record, rules_quorum_of(&filling->settings.policy), filling->batch.now);
}

/* Counts the records and their bytes; ids that are missing were removed, or never existed. */
static void filling_count(struct filling *filling)
{
	struct settings *settings = &filling->settings;
	int64_t size = settings->next_id - settings->gaps - (int64_t)filling->there.count;

	for (size_t i = 0; i < filling->there.count; i++)
		settings->bytes -= filling->there.item[i].sample.bytes;
	for (size_t i = 0; i < filling->count; i++) {
		const struct sample *sample = &filling->records[i].sample;

		size += !filling->records[i].removed;
		settings->bytes += sample->bytes;
		if (settings->next_id <= sample->id)
			settings->next_id = sample->id + 1;
	}
	settings->gaps = settings->next_id - size;
}

static int restore_records(struct work *work, void *data, struct err *err)
{
	struct filling *filling = data;
	const char *name = filling->dataset->base.name;

	records_release(&filling->there);
	records_release(&filling->coming);
	settings_release(&filling->settings);
	if (batch_restart(&filling->batch, work, err) || settings_read(work, name, &filling->settings, err) ||
	    find_there(work, filling, err))
		return -1;
	for (size_t i = 0; i < filling->there.count; i++)
		batch_remove(&filling->batch, &filling->there.item[i]);
	for (size_t i = 0; i < filling->count; i++) {
		if (!filling->records[i].removed)
			add_record(filling, &filling->records[i]);
	}
	for (size_t i = 0; i < filling->coming.count; i++) {
		if (batch_save(&filling->batch, &filling->coming.item[i], err))
			return -1;
	}
	filling_count(filling);
	return settings_save(work, name, &filling->settings, err) || restore_tombstones(work, filling, err) ||
	       batch_write(&filling->batch, err);
}

int mongodb_restore_records(struct dataset *base, const struct dataset_record *records, size_t count, struct err *err)
{
	struct filling filling = {.dataset = mongodb_dataset(base), .records = records, .count = count};

	filling.batch.dataset = base->name;
	filling.batch.shard = filling.dataset->store->shard;
	int failed = work_transaction(filling.dataset->store, restore_records, &filling, err);
	records_release(&filling.there);
	records_release(&filling.coming);
	settings_release(&filling.settings);
	batch_clear(&filling.batch);
	return failed;
}

/* --- ending ------------------------------------------------------------------------------------------------------- */

int mongodb_restore_finish(struct dataset *base, struct err *err)
{
	bson_oid_t revision = new_revision();
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) ||
	             work_update(&work, "datasets", filter_dataset(base->name),
	                         BCON_NEW("$unset", "{", "unfinished", BCON_UTF8(""), "}", "$set", "{", "revision",
	                                  BCON_OID(&revision), "}"),
	                         false, NULL, err);

	work_end(&work);
	mongodb_close(base);
	return failed;
}

int mongodb_restore_drop(struct dataset_store *base, const char *name, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err) || dataset_mark_removed(&work, name, true, err);

	work_end(&work);
	return failed;
}
