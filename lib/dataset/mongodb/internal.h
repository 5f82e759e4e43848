/* The operations of the MongoDB backend, above what they are made of. Private to lib/dataset/mongodb/.
 *
 * Collections (of the database that dataset_store.database names):
 *   images    one document a sample: what other services read ("Image URL", "Label", "Timestamp") and all of struct
 *             record, with its leases and votes inside, so that a lease is taken and checked where the sample is
 *   labels    one document a dataset: _id its name, "0": "accordion", …; the default dataset's comes first
 *   label_details   one document a dataset, once anything is said of a label: _id its name, "of": {KEY: {colour,
 *             description, position}}, "former": the names that labels had before
 *   datasets  one document a dataset: policy, the next id and key, `revision` (another at every change of the policy
 *             or labels); `removed` while it is being removed, `unfinished` while it comes from another store,
 *             `relabelling` while a label is being renamed or merged
 *   events    label events, append-only but for the names of labels; _id is {dataset, sample, n}
 *   counters  kept counts, each spread over several documents, so that writers seldom meet; their sum counts
 *   removed   one document for each removed sample, with its id, filepath and blob key, which are never used again;
 *             `due` while its image has still to be removed
 *   notes, answers   notes of a dataset; idempotency
 *   audit     the audit log; _id is an entry's number
 *   accounts  users' and tokens' documents, as texts; `.revision` counts their changes
 *   logins    when each of them was last let in
 * Samples, events and counters change together, in a transaction that commits all waiting writes of a process at once
 * (as SQLite's group commit does); only a lease is taken by compare-and-set on the sample's revision. To shard, use the
 * key {dataset: 1} on images and counters, {_id: 1} on events: the unique indexes here have it as their prefix. */
#ifndef DATASET_MONGODB_INTERNAL_H
#define DATASET_MONGODB_INTERNAL_H

#include "dataset/mongodb/batch.h"
#include "dataset/mongodb/catchup.h"
#include "dataset/mongodb/queue.h"

/* --- the operations of backend.h, by file ------------------------------------------------------------------------- */

dataset_store_open_fn mongodb_store_open;
typeof(dataset_store_free) mongodb_store_free;
typeof(dataset_store_ping) mongodb_store_ping;
typeof(dataset_store_list) mongodb_store_list;
typeof(dataset_store_place) mongodb_store_place;
typeof(dataset_store_integrity) mongodb_store_integrity;
typeof(dataset_open) mongodb_open;
typeof(dataset_close) mongodb_close;

typeof(dataset_create) mongodb_create;
typeof(dataset_remove) mongodb_remove;
typeof(dataset_info) mongodb_info;
typeof(dataset_place_since) mongodb_place;
int mongodb_refresh(struct dataset *, struct err *);
typeof(dataset_labels) mongodb_labels;
typeof(dataset_counts) mongodb_counts;
typeof(dataset_size) mongodb_size;
typeof(dataset_update) mongodb_update;
typeof(dataset_label_add) mongodb_label_add;
typeof(dataset_label_change) mongodb_label_change;
typeof(dataset_label_merge) mongodb_label_merge;
typeof(dataset_label_remove) mongodb_label_remove;
int mongodb_label_former(struct dataset *, struct former_labels *, struct err *);
typeof(dataset_note_get) mongodb_note_get;
typeof(dataset_note_set) mongodb_note_set;

typeof(dataset_sample) mongodb_sample;
typeof(dataset_sample_by_path) mongodb_sample_by_path;
typeof(dataset_sample_by_sha256) mongodb_sample_by_sha256;
typeof(dataset_samples_page) mongodb_samples;
typeof(dataset_has_blob) mongodb_has_blob;
typeof(dataset_set_urls) mongodb_set_urls;
typeof(dataset_set_contents) mongodb_set_contents;
typeof(dataset_history) mongodb_history;
typeof(dataset_flag) mongodb_flag;
/* Whether the object is the manifest of one of its snapshots. */
int snapshot_has_blob(struct dataset *base, const char *blob_key, bool *out, struct err *err);
typeof(snapshot_add) mongodb_snapshot_add;
typeof(snapshot_find) mongodb_snapshot_find;
typeof(snapshot_list) mongodb_snapshot_list;
typeof(feed_read) mongodb_feed_read;
typeof(feed_waiter_open) mongodb_feed_waiter_open;
typeof(feed_waiter_close) mongodb_feed_waiter_close;
typeof(feed_wait) mongodb_feed_wait;
typeof(dataset_visit_all) mongodb_visit_all;
typeof(dataset_remove_sample) mongodb_remove_sample;
typeof(dataset_removed_done) mongodb_removed_done;
typeof(dataset_removed) mongodb_removed;
typeof(dataset_removed_bytes) mongodb_removed_bytes;
typeof(dataset_store_removed) mongodb_store_removed;
int mongodb_stats(struct dataset *, struct stats_kept *, struct err *);
/* The same as this work sees it. */
int stats_read(struct work *work, const char *dataset, struct stats_kept *out, struct err *err);
typeof(dataset_activity) mongodb_activity;
int mongodb_sayings(struct dataset *dataset, const char *user, const struct saying_place *after, size_t limit,
                    struct sayings_found *out, struct err *err);

typeof(dataset_merge) mongodb_merge;
typeof(dataset_add_image) mongodb_add_image;
typeof(dataset_adopt) mongodb_adopt;

typeof(lease_next) mongodb_next;
typeof(lease_take) mongodb_lease;
typeof(lease_take_chosen) mongodb_lease_chosen;
/* held.c. Finds the samples that any of these users holds, an array which is destroyed. */
bson_t *leases_held_filter(const char *dataset, bson_t *users);
typeof(lease_held) mongodb_held;
int mongodb_gold(struct dataset *, struct dataset_record **, size_t *, struct err *);
/* Finds the samples whose answer is known, by the index "gold". */
bson_t *gold_filter(const char *dataset);

dataset_change_fn mongodb_change;
typeof(dataset_retry_unreadable) mongodb_retry_unreadable;

typeof(dataset_outline) mongodb_outline;
typeof(dataset_records) mongodb_records;
typeof(dataset_export) mongodb_export;
typeof(dataset_fix_counts) mongodb_fix_counts;
typeof(dataset_fix_stats) mongodb_fix_stats;
/* Passes the kept counts on as this work sees them. */
int counts_pass(struct work *work, struct mongodb_dataset *dataset, const struct dataset_export *to, struct err *err);
typeof(dataset_restore_open) mongodb_restore_open;
typeof(dataset_restore_outline) mongodb_restore_outline;
typeof(dataset_restore_records) mongodb_restore_records;
typeof(dataset_restore_finish) mongodb_restore_finish;
typeof(dataset_restore_drop) mongodb_restore_drop;

typeof(idempotency_claim) mongodb_idempotency_claim;
typeof(idempotency_finish) mongodb_idempotency_finish;
typeof(idempotency_abandon) mongodb_idempotency_abandon;

typeof(audit_add_all) mongodb_audit_add;
typeof(audit_list) mongodb_audit_list;

typeof(account_revision) mongodb_account_revision;
typeof(account_list) mongodb_account_list;
typeof(account_put) mongodb_account_put;
typeof(account_remove) mongodb_account_remove;
typeof(account_note_uses) mongodb_account_note_uses;
typeof(account_uses) mongodb_account_uses;

#endif
