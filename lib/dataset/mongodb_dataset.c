/* What belongs to a whole dataset in MongoDB: making and removing it, its settings, labels, counts and notes. */
#include "dataset/mongodb.h"

#include "base/text.h"

static bson_t *filter_dataset(const char *name)
{
	return BCON_NEW("_id", BCON_UTF8(name), "removed", "{", "$exists", BCON_BOOL(false), "}");
}

static bson_oid_t new_revision(void)
{
	bson_oid_t revision;

	bson_oid_init(&revision, NULL);
	return revision;
}

/* --- settings ------------------------------------------------------------------------------------------------------ */

void settings_release(struct settings *settings)
{
	free(settings->base_dir);
	memset(settings, 0, sizeof(*settings));
}

struct settings_read {
	struct settings *out;
	bool found;
};

static void read_policy(struct dataset_policy *policy, const bson_iter_t *from)
{
	bson_iter_t iter;

	if (!BSON_ITER_HOLDS_DOCUMENT(from) || !bson_iter_recurse(from, &iter))
		return;
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter), *text = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";

		if (strcmp(key, "overlap") == 0)
			policy->overlap = bson_iter_as_int64(&iter);
		else if (strcmp(key, "lease_seconds") == 0)
			policy->lease_seconds = bson_iter_as_int64(&iter);
		else if (strcmp(key, "order") == 0)
			dataset_order_parse(text, &policy->order, NULL);
		else if (strcmp(key, "skip") == 0)
			dataset_skip_parse(text, &policy->skip, NULL);
		else if (strcmp(key, "public") == 0)
			policy->public_images = bson_iter_as_bool(&iter);
	}
}

static int read_settings(void *data, const bson_t *document, struct err *err)
{
	struct settings_read *read = data;
	struct settings *out = read->out;
	bson_iter_t iter;

	(void)err;
	read->found = true;
	out->policy = dataset_policy_default();
	for (bool ok = bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
		const char *key = bson_iter_key(&iter);

		if (strcmp(key, "revision") == 0 && BSON_ITER_HOLDS_OID(&iter))
			bson_oid_copy(bson_iter_oid(&iter), &out->revision);
		else if (strcmp(key, "base_dir") == 0 && BSON_ITER_HOLDS_UTF8(&iter) && !out->base_dir)
			out->base_dir = text_copy(bson_iter_utf8(&iter, NULL));
		else if (strcmp(key, "policy") == 0)
			read_policy(&out->policy, &iter);
		else if (strcmp(key, "next_id") == 0)
			out->next_id = bson_iter_as_int64(&iter);
		else if (strcmp(key, "next_label") == 0)
			out->next_label = bson_iter_as_int64(&iter);
		else if (strcmp(key, "bytes") == 0)
			out->bytes = bson_iter_as_int64(&iter);
	}
	if (!out->base_dir)
		out->base_dir = text_copy("");
	return 1;
}

int settings_read(struct work *work, const char *name, struct settings *out, struct err *err)
{
	struct settings_read read = {.out = out};

	memset(out, 0, sizeof(*out));
	if (work_find(work, "datasets", filter_dataset(name), NULL, read_settings, &read, err))
		return -1;
	return read.found ? 0 : err_set(err, ERR_NOT_FOUND, "Database not found");
}

void settings_replace(struct mongodb_dataset *dataset, struct settings *settings)
{
	pthread_mutex_lock(&dataset->mutex);
	settings_release(&dataset->settings);
	dataset->settings = *settings;
	pthread_mutex_unlock(&dataset->mutex);
	memset(settings, 0, sizeof(*settings));
}

static struct dataset_policy resolved(const struct mongodb_dataset *dataset, const struct dataset_policy *stored)
{
	struct dataset_policy policy = *stored;

	if (policy.lease_seconds == 0)
		policy.lease_seconds = dataset->store->config->limits.lease_seconds;
	return policy;
}

struct dataset_policy current_policy(struct mongodb_dataset *dataset)
{
	pthread_mutex_lock(&dataset->mutex);
	struct dataset_policy policy = resolved(dataset, &dataset->settings.policy);
	pthread_mutex_unlock(&dataset->mutex);
	return policy;
}

int settings_refresh(struct mongodb_dataset *dataset, struct err *err)
{
	struct settings settings;
	struct work work;
	int failed = work_begin(&work, dataset->store, err) || settings_read(&work, dataset->base.name, &settings, err);

	work_end(&work);
	if (!failed)
		settings_replace(dataset, &settings);
	return failed ? -1 : 0;
}

/* --- labels -------------------------------------------------------------------------------------------------------- */

void label_set_release(struct label_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->label[i].name);
	free(set->label);
	memset(set, 0, sizeof(*set));
}

static int read_labels(void *data, const bson_t *document, struct err *err)
{
	struct label_set *set = data;
	bson_iter_t iter;
	size_t capacity = 0;

	(void)err;
	for (bool ok = bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
		int64_t key;

		if (!BSON_ITER_HOLDS_UTF8(&iter) || text_int64(bson_iter_key(&iter), 0, INT64_MAX, &key))
			continue;
		if (set->count == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			set->label = realloc(set->label, capacity * sizeof(*set->label));
			if (!set->label)
				abort();
		}
		set->label[set->count++] =
			(struct dataset_label){.key = key, .name = text_copy(bson_iter_utf8(&iter, NULL))};
	}
	return 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct dataset_label *)a)->name, ((const struct dataset_label *)b)->name);
}

static int by_key(const void *a, const void *b)
{
	const struct dataset_label *one = a, *other = b;

	return (one->key > other->key) - (one->key < other->key);
}

static void sort_labels(struct label_set *set, int (*compare)(const void *, const void *))
{
	if (set->count > 1)
		qsort(set->label, set->count, sizeof(*set->label), compare);
}

static int labels_read(struct work *work, const char *name, struct label_set *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return work_find(work, "labels", BCON_NEW("_id", BCON_UTF8(name)), NULL, read_labels, out, err);
}

static struct dataset_label *find_label(const struct label_set *set, const char *name)
{
	struct dataset_label wanted = {.name = (char *)(uintptr_t)name};

	return set->count ? bsearch(&wanted, set->label, set->count, sizeof(*set->label), by_name) : NULL;
}

static int labels_refresh(struct mongodb_dataset *dataset, struct err *err)
{
	struct settings settings;
	struct label_set labels = {.count = 0};
	struct work work;
	int failed = work_begin(&work, dataset->store, err) || settings_read(&work, dataset->base.name, &settings, err);

	if (!failed) {
		failed = labels_read(&work, dataset->base.name, &labels, err);
		labels.revision = settings.revision; /* or newer: then they are read once more than needed */
		settings_replace(dataset, &settings);
	}
	work_end(&work);
	if (failed) {
		label_set_release(&labels);
		return -1;
	}
	sort_labels(&labels, by_name);
	pthread_mutex_lock(&dataset->mutex);
	label_set_release(&dataset->labels);
	dataset->labels = labels;
	pthread_mutex_unlock(&dataset->mutex);
	return 0;
}

int label_known(struct mongodb_dataset *dataset, const char *label, bool *known, struct err *err)
{
	for (int tries = 0; tries < 2; tries++) {
		pthread_mutex_lock(&dataset->mutex);
		*known = bson_oid_equal(&dataset->labels.revision, &dataset->settings.revision) &&
		         find_label(&dataset->labels, label);
		pthread_mutex_unlock(&dataset->mutex);
		if (*known || tries > 0)
			return 0;
		if (labels_refresh(dataset, err))
			return -1;
	}
	return 0;
}

/* Puts a label where its name belongs. */
static void label_set_add(struct label_set *set, int64_t key, const char *name)
{
	size_t at = set->count++;

	set->label = realloc(set->label, set->count * sizeof(*set->label));
	if (!set->label)
		abort();
	for (; at > 0 && strcmp(set->label[at - 1].name, name) > 0; at--)
		set->label[at] = set->label[at - 1];
	set->label[at] = (struct dataset_label){.key = key, .name = text_copy(name)};
}

int labels_insert(struct work *work, const char *dataset, struct settings *settings, const char *const *names,
                  size_t count, int64_t *last_key, int64_t *added, struct err *err)
{
	bson_t *update = bson_new(), set;
	struct label_set known;
	int failed = labels_read(work, dataset, &known, err);

	sort_labels(&known, by_name);
	*added = 0;
	BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
	for (size_t i = 0; i < count && !failed; i++) {
		struct dataset_label *found = find_label(&known, names[i]);
		char key[24];

		if (!found && settings->next_label >= DATASET_LABELS_MAX) {
			failed = err_set(err, ERR_UNPROCESSABLE, "A dataset may have at most %d labels", DATASET_LABELS_MAX);
			break;
		}
		*last_key = found ? found->key : settings->next_label++;
		if (found)
			continue;
		snprintf(key, sizeof(key), "%lld", (long long)*last_key);
		BSON_APPEND_UTF8(&set, key, names[i]);
		++*added;
		label_set_add(&known, *last_key, names[i]); /* it may be listed twice */
	}
	bson_append_document_end(update, &set);
	label_set_release(&known);
	if (failed || *added == 0) {
		bson_destroy(update);
		return failed;
	}
	settings->revision = new_revision();
	return work_update(work, "labels", BCON_NEW("_id", BCON_UTF8(dataset)), update, false, NULL, err);
}

struct label_addition {
	struct mongodb_dataset *dataset;
	const char *name;
	int64_t key, added;
};

static int run_label_add(struct work *work, void *data, struct err *err)
{
	struct label_addition *addition = data;
	const char *name = addition->dataset->base.name;
	struct settings settings;

	int failed = settings_read(work, name, &settings, err) ||
	             labels_insert(work, name, &settings, &addition->name, 1, &addition->key, &addition->added, err) ||
	             (addition->added && settings_save(work, name, &settings, err));
	settings_release(&settings);
	return failed ? -1 : 0;
}

int mongodb_label_add(struct dataset *base, const char *name, int64_t *key, bool *created, struct err *err)
{
	struct label_addition addition = {.dataset = mongodb_dataset(base), .name = name};

	pthread_mutex_lock(&addition.dataset->structure);
	int failed = work_transaction(addition.dataset->store, run_label_add, &addition, err);
	pthread_mutex_unlock(&addition.dataset->structure);
	*key = addition.key;
	*created = addition.added > 0;
	return failed;
}

/* --- making and removing ------------------------------------------------------------------------------------------- */

int settings_save(struct work *work, const char *name, const struct settings *settings, struct err *err)
{
	return work_update(work, "datasets", filter_dataset(name),
	                   BCON_NEW("$set", "{", "revision", BCON_OID(&settings->revision), "next_id",
	                            BCON_INT64(settings->next_id), "next_label", BCON_INT64(settings->next_label), "bytes",
	                            BCON_INT64(settings->bytes), "}"),
	                   false, NULL, err);
}

static bson_t *policy_document(const struct dataset_policy *policy)
{
	return BCON_NEW("overlap", BCON_INT64(policy->overlap), "lease_seconds", BCON_INT64(policy->lease_seconds), "order",
	                BCON_UTF8(dataset_order_name(policy->order)), "skip", BCON_UTF8(dataset_skip_name(policy->skip)),
	                "public", BCON_BOOL(policy->public_images));
}

struct creation {
	const char *name, *base_dir;
	const struct dataset_policy *policy;
};

static int note_found(void *data, const bson_t *document, struct err *err)
{
	(void)document;
	(void)err;
	*(bool *)data = true;
	return 1;
}

static int run_create(struct work *work, void *data, struct err *err)
{
	const struct creation *creation = data;
	bson_oid_t revision = new_revision();
	bool taken = false, has_labels = false;

	if (work_find(work, "datasets", BCON_NEW("_id", BCON_UTF8(creation->name)), NULL, note_found, &taken, err) ||
	    work_find(work, "labels", BCON_NEW("_id", BCON_UTF8(creation->name)), NULL, note_found, &has_labels, err))
		return -1;
	if (taken)
		return err_set(err, ERR_CONFLICT, "A dataset named %s exists already", creation->name);
	bson_t *policy = policy_document(creation->policy);
	bson_t *document = BCON_NEW("_id", BCON_UTF8(creation->name), "revision", BCON_OID(&revision), "base_dir",
	                            BCON_UTF8(creation->base_dir), "policy", BCON_DOCUMENT(policy), "next_id",
	                            BCON_INT64(0), "next_label", BCON_INT64(0), "bytes", BCON_INT64(0));
	bson_destroy(policy);
	if (work_insert(work, "datasets", document, err))
		return -1;
	return has_labels ? 0 : work_insert(work, "labels", BCON_NEW("_id", BCON_UTF8(creation->name)), err);
}

int mongodb_create(struct dataset_store *base, const char *name, const char *base_dir,
                   const struct dataset_policy *policy, struct err *err)
{
	struct creation creation = {.name = name, .base_dir = base_dir, .policy = policy};
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err) || dataset_purge(&work, name, err) ||
	             work_transaction_in(&work, run_create, &creation, err);

	work_end(&work);
	return failed ? -1 : 0;
}

/* It is marked first, so that it is gone for everybody at once, and what a crash leaves is removed later. */
int mongodb_remove(struct dataset_store *base, const char *name, struct err *err)
{
	bson_oid_t revision = new_revision();
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err) ||
	             work_update(&work, "datasets", filter_dataset(name),
	                         BCON_NEW("$set", "{", "removed", BCON_BOOL(true), "revision", BCON_OID(&revision), "}"),
	                         false, NULL, err) ||
	             dataset_purge(&work, name, err);

	work_end(&work);
	return failed ? -1 : 0;
}

struct update {
	struct mongodb_dataset *dataset;
	const char *base_dir;
	const struct dataset_policy *policy;
	struct dataset_policy was;
};

static int run_update(struct work *work, void *data, struct err *err)
{
	struct update *update = data;
	struct settings settings;
	bson_oid_t revision = new_revision();
	bson_t *changes = bson_new(), set;

	BSON_APPEND_DOCUMENT_BEGIN(changes, "$set", &set);
	BSON_APPEND_OID(&set, "revision", &revision);
	if (update->base_dir)
		BSON_APPEND_UTF8(&set, "base_dir", update->base_dir);
	if (update->policy) {
		bson_t *policy = policy_document(update->policy);

		BSON_APPEND_DOCUMENT(&set, "policy", policy);
		bson_destroy(policy);
	}
	bson_append_document_end(changes, &set);
	int failed = settings_read(work, update->dataset->base.name, &settings, err);
	update->was = settings.policy;
	settings_release(&settings);
	if (failed) {
		bson_destroy(changes);
		return -1;
	}
	return work_update(work, "datasets", filter_dataset(update->dataset->base.name), changes, false, NULL, err);
}

int mongodb_update(struct dataset *base, const char *base_dir, const struct dataset_policy *policy, struct err *err)
{
	struct update update = {.dataset = mongodb_dataset(base), .base_dir = base_dir, .policy = policy};

	pthread_mutex_lock(&update.dataset->structure);
	int failed = work_transaction(update.dataset->store, run_update, &update, err) ||
	             settings_refresh(update.dataset, err) ||
	             (policy && policy->overlap != update.was.overlap && mongodb_overlap_changed(update.dataset, err));
	pthread_mutex_unlock(&update.dataset->structure);
	return failed ? -1 : 0;
}

/* --- counts -------------------------------------------------------------------------------------------------------- */

int mongodb_size(struct dataset *base, int64_t *out, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);
	struct settings settings = {.next_id = 0};
	struct work work;
	int failed = work_begin(&work, dataset->store, err) || settings_read(&work, base->name, &settings, err);

	work_end(&work);
	*out = settings.next_id; /* ids have no gaps, and no sample is ever removed alone */
	settings_release(&settings);
	return failed ? -1 : 0;
}

struct inquiry {
	struct mongodb_dataset *dataset;
	struct dataset_info *out;
	struct label_set labels;
};

static int64_t number_in(const bson_t *document, const char *key)
{
	bson_iter_t iter;

	return bson_iter_init_find(&iter, document, key) ? bson_iter_as_int64(&iter) : 0;
}

static const char *text_in(const bson_t *document, const char *key)
{
	bson_iter_t iter, at;

	return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, key, &at) && BSON_ITER_HOLDS_UTF8(&at)
	               ? bson_iter_utf8(&at, NULL)
	               : "";
}

static int read_count(void *data, const bson_t *document, struct err *err)
{
	struct inquiry *inquiry = data;
	struct dataset_counts *counts = &inquiry->out->counts;
	int64_t *const by_state[] = {&counts->unlabelled, &counts->labelled, &counts->skipped, &counts->unreadable};
	const char *name = text_in(document, "_id.name");
	int64_t n = number_in(document, "n");

	(void)err;
	if (strcmp(text_in(document, "_id.kind"), "label") == 0) {
		struct dataset_label *label = find_label(&inquiry->labels, name);

		if (label)
			label->count = n;
		return 0;
	}
	for (int state = SAMPLE_UNLABELLED; state <= SAMPLE_UNREADABLE; state++) {
		if (strcmp(name, sample_state_name((enum sample_state)state)) == 0)
			*by_state[state] = n;
	}
	return 0;
}

static bson_t *counters_pipeline(const char *name)
{
	return BCON_NEW("pipeline", "[", "{", "$match", "{", "dataset", BCON_UTF8(name), "}", "}", "{", "$group", "{",
	                "_id", "{", "kind", BCON_UTF8("$kind"), "name", BCON_UTF8("$name"), "}", "n", "{", "$sum",
	                BCON_UTF8("$n"), "}", "}", "}", "]");
}

static int read_leased(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	((struct inquiry *)data)->out->counts.leased = number_in(document, "n");
	return 0;
}

static bson_t *leased_pipeline(const char *name)
{
	int64_t now = text_now();

	return BCON_NEW("pipeline", "[", "{", "$match", "{", "dataset", BCON_UTF8(name), "leases", "{", "$exists",
	                BCON_BOOL(true), "}", "leases.user", "{", "$gte", BCON_UTF8(""), "}", "}", "}", "{", "$unwind",
	                BCON_UTF8("$leases"), "}", "{", "$match", "{", "leases.expires", "{", "$gt", BCON_INT64(now), "}",
	                "}", "}", "{", "$count", BCON_UTF8("n"), "}", "]");
}

/* In a transaction, so that the counts agree with each other. */
static int run_info(struct work *work, void *data, struct err *err)
{
	struct inquiry *inquiry = data;
	const char *name = inquiry->dataset->base.name;
	struct settings settings;

	dataset_info_release(inquiry->out);
	label_set_release(&inquiry->labels);
	int failed = settings_read(work, name, &settings, err) || labels_read(work, name, &inquiry->labels, err);
	if (failed) {
		settings_release(&settings);
		return -1;
	}
	sort_labels(&inquiry->labels, by_name);
	inquiry->out->base_dir = settings.base_dir;
	inquiry->out->policy = resolved(inquiry->dataset, &settings.policy);
	inquiry->out->counts.size = settings.next_id;
	inquiry->out->counts.bytes = settings.bytes;
	return work_aggregate(work, "counters", counters_pipeline(name), read_count, inquiry, err) ||
	                       work_aggregate(work, "images", leased_pipeline(name), read_leased, inquiry, err)
	               ? -1
	               : 0;
}

int mongodb_info(struct dataset *base, struct dataset_info *out, struct err *err)
{
	struct inquiry inquiry = {.dataset = mongodb_dataset(base), .out = out};

	if (work_transaction(inquiry.dataset->store, run_info, &inquiry, err)) {
		label_set_release(&inquiry.labels);
		return -1;
	}
	sort_labels(&inquiry.labels, by_key);
	out->labels = inquiry.labels.label;
	out->label_count = inquiry.labels.count;
	return 0;
}

/* --- notes --------------------------------------------------------------------------------------------------------- */

static int read_note(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(char **)data = text_copy(text_in(document, "value"));
	return 1;
}

int mongodb_note_get(struct dataset *base, const char *key, char **value, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err);

	*value = NULL;
	if (!failed)
		failed = work_find(&work, "notes", BCON_NEW("dataset", BCON_UTF8(base->name), "key", BCON_UTF8(key)), NULL,
		                   read_note, value, err);
	work_end(&work);
	return failed;
}

int mongodb_note_set(struct dataset *base, const char *key, const char *value, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err);

	if (!failed)
		failed = work_update(&work, "notes", BCON_NEW("dataset", BCON_UTF8(base->name), "key", BCON_UTF8(key)),
		                     BCON_NEW("$set", "{", "value", BCON_UTF8(value), "}"), true, NULL, err);
	work_end(&work);
	return failed;
}
