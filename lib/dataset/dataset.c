/* The store's interface: checks the form of every argument, then calls the configured backend. */
#include "dataset/dataset.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/module.h"
#include "base/text.h"
#include "dataset/backend.h"
#include "dataset/handles.h"
#include "dataset/rules.h"
#include "dataset/spelling.h"

/* MongoDB's client needs many libraries: it is a module, unless it is linked in (as in the contract tests). */
extern const struct dataset_backend dataset_mongodb __attribute__((weak));

static const struct {
	const char *type;
	const struct dataset_backend *backend;
	const char *module, *symbol; /* where to find it if it is not linked in */
} backends[] = {
	{"sqlite", &dataset_sqlite, NULL, NULL},
	{"mongodb", &dataset_mongodb, "mongodb", "dataset_mongodb"},
};

/* --- the store ---------------------------------------------------------------------------------------------------- */

static const struct dataset_backend *dataset_load(size_t i, struct err *err)
{
	/* libmongoc reads this when it is loaded: without it each process leaves a file of counters in /dev/shm. */
	setenv("MONGOC_DISABLE_SHM", "1", 0);
	return module_symbol(backends[i].module, backends[i].symbol, err);
}

static int open_store(struct dataset_store **out, const struct config *config, bool reading, struct err *err)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++) {
		if (strcmp(backends[i].type, config->dataset_store.type) != 0)
			continue;
		const struct dataset_backend *backend = backends[i].backend;
		if (!backend)
			backend = dataset_load(i, err);
		if (backend && backend->log_to)
			backend->log_to(log_write);
		if (!backend || backend->store_open(out, config, reading, err))
			return -1;
		(*out)->backend = backend;
		return 0;
	}
	return err_set(err, ERR_BAD_REQUEST, "There is no dataset store \"%s\"", config->dataset_store.type);
}

int dataset_store_open(struct dataset_store **out, const struct config *config, struct err *err)
{
	return open_store(out, config, false, err);
}

int dataset_store_open_reading(struct dataset_store **out, const struct config *config, struct err *err)
{
	return open_store(out, config, true, err);
}

void dataset_store_free(struct dataset_store *store)
{
	if (store)
		store->backend->store_free(store);
}

int dataset_store_ping(struct dataset_store *store, struct err *err)
{
	return store->backend->store_ping(store, err) ? err_from(err, ERR_FROM_DATASETS) : 0;
}

int dataset_store_list(struct dataset_store *store, const char *after, size_t limit, dataset_name_visit *visit,
                       void *data, struct err *err)
{
	return store->backend->store_list(store, after, limit, visit, data, err) ? err_from(err, ERR_FROM_DATASETS) : 0;
}

static bool keep_name(void *data, const char *name)
{
	*(char **)data = memory_text(name);
	return false;
}

int dataset_store_each(struct dataset_store *store, dataset_store_visit *visit, void *data, struct err *err)
{
	char *after = memory_text(""), *name = NULL;
	int failed = dataset_store_list(store, after, 1, keep_name, &name, err);

	while (!failed && name) {
		free(after);
		after = name;
		name = NULL;
		failed = visit(data, after, err) || dataset_store_list(store, after, 1, keep_name, &name, err);
	}
	free(after);
	return failed;
}

void dataset_store_place(struct dataset_store *store, struct buf *out)
{
	store->backend->store_place(store, out);
}

int dataset_store_fold(struct dataset_store *store, struct err *err)
{
	return store->backend->store_fold ? store->backend->store_fold(store, err) : 0;
}

/* --- a dataset ---------------------------------------------------------------------------------------------------- */

static int check_policy(const struct dataset_policy *policy, struct err *err)
{
	if (policy->overlap < 1 || policy->overlap > DATASET_OVERLAP_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"overlap\" must be from 1 to %d", DATASET_OVERLAP_MAX);
	if (policy->overlap_max < 0 || policy->overlap_max > DATASET_OVERLAP_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"overlap_max\" must be from \"overlap\" to %d", DATASET_OVERLAP_MAX);
	if (policy->lease_seconds < 0 || policy->lease_seconds > DATASET_LEASE_SECONDS_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"lease_seconds\" must be from 1 to %d, or 0 for the server's own",
		               DATASET_LEASE_SECONDS_MAX);
	if (!dataset_order_name(policy->order) || !dataset_skip_name(policy->skip))
		return err_set(err, ERR_BAD_REQUEST, "The policy's order or skip is not known");
	if (policy->gold_rate < 0 || policy->gold_rate > 100)
		return err_set(err, ERR_BAD_REQUEST, "\"gold_rate\" must be from 0 to 100, in per cent");
	return rules_check_policy(policy, err);
}

int dataset_check_folder(const char *base_dir, struct err *err)
{
	if (base_dir[0] != '\0' && base_dir[0] != '/')
		return err_set(err, ERR_BAD_REQUEST, "\"base_dir\" must be an absolute path");
	if (text_has_control(base_dir) || !text_utf8_valid(base_dir, strlen(base_dir)))
		return err_set(err, ERR_BAD_REQUEST, "\"base_dir\" has control characters or is not UTF-8");
	if (strlen(base_dir) > TEXT_FILEPATH_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"base_dir\" is longer than %d bytes", TEXT_FILEPATH_MAX);
	return 0;
}

int dataset_create(struct dataset_store *store, const char *name, const char *base_dir,
                   const struct dataset_policy *policy, struct err *err)
{
	struct dataset_policy defaults = dataset_policy_default();

	if (!policy)
		policy = &defaults;
	if (text_check_dataset_name(name, err) || dataset_check_folder(base_dir, err) || check_policy(policy, err))
		return -1;
	return store->backend->create(store, name, base_dir, policy, err);
}

/* A malformed name belongs to no dataset. */
static int check_exists(const char *name, struct err *err)
{
	return text_check_dataset_name(name, NULL) ? err_set(err, ERR_NOT_FOUND, "Database not found") : 0;
}

int dataset_remove(struct dataset_store *store, const char *name, struct err *err)
{
	return check_exists(name, err) || store->backend->remove(store, name, err);
}

int dataset_open(struct dataset_store *store, const char *name, struct dataset **out, struct err *err)
{
	if (check_exists(name, err))
		return -1;
	return store->backend->open(store, name, out, err) ? err_from(err, ERR_FROM_DATASETS) : 0;
}

void dataset_close(struct dataset *dataset)
{
	if (dataset)
		dataset->backend->close(dataset);
}

void dataset_close_passing(struct dataset *dataset)
{
	if (dataset)
		handles_pass(dataset);
	dataset_close(dataset);
}

const char *dataset_name(const struct dataset *dataset)
{
	return dataset->name;
}

int dataset_info(struct dataset *dataset, struct dataset_info *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (dataset->backend->info(dataset, out, err) == 0)
		return 0;
	dataset_info_release(out);
	return -1;
}

int dataset_place_since(struct dataset *dataset, int64_t since, struct dataset_place *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (dataset->backend->place(dataset, since, out, err) == 0)
		return 0;
	dataset_place_release(out);
	return -1;
}

int dataset_place(struct dataset *dataset, struct dataset_place *out, struct err *err)
{
	return dataset_place_since(dataset, clock_us(), out, err);
}

int dataset_place_now(struct dataset *dataset, struct dataset_place *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (dataset->backend->refresh && dataset->backend->refresh(dataset, err))
		return -1;
	return dataset_place(dataset, out, err);
}

int dataset_labels(struct dataset *dataset, struct dataset_labels *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (dataset->backend->labels(dataset, out, err) == 0)
		return 0;
	dataset_labels_release(out);
	return -1;
}

int dataset_counts(struct dataset *dataset, struct dataset_counts *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return dataset->backend->counts(dataset, out, err);
}

/* Reads what a request may need, so that a dataset on which it would fail is found now. */
int dataset_check(struct dataset *dataset, struct err *err)
{
	struct dataset_place place;
	struct dataset_labels labels = {.count = 0};
	int failed = dataset_place_now(dataset, &place, err) || dataset_labels(dataset, &labels, err);

	dataset_labels_release(&labels);
	dataset_place_release(&place);
	if (failed)
		return -1;
	return dataset->backend->check ? dataset->backend->check(dataset, err) : 0;
}

int dataset_size(struct dataset *dataset, int64_t *out, struct err *err)
{
	return dataset->backend->size(dataset, out, err);
}

int dataset_update(struct dataset *dataset, const struct dataset_change *change, struct err *err)
{
	struct dataset_policy policy = dataset_policy_default();

	rules_merge_policy(&policy, change);
	if ((change->base_dir && dataset_check_folder(change->base_dir, err)) || check_policy(&policy, err))
		return -1;
	return dataset->backend->update(dataset, change, err);
}

int dataset_label_add(struct dataset *dataset, const char *name, int64_t *key, bool *created, struct err *err)
{
	char *spelled = NULL;
	int failed = text_check_label(name, err) || spelling_of(dataset, name, &spelled, err) ||
	             text_check_label(spelled, err) || dataset->backend->label_add(dataset, spelled, key, created, err);

	free(spelled);
	return failed;
}

/* --- samples ------------------------------------------------------------------------------------------------------ */

int dataset_sample(struct dataset *dataset, int64_t id, struct sample *out, struct err *err)
{
	return dataset->backend->sample(dataset, id, out, err);
}

int dataset_sample_by_path(struct dataset *dataset, const char *filepath, struct sample *out, struct err *err)
{
	return dataset->backend->sample_by_path(dataset, filepath, out, err);
}

int dataset_sample_by_sha256(struct dataset *dataset, const char *sha256, struct sample *out, struct err *err)
{
	return dataset->backend->sample_by_sha256(dataset, sha256, out, err);
}

int dataset_check_limit(size_t limit, struct err *err)
{
	return limit >= 1 && limit <= DATASET_PAGE_MAX
	               ? 0
	               : err_set(err, ERR_BAD_REQUEST, "\"limit\" must be from 1 to %d", DATASET_PAGE_MAX);
}

int dataset_samples_page(struct dataset *dataset, const struct sample_filter *filter, struct sample_page *page,
                         struct err *err)
{
	struct sample_filter spelled = filter ? *filter : (struct sample_filter){.of_state = false};
	char *label = NULL;

	page->item = NULL;
	page->count = 0;
	if (dataset_check_limit(page->limit, err) || (spelled.label && spelling_of(dataset, spelled.label, &label, err)))
		return -1;
	spelled.label = label;
	if (spelled.q && !spelled.q[0])
		spelled.q = NULL;
	int failed = dataset->backend->samples(dataset, &spelled, page, err);
	free(label);
	if (failed)
		sample_page_release(page);
	else if (page->count == page->limit)
		page->reached = page->item[page->count - 1].id;
	return failed;
}

void sample_page_release(struct sample_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		sample_release(&page->item[i]);
	free(page->item);
	page->item = NULL;
	page->count = 0;
}

int dataset_samples(struct dataset *dataset, const struct sample_filter *filter, int64_t after, size_t limit,
                    struct sample **out, size_t *count, struct err *err)
{
	struct sample_page page = {.after = after, .limit = limit};
	int failed = dataset_samples_page(dataset, filter, &page, err);

	*out = page.item;
	*count = page.count;
	return failed;
}

static int each_label_of_samples(struct dataset *dataset, int64_t *after, size_t limit, dataset_label_visit *visit,
                                 void *data, size_t *count, struct err *err)
{
	struct sample *page;

	if (dataset_samples(dataset, NULL, *after, limit, &page, count, err))
		return -1;
	for (size_t i = 0; i < *count; i++) {
		visit(data, page[i].filepath, page[i].label);
		*after = page[i].id;
		sample_release(&page[i]);
	}
	free(page);
	return 0;
}

int dataset_each_label(struct dataset *dataset, int64_t *after, size_t limit, dataset_label_visit *visit, void *data,
                       size_t *count, struct err *err)
{
	*count = 0;
	if (!dataset->backend->each_label)
		return each_label_of_samples(dataset, after, limit, visit, data, count, err);
	return dataset->backend->each_label(dataset, after, limit, visit, data, count, err);
}

int dataset_unreadable(struct dataset *dataset, int64_t after, size_t limit, struct sample **out, size_t *count,
                       struct err *err)
{
	const struct sample_filter filter = {.of_state = true, .state = SAMPLE_UNREADABLE};

	return dataset_samples(dataset, &filter, after, limit, out, count, err);
}

int dataset_flag(struct dataset *dataset, int64_t id, const char *user, const char *note, struct sample *out,
                 struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (note && strlen(note) > DATASET_FLAG_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"note\" is longer than %d bytes", DATASET_FLAG_MAX);
	if (note && (text_has_control(note) || !text_utf8_valid(note, strlen(note))))
		return err_set(err, ERR_BAD_REQUEST, "\"note\" has control characters or is not UTF-8");
	return dataset->backend->flag(dataset, id, user, note, out, err);
}

int dataset_merge(struct dataset *dataset, const char *const *labels, size_t label_count,
                  const struct dataset_seed *seeds, size_t seed_count, struct dataset_merged *merged, struct err *err)
{
	if (seed_count > DATASET_MERGE_MAX)
		return err_set(err, ERR_INTERNAL, "More than %d samples in one merge", DATASET_MERGE_MAX);
	for (size_t i = 0; i < label_count; i++) {
		if (text_check_label(labels[i], err))
			return -1;
	}
	for (size_t i = 0; i < seed_count; i++) {
		if (text_check_filepath(seeds[i].filepath, err) ||
		    (seeds[i].label[0] && text_check_label(seeds[i].label, err)))
			return -1;
	}
	struct spelling_merge spelled;
	if (spelling_of_all(dataset, labels, label_count, seeds, seed_count, &spelled, err))
		return -1;
	int failed = dataset->backend->merge(dataset, spelled.labels, spelled.label_count, spelled.seeds, seed_count, merged,
	                                     err);
	spelling_release(&spelled);
	return failed;
}

int dataset_adopt(struct dataset *dataset, dataset_adopt_key *key_of, void *data, struct dataset_adopted *out,
                  struct err *err)
{
	return dataset->backend->adopt ? dataset->backend->adopt(dataset, key_of, data, out, err) : 0;
}

int dataset_note_get(struct dataset *dataset, const char *key, char **value, struct err *err)
{
	return dataset->backend->note_get(dataset, key, value, err);
}

int dataset_note_set(struct dataset *dataset, const char *key, const char *value, struct err *err)
{
	if (strlen(value) > DATASET_NOTE_MAX)
		return err_set(err, ERR_INTERNAL, "A note is longer than %d bytes", DATASET_NOTE_MAX);
	return dataset->backend->note_set(dataset, key, value, err);
}

int dataset_add_image(struct dataset *dataset, const struct dataset_image *image, int64_t quota_bytes,
                      struct sample *out, bool *duplicate, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (text_check_filepath(image->filepath, err) || (image->label[0] && text_check_label(image->label, err)))
		return -1;
	return dataset->backend->add_image(dataset, image, quota_bytes, out, duplicate, err);
}

int dataset_has_blob(struct dataset *dataset, const char *blob_key, bool *out, struct err *err)
{
	return dataset->backend->has_blob(dataset, blob_key, out, err);
}

int dataset_set_urls(struct dataset *dataset, const struct dataset_url *urls, size_t count, struct err *err)
{
	if (count > DATASET_URLS_MAX)
		return err_set(err, ERR_INTERNAL, "More than %d URLs in one write", DATASET_URLS_MAX);
	return dataset->backend->set_urls(dataset, urls, count, err);
}

int dataset_set_contents(struct dataset *dataset, const struct dataset_content *contents, size_t count, struct err *err)
{
	if (count > DATASET_CONTENTS_MAX)
		return err_set(err, ERR_INTERNAL, "More than %d contents in one write", DATASET_CONTENTS_MAX);
	return dataset->backend->set_contents(dataset, contents, count, err);
}

int dataset_history(struct dataset *dataset, int64_t id, label_event_visit *visit, void *data, struct err *err)
{
	return dataset->backend->history(dataset, id, visit, data, err);
}
