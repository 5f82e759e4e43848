/* Changes of samples in MongoDB: labels given, leases used up, samples passed over.
 *
 * The changes that wait in a process are made in one transaction: it reads their samples, decides each change in
 * turn by rules.h, and writes samples, events and counts together. */
#include "dataset/mongodb/internal.h"

enum { AT_ONCE_MAX = 500 }; /* changes of one call in one transaction, unless all or none are to be made */

struct change {
	struct combine_job job;
	struct sample_change *asked;
	struct rules_facts facts; /* about the dataset, and whether the label was given already */
	int result;
	struct err err;
};

struct changes {
	struct mongodb_dataset *dataset;
	struct combine_job *jobs;
	struct dataset_policy policy;
	bool votes_kept;
	int64_t golds; /* samples whose answer is known, if a change asks for that */
	bool whole;    /* all of them or none */
	struct records records;
	struct record *likely; /* where to look for the next one first */
	struct batch batch;
};

/* --- one change of one record ------------------------------------------------------------------------------------- */

static void record_end_leases(struct record *record, const struct sample_change *asked, bool all_of_users)
{
	for (size_t i = 0; i < record->lease_count; i++) {
		struct lease *lease = &record->leases[i];

		if (strcmp(lease->user, asked->user) == 0 && (all_of_users || strcmp(lease->token, asked->token) == 0))
			lease->expires = 0;
	}
}

/* The position after all samples that this process has put at the queue's end, even at the same moment. */
static int64_t end_of_queue(struct changes *changes)
{
	int64_t end = POSITION_END + changes->batch.now, *last = &changes->dataset->last_requeued;

	return *last = end > *last ? end : *last + 1;
}

/* Before the first other event, a label that came without one gets its own, so that an undo can return to it. */
static void write_event_of_label(struct changes *changes, struct record *record)
{
	const struct sample *sample = &record->sample;
	const struct label_event event = {.label = sample->label,
	                                  .by = sample->labelled_by,
	                                  .at = sample->labelled_at,
	                                  .source = "seed",
	                                  .lead_time_ms = -1};

	if (record->events > 0 || !sample->label[0])
		return;
	batch_event(&changes->batch, record, &event, NULL);
	record_hear(record, &event);
	record->changed = true;
}

static void write_event(struct changes *changes, struct record *record, const struct sample_change *asked,
                        const struct rules_effect *effect)
{
	const struct label_event event = {.label = effect->label,
	                                  .by = asked->user,
	                                  .at = effect->at,
	                                  .source = effect->source,
	                                  .lead_time_ms = effect->vote == RULES_VOTE ? asked->lead_time_ms : -1,
	                                  .undoes = effect->undoes};

	write_event_of_label(changes, record);
	batch_event(&changes->batch, record, &event, asked->request);
	if (effect->replaces_said) {
		record_replace_said(record, effect->votes, effect->vote_count, &effect->decision);
	} else if (effect->vote != RULES_VOTE && !effect->of_user) {
		struct rules_decision decision = rules_decision_of(&event, record->events);

		record_decide(record, &decision);
	}
	if (record->heard_count > 0) /* the next change in this write may need them */
		record_hear(record, &event);
}

static void set_vote_of(struct record *record, const struct sample_change *asked, const struct rules_effect *effect,
                        int64_t now)
{
	if (effect->vote == RULES_VOTE)
		record_set_vote(record, asked->user, effect->label, now);
	else if (effect->vote == RULES_PASS)
		record_pass_on(record, asked->user, 0, now);
	else if (effect->vote == RULES_LATER)
		record_pass_on(record, asked->user, RULES_VOTE_LATER, now);
}

static void apply(struct changes *changes, struct record *record, struct sample_change *asked,
                  const struct rules_effect *effect)
{
	if (effect->gold)
		record->sample.gold = effect->gold == RULES_GOLD_BEGINS;
	if (effect->vote == RULES_UNSAY)
		record_unsay(record, asked->user);
	if (effect->source)
		write_event(changes, record, asked, effect);
	set_vote_of(record, asked, effect, changes->batch.now);
	if (effect->forgets_votes)
		record_forget_votes(record);
	if (effect->to_the_end)
		record->position = end_of_queue(changes);
	if (effect->sets_state) {
		record->sample.state = effect->state;
		record->sample.version++;
	}
	if (effect->renewed)
		record_lease(record, asked->user, asked->token)->expires = asked->expires_at = effect->renewed;
	if (effect->leases == RULES_LEASES_END)
		record_drop_leases(record);
	else if (effect->leases != RULES_LEASES_STAY)
		record_end_leases(record, asked, effect->leases == RULES_USERS_LEASES_END);
	if (effect->source || effect->vote || effect->to_the_end || effect->sets_state || effect->renewed || effect->leases)
		record->changed = true;
	if (effect->settles)
		record_settle(record, rules_quorum_of(&changes->policy), changes->batch.now);
	else if (effect->renewed)
		record_refresh(record, rules_quorum_of(&changes->policy), changes->batch.now);
}

/* record is NULL when the sample does not exist. */
static struct rules_facts facts_of(struct changes *changes, const struct change *change, struct record *record)
{
	const struct sample_change *asked = change->asked;
	const struct lease *lease = record && asked->token ? record_lease(record, asked->user, asked->token) : NULL;
	struct rules_facts facts = change->facts;

	facts.found = record;
	facts.voted = record && asked->user && record_has_vote(record, asked->user);
	facts.lease_ends = lease ? lease->expires : 0;
	facts.quorum = rules_quorum_of(&changes->policy);
	if (!record)
		return facts;
	if (rules_asks(asked) & RULES_EVENTS)
		write_event_of_label(changes, record);
	facts.state = record->sample.state;
	facts.version = record->sample.version;
	facts.label = record->sample.label;
	facts.gold = record->sample.gold;
	facts.golds = changes->golds;
	facts.by = record->sample.labelled_by;
	facts.at = record->sample.labelled_at;
	facts.events = record->heard;
	facts.event_count = record->heard_count;
	facts.noted = record->decision;
	return facts;
}

static int undone_check(struct changes *changes, const char *label, struct err *err)
{
	struct formers formers = {.count = 0};
	bool known = label[0] == '\0';
	int failed = (!known && label_known(changes->dataset, label, &known, err)) ||
	             (!known && formers_read(changes->batch.work, changes->dataset->base.name, &formers, err));
	const struct former *former = failed ? NULL : formers_find(&formers, label);

	failed = failed || rules_check_undone(label, former && former->key < 0, err);
	formers_release(&formers);
	return failed;
}

static int change_decide(struct changes *changes, struct change *change, struct record *record)
{
	struct sample_change *asked = change->asked;
	struct rules_facts facts = facts_of(changes, change, record);
	struct rules_effect effect;

	facts.room = memory_new(facts.event_count + 1, sizeof(*facts.room));
	int failed = rules_change(asked, &facts, changes->batch.now, changes->policy.lease_seconds * MICROSECONDS, &effect,
	                          &change->err);
	if (!failed && asked->act == SAMPLE_UNDO && effect.undoes)
		failed = undone_check(changes, effect.label, &change->err);
	if (!failed)
		asked->accepted = asked->accepted || effect.accepted;
	if (!failed && record)
		apply(changes, record, asked, &effect);
	free(facts.room);
	return failed;
}

/* --- running them ------------------------------------------------------------------------------------------------- */

static struct change *change_of(struct combine_job *job)
{
	return (struct change *)job; /* its first member */
}

/* Reads the samples that are given by id, or those given by filepath. */
static int read_named(struct work *work, struct changes *changes, bool by_path, struct err *err)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(changes->dataset->base.name)), in, list = BSON_INITIALIZER;
	const char *field = by_path ? "filepath" : "id";
	bool any = false;

	BSON_APPEND_DOCUMENT_BEGIN(filter, field, &in);
	for (struct combine_job *job = changes->jobs; job; job = job->next) {
		const struct sample_change *change = change_of(job)->asked;

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

/* The next record to which the change applies, after `after` (NULL: the first). Several may have the same filepath. */
static struct record *record_for(struct changes *changes, const struct sample_change *change,
                                 const struct record *after)
{
	struct record *end = changes->records.item + changes->records.count, *likely = changes->likely;

	/* Many changes come in the order in which their samples were read. */
	if (!change->filepath && !after && likely && likely < end && likely->sample.id == change->id) {
		changes->likely++;
		return likely;
	}
	for (struct record *record = after ? changes->records.item + (after - changes->records.item) + 1
	                                   : changes->records.item;
	     record < end; record++) {
		if (change->filepath ? strcmp(record->sample.filepath, change->filepath) == 0
		                     : record->sample.id == change->id) {
			changes->likely = record + 1;
			return record;
		}
	}
	return NULL;
}

static int note_given(void *data, const bson_t *document, struct err *err)
{
	struct changes *changes = data;
	const char *request = text_in(document, "request"), *by = text_in(document, "by");

	(void)err;
	for (struct combine_job *job = changes->jobs; job; job = job->next) {
		const struct sample_change *change = change_of(job)->asked;

		if (change->request && strcmp(change->request, request) == 0 && strcmp(change->user, by) == 0)
			change_of(job)->facts.given = true;
	}
	return 0;
}

/* Whether the request may have been made already: mostly it cannot, and then nothing is read. */
static bool may_be_given(const struct sample_change *change, const struct record *record)
{
	bool of_vote = change->act == SAMPLE_LABEL || change->act == SAMPLE_CLASSIFY;

	return of_vote ? record_has_vote(record, change->user) : record->events > 0;
}

/* Finds the requests that have already done what they ask for. One for many samples has done so for all, or none. */
static int find_given(struct work *work, struct changes *changes, struct err *err)
{
	bson_t *filter = bson_new(), any;
	unsigned count = 0;

	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &any);
	for (struct combine_job *job = changes->jobs; job; job = job->next) {
		const struct sample_change *change = change_of(job)->asked;
		const struct record *record = change->request ? record_for(changes, change, NULL) : NULL;

		change_of(job)->facts.given = false;
		if (!record || !may_be_given(change, record) || (changes->whole && count > 0))
			continue;
		bson_t *own = events_filter(changes->dataset->base.name, record->sample.id, record->sample.id + 1);
		BSON_APPEND_UTF8(own, "request", change->request);
		BSON_APPEND_DOCUMENT(&any, "0", own); /* the server ignores an array's keys */
		bson_destroy(own);
		count++;
	}
	bson_append_array_end(filter, &any);
	if (count > 0)
		return work_find(work, "events", filter, NULL, note_given, changes, err);
	bson_destroy(filter);
	return 0;
}

/* Reads the events of the samples whose changes depend on them. */
static int read_events(struct work *work, struct changes *changes, struct err *err)
{
	bool *wanted = memory_new(changes->records.count + 1, sizeof(*wanted)), any = false;

	for (struct combine_job *job = changes->jobs; job; job = job->next) {
		const struct sample_change *change = change_of(job)->asked;
		bool asks = rules_asks(change) & (RULES_EVENTS | RULES_HISTORY), of_gold = rules_asks(change) & RULES_STATE;
		const struct record *record = asks || of_gold ? record_for(changes, change, NULL) : NULL;

		while (record) {
			bool depends = record->events > 0 && (asks || record->sample.gold);

			wanted[record - changes->records.item] |= depends;
			any = any || depends;
			record = change->filepath ? record_for(changes, change, record) : NULL;
		}
	}
	int failed = any ? records_read_events(work, changes->dataset->base.name, &changes->records, wanted, err) : 0;
	free(wanted);
	return failed;
}

static int note_golds(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	((struct changes *)data)->golds = number_in(document, "n");
	return 0;
}

static int count_golds(struct work *work, struct changes *changes, struct err *err)
{
	unsigned asks = 0;

	changes->golds = 0;
	for (struct combine_job *job = changes->jobs; job; job = job->next)
		asks |= rules_asks(change_of(job)->asked);
	if (!(asks & RULES_GOLDS))
		return 0;
	return work_aggregate(work, "images",
	                      BCON_NEW("pipeline", "[", "{", "$match", "{", "dataset",
	                               BCON_UTF8(changes->dataset->base.name), "gold", BCON_BOOL(true), "}", "}", "{",
	                               "$count", BCON_UTF8("n"), "}", "]"),
	                      note_golds, changes, err);
}

static void run_change(struct changes *changes, struct change *change)
{
	struct sample_change *asked = change->asked;
	struct record *record = record_for(changes, asked, NULL), *other = record;

	asked->accepted = false;
	change->result = change_decide(changes, change, record);
	while (asked->filepath && change->result == 0 && other && (other = record_for(changes, asked, other)))
		change->result = change_decide(changes, change, other);
	if (!asked->out)
		return;
	sample_release(asked->out);
	if (change->result == 0)
		sample_copy(asked->out, &record->sample);
}

static int run_changes(struct work *work, void *data, struct err *err)
{
	struct changes *changes = data;
	bool by_path = false;

	records_release(&changes->records);
	changes->likely = NULL;
	changes->batch.shard = changes->whole ? batch_shard_beside(changes->dataset->store) : changes->dataset->store->shard;
	if (batch_restart(&changes->batch, work, err))
		return -1;
	for (struct combine_job *job = changes->jobs; job; job = job->next)
		by_path = by_path || change_of(job)->asked->filepath;
	if (read_named(work, changes, false, err) || (by_path && read_named(work, changes, true, err)))
		return -1;
	if (by_path) /* some may also be given by id */
		records_drop_twins(&changes->records);
	if (!changes->votes_kept && records_take_events(work, changes->dataset->base.name, &changes->records, err))
		return -1;
	if (find_given(work, changes, err) || read_events(work, changes, err) || count_golds(work, changes, err))
		return -1;
	for (struct combine_job *job = changes->jobs; job; job = job->next) {
		run_change(changes, change_of(job));
		if (changes->whole && change_of(job)->result) {
			*err = change_of(job)->err;
			return -1;
		}
	}
	for (size_t i = 0; i < changes->records.count; i++) {
		if (changes->records.item[i].changed && batch_save(&changes->batch, &changes->records.item[i], err))
			return -1;
	}
	return batch_write(&changes->batch, err);
}

static void run_change_jobs(struct mongodb_dataset *dataset, struct combine_job *jobs, bool whole);

/* A change of the overlap settles all samples, but does not see the labels that were being written at the time. They
 * are settled again here: either the policy read here is already the new one, or its change sees these labels. */
static void settle_by_new_overlap(struct mongodb_dataset *dataset, const struct changes *made)
{
	size_t count = made->records.count;
	struct dataset_policy policy = current_policy(dataset);

	if (!rules_quorum_differs(&policy, &made->policy))
		return;
	struct change *again = memory_new(count, sizeof(*again));
	struct sample_change *asked = memory_new(count, sizeof(*asked));
	for (size_t i = 0; i < count; i++) {
		asked[i] = (struct sample_change){.act = SAMPLE_SETTLE, .id = made->records.item[i].sample.id};
		again[i] = (struct change){.asked = &asked[i], .job.next = i + 1 < count ? &again[i + 1].job : NULL};
	}
	run_change_jobs(dataset, &again[0].job, false);
	free(asked);
	free(again);
}

/* Likewise, a label may have been renamed or removed while it was being given. */
static void relabel_by_new_labels(struct mongodb_dataset *dataset, const struct changes *made)
{
	int64_t *ids = memory_new(made->records.count, sizeof(*ids));
	struct err ignored;
	bool known;

	for (size_t i = 0; i < made->records.count; i++)
		ids[i] = made->records.item[i].sample.id;
	for (struct combine_job *job = made->jobs; job; job = job->next) {
		const struct sample_change *asked = change_of(job)->asked;

		if (asked->label && asked->label[0] && asked->accepted && change_of(job)->result == 0 &&
		    label_known(dataset, asked->label, &known, &ignored) == 0 && !known)
			relabel_late(dataset, asked->label, ids, made->records.count, &ignored);
	}
	free(ids);
}

/* Applies what changed while the transaction ran. The labels are durable whether this succeeds or not. */
static void settle_what_changed(struct mongodb_dataset *dataset, const struct changes *made)
{
	struct err ignored;

	if (made->records.count == 0 || settings_refresh(dataset, &ignored))
		return;
	settle_by_new_overlap(dataset, made);
	relabel_by_new_labels(dataset, made);
}

static void run_change_jobs(struct mongodb_dataset *dataset, struct combine_job *jobs, bool whole)
{
	struct changes changes = {
		.dataset = dataset, .jobs = jobs, .policy = current_policy(dataset), .whole = whole};
	struct err err;

	pthread_mutex_lock(&dataset->mutex);
	changes.votes_kept = dataset->settings.votes_kept;
	pthread_mutex_unlock(&dataset->mutex);
	changes.batch.dataset = dataset->base.name;
	int failed = work_transaction(dataset->store, run_changes, &changes, &err);
	for (struct combine_job *job = jobs; job && failed; job = job->next) {
		change_of(job)->result = -1;
		change_of(job)->err = err;
	}
	if (!failed)
		settle_what_changed(dataset, &changes);
	records_release(&changes.records);
	batch_clear(&changes.batch);
}

static void change_lead(void *dataset, struct combine *line)
{
	run_change_jobs(dataset, combine_take(line), false);
}

/* --- the operation ------------------------------------------------------------------------------------------------ */

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

static int find_facts(struct mongodb_dataset *dataset, struct change *change, struct err *err)
{
	const struct sample_change *asked = change->asked;
	unsigned asks = rules_asks(asked);

	return ((asks & RULES_IN_FOLDER) && base_dir_matches(dataset, asked->base_dir, &change->facts.in_folder, err)) ||
	       ((asks & RULES_KNOWN_LABEL) &&
	        label_known(dataset, asked->label, &change->facts.known_label, err));
}

/* Makes the changes in one transaction. */
static int change_some(struct mongodb_dataset *dataset, struct sample_change *asked, size_t count, struct err *err)
{
	struct change *changes = memory_new(count, sizeof(*changes));
	int failed = 0;

	for (size_t i = 0; i < count && !failed; i++) {
		changes[i] = (struct change){.asked = &asked[i], .job.next = i + 1 < count ? &changes[i + 1].job : NULL};
		failed = find_facts(dataset, &changes[i], err);
	}
	if (!failed && count == 1) /* together with the changes that others are waiting to make */
		combine_do(&dataset->changes, &changes[0].job, change_lead, dataset, 0);
	else if (!failed)
		run_change_jobs(dataset, &changes[0].job, true);
	for (size_t i = 0; i < count && !failed; i++) {
		if (changes[i].result == 0)
			continue;
		*err = changes[i].err;
		failed = -1;
		if (asked[i].out) /* from an attempt whose transaction failed */
			sample_release(asked[i].out);
	}
	free(changes);
	return failed;
}

int mongodb_change(struct dataset *base, struct sample_change *changes, size_t count, struct err *err)
{
	int failed = 0;

	for (size_t done = 0, some; done < count && !failed; done += some) {
		bool whole = changes[0].act == SAMPLE_DECIDE || changes[0].act == SAMPLE_UNDO;

		some = whole || count - done < AT_ONCE_MAX ? count - done : AT_ONCE_MAX;
		failed = change_some(mongodb_dataset(base), changes + done, some, err);
	}
	return failed;
}

/* --- all that are unreadable -------------------------------------------------------------------------------------- */

/* Takes a page of them, in a transaction of its own; moves *after on. */
static int retry_page(struct dataset *base, int64_t *after, size_t *found, int64_t *count, struct err *err)
{
	const struct sample_filter filter = {.of_state = true, .state = SAMPLE_UNREADABLE};
	struct sample_change changes[AT_ONCE_MAX];
	struct sample *samples;

	if (dataset_samples(base, &filter, *after, AT_ONCE_MAX, &samples, found, err))
		return -1;
	for (size_t i = 0; i < *found; i++) {
		*after = samples[i].id;
		changes[i] = (struct sample_change){.act = SAMPLE_MARK_READABLE, .id = samples[i].id};
		sample_release(&samples[i]);
	}
	free(samples);
	int failed = mongodb_change(base, changes, *found, err);
	for (size_t i = 0; i < *found && !failed; i++)
		*count += changes[i].accepted;
	return failed;
}

/* Called at start and reload, when what a crash left is ended, too. */
int mongodb_retry_unreadable(struct dataset *dataset, int64_t *count, struct err *err)
{
	int64_t after = -1;
	size_t found;

	*count = 0;
	if (settings_refresh(mongodb_dataset(dataset), err) || catch_up(mongodb_dataset(dataset), err) ||
	    stats_fill(mongodb_dataset(dataset), err))
		return -1;
	do {
		if (retry_page(dataset, &after, &found, count, err))
			return -1;
	} while (found == AT_ONCE_MAX);
	return 0;
}
