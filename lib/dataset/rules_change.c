/* Decides what a change of a sample does, by what it finds. */
#include "dataset/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dataset/rules_gold.h"

unsigned rules_asks(const struct sample_change *change)
{
	static const unsigned asks[] = {
		[SAMPLE_LABEL] = RULES_LEASE | RULES_KNOWN_LABEL,
		[SAMPLE_CLASSIFY] = RULES_IN_FOLDER | RULES_KNOWN_LABEL,
		[SAMPLE_SKIP] = RULES_LEASE | RULES_VOTED | RULES_STATE,
		[SAMPLE_RELEASE] = RULES_LEASE,
		[SAMPLE_RENEW] = RULES_LEASE,
		[SAMPLE_MARK_UNREADABLE] = RULES_STATE,
		[SAMPLE_MARK_READABLE] = RULES_STATE,
		[SAMPLE_SETTLE] = 0,
		[SAMPLE_DECIDE] = RULES_STATE | RULES_KNOWN_LABEL,
		[SAMPLE_UNDO] = RULES_STATE | RULES_EVENTS,
		[SAMPLE_MARK_GOLD] = RULES_STATE | RULES_KNOWN_LABEL | RULES_EVENTS | RULES_GOLDS,
		[SAMPLE_UNMARK_GOLD] = RULES_STATE | RULES_EVENTS,
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
	if (facts->gold)
		return gold_decide(change, facts, out);
	*out = (struct rules_effect){.accepted = true,
	                             .source = change->imported ? "import" : "label",
	                             .label = change->label,
	                             .forgets_votes = !change->label[0],
	                             .settles = true};
	return 0;
}

/* Where several people are asked, each of them takes back only that person's own events. */
static int undo(const struct sample_change *change, const struct rules_facts *facts, struct rules_effect *out,
                struct err *err)
{
	bool own = change->own || (change->annotates && facts->quorum.overlap > 1);

	if (check_version(change, facts, err))
		return -1;
	if (facts->gold)
		return gold_undo(change, facts, out, err);
	*out = (struct rules_effect){.accepted = true,
	                             .source = "undo",
	                             .undoes = rules_to_undo(facts->events, facts->event_count, own ? change->user : NULL),
	                             .replaces_said = true,
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
		*out = facts->gold ? gold_pass_over(change, facts) : rules_pass_over(change, facts);
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
	case SAMPLE_MARK_GOLD:
		return rules_check_found(change->id, facts->found, err) || gold_mark(change, facts, now, out, err);
	case SAMPLE_UNMARK_GOLD:
		if (rules_check_found(change->id, facts->found, err))
			return -1;
		gold_unmark(change, facts, now, out);
		return 0;
	case SAMPLE_SETTLE:
		out->settles = facts->found;
	}
	return 0;
}

/* Of a sample whose answer is known, what the user sees of it. */
static struct rules_facts facts_seen(const struct sample_change *change, const struct rules_facts *facts)
{
	struct rules_facts seen = *facts;

	if (!facts->found || !facts->gold || !change->annotates)
		return seen;
	bool *shown = memory_new(facts->event_count + 1, sizeof(*shown));
	struct gold_seen what = gold_see(facts->events, facts->event_count, change->user, facts->quorum, shown);
	free(shown);
	seen.version = what.version;
	seen.label = what.label;
	seen.by = what.by;
	seen.at = what.at;
	return seen;
}

int rules_change(const struct sample_change *change, const struct rules_facts *facts, int64_t now, int64_t lease_us,
                 struct rules_effect *out, struct err *err)
{
	struct rules_facts seen = facts_seen(change, facts);

	if (change_by_act(change, &seen, now, lease_us, out, err))
		return -1;
	out->at = change->at ? change->at : now;
	return 0;
}
