/* Users' and tokens' documents in a store that several machines share: the store keeps them as named texts, without
 * reading them. A store of a single machine keeps none: there they are files. Thread-safe. */
#ifndef DATASET_ACCOUNTS_H
#define DATASET_ACCOUNTS_H

#include "dataset/dataset.h"

enum { ACCOUNT_NAME_MAX = 255, ACCOUNT_TEXT_MAX = 1024 * 1024 }; /* bytes; the callers check these limits */

/* Whether the store keeps any documents. If not, call nothing below. */
bool account_kept(const struct dataset_store *store);

/* A number that differs after each change; 0: nothing was ever kept. Cheap enough to ask again and again. */
int account_revision(struct dataset_store *store, int64_t *revision, struct err *err);

/* Calls visit for each document, in any order. */
typedef void account_visit(void *data, const char *name, const char *text);
int account_list(struct dataset_store *store, account_visit *visit, void *data, struct err *err);

/* Makes or replaces a document, durably, if it still is `was` (NULL: if there is none); else ERR_CONFLICT. */
int account_put(struct dataset_store *store, const char *name, const char *was, const char *text, struct err *err);
/* Removes a document; one that does not exist is no error. */
int account_remove(struct dataset_store *store, const char *name, struct err *err);

/* When a user or token was last let in, on any machine: the latest time that was noted. */
struct account_use {
	char *login;
	int64_t at;
};
int account_note_uses(struct dataset_store *store, const struct account_use *uses, size_t count, struct err *err);
/* Calls visit for each use at `since` or later. */
typedef void account_use_visit(void *data, const char *login, int64_t at);
int account_uses(struct dataset_store *store, int64_t since, account_use_visit *visit, void *data, struct err *err);

#endif
