/* Decides what samples are by votes, decisions and the policy, and what leases, seeds and uploads do to them. */
#include "dataset/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dataset/answers.h"

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

/* Whether somebody says something else than label, or else than another one (label NULL). */
static bool votes_differ(const struct rules_vote *votes, size_t count, const char *label)
{
	for (size_t i = 0; i < count; i++) {
		if (votes[i].label && label && strcmp(votes[i].label, label) != 0)
			return true;
		label = label ? label : votes[i].label;
	}
	return false;
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
			.state = SAMPLE_LABELLED, .label = winner->label, .by = winner->user, .at = winner->at,
			.disputed = votes_differ(votes, count, winner->label)};
	if (decision->made && decision->state != SAMPLE_UNLABELLED)
		return (struct rules_outcome){
			.state = decision->state, .label = decision->label, .by = decision->by, .at = decision->at};
	if (total >= quorum.overlap && total >= quorum.most)
		return (struct rules_outcome){.state = SAMPLE_REVIEW, .label = "", .by = "", .disputed = true};
	return (struct rules_outcome){.state = SAMPLE_UNLABELLED,
	                              .label = "",
	                              .by = "",
	                              .wanted = total < quorum.overlap ? quorum.overlap - total : 1};
}

struct rules_outcome rules_outcome_for(const struct sample *sample, const struct rules_vote *votes, size_t count,
                                       const struct rules_decision *decision, struct rules_quorum quorum)
{
	if (!sample->gold || !decision->made)
		return rules_outcome(votes, count, decision, quorum);
	return (struct rules_outcome){.state = decision->state,
	                              .label = decision->label,
	                              .by = decision->by,
	                              .at = decision->at,
	                              .disputed = votes_differ(votes, count, decision->label)};
}

int64_t rules_places(const struct rules_outcome *outcome, int64_t leases)
{
	return leases < outcome->wanted ? outcome->wanted - leases : 0;
}

struct rules_settled rules_settle(const struct sample *was, const struct rules_vote *votes, size_t count,
                                  const struct rules_decision *decision, struct rules_quorum quorum, int64_t leases)
{
	struct rules_decision implied = rules_decision_implied(was, votes, count);
	struct rules_outcome outcome =
		rules_outcome_for(was, votes, count, decision->made ? decision : &implied, quorum);
	bool unreadable = was->state == SAMPLE_UNREADABLE && outcome.state == SAMPLE_UNLABELLED;
	bool differs = was->state != outcome.state || was->labelled_at != outcome.at ||
	               strcmp(was->label, outcome.label) != 0 || strcmp(was->labelled_by, outcome.by) != 0;

	return (struct rules_settled){.outcome = outcome,
	                              .changes = differs && !unreadable,
	                              .disputes = was->disputed != outcome.disputed,
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
	if (change->fields & DATASET_POLICY_GOLD_RATE)
		policy->gold_rate = to->gold_rate;
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
