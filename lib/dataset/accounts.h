/* Users' and tokens' documents, in a store that several machines share: the store keeps them as texts under names, and
 * does not read them. A store of one machine keeps none: there they are files. Thread-safe. */
#ifndef DATASET_ACCOUNTS_H
#define DATASET_ACCOUNTS_H

#include "dataset/dataset.h"

enum { ACCOUNT_NAME_MAX = 255, ACCOUNT_TEXT_MAX = 1024 * 1024 }; /* bytes, for which the callers answer */

/* Whether the store keeps any. If not, nothing below may be called. */
bool account_kept(const struct dataset_store *store);

/* A number that is another one after each change; 0: nothing was ever kept. Cheap enough to be asked for again and
 * again. */
int account_revision(struct dataset_store *store, int64_t *revision, struct err *err);

/* Calls visit for each document, in any order. */
typedef void account_visit(void *data, const char *name, const char *text);
int account_list(struct dataset_store *store, account_visit *visit, void *data, struct err *err);

/* Makes or replaces a document, durably, if it still is `was` (NULL: if there is none); else ERR_CONFLICT. */
int account_put(struct dataset_store *store, const char *name, const char *was, const char *text, struct err *err);
/* Removes one; one that is not there is no error. */
int account_remove(struct dataset_store *store, const char *name, struct err *err);

/* When somebody was last let in, on whatever machine: the latest that was noted. */
struct account_use {
	char *login;
	int64_t at;
};
int account_note_uses(struct dataset_store *store, const struct account_use *uses, size_t count, struct err *err);
/* Calls visit for each that was at `since` or later. */
typedef void account_use_visit(void *data, const char *login, int64_t at);
int account_uses(struct dataset_store *store, int64_t since, account_use_visit *visit, void *data, struct err *err);

#endif
