/* Decides what labels, votes, leases, seeds and uploads do to samples. */
#include "dataset/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dataset/answers.h"

static const char *const vote_sources[] = {"task", "classify"}; /* RULES_VOTE_SOURCES */

bool rules_is_vote(const char *source)
{
	for (size_t i = 0; i < sizeof(vote_sources) / sizeof(*vote_sources); i++) {
		if (strcmp(source, vote_sources[i]) == 0)
			return true;
	}
	return false;
}

struct rules_decision rules_decision_of(const struct label_event *event, int64_t n)
{
	enum sample_state state = strcmp(event->source, "skip") == 0 ? SAMPLE_SKIPPED
	                          : event->label[0]                  ? SAMPLE_LABELLED
	                                                             : SAMPLE_UNLABELLED;

	return (struct rules_decision){.made = true,
	                               .state = state,
	                               .label = event->label,
	                               .by = event->by,
	                               .n = n,
	                               .at = event->by[0] ? event->at : 0};
}

static bool opens_anew(const struct rules_decision *decision)
{
	return decision->made && decision->state == SAMPLE_UNLABELLED;
}

/* --- effective events --------------------------------------------------------------------------------------------- */

static bool is_undo(const struct label_event *event)
{
	return strcmp(event->source, "undo") == 0;
}

static bool is_merge(const struct label_event *event)
{
	return event->merged && event->merged[0];
}

bool rules_is_decision(const char *source)
{
	return !rules_is_vote(source) && strcmp(source, "undo") != 0 && strcmp(source, RULES_MERGE) != 0;
}

bool rules_gives(const struct label_event *event)
{
	return event->by[0] && event->label[0] && strcmp(event->source, "seed") != 0 &&
	       (rules_is_vote(event->source) || rules_is_decision(event->source));
}

/* For each event, 1 if it is taken back, or takes another one back. The caller frees the result. */
static char *find_void(const struct label_event *events, size_t count, int64_t undone)
{
	char *voids = memory_new(count + 1, 1);

	if (undone > 0 && (size_t)undone <= count)
		voids[undone - 1] = 1;
	for (size_t i = 0; i < count; i++) {
		if (!is_undo(&events[i]))
			continue;
		voids[i] = 1;
		if (events[i].undoes > 0 && (size_t)events[i].undoes <= count)
			voids[events[i].undoes - 1] = 1;
	}
	return voids;
}

int64_t rules_to_undo(const struct label_event *events, size_t count, const char *user)
{
	char *voids = find_void(events, count, RULES_NOTHING);
	int64_t found = RULES_NOTHING;

	for (size_t i = count; i-- > 0 && found == RULES_NOTHING;) {
		struct rules_decision decision = rules_decision_of(&events[i], (int64_t)i + 1);

		if (voids[i] || is_merge(&events[i]))
			continue;
		if (!user || strcmp(events[i].by, user) == 0)
			found = (int64_t)i + 1;
		else if (!rules_is_vote(events[i].source) && opens_anew(&decision))
			break;
	}
	free(voids);
	return found;
}

static size_t fold_vote(struct rules_vote *votes, size_t count, const struct label_event *event, int64_t n)
{
	size_t at = 0;

	while (at < count && strcmp(votes[at].user, event->by) != 0)
		at++;
	votes[at] = (struct rules_vote){.user = event->by, .label = event->label, .n = n, .at = event->at};
	return at < count ? count : count + 1;
}

static void fold_merge(struct rules_vote *votes, size_t count, struct rules_decision *decision,
                       const struct label_event *merge)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(votes[i].label, merge->merged) == 0)
			votes[i].label = merge->label;
	}
	if (strcmp(decision->label, merge->merged) == 0)
		decision->label = merge->label;
}

size_t rules_fold(const struct label_event *events, size_t count, int64_t undone, const struct rules_decision *noted,
                  struct rules_vote *votes, struct rules_decision *decision)
{
	char *voids = find_void(events, count, undone);
	bool told = !noted->made; /* an event shows what was decided, so it need not be noted */
	size_t voted = 0;

	for (size_t i = 0; i < count; i++)
		told = told || rules_is_decision(events[i].source);
	*decision = !told ? *noted
	                  : (struct rules_decision){.made = true, .state = SAMPLE_UNLABELLED, .label = "", .by = ""};
	for (size_t i = 0; i < count; i++) {
		if (voids[i])
			continue;
		if (rules_is_vote(events[i].source)) {
			voted = fold_vote(votes, voted, &events[i], (int64_t)i + 1);
			continue;
		}
		if (is_merge(&events[i])) {
			fold_merge(votes, voted, decision, &events[i]);
			continue;
		}
		*decision = rules_decision_of(&events[i], (int64_t)i + 1);
		if (opens_anew(decision))
			voted = 0;
	}
	free(voids);
	return voted;
}

/* --- what follows from them --------------------------------------------------------------------------------------- */

static int64_t count_votes(const struct rules_vote *votes, size_t count)
{
	int64_t labelled = 0;

	for (size_t i = 0; i < count; i++)
		labelled += votes[i].label != NULL;
	return labelled;
}

struct rules_decision rules_decision_implied(const struct sample *sample, const struct rules_vote *votes, size_t count)
{
	bool decided = sample->state == SAMPLE_LABELLED || sample->state == SAMPLE_SKIPPED;

	if (!decided || count_votes(votes, count) > 0)
		return (struct rules_decision){.made = false};
	return (struct rules_decision){.made = true,
	                               .state = sample->state,
	                               .label = sample->label,
	                               .by = sample->labelled_by,
	                               .at = sample->labelled_at};
}

/* The newest vote for label (NULL: for any label); NULL when there is none. */
static const struct rules_vote *newest(const struct rules_vote *votes, size_t count, const char *label)
{
	const struct rules_vote *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (votes[i].label && (!label || strcmp(votes[i].label, label) == 0) && (!found || votes[i].n > found->n))
			found = &votes[i];
	}
	return found;
}

/* The newest vote for the label of more than half of all voters. Unequal votes cancel out in pairs, which leaves one
 * candidate (Boyer and Moore's majority vote), whose votes are then counted. NULL when there is no majority. */
static const struct rules_vote *majority(const struct rules_vote *votes, size_t count, int64_t total)
{
	const char *candidate = NULL;
	int64_t lead = 0, same = 0;

	for (size_t i = 0; i < count; i++) {
		if (!votes[i].label)
			continue;
		if (lead == 0)
			candidate = votes[i].label;
		lead += strcmp(votes[i].label, candidate) == 0 ? 1 : -1;
	}
	for (size_t i = 0; i < count; i++)
		same += votes[i].label && strcmp(votes[i].label, candidate) == 0;
	return same * 2 > total ? newest(votes, count, candidate) : NULL;
}

struct rules_quorum rules_quorum_of(const struct dataset_policy *policy)
{
	return (struct rules_quorum){.overlap = policy->overlap, .most = dataset_policy_most(policy)};
}

bool rules_quorum_differs(const struct dataset_policy *policy, const struct dataset_policy *other)
{
	struct rules_quorum one = rules_quorum_of(policy), another = rules_quorum_of(other);

	return one.overlap != another.overlap || one.most != another.most;
}

struct rules_outcome rules_outcome(const struct rules_vote *votes, size_t count, const struct rules_decision *decision,
                                   struct rules_quorum quorum)
{
	int64_t total = count_votes(votes, count);
	const struct rules_vote *last = newest(votes, count, NULL), *winner = NULL;

	if (total >= quorum.overlap && !(decision->made && decision->n > last->n))
		winner = quorum.overlap <= 1 ? last : majority(votes, count, total);
	if (winner)
		return (struct rules_outcome){
			.state = SAMPLE_LABELLED, .label = winner->label, .by = winner->user, .at = winner->at};
	if (decision->made && decision->state != SAMPLE_UNLABELLED)
		return (struct rules_outcome){
			.state = decision->state, .label = decision->label, .by = decision->by, .at = decision->at};
	if (total >= quorum.overlap && total >= quorum.most)
		return (struct rules_outcome){.state = SAMPLE_REVIEW, .label = "", .by = ""};
	return (struct rules_outcome){.state = SAMPLE_UNLABELLED,
	                              .label = "",
	                              .by = "",
	                              .wanted = total < quorum.overlap ? quorum.overlap - total : 1};
}

int64_t rules_places(const struct rules_outcome *outcome, int64_t leases)
{
	return leases < outcome->wanted ? outcome->wanted - leases : 0;
}

struct rules_settled rules_settle(const struct sample *was, const struct rules_vote *votes, size_t count,
                                  const struct rules_decision *decision, struct rules_quorum quorum, int64_t leases)
{
	struct rules_decision implied = rules_decision_implied(was, votes, count);
	struct rules_outcome outcome = rules_outcome(votes, count, decision->made ? decision : &implied, quorum);
	bool unreadable = was->state == SAMPLE_UNREADABLE && outcome.state == SAMPLE_UNLABELLED;
	bool differs = was->state != outcome.state || was->labelled_at != outcome.at ||
	               strcmp(was->label, outcome.label) != 0 || strcmp(was->labelled_by, outcome.by) != 0;

	return (struct rules_settled){.outcome = outcome,
	                              .changes = differs && !unreadable,
	                              .leases_end = differs && outcome.state != SAMPLE_UNLABELLED,
	                              .places = unreadable ? 0 : rules_places(&outcome, leases)};
}

int rules_check_found(int64_t id, bool found, struct err *err)
{
	return found ? 0 : err_set(err, ERR_NOT_FOUND, "There is no sample %lld", (long long)id);
}

bool rules_may_choose(enum sample_state state, int64_t places, bool done, int64_t leases)
{
	switch (state) {
	case SAMPLE_UNLABELLED:
		return places > 0 && !done;
	case SAMPLE_LABELLED:
	case SAMPLE_SKIPPED:
	case SAMPLE_REVIEW:
		return leases == 0;
	case SAMPLE_UNREADABLE:
		break;
	}
	return false;
}

/* --- changes of samples ------------------------------------------------------------------------------------------- */

unsigned rules_asks(const struct sample_change *change)
{
	static const unsigned asks[] = {
		[SAMPLE_LABEL] = RULES_LEASE | RULES_KNOWN_LABEL,
		[SAMPLE_CLASSIFY] = RULES_IN_FOLDER | RULES_KNOWN_LABEL,
		[SAMPLE_SKIP] = RULES_LEASE | RULES_VOTED,
		[SAMPLE_RELEASE] = RULES_LEASE,
		[SAMPLE_RENEW] = RULES_LEASE,
		[SAMPLE_MARK_UNREADABLE] = RULES_STATE,
		[SAMPLE_MARK_READABLE] = RULES_STATE,
		[SAMPLE_SETTLE] = 0,
		[SAMPLE_DECIDE] = RULES_STATE | RULES_KNOWN_LABEL,
		[SAMPLE_UNDO] = RULES_STATE | RULES_EVENTS,
	};

	return asks[change->act] | (change->request ? RULES_GIVEN : 0) | (change->imported ? RULES_HISTORY : 0);
}

static int check_lease(const struct rules_facts *facts, int64_t now, struct err *err)
{
	return facts->found && facts->lease_ends > now
	               ? 0
	               : err_set(err, ERR_CONFLICT,
	                         "The task is no longer yours: its lease was used, taken back or ran out");
}

/* A person who labels a sample is done with it, whatever the lease. */
static struct rules_effect give_label(const struct sample_change *change, const char *source)
{
	return (struct rules_effect){.accepted = true,
	                             .source = source,
	                             .label = change->label,
	                             .vote = RULES_VOTE,
	                             .leases = RULES_USERS_LEASES_END,
	                             .settles = true};
}

static struct rules_effect rules_pass_over(const struct sample_change *change, const struct rules_facts *facts)
{
	struct rules_effect effect = {.accepted = true, .leases = RULES_LEASE_ENDS, .settles = true};

	switch (change->skip) {
	case DATASET_SKIP_REQUEUE_FOR_ME:
		effect.to_the_end = true;
		break;
	case DATASET_SKIP_REQUEUE_FOR_OTHERS:
		effect.vote = facts->voted ? RULES_NO_VOTE : RULES_PASS;
		break;
	case DATASET_SKIP_IGNORE:
		effect.source = "skip";
		effect.label = "";
	}
	return effect;
}

static struct rules_effect rules_set_state(const struct rules_facts *facts, enum sample_state from,
                                           enum sample_state to)
{
	bool is_so = facts->found && facts->state == from;

	return (struct rules_effect){.accepted = is_so,
	                             .sets_state = is_so,
	                             .state = to,
	                             .leases = is_so && to == SAMPLE_UNREADABLE ? RULES_LEASES_END : RULES_LEASES_STAY,
	                             .settles = is_so};
}

/* Checks that the sample exists, and is as its user saw it. */
static int check_version(const struct sample_change *change, const struct rules_facts *facts, struct err *err)
{
	if (rules_check_found(change->id, facts->found, err))
		return -1;
	if (!change->of_version || change->version == facts->version)
		return 0;
	return err_set(err, ERR_CONFLICT, "Sample %lld is at version %lld by now, %s%s", (long long)change->id,
	               (long long)facts->version, facts->label[0] ? "labelled " : "without a label", facts->label);
}

static bool same_time(int64_t one, int64_t other)
{
	const int64_t millisecond = 1000;

	return one / millisecond == other / millisecond;
}

static bool says_the_same(const struct sample_change *change, const char *label, const char *by, int64_t at)
{
	return strcmp(change->label, label) == 0 && (!change->says_who || strcmp(change->user, by) == 0) &&
	       (!change->says_when || same_time(change->at, at));
}

bool rules_was_told(const struct sample_change *change, const struct rules_facts *facts)
{
	if (says_the_same(change, facts->label, facts->by, facts->at))
		return true;
	for (size_t i = 0; i < facts->event_count; i++) {
		const struct label_event *event = &facts->events[i];
		bool counts = change->says_when ||
		              (strcmp(event->source, "import") == 0 && !same_time(event->at, change->at));

		if (counts && says_the_same(change, event->label, event->by, event->at))
			return true;
	}
	return false;
}

static int decide(const struct sample_change *change, const struct rules_facts *facts, struct rules_effect *out,
                  struct err *err)
{
	if (check_version(change, facts, err))
		return -1;
	if (change->annotates && facts->quorum.overlap > 1)
		return err_set(err, ERR_FORBIDDEN,
		               "Several people are asked in this dataset: only a contributor may label directly, others by a task");
	if (change->label[0] && !facts->known_label)
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", change->label);
	if (change->imported && rules_was_told(change, facts)) {
		out->accepted = false;
		return 0;
	}
	*out = (struct rules_effect){.accepted = true,
	                             .source = change->imported ? "import" : "label",
	                             .label = change->label,
	                             .forgets_votes = !change->label[0],
	                             .settles = true};
	return 0;
}

/* Where several people are asked, each takes back only that person's own events. */
static int undo(const struct sample_change *change, const struct rules_facts *facts, struct rules_effect *out,
                struct err *err)
{
	const char *of = change->annotates && facts->quorum.overlap > 1 ? change->user : NULL;

	if (check_version(change, facts, err))
		return -1;
	*out = (struct rules_effect){.accepted = true,
	                             .source = "undo",
	                             .undoes = rules_to_undo(facts->events, facts->event_count, of),
	                             .votes = facts->room,
	                             .settles = true};
	if (out->undoes == RULES_NOTHING)
		return err_set(err, ERR_CONFLICT, "There is nothing to undo");
	out->vote_count = rules_fold(facts->events, facts->event_count, out->undoes, &facts->noted, facts->room,
	                             &out->decision);
	out->label = rules_outcome(out->votes, out->vote_count, &out->decision, facts->quorum).label;
	return 0;
}

static int change_by_act(const struct sample_change *change, const struct rules_facts *facts, int64_t now,
                         int64_t lease_us, struct rules_effect *out, struct err *err)
{
	*out = (struct rules_effect){.accepted = facts->found};
	switch (change->act) {
	case SAMPLE_LABEL:
		if (facts->given)
			return 0;
		if (check_lease(facts, now, err))
			return -1;
		if (!facts->known_label)
			return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", change->label);
		*out = give_label(change, "task");
		return 0;
	case SAMPLE_CLASSIFY:
		out->accepted = facts->found && facts->in_folder && facts->known_label;
		if (out->accepted && !facts->given)
			*out = give_label(change, "classify");
		return 0;
	case SAMPLE_SKIP:
		if (check_lease(facts, now, err))
			return -1;
		*out = rules_pass_over(change, facts);
		return 0;
	case SAMPLE_RELEASE:
		*out = (struct rules_effect){.accepted = true, .leases = RULES_LEASE_ENDS, .settles = true};
		return check_lease(facts, now, err);
	case SAMPLE_RENEW:
		*out = (struct rules_effect){.accepted = true, .renewed = now + lease_us};
		return check_lease(facts, now, err);
	case SAMPLE_MARK_UNREADABLE:
		*out = rules_set_state(facts, SAMPLE_UNLABELLED, SAMPLE_UNREADABLE);
		return 0;
	case SAMPLE_MARK_READABLE:
		*out = rules_set_state(facts, SAMPLE_UNREADABLE, SAMPLE_UNLABELLED);
		return 0;
	case SAMPLE_DECIDE:
		return facts->given ? 0 : decide(change, facts, out, err);
	case SAMPLE_UNDO:
		return facts->given ? 0 : undo(change, facts, out, err);
	case SAMPLE_SETTLE:
		out->settles = facts->found;
	}
	return 0;
}

int rules_change(const struct sample_change *change, const struct rules_facts *facts, int64_t now, int64_t lease_us,
                 struct rules_effect *out, struct err *err)
{
	if (change_by_act(change, facts, now, lease_us, out, err))
		return -1;
	out->at = change->at ? change->at : now;
	return 0;
}

/* --- seeds, uploads, changes of a dataset ------------------------------------------------------------------------- */

bool rules_takes_seed(enum sample_state state, const char *label, bool any_event)
{
	return (state == SAMPLE_UNLABELLED || state == SAMPLE_UNREADABLE) && label[0] == '\0' && !any_event;
}

static int check_public(const struct dataset_image *image, const struct dataset_policy *policy, struct err *err)
{
	if (image->is_public == policy->public_images)
		return 0;
	return err_set(err, ERR_CONFLICT, "The dataset became %s meanwhile", policy->public_images ? "public" : "private");
}

int rules_upload(const struct rules_upload *upload, const struct dataset_policy *policy, bool *duplicate,
                 struct err *err)
{
	const struct dataset_image *image = upload->image;

	*duplicate = false;
	if (check_public(image, policy, err)) /* even for the same bytes, which were just stored that way */
		return -1;
	*duplicate = upload->same_bytes;
	if (upload->same_bytes)
		return 0;
	if (upload->taken)
		return err_set(err, ERR_CONFLICT, "Another image is at %s already", image->filepath);
	if (upload->removed_key)
		return err_set(err, ERR_CONFLICT, "This image was removed while it was stored: send it again");
	if (!upload->known_label)
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", image->label);
	if (upload->quota_bytes > 0 && upload->bytes + image->bytes > upload->quota_bytes)
		return err_set(err, ERR_NO_SPACE, "The dataset's quota of %lld bytes is full", (long long)upload->quota_bytes);
	return 0;
}

enum idempotency rules_claim(bool same_request, bool answered, int64_t age_us)
{
	if (age_us > IDEMPOTENCY_SECONDS * MICROSECONDS)
		return IDEMPOTENCY_NEW;
	if (!same_request)
		return IDEMPOTENCY_OTHER;
	if (answered)
		return IDEMPOTENCY_DONE;
	return llabs(age_us) < IDEMPOTENCY_CLAIM_SECONDS * MICROSECONDS ? IDEMPOTENCY_BUSY : IDEMPOTENCY_NEW;
}

void rules_merge_policy(struct dataset_policy *policy, const struct dataset_change *change)
{
	const struct dataset_policy *to = &change->policy;

	if (change->fields & DATASET_POLICY_OVERLAP)
		policy->overlap = to->overlap;
	if (change->fields & DATASET_POLICY_OVERLAP_MAX)
		policy->overlap_max = to->overlap_max;
	if (change->fields & DATASET_POLICY_LEASE_SECONDS)
		policy->lease_seconds = to->lease_seconds;
	if (change->fields & DATASET_POLICY_ORDER)
		policy->order = to->order;
	if (change->fields & DATASET_POLICY_SKIP)
		policy->skip = to->skip;
	if (change->fields & DATASET_POLICY_PUBLIC)
		policy->public_images = to->public_images;
}

int rules_check_policy(const struct dataset_policy *policy, struct err *err)
{
	if (policy->overlap_max == 0 || policy->overlap_max >= policy->overlap)
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "\"overlap_max\" is %lld, less than \"overlap\", %lld: change both",
	               (long long)policy->overlap_max, (long long)policy->overlap);
}

int rules_check_base_dir(const struct dataset_change *change, const char *base_dir, struct err *err)
{
	if (!change->base_dir_was || strcmp(change->base_dir_was, base_dir) == 0)
		return 0;
	return err_set(err, ERR_CONFLICT, "The dataset's folder has become %s meanwhile", base_dir);
}

/* --- changes of labels -------------------------------------------------------------------------------------------- */

int rules_rename(int64_t key, const char *name, int64_t holder, struct err *err)
{
	return holder < 0 || holder == key ? 0
	                                   : err_set(err, ERR_CONFLICT, "The label with the key %lld is called %s already",
	                                             (long long)holder, name);
}

int rules_merge_labels(int64_t key, int64_t into, bool into_known, struct err *err)
{
	if (key == into)
		return err_set(err, ERR_UNPROCESSABLE, "A label cannot be merged into itself");
	if (!into_known)
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label with the key %lld to merge into", (long long)into);
	return 0;
}

int rules_check_undone(const char *label, bool removed, struct err *err)
{
	return removed ? err_set(err, ERR_CONFLICT, "The label %s, which the sample had before, was removed", label) : 0;
}

int rules_remove_label(const char *name, const struct rules_uses *uses, struct err *err)
{
	if (uses->samples > 0)
		return err_set(err, ERR_CONFLICT, "The label %s is that of %lld samples: merge it into another one", name,
		               (long long)uses->samples);
	if (uses->votes || uses->decisions)
		return err_set(err, ERR_CONFLICT,
		               "The label %s was given to samples that have another one now: merge it into another", name);
	return 0;
}
