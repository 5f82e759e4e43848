/* What votes, decisions and the policy make of a sample, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	{{"ada cat", "bob dog", "cyd bird", "dan bird"}, 2, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "bob dog", "cyd bird", "dan bird", "eve bird"}, 2, SAMPLE_LABELLED, "bird", 0},
	{{"ada cat", "bob dog", "bob dog"}, 2, SAMPLE_UNLABELLED, "", 1},
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
	/* A decision that there is no label asks again; who has voted is not. */
	{{"ada cat", "cleared"}, 1, SAMPLE_UNLABELLED, "", 1},
	{{"ada cat", "cleared"}, 3, SAMPLE_UNLABELLED, "", 2},
	{{"ada cat", "cleared", "bob dog"}, 1, SAMPLE_LABELLED, "dog", 0},
};

struct said {
	struct rules_vote votes[VOTES_MAX];
	size_t count;
	struct rules_decision decision;
	char words[VOTES_MAX][16];
};

static void vote(struct said *said, const char *user, const char *label, int64_t n)
{
	size_t at = 0;

	while (at < said->count && strcmp(said->votes[at].user, user) != 0)
		at++;
	if (at == said->count)
		said->count++;
	said->votes[at] = (struct rules_vote){user, strcmp(label, "-") == 0 ? NULL : label, n, n};
}

static void read_example(const struct example *example, struct said *said)
{
	memset(said, 0, sizeof(*said));
	for (int i = 0; i < VOTES_MAX && example->said[i]; i++) {
		char *word = said->words[i], *label;

		snprintf(word, sizeof(said->words[i]), "%s", example->said[i]);
		label = strchr(word, ' ');
		if (label)
			*label++ = '\0';
		struct label_event event = {.label = label ? label : "", .by = strcmp(word, "seed") ? "ann" : "", .source = word};
		if (strcmp(word, "seed") == 0 || strcmp(word, "upload") == 0 || !label)
			said->decision = rules_decision_of(&event, i + 1);
		else
			vote(said, word, label, i + 1);
	}
}

static void the_state_is_a_function_of_votes_decisions_and_policy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		struct said said;

		read_example(&examples[i], &said);
		struct rules_outcome outcome = rules_outcome(said.votes, said.count, &said.decision, examples[i].overlap);
		if (outcome.state != examples[i].state || strcmp(outcome.label, examples[i].label) != 0 ||
		    outcome.wanted != examples[i].wanted)
			fail_msg("example %zu (%s …, overlap %d) gives state %d, label \"%s\", wanted %d", i,
			         examples[i].said[0] ? examples[i].said[0] : "nothing", (int)examples[i].overlap,
			         (int)outcome.state, outcome.label, (int)outcome.wanted);
	}
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
			struct rules_outcome outcome = rules_outcome(said.votes, said.count, &said.decision, examples[i].overlap);
			assert_string_equal(outcome.label, examples[i].label);
			assert_int_equal(outcome.state, examples[i].state);
		}
	}
}

static void it_tells_who_said_so_last(void **state)
{
	const struct rules_vote votes[] = {{"ada", "cat", 1, 100}, {"bob", "dog", 3, 300}, {"cyd", "cat", 2, 200}};
	const struct rules_decision none = {.made = false};

	(void)state;
	struct rules_outcome outcome = rules_outcome(votes, 3, &none, 3);
	assert_string_equal(outcome.by, "cyd");
	assert_int_equal(outcome.at, 200);
	outcome = rules_outcome(votes, 3, &none, 1);
	assert_string_equal(outcome.by, "bob");
	outcome = rules_outcome(votes, 2, &none, 2);
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
		cmocka_unit_test(it_tells_who_said_so_last),
		cmocka_unit_test(what_no_vote_explains_was_decided),
		cmocka_unit_test(each_lease_takes_a_place_until_none_is_left),
		cmocka_unit_test(tasks_and_classify_are_votes_and_nothing_else),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
