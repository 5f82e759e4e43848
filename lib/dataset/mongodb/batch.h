/* What one transaction writes: samples, events and counts. Private to lib/dataset/mongodb/. */
#ifndef DATASET_MONGODB_BATCH_H
#define DATASET_MONGODB_BATCH_H

#include "dataset/mongodb/record.h"

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
/* A counters' shard for a transaction of many samples, another one each time: in that of its process, each label
 * given meanwhile, by one like it or alone, would conflict with it. */
unsigned batch_shard_beside(const struct mongodb_store *store);
/* Empties the batch for another attempt, at what is now by the store's clock; dataset and shard stay. */
int batch_restart(struct batch *batch, struct work *work, struct err *err);
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

#endif
