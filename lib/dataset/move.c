/* Moving a dataset to another store: what all backends share. */
#include "dataset/backend.h"

#include "base/memory.h"
#include "base/text.h"

/* --- ownership ---------------------------------------------------------------------------------------------------- */

static void release_text(const char *text)
{
	free((void *)(uintptr_t)text);
}

void dataset_record_release(struct dataset_record *record)
{
	for (size_t i = 0; i < record->event_count; i++) {
		release_text(record->events[i].label);
		release_text(record->events[i].by);
		release_text(record->events[i].source);
		release_text(record->events[i].merged);
	}
	for (size_t i = 0; i < record->vote_count; i++) {
		free(record->votes[i].user);
		free(record->votes[i].label);
	}
	free(record->events);
	free(record->votes);
	free(record->url);
	if (record->removed)
		tombstones_release(record->removed, 1);
	sample_release(&record->sample);
	memset(record, 0, sizeof(*record));
}

void dataset_outline_release(struct dataset_outline *outline)
{
	for (size_t i = 0; i < outline->label_count; i++) {
		free(outline->labels[i].name);
		free(outline->labels[i].description);
	}
	for (size_t i = 0; i < outline->former_count; i++)
		free(outline->former[i].name);
	free(outline->former);
	for (size_t i = 0; i < outline->note_count; i++) {
		free(outline->notes[i].key);
		free(outline->notes[i].value);
	}
	free(outline->labels);
	free(outline->notes);
	free(outline->base_dir);
	memset(outline, 0, sizeof(*outline));
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static bool same_policy(const struct dataset_policy *a, const struct dataset_policy *b)
{
	return a->overlap == b->overlap && a->overlap_max == b->overlap_max && a->lease_seconds == b->lease_seconds &&
	       a->order == b->order && a->skip == b->skip && a->public_images == b->public_images &&
	       a->gold_rate == b->gold_rate;
}

static bool same_label(const struct dataset_label *a, const struct dataset_label *b)
{
	const char *one = a->description ? a->description : "", *other = b->description ? b->description : "";

	return a->key == b->key && strcmp(a->name, b->name) == 0 && a->position >= b->position &&
	       a->position <= b->position && strcmp(a->colour, b->colour) == 0 && strcmp(one, other) == 0;
}

bool dataset_outline_equal(const struct dataset_outline *a, const struct dataset_outline *b)
{
	bool equal = strcmp(a->base_dir, b->base_dir) == 0 && same_policy(&a->policy, &b->policy) &&
	             a->label_count == b->label_count && a->next_label == b->next_label &&
	             a->former_count == b->former_count && a->note_count == b->note_count;

	for (size_t i = 0; equal && i < a->label_count; i++)
		equal = same_label(&a->labels[i], &b->labels[i]);
	for (size_t i = 0; equal && i < a->former_count; i++)
		equal = a->former[i].key == b->former[i].key && strcmp(a->former[i].name, b->former[i].name) == 0;
	for (size_t i = 0; equal && i < a->note_count; i++)
		equal = strcmp(a->notes[i].key, b->notes[i].key) == 0 &&
		        strcmp(a->notes[i].value, b->notes[i].value) == 0;
	return equal;
}

static void move_add_number(struct hash_stream *hash, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	hash_stream_text(hash, text);
}

static void add_sample(struct hash_stream *hash, const struct sample *sample)
{
	const char *const texts[] = {sample->filepath, sample->label, sample->blob_key, sample->type,
	                             sample->sha256, sample->filename, sample->uploaded_by, sample->labelled_by,
	                             sample->flag ? sample->flag : "", sample->flagged_by,
	                             sample->file_sha256};
	const int64_t numbers[] = {sample->id, sample->state, sample->version, sample->bytes, sample->width,
	                           sample->height, sample->uploaded_at, sample->labelled_at, sample->flag != NULL,
	                           sample->gold, sample->disputed, sample->file_bytes, sample->file_modified_ns};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		hash_stream_text(hash, texts[i]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		move_add_number(hash, numbers[i]);
}

static void add_tombstone(struct hash_stream *hash, const struct tombstone *tombstone)
{
	hash_stream_text(hash, "removed");
	hash_stream_text(hash, tombstone->filepath);
	hash_stream_text(hash, tombstone->blob_key);
	hash_stream_text(hash, tombstone->sha256);
	hash_stream_text(hash, tombstone->by);
	move_add_number(hash, tombstone->at);
}

void dataset_record_digest(const struct dataset_record *record, unsigned char out[HASH_SHA256_SIZE])
{
	struct hash_stream *hash = hash_stream_new("sha256");
	unsigned char digest[64];

	add_sample(hash, &record->sample);
	move_add_number(hash, record->requeued);
	move_add_number(hash, (int64_t)record->event_count);
	for (size_t i = 0; i < record->event_count; i++) {
		const struct label_event *event = &record->events[i];

		hash_stream_text(hash, event->label);
		hash_stream_text(hash, event->by);
		hash_stream_text(hash, event->source);
		move_add_number(hash, event->at);
		move_add_number(hash, event->lead_time_ms);
		move_add_number(hash, event->undoes);
		hash_stream_text(hash, event->merged ? event->merged : "");
	}
	move_add_number(hash, (int64_t)record->vote_count);
	for (size_t i = 0; i < record->vote_count; i++) {
		hash_stream_text(hash, record->votes[i].user);
		move_add_number(hash, record->votes[i].label != NULL);
		hash_stream_text(hash, record->votes[i].label ? record->votes[i].label : "");
	}
	if (record->removed)
		add_tombstone(hash, record->removed);
	hash_stream_final(hash, digest);
	memcpy(out, digest, HASH_SHA256_SIZE);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Drops the notes about this place alone. */
static void drop_local(struct dataset_outline *outline)
{
	size_t kept = 0;

	for (size_t i = 0; i < outline->note_count; i++) {
		struct dataset_note *note = &outline->notes[i];

		if (strcmp(note->key, DATASET_ORIGIN) != 0 && strcmp(note->key, DATASET_APART) != 0) {
			outline->notes[kept++] = *note;
			continue;
		}
		free(note->key);
		free(note->value);
	}
	outline->note_count = kept;
}

static int former_by_name(const void *a, const void *b)
{
	return strcmp(((const struct dataset_former *)a)->name, ((const struct dataset_former *)b)->name);
}

static void settle_outline(struct dataset_outline *outline)
{
	drop_local(outline);
	if (outline->former_count > 1)
		qsort(outline->former, outline->former_count, sizeof(*outline->former), former_by_name);
}

int dataset_outline(struct dataset *dataset, struct dataset_outline *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (dataset->backend->outline(dataset, out, err)) {
		dataset_outline_release(out);
		return -1;
	}
	settle_outline(out);
	return 0;
}

int outline_refuse(const char *label, struct err *err)
{
	return err_set(err, ERR_CONFLICT,
	               "The label %s is being renamed or merged: start the server, which ends that, before the move", label);
}

void outline_add_former(struct dataset_outline *outline, const char *name, int64_t key)
{
	outline->former = memory_grow(outline->former, outline->former_count + 1, sizeof(*outline->former));
	outline->former[outline->former_count++] = (struct dataset_former){memory_text(name), key};
}

/* A record whose sample is empty but for its id. */
static struct dataset_record record_of_tombstone(const struct tombstone *tombstone)
{
	struct dataset_record record = {.url = memory_text(""), .removed = memory_new(1, sizeof(*record.removed))};
	char **const texts[] = {&record.sample.filepath, &record.sample.label, &record.sample.blob_key,
	                        &record.sample.type, &record.sample.sha256, &record.sample.filename,
	                        &record.sample.uploaded_by, &record.sample.labelled_by, &record.sample.flagged_by,
	                        &record.sample.file_sha256};

	*record.removed = *tombstone;
	record.sample.id = tombstone->id;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		*texts[i] = memory_text("");
	return record;
}

size_t records_with_tombstones(struct dataset_record *records, size_t count, struct tombstone *tombstones,
                               size_t tombstone_count, size_t limit)
{
	struct dataset_record *found = memory_new(count + 1, sizeof(*found));
	size_t of_found = 0, of_tombstones = 0, filled = 0;

	memcpy(found, records, count * sizeof(*found));
	for (; filled < limit && (of_found < count || of_tombstones < tombstone_count); filled++) {
		bool is_removed = of_found == count || (of_tombstones < tombstone_count &&
		                                        tombstones[of_tombstones].id < found[of_found].sample.id);

		records[filled] = is_removed ? record_of_tombstone(&tombstones[of_tombstones++]) : found[of_found++];
	}
	while (of_found < count)
		dataset_record_release(&found[of_found++]);
	while (of_tombstones < tombstone_count)
		tombstone_release(&tombstones[of_tombstones++]);
	free(tombstones);
	free(found);
	return filled;
}

static int by_user(const void *a, const void *b)
{
	return strcmp(((const struct dataset_vote *)a)->user, ((const struct dataset_vote *)b)->user);
}

static void settle_records(struct dataset_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (records[i].vote_count > 1)
			qsort(records[i].votes, records[i].vote_count, sizeof(*records[i].votes), by_user);
	}
}

int dataset_records(struct dataset *dataset, int64_t after, size_t limit, struct dataset_record **out, size_t *count,
                    struct err *err)
{
	if (limit < 1 || limit > DATASET_RESTORE_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"limit\" must be from 1 to %d", DATASET_RESTORE_MAX);
	if (dataset->backend->records(dataset, after, limit, out, count, err))
		return -1;
	settle_records(*out, *count);
	return 0;
}

int dataset_each_page(struct dataset *dataset, int64_t after, size_t limit, dataset_records_visit *visit, void *data,
                      struct err *err)
{
	size_t count = limit;
	int failed = 0;

	while (!failed && count == limit) {
		struct dataset_record *page;

		if (dataset_records(dataset, after, limit, &page, &count, err))
			return -1;
		failed = visit(data, page, count, err);
		for (size_t i = 0; i < count; i++) {
			after = page[i].sample.id;
			dataset_record_release(&page[i]);
		}
		free(page);
	}
	return failed;
}

static int settled_outline(void *data, struct dataset_outline *outline, struct err *err)
{
	const struct dataset_export *to = data;

	settle_outline(outline);
	return to->outline(to->data, outline, err);
}

static int settled_records(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	const struct dataset_export *to = data;

	settle_records(records, count);
	return to->records(to->data, records, count, err);
}

static int pass_counts(void *data, const struct dataset_counts *counts, const struct dataset_labels *labels,
                       const struct stats_kept *stats, struct err *err)
{
	const struct dataset_export *to = data;

	return to->counts(to->data, counts, labels, stats, err);
}

int dataset_export(struct dataset *dataset, const struct dataset_export *to, struct err *err)
{
	struct dataset_export copy = *to;
	const struct dataset_export settled = {settled_outline, settled_records, &copy, to->counts ? pass_counts : NULL};

	return dataset->backend->export(dataset, &settled, err);
}

/* --- restoring ---------------------------------------------------------------------------------------------------- */

int dataset_restore_open(struct dataset_store *store, const char *name, const char *origin, struct dataset **out,
                         int64_t *last, struct err *err)
{
	if (strlen(origin) > DATASET_NOTE_MAX)
		return err_set(err, ERR_BAD_REQUEST, "The name of the source is longer than %d bytes", DATASET_NOTE_MAX);
	return text_check_dataset_name(name, err) || store->backend->restore_open(store, name, origin, out, last, err);
}

int dataset_restore_outline(struct dataset *dataset, const struct dataset_outline *outline, struct err *err)
{
	return dataset->backend->restore_outline(dataset, outline, err);
}

int dataset_restore_records(struct dataset *dataset, const struct dataset_record *records, size_t count,
                            struct err *err)
{
	if (count > DATASET_RESTORE_MAX)
		return err_set(err, ERR_INTERNAL, "More than %d records in one write", DATASET_RESTORE_MAX);
	return dataset->backend->restore_records(dataset, records, count, err);
}

int dataset_restore_finish(struct dataset *dataset, struct err *err)
{
	return dataset->backend->restore_finish(dataset, err);
}

int dataset_restore_drop(struct dataset_store *store, const char *name, struct err *err)
{
	if (text_check_dataset_name(name, NULL))
		return err_set(err, ERR_NOT_FOUND, "There is no unfinished move of %s", name);
	return store->backend->restore_drop(store, name, err);
}
