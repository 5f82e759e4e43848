/* How a label's new name, or its merge into another one, reaches the existing samples in MongoDB (catchup.c).
 *
 * The dataset's document has `relabelling` until all have it. A bite leaves samples alone that have it already:
 * after a crash it starts again, and only reads what was done. */
#include "dataset/mongodb/catchup.h"

/* --- one sample --------------------------------------------------------------------------------------------------- */

static void replace_text(char **text, const char *from, const char *to, bool *changed)
{
	if (!*text || strcmp(*text, from) != 0)
		return;
	free(*text);
	*text = memory_text(to);
	*changed = true;
}

/* Whether any vote or the decision had it. */
static bool replace_said(struct record *record, const char *from, const char *to)
{
	bool changed = false;

	for (size_t i = 0; i < record->vote_count; i++) {
		char *label = (char *)(uintptr_t)record->votes[i].label;

		replace_text(&label, from, to, &changed);
		record->votes[i].label = label;
	}
	replace_text(&record->decided_label, from, to, &changed);
	record->decision.label = record->decided_label;
	return changed;
}

static void rename_record(struct record *record, const struct relabelling *now)
{
	bool changed = replace_said(record, now->from, now->to);

	replace_text(&record->sample.label, now->from, now->to, &changed);
	record->changed = changed;
}

/* A label that came without an event gets one first: otherwise nothing would show that the sample had it. had: some
 * event shows it, to which an undo may return. */
static void merge_record(struct record *record, const struct relabelling *now, bool had, struct batch *batch,
                         struct rules_quorum quorum)
{
	const struct sample *sample = &record->sample;
	const struct label_event seed = {.label = now->from,
	                                 .by = sample->labelled_by,
	                                 .at = sample->labelled_at,
	                                 .source = "seed",
	                                 .lead_time_ms = -1};
	bool changed = false;

	record_note_decision(record);
	if (!replace_said(record, now->from, now->to) && strcmp(record->sample.label, now->from) != 0 && !had)
		return;
	if (record->events == 0)
		batch_event(batch, record, &seed, NULL);
	batch_merge_event(batch, record, now->from, now->to, now->by);
	record->changed = true;
	record_settle(record, quorum, batch->now);
	replace_text(&record->sample.label, now->from, now->to, &changed);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

struct event_id {
	int64_t sample, n;
};

struct renaming {
	const char *from;
	struct event_id *item;
	size_t count;
};

/* An event with this name from before a merge meant another label. */
static int see_event(void *data, const bson_t *document, struct err *err)
{
	struct renaming *renaming = data;
	const struct event_id id = {number_in(document, "_id.sample"), number_in(document, "_id.n")};

	(void)err;
	while (strcmp(text_in(document, "merged"), renaming->from) == 0 && renaming->count > 0 &&
	       renaming->item[renaming->count - 1].sample == id.sample)
		renaming->count--;
	if (strcmp(text_in(document, "label"), renaming->from) != 0)
		return 0;
	renaming->item = memory_grow(renaming->item, renaming->count + 1, sizeof(*renaming->item));
	renaming->item[renaming->count++] = id;
	return 0;
}

static int write_names(struct work *work, const char *dataset, const struct renaming *renaming, const char *to,
                       struct err *err)
{
	if (renaming->count == 0)
		return 0;
	mongoc_bulk_operation_t *bulk = work_bulk(work, "events");
	bson_t *update = BCON_NEW("$set", "{", "label", BCON_UTF8(to), "}");

	for (size_t i = 0; i < renaming->count; i++) {
		bson_t *filter = BCON_NEW("_id", "{", "dataset", BCON_UTF8(dataset), "sample",
		                          BCON_INT64(renaming->item[i].sample), "n", BCON_INT64(renaming->item[i].n), "}");

		mongoc_bulk_operation_update_one(bulk, filter, update, false);
		bson_destroy(filter);
	}
	bson_destroy(update);
	return work_bulk_run(work, bulk, NULL, err);
}

/* Finds the samples from `from` to below `to`. */
static int find_named(struct work *work, const char *dataset, int64_t from, int64_t to, const struct relabelling *now,
                      struct renaming *out, struct err *err)
{
	bson_t *filter = events_filter(dataset, from, to);

	out->from = now->from;

	BCON_APPEND(filter, "$or", "[", "{", "label", BCON_UTF8(now->from), "}", "{", "merged", BCON_UTF8(now->from), "}",
	            "]");
	return work_find(work, "events", filter, BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}"), see_event, out, err);
}

static int rename_events(struct work *work, const char *dataset, int64_t from, int64_t to,
                         const struct relabelling *now, struct err *err)
{
	struct renaming renaming = {.count = 0};
	int failed = find_named(work, dataset, from, to, now, &renaming, err) ||
	             write_names(work, dataset, &renaming, now->to, err);

	free(renaming.item);
	return failed;
}

/* --- a bite ------------------------------------------------------------------------------------------------------- */

static bool labels_due(const struct settings *settings, bson_oid_t *which)
{
	*which = settings->relabelling.id;
	return settings->relabelling.from;
}

static void append_concerned(bson_t *filter, const char *label, const struct renaming *had)
{
	bson_t ids = BSON_INITIALIZER;

	for (size_t i = 0; i < had->count; i++)
		BSON_APPEND_INT64(&ids, "0", had->item[i].sample); /* the server ignores an array's keys */
	BCON_APPEND(filter, "$or", "[", "{", "Label", BCON_UTF8(label), "}", "{", "votes.label", BCON_UTF8(label), "}", "{",
	            "decision.label", BCON_UTF8(label), "}", "{", "id", "{", "$in", BCON_ARRAY(&ids), "}", "}", "]");
	bson_destroy(&ids);
}

static bool had_it(const struct renaming *had, int64_t sample)
{
	for (size_t i = 0; i < had->count; i++) {
		if (had->item[i].sample == sample)
			return true;
	}
	return false;
}

/* Writes the changed records and events of the samples from `from` to below `to`. */
static int relabel_records(struct bite *bite, struct work *work, const struct relabelling *now,
                           const struct renaming *had, struct err *err)
{
	const char *name = bite->dataset->base.name;

	if (!bite->settings.votes_kept && records_take_events(work, name, &bite->records, err))
		return -1;
	for (size_t i = 0; i < bite->records.count; i++) {
		struct record *record = &bite->records.item[i];

		if (now->merged >= 0)
			merge_record(record, now, had_it(had, record->sample.id), &bite->batch, rules_quorum_of(&bite->settings.policy));
		else
			rename_record(record, now);
		if (record->changed && batch_save(&bite->batch, record, err))
			return -1;
	}
	return batch_write(&bite->batch, err);
}

/* A bite is a range of ids: most of them may not have the label, and the next one that does may be far away. */
static int labels_run(struct work *work, void *data, struct err *err)
{
	struct bite *bite = data;
	const char *name = bite->dataset->base.name;

	if (bite_begin(bite, work, err))
		return -1;
	const struct relabelling *now = &bite->settings.relabelling;
	bite->more = now->from && bite->after + (int64_t)bite->most < bite->settings.next_id - 1;
	if (!now->from)
		return 0;
	bite->last = bite->after + (int64_t)bite->most;
	struct renaming named = {.count = 0};
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(name), "id", "{", "$gt", BCON_INT64(bite->after), "$lte",
	                          BCON_INT64(bite->last), "}");
	int failed = find_named(work, name, bite->after + 1, bite->last + 1, now, &named, err);
	append_concerned(filter, now->from, &named);
	if (failed)
		bson_destroy(filter);
	failed = failed || work_find(work, "images", filter, opts_hint("id", 0), records_visit, &bite->records, err) ||
	         relabel_records(bite, work, now, &named, err) ||
	         (now->merged < 0 && write_names(work, name, &named, now->to, err));
	free(named.item);
	return failed;
}

/* --- its end ------------------------------------------------------------------------------------------------------ */

struct ending {
	struct mongodb_dataset *dataset;
	const bson_oid_t *which;
	bool left;
};

static int see_left(void *data, const bson_t *document, struct err *err)
{
	(void)document;
	(void)err;
	((struct ending *)data)->left = true;
	return 0;
}

static int end_merge(struct work *work, const char *dataset, int64_t key, struct err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)key);
	return work_update(work, "labels", BCON_NEW("_id", BCON_UTF8(dataset)),
	                   BCON_NEW("$unset", "{", text, BCON_UTF8(""), "}"), false, NULL, err);
}

/* Looks again at what seeds have added meanwhile by the former name. */
static int run_end(struct work *work, void *data, struct err *err)
{
	struct ending *ending = data;
	const char *name = ending->dataset->base.name;
	struct settings settings;
	bson_oid_t revision = new_revision();
	int failed = settings_read(work, name, &settings, err);
	const struct relabelling *now = &settings.relabelling;

	ending->left = false;
	if (!failed && now->from && bson_oid_equal(&now->id, ending->which)) {
		failed = work_find(work, "images", BCON_NEW("dataset", BCON_UTF8(name), "Label", BCON_UTF8(now->from)),
		                   opts_hint("by_label", 1), see_left, ending, err) ||
		         (!ending->left && now->merged >= 0 && end_merge(work, name, now->merged, err)) ||
		         (!ending->left &&
		          work_update(work, "datasets", filter_dataset(name),
		                      BCON_NEW("$unset", "{", "relabelling", BCON_UTF8(""), "}", "$set", "{", "revision",
		                               BCON_OID(&revision), "}"),
		                      false, NULL, err));
	}
	settings_release(&settings);
	return failed;
}

static int labels_end(struct mongodb_dataset *dataset, const bson_oid_t *which, struct err *err)
{
	struct ending ending = {.dataset = dataset, .which = which};

	return work_transaction(dataset->store, run_end, &ending, err) || settings_refresh(dataset, err);
}

const struct catch_up catch_up_labels = {.due = labels_due, .run = labels_run, .end = labels_end};

/* --- what was written behind it ----------------------------------------------------------------------------------- */

struct late {
	struct bite bite;
	const char *label;
	const int64_t *ids;
	size_t count;
	struct relabelling now;
};

/* A label that was removed while somebody gave it exists again. */
static int put_back(struct late *late, struct work *work, struct formers *formers, const struct former *former,
                    struct err *err)
{
	const char *name = late->bite.dataset->base.name;
	bson_oid_t revision = new_revision();
	char key[24];

	snprintf(key, sizeof(key), "%lld", (long long)former->was);
	formers_forget(formers, late->label);
	return formers_write(work, name, formers, err) ||
	       work_update(work, "labels", BCON_NEW("_id", BCON_UTF8(name)),
	                   BCON_NEW("$set", "{", key, BCON_UTF8(late->label), "}"), false, NULL, err) ||
	       work_update(work, "datasets", filter_dataset(name),
	                   BCON_NEW("$set", "{", "revision", BCON_OID(&revision), "}"), false, NULL, err);
}

/* Finds what the label has become; now.from stays NULL if it is nothing else, or exists (again). */
static int find_change(struct late *late, struct work *work, struct err *err)
{
	const char *name = late->bite.dataset->base.name;
	struct formers formers;
	struct label_set labels = {.count = 0};
	int failed = formers_read(work, name, &formers, err) || labels_read(work, name, &labels, err);
	const struct former *former = failed ? NULL : formers_find(&formers, late->label);
	char *to = former ? label_set_name(&labels, former->key) : NULL;

	if (to)
		late->now = (struct relabelling){.from = memory_text(late->label),
		                                 .to = to,
		                                 .by = memory_text(former->by),
		                                 .merged = former->by[0] ? former->was : -1};
	else if (former && former->key < 0 && former->was >= 0)
		failed = put_back(late, work, &formers, former, err);
	label_set_release(&labels);
	formers_release(&formers);
	return failed;
}

static int run_late(struct work *work, void *data, struct err *err)
{
	struct late *late = data;
	const char *name = late->bite.dataset->base.name;
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(name)), in, list = BSON_INITIALIZER;

	BSON_APPEND_DOCUMENT_BEGIN(filter, "id", &in);
	for (size_t i = 0; i < late->count; i++)
		BSON_APPEND_INT64(&list, "0", late->ids[i]);
	BSON_APPEND_ARRAY(&in, "$in", &list);
	bson_destroy(&list);
	bson_append_document_end(filter, &in);
	relabelling_release(&late->now);
	int failed = bite_begin(&late->bite, work, err) || find_change(late, work, err);
	if (failed || !late->now.from) {
		bson_destroy(filter);
		return failed;
	}
	if (work_find(work, "images", filter, opts_hint("id", 0), records_visit, &late->bite.records, err) ||
	    relabel_records(&late->bite, work, &late->now, &(struct renaming){0}, err))
		return -1;
	for (size_t i = 0; i < late->count && late->now.merged < 0; i++) {
		if (rename_events(work, name, late->ids[i], late->ids[i] + 1, &late->now, err))
			return -1;
	}
	return 0;
}

int relabel_late(struct mongodb_dataset *dataset, const char *label, const int64_t *ids, size_t count, struct err *err)
{
	struct late late = {.bite = {.dataset = dataset}, .label = label, .ids = ids, .count = count};

	late.bite.batch.dataset = dataset->base.name;
	int failed = work_transaction(dataset->store, run_late, &late, err);
	relabelling_release(&late.now);
	settings_release(&late.bite.settings);
	records_release(&late.bite.records);
	batch_clear(&late.bite.batch);
	return failed;
}
