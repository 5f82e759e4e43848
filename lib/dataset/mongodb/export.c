/* Reads all that MongoDB holds of a dataset, for another store. */
#include "dataset/mongodb/internal.h"

/* --- the outline -------------------------------------------------------------------------------------------------- */

static int add_note(void *data, const bson_t *document, struct err *err)
{
	struct dataset_outline *out = data;

	(void)err;
	out->notes = memory_grow(out->notes, out->note_count + 1, sizeof(*out->notes));
	out->notes[out->note_count++] =
		(struct dataset_note){memory_text(text_in(document, "key")), memory_text(text_in(document, "value"))};
	return 0;
}

struct outlining {
	const char *dataset;
	struct dataset_outline *out;
};

/* In a transaction, so that everything is from one moment. */
static int export_outline(struct work *work, void *data, struct err *err)
{
	const struct outlining *outlining = data;
	struct dataset_outline *out = outlining->out;
	struct settings settings = {.next_id = 0};
	struct label_set labels = {.count = 0};
	struct formers formers = {.count = 0};
	bson_t *opts = BCON_NEW("sort", "{", "dataset", BCON_INT32(1), "key", BCON_INT32(1), "}");

	dataset_outline_release(out);
	int failed = work_find(work, "notes", BCON_NEW("dataset", BCON_UTF8(outlining->dataset)), opts, add_note, out, err) ||
	             settings_read(work, outlining->dataset, &settings, err) ||
	             (settings.relabelling.from && outline_refuse(settings.relabelling.from, err)) ||
	             labels_read_described(work, outlining->dataset, &labels, err) ||
	             formers_read(work, outlining->dataset, &formers, err);
	for (size_t i = 0; i < formers.count; i++)
		outline_add_former(out, formers.item[i].name, formers.item[i].key);
	formers_release(&formers);
	out->labels = labels.label;
	out->label_count = labels.count;
	out->base_dir = settings.base_dir;
	settings.base_dir = NULL;
	out->policy = settings.policy;
	out->next_label = settings.next_label;
	settings_release(&settings);
	return failed;
}

int mongodb_outline(struct dataset *base, struct dataset_outline *out, struct err *err)
{
	struct outlining outlining = {.dataset = base->name, .out = out};

	return work_transaction(mongodb_dataset(base)->store, export_outline, &outlining, err);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

struct page {
	const char *dataset;
	int64_t after;
	size_t limit;
	bool votes_kept;
	struct records found;
	struct dataset_record *records;
	size_t count, at; /* at: the record whose events come now */
};

static void take_record(struct record *from, struct dataset_record *out)
{
	*out = (struct dataset_record){.sample = from->sample,
	                               .url = from->url,
	                               .added_at = from->added_at,
	                               .requeued = from->position > POSITION_END ? from->position - POSITION_END : 0};
	memset(&from->sample, 0, sizeof(from->sample));
	from->url = NULL;
	if (from->vote_count == 0)
		return;
	out->votes = memory_new(from->vote_count, sizeof(*out->votes));
	out->vote_count = from->vote_count;
	for (size_t i = 0; i < from->vote_count; i++) {
		const struct rules_vote *vote = &from->votes[i];

		out->votes[i] = (struct dataset_vote){(char *)(uintptr_t)vote->user, (char *)(uintptr_t)vote->label};
		from->votes[i] = (struct rules_vote){.user = NULL};
	}
}

static int export_event(void *data, const bson_t *document, struct err *err)
{
	struct page *page = data;
	bson_iter_t iter, sample;

	(void)err;
	if (!bson_iter_init(&iter, document) || !bson_iter_find_descendant(&iter, "_id.sample", &sample))
		return 0;
	while (page->at < page->count && page->records[page->at].sample.id < bson_iter_as_int64(&sample))
		page->at++;
	if (page->at == page->count || page->records[page->at].sample.id != bson_iter_as_int64(&sample))
		return 0;
	struct dataset_record *record = &page->records[page->at];
	record->events = memory_grow(record->events, record->event_count + 1, sizeof(*record->events));
	record->events[record->event_count++] = (struct label_event){.undoes = number_in(document, "undoes"),
	                                                             .merged = memory_text(text_in(document, "merged")),
	                                                             .label = memory_text(text_in(document, "label")),
	                                                             .by = memory_text(text_in(document, "by")),
	                                                             .at = number_in(document, "at"),
	                                                             .source = memory_text(text_in(document, "source")),
	                                                             .lead_time_ms = number_in(document, "lead_time_ms")};
	return 0;
}

static void empty_page(struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		dataset_record_release(&page->records[i]);
	page->count = page->at = 0;
	records_release(&page->found);
}

static int export_records(struct work *work, void *data, struct err *err)
{
	struct page *page = data;
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(page->dataset), "id", "{", "$gt", BCON_INT64(page->after), "}");
	bson_t *opts = opts_hint("id", (int64_t)page->limit);
	struct tombstone *tombstones = NULL;
	size_t count = 0;

	BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}");
	empty_page(page);
	if (work_find(work, "images", filter, opts, records_visit, &page->found, err))
		return -1;
	if (!page->votes_kept && records_take_events(work, page->dataset, &page->found, err))
		return -1;
	for (; page->count < page->found.count; page->count++)
		take_record(&page->found.item[page->count], &page->records[page->count]);
	if (tombstones_page(work, page->dataset, false, page->after, page->limit, &tombstones, &count, err))
		return -1;
	page->count = records_with_tombstones(page->records, page->count, tombstones, count, page->limit);
	if (page->count == 0)
		return 0;
	return work_find(work, "events",
	                 events_filter(page->dataset, page->records[0].sample.id,
	                               page->records[page->count - 1].sample.id + 1),
	                 BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}"), export_event, page, err);
}

static bool votes_are_kept(struct mongodb_dataset *dataset)
{
	pthread_mutex_lock(&dataset->mutex);
	bool kept = dataset->settings.votes_kept;
	pthread_mutex_unlock(&dataset->mutex);
	return kept;
}

int mongodb_records(struct dataset *base, int64_t after, size_t limit, struct dataset_record **out, size_t *count,
                    struct err *err)
{
	struct page page = {
		.dataset = base->name, .after = after, .limit = limit, .votes_kept = votes_are_kept(mongodb_dataset(base))};

	page.records = memory_new(limit, sizeof(*page.records));
	int failed = work_transaction(mongodb_dataset(base)->store, export_records, &page, err);
	if (failed) {
		empty_page(&page);
		free(page.records);
		return -1;
	}
	records_release(&page.found);
	*out = page.records;
	*count = page.count;
	return 0;
}

/* --- everything --------------------------------------------------------------------------------------------------- */

static int export_all(struct work *work, struct mongodb_dataset *dataset, struct page *page,
                      const struct dataset_export *to, struct err *err)
{
	struct dataset_outline outline = {.base_dir = NULL};
	struct outlining outlining = {.dataset = page->dataset, .out = &outline};
	int failed = export_outline(work, &outlining, err) || to->outline(to->data, &outline, err);

	dataset_outline_release(&outline);
	failed = failed || (to->counts && counts_pass(work, dataset, to, err));
	while (!failed) {
		failed = export_records(work, page, err) ||
		         (page->count > 0 && to->records(to->data, page->records, page->count, err));
		if (page->count < page->limit)
			break;
		page->after = page->records[page->count - 1].sample.id;
	}
	empty_page(page);
	return failed;
}

/* By a snapshot session (snapshot.c). */
int mongodb_export(struct dataset *base, const struct dataset_export *to, struct err *err)
{
	struct page page = {.dataset = base->name,
	                    .after = -1,
	                    .limit = DATASET_RESTORE_MAX,
	                    .votes_kept = votes_are_kept(mongodb_dataset(base))};
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) || work_freeze(&work, err);

	if (!failed) {
		page.records = memory_new(page.limit, sizeof(*page.records));
		failed = export_all(&work, mongodb_dataset(base), &page, to, err);
		free(page.records);
		mongoc_client_session_destroy(work.session);
	}
	work_end(&work);
	return failed;
}

/* --- of samples whose answer is known ----------------------------------------------------------------------------- */

bson_t *gold_filter(const char *dataset)
{
	return BCON_NEW("dataset", BCON_UTF8(dataset), "gold", BCON_BOOL(true));
}

void record_move_out(struct record *from, struct dataset_record *out)
{
	take_record(from, out);
	out->events = from->heard;
	out->event_count = from->heard_count;
	from->heard = NULL;
	from->heard_count = 0;
}

/* In one transaction, so that each record is from one moment. */
static int export_gold(struct work *work, void *data, struct err *err)
{
	struct page *page = data;
	bson_t *opts = opts_hint("gold", 0);

	BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "gold", BCON_INT32(1), "id", BCON_INT32(1), "}");
	records_release(&page->found);
	return work_find(work, "images", gold_filter(page->dataset), opts, records_visit, &page->found, err) ||
	       (page->found.count > 0 && records_read_all_events(work, page->dataset, &page->found, err));
}

static int has_gold(void *data, const bson_t *document, struct err *err)
{
	(void)document;
	(void)err;
	*(bool *)data = true;
	return 0;
}

int mongodb_gold(struct dataset *base, struct dataset_record **out, size_t *count, struct err *err)
{
	struct page page = {.dataset = base->name};
	struct work work;
	bool any = false;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) ||
	             work_find(&work, "images", gold_filter(base->name), opts_hint("gold", 1), has_gold, &any, err) ||
	             (any && work_transaction_in(&work, export_gold, &page, err)); /* most datasets have none */

	work_end(&work);

	*out = memory_new(page.found.count + 1, sizeof(**out));
	*count = failed ? 0 : page.found.count;
	for (size_t i = 0; i < *count; i++)
		record_move_out(&page.found.item[i], &(*out)[i]);
	records_release(&page.found);
	return failed;
}
