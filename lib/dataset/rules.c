/* Implements rules.h. */
#include "dataset/rules.h"

#include <string.h>

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

/* The newest vote; label NULL: any. NULL when there is none. */
static const struct rules_vote *newest(const struct rules_vote *votes, size_t count, const char *label)
{
	const struct rules_vote *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (votes[i].label && (!label || strcmp(votes[i].label, label) == 0) && (!found || votes[i].n > found->n))
			found = &votes[i];
	}
	return found;
}

/* The newest vote for what more than half of all say: the one candidate that is left when unequal votes cancel out
 * in pairs (Boyer and Moore's majority vote), counted once more. NULL when there is none. */
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

struct rules_outcome rules_outcome(const struct rules_vote *votes, size_t count, const struct rules_decision *decision,
                                   int64_t overlap)
{
	int64_t total = count_votes(votes, count);
	const struct rules_vote *last = newest(votes, count, NULL), *winner = NULL;

	if (total >= overlap && !(decision->made && decision->n > last->n))
		winner = overlap <= 1 ? last : majority(votes, count, total);
	if (winner)
		return (struct rules_outcome){
			.state = SAMPLE_LABELLED, .label = winner->label, .by = winner->user, .at = winner->at};
	if (decision->made && decision->state != SAMPLE_UNLABELLED)
		return (struct rules_outcome){
			.state = decision->state, .label = decision->label, .by = decision->by, .at = decision->at};
	return (struct rules_outcome){
		.state = SAMPLE_UNLABELLED, .label = "", .by = "", .wanted = total < overlap ? overlap - total : 1};
}

int64_t rules_places(const struct rules_outcome *outcome, int64_t leases)
{
	return leases < outcome->wanted ? outcome->wanted - leases : 0;
}

/* --- changes of a dataset, and uploads --------------------------------------------------------------------------- */

void rules_merge_policy(struct dataset_policy *policy, const struct dataset_change *change)
{
	const struct dataset_policy *to = &change->policy;

	if (change->fields & DATASET_POLICY_OVERLAP)
		policy->overlap = to->overlap;
	if (change->fields & DATASET_POLICY_LEASE_SECONDS)
		policy->lease_seconds = to->lease_seconds;
	if (change->fields & DATASET_POLICY_ORDER)
		policy->order = to->order;
	if (change->fields & DATASET_POLICY_SKIP)
		policy->skip = to->skip;
	if (change->fields & DATASET_POLICY_PUBLIC)
		policy->public_images = to->public_images;
}

int rules_check_base_dir(const struct dataset_change *change, const char *base_dir, struct err *err)
{
	if (!change->base_dir_was || strcmp(change->base_dir_was, base_dir) == 0)
		return 0;
	return err_set(err, ERR_CONFLICT, "The dataset's folder has become %s meanwhile", base_dir);
}

int rules_check_public(const struct dataset_image *image, const struct dataset_policy *policy, struct err *err)
{
	if (image->is_public == policy->public_images)
		return 0;
	return err_set(err, ERR_CONFLICT, "The dataset became %s meanwhile", policy->public_images ? "public" : "private");
}
