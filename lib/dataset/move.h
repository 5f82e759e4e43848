/* Moving a dataset to another store: all that one store holds of it, and restoring it in the other. As thread-safe
 * as dataset.h says. */
#ifndef DATASET_MOVE_H
#define DATASET_MOVE_H

#include "dataset/removal.h"
#include "dataset/stats_kept.h"

/* All that a store keeps of a dataset, in a form that every store can read and write. Leases are left out: their
 * samples are free in the other store, as if they had run out. */
struct dataset_note {
	char *key, *value;
};
/* A former name of a label (label.h). */
struct dataset_former {
	char *name;
	int64_t key; /* of the label that it has become; -1: it was removed */
};
struct dataset_outline {
	char *base_dir;
	struct dataset_policy policy; /* as stored: lease_seconds 0 = the configuration's */
	struct dataset_label *labels; /* in order of key; their counts are left out */
	size_t label_count;
	int64_t next_label;            /* the key of the next new label: above all keys that ever were */
	struct dataset_former *former; /* in byte order of name */
	size_t former_count;
	struct dataset_note *notes; /* in order of key, without DATASET_ORIGIN and DATASET_APART */
	size_t note_count;
};
/* ERR_CONFLICT while a label is being renamed or merged. */
int dataset_outline(struct dataset *dataset, struct dataset_outline *out, struct err *err);
void dataset_outline_release(struct dataset_outline *outline);
bool dataset_outline_equal(const struct dataset_outline *a, const struct dataset_outline *b);

struct dataset_vote {
	char *user;
	char *label; /* NULL: the user passed the sample on for good */
};
struct dataset_record {
	struct sample sample;
	char *url;                  /* lasting public URL, or "" */
	int64_t added_at;           /* 0: the store does not know */
	int64_t requeued;           /* the place among the samples put to the queue's end, from 1; 0 = not put there */
	struct label_event *events; /* oldest first; their texts belong to the record */
	size_t event_count;
	struct dataset_vote *votes; /* in order of user */
	size_t vote_count;
	struct tombstone *removed; /* what stays of a removed sample, in place of all the rest but its id; else NULL */
};
/* Like dataset_samples, with everything that belongs to each sample. */
int dataset_records(struct dataset *dataset, int64_t after, size_t limit, struct dataset_record **out, size_t *count,
                    struct err *err);
void dataset_record_release(struct dataset_record *record);
/* Visits all those with id > after, pages of at most `limit` of them. A visit that returns non-zero, with err, ends it.
 * The records live only during the visit. */
typedef int dataset_records_visit(void *data, struct dataset_record *records, size_t count, struct err *err);
int dataset_each_page(struct dataset *dataset, int64_t after, size_t limit, dataset_records_visit *visit, void *data,
                      struct err *err);
/* Visits the outline, then all records in order of id, a page at a time, as all of it was at one moment; people go on
 * meanwhile. The visited live only during the visit; one that returns non-zero, with err, ends it. How long it may
 * take is bounded by how long the store keeps that moment (MongoDB: minSnapshotHistoryWindowInSeconds). */
struct dataset_export {
	int (*outline)(void *data, struct dataset_outline *outline, struct err *err);
	int (*records)(void *data, struct dataset_record *records, size_t count, struct err *err);
	void *data;
	/* Between the two, unless it is NULL: the counts as the store keeps them; those of leases are left out. Those for
	 * statistics are NULL where the store has not begun to keep them. */
	int (*counts)(void *data, const struct dataset_counts *counts, const struct dataset_labels *labels,
	              const struct stats_kept *stats, struct err *err);
};
int dataset_export(struct dataset *dataset, const struct dataset_export *to, struct err *err);
/* SHA-256 of everything in the record that all stores keep: all but url, added_at and whether a removed
 * image is due. */
void dataset_record_digest(const struct dataset_record *record, unsigned char out[HASH_SHA256_SIZE]);

/* In a dataset that came from another store, the note that names its origin. */
#define DATASET_ORIGIN "moved_from"
/* The note that its folder lies apart (dataset/apart.h). */
#define DATASET_APART "folder_apart"

/* Opens the destination of a move. If there is none, makes an unfinished dataset: dataset_open, dataset_store_list
 * and dataset_remove do not find it, and its name is taken. *last gets the greatest id restored so far, or -1.
 * ERR_CONFLICT when a whole dataset has the name, or an unfinished one of another origin. */
int dataset_restore_open(struct dataset_store *store, const char *name, const char *origin, struct dataset **out,
                         int64_t *last, struct err *err);
/* Replaces the dataset's outline; call it before records are restored. */
int dataset_restore_outline(struct dataset *dataset, const struct dataset_outline *outline, struct err *err);
/* Adds records with their ids, replacing those that are there already. One durable write; at most
 * DATASET_RESTORE_MAX. */
enum { DATASET_RESTORE_MAX = 1000 };
int dataset_restore_records(struct dataset *dataset, const struct dataset_record *records, size_t count,
                            struct err *err);
/* Makes the restored dataset one like any other. Closes the handle, in any case. */
int dataset_restore_finish(struct dataset *dataset, struct err *err);
/* Removes an unfinished dataset. ERR_NOT_FOUND. */
int dataset_restore_drop(struct dataset_store *store, const char *name, struct err *err);

#endif
