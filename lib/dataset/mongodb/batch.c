/* What one transaction writes for samples in MongoDB: their documents, events and counts. */
#include "dataset/mongodb/batch.h"

static void add_count(struct batch *batch, const char *kind, const char *name, int64_t delta)
{
	batch_count(batch, kind, memory_text(name), delta, 0);
}

void batch_event(struct batch *batch, struct record *record, const struct label_event *event, const char *request)
{
	if (!batch->events)
		batch->events = work_bulk(batch->work, "events");
	bson_t *document = BCON_NEW("_id", "{", "dataset", BCON_UTF8(batch->dataset), "sample",
	                            BCON_INT64(record->sample.id), "n", BCON_INT64(++record->events), "}", "label",
	                            BCON_UTF8(event->label), "by", BCON_UTF8(event->by), "at", BCON_INT64(event->at),
	                            "source", BCON_UTF8(event->source), "lead_time_ms", BCON_INT64(event->lead_time_ms));
	if (request)
		BSON_APPEND_UTF8(document, "request", request);
	if (event->undoes)
		BSON_APPEND_INT64(document, "undoes", event->undoes);
	if (event->merged && event->merged[0])
		BSON_APPEND_UTF8(document, "merged", event->merged);
	mongoc_bulk_operation_insert(batch->events, document);
	bson_destroy(document);
	stats_count_event(batch, event, 1);
	if (event->undoes > 0 && (size_t)event->undoes <= record->heard_count)
		stats_count_event(batch, &record->heard[event->undoes - 1], -1);
}

void batch_merge_event(struct batch *batch, struct record *record, const char *from, const char *into, const char *by)
{
	const struct label_event event = {
		.label = into, .by = by, .at = batch->now, .source = RULES_MERGE, .lead_time_ms = -1, .merged = from};

	batch_event(batch, record, &event, NULL);
}

void batch_remove(struct batch *batch, const struct record *record)
{
	bson_t *image = filter_id(batch->dataset, record->sample.id);
	bson_t *events = events_filter(batch->dataset, record->sample.id, record->sample.id + 1);

	if (!batch->images)
		batch->images = work_bulk(batch->work, "images");
	if (!batch->events)
		batch->events = work_bulk(batch->work, "events");
	mongoc_bulk_operation_remove_one(batch->images, image);
	mongoc_bulk_operation_remove(batch->events, events);
	add_count(batch, "state", sample_state_name(record->sample.state), -1);
	add_count(batch, "label", record->sample.label, -1);
	add_count(batch, "gold", "", -(int64_t)record->sample.gold);
	stats_count_events(batch, record, -1);
	stats_count_votes(batch, record->was_votes, record->was_vote_count, -1);
	bson_destroy(image);
	bson_destroy(events);
}

static bool same_vote(const struct rules_vote *one, const struct rules_vote *other)
{
	return strcmp(one->user, other->user) == 0 && strcmp(one->label, other->label) == 0;
}

/* Other votes may come in another order where they are folded anew: then they are counted anew, too. */
static bool votes_as_read(const struct record *record)
{
	size_t at = 0;

	for (size_t i = 0; i < record->vote_count; i++) {
		if (!record->votes[i].label)
			continue;
		if (at == record->was_vote_count || !same_vote(&record->was_votes[at], &record->votes[i]))
			return false;
		at++;
	}
	return at == record->was_vote_count;
}

/* Sends the records that are alike, if there are any. */
static int save_alike(struct batch *batch, struct err *err)
{
	bson_t *change = batch->alike.change;

	if (!change)
		return 0;
	if (!batch->images)
		batch->images = work_bulk(batch->work, "images");
	int failed = records_update(batch->images, batch->dataset, batch->alike.ids, batch->alike.count,
	                            batch->alike.revision, change, err);
	batch->updates += (int64_t)batch->alike.count;
	bson_destroy(change);
	batch->alike.change = NULL;
	batch->alike.count = 0;
	return failed;
}

static int save_changed(struct batch *batch, const struct record *record, struct err *err)
{
	bson_t *change = record_change(record);

	if (batch->alike.change && batch->alike.revision == record->revision && bson_equal(batch->alike.change, change)) {
		bson_destroy(change);
	} else if (save_alike(batch, err)) {
		bson_destroy(change);
		return -1;
	} else {
		batch->alike.change = change;
		batch->alike.revision = record->revision;
	}
	if (batch->alike.count == batch->alike.capacity) {
		batch->alike.capacity = batch->alike.capacity ? batch->alike.capacity * 2 : 16;
		batch->alike.ids = memory_grow(batch->alike.ids, batch->alike.capacity, sizeof(*batch->alike.ids));
	}
	batch->alike.ids[batch->alike.count++] = record->sample.id;
	return 0;
}

int batch_save(struct batch *batch, struct record *record, struct err *err)
{
	const struct sample *sample = &record->sample;

	if (record->is_new || !votes_as_read(record)) {
		stats_count_votes(batch, record->was_votes, record->was_vote_count, -1);
		stats_count_votes(batch, record->votes, record->vote_count, 1);
	}
	add_count(batch, "gold", "", (int64_t)sample->gold - (int64_t)record->was_gold);
	if (record->is_new) {
		add_count(batch, "state", sample_state_name(sample->state), 1);
		add_count(batch, "label", sample->label, 1);
		if (!batch->images)
			batch->images = work_bulk(batch->work, "images");
		batch->updates += record->adopts != NULL;
		return record_insert(batch->images, batch->dataset, record, batch->now, err);
	}
	if (record->was_state != sample->state) {
		add_count(batch, "state", sample_state_name(record->was_state), -1);
		add_count(batch, "state", sample_state_name(sample->state), 1);
	}
	if (strcmp(record->was_label, sample->label) != 0) {
		add_count(batch, "label", record->was_label, -1);
		add_count(batch, "label", sample->label, 1);
	}
	return save_changed(batch, record, err);
}

static int run_bulk(struct batch *batch, mongoc_bulk_operation_t **bulk, int64_t *matched, struct err *err)
{
	mongoc_bulk_operation_t *run = *bulk;

	*bulk = NULL;
	return run ? work_bulk_run(batch->work, run, matched, err) : 0;
}

/* A transaction writes what it has read, or conflicts: an update that finds less is a defect, and must lose nothing. */
static int write_images(struct batch *batch, struct err *err)
{
	int64_t matched = 0;

	if (save_alike(batch, err) || run_bulk(batch, &batch->images, &matched, err))
		return -1;
	return matched == batch->updates ? 0
	                                 : err_set(err, ERR_INTERNAL, "MongoDB has found %lld of %lld samples to change",
	                                           (long long)matched, (long long)batch->updates);
}

static int write_counts(struct batch *batch, struct err *err)
{
	mongoc_bulk_operation_t *bulk = NULL;

	for (size_t i = 0; i < batch->count_count; i++) {
		const struct count *count = &batch->counts[i];

		if (count->delta == 0 && count->ms == 0)
			continue;
		if (!bulk)
			bulk = work_bulk(batch->work, "counters");
		bson_t *filter = BCON_NEW("dataset", BCON_UTF8(batch->dataset), "kind", BCON_UTF8(count->kind), "name",
		                          BCON_UTF8(count->name), "shard", BCON_INT32((int32_t)batch->shard));
		bson_t *update = count->ms ? BCON_NEW("$inc", "{", "n", BCON_INT64(count->delta), "ms",
		                                      BCON_INT64(count->ms), "}")
		                           : BCON_NEW("$inc", "{", "n", BCON_INT64(count->delta), "}");
		mongoc_bulk_operation_update_one(bulk, filter, update, true);
		bson_destroy(filter);
		bson_destroy(update);
	}
	return bulk ? work_bulk_run(batch->work, bulk, NULL, err) : 0;
}

int batch_write(struct batch *batch, struct err *err)
{
	return write_images(batch, err) || run_bulk(batch, &batch->events, NULL, err) || write_counts(batch, err);
}

unsigned batch_shard_beside(const struct mongodb_store *store)
{
	return (store->shard + 1 + arc4random_uniform(COUNTER_SHARDS - 1)) % COUNTER_SHARDS;
}

int batch_restart(struct batch *batch, struct work *work, struct err *err)
{
	const char *dataset = batch->dataset;
	unsigned shard = batch->shard;

	batch_clear(batch);
	*batch = (struct batch){.work = work, .dataset = dataset, .shard = shard};
	return work_now(work, &batch->now, err);
}

void batch_clear(struct batch *batch)
{
	if (batch->images)
		mongoc_bulk_operation_destroy(batch->images);
	if (batch->events)
		mongoc_bulk_operation_destroy(batch->events);
	for (size_t i = 0; i < batch->count_count; i++)
		free(batch->counts[i].name);
	free(batch->counts);
	bson_destroy(batch->alike.change);
	free(batch->alike.ids);
	memset(batch, 0, sizeof(*batch));
}
