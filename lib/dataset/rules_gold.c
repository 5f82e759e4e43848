/* Decides about samples whose answer is known: what people see of them, who is asked, and what their answers do. */
#include "dataset/rules_gold.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* --- what one person sees ----------------------------------------------------------------------------------------- */

struct seeing {
	const struct label_event *events;
	size_t count;
	const char *user;
	struct rules_quorum quorum;
	bool *shown;
	struct rules_vote *votes; /* room */
};

static bool of_gold(const struct label_event *event)
{
	return strcmp(event->source, RULES_GOLD) == 0;
}

static bool of_merge(const struct label_event *event)
{
	return strcmp(event->source, RULES_MERGE) == 0;
}

static void gold_show(const struct seeing *seeing, const char *user)
{
	for (size_t i = 0; i < seeing->count; i++) {
		const struct label_event *event = &seeing->events[i];

		if (strcmp(event->by, user) == 0 && !of_gold(event) && !of_merge(event))
			seeing->shown[i] = true;
	}
}

/* Others who decided something themselves are left out: to everybody else a sample would then be closed. */
static bool only_votes(const struct seeing *seeing, const char *user)
{
	for (size_t i = 0; i < seeing->count; i++) {
		const struct label_event *event = &seeing->events[i];

		if (strcmp(event->by, user) == 0 && !of_merge(event) && !rules_is_vote(event->source))
			return false;
	}
	return true;
}

/* The outcome of what is shown among the first events. */
static struct rules_outcome outcome_shown(const struct seeing *seeing, size_t count)
{
	struct rules_decision decision;
	size_t voted = rules_fold_shown(seeing->events, count, seeing->shown, seeing->votes, &decision);

	return rules_outcome(seeing->votes, voted, &decision, seeing->quorum);
}

/* Shows others, in the order in which they came, as long as the sample is open, and stays so for a user who has not
 * answered. */
static void show_others(const struct seeing *seeing)
{
	bool answered = false;
	int64_t others = 0;

	for (size_t i = 0; i < seeing->count; i++)
		answered = answered || (seeing->shown[i] && seeing->events[i].label[0]);
	for (size_t i = 0; i < seeing->count && seeing->quorum.overlap > 1; i++) {
		const char *by = seeing->events[i].by;

		if (seeing->shown[i] || !rules_is_vote(seeing->events[i].source) || !only_votes(seeing, by))
			continue;
		if (answered ? outcome_shown(seeing, seeing->count).state != SAMPLE_UNLABELLED
		             : others == seeing->quorum.overlap - 1)
			return;
		gold_show(seeing, by);
		others++;
	}
}

/* A merge is shown where it changes a label that is. */
static void show_merges(const struct seeing *seeing)
{
	struct rules_decision decision;

	for (size_t i = 0; i < seeing->count; i++) {
		if (!of_merge(&seeing->events[i]))
			continue;
		size_t voted = rules_fold_shown(seeing->events, i, seeing->shown, seeing->votes, &decision);
		seeing->shown[i] = strcmp(decision.label, seeing->events[i].merged) == 0;
		for (size_t j = 0; j < voted; j++)
			seeing->shown[i] = seeing->shown[i] || strcmp(seeing->votes[j].label, seeing->events[i].merged) == 0;
	}
}

struct gold_seen gold_see(const struct label_event *events, size_t count, const char *user, struct rules_quorum quorum,
                          bool *shown)
{
	struct seeing seeing = {.events = events, .count = count, .user = user, .quorum = quorum, .shown = shown};
	struct gold_seen seen = {.state = SAMPLE_UNLABELLED, .label = "", .by = ""};

	seeing.votes = memory_new(count + 1, sizeof(*seeing.votes));
	memset(shown, 0, count * sizeof(*shown));
	gold_show(&seeing, user);
	show_others(&seeing);
	show_merges(&seeing);
	for (size_t i = 0; i < count; i++) {
		if (!shown[i])
			continue;
		struct rules_outcome now = outcome_shown(&seeing, i + 1);
		seen.version += now.state != seen.state || now.at != seen.at || strcmp(now.label, seen.label) != 0 ||
		                strcmp(now.by, seen.by) != 0;
		seen.state = now.state;
		seen.label = now.label;
		seen.by = now.by;
		seen.at = now.at;
		seen.disputed = now.disputed;
	}
	free(seeing.votes);
	return seen;
}

/* --- who is asked ------------------------------------------------------------------------------------------------- */

enum gold_answer gold_answer_of(bool any, const char *label, int64_t n)
{
	if (!any)
		return GOLD_OPEN;
	return !label && n == RULES_VOTE_LATER ? GOLD_LATER : GOLD_DONE;
}

bool gold_may_offer(enum gold_answer answer, bool at_end, int64_t leases, struct rules_quorum quorum)
{
	return (answer == GOLD_OPEN || (answer == GOLD_LATER && at_end)) && leases < quorum.overlap;
}

bool gold_may_choose(bool done, bool answered, int64_t leases, struct rules_quorum quorum)
{
	int64_t places = leases < quorum.overlap ? quorum.overlap - leases : 0;

	return rules_may_choose(answered ? SAMPLE_LABELLED : SAMPLE_UNLABELLED, places, done, leases);
}

bool gold_is_due(const struct dataset_policy *policy, uint32_t random)
{
	return random < policy->gold_rate;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

/* The user's own answer, in `votes`; NULL: none. */
static const char *answer_in(const struct rules_vote *votes, size_t count, const char *user)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(votes[i].user, user) == 0)
			return votes[i].label;
	}
	return NULL;
}

/* Whoever is asked gives an answer; of others, the label is the known answer from now on, and without one there is
 * none. */
int gold_decide(const struct sample_change *change, const struct rules_facts *facts, struct rules_effect *out)
{
	(void)facts;
	*out = (struct rules_effect){.accepted = true, .label = change->label, .settles = true};
	if (change->annotates) {
		out->source = "label";
		out->of_user = true;
		out->vote = change->label[0] ? RULES_VOTE : RULES_UNSAY;
		out->leases = RULES_USERS_LEASES_END;
	} else if (change->label[0]) {
		out->source = RULES_GOLD;
	} else {
		out->source = "label";
		out->forgets_votes = true;
		out->gold = RULES_GOLD_ENDS;
	}
	return 0;
}

/* Each takes back only that person's own answers. */
int gold_undo(const struct sample_change *change, const struct rules_facts *facts, struct rules_effect *out,
              struct err *err)
{
	*out = (struct rules_effect){.accepted = true,
	                             .source = "undo",
	                             .undoes = rules_to_undo(facts->events, facts->event_count, change->user),
	                             .of_user = true,
	                             .vote = RULES_UNSAY,
	                             .replaces_said = true,
	                             .votes = facts->room,
	                             .settles = true};
	if (out->undoes == RULES_NOTHING)
		return err_set(err, ERR_CONFLICT, "There is nothing to undo");
	out->vote_count = rules_fold_gold(facts->events, facts->event_count, out->undoes, facts->room, &out->decision);
	const char *answer = answer_in(out->votes, out->vote_count, change->user);
	out->label = answer && facts->quorum.overlap == 1 ? answer : "";
	return 0;
}

struct rules_effect gold_pass_over(const struct sample_change *change, const struct rules_facts *facts)
{
	struct rules_effect effect = {.accepted = true, .leases = RULES_LEASE_ENDS, .of_user = true, .settles = true};
	struct rules_decision decision;
	size_t voted =
		rules_fold_gold(facts->events, facts->event_count, RULES_NOTHING, facts->room, &decision);
	bool answered = answer_in(facts->room, voted, change->user);

	switch (change->skip) {
	case DATASET_SKIP_REQUEUE_FOR_ME:
		effect.vote = answered ? RULES_NO_VOTE : RULES_LATER;
		break;
	case DATASET_SKIP_REQUEUE_FOR_OTHERS:
		effect.vote = answered ? RULES_NO_VOTE : RULES_PASS;
		break;
	case DATASET_SKIP_IGNORE:
		effect.source = "skip";
		effect.label = "";
		effect.vote = RULES_PASS;
	}
	return effect;
}

static struct rules_decision decision_now(const struct sample_change *change, const struct rules_facts *facts,
                                          const char *label, int64_t now)
{
	return (struct rules_decision){.made = true,
	                               .state = SAMPLE_LABELLED,
	                               .label = label,
	                               .by = change->user,
	                               .n = (int64_t)facts->event_count + 1,
	                               .at = now};
}

int gold_mark(const struct sample_change *change, const struct rules_facts *facts, int64_t now,
              struct rules_effect *out, struct err *err)
{
	const char *label = change->label[0] ? change->label : facts->label;
	struct rules_decision ignored;

	if (!label[0])
		return err_set(err, ERR_UNPROCESSABLE, "Sample %lld has no label: \"label\" must be its known answer",
		               (long long)change->id);
	if (change->label[0] && !facts->known_label)
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", label);
	if (facts->gold && strcmp(label, facts->label) == 0)
		return 0;
	if (!facts->gold && facts->golds >= DATASET_GOLD_MAX)
		return err_set(err, ERR_CONFLICT, "The dataset has %d samples with known answers already", DATASET_GOLD_MAX);
	*out = (struct rules_effect){.accepted = true,
	                             .source = RULES_GOLD,
	                             .label = label,
	                             .gold = RULES_GOLD_BEGINS,
	                             .replaces_said = true,
	                             .votes = facts->room,
	                             .decision = decision_now(change, facts, label, now),
	                             .settles = true};
	out->vote_count =
		rules_fold_gold(facts->events, facts->event_count, RULES_NOTHING, facts->room, &ignored);
	return 0;
}

/* Its label stays; from now on people's votes count. */
void gold_unmark(const struct sample_change *change, const struct rules_facts *facts, int64_t now,
                 struct rules_effect *out)
{
	struct rules_decision ignored;

	if (!facts->gold)
		return;
	*out = (struct rules_effect){.accepted = true,
	                             .source = RULES_GOLD,
	                             .label = facts->label,
	                             .gold = RULES_GOLD_ENDS,
	                             .replaces_said = true,
	                             .votes = facts->room,
	                             .decision = decision_now(change, facts, facts->label, now),
	                             .settles = true};
	out->vote_count = rules_fold(facts->events, facts->event_count, RULES_NOTHING, &facts->noted, facts->room, &ignored);
}
