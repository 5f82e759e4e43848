/* The MongoDB backend's own parts: connections and transactions, records, batches. Private to
 * lib/dataset/mongodb/.
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

#include <mongoc/mongoc.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/combine.h"
#include "base/memory.h"
#include "dataset/backend.h"
#include "dataset/handles.h"
#include "dataset/rules_gold.h"

/* --- what libmongoc says (log.c) ---------------------------------------------------------------------------------- */

extern dataset_log *mongodb_log; /* the program's log */
void mongodb_log_to(dataset_log *log);
/* Starts libmongoc, once. */
void mongodb_log_start(void);
enum { MONGODB_SAID_MAX = 256 };
/* From now on libmongoc's latest message on this thread is kept in `said`, after ": "; NULL: log it again. */
void mongodb_hear(char said[MONGODB_SAID_MAX]);

/* --- documents (bson.c) ------------------------------------------------------------------------------------------- */

/* A member of a document: "" or 0 when there is none. text_in's key may be a path ("_id.name"). */
const char *text_in(const bson_t *document, const char *key);
int64_t number_in(const bson_t *document, const char *key);

/* --- work: a connection, and maybe a transaction, for one thread (work.c) ----------------------------------------- */

struct mongodb_store;

struct work {
	struct mongodb_store *store;
	mongoc_client_t *client;
	mongoc_client_session_t *session; /* NULL outside a transaction */
	bool again;                       /* the failure may pass when the transaction runs again */
	bool duplicate;                   /* the failure was that the key is taken */
};

/* Takes a connection, and makes collections and indexes if they are missing. Call work_end in any case. */
int work_begin(struct work *work, struct mongodb_store *store, struct err *err);
void work_end(struct work *work);

/* uri.c. The configuration's URI, completed; the settings that durability needs cannot be changed in it. NULL with
 * ERR_BAD_REQUEST, in a sentence without any secret, when it is no URI, or a file that it names does not exist. */
mongoc_uri_t *mongodb_uri(const struct config *config, struct err *err);
/* A pool of clients for this URI; fails in the same way. */
mongoc_client_pool_t *mongodb_pool(const struct config *config, struct err *err);
/* Appends the nodes' addresses, which are not secret. */
void mongodb_hosts(const struct config *config, struct buf *out);
/* After the configured server could not be reached: asks its first host alone, and lets *err say so when that is
 * standalone, or in another set. Returns -1. */
int mongodb_look_closer(const struct config *config, struct err *err);
/* Says what to do about a server that is no replica set; returns -1. */
int mongodb_standalone(const char *hosts, struct err *err);
/* MongoDB's codes for what killSessions has ended, and for what comes after it in the same transaction. */
enum { MONGODB_INTERRUPTED = 11601, MONGODB_NO_SUCH_TRANSACTION = 251 };
/* Turns a failure of libmongoc into err (error.c); returns -1. reply may be NULL. */
int work_fail(struct work *work, const bson_error_t *error, const bson_t *reply, struct err *err);

/* Calls visit for each document found; visit returns 0 to go on, WORK_ENOUGH to stop, or another value with err,
 * with which work_find then fails. Destroys filter and opts (which may be NULL). */
enum { WORK_ENOUGH = INT_MIN };
typedef int work_visit(void *data, const bson_t *document, struct err *err);
int work_find(struct work *work, const char *collection, bson_t *filter, bson_t *opts, work_visit *visit, void *data,
              struct err *err);
/* The same for a pipeline, which it destroys. */
int work_aggregate(struct work *work, const char *collection, bson_t *pipeline, work_visit *visit, void *data,
                   struct err *err);
/* Changes the one document that filter finds. *matched says whether there was one (NULL: there must be one, else
 * ERR_NOT_FOUND "Database not found"). Destroys filter and update. */
int work_update(struct work *work, const char *collection, bson_t *filter, bson_t *update, bool upsert, bool *matched,
                struct err *err);
/* Inserts one document; a taken key is ERR_CONFLICT, and sets work->duplicate. Destroys document. */
int work_insert(struct work *work, const char *collection, bson_t *document, struct err *err);
/* Deletes all documents that filter finds. Destroys filter. */
int work_delete(struct work *work, const char *collection, bson_t *filter, struct err *err);
/* Begins several writes in one message. Never NULL. */
mongoc_bulk_operation_t *work_bulk(struct work *work, const char *collection);
/* Runs bulk and destroys it; *matched gets how many documents the updates found. */
int work_bulk_run(struct work *work, mongoc_bulk_operation_t *bulk, int64_t *matched, struct err *err);

/* From now on this work reads as of one moment; it may not write. The caller destroys work->session before work_end. */
int work_freeze(struct work *work, struct err *err);

/* Waits a random time of at most 1 ms, doubled with each attempt up to 64 ms: tries counts from 0. */
void work_back_off(unsigned tries);
/* The server's clock (clock.c), by which leases begin and end. */
int work_now(struct work *work, int64_t *now, struct err *err);

/* Runs `run` in a transaction, and again while it conflicts with others' writes or the primary changes, for at most
 * some seconds. When it returns 0, everything is committed with w:majority and j:true. A refusal (`run` fails while
 * work->again is false) commits nothing. */
typedef int work_run(struct work *work, void *data, struct err *err);
int work_transaction(struct mongodb_store *store, work_run *run, void *data, struct err *err);
/* The same on an existing connection. */
int work_transaction_in(struct work *work, work_run *run, void *data, struct err *err);

/* --- what killed programs left (orphans.c) ------------------------------------------------------------------------ */

enum { ORPHANS_APPNAME_MAX = 128 };
/* The name under which MongoDB knows this program on this machine. */
void orphans_appname(char out[ORPHANS_APPNAME_MAX]);
/* Ends the transactions of the program with this name (NULL: of any of ours, on any machine) that have done nothing
 * for inactive_us. If the program is alive after all, it runs the transaction again (work_transaction). Fails only
 * when there is no primary. */
int orphans_end(struct work *work, const char *appname, int64_t inactive_us, struct err *err);

/* Measured with 64 threads: two batches at once would be smaller, and cost the replica set an eighth more processor
 * time. */
enum { COMBINE_BATCH = 128 };

/* --- the store, a dataset, its labels (store.c, settings.c, labelset.c) ------------------------------------------- */

struct label_set {
	bson_oid_t revision; /* the dataset's when they were read */
	size_t count;
	struct dataset_label *label; /* in order of name */
};

/* A new name of a label, or its merge into another one, that has not reached all samples yet. */
struct relabelling {
	bson_oid_t id;
	char *from, *to; /* from NULL: there is none under way */
	int64_t merged;  /* the key of the merged label; -1: it is a new name */
	char *by;        /* the user who merges */
};
void relabelling_release(struct relabelling *relabelling);

struct settings {
	bson_oid_t revision;
	char uuid[HASH_UUID_MAX]; /* "": an earlier version made it, and it was not opened for writing since */
	char *base_dir;
	struct dataset_policy policy; /* lease_seconds as stored: 0 = the configuration's */
	int64_t next_id, next_label, bytes;
	int64_t gaps;    /* ids below next_id that were removed, or never existed, in a dataset from another store */
	bool unfinished; /* it is still coming from another store */
	/* the change of the overlap that has not yet reached all the samples that it affects; zeros: none */
	bson_oid_t due;
	/* every vote is in its sample's document; an earlier version left some in the events alone */
	bool votes_kept;
	/* the policy has an overlap_max; an earlier version wrote it without, and put no sample in review */
	bool limited;
	bool stats_kept; /* the statistics' counts have all that was ever said */
	struct relabelling relabelling;
};

struct mongodb_dataset {
	struct dataset base;
	struct mongodb_store *store;

	pthread_mutex_t mutex; /* guards settings and labels */
	struct settings settings;
	struct label_set labels;

	pthread_mutex_t structure; /* one thread of a process at a time adds samples or labels, or changes the policy */
	struct combine changes, leases, additions;
	int64_t last_requeued; /* for the leader of changes: the last position at the queue's end that it gave */
	int64_t run_out_at;    /* when the leader of leases looks again for leases that ran out */
	struct ahead *ahead;   /* for the leader of leases (queue.c) */
	size_t ahead_count;
	bson_oid_t step_due; /* for the leader of leases: the change with which it catches up, */
	int64_t step_after;  /* and the sample up to which it has */
};

enum { COUNTER_SHARDS = 16 };

/* Those who wait for changes, and the stream that is read for them. */
struct watch {
	pthread_mutex_t mutex; /* protects the fields below; who reads the stream uses it without */
	pthread_cond_t changed;
	struct feed_waiter *first;
	bool is_read; /* by one of the waiters */
	struct work work;
	mongoc_change_stream_t *stream; /* NULL: none is open */
};

struct mongodb_store {
	struct dataset_store base;
	const struct config *config;
	bool reading;                                       /* nothing may be changed */
	int (*prepare)(struct work *work, struct err *err); /* makes what is missing in the database, before the first use */
	mongoc_client_pool_t *pool;
	unsigned shard;        /* of the counters, for this process */
	pthread_mutex_t mutex; /* protects the fields below */
	bool ready;
	struct err unready; /* why the store was not ready last time */
	int64_t unready_ms; /* when that was, by the monotonic clock */
	int64_t asked_us;   /* when the server was last asked for its time, by the monotonic clock; 0: never */
	int64_t ahead_us;   /* how far the server's clock is ahead of the monotonic one */
	struct handles handles;
	struct watch watch;
};

void watch_init(struct watch *watch);
void watch_release(struct watch *watch);

/* Makes collections and indexes, puts the default dataset's labels first (taking those of the older collecting
 * system, if there are any), and ends removals that a crash interrupted. */
int schema_prepare(struct work *work, struct err *err);
/* Removes what belongs to a dataset that is marked as removed; does nothing if it is not. */
int dataset_purge(struct work *work, const char *name, struct err *err);

/* Finds the dataset's document, unless it is marked as removed. */
bson_t *filter_dataset(const char *name);
bson_oid_t new_revision(void);
/* Reads the dataset's document; ERR_NOT_FOUND "Database not found". The caller releases *out. */
int settings_read(struct work *work, const char *name, struct settings *out, struct err *err);
void settings_release(struct settings *settings);
/* Whether the label is being merged into another one, and so may not be given any more. */
bool settings_merging(const struct settings *settings, const char *label);
/* For settings without a uuid: gives the dataset one, and reads the settings again. */
int settings_give_uuid(struct work *work, const char *name, struct settings *settings, struct err *err);
/* Marks the dataset as removed, a whole or an unfinished one as `unfinished` says, and removes it. ERR_NOT_FOUND
 * when there is none. */
int dataset_mark_removed(struct work *work, const char *name, bool unfinished, struct err *err);
bson_t *policy_document(const struct dataset_policy *policy);
/* Makes a handle; takes settings. */
struct dataset *dataset_handle(struct mongodb_store *store, const char *name, struct settings *settings);
/* Writes what has changed in the settings by adding samples and labels, inside a transaction. */
int settings_save(struct work *work, const char *name, const struct settings *settings, struct err *err);
/* A policy with its lease_seconds resolved: of a stored one, and the current one. */
struct dataset_policy policy_resolved(const struct mongodb_dataset *dataset, const struct dataset_policy *stored);
struct dataset_policy current_policy(struct mongodb_dataset *dataset);
/* Reads the dataset's current settings again. */
int settings_refresh(struct mongodb_dataset *dataset, struct err *err);
/* Makes them the dataset's current settings; takes what they own. */
void settings_replace(struct mongodb_dataset *dataset, struct settings *settings);
/* Whether the dataset has this label. Asks the store when it is not among those known here. */
int label_known(struct mongodb_dataset *dataset, const char *label, bool *known, struct err *err);
/* Reads the labels document, in order of name. The caller releases *out, in any case. */
int labels_read(struct work *work, const char *name, struct label_set *out, struct err *err);
/* The same with the labels' details; in order of key. */
int labels_read_described(struct work *work, const char *name, struct label_set *out, struct err *err);
/* For labels in order of name; NULL: none. */
struct dataset_label *label_set_find(const struct label_set *set, const char *name);
char *label_set_name(const struct label_set *set, int64_t key); /* the caller frees it; NULL: none */
void label_set_order_by_name(struct label_set *set);
void label_set_order_by_key(struct label_set *set);
void label_set_order_by_position(struct label_set *set);
void label_set_release(struct label_set *set);
/* Adds the labels that are missing, with keys from settings->next_label on, inside a transaction. */
int labels_insert(struct work *work, const char *dataset, struct settings *settings, const char *const *names,
                  size_t count, int64_t *last_key, int64_t *added, struct err *err);

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
/* Like dataset_samples, with this filter, which is taken; index NULL: the one that the server finds best. */
int samples_page(struct dataset *base, bson_t *filter, const char *index, size_t limit, struct sample **out,
                 size_t *count, struct err *err);
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

/* --- what one transaction writes: samples, events and counts (batch.c) -------------------------------------------- */

struct count {
	const char *kind; /* "state", "label", and those of stats.c */
	char *name;
	int64_t delta;
	int64_t ms; /* of lead times: the change of their sum */
};
struct batch {
	struct work *work;
	const char *dataset;
	unsigned shard;
	int64_t now;
	mongoc_bulk_operation_t *images, *events; /* NULL: nothing yet */
	int64_t updates;                          /* documents that `images` is to find and change */
	/* the latest records, which all have the same revision and change, and become one statement */
	struct {
		bson_t *change; /* NULL: none */
		int64_t revision, *ids;
		size_t count, capacity;
	} alike;
	struct count *counts;
	size_t count_count, count_capacity;
};
void batch_clear(struct batch *batch);
/* tally.c. Takes name. */
void batch_count(struct batch *batch, const char *kind, char *name, int64_t delta, int64_t ms);
/* stats.c: counts (sign 1), or takes back (-1), a label that the event gives; and the pairs of a sample's votes. */
void stats_count_event(struct batch *batch, const struct label_event *event, int64_t sign);
void stats_count_votes(struct batch *batch, const struct rules_vote *votes, size_t count, int64_t sign);
/* The same for the effective events among those that were read. */
void stats_count_events(struct batch *batch, const struct record *record, int64_t sign);
/* The kinds of counters that statistics have: a lasting text, or NULL for another kind; and their sums in a dataset, as
 * documents `{_id: {kind, name}, n, ms}`. */
const char *stats_kind_of(const char *kind);
bson_t *stats_pipeline(const char *dataset);
/* stats_fill.c. Once for a dataset of an earlier version, which counted none of it. Not for use in a transaction. */
int stats_fill(struct mongodb_dataset *dataset, struct err *err);
/* Empties the batch for another attempt; dataset and shard stay. */
void batch_restart(struct batch *batch, struct work *work, int64_t now);
/* Appends a label event, and counts it in the record. request may be NULL. */
void batch_event(struct batch *batch, struct record *record, const struct label_event *event, const char *request);
/* Adds the event of a merge: `from` has become `into`. */
void batch_merge_event(struct batch *batch, struct record *record, const char *from, const char *into, const char *by);
/* Writes the new or changed record, and the changes of counts that follow. */
int batch_save(struct batch *batch, struct record *record, struct err *err);
/* Removes the record, as it was read, with its events, which were read too; applied before everything that the batch
 * saves. */
void batch_remove(struct batch *batch, const struct record *record);
/* Sends the whole batch. */
int batch_write(struct batch *batch, struct err *err);

/* --- the queue: candidates for a batch of leases (queue.c) -------------------------------------------------------- */

enum { WINDOW_MAX = 1000 }; /* samples read at once */

struct window {
	struct mongodb_dataset *dataset;
	struct dataset_policy policy;
	int64_t now;
	int64_t end;    /* the position of the next new sample */
	bool contended; /* others were quicker in the last round */
	struct records records;
};
int window_open(struct window *window, struct mongodb_dataset *dataset, struct work *work, struct err *err);
void window_close(struct window *window);
void ahead_release(struct mongodb_dataset *dataset);
/* Reads candidates for this many leases, in order of the queue; user NULL: samples that anybody may have, else those
 * that this user may have. */
int window_fill(struct window *window, struct work *work, const char *user, size_t wanted, struct err *err);

/* --- the operations of backend.h, by file ------------------------------------------------------------------------- */

dataset_store_open_fn mongodb_store_open;
typeof(dataset_store_free) mongodb_store_free;
typeof(dataset_store_ping) mongodb_store_ping;
typeof(dataset_store_list) mongodb_store_list;
typeof(dataset_store_place) mongodb_store_place;
typeof(dataset_open) mongodb_open;
typeof(dataset_close) mongodb_close;

typeof(dataset_create) mongodb_create;
typeof(dataset_remove) mongodb_remove;
typeof(dataset_info) mongodb_info;
typeof(dataset_place) mongodb_place;
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
typeof(dataset_samples) mongodb_samples;
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
typeof(dataset_activity) mongodb_activity;

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

/* Changes of the overlap (overlap.c) and of labels (relabel.c) reach existing samples in bites, between which others
 * write (catchup.c). catch_up does all that is due; catch_up_step does a small bite, which the leader of leases does
 * so that the change ends even if nobody waits for it. */
int catch_up(struct mongodb_dataset *, struct err *);
int catch_up_step(struct mongodb_dataset *, struct err *);

/* One bite, which is a transaction. */
struct bite {
	struct mongodb_dataset *dataset;
	int64_t after, last; /* ids of samples: where it begins, and how far it came */
	size_t most;         /* samples to look at: halved each time that others wrote to the same ones */
	bool more;           /* there are samples after `last` */
	bool tried;
	struct settings settings;
	struct records records;
	struct batch batch;
};
/* Call it first in a bite's transaction: reads the settings again. */
int bite_begin(struct bite *bite, struct work *work, struct err *err);
struct catch_up {
	/* Whether a change is due; *which identifies it. */
	bool (*due)(const struct settings *settings, bson_oid_t *which);
	work_run *run; /* with a struct bite */
	/* Called after the last bite, unless there was another change meanwhile. Then the settings are read again. */
	int (*end)(struct mongodb_dataset *dataset, const bson_oid_t *which, struct err *err);
};
extern const struct catch_up catch_up_overlap, catch_up_labels;

/* If these samples, just written, have a label by a name that no label has any more, gives them what it has become:
 * the change may have passed them before. */
int relabel_late(struct mongodb_dataset *dataset, const char *label, const int64_t *ids, size_t count, struct err *err);

/* The names that labels had before, and that no label has now (former.c). */
struct former {
	char *name;
	int64_t key; /* of what it has become; -1: it was removed, */
	int64_t was; /* with this key */
	char *by;    /* the user who merged it; "": it was renamed */
};
struct formers {
	struct former *item; /* oldest first */
	size_t count;
};
int formers_read(struct work *work, const char *dataset, struct formers *out, struct err *err);
int formers_write(struct work *work, const char *dataset, const struct formers *formers, struct err *err);
void formers_release(struct formers *formers);
const struct former *formers_find(const struct formers *formers, const char *name); /* NULL: none */
void formers_forget(struct formers *formers, const char *name);
/* Replaces what was known of the name. */
void formers_note(struct formers *formers, const char *name, int64_t key, int64_t was, const char *by);

typeof(dataset_outline) mongodb_outline;
typeof(dataset_records) mongodb_records;
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

static inline struct mongodb_dataset *mongodb_dataset(struct dataset *dataset)
{
	return (struct mongodb_dataset *)dataset;
}

static inline struct mongodb_store *mongodb_store(struct dataset_store *store)
{
	return (struct mongodb_store *)store;
}

#endif
