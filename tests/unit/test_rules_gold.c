/* What one person sees of a sample whose answer is known, as tables: by what was said, and how many are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataset/rules_gold.h"

enum { EVENTS_MAX = 6, TEXT_MAX = 128 };

#define SAYS(who, what) {.by = who, .label = what, .source = "task"}
#define CORRECTS(who, what) {.by = who, .label = what, .source = "label"}
#define SKIPS(who) {.by = who, .label = "", .source = "skip"}
#define KNOWN(what) {.by = "ann", .label = what, .source = "gold"}
#define UNDOES(who, which, what) {.by = who, .label = what, .source = "undo", .undoes = which}
#define MERGES(from, into) {.by = "ann", .label = into, .source = "merge", .merged = from}
#define SEED(what) {.by = "", .label = what, .source = "seed"}

static const struct {
	struct label_event events[EVENTS_MAX];
	struct rules_quorum quorum;
	const char *seen;  /* by ada: label, state, who gave it, version; */
	const char *shown; /* and the numbers of the events */
} examples[] = {
	{{KNOWN("cat")}, {1, 3}, "- unlabelled - 0", ""},
	{{SEED("cat"), KNOWN("cat")}, {1, 3}, "- unlabelled - 0", ""},
	{{KNOWN("cat"), SAYS("ada", "dog")}, {1, 3}, "dog labelled ada 1", "2"},
	{{KNOWN("cat"), SAYS("bob", "dog")}, {1, 3}, "- unlabelled - 0", ""},
	{{SAYS("bob", "cat"), KNOWN("cat"), SAYS("ada", "dog")}, {1, 3}, "dog labelled ada 1", "3"},
	{{KNOWN("cat"), SAYS("ada", "dog"), SAYS("ada", "dog")}, {1, 3}, "dog labelled ada 2", "23"},
	{{KNOWN("cat"), SAYS("ada", "dog"), CORRECTS("ada", "cat")}, {1, 3}, "cat labelled ada 2", "23"},
	{{KNOWN("cat"), SAYS("ada", "dog"), UNDOES("ada", 2, "")}, {1, 3}, "- unlabelled - 2", "23"},
	{{KNOWN("cat"), SAYS("ada", "dog"), CORRECTS("ada", ""), SAYS("ada", "cat")}, {1, 3}, "cat labelled ada 3", "234"},
	{{KNOWN("cat"), SKIPS("ada")}, {1, 3}, "- skipped ada 1", "2"},
	{{KNOWN("cat"), SKIPS("bob")}, {1, 3}, "- unlabelled - 0", ""},
	{{KNOWN("cat"), SAYS("ada", "cat"), MERGES("cat", "tabby")}, {1, 3}, "tabby labelled ada 2", "23"},
	{{KNOWN("cat"), SAYS("ada", "dog"), MERGES("cat", "tabby")}, {1, 3}, "dog labelled ada 1", "2"},
	/* Two are asked: one other is shown, and further ones only to end a tie. */
	{{KNOWN("cat"), SAYS("bob", "dog"), SAYS("cyd", "cat")}, {2, 4}, "- unlabelled - 0", "2"},
	{{KNOWN("cat"), SAYS("ada", "dog")}, {2, 4}, "- unlabelled - 0", "2"},
	{{KNOWN("cat"), SAYS("ada", "dog"), SAYS("bob", "dog"), SAYS("cyd", "cat")}, {2, 4}, "dog labelled bob 1", "23"},
	{{KNOWN("cat"), SAYS("bob", "dog"), SAYS("cyd", "cat"), SAYS("ada", "cat")}, {2, 4}, "cat labelled ada 1", "234"},
	{{KNOWN("cat"), SAYS("bob", "dog"), SAYS("cyd", "bird"), SAYS("ada", "cat")}, {2, 3}, "- review - 1", "234"},
	{{KNOWN("cat"), SAYS("bob", "dog"), SAYS("ada", "cat"), SAYS("cyd", "bird")}, {2, 2}, "- review - 1", "23"},
	{{KNOWN("cat"), SKIPS("bob"), SAYS("cyd", "dog"), SAYS("ada", "dog")}, {2, 4}, "dog labelled ada 1", "34"},
	{{KNOWN("cat"), SAYS("bob", "dog"), SAYS("cyd", "dog"), SAYS("dan", "dog")}, {3, 5}, "- unlabelled - 0", "23"},
};

static size_t count_events(const struct label_event *events)
{
	size_t count = 0;

	while (count < EVENTS_MAX && events[count].source)
		count++;
	return count;
}

static const char *or_none(const char *text)
{
	return text[0] ? text : "-";
}

static void each_sees_as_if_only_as_many_as_are_asked_had_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		struct label_event events[EVENTS_MAX];
		size_t count = count_events(examples[i].events);
		bool shown[EVENTS_MAX];
		char seen[TEXT_MAX], numbers[EVENTS_MAX + 1] = "";

		memcpy(events, examples[i].events, sizeof(events));
		for (size_t j = 0; j < count; j++)
			events[j].at = (int64_t)j + 1;
		struct gold_seen what = gold_see(events, count, "ada", examples[i].quorum, shown);
		snprintf(seen, sizeof(seen), "%s %s %s %d", or_none(what.label), sample_state_name(what.state), or_none(what.by),
		         (int)what.version);
		for (size_t j = 0; j < count; j++) {
			if (shown[j])
				snprintf(numbers + strlen(numbers), 2, "%zu", j + 1);
		}
		if (strcmp(seen, examples[i].seen) != 0 || strcmp(numbers, examples[i].shown) != 0)
			fail_msg("example %zu: %s, of the events %s", i, seen, numbers);
	}
}

static const struct {
	struct label_event events[EVENTS_MAX];
	int64_t undone;
	const char *votes; /* in the order in which they came */
	const char *known;
} folds[] = {
	{{KNOWN("cat"), SAYS("ada", "dog"), SAYS("bob", "cat")}, 0, "ada dog bob cat ", "cat"},
	{{KNOWN("cat"), SAYS("ada", "dog"), KNOWN("dog")}, 0, "ada dog ", "dog"},
	{{SEED("fox"), CORRECTS("ada", "dog"), KNOWN("cat")}, 0, "ada dog ", "cat"},
	{{KNOWN("cat"), SAYS("ada", "dog"), CORRECTS("ada", ""), SAYS("bob", "cat")}, 0, "bob cat ", "cat"},
	{{KNOWN("cat"), SAYS("ada", "dog"), SKIPS("ada")}, 0, "", "cat"},
	{{KNOWN("cat"), SAYS("ada", "dog"), SKIPS("ada")}, 3, "ada dog ", "cat"},
	{{KNOWN("cat"), SAYS("ada", "dog"), SAYS("ada", "cat"), UNDOES("ada", 3, "dog")}, 0, "ada dog ", "cat"},
	{{KNOWN("cat"), SAYS("ada", "cat"), MERGES("cat", "tabby")}, 0, "ada tabby ", "tabby"},
};

static void whatever_people_say_is_their_own_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(folds) / sizeof(*folds); i++) {
		struct rules_vote votes[EVENTS_MAX];
		struct rules_decision decision;
		char text[TEXT_MAX] = "";
		size_t count =
			rules_fold_gold(folds[i].events, count_events(folds[i].events), folds[i].undone, votes, &decision);

		for (size_t j = 0; j < count; j++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s ", votes[j].user, votes[j].label);
		if (strcmp(text, folds[i].votes) != 0 || strcmp(decision.label, folds[i].known) != 0 ||
		    decision.state != SAMPLE_LABELLED)
			fail_msg("example %zu: %s, and known is %s", i, text, decision.label);
	}
}

static void a_known_answer_is_no_event_that_an_undo_takes_back(void **state)
{
	static const struct label_event events[] = {SAYS("ada", "dog"), KNOWN("cat")};

	(void)state;
	assert_int_equal(rules_to_undo(events, 2, NULL), 1);
	assert_int_equal(rules_to_undo(events, 2, "ann"), RULES_NOTHING);
	assert_false(rules_gives(&events[1]));
}

static void it_is_offered_once_and_at_the_end_to_who_passed_it_on_until_then(void **state)
{
	const struct rules_quorum one = {1, 3}, two = {2, 4};

	(void)state;
	assert_int_equal(gold_answer_of(false, NULL, 0), GOLD_OPEN);
	assert_int_equal(gold_answer_of(true, "cat", 3), GOLD_DONE);
	assert_int_equal(gold_answer_of(true, NULL, 0), GOLD_DONE);
	assert_int_equal(gold_answer_of(true, NULL, RULES_VOTE_LATER), GOLD_LATER);
	assert_true(gold_may_offer(GOLD_OPEN, false, 0, one));
	assert_false(gold_may_offer(GOLD_OPEN, false, 1, one));
	assert_true(gold_may_offer(GOLD_OPEN, true, 1, two));
	assert_false(gold_may_offer(GOLD_LATER, false, 0, one));
	assert_true(gold_may_offer(GOLD_LATER, true, 0, one));
	assert_false(gold_may_offer(GOLD_DONE, true, 0, one));
}

static void it_is_due_as_often_as_the_policy_says(void **state)
{
	struct dataset_policy policy = dataset_policy_default();

	(void)state;
	for (policy.gold_rate = 0; policy.gold_rate <= 100; policy.gold_rate++) {
		int64_t due = 0;

		for (uint32_t random = 0; random < 100; random++)
			due += gold_is_due(&policy, random);
		assert_int_equal(due, policy.gold_rate);
		assert_int_equal(dataset_policy_shuffles(&policy), policy.gold_rate > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sees_as_if_only_as_many_as_are_asked_had_answered),
		cmocka_unit_test(whatever_people_say_is_their_own_answer),
		cmocka_unit_test(a_known_answer_is_no_event_that_an_undo_takes_back),
		cmocka_unit_test(it_is_offered_once_and_at_the_end_to_who_passed_it_on_until_then),
		cmocka_unit_test(it_is_due_as_often_as_the_policy_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
