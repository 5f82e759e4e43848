/* A dataset's own document in MongoDB: its settings, making and removing it, its notes. */
#include "dataset/mongodb/internal.h"

#include "base/text.h"

bson_t *filter_dataset(const char *name)
{
	return BCON_NEW("_id", BCON_UTF8(name), "removed", "{", "$exists", BCON_BOOL(false), "}");
}

bson_oid_t new_revision(void)
{
	bson_oid_t revision;

	bson_oid_init(&revision, NULL);
	return revision;
}

/* --- settings ----------------------------------------------------------------------------------------------------- */

void relabelling_release(struct relabelling *relabelling)
{
	free(relabelling->from);
	free(relabelling->to);
	free(relabelling->by);
	memset(relabelling, 0, sizeof(*relabelling));
}

bool settings_merging(const struct settings *settings, const char *label)
{
	const struct relabelling *now = &settings->relabelling;

	return now->from && now->merged >= 0 && strcmp(now->from, label) == 0;
}

void settings_release(struct settings *settings)
{
	free(settings->base_dir);
	relabelling_release(&settings->relabelling);
	memset(settings, 0, sizeof(*settings));
}

struct settings_read {
	struct settings *out;
	bool found;
};

static void policy_from(struct dataset_policy *policy, const bson_iter_t *from, bool *limited)
{
	bson_iter_t iter;

	if (!BSON_ITER_HOLDS_DOCUMENT(from) || !bson_iter_recurse(from, &iter))
		return;
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter), *text = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";

		*limited = *limited || strcmp(key, "overlap_max") == 0;
		if (strcmp(key, "overlap") == 0)
			policy->overlap = bson_iter_as_int64(&iter);
		else if (strcmp(key, "overlap_max") == 0)
			policy->overlap_max = bson_iter_as_int64(&iter);
		else if (strcmp(key, "lease_seconds") == 0)
			policy->lease_seconds = bson_iter_as_int64(&iter);
		else if (strcmp(key, "order") == 0)
			dataset_order_parse(text, &policy->order, NULL);
		else if (strcmp(key, "skip") == 0)
			dataset_skip_parse(text, &policy->skip, NULL);
		else if (strcmp(key, "gold_rate") == 0)
			policy->gold_rate = bson_iter_as_int64(&iter);
		else if (strcmp(key, "public") == 0)
			policy->public_images = bson_iter_as_bool(&iter);
	}
}

static void read_relabelling(struct relabelling *out, const bson_iter_t *from)
{
	bson_iter_t iter;

	if (!BSON_ITER_HOLDS_DOCUMENT(from) || !bson_iter_recurse(from, &iter))
		return;
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter), *text = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";

		if (strcmp(key, "id") == 0 && BSON_ITER_HOLDS_OID(&iter))
			bson_oid_copy(bson_iter_oid(&iter), &out->id);
		else if (strcmp(key, "from") == 0)
			out->from = memory_text(text);
		else if (strcmp(key, "to") == 0)
			out->to = memory_text(text);
		else if (strcmp(key, "by") == 0)
			out->by = memory_text(text);
		else if (strcmp(key, "merged") == 0)
			out->merged = bson_iter_as_int64(&iter);
	}
}

static int settings_from(void *data, const bson_t *document, struct err *err)
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
		else if (strcmp(key, "uuid") == 0 && BSON_ITER_HOLDS_UTF8(&iter))
			snprintf(out->uuid, sizeof(out->uuid), "%s", bson_iter_utf8(&iter, NULL));
		else if (strcmp(key, "base_dir") == 0 && BSON_ITER_HOLDS_UTF8(&iter) && !out->base_dir)
			out->base_dir = memory_text(bson_iter_utf8(&iter, NULL));
		else if (strcmp(key, "policy") == 0)
			policy_from(&out->policy, &iter, &out->limited);
		else if (strcmp(key, "next_id") == 0)
			out->next_id = bson_iter_as_int64(&iter);
		else if (strcmp(key, "next_label") == 0)
			out->next_label = bson_iter_as_int64(&iter);
		else if (strcmp(key, "bytes") == 0)
			out->bytes = bson_iter_as_int64(&iter);
		else if (strcmp(key, "gaps") == 0)
			out->gaps = bson_iter_as_int64(&iter);
		else if (strcmp(key, "unfinished") == 0)
			out->unfinished = bson_iter_as_bool(&iter);
		else if (strcmp(key, "due") == 0 && BSON_ITER_HOLDS_OID(&iter))
			bson_oid_copy(bson_iter_oid(&iter), &out->due);
		else if (strcmp(key, "votes_kept") == 0)
			out->votes_kept = bson_iter_as_bool(&iter);
		else if (strcmp(key, "disputes_kept") == 0)
			out->disputes_kept = bson_iter_as_bool(&iter);
		else if (strcmp(key, "stats_kept") == 0)
			out->stats_kept = bson_iter_as_bool(&iter);
		else if (strcmp(key, "relabelling") == 0)
			read_relabelling(&out->relabelling, &iter);
	}
	if (!out->base_dir)
		out->base_dir = memory_text("");
	return 0;
}

int settings_read(struct work *work, const char *name, struct settings *out, struct err *err)
{
	struct settings_read read = {.out = out};

	memset(out, 0, sizeof(*out));
	if (work_find(work, "datasets", filter_dataset(name), NULL, settings_from, &read, err))
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

struct dataset_policy policy_resolved(const struct mongodb_dataset *dataset, const struct dataset_policy *stored)
{
	struct dataset_policy policy = *stored;

	if (policy.lease_seconds == 0)
		policy.lease_seconds = dataset->store->config->limits.lease_seconds;
	return policy;
}

struct dataset_policy current_policy(struct mongodb_dataset *dataset)
{
	pthread_mutex_lock(&dataset->mutex);
	struct dataset_policy policy = policy_resolved(dataset, &dataset->settings.policy);
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
	return failed;
}

int mongodb_refresh(struct dataset *dataset, struct err *err)
{
	return settings_refresh(mongodb_dataset(dataset), err);
}

/* As of when it was opened or refreshed, so nothing is asked. */
int mongodb_place(struct dataset *base, int64_t since, struct dataset_place *out, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);

	(void)since;
	(void)err;
	pthread_mutex_lock(&dataset->mutex);
	memcpy(out->uuid, dataset->settings.uuid, sizeof(out->uuid));
	out->base_dir = memory_text(dataset->settings.base_dir);
	out->policy = policy_resolved(dataset, &dataset->settings.policy);
	pthread_mutex_unlock(&dataset->mutex);
	return 0;
}

/* A dataset that an earlier version made has no uuid yet. */
int settings_give_uuid(struct work *work, const char *name, struct settings *settings, struct err *err)
{
	char uuid[HASH_UUID_MAX];
	bson_t *filter = filter_dataset(name);
	bool given;

	hash_random_uuid(uuid);
	BCON_APPEND(filter, "uuid", "{", "$exists", BCON_BOOL(false), "}");
	if (work_update(work, "datasets", filter, BCON_NEW("$set", "{", "uuid", BCON_UTF8(uuid), "}"), false, &given, err))
		return -1;
	settings_release(settings);
	return settings_read(work, name, settings, err); /* another process may have been quicker */
}

/* --- making and removing ------------------------------------------------------------------------------------------ */

int settings_save(struct work *work, const char *name, const struct settings *settings, struct err *err)
{
	return work_update(work, "datasets", filter_dataset(name),
	                   BCON_NEW("$set", "{", "revision", BCON_OID(&settings->revision), "next_id",
	                            BCON_INT64(settings->next_id), "next_label", BCON_INT64(settings->next_label), "bytes",
	                            BCON_INT64(settings->bytes), "gaps", BCON_INT64(settings->gaps), "}"),
	                   false, NULL, err);
}

bson_t *policy_document(const struct dataset_policy *policy)
{
	return BCON_NEW("overlap", BCON_INT64(policy->overlap), "overlap_max", BCON_INT64(policy->overlap_max),
	                "lease_seconds", BCON_INT64(policy->lease_seconds), "order",
	                BCON_UTF8(dataset_order_name(policy->order)), "skip", BCON_UTF8(dataset_skip_name(policy->skip)),
	                "public", BCON_BOOL(policy->public_images), "gold_rate", BCON_INT64(policy->gold_rate));
}

struct creation {
	const char *name, *base_dir;
	const struct dataset_policy *policy;
};

static int note_taken(void *data, const bson_t *document, struct err *err)
{
	bson_iter_t iter;

	return bson_iter_init_find(&iter, document, "unfinished")
	               ? err_set(err, ERR_CONFLICT, "A dataset named %s is being moved here from another store", (char *)data)
	               : err_set(err, ERR_CONFLICT, "A dataset named %s exists already", (char *)data);
}

/* The labels may exist before the dataset: the default dataset's, from the older collecting system. */
static int note_labels(void *data, const bson_t *document, struct err *err)
{
	int64_t *next = data, key;
	bson_iter_t iter;

	(void)err;
	*next = 0;
	for (bool ok = bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
		if (!text_int64(bson_iter_key(&iter), 0, INT64_MAX - 1, &key) && key >= *next)
			*next = key + 1;
	}
	return 0;
}

static int run_create(struct work *work, void *data, struct err *err)
{
	const struct creation *creation = data;
	bson_oid_t revision = new_revision();
	int64_t next_label = -1;

	if (work_find(work, "datasets", BCON_NEW("_id", BCON_UTF8(creation->name)), NULL, note_taken,
	              (void *)(uintptr_t)creation->name, err) ||
	    work_find(work, "labels", BCON_NEW("_id", BCON_UTF8(creation->name)), NULL, note_labels, &next_label, err))
		return -1;
	bson_t *policy = policy_document(creation->policy);
	char uuid[HASH_UUID_MAX];
	hash_random_uuid(uuid);
	bson_t *document =
		BCON_NEW("_id", BCON_UTF8(creation->name), "uuid", BCON_UTF8(uuid), "revision", BCON_OID(&revision),
	                 "base_dir", BCON_UTF8(creation->base_dir), "policy", BCON_DOCUMENT(policy), "next_id",
	                 BCON_INT64(0), "next_label", BCON_INT64(next_label < 0 ? 0 : next_label), "bytes",
	                 BCON_INT64(0), "votes_kept", BCON_BOOL(true), "disputes_kept", BCON_BOOL(true), "stats_kept",
	                 BCON_BOOL(true));
	bson_destroy(policy);
	if (work_insert(work, "datasets", document, err))
		return -1;
	return next_label >= 0 ? 0 : work_insert(work, "labels", BCON_NEW("_id", BCON_UTF8(creation->name)), err);
}

int mongodb_create(struct dataset_store *base, const char *name, const char *base_dir,
                   const struct dataset_policy *policy, struct err *err)
{
	struct creation creation = {.name = name, .base_dir = base_dir, .policy = policy};
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err) || dataset_purge(&work, name, err) ||
	             work_transaction_in(&work, run_create, &creation, err);

	work_end(&work);
	return failed;
}

/* Marks it first, so that it is gone for everybody at once, and what a crash leaves is removed later. */
int dataset_mark_removed(struct work *work, const char *name, bool unfinished, struct err *err)
{
	bson_oid_t revision = new_revision();
	bson_t *filter = filter_dataset(name);

	BCON_APPEND(filter, "unfinished", "{", "$exists", BCON_BOOL(unfinished), "}");
	return work_update(work, "datasets", filter,
	                   BCON_NEW("$set", "{", "removed", BCON_BOOL(true), "revision", BCON_OID(&revision), "}"), false,
	                   NULL, err) ||
	       dataset_purge(work, name, err);
}

int mongodb_remove(struct dataset_store *base, const char *name, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_store(base), err) || dataset_mark_removed(&work, name, false, err);

	work_end(&work);
	return failed;
}

/* --- notes -------------------------------------------------------------------------------------------------------- */

static int note_from(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(char **)data = memory_text(text_in(document, "value"));
	return 0;
}

int mongodb_note_get(struct dataset *base, const char *key, char **value, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err);

	*value = NULL;
	if (!failed)
		failed = work_find(&work, "notes", BCON_NEW("dataset", BCON_UTF8(base->name), "key", BCON_UTF8(key)), NULL,
		                   note_from, value, err);
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
