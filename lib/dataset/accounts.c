/* Asks the store's backend for accounts. */
#include "dataset/accounts.h"

#include "dataset/backend.h"

bool account_kept(const struct dataset_store *store)
{
	return store->backend->account_list != NULL;
}

int account_revision(struct dataset_store *store, int64_t *revision, struct err *err)
{
	return store->backend->account_revision(store, revision, err);
}

int account_list(struct dataset_store *store, account_visit *visit, void *data, struct err *err)
{
	return store->backend->account_list(store, visit, data, err);
}

int account_put(struct dataset_store *store, const char *name, const char *was, const char *text, struct err *err)
{
	return store->backend->account_put(store, name, was, text, err);
}

int account_remove(struct dataset_store *store, const char *name, struct err *err)
{
	return store->backend->account_remove(store, name, err);
}

int account_note_uses(struct dataset_store *store, const struct account_use *uses, size_t count, struct err *err)
{
	return count > 0 ? store->backend->account_note_uses(store, uses, count, err) : 0;
}

int account_uses(struct dataset_store *store, int64_t since, account_use_visit *visit, void *data, struct err *err)
{
	return store->backend->account_uses(store, since, visit, data, err);
}
