/* The audit log: who did what to datasets, labels, samples, users and tokens, and when; in the same store as the
 * datasets. Its entries are never changed or removed. Thread-safe. */
#ifndef DATASET_AUDIT_H
#define DATASET_AUDIT_H

#include "dataset/dataset.h"

enum {
	AUDIT_TARGET_MAX = 4096, /* longer ones are cut to this many bytes, at a whole character */
	AUDIT_DETAIL_MAX = 4096,
	AUDIT_PAGE_MAX = 1000, /* entries of one page */
};

struct audit_entry {
	int64_t at;          /* by the store's clock; 0: now */
	const char *by;      /* the user */
	const char *action;  /* "object.verb", such as "label.add" */
	const char *target;  /* the name of the user, token, label or dataset, or the sample's id */
	const char *dataset; /* "": about no dataset */
	const char *detail;  /* for a person; "": none */
};

/* Appends an entry, durably. Its strings are UTF-8 and never NULL. */
int audit_add(struct dataset_store *store, const struct audit_entry *entry, struct err *err);
/* The same for entries of another store, with their times: in their order, behind those that are there, in one durable
 * write; at most AUDIT_PAGE_MAX. */
int audit_add_all(struct dataset_store *store, const struct audit_entry *entries, size_t count, struct err *err);

/* Visits the entries with a number > after (0: from the first), at most limit, in order of number, which is the
 * order of their commits; newest_first: those with a number < after (0: from the last), in reverse order. An entry
 * lives only during visit. */
typedef void audit_visit(void *data, int64_t number, const struct audit_entry *entry);
int audit_list(struct dataset_store *store, bool newest_first, int64_t after, size_t limit, audit_visit *visit,
               void *data, struct err *err);

#endif
