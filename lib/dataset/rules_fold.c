/* What the events of a sample say: those that still hold, as votes and a decision. */
#include "dataset/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

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

static bool is_of_gold(const struct label_event *event)
{
	return strcmp(event->source, RULES_GOLD) == 0;
}

bool rules_is_decision(const char *source)
{
	return !rules_is_vote(source) && strcmp(source, "undo") != 0 && strcmp(source, RULES_MERGE) != 0;
}

bool rules_gives(const struct label_event *event)
{
	return event->by[0] && event->label[0] && strcmp(event->source, "seed") != 0 && !is_of_gold(event) &&
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

void rules_taken_back(const struct label_event *events, size_t count, bool *out)
{
	char *voids = find_void(events, count, RULES_NOTHING);

	for (size_t i = 0; i < count; i++)
		out[i] = voids[i] && !is_undo(&events[i]);
	free(voids);
}

/* reopening: another who opens the sample anew ends what the user said. */
static int64_t newest_of(const struct label_event *events, size_t count, const bool *shown, const char *user,
                         bool reopening)
{
	char *voids = find_void(events, count, RULES_NOTHING);
	int64_t found = RULES_NOTHING;

	for (size_t i = count; i-- > 0 && found == RULES_NOTHING;) {
		struct rules_decision decision = rules_decision_of(&events[i], (int64_t)i + 1);

		if (voids[i] || (shown && !shown[i]) || is_merge(&events[i]) || is_of_gold(&events[i]))
			continue;
		if (!user || strcmp(events[i].by, user) == 0)
			found = (int64_t)i + 1;
		else if (reopening && !rules_is_vote(events[i].source) && opens_anew(&decision))
			break;
	}
	free(voids);
	return found;
}

int64_t rules_to_undo(const struct label_event *events, size_t count, const char *user)
{
	return newest_of(events, count, NULL, user, true);
}

int64_t rules_says(const struct label_event *events, size_t count, const bool *shown, const char *user, bool known,
                   const char **label)
{
	int64_t n = newest_of(events, count, shown, user, !known);

	*label = n == RULES_NOTHING ? "" : events[n - 1].label;
	for (size_t i = (size_t)n; i < count && **label; i++) {
		if (is_merge(&events[i]) && strcmp(events[i].merged, *label) == 0)
			*label = events[i].label;
	}
	return **label ? n : RULES_NOTHING;
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

static size_t fold_event(struct rules_vote *votes, size_t voted, struct rules_decision *decision,
                         const struct label_event *event, int64_t n)
{
	if (rules_is_vote(event->source))
		return fold_vote(votes, voted, event, n);
	if (is_merge(event)) {
		fold_merge(votes, voted, decision, event);
		return voted;
	}
	*decision = rules_decision_of(event, n);
	return opens_anew(decision) ? 0 : voted;
}

static const struct rules_decision nothing_decided = {
	.made = true, .state = SAMPLE_UNLABELLED, .label = "", .by = ""};

size_t rules_fold(const struct label_event *events, size_t count, int64_t undone, const struct rules_decision *noted,
                  struct rules_vote *votes, struct rules_decision *decision)
{
	char *voids = find_void(events, count, undone);
	bool told = !noted->made; /* an event shows what was decided, so it need not be noted */
	size_t voted = 0;

	for (size_t i = 0; i < count; i++)
		told = told || rules_is_decision(events[i].source);
	*decision = told ? nothing_decided : *noted;
	for (size_t i = 0; i < count; i++) {
		if (!voids[i])
			voted = fold_event(votes, voted, decision, &events[i], (int64_t)i + 1);
	}
	free(voids);
	return voted;
}

size_t rules_fold_shown(const struct label_event *events, size_t count, const bool *shown, struct rules_vote *votes,
                        struct rules_decision *decision)
{
	char *voids = find_void(events, count, RULES_NOTHING);
	size_t voted = 0;

	*decision = nothing_decided;
	for (size_t i = 0; i < count; i++) {
		if (shown[i] && !voids[i])
			voted = fold_event(votes, voted, decision, &events[i], (int64_t)i + 1);
	}
	free(voids);
	return voted;
}

/* Takes back what this event's user said. */
static size_t fold_unsay(struct rules_vote *votes, size_t count, const struct label_event *event)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(votes[i].user, event->by) != 0)
			continue;
		votes[i] = votes[count - 1];
		return count - 1;
	}
	return count;
}

size_t rules_fold_gold(const struct label_event *events, size_t count, int64_t undone, struct rules_vote *votes,
                       struct rules_decision *decision)
{
	char *voids = find_void(events, count, undone);
	size_t voted = 0;

	*decision = nothing_decided;
	for (size_t i = 0; i < count; i++) {
		const struct label_event *event = &events[i];

		if (voids[i] || (!event->by[0] && !is_merge(event)))
			continue;
		if (is_of_gold(event))
			*decision = rules_decision_of(event, (int64_t)i + 1);
		else if (is_merge(event))
			fold_merge(votes, voted, decision, event);
		else if (event->label[0])
			voted = fold_vote(votes, voted, event, (int64_t)i + 1);
		else
			voted = fold_unsay(votes, voted, event);
	}
	free(voids);
	return voted;
}
