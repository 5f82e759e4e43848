/* Adopts documents of the older collecting system (with "Image URL", "Label", "Timestamp" alone) as samples of a
 * dataset. */
#include "dataset/mongodb/internal.h"

#include "base/text.h"

enum { ADOPT_AT_ONCE = 500 };

/* What a document says. */
struct finding {
	bson_t *id; /* {"_id": …} */
	char *url, *label;
	int64_t at;
	char key[DATASET_ADOPT_KEY_MAX];
	bool removed; /* it was a sample, and does not come back */
};

struct adoption {
	struct mongodb_dataset *dataset;
	dataset_adopt_key *key_of;
	void *data;
	char *after; /* the URL up to which all documents were looked at, for good */
	char *last;  /* the same within this transaction, which may have to run again */
	struct finding findings[ADOPT_AT_ONCE];
	size_t count;
	int64_t seen, taken;
	struct settings settings;
	struct records present, records;
	struct batch batch;
};

static void drop_findings(struct adoption *adoption)
{
	for (size_t i = 0; i < adoption->count; i++) {
		bson_destroy(adoption->findings[i].id);
		free(adoption->findings[i].url);
		free(adoption->findings[i].label);
	}
	adoption->count = 0;
}

/* When the document was made: by its Timestamp, whatever its type, else by its _id. */
static int64_t time_of(const bson_t *document)
{
	bson_iter_t iter;
	int64_t at;

	if (bson_iter_init_find(&iter, document, "Timestamp")) {
		if (BSON_ITER_HOLDS_DATE_TIME(&iter))
			return bson_iter_date_time(&iter) * 1000;
		if (BSON_ITER_HOLDS_UTF8(&iter) && text_time_parse(bson_iter_utf8(&iter, NULL), &at) == 0)
			return at;
	}
	if (bson_iter_init_find(&iter, document, "_id") && BSON_ITER_HOLDS_OID(&iter))
		return (int64_t)bson_oid_get_time_t(bson_iter_oid(&iter)) * MICROSECONDS;
	return text_now();
}

/* Leaves documents whose image is not in the image store, or whose label is not allowed here. */
static int see_document(void *data, const bson_t *document, struct err *err)
{
	struct adoption *adoption = data;
	struct finding *finding = &adoption->findings[adoption->count];
	const char *url = text_in(document, "Image URL"), *label = text_in(document, "Label");
	bson_iter_t iter;

	(void)err;
	adoption->seen++;
	free(adoption->last);
	adoption->last = memory_text(url);
	if (!adoption->key_of(adoption->data, url, finding->key) || (label[0] && text_check_label(label, NULL)) ||
	    !bson_iter_init_find(&iter, document, "_id"))
		return 0;
	finding->removed = false;
	finding->id = bson_new();
	bson_append_iter(finding->id, "_id", -1, &iter);
	finding->url = memory_text(url);
	finding->label = memory_text(label);
	finding->at = time_of(document);
	adoption->count++;
	return 0;
}

static int find_documents(struct work *work, struct adoption *adoption, struct err *err)
{
	bson_t *opts = opts_hint("foreign", ADOPT_AT_ONCE);

	BCON_APPEND(opts, "sort", "{", "Image URL", BCON_INT32(1), "}");
	return work_find(work, "images",
	                 BCON_NEW("dataset", BCON_NULL, "Image URL", "{", "$gt", BCON_UTF8(adoption->after), "}"), opts,
	                 see_document, adoption, err);
}

/* Adds the labels that the dataset lacks. */
static int adopt_labels(struct work *work, struct adoption *adoption, struct err *err)
{
	const char *names[ADOPT_AT_ONCE];
	size_t count = 0;
	int64_t key, added;

	for (size_t i = 0; i < adoption->count; i++) {
		if (adoption->findings[i].label[0])
			names[count++] = adoption->findings[i].label;
	}
	return labels_insert(work, adoption->dataset->base.name, &adoption->settings, names, count, &key, &added, err);
}

static bool adopt_is_present(const struct adoption *adoption, const char *key)
{
	for (size_t i = 0; i < adoption->present.count; i++) {
		if (strcmp(adoption->present.item[i].sample.filepath, key) == 0)
			return true;
	}
	for (size_t i = 0; i < adoption->records.count; i++) {
		if (strcmp(adoption->records.item[i].sample.filepath, key) == 0)
			return true;
	}
	return false;
}

/* Its key becomes its filepath, as for images that the same requests upload here. */
static int adopt_take(struct adoption *adoption, struct finding *finding, struct err *err)
{
	if (finding->removed || adopt_is_present(adoption, finding->key))
		return 0;
	struct record *record =
		record_new(&adoption->records, adoption->settings.next_id++, finding->key, finding->label);

	record->sample.blob_key = memory_text(finding->key);
	record->sample.type = memory_text(adoption->key_of(adoption->data, finding->url, finding->key));
	record->sample.uploaded_at = finding->at;
	record->sample.labelled_at = finding->label[0] ? finding->at : 0;
	record->url = memory_text(finding->url);
	record->adopts = finding->id;
	finding->id = NULL;
	const struct label_event event = {
		.label = finding->label, .by = "", .at = finding->at, .source = "seed", .lead_time_ms = -1};
	if (finding->label[0])
		batch_event(&adoption->batch, record, &event, NULL);
	adoption->taken++;
	return batch_save(&adoption->batch, record, err);
}

static int adopt_see_removed(void *data, const bson_t *document, struct err *err)
{
	struct adoption *adoption = data;

	(void)err;
	for (size_t i = 0; i < adoption->count; i++) {
		if (strcmp(adoption->findings[i].key, text_in(document, "filepath")) == 0)
			adoption->findings[i].removed = true;
	}
	return 0;
}

static int find_taken(struct work *work, struct adoption *adoption, struct err *err)
{
	const char *keys[ADOPT_AT_ONCE];

	for (size_t i = 0; i < adoption->count; i++)
		keys[i] = adoption->findings[i].key;
	return records_find(work, adoption->dataset->base.name, "filepath", keys, adoption->count, &adoption->present, err) ||
	       (adoption->settings.gaps > 0 && tombstones_find(work, adoption->dataset->base.name, "filepath", keys,
	                                                       adoption->count, adopt_see_removed, adoption, err));
}

static int adoption_start_over(struct work *work, struct adoption *adoption, struct err *err)
{
	drop_findings(adoption);
	records_release(&adoption->present);
	records_release(&adoption->records);
	settings_release(&adoption->settings);
	adoption->seen = 0;
	adoption->taken = 0;
	return batch_restart(&adoption->batch, work, err);
}

/* Adding samples writes the dataset's document, so two servers that start at once cannot both adopt the same
 * documents. */
static int run_adoption(struct work *work, void *data, struct err *err)
{
	struct adoption *adoption = data;
	const char *name = adoption->dataset->base.name;

	int failed = adoption_start_over(work, adoption, err) || settings_read(work, name, &adoption->settings, err) ||
	             find_documents(work, adoption, err) || adopt_labels(work, adoption, err) ||
	             find_taken(work, adoption, err);
	for (size_t i = 0; i < adoption->count && !failed; i++)
		failed = adopt_take(adoption, &adoption->findings[i], err);
	if (!failed && adoption->taken > 0)
		failed = settings_save(work, name, &adoption->settings, err) || batch_write(&adoption->batch, err);
	return failed;
}

/* Only after the commit are the documents done with: a transaction that failed looks at the same ones again. */
static void go_on(struct adoption *adoption)
{
	if (!adoption->last)
		return;
	free(adoption->after);
	adoption->after = adoption->last;
	adoption->last = NULL;
}

int mongodb_adopt(struct dataset *base, dataset_adopt_key *key_of, void *data, struct dataset_adopted *out,
                  struct err *err)
{
	struct adoption *adoption = memory_new(1, sizeof(*adoption));
	int failed = 0;

	adoption->dataset = mongodb_dataset(base);
	adoption->key_of = key_of;
	adoption->data = data;
	adoption->after = memory_text("");
	adoption->batch.dataset = base->name;
	adoption->batch.shard = adoption->dataset->store->shard;
	pthread_mutex_lock(&adoption->dataset->structure);
	for (bool more = true; more && !failed;) {
		failed = work_transaction(adoption->dataset->store, run_adoption, adoption, err);
		more = adoption->seen == ADOPT_AT_ONCE;
		if (!failed)
			go_on(adoption);
		out->taken += failed ? 0 : adoption->taken;
		out->left += failed ? 0 : adoption->seen - adoption->taken;
	}
	pthread_mutex_unlock(&adoption->dataset->structure);
	drop_findings(adoption);
	records_release(&adoption->present);
	records_release(&adoption->records);
	settings_release(&adoption->settings);
	batch_clear(&adoption->batch);
	free(adoption->after);
	free(adoption->last);
	free(adoption);
	return failed;
}
