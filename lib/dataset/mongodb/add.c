/* Adding samples to MongoDB: those of a seed, and uploaded images. */
#include "dataset/mongodb/internal.h"

#include "base/text.h"

enum {
	/* Of a seed in one transaction, which MongoDB keeps in its cache as a whole with all that it changes in indexes:
	 * a tenth of what fits into the smallest cache (256 MB). */
	MERGE_AT_ONCE = 1000,
	MERGE_BYTES_AT_ONCE = 1024 * 1024, /* of filepaths and labels */
};

struct record *record_new(struct records *records, int64_t id, const char *filepath, const char *label)
{
	struct record *record = records_add(records);

	record->is_new = true;
	record->sample = (struct sample){.id = id, .filepath = memory_text(filepath), .label = memory_text(label)};
	record->sample.state = label[0] ? SAMPLE_LABELLED : SAMPLE_UNLABELLED;
	record->position = id;
	return record;
}

/* --- seeding ------------------------------------------------------------------------------------------------------ */

#define NONE SIZE_MAX
#define REMOVED (SIZE_MAX - 1)

/* A filepath of the seed, with its sample once that is known. Entries are sorted, so that they can be found. */
struct entry {
	const char *filepath;
	size_t record; /* its index in struct merge's records; NONE: none yet; REMOVED: there was one */
};

struct merge {
	struct mongodb_dataset *dataset;
	const char *const *labels;
	size_t label_count;
	const struct dataset_seed *seeds;
	size_t seed_count;
	struct dataset_merged result;

	struct entry *entries;
	size_t entry_count;
	struct records records;
	struct settings settings;
	struct batch batch;
};

static int by_filepath(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->filepath, ((const struct entry *)b)->filepath);
}

static struct entry *find_entry(struct merge *merge, const char *filepath)
{
	struct entry wanted = {.filepath = filepath};

	return bsearch(&wanted, merge->entries, merge->entry_count, sizeof(*merge->entries), by_filepath);
}

/* Makes one entry for each filepath of the seed. */
static void list_entries(struct merge *merge)
{
	merge->entries = memory_new(merge->seed_count + 1, sizeof(*merge->entries));
	for (size_t i = 0; i < merge->seed_count; i++)
		merge->entries[i] = (struct entry){.filepath = merge->seeds[i].filepath, .record = NONE};
	if (merge->seed_count > 1)
		qsort(merge->entries, merge->seed_count, sizeof(*merge->entries), by_filepath);
	for (size_t i = 0; i < merge->seed_count; i++) {
		if (i == 0 || by_filepath(&merge->entries[merge->entry_count - 1], &merge->entries[i]) != 0)
			merge->entries[merge->entry_count++] = merge->entries[i];
	}
}

static int see_removed_path(void *data, const bson_t *document, struct err *err)
{
	struct entry *entry = find_entry(data, text_in(document, "filepath"));

	(void)err;
	if (entry && entry->record == NONE)
		entry->record = REMOVED;
	return 0;
}

static int find_known(struct work *work, struct merge *merge, struct err *err)
{
	const char **paths = memory_new(merge->entry_count + 1, sizeof(*paths));

	for (size_t i = 0; i < merge->entry_count; i++) {
		paths[i] = merge->entries[i].filepath;
		merge->entries[i].record = NONE;
	}
	int failed = records_find(work, merge->dataset->base.name, "filepath", paths, merge->entry_count,
	                          &merge->records, err);
	for (size_t i = 0; i < merge->records.count; i++) {
		struct entry *entry = find_entry(merge, merge->records.item[i].sample.filepath);

		/* Keeps the first sample with the filepath. */
		if (entry && (entry->record == NONE || merge->records.item[i].sample.id <
		                                               merge->records.item[entry->record].sample.id))
			entry->record = i;
	}
	if (!failed && merge->settings.gaps > 0)
		failed = tombstones_find(work, merge->dataset->base.name, "filepath", paths, merge->entry_count, see_removed_path,
		                         merge, err);
	free(paths);
	return failed;
}

static void seed_event(struct merge *merge, struct record *record, const char *label)
{
	const struct label_event event = {
		.label = label, .by = "", .at = merge->batch.now, .source = "seed", .lead_time_ms = -1};

	batch_event(&merge->batch, record, &event, NULL);
}

static void merge_seed_label(struct merge *merge, struct record *record, const char *label)
{
	free(record->sample.label);
	record->sample.label = memory_text(label);
	record->sample.state = SAMPLE_LABELLED;
	record->sample.version++;
	record_drop_leases(record);
	record_refresh(record, rules_quorum_of(&merge->settings.policy), merge->batch.now);
	record->changed = true;
	seed_event(merge, record, label);
	merge->result.samples_labelled++;
}

static void merge_seed(struct merge *merge, const struct dataset_seed *seed)
{
	struct entry *entry = find_entry(merge, seed->filepath);

	if (entry->record == REMOVED) {
		merge->result.samples_known++;
		return;
	}
	if (entry->record == NONE) {
		struct record *record = record_new(&merge->records, merge->settings.next_id++, seed->filepath, seed->label);

		entry->record = merge->records.count - 1;
		merge->result.samples_added++;
		if (seed->label[0])
			seed_event(merge, record, seed->label);
		return;
	}
	struct record *record = &merge->records.item[entry->record];
	merge->result.samples_known++;
	if (seed->label[0] && rules_takes_seed(record->sample.state, record->sample.label, record->events > 0))
		merge_seed_label(merge, record, seed->label);
}

static int merge_start_over(struct work *work, struct merge *merge, struct err *err)
{
	memset(&merge->result, 0, sizeof(merge->result));
	records_release(&merge->records);
	settings_release(&merge->settings);
	return batch_restart(&merge->batch, work, err);
}

static int run_merge(struct work *work, void *data, struct err *err)
{
	struct merge *merge = data;
	const char *name = merge->dataset->base.name;
	int64_t key;

	if (merge_start_over(work, merge, err) || settings_read(work, name, &merge->settings, err) ||
	    labels_insert(work, name, &merge->settings, merge->labels, merge->label_count, &key, &merge->result.labels_added,
	                  err) ||
	    find_known(work, merge, err))
		return -1;
	for (size_t i = 0; i < merge->seed_count; i++)
		merge_seed(merge, &merge->seeds[i]);
	bool any = merge->result.samples_added > 0 || merge->result.labels_added > 0;
	if (any && settings_save(work, name, &merge->settings, err))
		return -1;
	for (size_t i = 0; i < merge->records.count; i++) {
		struct record *record = &merge->records.item[i];

		if ((record->is_new || record->changed) && batch_save(&merge->batch, record, err))
			return -1;
	}
	return batch_write(&merge->batch, err);
}

static int merge_piece(struct mongodb_dataset *dataset, const char *const *labels, size_t label_count,
                       const struct dataset_seed *seeds, size_t seed_count, struct dataset_merged *merged,
                       struct err *err)
{
	struct merge merge = {
		.dataset = dataset, .labels = labels, .label_count = label_count, .seeds = seeds, .seed_count = seed_count};

	merge.batch.dataset = dataset->base.name;
	merge.batch.shard = dataset->store->shard;
	list_entries(&merge);
	int failed = work_transaction(dataset->store, run_merge, &merge, err);
	if (!failed) {
		merged->labels_added += merge.result.labels_added;
		merged->samples_added += merge.result.samples_added;
		merged->samples_labelled += merge.result.samples_labelled;
		merged->samples_known += merge.result.samples_known;
	}
	batch_clear(&merge.batch);
	records_release(&merge.records);
	settings_release(&merge.settings);
	free(merge.entries);
	return failed;
}

/* How many of the seeds go into one transaction: at least one. */
static size_t merge_room(const struct dataset_seed *seeds, size_t count)
{
	size_t bytes = 0, room = 0;

	while (room < count && room < MERGE_AT_ONCE && bytes < MERGE_BYTES_AT_ONCE) {
		bytes += strlen(seeds[room].filepath) + strlen(seeds[room].label);
		room++;
	}
	return room;
}

int mongodb_merge(struct dataset *base, const char *const *labels, size_t label_count, const struct dataset_seed *seeds,
                  size_t seed_count, struct dataset_merged *merged, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);
	size_t done = 0, piece;
	int failed;

	pthread_mutex_lock(&dataset->structure);
	do { /* the first piece adds the labels */
		piece = merge_room(seeds, seed_count - done);
		failed = merge_piece(dataset, labels, done == 0 ? label_count : 0, seeds, piece, merged, err);
		if (piece > 0)
			seeds += piece;
		done += piece;
	} while (!failed && done < seed_count);
	pthread_mutex_unlock(&dataset->structure);
	return failed;
}

/* --- uploads ------------------------------------------------------------------------------------------------------ */

/* One waiting upload; uploads of a process that wait at the same time are added in one transaction. */
struct addition {
	struct combine_job job;
	const struct dataset_image *image;
	int64_t quota_bytes;
	struct sample *out;
	bool duplicate, removed_key;
	int result;
	struct err err;
};

struct additions {
	struct mongodb_dataset *dataset;
	struct combine_job *jobs;
	struct records records;
	struct settings settings;
	struct label_set labels; /* in order of name */
	struct batch batch;
};

static struct addition *addition_of(struct combine_job *job)
{
	return (struct addition *)job; /* its first member */
}

static int see_removed_key(void *data, const bson_t *document, struct err *err)
{
	const struct additions *additions = data;
	const char *key = text_in(document, "blob_key");

	(void)err;
	for (struct combine_job *job = additions->jobs; job; job = job->next) {
		if (strcmp(addition_of(job)->image->blob_key, key) == 0)
			addition_of(job)->removed_key = true;
	}
	return 0;
}

static int find_present(struct work *work, struct additions *additions, struct err *err)
{
	const char *hashes[COMBINE_BATCH], *paths[COMBINE_BATCH], *keys[COMBINE_BATCH];
	const char *name = additions->dataset->base.name;
	size_t count = 0;

	for (struct combine_job *job = additions->jobs; job; job = job->next, count++) {
		hashes[count] = addition_of(job)->image->sha256;
		paths[count] = addition_of(job)->image->filepath;
		keys[count] = addition_of(job)->image->blob_key;
		addition_of(job)->removed_key = false;
	}
	return records_find(work, name, "sha256", hashes, count, &additions->records, err) ||
	       records_find(work, name, "filepath", paths, count, &additions->records, err) ||
	       (additions->settings.gaps > 0 &&
	        tombstones_find(work, name, "blob_key", keys, count, see_removed_key, additions, err));
}

static struct record *find_record(struct records *records, size_t member, const char *text)
{
	for (size_t i = 0; i < records->count; i++) {
		const char *const *at = (const void *)((const char *)&records->item[i].sample + member);

		if (*at && strcmp(*at, text) == 0)
			return &records->item[i];
	}
	return NULL;
}

static void fill_image(struct record *record, const struct dataset_image *image, int64_t now)
{
	struct sample *sample = &record->sample;

	record->url = memory_text(image->url);
	sample->blob_key = memory_text(image->blob_key);
	sample->type = memory_text(image->type);
	sample->sha256 = memory_text(image->sha256);
	sample->filename = memory_text(image->filename);
	sample->bytes = image->bytes;
	sample->width = image->width;
	sample->height = image->height;
	sample->uploaded_at = now;
	sample->uploaded_by = memory_text(image->user);
	sample->labelled_at = image->label[0] ? now : 0;
	sample->labelled_by = memory_text(image->label[0] ? image->user : "");
}

static int add_one(struct additions *additions, struct addition *addition)
{
	const struct dataset_image *image = addition->image;
	struct settings *settings = &additions->settings;
	struct record *present = find_record(&additions->records, offsetof(struct sample, sha256), image->sha256);
	struct rules_upload upload = {
		.image = image,
		.same_bytes = present,
		.taken = find_record(&additions->records, offsetof(struct sample, filepath), image->filepath),
		.removed_key = addition->removed_key,
		.known_label = !image->label[0] || (label_set_find(&additions->labels, image->label) &&
	                                            !settings_merging(settings, image->label)),
		.bytes = settings->bytes,
		.quota_bytes = addition->quota_bytes,
	};

	if (rules_upload(&upload, &settings->policy, &addition->duplicate, &addition->err))
		return -1;
	if (addition->duplicate) {
		sample_copy(addition->out, &present->sample);
		return 0;
	}
	settings->bytes += image->bytes;
	struct record *record = record_new(&additions->records, settings->next_id++, image->filepath, image->label);
	fill_image(record, image, additions->batch.now);
	const struct label_event event = {.label = image->label,
	                                  .by = image->user,
	                                  .at = additions->batch.now,
	                                  .source = "upload",
	                                  .lead_time_ms = -1};
	if (image->label[0])
		batch_event(&additions->batch, record, &event, NULL);
	sample_copy(addition->out, &record->sample);
	return 0;
}

static int run_additions(struct work *work, void *data, struct err *err)
{
	struct additions *additions = data;
	const char *name = additions->dataset->base.name;
	bool any = false;

	records_release(&additions->records);
	settings_release(&additions->settings);
	label_set_release(&additions->labels);
	/* An upload writes the dataset's document, as does every change of labels, so that none comes in between. */
	if (batch_restart(&additions->batch, work, err) || settings_read(work, name, &additions->settings, err) ||
	    labels_read(work, name, &additions->labels, err) || find_present(work, additions, err))
		return -1;
	for (struct combine_job *job = additions->jobs; job; job = job->next) {
		struct addition *addition = addition_of(job);

		sample_release(addition->out);
		addition->result = add_one(additions, addition);
	}
	for (size_t i = 0; i < additions->records.count; i++) {
		if (!additions->records.item[i].is_new)
			continue;
		any = true;
		if (batch_save(&additions->batch, &additions->records.item[i], err))
			return -1;
	}
	/* All uploads to a dataset, from every process, write this document, and so come one after the other. */
	return (any && settings_save(work, name, &additions->settings, err)) || batch_write(&additions->batch, err);
}

/* Then the key for these bytes is another one, which is made by what is known of removed samples. */
static void refresh_after_removal(struct mongodb_dataset *dataset, struct combine_job *jobs)
{
	struct err ignored;
	bool any = false;

	for (struct combine_job *job = jobs; job; job = job->next)
		any = any || addition_of(job)->removed_key;
	if (any)
		settings_refresh(dataset, &ignored);
}

static void run_add_jobs(void *owner, struct combine_job *jobs)
{
	struct additions additions = {.dataset = owner, .jobs = jobs};
	struct err err;

	additions.batch.dataset = additions.dataset->base.name;
	additions.batch.shard = additions.dataset->store->shard;
	pthread_mutex_lock(&additions.dataset->structure);
	int failed = work_transaction(additions.dataset->store, run_additions, &additions, &err);
	pthread_mutex_unlock(&additions.dataset->structure);
	for (struct combine_job *job = jobs; job && failed; job = job->next) {
		addition_of(job)->result = -1;
		addition_of(job)->err = err;
	}
	refresh_after_removal(additions.dataset, jobs);
	records_release(&additions.records);
	settings_release(&additions.settings);
	label_set_release(&additions.labels);
	batch_clear(&additions.batch);
}

static void seed_lead(void *dataset, struct combine *line)
{
	run_add_jobs(dataset, combine_take(line));
}

int mongodb_add_image(struct dataset *base, const struct dataset_image *image, int64_t quota_bytes, struct sample *out,
                      bool *duplicate, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);
	struct addition addition = {.image = image, .quota_bytes = quota_bytes, .out = out};

	memset(out, 0, sizeof(*out));
	combine_do(&dataset->additions, &addition.job, seed_lead, dataset, 0);
	*duplicate = addition.duplicate;
	if (addition.result == 0)
		return 0;
	sample_release(out);
	*err = addition.err;
	return -1;
}
