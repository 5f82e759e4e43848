/* Connects the documents of users and tokens to the store of datasets. */
#include "fastcgi/roster.h"

#include "dataset/accounts.h"

static int roster_list(void *data, user_document_visit *visit, void *visit_data, struct err *err)
{
	return account_list(data, visit, visit_data, err);
}

static int roster_put(void *data, const char *name, const char *was, const char *text, struct err *err)
{
	return account_put(data, name, was, text, err);
}

static int roster_remove(void *data, const char *name, struct err *err)
{
	return account_remove(data, name, err);
}

void roster_init(struct roster *roster, const struct config *config, struct dataset_store *store)
{
	roster->store = (struct user_store){.data = store, .list = roster_list, .put = roster_put, .remove = roster_remove};
	roster->place = (struct user_place){
		.dir = config->json_user_dir, .store = account_kept(store) ? &roster->store : NULL};
}
