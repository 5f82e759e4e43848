/* What votes, decisions and the policy come to, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataset/rules.h"

enum { VOTES_MAX = 6 };

/* A history in short: "ada cat", "ada -" (passed it on), "seed cat", "skip", … in the order they came. */
struct example {
	const char *said[VOTES_MAX];
	int64_t overlap;
	enum sample_state state;
	const char *label;
	int64_t wanted;
};

static const struct example examples[] = {
	{{NULL}, 1, SAMPLE_UNLABELLED, "", 1},
	{{NULL}, 3, SAMPLE_UNLABELLED, "", 3},
	/* One is asked: the newest vote counts. */
	{{"ada cat"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "bob dog"}, 1, SAMPLE_LABELLED, "dog", 0},
	{{"ada cat", "bob dog", "ada cat"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "bob cat", "cyd dog"}, 1, SAMPLE_LABELLED, "dog", 0},
	{{"ada -"}, 1, SAMPLE_UNLABELLED, "", 1},
	/* Several are asked: more than half. */
	{{"ada cat"}, 3, SAMPLE_UNLABELLED, "", 2},
	{{"ada cat", "bob dog"}, 3, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "bob cat"}, 3, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "bob dog", "cyd dog"}, 3, SAMPLE_LABELLED, "dog", 0},
	{{"cyd dog", "ada cat", "bob dog"}, 3, SAMPLE_LABELLED, "dog", 0},
	{{"ada cat", "bob cat", "cyd dog"}, 2, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "ada cat"}, 2, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "ada dog", "bob dog"}, 2, SAMPLE_LABELLED, "dog", 0},
	{{"ada cat", "bob dog", "ada dog"}, 2, SAMPLE_LABELLED, "dog", 0},
	{{"ada -", "bob cat"}, 2, SAMPLE_UNLABELLED, "", 1},
	{{"ada -", "bob cat", "cyd cat"}, 2, SAMPLE_LABELLED, "cat", 0},
	/* No majority: one more, until there is one. */
	{{"ada cat", "bob dog"}, 2, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "bob dog", "cyd bird"}, 2, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "bob dog", "bob dog"}, 2, SAMPLE_UNLABELLED, "", 1},
	/* … or as many were asked as may be: then somebody has to decide. */
	{{"ada cat", "bob dog", "cyd bird", "dan bird"}, 2, SAMPLE_REVIEW, "", 0},
	{{"ada cat", "bob dog", "cyd bird", "dan fox"}, 2, SAMPLE_REVIEW, "", 0},
	{{"ada cat", "bob dog", "cyd bird", "dan bird", "eve bird"}, 2, SAMPLE_LABELLED, "bird", 0},
	{{"ada cat", "bob dog", "cyd bird", "dan bird", "eve fox"}, 2, SAMPLE_REVIEW, "", 0},
	{{"ada cat", "bob dog", "cyd bird", "dan bird", "ada bird"}, 2, SAMPLE_LABELLED, "bird", 0},
	/* What was decided stands until enough have voted, and agree. */
	{{"seed cat"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"seed cat"}, 3, SAMPLE_LABELLED, "cat", 0},
	{{"upload cat"}, 3, SAMPLE_LABELLED, "cat", 0},
	{{"seed cat", "ada dog"}, 1, SAMPLE_LABELLED, "dog", 0},
	{{"seed cat", "ada dog"}, 2, SAMPLE_LABELLED, "cat", 0},
	{{"seed cat", "ada cat"}, 2, SAMPLE_LABELLED, "cat", 0},
	{{"seed cat", "ada dog", "bob dog"}, 2, SAMPLE_LABELLED, "dog", 0},
	{{"seed cat", "ada dog", "bob bird"}, 2, SAMPLE_LABELLED, "cat", 0},
	{{"skip"}, 1, SAMPLE_SKIPPED, "", 0},
	{{"ada cat", "skip"}, 1, SAMPLE_SKIPPED, "", 0},
	{{"ada cat", "skip"}, 2, SAMPLE_SKIPPED, "", 0},
	{{"ada cat", "skip", "bob dog"}, 1, SAMPLE_LABELLED, "dog", 0},
	{{"ada cat", "skip", "bob cat"}, 2, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "skip", "bob dog"}, 2, SAMPLE_SKIPPED, "", 0},
	/* A decision that there is no label opens the sample anew: nobody has said anything. */
	{{"ada cat", "cleared"}, 1, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "cleared"}, 3, SAMPLE_UNLABELLED, "", 3},
	{{"ada cat", "bob cat", "cleared", "ada dog"}, 3, SAMPLE_UNLABELLED, "", 2},
	{{"ada cat", "cleared", "bob dog"}, 1, SAMPLE_LABELLED, "dog", 0},
	{{"seed cat", "cleared"}, 2, SAMPLE_UNLABELLED, "", 2},
	/* A label that was given directly stands as a seed's does. */
	{{"label cat"}, 3, SAMPLE_LABELLED, "cat", 0},
	{{"ada dog", "label cat"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"label cat", "ada dog"}, 1, SAMPLE_LABELLED, "dog", 0},
	{{"ada dog", "bob dog", "label cat"}, 2, SAMPLE_LABELLED, "cat", 0},
	/* What was taken back was never said, and taking back what had been taken away gives it again. */
	{{"ada cat", "undo 1"}, 1, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "undo 1"}, 3, SAMPLE_UNLABELLED, "", 3},
	{{"ada cat", "ada dog", "undo 2"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "bob dog", "undo 2"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "bob dog", "undo 2", "undo 1"}, 1, SAMPLE_UNLABELLED, "", 1},
	{{"seed cat", "ada dog", "undo 2"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"seed cat", "undo 1"}, 1, SAMPLE_UNLABELLED, "", 1},
	{{"upload cat", "undo 1", "ada dog"}, 1, SAMPLE_LABELLED, "dog", 0},
	{{"ada cat", "skip", "undo 2"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"skip", "undo 1"}, 2, SAMPLE_UNLABELLED, "", 2},
	{{"ada cat", "cleared", "undo 2"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "bob cat", "cleared", "undo 3"}, 2, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "cleared", "bob dog", "undo 3", "undo 2"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"label cat", "label dog", "undo 2"}, 1, SAMPLE_LABELLED, "cat", 0},
	{{"ada cat", "bob cat", "undo 1"}, 2, SAMPLE_UNLABELLED, "", 1},
	{{"ada dog", "bob cat", "cyd cat", "undo 1"}, 2, SAMPLE_LABELLED, "cat", 0},
	{{"ada -", "bob cat", "undo 1"}, 1, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "undo 9"}, 1, SAMPLE_LABELLED, "cat", 0}, /* of an event that is not there */
};

/* The same with an overlap_max. */
static const struct {
	struct example example;
	int64_t overlap_max;
} limited[] = {
	{{{"ada cat", "bob dog", "cyd bird", "dan bird"}, 2, SAMPLE_UNLABELLED, "", 1}, 5},
	{{{"ada cat", "bob dog", "cyd bird", "dan bird", "eve bird"}, 2, SAMPLE_LABELLED, "bird", 0}, 5},
	{{{"ada cat", "bob dog"}, 2, SAMPLE_REVIEW, "", 0}, 2},
	{{{"ada cat", "bob cat"}, 2, SAMPLE_LABELLED, "cat", 0}, 2},
	{{{"ada cat", "bob dog", "cyd bird"}, 2, SAMPLE_UNLABELLED, "", 1}, 4},
	{{{"ada cat", "bob dog", "cyd bird"}, 2, SAMPLE_REVIEW, "", 0}, 3},
	{{{"ada cat", "bob dog", "cyd -", "dan -"}, 2, SAMPLE_UNLABELLED, "", 1}, 3},
	{{{"ada cat", "bob dog", "label fox"}, 2, SAMPLE_LABELLED, "fox", 0}, 2},
	{{{"ada cat", "bob dog", "skip"}, 2, SAMPLE_SKIPPED, "", 0}, 2},
	{{{"ada cat", "bob dog", "cleared"}, 2, SAMPLE_UNLABELLED, "", 2}, 2},
	{{{"seed cat", "ada dog", "bob bird"}, 2, SAMPLE_LABELLED, "cat", 0}, 2},
	{{{"ada cat", "bob dog", "undo 2"}, 2, SAMPLE_UNLABELLED, "", 1}, 2},
	{{{"ada cat", "bob dog", "label fox", "undo 3"}, 2, SAMPLE_REVIEW, "", 0}, 2},
	{{{"ada cat", "bob dog"}, 1, SAMPLE_LABELLED, "dog", 0}, 2},
};

struct said {
	struct rules_vote votes[VOTES_MAX];
	size_t count;
	struct rules_decision decision;
	struct label_event events[VOTES_MAX];
	size_t event_count;
	char words[VOTES_MAX][16];
};

/* "undo 2" takes back the second event; a word alone, "skip" or "cleared", is a decision without a label. */
static struct label_event event_of(char *word, int64_t at)
{
	static const char *const decisions[] = {"seed", "upload", "label", "undo"};
	char *label = strchr(word, ' ');
	struct label_event event = {.label = "", .by = "ann", .source = word, .at = at};

	if (!label)
		return event;
	*label++ = '\0';
	event.label = label;
	for (size_t i = 0; i < sizeof(decisions) / sizeof(*decisions); i++) {
		if (strcmp(word, decisions[i]) != 0)
			continue;
		event.by = strcmp(word, "seed") ? "ann" : "";
		event.undoes = strcmp(word, "undo") ? 0 : strtol(label, NULL, 10);
		return event;
	}
	event.by = word;
	event.source = "task";
	return event;
}

static void read_example(const struct example *example, struct said *said)
{
	const struct rules_decision none = {.made = false};
	size_t events = 0, passed = 0;
	const char *passes[VOTES_MAX];

	memset(said, 0, sizeof(*said));
	for (int i = 0; i < VOTES_MAX && example->said[i]; i++) {
		snprintf(said->words[i], sizeof(said->words[i]), "%s", example->said[i]);
		said->events[events] = event_of(said->words[i], i + 1);
		if (strcmp(said->events[events].label, "-") == 0)
			passes[passed++] = said->words[i];
		else
			events++;
	}
	said->event_count = events;
	if (events > 0)
		said->count = rules_fold(said->events, events, RULES_NOTHING, &none, said->votes, &said->decision);
	for (size_t i = 0; i < passed; i++)
		said->votes[said->count++] = (struct rules_vote){.user = passes[i]};
}

static struct rules_quorum quorum_of(const struct example *example, int64_t overlap_max)
{
	const struct dataset_policy policy = {.overlap = example->overlap, .overlap_max = overlap_max};

	return rules_quorum_of(&policy);
}

static void assert_outcome(const struct example *example, int64_t overlap_max)
{
	struct said said;

	read_example(example, &said);
	struct rules_outcome outcome =
		rules_outcome(said.votes, said.count, &said.decision, quorum_of(example, overlap_max));
	if (outcome.state != example->state || strcmp(outcome.label, example->label) != 0 ||
	    outcome.wanted != example->wanted)
		fail_msg("%s, %s … (overlap %d, at most %d) gives state %d, label \"%s\", wanted %d",
		         example->said[0] ? example->said[0] : "nothing", example->said[0] && example->said[1] ? example->said[1] : "",
		         (int)example->overlap, (int)overlap_max, (int)outcome.state, outcome.label, (int)outcome.wanted);
}

static void the_state_is_a_function_of_votes_decisions_and_policy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
		assert_outcome(&examples[i], 0);
	for (size_t i = 0; i < sizeof(limited) / sizeof(*limited); i++)
		assert_outcome(&limited[i].example, limited[i].overlap_max);
}

static void above_one_the_order_of_votes_makes_no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		struct said said;

		read_example(&examples[i], &said);
		for (size_t turn = 0; turn < said.count && examples[i].overlap > 1; turn++) {
			struct rules_vote first = said.votes[0];

			memmove(said.votes, said.votes + 1, (said.count - 1) * sizeof(first));
			said.votes[said.count - 1] = first;
			struct rules_outcome outcome = rules_outcome(said.votes, said.count, &said.decision, quorum_of(&examples[i], 0));
			assert_string_equal(outcome.label, examples[i].label);
			assert_int_equal(outcome.state, examples[i].state);
		}
	}
}

/* What an undo would take back: anybody's, and ada's own. */
static const struct {
	const char *said[VOTES_MAX];
	int64_t anybodys, adas;
} undo_examples[] = {
	{{NULL}, RULES_NOTHING, RULES_NOTHING},
	{{"ada cat"}, 1, 1},
	{{"ada cat", "bob dog"}, 2, 1},
	{{"ada cat", "ada dog", "bob dog"}, 3, 2},
	{{"ada cat", "bob dog", "undo 2"}, 1, 1},
	{{"ada cat", "bob dog", "undo 2", "undo 1"}, RULES_NOTHING, RULES_NOTHING},
	{{"ada cat", "bob dog", "undo 2", "cyd dog"}, 4, 1},
	{{"ada cat", "undo 1", "ada dog", "undo 3"}, RULES_NOTHING, RULES_NOTHING},
	{{"seed cat"}, 1, RULES_NOTHING},
	{{"ada cat", "skip"}, 2, 1},
	{{"ada cat", "cleared"}, 2, RULES_NOTHING}, /* ann has opened it anew: what ada said counts no more */
	{{"ada cat", "cleared", "ada dog"}, 3, 3},
	{{"ada cat", "cleared", "undo 2"}, 1, 1},
	{{"bob cat", "ada -"}, 1, RULES_NOTHING},
};

static void an_undo_takes_back_the_newest_event_that_still_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(undo_examples) / sizeof(*undo_examples); i++) {
		struct example example = {.overlap = 1};
		struct said said;

		memcpy(example.said, undo_examples[i].said, sizeof(example.said));
		read_example(&example, &said);
		if (rules_to_undo(said.events, said.event_count, NULL) != undo_examples[i].anybodys ||
		    rules_to_undo(said.events, said.event_count, "ada") != undo_examples[i].adas)
			fail_msg("example %zu: another event is taken back", i);
	}
}

/* What ada says; and if the sample's answer is known, where nobody else ends that. */
static const struct {
	const char *said[VOTES_MAX];
	int64_t says, known;
} says_examples[] = {
	{{NULL}, RULES_NOTHING, RULES_NOTHING},
	{{"bob cat"}, RULES_NOTHING, RULES_NOTHING},
	{{"ada cat"}, 1, 1},
	{{"ada cat", "bob dog"}, 1, 1},
	{{"ada cat", "ada dog"}, 2, 2},
	{{"ada cat", "ada dog", "undo 2"}, 1, 1},
	{{"ada cat", "undo 1"}, RULES_NOTHING, RULES_NOTHING},
	{{"ada cat", "cleared"}, RULES_NOTHING, 1},
	{{"ada cat", "cleared", "undo 2"}, 1, 1},
};

static void what_somebody_says_is_the_newest_label_that_holds(void **state)
{
	const char *label;

	(void)state;
	for (size_t i = 0; i < sizeof(says_examples) / sizeof(*says_examples); i++) {
		struct example example = {.overlap = 1};
		struct said said;

		memcpy(example.said, says_examples[i].said, sizeof(example.said));
		read_example(&example, &said);
		if (rules_says(said.events, said.event_count, NULL, "ada", false, &label) != says_examples[i].says ||
		    rules_says(said.events, said.event_count, NULL, "ada", true, &label) != says_examples[i].known)
			fail_msg("example %zu: another event is found", i);
	}
}

static void what_somebody_says_is_what_its_label_was_merged_into(void **state)
{
	const struct label_event events[] = {
		{.label = "kitty", .by = "ada", .source = "task"},
		{.label = "dog", .by = "bob", .source = "task"},
		{.label = "cat", .by = "ann", .source = RULES_MERGE, .merged = "kitty"},
		{.label = "", .by = "ada", .source = "label"},
	};
	const bool shown[] = {true, true, true, false};
	const char *label;

	(void)state;
	assert_int_equal(rules_says(events, 3, NULL, "ada", false, &label), 1);
	assert_string_equal(label, "cat");
	assert_int_equal(rules_says(events, 3, NULL, "bob", false, &label), 2);
	assert_string_equal(label, "dog");
	assert_int_equal(rules_says(events, 4, NULL, "ada", false, &label), RULES_NOTHING);
	assert_int_equal(rules_says(events, 4, shown, "ada", false, &label), 1);
}

/* Whatever was said, each undo leads back to what was before the event that it takes back. */
static void undone_all_the_way_each_step_is_as_it_was(void **state)
{
	const struct rules_decision none = {.made = false};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		struct rules_vote then[VOTES_MAX], now[VOTES_MAX];
		struct rules_decision decided_then, decided_now;
		struct said said;

		read_example(&examples[i], &said);
		int64_t n = rules_to_undo(said.events, said.event_count, NULL);
		if (n == RULES_NOTHING || examples[i].overlap > 1) /* of several each takes back one's own, in any order */
			continue;
		size_t before = rules_fold(said.events, (size_t)n - 1, RULES_NOTHING, &none, then, &decided_then);
		size_t after = rules_fold(said.events, said.event_count, n, &none, now, &decided_now);
		struct rules_outcome was = rules_outcome(then, before, &decided_then, quorum_of(&examples[i], 0));
		struct rules_outcome is = rules_outcome(now, after, &decided_now, quorum_of(&examples[i], 0));
		assert_int_equal(is.state, was.state);
		assert_string_equal(is.label, was.label);
		assert_string_equal(is.by, was.by);
		assert_int_equal(is.at, was.at);
		assert_int_equal(is.wanted, was.wanted);
	}
}

static void a_label_that_is_noted_without_an_event_is_gone_back_to(void **state)
{
	const struct rules_decision noted = {.made = true, .state = SAMPLE_LABELLED, .label = "cat", .by = "", .at = 7};
	const struct label_event dog = {.label = "dog", .by = "ada", .source = "task", .at = 8};
	struct rules_decision decision;
	struct rules_vote votes[1];

	(void)state;
	assert_int_equal(rules_fold(&dog, 1, 1, &noted, votes, &decision), 0);
	struct rules_outcome outcome = rules_outcome(votes, 0, &decision, (struct rules_quorum){1, 1});
	assert_string_equal(outcome.label, "cat");
	assert_int_equal(outcome.at, 7);
}

static void it_tells_who_said_so_last(void **state)
{
	const struct rules_vote votes[] = {{"ada", "cat", 1, 100}, {"bob", "dog", 3, 300}, {"cyd", "cat", 2, 200}};
	const struct rules_decision none = {.made = false};

	(void)state;
	struct rules_outcome outcome = rules_outcome(votes, 3, &none, (struct rules_quorum){3, 5});
	assert_string_equal(outcome.by, "cyd");
	assert_int_equal(outcome.at, 200);
	outcome = rules_outcome(votes, 3, &none, (struct rules_quorum){1, 5});
	assert_string_equal(outcome.by, "bob");
	outcome = rules_outcome(votes, 2, &none, (struct rules_quorum){2, 5});
	assert_string_equal(outcome.by, "");
	assert_int_equal(outcome.at, 0);
}

static void what_no_vote_explains_was_decided(void **state)
{
	static char cat[] = "cat", ann[] = "ann";
	const struct rules_vote votes[] = {{"ada", NULL, 0, 5}, {"bob", "dog", 1, 6}};
	struct sample sample = {.state = SAMPLE_LABELLED, .label = cat, .labelled_by = ann, .labelled_at = 7};

	(void)state;
	struct rules_decision decision = rules_decision_implied(&sample, votes, 1);
	assert_true(decision.made);
	assert_string_equal(decision.label, "cat");
	assert_string_equal(decision.by, "ann");
	assert_false(rules_decision_implied(&sample, votes, 2).made);
	sample.state = SAMPLE_UNREADABLE;
	assert_false(rules_decision_implied(&sample, votes, 1).made);
}

static void each_lease_takes_a_place_until_none_is_left(void **state)
{
	const struct rules_outcome two = {.state = SAMPLE_UNLABELLED, .wanted = 2}, done = {.state = SAMPLE_LABELLED};

	(void)state;
	assert_int_equal(rules_places(&two, 0), 2);
	assert_int_equal(rules_places(&two, 1), 1);
	assert_int_equal(rules_places(&two, 2), 0);
	assert_int_equal(rules_places(&two, 3), 0); /* shared */
	assert_int_equal(rules_places(&done, 0), 0);
}

static const struct {
	enum sample_state state;
	int64_t places;
	bool done;
	int64_t leases;
	bool may;
} chosen[] = {
	{SAMPLE_UNLABELLED, 1, false, 0, true},
	{SAMPLE_UNLABELLED, 1, false, 1, true}, /* several are asked */
	{SAMPLE_UNLABELLED, 1, true, 0, false},
	{SAMPLE_UNLABELLED, 0, false, 0, false},
	{SAMPLE_UNLABELLED, 0, false, 1, false},
	{SAMPLE_LABELLED, 0, false, 0, true},
	{SAMPLE_LABELLED, 0, true, 0, true}, /* one may correct oneself */
	{SAMPLE_LABELLED, 0, false, 1, false},
	{SAMPLE_SKIPPED, 0, false, 0, true},
	{SAMPLE_SKIPPED, 0, true, 1, false},
	{SAMPLE_UNREADABLE, 1, false, 0, false},
	{SAMPLE_REVIEW, 0, false, 0, true},
	{SAMPLE_REVIEW, 0, false, 1, false},
};

static void a_chosen_sample_is_had_from_the_queue_or_to_be_corrected(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(chosen) / sizeof(*chosen); i++)
		assert_int_equal(rules_may_choose(chosen[i].state, chosen[i].places, chosen[i].done, chosen[i].leases),
		                 chosen[i].may);
}

static void tasks_and_classify_are_votes_and_nothing_else(void **state)
{
	(void)state;
	assert_true(rules_is_vote("task"));
	assert_true(rules_is_vote("classify"));
	assert_false(rules_is_vote("seed"));
	assert_false(rules_is_vote("upload"));
	assert_false(rules_is_vote("skip"));
	assert_string_equal(RULES_VOTE_SOURCES, "'task', 'classify'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_is_a_function_of_votes_decisions_and_policy),
		cmocka_unit_test(above_one_the_order_of_votes_makes_no_difference),
		cmocka_unit_test(an_undo_takes_back_the_newest_event_that_still_holds),
		cmocka_unit_test(what_somebody_says_is_the_newest_label_that_holds),
		cmocka_unit_test(what_somebody_says_is_what_its_label_was_merged_into),
		cmocka_unit_test(undone_all_the_way_each_step_is_as_it_was),
		cmocka_unit_test(a_label_that_is_noted_without_an_event_is_gone_back_to),
		cmocka_unit_test(it_tells_who_said_so_last),
		cmocka_unit_test(what_no_vote_explains_was_decided),
		cmocka_unit_test(each_lease_takes_a_place_until_none_is_left),
		cmocka_unit_test(a_chosen_sample_is_had_from_the_queue_or_to_be_corrected),
		cmocka_unit_test(tasks_and_classify_are_votes_and_nothing_else),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
