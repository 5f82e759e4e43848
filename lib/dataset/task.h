/* Tasks: samples leased to people to label, and what they do with them. As thread-safe as dataset.h says, and with
 * its errors. */
#ifndef DATASET_TASK_H
#define DATASET_TASK_H

#include "dataset/dataset.h"

/* A lease of a sample to a user: while it lives, nobody else is given the sample. */
struct task {
	char token[DATASET_TOKEN_MAX]; /* random, 128 bits, base64url */
	int64_t expires_at;
	struct sample sample;
};
void task_release(struct task *task);
void tasks_release(struct task *tasks, size_t count); /* releases each; not the array */

/* The next sample for /obtain: the user's own oldest live lease, else a new lease of the next free sample, else (if
 * everything left is leased by others) a lease that shares the oldest one. ERR_NOT_FOUND "Sample not found" when
 * nothing is unlabelled. */
int lease_next(struct dataset *dataset, const char *user, struct task *out, struct err *err);

/* Takes up to `count` new leases of samples that nobody holds, not even the asker; *taken may be less, or 0. out has
 * room for count. ERR_CONFLICT when the user would hold more than DATASET_TASKS_HELD_MAX. */
int lease_take(struct dataset *dataset, const char *user, size_t count, struct task *out, size_t *taken,
               struct err *err);
/* Takes leases of those among the samples `ids` that the user may have, in order of ids, each once: of unlabelled ones
 * what lease_take might give, whatever the policy's order; and of labelled and skipped ones, to correct them, what
 * nobody holds. count: 1..DATASET_TASKS_MAX. Else as lease_take; ERR_NOT_FOUND names a sample that is not there, and
 * then nothing is taken. */
int lease_take_chosen(struct dataset *dataset, const char *user, const int64_t *ids, size_t count, struct task *out,
                      size_t *taken, struct err *err);
/* The user's live leases, oldest first; the caller releases each and frees the array. */
int lease_held(struct dataset *dataset, const char *user, struct task **out, size_t *count, struct err *err);

/* Functions on a lease. Each checks in the same write that the token is live and `user` holds it; if not,
 * ERR_CONFLICT, and nothing changes. */
int lease_renew(struct dataset *dataset, const char *user, const char *token, int64_t *expires_at, struct err *err);
int lease_give_back(struct dataset *dataset, const char *user, const char *token, struct err *err);
/* REQUEUE_FOR_ME: moves the sample to the queue's end. REQUEUE_FOR_OTHERS: frees it, but never for this user again.
 * IGNORE: sets its state to skipped. */
int lease_skip(struct dataset *dataset, const char *user, const char *token, enum dataset_skip skip, struct err *err);
/* Gives the label and ends the lease. ERR_UNPROCESSABLE for an unknown label. *out, if not NULL, is the sample as it
 * is now. */
int lease_label(struct dataset *dataset, const char *user, const char *token, const char *label,
                int64_t lead_time_ms, struct sample *out, struct err *err);

/* Gives the label to every sample with that filepath, leased or not, and ends their leases (/classify). *accepted is
 * false, and nothing changes, when base_dir, filepath or label is not the dataset's. */
int dataset_label_path(struct dataset *dataset, const char *user, const char *base_dir, const char *filepath,
                       const char *label, bool *accepted, struct err *err);

/* The same for a request that may come again with its id (nginx repeats one whose program died before it answered):
 * a label that it has given already is not given again, and the answer is the same. request: "" = none; one of more
 * than DATASET_REQUEST_MAX bytes counts as none. */
enum { DATASET_REQUEST_MAX = 64 };
int lease_label_once(struct dataset *dataset, const char *user, const char *token, const char *label,
                     int64_t lead_time_ms, const char *request, struct sample *out, struct err *err);
int dataset_label_path_once(struct dataset *dataset, const char *user, const char *base_dir, const char *filepath,
                            const char *label, const char *request, bool *accepted, struct err *err);

/* Passes over an unlabelled sample: its state becomes unreadable, and its leases end. No effect in another state. */
int dataset_mark_unreadable(struct dataset *dataset, int64_t id, struct err *err);
/* The same for many, in far fewer writes. */
int dataset_mark_all_unreadable(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err);
/* Makes every unreadable sample unlabelled again (at start and reload: a disk may be back). *count gets how many. */
int dataset_retry_unreadable(struct dataset *dataset, int64_t *count, struct err *err);
/* Lists the unreadable samples, like dataset_samples. */
int dataset_unreadable(struct dataset *dataset, int64_t after, size_t limit, struct sample **out, size_t *count,
                       struct err *err);
/* Makes unreadable samples whose files are there again unlabelled. No effect in another state. */
int dataset_mark_readable(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err);

#endif
