/* Agreement: kappa and alpha of published examples, and of many votes as others' programs compute them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "dataset/agreement.h"

enum { PEOPLE_MAX = 14, NONE = -1 };

struct pairs {
	struct agreement_pair *item;
	size_t count;
};

static void pairs_add(struct pairs *pairs, int64_t voters, int64_t a, int64_t b, int64_t count)
{
	pairs->item = memory_grow(pairs->item, pairs->count + 1, sizeof(*pairs->item));
	pairs->item[pairs->count++] = (struct agreement_pair){.voters = voters, .a = a, .b = b, .count = count};
}

/* All pairs of one sample's votes; NONE: that person did not vote. */
static void pairs_of_sample(struct pairs *pairs, const int *votes, int people)
{
	int64_t voters = 0;

	for (int i = 0; i < people; i++)
		voters += votes[i] != NONE;
	for (int i = 0; i < people; i++) {
		for (int j = i + 1; j < people; j++) {
			if (votes[i] != NONE && votes[j] != NONE)
				pairs_add(pairs, voters, votes[i], votes[j], 1);
		}
	}
}

static void equals(double is, double expected, const char *what)
{
	if (!(fabs(is - expected) < 1e-9))
		fail_msg("%s is %.15g, not %.15g", what, is, expected);
}

/* Fifty grants, read by two people: https://en.wikipedia.org/wiki/Cohen%27s_kappa */
static void cohen_of_a_published_example(void **state)
{
	static const struct agreement_pair pairs[] = {
		{.a = 1, .b = 1, .count = 20}, {.a = 1, .b = 0, .count = 5}, {.a = 0, .b = 1, .count = 10},
		{.a = 0, .b = 0, .count = 15}};
	int64_t n;

	(void)state;
	equals(agreement_cohen(pairs, 4, &n), 0.4, "kappa");
	assert_int_equal(n, 50);
}

/* Fourteen people and ten subjects: https://en.wikipedia.org/wiki/Fleiss%27_kappa */
static void fleiss_of_a_published_example(void **state)
{
	static const int given[10][5] = {{0, 0, 0, 0, 14}, {0, 2, 6, 4, 2}, {0, 0, 3, 5, 6}, {0, 3, 9, 2, 0},
	                                 {2, 2, 8, 1, 1},  {7, 7, 0, 0, 0}, {3, 2, 6, 3, 0}, {2, 5, 3, 2, 2},
	                                 {6, 5, 2, 1, 0},  {0, 2, 2, 3, 7}};
	struct pairs pairs = {.count = 0};

	(void)state;
	for (int subject = 0; subject < 10; subject++) {
		int votes[PEOPLE_MAX], people = 0;

		for (int label = 0; label < 5; label++) {
			for (int i = 0; i < given[subject][label]; i++)
				votes[people++] = label;
		}
		pairs_of_sample(&pairs, votes, people);
	}
	equals(agreement_fleiss(pairs.item, pairs.count), 0.20993070442195522, "kappa");
	free(pairs.item);
}

/* Example C of Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011: 0.743. */
static void krippendorff_of_a_published_example(void **state)
{
	static const int votes[12][4] = {{1, 1, NONE, 1}, {2, 2, 3, 2}, {3, 3, 3, 3}, {3, 3, 3, 3},
	                                 {2, 2, 2, 2},    {1, 2, 3, 4}, {4, 4, 4, 4}, {1, 1, 2, 1},
	                                 {2, 2, 2, 2},    {NONE, 5, 5, 5}, {NONE, NONE, 1, 1}, {NONE, NONE, 3, NONE}};
	struct pairs pairs = {.count = 0};

	(void)state;
	for (int i = 0; i < 12; i++)
		pairs_of_sample(&pairs, votes[i], 4);
	equals(agreement_krippendorff(pairs.item, pairs.count), 0.743421052631579, "alpha");
	free(pairs.item);
}

/* --- as others compute it ----------------------------------------------------------------------------------------- */

static uint32_t next_number(uint32_t *state)
{
	*state = (*state * 1103515245U + 12345U) & 0x7fffffffU;
	return *state >> 16;
}

/* By scikit-learn's cohen_kappa_score (of the first two people), statsmodels' fleiss_kappa (of the samples with the
 * most usual number of votes) and krippendorff's alpha (of all), for these votes: versions 1.9.1, 0.15.0, 0.9.0. */
static const struct made {
	uint32_t seed, samples, people, labels, missing;
	double cohen, fleiss, krippendorff;
	int64_t n;
} made[] = {
	{1, 50, 3, 4, 20, 0.328358208955224, 0.290279627163782, 0.355652173913043, 30},
	{2, 200, 5, 7, 40, 0.170731707317073, 0.249300300611589, 0.232275373391056, 68},
	{3, 30, 2, 2, 0, 0.714285714285714, 0.712918660287081, 0.717703349282297, 30},
	{4, 1000, 4, 3, 10, 0.44637672371775, 0.445549919997942, 0.439856895633031, 802},
};

static void make_votes(const struct made *of, uint32_t *state, int votes[PEOPLE_MAX])
{
	uint32_t truth = next_number(state) % of->labels;

	for (uint32_t person = 0; person < of->people; person++) {
		uint32_t chance = next_number(state) % 100, other = next_number(state) % of->labels;

		votes[person] = chance < of->missing ? NONE : (int)(chance < 70 ? truth : other);
	}
}

static void all_equal_what_others_compute(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		struct pairs all = {.count = 0}, two = {.count = 0};
		uint32_t random = made[i].seed;
		int votes[PEOPLE_MAX];
		int64_t n;

		for (uint32_t sample = 0; sample < made[i].samples; sample++) {
			make_votes(&made[i], &random, votes);
			pairs_of_sample(&all, votes, (int)made[i].people);
			pairs_of_sample(&two, votes, 2);
		}
		equals(agreement_cohen(two.item, two.count, &n), made[i].cohen, "Cohen's kappa");
		assert_int_equal(n, made[i].n);
		equals(agreement_fleiss(all.item, all.count), made[i].fleiss, "Fleiss' kappa");
		equals(agreement_krippendorff(all.item, all.count), made[i].krippendorff, "alpha");
		free(all.item);
		free(two.item);
	}
}

/* --- edges -------------------------------------------------------------------------------------------------------- */

static void nothing_is_defined_without_two_votes_or_two_labels(void **state)
{
	static const struct agreement_pair alike[] = {{.voters = 2, .a = 3, .b = 3, .count = 1000003},
	                                              {.voters = 3, .a = 3, .b = 3, .count = 300}};
	int64_t n;

	(void)state;
	assert_true(isnan(agreement_cohen(NULL, 0, &n)));
	assert_int_equal(n, 0);
	assert_true(isnan(agreement_fleiss(NULL, 0)));
	assert_true(isnan(agreement_krippendorff(NULL, 0)));
	assert_true(isnan(agreement_cohen(alike, 2, &n)));
	assert_int_equal(n, 1000303);
	assert_true(isnan(agreement_fleiss(alike, 2)));
	assert_true(isnan(agreement_krippendorff(alike, 2)));
}

static void perfect_agreement_on_two_labels_is_one(void **state)
{
	static const struct agreement_pair pairs[] = {{.voters = 2, .a = 0, .b = 0, .count = 1},
	                                              {.voters = 2, .a = 1, .b = 1, .count = 1}};
	int64_t n;

	(void)state;
	equals(agreement_cohen(pairs, 2, &n), 1, "Cohen's kappa");
	equals(agreement_fleiss(pairs, 2), 1, "Fleiss' kappa");
	equals(agreement_krippendorff(pairs, 2), 1, "alpha");
}

/* One of the samples with three votes has three pairs: two samples with two votes are more. */
static void fleiss_takes_the_number_of_votes_that_most_samples_have(void **state)
{
	static const struct agreement_pair pairs[] = {{.voters = 3, .a = 0, .b = 1, .count = 3},
	                                              {.voters = 2, .a = 0, .b = 0, .count = 1},
	                                              {.voters = 2, .a = 1, .b = 1, .count = 1}};
	static const struct agreement_pair equally[] = {{.voters = 3, .a = 0, .b = 0, .count = 3},
	                                                {.voters = 3, .a = 1, .b = 1, .count = 3},
	                                                {.voters = 2, .a = 0, .b = 1, .count = 2}};

	(void)state;
	equals(agreement_fleiss(pairs, 3), 1, "kappa");
	equals(agreement_fleiss(equally, 3), 1, "kappa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cohen_of_a_published_example),
		cmocka_unit_test(fleiss_of_a_published_example),
		cmocka_unit_test(krippendorff_of_a_published_example),
		cmocka_unit_test(all_equal_what_others_compute),
		cmocka_unit_test(nothing_is_defined_without_two_votes_or_two_labels),
		cmocka_unit_test(perfect_agreement_on_two_labels_is_one),
		cmocka_unit_test(fleiss_takes_the_number_of_votes_that_most_samples_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
