/* The store, a dataset, its settings and its labels. Private to lib/dataset/mongodb/. */
#ifndef DATASET_MONGODB_STORE_H
#define DATASET_MONGODB_STORE_H

#include <pthread.h>

#include "base/combine.h"
#include "dataset/handles.h"
#include "dataset/mongodb/work.h"

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
	/* each sample says whether the votes for it differ; an earlier version did not look */
	bool disputes_kept;
	bool stats_kept; /* the statistics' counts have all that was ever said */
	struct relabelling relabelling;
};

/* Measured with 64 threads: two batches at once would be smaller, and cost the replica set an eighth more processor
 * time. */
enum { COMBINE_BATCH = 128 };

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

/* ERR_INTERNAL when a newer version of this program has written the database. */
int schema_check(struct work *work, struct err *err);
/* Checks that, makes collections and indexes, puts the default dataset's labels first (taking those of the older
 * collecting system, if there are any), and ends removals that a crash interrupted. */
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

static inline struct mongodb_dataset *mongodb_dataset(struct dataset *dataset)
{
	return (struct mongodb_dataset *)dataset;
}

static inline struct mongodb_store *mongodb_store(struct dataset_store *store)
{
	return (struct mongodb_store *)store;
}

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

#endif
