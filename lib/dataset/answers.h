/* Answers kept by Idempotency-Key, in the same store as the datasets. Thread-safe. */
#ifndef DATASET_ANSWERS_H
#define DATASET_ANSWERS_H

#include "dataset/dataset.h"

/* Answers to POSTs by (user, key), kept for IDEMPOTENCY_SECONDS in the store, across processes and restarts. */
enum { IDEMPOTENCY_SECONDS = 24 * 3600, IDEMPOTENCY_KEY_MAX = 255, IDEMPOTENCY_ANSWER_MAX = 1024 * 1024 };
enum idempotency { IDEMPOTENCY_NEW, IDEMPOTENCY_DONE, IDEMPOTENCY_BUSY, IDEMPOTENCY_OTHER };

/* NEW: the caller now owns the key and must finish or abandon it. DONE: *status and *body (the caller frees it) are
 * the first answer's. BUSY: another request with the key is under way (ask again soon; the claim of a process that
 * died is given up after 60 s). OTHER: the key was used with another request (fingerprint: a hash of method, path
 * and body). */
int idempotency_claim(struct dataset_store *store, const char *user, const char *key, const char *fingerprint,
                      enum idempotency *out, int *status, char **body, struct err *err);
int idempotency_finish(struct dataset_store *store, const char *user, const char *key, int status, const char *body,
                       struct err *err);
int idempotency_abandon(struct dataset_store *store, const char *user, const char *key, struct err *err);

#endif
