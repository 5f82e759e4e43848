/* Checks the arguments of a removal, then asks the backend. */
#include "dataset/removal.h"

#include "dataset/backend.h"

void tombstone_release(struct tombstone *tombstone)
{
	free(tombstone->filepath);
	free(tombstone->blob_key);
	free(tombstone->sha256);
	free(tombstone->by);
	memset(tombstone, 0, sizeof(*tombstone));
}

void tombstones_release(struct tombstone *tombstones, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tombstone_release(&tombstones[i]);
	free(tombstones);
}

int dataset_remove_sample(struct dataset *dataset, int64_t id, const char *user, struct tombstone **out, size_t *count,
                          struct err *err)
{
	*out = NULL;
	*count = 0;
	if (id < 0 || id == INT64_MAX)
		return err_set(err, ERR_NOT_FOUND, "Sample not found");
	return dataset->backend->remove_sample(dataset, id, user, out, count, err);
}

int dataset_removed_done(struct dataset *dataset, int64_t id, struct err *err)
{
	return dataset->backend->removed_done(dataset, id, err);
}

int dataset_removed(struct dataset *dataset, bool due, int64_t after, size_t limit, struct tombstone **out,
                    size_t *count, struct err *err)
{
	*out = NULL;
	*count = 0;
	if (limit < 1 || limit > DATASET_PAGE_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"limit\" must be from 1 to %d", DATASET_PAGE_MAX);
	return dataset->backend->removed(dataset, due, after, limit, out, count, err);
}

int dataset_removed_bytes(struct dataset *dataset, const char *sha256, int64_t *id, struct err *err)
{
	return dataset->backend->removed_bytes(dataset, sha256, id, err);
}

int dataset_store_removed(struct dataset_store *store, int64_t since, tombstone_visit *visit, void *data,
                          int64_t *now, struct err *err)
{
	*now = 0;
	return store->backend->store_removed ? store->backend->store_removed(store, since, visit, data, now, err) : 0;
}
