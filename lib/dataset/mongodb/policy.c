/* A change of the policy in MongoDB. */
#include "dataset/mongodb/internal.h"

struct update {
	struct mongodb_dataset *dataset;
	const struct dataset_change *change;
};

/* The transaction has read the policy that it merges into, and so conflicts with another change of it. */
static int run_update(struct work *work, void *data, struct err *err)
{
	const struct update *update = data;
	const char *name = update->dataset->base.name;
	struct settings settings;
	bson_oid_t revision = new_revision();

	if (settings_read(work, name, &settings, err) ||
	    rules_check_base_dir(update->change, settings.base_dir, err)) {
		settings_release(&settings);
		return -1;
	}
	struct dataset_policy merged = settings.policy;
	rules_merge_policy(&merged, update->change);
	if (rules_check_policy(&merged, err)) {
		settings_release(&settings);
		return -1;
	}
	bson_t *changes = bson_new(), set, *policy = policy_document(&merged);
	BSON_APPEND_DOCUMENT_BEGIN(changes, "$set", &set);
	BSON_APPEND_OID(&set, "revision", &revision);
	if (update->change->base_dir)
		BSON_APPEND_UTF8(&set, "base_dir", update->change->base_dir);
	BSON_APPEND_DOCUMENT(&set, "policy", policy);
	if (rules_quorum_differs(&merged, &settings.policy))
		BSON_APPEND_OID(&set, "due", &revision);
	bson_append_document_end(changes, &set);
	bson_destroy(policy);
	settings_release(&settings);
	return work_update(work, "datasets", filter_dataset(name), changes, false, NULL, err);
}

int mongodb_update(struct dataset *base, const struct dataset_change *change, struct err *err)
{
	struct update update = {.dataset = mongodb_dataset(base), .change = change};

	pthread_mutex_lock(&update.dataset->structure);
	int failed = work_transaction(update.dataset->store, run_update, &update, err) ||
	             settings_refresh(update.dataset, err) || catch_up(update.dataset, err);
	pthread_mutex_unlock(&update.dataset->structure);
	return failed;
}
