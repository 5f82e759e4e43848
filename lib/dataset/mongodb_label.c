/* Labels given in MongoDB, leases used up, samples passed over: whatever changes samples that are there already.
 *
 * The changes that wait in a process are made in one transaction: their samples are read, each change decided in turn, and
 * samples, events and counts written together. */
#include "dataset/mongodb_internal.h"

enum { RETRY_AT_ONCE = 500 };

struct changes;
struct change;

/* Changes the record (NULL: there is no such sample), or refuses with err and leaves it as it is. */
typedef int change_decide(struct changes *changes, struct change *change, struct record *record, struct err *err);

struct change {
	struct job job;
	change_decide *decide;
	int64_t id;           /* of the sample, */
	const char *filepath; /* unless it is named by this */
	const char *user, *token, *label, *request;
	int64_t lead_time_ms;
	enum dataset_skip skip;
	bool given; /* by the same request already */

	struct sample *out; /* the sample afterwards; may be NULL */
	int64_t expires_at;
	bool accepted;
	int result;
	struct err err;
};

struct changes {
	struct mongodb_dataset *dataset;
	struct job *jobs;
	struct dataset_policy policy;
	bool votes_kept;
	struct records records;
	struct batch batch;
};

/* --- parts of a change --------------------------------------------------------------------------------------------- */

/* token NULL: all that the user holds. */
static void end_leases(struct changes *changes, struct record *record, const char *user, const char *token)
{
	for (size_t i = 0; i < record->lease_count; i++) {
		struct lease *lease = &record->leases[i];

		if (strcmp(lease->user, user) == 0 && (!token || strcmp(lease->token, token) == 0))
			lease->expires = 0;
	}
	record_settle(record, changes->policy.overlap, changes->batch.now);
	record->changed = true;
}

static void give_label(struct changes *changes, struct record *record, const struct change *change, const char *source)
{
	batch_event(&changes->batch, record, change->label, change->user, changes->batch.now, source, change->lead_time_ms,
	            change->request);
	record_set_vote(record, change->user, change->label, changes->batch.now);
	end_leases(changes, record, change->user, NULL);
}

static int check_lease(const struct changes *changes, const struct change *change, struct record *record,
                       struct lease **out, struct err *err)
{
	*out = record ? record_lease(record, change->user, change->token) : NULL;
	if (*out && (*out)->expires > changes->batch.now)
		return 0;
	return err_set(err, ERR_CONFLICT, "The task is no longer yours: its lease was used, taken back or ran out");
}

/* --- the changes --------------------------------------------------------------------------------------------------- */

static int decide_renew(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	struct lease *lease;

	if (check_lease(changes, change, record, &lease, err))
		return -1;
	lease->expires = change->expires_at = changes->batch.now + changes->policy.lease_seconds * MICROSECONDS;
	record_refresh(record, changes->policy.overlap, changes->batch.now);
	record->changed = true;
	return 0;
}

static int decide_release(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	struct lease *lease;

	if (check_lease(changes, change, record, &lease, err))
		return -1;
	end_leases(changes, record, change->user, change->token);
	return 0;
}

/* Behind all that this process has put there, at the same moment, too. */
static int64_t end_of_queue(struct changes *changes)
{
	int64_t end = POSITION_END + changes->batch.now, *last = &changes->dataset->last_requeued;

	return *last = end > *last ? end : *last + 1;
}

static int decide_skip(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	struct lease *lease;

	if (check_lease(changes, change, record, &lease, err))
		return -1;
	const struct label_event skip = {.label = "", .by = change->user, .at = changes->batch.now, .source = "skip"};
	if (change->skip == DATASET_SKIP_IGNORE) {
		batch_event(&changes->batch, record, skip.label, skip.by, skip.at, skip.source, -1, NULL);
		record_take_event(record, &skip, record->events);
	} else if (change->skip == DATASET_SKIP_REQUEUE_FOR_ME) {
		record->position = end_of_queue(changes);
	} else {
		record_set_vote(record, change->user, NULL, changes->batch.now);
	}
	end_leases(changes, record, change->user, change->token);
	return 0;
}

static int decide_task(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	struct lease *lease;

	if (change->given)
		return 0;
	if (check_lease(changes, change, record, &lease, err))
		return -1;
	give_label(changes, record, change, "task");
	return 0;
}

/* A token that is void is told before a label that is unknown. */
static int decide_unknown_label(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	struct lease *lease;

	if (change->given)
		return 0;
	if (check_lease(changes, change, record, &lease, err))
		return -1;
	return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", change->label);
}

static int decide_path(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	(void)err;
	change->accepted = record != NULL;
	if (record && !change->given)
		give_label(changes, record, change, "classify");
	return 0;
}

static int decide_unreadable(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	(void)change;
	(void)err;
	if (!record || record->sample.state != SAMPLE_UNLABELLED)
		return 0;
	record->sample.state = SAMPLE_UNREADABLE;
	record->sample.version++;
	record_drop_leases(record);
	record_refresh(record, changes->policy.overlap, changes->batch.now);
	record->changed = true;
	return 0;
}

static int decide_retry(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	(void)err;
	change->accepted = record && record->sample.state == SAMPLE_UNREADABLE;
	if (!change->accepted)
		return 0;
	record->sample.state = SAMPLE_UNLABELLED;
	record->sample.version++;
	record_settle(record, changes->policy.overlap, changes->batch.now);
	record->changed = true;
	return 0;
}

static int decide_again(struct changes *changes, struct change *change, struct record *record, struct err *err)
{
	(void)change;
	(void)err;
	if (record)
		record_settle(record, changes->policy.overlap, changes->batch.now);
	return 0;
}

/* --- running them -------------------------------------------------------------------------------------------------- */

static struct change *change_of(struct job *job)
{
	return (struct change *)job; /* its first member */
}

/* Reads the samples that are named by id, or those named by filepath. */
static int read_named(struct work *work, struct changes *changes, bool by_path, struct err *err)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(changes->dataset->base.name)), in, list = BSON_INITIALIZER;
	const char *field = by_path ? "filepath" : "id";
	bool any = false;

	BSON_APPEND_DOCUMENT_BEGIN(filter, field, &in);
	for (struct job *job = changes->jobs; job; job = job->next) {
		const struct change *change = change_of(job);

		if ((change->filepath != NULL) != by_path)
			continue;
		any = true;
		if (by_path)
			BSON_APPEND_UTF8(&list, "0", change->filepath);
		else
			BSON_APPEND_INT64(&list, "0", change->id);
	}
	BSON_APPEND_ARRAY(&in, "$in", &list);
	bson_destroy(&list);
	bson_append_document_end(filter, &in);
	if (any)
		return work_find(work, "images", filter, opts_hint(by_path ? "path" : "id", 0), records_visit, &changes->records,
		                 err);
	bson_destroy(filter);
	return 0;
}

/* The next record that the change is about, after one of them (NULL: the first). A filepath may be that of several. */
static struct record *record_of(struct changes *changes, const struct change *change, const struct record *after)
{
	struct record *end = changes->records.item + changes->records.count;

	for (struct record *record = after ? changes->records.item + (after - changes->records.item) + 1 : changes->records.item;
	     record < end; record++) {
		if (change->filepath ? strcmp(record->sample.filepath, change->filepath) == 0
		                     : record->sample.id == change->id)
			return record;
	}
	return NULL;
}

static int note_given(void *data, const bson_t *document, struct err *err)
{
	struct changes *changes = data;
	const char *request = text_in(document, "request"), *by = text_in(document, "by");

	(void)err;
	for (struct job *job = changes->jobs; job; job = job->next) {
		struct change *change = change_of(job);

		if (change->request && strcmp(change->request, request) == 0 && strcmp(change->user, by) == 0)
			change->given = true;
	}
	return 0;
}

/* Which requests have given their label already. They can only where their user has voted, so as a rule nothing is read. */
static int find_given(struct work *work, struct changes *changes, struct err *err)
{
	bson_t *filter = bson_new(), any;
	unsigned count = 0;

	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &any);
	for (struct job *job = changes->jobs; job; job = job->next) {
		struct change *change = change_of(job);
		const struct record *record = change->request ? record_of(changes, change, NULL) : NULL;

		change->given = false;
		if (!record || !record_has_vote(record, change->user))
			continue;
		bson_t *own = events_filter(changes->dataset->base.name, record->sample.id, record->sample.id + 1);
		BSON_APPEND_UTF8(own, "request", change->request);
		BSON_APPEND_DOCUMENT(&any, "0", own); /* the server does not look at an array's keys */
		bson_destroy(own);
		count++;
	}
	bson_append_array_end(filter, &any);
	if (count > 0)
		return work_find(work, "events", filter, NULL, note_given, changes, err);
	bson_destroy(filter);
	return 0;
}

static void run_change(struct changes *changes, struct change *change)
{
	struct record *record = record_of(changes, change, NULL), *other = record;

	change->result = change->decide(changes, change, record, &change->err);
	while (change->filepath && change->result == 0 && other && (other = record_of(changes, change, other)))
		change->result = change->decide(changes, change, other, &change->err);
	if (!change->out)
		return;
	sample_release(change->out);
	if (change->result == 0)
		sample_copy(change->out, &record->sample);
}

static int run_changes(struct work *work, void *data, struct err *err)
{
	struct changes *changes = data;
	int64_t now;

	records_release(&changes->records);
	if (work_now(work, &now, err))
		return -1;
	batch_restart(&changes->batch, work, now);
	if (read_named(work, changes, false, err) || read_named(work, changes, true, err))
		return -1;
	records_drop_twins(&changes->records); /* of those named both ways */
	if (!changes->votes_kept && records_take_events(work, changes->dataset->base.name, &changes->records, err))
		return -1;
	if (find_given(work, changes, err))
		return -1;
	for (struct job *job = changes->jobs; job; job = job->next)
		run_change(changes, change_of(job));
	for (size_t i = 0; i < changes->records.count; i++) {
		if (changes->records.item[i].changed && batch_save(&changes->batch, &changes->records.item[i], err))
			return -1;
	}
	return batch_write(&changes->batch, err);
}

static void run_jobs(void *owner, struct job *jobs);

/* Whoever changes the overlap brings all samples in line with it, but does not see the labels that were on their way meanwhile.
 * They are looked at here: either the policy is the new one by now, or whoever changes it sees these labels. */
static void settle_by_new_overlap(struct mongodb_dataset *dataset, const struct changes *made)
{
	size_t count = made->records.count;
	struct err ignored; /* the labels are durable, and the next change of the policy looks at them, too */

	if (count == 0 || settings_refresh(dataset, &ignored) || current_policy(dataset).overlap == made->policy.overlap)
		return;
	struct change *again = calloc(count, sizeof(*again));
	if (!again)
		abort();
	for (size_t i = 0; i < count; i++)
		again[i] = (struct change){.decide = decide_again,
		                           .id = made->records.item[i].sample.id,
		                           .job.next = i + 1 < count ? &again[i + 1].job : NULL};
	run_jobs(dataset, &again[0].job);
	free(again);
}

static void run_jobs(void *owner, struct job *jobs)
{
	struct mongodb_dataset *dataset = owner;
	struct changes changes = {.dataset = dataset, .jobs = jobs, .policy = current_policy(dataset)};
	struct err err;

	pthread_mutex_lock(&dataset->mutex);
	changes.votes_kept = dataset->settings.votes_kept;
	pthread_mutex_unlock(&dataset->mutex);
	changes.batch.dataset = dataset->base.name;
	changes.batch.shard = dataset->store->shard;
	int failed = work_transaction(dataset->store, run_changes, &changes, &err);
	for (struct job *job = jobs; job && failed; job = job->next) {
		change_of(job)->result = -1;
		change_of(job)->err = err;
	}
	if (!failed)
		settle_by_new_overlap(dataset, &changes);
	records_release(&changes.records);
	batch_clear(&changes.batch);
}

/* Makes the change, together with whatever others are waiting. */
static int make_change(struct dataset *base, struct change *change, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);

	if (change->out)
		memset(change->out, 0, sizeof(*change->out));
	combiner_do(&dataset->changes, &change->job, run_jobs, dataset);
	if (change->result == 0)
		return 0;
	if (change->out)
		sample_release(change->out);
	*err = change->err;
	return -1;
}

/* --- the operations ------------------------------------------------------------------------------------------------ */

int mongodb_renew(struct dataset *dataset, const char *user, const char *token, int64_t *expires_at, struct err *err)
{
	struct change change = {.decide = decide_renew, .id = task_token_sample(token), .user = user, .token = token};

	if (make_change(dataset, &change, err))
		return -1;
	*expires_at = change.expires_at;
	return 0;
}

int mongodb_release(struct dataset *dataset, const char *user, const char *token, struct err *err)
{
	struct change change = {.decide = decide_release, .id = task_token_sample(token), .user = user, .token = token};

	return make_change(dataset, &change, err);
}

int mongodb_skip(struct dataset *dataset, const char *user, const char *token, enum dataset_skip skip, struct err *err)
{
	struct change change = {
		.decide = decide_skip, .id = task_token_sample(token), .user = user, .token = token, .skip = skip};

	return make_change(dataset, &change, err);
}

int mongodb_label_task(struct dataset *dataset, const char *user, const char *token, const char *label,
                       int64_t lead_time_ms, const char *request, struct sample *out, struct err *err)
{
	struct change change = {.decide = decide_task,
	                        .id = task_token_sample(token),
	                        .user = user,
	                        .token = token,
	                        .label = label,
	                        .request = request,
	                        .lead_time_ms = lead_time_ms,
	                        .out = out};
	bool known;

	if (label_known(mongodb_dataset(dataset), label, &known, err))
		return -1;
	if (!known)
		change.decide = decide_unknown_label;
	return make_change(dataset, &change, err);
}

static int base_dir_matches(struct mongodb_dataset *dataset, const char *base_dir, bool *matches, struct err *err)
{
	for (int tries = 0; tries < 2; tries++) {
		pthread_mutex_lock(&dataset->mutex);
		*matches = strcmp(dataset->settings.base_dir, base_dir) == 0;
		pthread_mutex_unlock(&dataset->mutex);
		if (*matches || tries > 0)
			return 0;
		if (settings_refresh(dataset, err))
			return -1;
	}
	return 0;
}

int mongodb_label_path(struct dataset *base, const char *user, const char *base_dir, const char *filepath,
                       const char *label, const char *request, bool *accepted, struct err *err)
{
	struct mongodb_dataset *dataset = mongodb_dataset(base);
	struct change change = {.decide = decide_path,
	                        .filepath = filepath,
	                        .user = user,
	                        .label = label,
	                        .request = request,
	                        .lead_time_ms = -1};
	bool matches, known;

	*accepted = false;
	if (base_dir_matches(dataset, base_dir, &matches, err))
		return -1;
	if (!matches)
		return 0;
	if (label_known(dataset, label, &known, err))
		return -1;
	if (!known)
		return 0;
	if (make_change(base, &change, err))
		return -1;
	*accepted = change.accepted;
	return 0;
}

/* --- many samples -------------------------------------------------------------------------------------------------- */

/* Runs up to RETRY_AT_ONCE changes in a transaction; *accepted grows by those that were. */
static int make_changes(struct mongodb_dataset *dataset, struct change *changes, size_t count, int64_t *accepted,
                        struct err *err)
{
	int failed = 0;

	for (size_t i = 0; i < count; i++)
		changes[i].job.next = i + 1 < count ? &changes[i + 1].job : NULL;
	if (count > 0)
		run_jobs(dataset, &changes[0].job);
	for (size_t i = 0; i < count && !failed; i++) {
		*accepted += changes[i].accepted;
		if (changes[i].result) {
			*err = changes[i].err;
			failed = -1;
		}
	}
	return failed;
}

/* Decides anew the samples that filter and hint find, page by page, each page in a transaction of its own. */
static int change_all(struct mongodb_dataset *dataset, bson_t *(*filter)(const char *dataset, int64_t after),
                      const char *index, change_decide *decide, int64_t *count, struct err *err)
{
	struct change *page = calloc(RETRY_AT_ONCE, sizeof(*page));
	int64_t after = -1;
	size_t found;
	int failed;

	if (!page)
		abort();
	*count = 0;
	do {
		struct records records = {.count = 0};
		struct work work;

		failed = work_begin(&work, dataset->store, err);
		if (!failed) {
			bson_t *opts = opts_hint(index, RETRY_AT_ONCE);

			BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}");
			failed = work_find(&work, "images", filter(dataset->base.name, after), opts, records_visit, &records, err);
		}
		work_end(&work);
		found = failed ? 0 : records.count;
		for (size_t i = 0; i < found; i++) {
			after = records.item[i].sample.id;
			page[i] = (struct change){.decide = decide, .id = after};
		}
		records_release(&records);
		if (!failed)
			failed = make_changes(dataset, page, found, count, err);
	} while (!failed && found == RETRY_AT_ONCE);
	free(page);
	return failed;
}

/* Decides each of them in the same way. */
static int mark(struct dataset *dataset, change_decide *decide, const int64_t *ids, size_t count, struct err *err)
{
	struct change *page = calloc(RETRY_AT_ONCE, sizeof(*page));
	int64_t accepted = 0;
	int failed = 0;

	if (!page)
		abort();
	for (size_t done = 0, now; done < count && !failed; done += now) {
		now = count - done < RETRY_AT_ONCE ? count - done : RETRY_AT_ONCE;
		for (size_t i = 0; i < now; i++)
			page[i] = (struct change){.decide = decide, .id = ids[done + i]};
		failed = make_changes(mongodb_dataset(dataset), page, now, &accepted, err);
	}
	free(page);
	return failed;
}

int mongodb_mark_unreadable(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err)
{
	return mark(dataset, decide_unreadable, ids, count, err);
}

int mongodb_mark_readable(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err)
{
	return mark(dataset, decide_retry, ids, count, err);
}

static bson_t *unreadable_filter(const char *dataset, int64_t after)
{
	return BCON_NEW("dataset", BCON_UTF8(dataset), "id", "{", "$gt", BCON_INT64(after), "}", "state",
	                BCON_UTF8("unreadable"));
}

/* Called at start and reload, and so the time to end what a crash left, too. */
int mongodb_retry_unreadable(struct dataset *dataset, int64_t *count, struct err *err)
{
	if (catch_up(mongodb_dataset(dataset), err))
		return -1;
	return change_all(mongodb_dataset(dataset), unreadable_filter, "unreadable", decide_retry, count, err);
}
