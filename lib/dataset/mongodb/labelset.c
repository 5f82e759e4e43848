/* The labels of a dataset in MongoDB: its labels document, and the process's copy of it. */
#include "dataset/mongodb/store.h"

#include "base/text.h"

void label_set_release(struct label_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free(set->label[i].name);
		free(set->label[i].description);
	}
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
			set->label = memory_grow(set->label, capacity, sizeof(*set->label));
		}
		set->label[set->count++] = (struct dataset_label){
			.key = key, .name = memory_text(bson_iter_utf8(&iter, NULL)), .position = (double)key};
	}
	return 0;
}

static int label_by_name(const void *a, const void *b)
{
	return strcmp(((const struct dataset_label *)a)->name, ((const struct dataset_label *)b)->name);
}

static void sort_labels(struct label_set *set, int (*compare)(const void *, const void *))
{
	if (set->count > 1)
		qsort(set->label, set->count, sizeof(*set->label), compare);
}

void label_set_order_by_name(struct label_set *set)
{
	sort_labels(set, label_by_name);
}

void label_set_order_by_key(struct label_set *set)
{
	sort_labels(set, label_by_key);
}

int labels_read(struct work *work, const char *name, struct label_set *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	int failed = work_find(work, "labels", BCON_NEW("_id", BCON_UTF8(name)), NULL, read_labels, out, err);
	label_set_order_by_name(out);
	return failed;
}

/* Reads the details of one label. */
static void read_detail(struct dataset_label *label, bson_iter_t *iter)
{
	while (bson_iter_next(iter)) {
		const char *field = bson_iter_key(iter);

		if (strcmp(field, "position") == 0)
			label->position = bson_iter_as_double(iter);
		else if (strcmp(field, "colour") == 0 && BSON_ITER_HOLDS_UTF8(iter))
			snprintf(label->colour, sizeof(label->colour), "%s", bson_iter_utf8(iter, NULL));
		else if (strcmp(field, "description") == 0 && BSON_ITER_HOLDS_UTF8(iter) && bson_iter_utf8(iter, NULL)[0])
			label->description = memory_text(bson_iter_utf8(iter, NULL));
	}
}

static void read_details(struct label_set *set, bson_iter_t *iter)
{
	while (bson_iter_next(iter)) {
		struct dataset_label wanted = {.key = -1}, *found;
		bson_iter_t detail;

		if (text_int64(bson_iter_key(iter), 0, INT64_MAX, &wanted.key) || set->count == 0)
			continue;
		found = bsearch(&wanted, set->label, set->count, sizeof(*set->label), label_by_key);
		if (found && BSON_ITER_HOLDS_DOCUMENT(iter) && bson_iter_recurse(iter, &detail))
			read_detail(found, &detail);
	}
}

static int read_described(void *data, const bson_t *document, struct err *err)
{
	bson_iter_t iter, of;

	read_labels(data, document, err);
	label_set_order_by_key(data);
	if (bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "details.0.of", &of) &&
	    BSON_ITER_HOLDS_DOCUMENT(&of) && bson_iter_recurse(&of, &iter))
		read_details(data, &iter);
	return WORK_ENOUGH;
}

int labels_read_described(struct work *work, const char *name, struct label_set *out, struct err *err)
{
	bson_t *both = BCON_NEW("pipeline", "[", "{", "$match", "{", "_id", BCON_UTF8(name), "}", "}", "{", "$lookup", "{",
	                        "from", BCON_UTF8("label_details"), "localField", BCON_UTF8("_id"), "foreignField",
	                        BCON_UTF8("_id"), "as", BCON_UTF8("details"), "}", "}", "]");

	memset(out, 0, sizeof(*out));
	return work_aggregate(work, "labels", both, read_described, out, err);
}

char *label_set_name(const struct label_set *labels, int64_t key)
{
	for (size_t i = 0; i < labels->count; i++) {
		if (labels->label[i].key == key)
			return memory_text(labels->label[i].name);
	}
	return NULL;
}

void label_set_order_by_position(struct label_set *set)
{
	sort_labels(set, label_by_position);
}

struct dataset_label *label_set_find(const struct label_set *set, const char *name)
{
	struct dataset_label wanted = {.name = (char *)(uintptr_t)name};

	return set->count ? bsearch(&wanted, set->label, set->count, sizeof(*set->label), label_by_name) : NULL;
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
		         label_set_find(&dataset->labels, label) && !settings_merging(&dataset->settings, label);
		pthread_mutex_unlock(&dataset->mutex);
		if (*known || tries > 0)
			return 0;
		if (labels_refresh(dataset, err))
			return -1;
	}
	return 0;
}

/* Inserts a label in order of name. */
static void label_set_add(struct label_set *set, int64_t key, const char *name)
{
	size_t at = set->count++;

	set->label = memory_grow(set->label, set->count, sizeof(*set->label));
	for (; at > 0 && strcmp(set->label[at - 1].name, name) > 0; at--)
		set->label[at] = set->label[at - 1];
	set->label[at] = (struct dataset_label){.key = key, .name = memory_text(name)};
}

int labels_insert(struct work *work, const char *dataset, struct settings *settings, const char *const *names,
                  size_t count, int64_t *last_key, int64_t *added, struct err *err)
{
	bson_t *update = bson_new(), set, fresh = BSON_INITIALIZER;
	struct label_set known;
	int failed = labels_read(work, dataset, &known, err);

	/* Another system's programs, which look for the last key in the document, may have added some. */
	for (size_t i = 0; i < known.count; i++)
		settings->next_label = known.label[i].key >= settings->next_label ? known.label[i].key + 1 : settings->next_label;
	*added = 0;
	BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
	for (size_t i = 0; i < count && !failed; i++) {
		struct dataset_label *found = label_set_find(&known, names[i]);
		char key[24];

		if (!found && known.count >= DATASET_LABELS_MAX) {
			failed = err_set(err, ERR_UNPROCESSABLE, "A dataset may have at most %d labels", DATASET_LABELS_MAX);
			break;
		}
		*last_key = found ? found->key : settings->next_label++;
		if (found)
			continue;
		snprintf(key, sizeof(key), "%lld", (long long)*last_key);
		BSON_APPEND_UTF8(&set, key, names[i]);
		BSON_APPEND_UTF8(&fresh, "0", names[i]); /* the server does not look at an array's keys */
		++*added;
		label_set_add(&known, *last_key, names[i]); /* the same name may be listed twice */
	}
	bson_append_document_end(update, &set);
	label_set_release(&known);
	if (failed || *added == 0) {
		bson_destroy(&fresh);
		bson_destroy(update);
		return failed;
	}
	settings->revision = new_revision();
	bson_t *forget = BCON_NEW("$pull", "{", "former", "{", "name", "{", "$in", BCON_ARRAY(&fresh), "}", "}", "}");
	bson_destroy(&fresh);
	if (work_update(work, "label_details", BCON_NEW("_id", BCON_UTF8(dataset)), forget, false, &(bool){0}, err)) {
		bson_destroy(update);
		return -1;
	}
	return work_update(work, "labels", BCON_NEW("_id", BCON_UTF8(dataset)), update, false, NULL, err);
}
