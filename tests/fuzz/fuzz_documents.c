/* Fuzzes what is read back from MongoDB, where others write, too. The input's first byte chooses what is read; each
 * query finds the documents up to the next empty line: JSON, a line each. A connection string ('u') is a text.
 *
 * Parses: lib/dataset/mongodb/bson.c lib/dataset/mongodb/record.c lib/dataset/mongodb/settings.c
 * lib/dataset/mongodb/labelset.c lib/dataset/mongodb/stats.c lib/dataset/mongodb/export.c lib/dataset/mongodb/audit.c
 * lib/dataset/mongodb/snapshot.c lib/dataset/mongodb/removed.c lib/dataset/mongodb/uri.c */
#include "fuzz.h"

#include "base/config.h"
#include "dataset/mongodb/internal.h"

/* In place of the real ones (Makefile). */
int __wrap_work_begin(struct work *work, struct mongodb_store *store, struct err *err);
void __wrap_work_end(struct work *work);
int __wrap_work_find(struct work *work, const char *collection, bson_t *filter, bson_t *opts, work_visit *visit, void *data,
                     struct err *err);
int __wrap_work_aggregate(struct work *work, const char *collection, bson_t *pipeline, work_visit *visit, void *data,
                          struct err *err);
int __wrap_work_transaction(struct mongodb_store *store, work_run *run, void *data, struct err *err);
int __wrap_work_now(struct work *work, int64_t *now, struct err *err);

enum { PAGE = 20, DOCUMENTS_MAX = 50 };

static char *documents; /* those of the next query */

int __wrap_work_begin(struct work *work, struct mongodb_store *store, struct err *err)
{
	(void)err;
	*work = (struct work){.store = store};
	return 0;
}

void __wrap_work_end(struct work *work)
{
	(void)work;
}

static int give_documents(work_visit *visit, void *data, struct err *err)
{
	int given = 0;

	for (char *line; (line = strsep(&documents, "\n")) && *line;) {
		bson_t *document = bson_new_from_json((const uint8_t *)line, (ssize_t)strlen(line), NULL);
		int enough = document && given++ < DOCUMENTS_MAX ? visit(data, document, err) : 0;

		bson_destroy(document);
		if (enough)
			return enough == WORK_ENOUGH ? 0 : enough;
	}
	return 0;
}

int __wrap_work_find(struct work *work, const char *collection, bson_t *filter, bson_t *opts, work_visit *visit, void *data,
                     struct err *err)
{
	(void)work;
	(void)collection;
	bson_destroy(filter);
	bson_destroy(opts);
	return give_documents(visit, data, err);
}

int __wrap_work_aggregate(struct work *work, const char *collection, bson_t *pipeline, work_visit *visit, void *data,
                          struct err *err)
{
	return __wrap_work_find(work, collection, pipeline, NULL, visit, data, err);
}

int __wrap_work_transaction(struct mongodb_store *store, work_run *run, void *data, struct err *err)
{
	struct work work = {.store = store};

	return run(&work, data, err);
}

int __wrap_work_now(struct work *work, int64_t *now, struct err *err)
{
	(void)work;
	(void)err;
	*now = INT64_C(1800000000000000);
	return 0;
}

static void see_entry(void *data, int64_t number, const struct audit_entry *entry)
{
	(void)data;
	(void)number;
	require(entry->by && entry->action && entry->target && entry->dataset && entry->detail);
}

static void see_document(void *data, const char *name, const char *text)
{
	(void)data;
	require(name && text);
}

static void see_event(void *data, const struct label_event *event)
{
	(void)data;
	require(event->label && event->by);
}

static int read_page(struct dataset *dataset, struct err *err)
{
	const struct sample_filter filter = {.of_state = false};
	struct sample_page page = {.after = -1, .limit = PAGE};
	int failed = mongodb_samples(dataset, &filter, &page, err);

	for (size_t i = 0; !failed && i < page.count; i++) {
		const struct sample *sample = &page.item[i];

		require(sample->filepath && sample->label && sample->blob_key && sample->type && sample->sha256);
	}
	sample_page_release(&page);
	return failed;
}

static int read_records(struct dataset *dataset, struct err *err)
{
	struct dataset_record *records;
	size_t count;
	int failed = mongodb_records(dataset, -1, PAGE, &records, &count, err);

	for (size_t i = 0; !failed && i < count; i++) {
		unsigned char digest[HASH_SHA256_SIZE];

		dataset_record_digest(&records[i], digest);
		dataset_record_release(&records[i]);
	}
	if (!failed)
		free(records);
	return failed;
}

static int read_sayings(struct dataset *dataset, struct err *err)
{
	const struct saying_place newest = SAYINGS_NEWEST;
	struct sayings_found found = {.count = 0};
	int failed = mongodb_sayings(dataset, "ann", &newest, PAGE, &found, err);

	for (size_t i = 0; i < found.record_count; i++)
		dataset_record_release(&found.records[i]);
	free(found.records);
	free(found.places);
	return failed;
}

static int read_rest(struct dataset *dataset, char what, struct err *err)
{
	struct dataset_info info = {.counts = {0}};
	struct dataset_outline outline = {.label_count = 0};
	struct stats_kept stats = {.count = {0}};
	struct former_labels former = {.count = 0};
	struct snapshot *snapshots = NULL;
	size_t count = 0;
	int failed;

	switch (what) {
	case 'i':
		failed = mongodb_info(dataset, &info, err);
		if (!failed)
			dataset_info_release(&info);
		return failed;
	case 'o':
		failed = mongodb_outline(dataset, &outline, err);
		dataset_outline_release(&outline);
		return failed;
	case 't':
		failed = mongodb_stats(dataset, &stats, err);
		stats_kept_release(&stats);
		return failed;
	case 'f':
		failed = mongodb_label_former(dataset, &former, err);
		former_labels_release(&former);
		return failed;
	default:
		failed = mongodb_snapshot_list(dataset, "", PAGE, &snapshots, &count, err);
		snapshots_free(snapshots, count);
		return failed;
	}
}

static int read_back(struct mongodb_dataset *dataset, char what, struct err *err)
{
	switch (what) {
	case 'p': return read_page(&dataset->base, err);
	case 'r': return read_records(&dataset->base, err);
	case 'y': return read_sayings(&dataset->base, err);
	case 'h': return mongodb_history(&dataset->base, 1, see_event, NULL, err);
	case 'a': return mongodb_audit_list(&dataset->store->base, false, 0, PAGE, see_entry, NULL, err);
	case 'c': return mongodb_account_list(&dataset->store->base, see_document, NULL, err);
	default: return read_rest(&dataset->base, what, err);
	}
}

static void check_uri(char *text)
{
	static char nothing[] = "", database[] = "labels";
	const struct config config = {.path = nothing, .dataset_store = {.uri = text, .database = database}};
	struct err err = {0};
	struct buf hosts;

	mongodb_log_start();
	mongoc_uri_t *uri = strstr(text, "+srv") || strchr(text, '%') ? NULL : mongodb_uri(&config, &err); /* no DNS here */
	if (uri) {
		buf_init(&hosts, 4096);
		mongodb_hosts(&config, &hosts);
		buf_release(&hosts);
		mongoc_uri_destroy(uri);
	} else if (err.code) {
		require_told(&err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "cats", nothing[] = "";
	const struct config config = {.default_dataset = nothing, .limits = {.lease_seconds = 60}};
	struct mongodb_store store = {.base = {&dataset_mongodb}, .config = &config, .reading = true, .ready = true};
	struct mongodb_dataset dataset = {.base = {.backend = &dataset_mongodb, .name = name}, .store = &store};
	struct err err = {0};

	if (size == 0)
		return 0;
	char *text = documents = fuzz_text(data + 1, size - 1);
	pthread_mutex_init(&dataset.mutex, NULL);
	if (data[0] == 'u')
		check_uri(text);
	else if (read_back(&dataset, (char)data[0], &err))
		require_told(&err);
	settings_release(&dataset.settings);
	pthread_mutex_destroy(&dataset.mutex);
	free(text);
	return 0;
}
