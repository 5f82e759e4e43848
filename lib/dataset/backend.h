/* What a dataset backend implements: dataset.h's functions, after dataset.c has checked the arguments' form. A
 * backend is one such struct and one line in dataset.c's table; its types stay in its own files. */
#ifndef DATASET_BACKEND_H
#define DATASET_BACKEND_H

#include "base/log.h"
#include "dataset/integrity.h"
#include "dataset/accounts.h"
#include "dataset/activity.h"
#include "dataset/answers.h"
#include "dataset/audit.h"
#include "dataset/dataset.h"
#include "dataset/feed.h"
#include "dataset/label.h"
#include "dataset/move.h"
#include "dataset/removal.h"
#include "dataset/task.h"
#include "dataset/rules.h"
#include "dataset/sayings.h"
#include "dataset/snapshot.h"
#include "dataset/stats.h"

typedef void dataset_log(enum log_level level, const char *message, ...);
/* reading: as for dataset_store_open_reading. */
typedef int dataset_store_open_fn(struct dataset_store **out, const struct config *config, bool reading,
                                  struct err *err);
/* Loads the samples, decides by rules.h and saves, in one write. A refused change leaves nothing behind. Several
 * changes at once are of one kind: SAMPLE_DECIDE or SAMPLE_UNDO, of which all are made or none; or a kind that is never
 * refused, of which hundreds may take several writes. */
typedef int dataset_change_fn(struct dataset *dataset, struct sample_change *changes, size_t count, struct err *err);

struct former_label {
	char *name, *now; /* now NULL: the label was removed */
};

/* The names that labels had before, and that no label has now, in byte order. */
struct former_labels {
	struct former_label *item;
	size_t count;
};
void former_labels_add(struct former_labels *labels, const char *name, const char *now);
void former_labels_release(struct former_labels *labels);

/* Events of one user, the newest first, and what they are of, in order of id. */
struct sayings_found {
	struct saying_place *places;
	size_t count;
	struct dataset_record *records; /* sample and events alone */
	size_t record_count;
};

/* Each function is the one of dataset.h from which its type is taken. */
struct dataset_backend {
	const char *type;                 /* dataset_store.type in the configuration */
	void (*log_to)(dataset_log *log); /* for a module, which cannot see the program's log itself; else NULL */
	dataset_store_open_fn *store_open;
	typeof(dataset_store_free) *store_free;
	typeof(dataset_store_ping) *store_ping;
	typeof(dataset_store_list) *store_list;
	typeof(dataset_store_place) *store_place;
	typeof(dataset_store_fold) *store_fold;           /* NULL: nothing to do */
	typeof(dataset_store_integrity) *store_integrity; /* NULL: indexes are the datasets' own */
	typeof(dataset_create) *create;                   /* policy is never NULL */
	typeof(dataset_remove) *remove;
	typeof(dataset_open) *open;
	typeof(dataset_close) *close;

	typeof(dataset_info) *info;
	typeof(dataset_place_since) *place;
	/* brings what `place` returns up to date; NULL: it always is */
	int (*refresh)(struct dataset *dataset, struct err *err);
	typeof(dataset_labels) *labels;
	typeof(dataset_counts) *counts;
	typeof(dataset_check) *check; /* whether it can be written; NULL: if it can be read */
	typeof(dataset_size) *size;
	typeof(dataset_update) *update;
	typeof(dataset_label_add) *label_add;
	typeof(dataset_label_change) *label_change; /* the name in the dataset's spelling, the colour in lower case */
	typeof(dataset_label_merge) *label_merge;
	typeof(dataset_label_remove) *label_remove;
	int (*label_former)(struct dataset *dataset, struct former_labels *out, struct err *err);
	typeof(dataset_note_get) *note_get;
	typeof(dataset_note_set) *note_set;

	typeof(dataset_sample) *sample;
	typeof(dataset_sample_by_path) *sample_by_path;
	typeof(dataset_sample_by_sha256) *sample_by_sha256;
	/* the filter is never NULL, its label is spelled as in the dataset, its q is not ""; the page is empty, and is
	 * released after a failure; `reached` is set for one that is not full */
	typeof(dataset_samples_page) *samples;
	typeof(dataset_each_label) *each_label; /* NULL: by samples */
	typeof(dataset_merge) *merge;
	typeof(dataset_adopt) *adopt; /* NULL: there is never anything to adopt */
	typeof(dataset_add_image) *add_image;
	typeof(dataset_has_blob) *has_blob;
	typeof(dataset_set_urls) *set_urls;
	typeof(dataset_set_contents) *set_contents;
	typeof(dataset_history) *history;
	typeof(dataset_flag) *flag;
	typeof(snapshot_add) *snapshot_add; /* the name is well-formed */
	typeof(snapshot_find) *snapshot_find;
	typeof(snapshot_list) *snapshot_list;
	typeof(dataset_visit_all) *visit_all;
	typeof(dataset_remove_sample) *remove_sample;
	typeof(dataset_removed_done) *removed_done;
	typeof(dataset_removed) *removed;
	typeof(dataset_removed_bytes) *removed_bytes;
	typeof(dataset_store_removed) *store_removed; /* NULL: no other machine uses the store */
	/* *out is empty */
	int (*stats)(struct dataset *dataset, struct stats_kept *out, struct err *err);
	typeof(dataset_activity) *activity; /* *out is empty */
	/* Finds the next events of the user that give a label, taken back or not, at most limit; *out is empty, and for the
	 * caller to release even after a failure. */
	int (*sayings)(struct dataset *dataset, const char *user, const struct saying_place *after, size_t limit,
	               struct sayings_found *out, struct err *err);
	typeof(feed_read) *feed_read;
	typeof(feed_waiter_open) *feed_waiter_open; /* NULL: the store notices no changes, and these three are not there */
	typeof(feed_waiter_close) *feed_waiter_close;
	typeof(feed_wait) *feed_wait;

	/* Reads all samples whose answer is known, in order of id, as records; the caller releases them, even after a
	 * failure. */
	int (*gold)(struct dataset *dataset, struct dataset_record **out, size_t *count, struct err *err);

	typeof(lease_next) *next;
	typeof(lease_take) *lease;
	typeof(lease_take_chosen) *lease_chosen;
	typeof(lease_held) *held;
	dataset_change_fn *change;
	typeof(dataset_retry_unreadable) *retry_unreadable;

	/* May return votes in any order, and the notes with DATASET_ORIGIN. */
	typeof(dataset_outline) *outline;
	typeof(dataset_records) *records;
	typeof(dataset_export) *export;         /* the same, in pages of at most DATASET_RESTORE_MAX */
	typeof(dataset_integrity) *integrity;   /* NULL: it has no such check */
	typeof(dataset_fix_counts) *fix_counts; /* at least one */
	typeof(dataset_fix_stats) *fix_stats;   /* 1..DATASET_FIXES_MAX, in one write */
	typeof(dataset_restore_open) *restore_open;
	typeof(dataset_restore_outline) *restore_outline;
	typeof(dataset_restore_records) *restore_records;
	typeof(dataset_restore_finish) *restore_finish;
	typeof(dataset_restore_drop) *restore_drop;

	typeof(idempotency_claim) *idempotency_claim;
	typeof(idempotency_finish) *idempotency_finish;
	typeof(idempotency_abandon) *idempotency_abandon;

	typeof(audit_add_all) *audit_add; /* at least one; texts are bounded */
	typeof(audit_list) *audit_list;

	/* All NULL: accounts are kept elsewhere. */
	typeof(account_revision) *account_revision;
	typeof(account_list) *account_list;
	typeof(account_put) *account_put;
	typeof(account_remove) *account_remove;
	typeof(account_note_uses) *account_note_uses;
	typeof(account_uses) *account_uses;
};


/* Of a page: ERR_BAD_REQUEST unless it is 1..DATASET_PAGE_MAX. */
int dataset_check_limit(size_t limit, struct err *err);

/* For outline: the error of a label that is being changed, and the names of before, in any order. */
int outline_refuse(const char *label, struct err *err);
void outline_add_former(struct dataset_outline *outline, const char *name, int64_t key);

/* For records: a page of samples and one of tombstones, each of at most limit, in order of id, become one page, in
 * records, which has room for limit. Takes the tombstones and their array. Returns how many there are. */
size_t records_with_tombstones(struct dataset_record *records, size_t count, struct tombstone *tombstones,
                               size_t tombstone_count, size_t limit);

extern const struct dataset_backend dataset_sqlite;
extern const struct dataset_backend dataset_mongodb;

/* Makes a new lease's token, which holds its sample's id, so that the id is known even when the lease is over; the
 * part after '-' is random. task_token_sample returns that id; -1 for what is no token. */
void task_token(int64_t sample, char out[DATASET_TOKEN_MAX]);
int64_t task_token_sample(const char *token);
/* The id by which a request is recognised when it comes again; NULL: none. request may be NULL. */
const char *usable_request(const char *request);

/* Each backend's own structs begin with these; a dataset's backend is its store's. */
struct dataset_store {
	const struct dataset_backend *backend; /* set by dataset.c */
};
struct dataset {
	const struct dataset_backend *backend;
	char *name; /* owned by the backend */
	/* For handles.h only: */
	int users;
	uint64_t first_use, last_use;
	struct handles *handles; /* the cache */
	bool stale;              /* no longer in the cache: freed with its last user */
	struct dataset *next;
};

#endif
