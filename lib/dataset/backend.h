/* What a dataset backend implements: dataset.h's functions, after dataset.c has checked the arguments' form.
 * A backend is one struct of these and one line in dataset.c's table; its types stay in its own files. */
#ifndef DATASET_BACKEND_H
#define DATASET_BACKEND_H

#include "base/log.h"
#include "dataset/dataset.h"

typedef void dataset_log(enum log_level level, const char *message, ...);

struct dataset_backend {
	const char *type; /* dataset_store.type in the configuration */
	void (*log_to)(dataset_log *log); /* of a module, which cannot see the program's log by itself; else NULL */
	/* reading: dataset_store_open_reading */
	int (*store_open)(struct dataset_store **out, const struct config *config, bool reading, struct err *err);
	void (*store_free)(struct dataset_store *store);
	int (*store_ping)(struct dataset_store *store, struct err *err);
	int (*store_list)(struct dataset_store *store, const char *after, size_t limit, dataset_name_visit *visit,
	                  void *data, struct err *err);
	void (*store_place)(struct dataset_store *store, struct buf *out);
	int (*store_fold)(struct dataset_store *store, struct err *err); /* NULL: nothing to do */
	int (*create)(struct dataset_store *store, const char *name, const char *base_dir,
	              const struct dataset_policy *policy, struct err *err);
	int (*remove)(struct dataset_store *store, const char *name, struct err *err);
	int (*open)(struct dataset_store *store, const char *name, struct dataset **out, struct err *err);
	void (*close)(struct dataset *dataset);

	int (*info)(struct dataset *dataset, struct dataset_info *out, struct err *err);
	int (*setup)(struct dataset *dataset, struct dataset_info *out, struct err *err);
	int (*place)(struct dataset *dataset, struct dataset_info *out, struct err *err);
	int (*check)(struct dataset *dataset, struct err *err); /* may it be written? NULL: whoever reads it may */
	int (*size)(struct dataset *dataset, int64_t *out, struct err *err);
	int (*update)(struct dataset *dataset, const struct dataset_change *change, struct err *err);
	int (*label_add)(struct dataset *dataset, const char *name, int64_t *key, bool *created, struct err *err);

	int (*sample)(struct dataset *dataset, int64_t id, struct sample *out, struct err *err);
	int (*sample_by_path)(struct dataset *dataset, const char *filepath, struct sample *out, struct err *err);
	int (*sample_by_sha256)(struct dataset *dataset, const char *sha256, struct sample *out, struct err *err);
	int (*samples)(struct dataset *dataset, int64_t after, size_t limit, struct sample **out, size_t *count,
	               struct err *err);
	int (*merge)(struct dataset *dataset, const char *const *labels, size_t label_count,
	             const struct dataset_seed *seeds, size_t seed_count, struct dataset_merged *merged,
	             struct err *err);
	int (*adopt)(struct dataset *dataset, dataset_adopt_key *key_of, void *data, struct dataset_adopted *out,
	             struct err *err); /* NULL: there is nothing to take over */
	int (*note_get)(struct dataset *dataset, const char *key, char **value, struct err *err);
	int (*note_set)(struct dataset *dataset, const char *key, const char *value, struct err *err);
	int (*add_image)(struct dataset *dataset, const struct dataset_image *image, int64_t quota_bytes,
	                 struct sample *out, bool *duplicate, struct err *err);
	int (*has_blob)(struct dataset *dataset, const char *blob_key, bool *out, struct err *err);
	int (*set_urls)(struct dataset *dataset, const struct dataset_url *urls, size_t count, struct err *err);
	int (*history)(struct dataset *dataset, int64_t id, label_event_visit *visit, void *data, struct err *err);

	int (*next)(struct dataset *dataset, const char *user, struct task *out, struct err *err);
	int (*lease)(struct dataset *dataset, const char *user, size_t count, struct task *out, size_t *taken,
	             struct err *err);
	int (*held)(struct dataset *dataset, const char *user, struct task **out, size_t *count, struct err *err);
	int (*renew)(struct dataset *dataset, const char *user, const char *token, int64_t *expires_at,
	             struct err *err);
	int (*release)(struct dataset *dataset, const char *user, const char *token, struct err *err);
	int (*skip)(struct dataset *dataset, const char *user, const char *token, enum dataset_skip skip,
	            struct err *err);
	/* request: NULL = none. */
	int (*label_task)(struct dataset *dataset, const char *user, const char *token, const char *label,
	                  int64_t lead_time_ms, const char *request, struct sample *out, struct err *err);
	int (*label_path)(struct dataset *dataset, const char *user, const char *base_dir, const char *filepath,
	                  const char *label, const char *request, bool *accepted, struct err *err);
	int (*mark_unreadable)(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err);
	int (*retry_unreadable)(struct dataset *dataset, int64_t *count, struct err *err);
	int (*unreadable)(struct dataset *dataset, int64_t after, size_t limit, struct sample **out, size_t *count,
	                  struct err *err);
	int (*mark_readable)(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err);

	/* Votes may be given in any order, and the notes with DATASET_ORIGIN. */
	int (*outline)(struct dataset *dataset, struct dataset_outline *out, struct err *err);
	int (*records)(struct dataset *dataset, int64_t after, size_t limit, struct dataset_record **out, size_t *count,
	               struct err *err);
	int (*restore_open)(struct dataset_store *store, const char *name, const char *origin, struct dataset **out,
	                    int64_t *last, struct err *err);
	int (*restore_outline)(struct dataset *dataset, const struct dataset_outline *outline, struct err *err);
	int (*restore_records)(struct dataset *dataset, const struct dataset_record *records, size_t count,
	                       struct err *err);
	int (*restore_finish)(struct dataset *dataset, struct err *err);
	int (*restore_drop)(struct dataset_store *store, const char *name, struct err *err);

	int (*idempotency_claim)(struct dataset_store *store, const char *user, const char *key,
	                         const char *fingerprint, enum idempotency *out, int *status, char **body,
	                         struct err *err);
	int (*idempotency_finish)(struct dataset_store *store, const char *user, const char *key, int status,
	                          const char *body, struct err *err);
	int (*idempotency_abandon)(struct dataset_store *store, const char *user, const char *key, struct err *err);
};

extern const struct dataset_backend dataset_sqlite;
extern const struct dataset_backend dataset_mongodb;

/* For update, in its write: the policy with the fields that the change names; and ERR_CONFLICT when base_dir is not the one that
 * the change expects. */
void dataset_merge_policy(struct dataset_policy *policy, const struct dataset_change *change);
int dataset_check_base_dir(const struct dataset_change *change, const char *base_dir, struct err *err);

/* For add_image, in its write: ERR_CONFLICT when the dataset is not as public as the image is stored. */
int dataset_check_public(const struct dataset_image *image, const struct dataset_policy *policy, struct err *err);

/* A new lease's token: it tells its sample, so that this is known when the lease is over; what follows '-' is random. And the
 * sample of one; -1 for what is no token. */
void task_token(int64_t sample, char out[DATASET_TOKEN_MAX]);
int64_t task_token_sample(const char *token);

/* Each backend's own store and dataset begin with these. */
struct dataset_store {
	const struct dataset_backend *backend;
};
struct dataset {
	const struct dataset_backend *backend;
	char *name; /* owned by the backend */
};

#endif
