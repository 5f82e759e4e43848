/* What a dataset backend implements: dataset.h's functions, after dataset.c has checked the arguments' form.
 * A backend is one struct of these and one line in dataset.c's table; its types stay in its own files. */
#ifndef DATASET_BACKEND_H
#define DATASET_BACKEND_H

#include "base/log.h"
#include "dataset/answers.h"
#include "dataset/audit.h"
#include "dataset/dataset.h"
#include "dataset/label.h"
#include "dataset/move.h"
#include "dataset/task.h"
#include "dataset/rules.h"

typedef void dataset_log(enum log_level level, const char *message, ...);
/* reading: dataset_store_open_reading. */
typedef int dataset_store_open_fn(struct dataset_store **out, const struct config *config, bool reading,
                                  struct err *err);
/* Loads the samples, decides by rules.h and saves, in one write; hundreds of changes may be several writes. What is
 * refused leaves nothing; of several changes none is such as may be. */
typedef int dataset_change_fn(struct dataset *dataset, struct sample_change *changes, size_t count, struct err *err);

/* Each function is the one of dataset.h that it is declared by. */
struct dataset_backend {
	const char *type;                 /* dataset_store.type in the configuration */
	void (*log_to)(dataset_log *log); /* of a module, which cannot see the program's log by itself; else NULL */
	dataset_store_open_fn *store_open;
	typeof(dataset_store_free) *store_free;
	typeof(dataset_store_ping) *store_ping;
	typeof(dataset_store_list) *store_list;
	typeof(dataset_store_place) *store_place;
	typeof(dataset_store_fold) *store_fold; /* NULL: nothing to do */
	typeof(dataset_create) *create;         /* policy is never NULL */
	typeof(dataset_remove) *remove;
	typeof(dataset_open) *open;
	typeof(dataset_close) *close;

	typeof(dataset_info) *info;
	typeof(dataset_place) *place;
	int (*refresh)(struct dataset *dataset, struct err *err); /* before place, for as of now. NULL: place always is */
	typeof(dataset_labels) *labels;
	typeof(dataset_counts) *counts;
	typeof(dataset_check) *check; /* may it be written? NULL: if it can be read */
	typeof(dataset_size) *size;
	typeof(dataset_update) *update;
	typeof(dataset_label_add) *label_add;
	typeof(dataset_label_change) *label_change; /* colour in lower case */
	typeof(dataset_note_get) *note_get;
	typeof(dataset_note_set) *note_set;

	typeof(dataset_sample) *sample;
	typeof(dataset_sample_by_path) *sample_by_path;
	typeof(dataset_sample_by_sha256) *sample_by_sha256;
	typeof(dataset_samples) *samples;
	typeof(dataset_merge) *merge;
	typeof(dataset_adopt) *adopt; /* NULL: there is nothing to take over */
	typeof(dataset_add_image) *add_image;
	typeof(dataset_has_blob) *has_blob;
	typeof(dataset_set_urls) *set_urls;
	typeof(dataset_history) *history;

	typeof(lease_next) *next;
	typeof(lease_take) *lease;
	typeof(lease_held) *held;
	dataset_change_fn *change;
	typeof(dataset_retry_unreadable) *retry_unreadable;
	typeof(dataset_unreadable) *unreadable;

	/* Votes may be given in any order, and the notes with DATASET_ORIGIN. */
	typeof(dataset_outline) *outline;
	typeof(dataset_records) *records;
	typeof(dataset_restore_open) *restore_open;
	typeof(dataset_restore_outline) *restore_outline;
	typeof(dataset_restore_records) *restore_records;
	typeof(dataset_restore_finish) *restore_finish;
	typeof(dataset_restore_drop) *restore_drop;

	typeof(idempotency_claim) *idempotency_claim;
	typeof(idempotency_finish) *idempotency_finish;
	typeof(idempotency_abandon) *idempotency_abandon;

	typeof(audit_add) *audit_add;
	typeof(audit_list) *audit_list;
};


extern const struct dataset_backend dataset_sqlite;
extern const struct dataset_backend dataset_mongodb;

/* A new lease's token: it holds its sample's id, so that this is known when the lease is over; what follows '-' is
 * random. And the sample of one; -1 for what is no token. */
void task_token(int64_t sample, char out[DATASET_TOKEN_MAX]);
int64_t task_token_sample(const char *token);

/* Each backend's own store and dataset begin with these; a dataset's backend is its store's. */
struct dataset_store {
	const struct dataset_backend *backend; /* set by dataset.c */
};
struct dataset {
	const struct dataset_backend *backend;
	char *name; /* owned by the backend */
	/* handles.h's own: */
	int users;
	uint64_t last_use;
	bool stale; /* no longer in the cache: freed with its last user */
	struct dataset *next;
};

#endif
