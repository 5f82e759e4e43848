/* What people said of a sample in MongoDB, and who holds it: its votes, decision and leases, by rules.h. */
#include "dataset/mongodb/record.h"

#include "base/hash.h"

enum { SPARSE_MAX = 10 }; /* when more samples than this lie between two, their events are read one by one */

/* --- votes and decisions ------------------------------------------------------------------------------------------ */

static void said_decide(struct record *record, const struct rules_decision *decision)
{
	char *label = memory_text(decision->label), *by = memory_text(decision->by);

	free(record->decided_label);
	free(record->decided_by);
	record->decision = *decision;
	record->decision.label = record->decided_label = label;
	record->decision.by = record->decided_by = by;
}

/* As long as nobody has voted, the sample's label was decided: that must be noted before the first vote. */
void record_note_decision(struct record *record)
{
	struct rules_decision implied = rules_decision_implied(&record->sample, record->votes, record->vote_count);

	if (!record->decision.made && implied.made)
		said_decide(record, &implied);
}

static const struct rules_vote *find_vote(const struct record *record, const char *user)
{
	for (size_t i = 0; i < record->vote_count; i++) {
		if (strcmp(record->votes[i].user, user) == 0)
			return &record->votes[i];
	}
	return NULL;
}

static struct rules_vote *vote_of(struct record *record, const char *user)
{
	struct rules_vote *known = (struct rules_vote *)(uintptr_t)find_vote(record, user);

	if (known)
		return known;
	record->votes = memory_grow(record->votes, record->vote_count + 1, sizeof(*record->votes));
	struct rules_vote *vote = &record->votes[record->vote_count++];
	*vote = (struct rules_vote){.user = memory_text(user)};
	return vote;
}

static void set_vote(struct record *record, const char *user, const char *label, int64_t n, int64_t at)
{
	struct rules_vote *vote = vote_of(record, user);

	free((char *)(uintptr_t)vote->label);
	vote->label = label ? memory_text(label) : NULL;
	vote->n = n;
	vote->at = at;
}

void record_set_vote(struct record *record, const char *user, const char *label, int64_t at)
{
	record_note_decision(record);
	set_vote(record, user, label, record->events, at);
}

void record_pass_on(struct record *record, const char *user, int64_t n, int64_t at)
{
	set_vote(record, user, NULL, n, at);
}

void record_unsay(struct record *record, const char *user)
{
	for (size_t i = 0; i < record->vote_count; i++) {
		if (strcmp(record->votes[i].user, user) != 0)
			continue;
		free((char *)(uintptr_t)record->votes[i].user);
		free((char *)(uintptr_t)record->votes[i].label);
		record->votes[i] = record->votes[--record->vote_count];
		return;
	}
}

bool record_has_vote(const struct record *record, const char *user)
{
	return find_vote(record, user);
}

void record_decide(struct record *record, const struct rules_decision *decision)
{
	said_decide(record, decision);
}

void record_forget_votes(struct record *record)
{
	size_t kept = 0;

	for (size_t i = 0; i < record->vote_count; i++) {
		if (!record->votes[i].label) {
			record->votes[kept++] = record->votes[i];
			continue;
		}
		free((char *)(uintptr_t)record->votes[i].user);
		free((char *)(uintptr_t)record->votes[i].label);
	}
	record->vote_count = kept;
}

void record_replace_said(struct record *record, const struct rules_vote *votes, size_t count,
                         const struct rules_decision *decision)
{
	record_forget_votes(record);
	for (size_t i = 0; i < count; i++)
		set_vote(record, votes[i].user, votes[i].label, votes[i].n, votes[i].at);
	said_decide(record, decision);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

struct label_event event_of(const bson_t *document)
{
	struct label_event event = {.label = "", .by = "", .source = "", .lead_time_ms = -1, .merged = ""};
	bson_iter_t iter;

	for (bool ok = bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
		const char *key = bson_iter_key(&iter), *text = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";

		if (strcmp(key, "label") == 0)
			event.label = text;
		else if (strcmp(key, "by") == 0)
			event.by = text;
		else if (strcmp(key, "source") == 0)
			event.source = text;
		else if (strcmp(key, "merged") == 0)
			event.merged = text;
		else if (strcmp(key, "at") == 0)
			event.at = bson_iter_as_int64(&iter);
		else if (strcmp(key, "lead_time_ms") == 0)
			event.lead_time_ms = bson_iter_as_int64(&iter);
		else if (strcmp(key, "undoes") == 0)
			event.undoes = bson_iter_as_int64(&iter);
	}
	return event;
}

void record_hear(struct record *record, const struct label_event *event)
{
	struct label_event copy = *event;

	copy.label = memory_text(event->label);
	copy.by = memory_text(event->by);
	copy.source = memory_text(event->source);
	copy.merged = memory_text(event->merged ? event->merged : "");
	record->heard = memory_grow(record->heard, record->heard_count + 1, sizeof(*record->heard));
	record->heard[record->heard_count++] = copy;
}

void record_fold(struct record *record)
{
	struct rules_vote *votes = memory_new(record->heard_count + 1, sizeof(*votes));
	struct rules_decision decision;
	size_t heard = record->heard_count;
	size_t count = record->sample.gold
	                       ? rules_fold_gold(record->heard, heard, RULES_NOTHING, votes, &decision)
	                       : rules_fold(record->heard, heard, RULES_NOTHING, &record->decision, votes, &decision);

	record_replace_said(record, votes, count, &decision);
	free(votes);
}

bool record_is_older(const struct record *record)
{
	bool known = record->decision.made;

	for (size_t i = 0; i < record->vote_count; i++)
		known = known || record->votes[i].n > 0;
	return record->events > 0 && !known;
}

/* --- of those that an earlier version wrote ----------------------------------------------------------------------- */

struct reading {
	struct records *records;
	const bool *wanted; /* by record */
};

static int take_event(void *data, const bson_t *document, struct err *err)
{
	const struct reading *reading = data;
	const struct label_event event = event_of(document);
	bson_iter_t iter, at;

	(void)err;
	if (!bson_iter_init(&iter, document) || !bson_iter_find_descendant(&iter, "_id.sample", &at))
		return 0;
	int64_t sample = bson_iter_as_int64(&at);
	for (size_t i = 0; i < reading->records->count; i++) {
		if (reading->wanted[i] && reading->records->item[i].sample.id == sample)
			record_hear(&reading->records->item[i], &event);
	}
	return 0;
}

/* One range when the samples lie close together, else one for each. */
static bson_t *wanted_events(const char *dataset, const struct reading *reading)
{
	const struct record *item = reading->records->item;
	int64_t first = INT64_MAX, last = -1, count = 0;

	for (size_t i = 0; i < reading->records->count; i++) {
		if (!reading->wanted[i])
			continue;
		count++;
		first = item[i].sample.id < first ? item[i].sample.id : first;
		last = item[i].sample.id > last ? item[i].sample.id : last;
	}
	if (count == 0 || last - first < count * SPARSE_MAX)
		return count ? events_filter(dataset, first, last + 1) : NULL;
	bson_t *filter = bson_new(), any;
	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &any);
	for (size_t i = 0; i < reading->records->count; i++) {
		bson_t *own = events_filter(dataset, item[i].sample.id, item[i].sample.id + 1);

		if (reading->wanted[i])
			BSON_APPEND_DOCUMENT(&any, "0", own); /* the server ignores an array's keys */
		bson_destroy(own);
	}
	bson_append_array_end(filter, &any);
	return filter;
}

int records_read_events(struct work *work, const char *dataset, struct records *records, const bool *wanted,
                        struct err *err)
{
	struct reading reading = {.records = records, .wanted = wanted};
	bson_t *filter = wanted_events(dataset, &reading);

	for (size_t i = 0; i < records->count; i++) {
		if (wanted[i])
			record_forget_events(&records->item[i]);
	}
	return filter ? work_find(work, "events", filter, BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}"), take_event,
	                          &reading, err)
	              : 0;
}

int records_read_all_events(struct work *work, const char *dataset, struct records *records, struct err *err)
{
	bool *all = memory_new(records->count + 1, sizeof(*all));

	memset(all, true, records->count);
	int failed = records_read_events(work, dataset, records, all, err);
	free(all);
	return failed;
}

int records_take_events(struct work *work, const char *dataset, struct records *records, struct err *err)
{
	bool *older = memory_new(records->count + 1, sizeof(*older));

	for (size_t i = 0; i < records->count; i++)
		older[i] = record_is_older(&records->item[i]);
	int failed = records_read_events(work, dataset, records, older, err);
	for (size_t i = 0; i < records->count && !failed; i++) {
		if (!older[i])
			continue;
		record_fold(&records->item[i]);
		records->item[i].changed = true;
	}
	free(older);
	return failed;
}

/* --- what follows from it ----------------------------------------------------------------------------------------- */

static struct rules_outcome outcome_of(const struct record *record, struct rules_quorum quorum)
{
	struct rules_decision decision = record->decision.made ? record->decision
	                                                       : rules_decision_implied(&record->sample, record->votes,
	                                                                                record->vote_count);

	return rules_outcome_for(&record->sample, record->votes, record->vote_count, &decision, quorum);
}

static int by_expiry(const void *a, const void *b)
{
	const struct lease *one = a, *other = b;

	return (one->expires > other->expires) - (one->expires < other->expires);
}

static void forget_run_out(struct record *record, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < record->lease_count; i++) {
		if (record->leases[i].expires > now)
			record->leases[kept++] = record->leases[i];
		else
			free(record->leases[i].user);
	}
	record->lease_count = kept;
}

void record_refresh(struct record *record, struct rules_quorum quorum, int64_t now)
{
	struct rules_outcome outcome = outcome_of(record, quorum);
	int64_t leases;

	forget_run_out(record, now);
	leases = (int64_t)record->lease_count;
	record->free_at = 0;
	if (record->sample.state != SAMPLE_UNLABELLED)
		return;
	if (outcome.wanted == 0) {
		record->free_at = INT64_MAX;
	} else if (rules_places(&outcome, leases) == 0) {
		/* The time when enough leases have run out that there is a place. */
		qsort(record->leases, record->lease_count, sizeof(*record->leases), by_expiry);
		record->free_at = record->leases[leases - outcome.wanted].expires;
	}
}

static void set_text(char **text, const char *value)
{
	char *copy = memory_text(value); /* value may be part of what it replaces */

	free(*text);
	*text = copy;
}

void record_settle(struct record *record, struct rules_quorum quorum, int64_t now)
{
	struct sample *sample = &record->sample;
	struct rules_settled settled = rules_settle(sample, record->votes, record->vote_count, &record->decision, quorum, 0);
	int64_t free_at = record->free_at;

	if (settled.changes) {
		set_text(&sample->label, settled.outcome.label);
		set_text(&sample->labelled_by, settled.outcome.by);
		sample->labelled_at = settled.outcome.at;
		sample->state = settled.outcome.state;
		sample->version++;
		record->changed = true;
	}
	if (settled.disputes) {
		sample->disputed = settled.outcome.disputed;
		record->changed = true;
	}
	if (settled.leases_end)
		record_drop_leases(record);
	record_refresh(record, quorum, now);
	record->changed = record->changed || record->free_at != free_at;
}

static bool is_done(const struct record *record, const char *user)
{
	bool done = record_has_vote(record, user);

	for (size_t i = 0; i < record->lease_count; i++)
		done = done || strcmp(record->leases[i].user, user) == 0;
	return done;
}

bool record_open_to(const struct record *record, const char *user, struct rules_quorum quorum)
{
	return record->sample.state == SAMPLE_UNLABELLED && record_may_choose(record, user, quorum);
}

bool record_is_open_gold(struct record *record, const char *user, bool at_end, struct rules_quorum quorum)
{
	const struct rules_vote *vote = find_vote(record, user);
	enum gold_answer answer = gold_answer_of(vote, vote ? vote->label : NULL, vote ? vote->n : 0);

	return record->sample.gold && !record_lease(record, user, NULL) &&
	       gold_may_offer(answer, at_end, (int64_t)record->lease_count, quorum);
}

bool record_may_choose(const struct record *record, const char *user, struct rules_quorum quorum)
{
	struct rules_outcome outcome = outcome_of(record, quorum);
	int64_t leases = (int64_t)record->lease_count;
	const struct rules_vote *vote = find_vote(record, user);

	if (record->sample.gold)
		return gold_may_choose(is_done(record, user), vote && vote->label, leases, quorum);
	return rules_may_choose(record->sample.state, rules_places(&outcome, leases), is_done(record, user), leases);
}

/* --- leases ------------------------------------------------------------------------------------------------------- */

struct lease *record_lease(struct record *record, const char *user, const char *token)
{
	for (size_t i = 0; i < record->lease_count; i++) {
		struct lease *lease = &record->leases[i];

		if ((!user || strcmp(lease->user, user) == 0) &&
		    (!token || (strlen(token) == strlen(lease->token) && hash_equal(lease->token, token, strlen(token)))))
			return lease;
	}
	return NULL;
}

struct lease *record_add_lease(struct record *record, const char *user, int64_t now, int64_t expires)
{
	record->leases = memory_grow(record->leases, record->lease_count + 1, sizeof(*record->leases));
	struct lease *lease = &record->leases[record->lease_count++];
	*lease = (struct lease){.user = memory_text(user), .taken = now, .expires = expires};
	task_token(record->sample.id, lease->token);
	record->changed = true;
	return lease;
}
