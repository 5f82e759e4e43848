/* Contract: agreement among several people, and what happens to it when the number of people asked changes. */
#include "fixture.h"

#include "dataset/correct.h"

static bool classify(struct dataset *dataset, const char *user, const char *filepath, const char *label)
{
	bool accepted;

	must(dataset_label_path(dataset, user, "/pictures", filepath, label, &accepted, &failure));
	return accepted;
}

static void a_sample_is_labelled_once_enough_people_agree(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 1);

	label_next(dataset, "ada", 0, "cat");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	label_next(dataset, "bob", 0, "dog");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	label_next(dataset, "cyd", 0, "cat");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "cat ada task; dog bob task; cat cyd task");
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void ask_at_most(struct dataset *dataset, int overlap, int most)
{
	struct dataset_policy policy = dataset_policy_default();

	policy.overlap = overlap;
	policy.overlap_max = most;
	set_policy(dataset, &policy);
}

static void without_a_majority_one_more_person_is_asked_until_there_is_one(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);
	struct task task;

	ask_at_most(dataset, 2, 5);
	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "bob", 0, "dog");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND); /* who has said what it is is not */
	task = next_task(dataset, "cyd");
	assert_string_equal(task.sample.labelled_by, "");
	task_release(&task);
	lease_tasks(dataset, "dan", 1, &task, 0); /* one */
	label_next(dataset, "cyd", 0, "bird");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	label_next(dataset, "dan", 0, "bird");
	label_next(dataset, "eve", 0, "bird");
	assert_sample(dataset, 0, "bird", SAMPLE_LABELLED);
	refused(lease_next(dataset, "fay", &task, &failure), ERR_NOT_FOUND);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

/* Two people, and then a third one, who agree on nothing. */
static struct dataset *disputed(struct fixture *fixture)
{
	struct dataset *dataset = surveyed(fixture, 2, 1);

	ask_at_most(dataset, 2, 3);
	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "bob", 0, "dog");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	label_next(dataset, "cyd", 0, "bird");
	assert_sample(dataset, 0, "", SAMPLE_REVIEW);
	assert_counts_true(dataset);
	return dataset;
}

static void after_so_many_without_a_majority_it_is_offered_to_nobody_but_in_review(void **state)
{
	struct dataset *dataset = disputed(*state);
	struct dataset_counts counts;
	struct task task;

	refused(lease_next(dataset, "dan", &task, &failure), ERR_NOT_FOUND);
	lease_tasks(dataset, "dan", 1, &task, 0);
	must(dataset_counts(dataset, &counts, &failure));
	assert_int_equal(counts.review, 1);
	assert_int_equal(counts.unlabelled, 0);
	must(dataset_mark_unreadable(dataset, 0, &failure));
	assert_sample(dataset, 0, "", SAMPLE_REVIEW);
	dataset_close(dataset);
}

static void a_review_ends_with_a_decision_and_begins_again_when_it_is_taken_back(void **state)
{
	struct dataset *dataset = disputed(*state);
	const struct correction ann = {.user = "ann"}, cyd = {.user = "cyd", .annotates = true};
	struct sample sample;

	must(sample_decide(dataset, 0, "dog", &ann, &sample, &failure));
	sample_release(&sample);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	must(sample_undo(dataset, 0, &ann, &sample, &failure));
	sample_release(&sample);
	assert_sample(dataset, 0, "", SAMPLE_REVIEW);
	must(sample_undo(dataset, 0, &cyd, &sample, &failure));
	sample_release(&sample);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED); /* one more is asked */
	label_next(dataset, "dan", 0, "dog");
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_review_ends_with_one_more_vote_for_a_majority(void **state)
{
	struct dataset *dataset = disputed(*state);
	const int64_t id = 0;
	struct task task;
	size_t taken;

	assert_true(classify(dataset, "dan", picture(0), "dog"));
	assert_sample(dataset, 0, "", SAMPLE_REVIEW);
	must(lease_take_chosen(dataset, "eve", &id, 1, &task, &taken, &failure));
	assert_int_equal(taken, 1);
	must(lease_label(dataset, "eve", task.token, "dog", -1, NULL, &failure));
	task_release(&task);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void whoever_may_be_asked_beyond_the_limit_decides_when_the_limit_is_raised(void **state)
{
	struct dataset *dataset = disputed(*state);

	ask_at_most(dataset, 2, 5);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_counts_true(dataset);
	ask_at_most(dataset, 2, 3);
	assert_sample(dataset, 0, "", SAMPLE_REVIEW);
	ask_at_most(dataset, 2, 5);
	label_next(dataset, "dan", 0, "dog");
	label_next(dataset, "eve", 0, "dog");
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void what_others_hold_ends_with_the_review(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);

	ask_at_most(dataset, 2, 2);
	label_next(dataset, "ada", 0, "cat");
	struct task bob = next_task(dataset, "bob"), cyd = next_task(dataset, "cyd"); /* shared */
	must(lease_label(dataset, "bob", bob.token, "dog", -1, NULL, &failure));
	assert_sample(dataset, 0, "", SAMPLE_REVIEW);
	assert_token_is_void(dataset, "cyd", cyd.token);
	task_release(&bob);
	task_release(&cyd);
	dataset_close(dataset);
}

static void a_limit_below_the_overlap_is_refused(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 0);
	const struct dataset_change three = {.fields = DATASET_POLICY_OVERLAP_MAX, .policy = {.overlap_max = 3}};
	const struct dataset_change four = {.fields = DATASET_POLICY_OVERLAP, .policy = {.overlap = 4}};
	struct dataset_place place;

	must(dataset_update(dataset, &three, &failure));
	refused(dataset_update(dataset, &four, &failure), ERR_BAD_REQUEST);
	assert_non_null(strstr(failure.text, "\"overlap_max\""));
	must(dataset_place_now(dataset, &place, &failure));
	assert_int_equal(place.policy.overlap, 2);
	assert_int_equal(place.policy.overlap_max, 3);
	dataset_place_release(&place);
	ask_at_most(dataset, 4, 4);
	dataset_close(dataset);
}

static void a_tie_leaves_what_others_hold_to_them(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);

	label_next(dataset, "ada", 0, "cat");
	struct task bob = next_task(dataset, "bob"), cyd = next_task(dataset, "cyd"); /* shared */
	must(lease_label(dataset, "bob", bob.token, "dog", -1, NULL, &failure));
	must(lease_label(dataset, "cyd", cyd.token, "dog", -1, NULL, &failure));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	task_release(&bob);
	task_release(&cyd);
	dataset_close(dataset);
}

static void nobody_is_asked_twice(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 2);
	struct task task;
	size_t taken;

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "ada", 1, "cat");
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	must(lease_take(dataset, "ada", 1, &task, &taken, &failure));
	assert_int_equal(taken, 0);
	assert_int_equal(next_id(dataset, "bob"), 0);
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND); /* bob's is not shared with her */
	label_next(dataset, "bob", 0, "cat");
	label_next(dataset, "bob", 1, "dog");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void no_task_shows_anothers_vote(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);

	label_next(dataset, "ada", 0, "cat");
	struct task task = next_task(dataset, "bob");
	assert_string_equal(task.sample.label, "");
	assert_string_equal(task.sample.labelled_by, "");
	assert_int_equal(task.sample.version, 0);
	task_release(&task);
	dataset_close(dataset);
}

static void whoever_changes_their_mind_still_counts_once(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);

	assert_true(classify(dataset, "ada", picture(0), "cat"));
	assert_true(classify(dataset, "ada", picture(0), "dog"));
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_true(classify(dataset, "bob", picture(0), "dog"));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "cat ada classify; dog ada classify; dog bob classify");
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_lower_overlap_decides_what_has_votes_enough(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 3);
	struct dataset_policy policy = dataset_policy_default();

	label_next(dataset, "ada", 0, "cat");
	set_policy(dataset, &policy);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_int_equal(next_id(dataset, "bob"), 1);
	assert_int_equal(next_id(dataset, "cyd"), 2);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_lower_overlap_holds_for_labels_on_their_way_by_the_old_one(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 3);
	struct dataset_store *other = another_store(*state);
	struct dataset_policy policy = dataset_policy_default();
	struct dataset *open_before;

	must(dataset_open(other, "surveyed", &open_before, &failure));
	assert_true(classify(open_before, "ada", picture(2), "cat")); /* it knows the labels now, too */
	set_policy(dataset, &policy);
	assert_true(classify(open_before, "ada", picture(0), "cat"));
	label_next(open_before, "bob", 1, "dog");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_sample(dataset, 1, "dog", SAMPLE_LABELLED);
	assert_sample(dataset, 2, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(open_before);
	dataset_store_free(other);
	dataset_close(dataset);
}

static void a_higher_overlap_asks_more_people(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);
	struct dataset_policy policy = {.overlap = 3};

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "bob", 0, "dog"); /* no majority */
	set_policy(dataset, &policy);
	label_next(dataset, "cyd", 0, "dog");
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void ask(struct dataset *dataset, int overlap)
{
	struct dataset_policy policy = dataset_policy_default();

	policy.overlap = overlap;
	set_policy(dataset, &policy);
}

static void votes_given_while_one_was_asked_count_when_more_are(void **state)
{
	struct dataset *dataset = surveyed(*state, 1, 2);

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "ada", 1, "cat");
	ask(dataset, 3);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_counts_true(dataset);
	label_next(dataset, "bob", 0, "dog");
	label_next(dataset, "cyd", 0, "dog");
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_true(classify(dataset, "bob", picture(1), "dog"));
	assert_true(classify(dataset, "cyd", picture(1), "dog"));
	assert_sample(dataset, 1, "dog", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 1), "cat ada task; dog bob classify; dog cyd classify");
	assert_counts_true(dataset);
	dataset_close(dataset);
}

/* The same three votes, with the policy changed before, between and after them. */
static void when_the_overlap_is_changed_makes_no_difference(void **state)
{
	enum { VOTES = 3 };
	static const char *const users[VOTES] = {"ada", "bob", "cyd"}, *const labels[VOTES] = {"cat", "dog", "dog"};
	struct dataset *dataset = surveyed(*state, 1, VOTES + 1);

	for (int first = 0; first <= VOTES; first++) {
		ask(dataset, 1);
		for (int i = 0; i <= VOTES; i++) {
			if (i == first)
				ask(dataset, 3);
			if (i < VOTES)
				assert_true(classify(dataset, users[i], picture(first), labels[i]));
		}
		assert_sample(dataset, first, "dog", SAMPLE_LABELLED);
	}
	ask(dataset, 4);
	for (int id = 0; id <= VOTES; id++)
		assert_sample(dataset, id, "", SAMPLE_UNLABELLED);
	assert_counts_true(dataset);
	ask(dataset, 2);
	for (int id = 0; id <= VOTES; id++)
		assert_sample(dataset, id, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_tie_is_not_stuck_when_one_is_asked(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);
	struct sample sample;

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "bob", 0, "dog");
	ask(dataset, 1);
	must(dataset_sample(dataset, 0, &sample, &failure));
	assert_string_equal(sample.label, "dog"); /* as if one had been asked all the time */
	assert_string_equal(sample.labelled_by, "bob");
	sample_release(&sample);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void whoever_says_the_same_again_takes_nothing_away(void **state)
{
	struct dataset *dataset = surveyed(*state, 1, 2);
	const struct dataset_seed seed = {"seeded.png", "bird"};
	struct dataset_merged merged = {0};

	must(dataset_merge(dataset, NULL, 0, &seed, 1, &merged, &failure));
	assert_true(classify(dataset, "ada", picture(0), "cat"));
	assert_true(classify(dataset, "ada", picture(0), "cat"));
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	ask(dataset, 2);
	assert_true(classify(dataset, "bob", picture(0), "cat"));
	assert_true(classify(dataset, "cyd", picture(0), "dog"));
	assert_true(classify(dataset, "ada", picture(0), "cat"));
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_true(classify(dataset, "ada", "seeded.png", "bird"));
	assert_sample(dataset, 2, "bird", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_seeds_label_stands_until_votes_agree_on_another(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 0);
	const struct dataset_seed seed = {"seeded.png", "bird"};
	struct dataset_merged merged = {0};
	struct task task;

	must(dataset_merge(dataset, NULL, 0, &seed, 1, &merged, &failure));
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	assert_true(classify(dataset, "ada", "seeded.png", "cat"));
	assert_sample(dataset, 0, "bird", SAMPLE_LABELLED);
	ask(dataset, 1);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	ask(dataset, 2);
	assert_sample(dataset, 0, "bird", SAMPLE_LABELLED);
	assert_true(classify(dataset, "bob", "seeded.png", "dog"));
	assert_sample(dataset, 0, "bird", SAMPLE_LABELLED);
	assert_true(classify(dataset, "cyd", "seeded.png", "dog"));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_sample_skipped_for_all_stays_so_whatever_the_overlap(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);

	label_next(dataset, "ada", 0, "cat");
	struct task task = next_task(dataset, "bob");
	must(lease_skip(dataset, "bob", task.token, DATASET_SKIP_IGNORE, &failure));
	for (int overlap = 1; overlap <= 3; overlap++) {
		ask(dataset, overlap);
		assert_sample(dataset, 0, "", SAMPLE_SKIPPED);
	}
	ask(dataset, 1);
	assert_true(classify(dataset, "cyd", picture(0), "dog"));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	task_release(&task);
	dataset_close(dataset);
}

struct many {
	struct dataset *dataset;
	int late, many;
};

/* One thread asks three; the other labels the last ones meanwhile. */
static void change_or_label(void *data, int number)
{
	const struct many *many = data;
	const struct dataset_change three = {.fields = DATASET_POLICY_OVERLAP, .policy = {.overlap = 3}};
	bool accepted;

	if (number == 0)
		expect(dataset_update(many->dataset, &three, &failure) == 0);
	for (int i = 0; i < many->late && number == 1; i++)
		expect(dataset_label_path(many->dataset, "ada", "/pictures", picture(many->many - 1 - i), "cat", &accepted,
		                          &failure) == 0);
}

/* More than one bite, with labels coming in between. */
static void a_change_of_overlap_is_right_while_others_label(void **state)
{
	enum { MANY = 1200, LATE = 100 };
	struct dataset *dataset = surveyed(*state, 1, MANY);
	struct many many = {.dataset = dataset, .late = LATE, .many = MANY};

	for (int i = 0; i < MANY - LATE; i += 50) {
		struct task tasks[50];

		lease_tasks(dataset, "ada", 50, tasks, 50);
		for (int j = 0; j < 50; j++) {
			must(lease_label(dataset, "ada", tasks[j].token, "cat", -1, NULL, &failure));
			task_release(&tasks[j]);
		}
	}
	run_threads(2, change_or_label, &many);
	for (int id = 0; id < MANY; id++)
		assert_sample(dataset, id, "", SAMPLE_UNLABELLED);
	assert_counts_true(dataset);
	assert_int_equal(next_id(dataset, "bob"), 0);
	ask(dataset, 1);
	for (int id = 0; id < MANY; id++)
		assert_sample(dataset, id, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

/* Whoever is ahead of the others by far gets what is open again before that, and what is new. */
static void who_is_ahead_misses_nothing(void **state)
{
	enum { AHEAD = 60 };
	struct dataset *dataset = surveyed(*state, 2, AHEAD);
	struct task task;
	int64_t count;

	for (int id = 0; id < AHEAD; id++) {
		if (id == 3)
			must(dataset_mark_unreadable(dataset, 3, &failure));
		else if (id != 5)
			assert_true(classify(dataset, "ada", picture(id), "cat"));
	}
	task = next_task(dataset, "ada");
	assert_int_equal(task.sample.id, 5);
	must(lease_give_back(dataset, "ada", task.token, &failure)); /* her own, given back, */
	task_release(&task);
	label_next(dataset, "ada", 5, "cat");
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	must(dataset_retry_unreadable(dataset, &count, &failure)); /* readable again, */
	label_next(dataset, "ada", 3, "cat");
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	add_pictures(dataset, AHEAD + 1); /* new, */
	task = next_task(dataset, "ada");
	assert_int_equal(task.sample.id, AHEAD);
	must(lease_skip(dataset, "ada", task.token, DATASET_SKIP_REQUEUE_FOR_ME, &failure)); /* put to the end, */
	task_release(&task);
	assert_int_equal(next_id(dataset, "ada"), AHEAD);
	clock_advance(LEASE_SECONDS); /* run out, */
	label_next(dataset, "ada", AHEAD, "cat");
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	label_next(dataset, "bob", 0, "dog"); /* and what others do is nothing to her */
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	assert_int_equal(next_id(dataset, "bob"), 1);
	dataset_close(dataset);
}

static void who_is_ahead_in_a_random_order_misses_nothing_new(void **state)
{
	enum { AHEAD = 60, ROUNDS = 10 };
	struct dataset *dataset = surveyed(*state, 2, AHEAD);
	struct dataset_policy policy = {.overlap = 2, .order = DATASET_ORDER_RANDOM};
	struct task task;

	set_policy(dataset, &policy);
	for (int id = 0; id < AHEAD; id++)
		assert_true(classify(dataset, "ada", picture(id), "cat"));
	for (int i = 0; i < ROUNDS; i++) {
		refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
		add_pictures(dataset, AHEAD + i + 1);
		label_next(dataset, "ada", AHEAD + i, "cat");
	}
	dataset_close(dataset);
}

static void who_passed_it_on_does_not_count_as_a_vote(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);
	struct task task = next_task(dataset, "ada");

	must(lease_skip(dataset, "ada", task.token, DATASET_SKIP_REQUEUE_FOR_OTHERS, &failure));
	label_next(dataset, "bob", 0, "cat");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	label_next(dataset, "cyd", 0, "cat");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	task_release(&task);
	dataset_close(dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_sample_is_labelled_once_enough_people_agree),
		STORE_TEST(without_a_majority_one_more_person_is_asked_until_there_is_one),
		STORE_TEST(after_so_many_without_a_majority_it_is_offered_to_nobody_but_in_review),
		STORE_TEST(a_review_ends_with_a_decision_and_begins_again_when_it_is_taken_back),
		STORE_TEST(a_review_ends_with_one_more_vote_for_a_majority),
		STORE_TEST(whoever_may_be_asked_beyond_the_limit_decides_when_the_limit_is_raised),
		STORE_TEST(what_others_hold_ends_with_the_review),
		STORE_TEST(a_limit_below_the_overlap_is_refused),
		STORE_TEST(a_tie_leaves_what_others_hold_to_them),
		STORE_TEST(nobody_is_asked_twice),
		STORE_TEST(no_task_shows_anothers_vote),
		STORE_TEST(whoever_changes_their_mind_still_counts_once),
		STORE_TEST(a_lower_overlap_decides_what_has_votes_enough),
		STORE_TEST(a_lower_overlap_holds_for_labels_on_their_way_by_the_old_one),
		STORE_TEST(a_higher_overlap_asks_more_people),
		STORE_TEST(votes_given_while_one_was_asked_count_when_more_are),
		STORE_TEST(when_the_overlap_is_changed_makes_no_difference),
		STORE_TEST(a_tie_is_not_stuck_when_one_is_asked),
		STORE_TEST(whoever_says_the_same_again_takes_nothing_away),
		STORE_TEST(a_seeds_label_stands_until_votes_agree_on_another),
		STORE_TEST(a_sample_skipped_for_all_stays_so_whatever_the_overlap),
		STORE_TEST(a_change_of_overlap_is_right_while_others_label),
		STORE_TEST(who_is_ahead_misses_nothing),
		STORE_TEST(who_is_ahead_in_a_random_order_misses_nothing_new),
		STORE_TEST(who_passed_it_on_does_not_count_as_a_vote),
	};

	return RUN(tests);
}
