/* Records: a sample with its leases, votes and events; and what stays of a removed one. Private to
 * lib/dataset/mongodb/. */
#ifndef DATASET_MONGODB_RECORD_H
#define DATASET_MONGODB_RECORD_H

#include "dataset/mongodb/store.h"
#include "dataset/rules_gold.h"

/* --- records: a sample with its leases and votes (record.c) ------------------------------------------------------- */

struct lease {
	char *user;
	char token[DATASET_TOKEN_MAX];
	int64_t taken, expires;
};
struct record {
	struct sample sample;
	char *url;
	int64_t position; /* in the queue */
	/* when somebody may next be given it: 0 = now, or when a lease ends; INT64_MAX: never, it has enough votes */
	int64_t free_at;
	int64_t events;
	int64_t added_at; /* "Timestamp"; 0 in a new record: now */
	int64_t revision; /* counts every change */
	struct lease *leases;
	size_t lease_count;
	struct rules_vote *votes; /* own their strings */
	size_t vote_count;
	/* Noted once somebody votes on a decided sample, or it is decided after a vote; otherwise the sample's label was
	 * decided. */
	struct rules_decision decision;
	char *decided_label, *decided_by; /* the decision's strings */
	struct label_event *heard;        /* its events, if they were read; own their strings */
	size_t heard_count;

	bool is_new, changed;
	/* for a new record: finds the document of another system that it is made from; NULL: none */
	bson_t *adopts;
	enum sample_state was_state; /* as it was read */
	bool was_gold, was_disputed;
	int64_t was_position;
	char *was_label;
	struct rules_vote *was_votes; /* for labels */
	size_t was_vote_count;
};
struct records {
	struct record *item;
	size_t count, capacity;
};

#define POSITION_END (INT64_C(1) << 40) /* requeued samples are at POSITION_END + the time, or a little later */

struct record *records_add(struct records *records); /* adds an empty one */
/* Adds a new sample, at its place in the queue. */
struct record *record_new(struct records *records, int64_t id, const char *filepath, const char *label);
/* Finds the samples whose "filepath" or "sha256" (`field`) is one of values. */
int records_find(struct work *work, const char *dataset, const char *field, const char *const *values, size_t count,
                 struct records *found, struct err *err);
void records_drop_twins(struct records *records); /* keeps one record of each sample; loses their order */
void records_release(struct records *records);
/* A work_visit that appends to struct records. */
int records_visit(void *records, const bson_t *document, struct err *err);

/* Sets what the user said of the sample, replacing anything earlier; label NULL: passed it on for good. Its event is
 * the sample's last one. */
void record_set_vote(struct record *record, const char *user, const char *label, int64_t at);
/* Notes that the user said nothing, but passed it on, with n as in struct rules_vote; or forgets what the user said. */
void record_pass_on(struct record *record, const char *user, int64_t n, int64_t at);
void record_unsay(struct record *record, const char *user);
bool record_has_vote(const struct record *record, const char *user); /* or passed it on */
/* Forgets all votes for labels; or replaces them by these, which the caller keeps, and the decision. */
void record_forget_votes(struct record *record);
void record_replace_said(struct record *record, const struct rules_vote *votes, size_t count,
                         const struct rules_decision *decision);
void record_decide(struct record *record, const struct rules_decision *decision);
/* Whether the sample's votes are in its events alone. */
bool record_is_older(const struct record *record);
/* Reads the votes and decisions of samples that have them in their events alone. */
int records_take_events(struct work *work, const char *dataset, struct records *records, struct err *err);
/* Reads the events of the records for which `wanted` is true. */
int records_read_events(struct work *work, const char *dataset, struct records *records, const bool *wanted,
                        struct err *err);
/* Of all of them. */
int records_read_all_events(struct work *work, const char *dataset, struct records *records, struct err *err);
/* Reads a label event; its texts belong to the document. */
struct label_event event_of(const bson_t *document);
/* Appends a copy of the sample's next event to those that were read. */
void record_hear(struct record *record, const struct label_event *event);
void record_forget_events(struct record *record);
/* Sets votes and decision from the events that were read. */
void record_fold(struct record *record);
void record_drop_leases(struct record *record);
/* Forgets leases that ran out and computes free_at. */
void record_refresh(struct record *record, struct rules_quorum quorum, int64_t now);
/* Notes the label as a decision, if nobody has voted. */
void record_note_decision(struct record *record);
/* Computes label and state from votes, decision and policy, and sets them. */
void record_settle(struct record *record, struct rules_quorum quorum, int64_t now);
/* Whether the user may be given the sample now, whose answer is known; at_end as for gold_may_offer. After
 * record_refresh. */
bool record_is_open_gold(struct record *record, const char *user, bool at_end, struct rules_quorum quorum);
/* Whether this user may be given the sample now. After record_refresh. */
bool record_open_to(const struct record *record, const char *user, struct rules_quorum quorum);
/* The same if the user asks for this very sample. */
bool record_may_choose(const struct record *record, const char *user, struct rules_quorum quorum);
struct lease *record_lease(struct record *record, const char *user, const char *token); /* either may be NULL */
struct lease *record_add_lease(struct record *record, const char *user, int64_t now, int64_t expires);
/* The change of the record as it was read to what it is now, an update's document; the caller destroys it. Samples with
 * the same revision may share one. */
bson_t *record_change(const struct record *record);
int records_update(mongoc_bulk_operation_t *bulk, const char *dataset, const int64_t *ids, size_t count,
                   int64_t revision, const bson_t *change, struct err *err);
/* Appends, as one statement, the change of the record. */
int record_update(mongoc_bulk_operation_t *bulk, const char *dataset, const struct record *record, struct err *err);

/* for qsort */
int record_by_position(const void *a, const void *b);

/* Filters of images, and (in opts) the index that serves each. */
bson_t *filter_id(const char *dataset, int64_t id);
bson_t *opts_hint(const char *index, int64_t limit); /* limit 0: none */
/* Visits the documents of a dataset in which the field is one of values, by that index. */
int find_any(struct work *work, const char *collection, const char *dataset, const char *field, const char *index,
             const char *const *values, size_t count, work_visit *visit, void *data, struct err *err);
/* Moves the sample out of the record, and releases the record. */
void record_to_sample(struct record *record, struct sample *out);
/* The same with its votes, and its events if they were read. */
void record_move_out(struct record *record, struct dataset_record *out);
/* The events of the samples from `from` to below `to`. */
bson_t *events_filter(const char *dataset, int64_t from, int64_t to);

/* Appends the new record, as a document of its own or made from the one it adopts. */
int record_insert(mongoc_bulk_operation_t *bulk, const char *dataset, const struct record *record, int64_t now,
                  struct err *err);

/* --- what stays of removed samples (removed.c) -------------------------------------------------------------------- */

/* Visits those whose "filepath" or "blob_key" (`field`) is one of values. */
int tombstones_find(struct work *work, const char *dataset, const char *field, const char *const *values, size_t count,
                    work_visit *visit, void *data, struct err *err);
/* Like dataset_removed. */
int tombstones_page(struct work *work, const char *dataset, bool due, int64_t after, size_t limit,
                    struct tombstone **out, size_t *count, struct err *err);
/* Appends, as one statement, that it is there, in place of an earlier one with its id. */
void tombstone_append(mongoc_bulk_operation_t *bulk, const char *dataset, const struct tombstone *tombstone);

#endif
