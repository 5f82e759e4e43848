/* Contract: labels given, their history, and agreement among several people. */
#include "fixture.h"

static bool classify(struct dataset *dataset, const char *user, const char *filepath, const char *label)
{
	bool accepted;

	must(dataset_label_path(dataset, user, "/pictures", filepath, label, &accepted, &failure));
	return accepted;
}

static void a_label_given_to_a_task_is_the_samples(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;

	add_pictures(dataset, 2);
	struct task task = next_task(dataset, "ada");
	must(dataset_label_task(dataset, "ada", task.token, "dog", 1500, &sample, &failure));
	assert_int_equal(sample.id, 0);
	assert_string_equal(sample.filepath, picture(0));
	assert_string_equal(sample.label, "dog");
	assert_int_equal(sample.state, SAMPLE_LABELLED);
	assert_int_equal(sample.version, 1);
	assert_string_equal(sample.labelled_by, "ada");
	assert_true(sample.labelled_at > 0);
	sample_release(&sample);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_int_equal(leased(dataset), 0);
	assert_counts_true(dataset);
	task_release(&task);
}

static void an_unknown_label_is_refused_and_the_lease_stays(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	struct task task = next_task(dataset, "ada");
	refused(dataset_label_task(dataset, "ada", task.token, "fish", -1, NULL, &failure), ERR_UNPROCESSABLE);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_string_equal(history(dataset, 0), "");
	must(dataset_label_task(dataset, "ada", task.token, "cat", -1, NULL, &failure));
	task_release(&task);
}

static void a_label_just_added_can_be_given(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	struct dataset *theirs = open_dataset(other, "animals");
	bool created;
	int64_t key;

	add_pictures(fixture->dataset, 2);
	label_next(fixture->dataset, "ada", 0, "cat");
	must(dataset_label_add(theirs, "$fish.x", &key, &created, &failure));
	label_next(fixture->dataset, "ada", 1, "$fish.x"); /* by a handle opened before */
	assert_counts_true(fixture->dataset);
	dataset_close(theirs);
	dataset_store_free(other);
}

static void keep_last(void *data, const struct label_event *event)
{
	*(struct label_event *)data = (struct label_event){.at = event->at, .lead_time_ms = event->lead_time_ms};
}

static void each_label_is_an_event_oldest_first(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct label_event last;
	struct sample sample;

	add_pictures(dataset, 1);
	struct task task = next_task(dataset, "ada");
	must(dataset_label_task(dataset, "ada", task.token, "cat", 2500, NULL, &failure));
	must(dataset_history(dataset, 0, keep_last, &last, &failure));
	assert_int_equal(last.lead_time_ms, 2500);
	assert_true(classify(dataset, "bob", picture(0), "dog"));
	assert_true(classify(dataset, "bob", picture(0), "dog"));
	assert_string_equal(history(dataset, 0), "cat ada task; dog bob classify; dog bob classify");
	must(dataset_history(dataset, 0, keep_last, &last, &failure));
	assert_int_equal(last.lead_time_ms, -1);
	must(dataset_sample(dataset, 0, &sample, &failure));
	assert_int_equal(last.at, sample.labelled_at);
	assert_string_equal(sample.labelled_by, "bob");
	sample_release(&sample);
	assert_counts_true(dataset);
	task_release(&task);
}

static void classify_labels_by_path_whoever_holds_the_lease(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	struct task task = next_task(dataset, "ada");
	assert_true(classify(dataset, "bob", picture(0), "dog"));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	refused(dataset_label_task(dataset, "ada", task.token, "cat", -1, NULL, &failure), ERR_CONFLICT);
	assert_int_equal(leased(dataset), 0);
	assert_int_equal(next_id(dataset, "ada"), 1);
	task_release(&task);
}

static void classify_accepts_only_what_is_the_datasets(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	bool accepted;

	add_pictures(dataset, 1);
	assert_false(classify(dataset, "ada", picture(0), "fish"));
	assert_false(classify(dataset, "ada", picture(0), ""));
	assert_false(classify(dataset, "ada", picture(1), "cat"));
	assert_false(classify(dataset, "ada", "", "cat"));
	must(dataset_label_path(dataset, "ada", "/pictures/", picture(0), "cat", &accepted, &failure));
	assert_false(accepted);
	must(dataset_label_path(dataset, "ada", "", picture(0), "cat", &accepted, &failure));
	assert_false(accepted);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_string_equal(history(dataset, 0), "");
	assert_counts_true(dataset);
}

static void an_unreadable_sample_may_be_classified(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t count;

	add_pictures(dataset, 1);
	must(dataset_mark_unreadable(dataset, 0, &failure));
	assert_true(classify(dataset, "ada", picture(0), "cat"));
	must(dataset_retry_unreadable(dataset, &count, &failure));
	assert_int_equal(count, 0);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
}

/* --- several people a sample --------------------------------------------------------------------------------------- */

static struct dataset *surveyed(void **state, int overlap, int pictures)
{
	struct dataset_policy policy = dataset_policy_default();

	policy.overlap = overlap;
	struct dataset *dataset = make_dataset(*state, "surveyed", &policy);
	add_pictures(dataset, pictures);
	return dataset;
}

static void a_sample_is_labelled_once_enough_people_agree(void **state)
{
	struct dataset *dataset = surveyed(state, 3, 1);

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

static void without_a_majority_the_label_stays_empty(void **state)
{
	struct dataset *dataset = surveyed(state, 2, 1);
	struct task task;

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "bob", 0, "dog");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	refused(dataset_next(dataset, "cyd", &task, &failure), ERR_NOT_FOUND); /* it has had its two */
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void nobody_is_asked_twice(void **state)
{
	struct dataset *dataset = surveyed(state, 2, 2);
	struct task task;
	size_t taken;

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "ada", 1, "cat");
	refused(dataset_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	must(dataset_lease(dataset, "ada", 1, &task, &taken, &failure));
	assert_int_equal(taken, 0);
	assert_int_equal(next_id(dataset, "bob"), 0);
	refused(dataset_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND); /* bob's is not shared with her */
	label_next(dataset, "bob", 0, "cat");
	label_next(dataset, "bob", 1, "dog");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void no_task_shows_anothers_vote(void **state)
{
	struct dataset *dataset = surveyed(state, 2, 1);

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
	struct dataset *dataset = surveyed(state, 2, 1);

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
	struct dataset *dataset = surveyed(state, 2, 3);
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
	struct dataset *dataset = surveyed(state, 2, 3);
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
	struct dataset *dataset = surveyed(state, 2, 1);
	struct dataset_policy policy = {.overlap = 3};

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "bob", 0, "dog"); /* no majority */
	set_policy(dataset, &policy);
	label_next(dataset, "cyd", 0, "dog");
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void who_passed_it_on_does_not_count_as_a_vote(void **state)
{
	struct dataset *dataset = surveyed(state, 2, 1);
	struct task task = next_task(dataset, "ada");

	must(dataset_skip(dataset, "ada", task.token, DATASET_SKIP_REQUEUE_FOR_OTHERS, &failure));
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
		DATASET_TEST(a_label_given_to_a_task_is_the_samples),
		DATASET_TEST(an_unknown_label_is_refused_and_the_lease_stays),
		DATASET_TEST(a_label_just_added_can_be_given),
		DATASET_TEST(each_label_is_an_event_oldest_first),
		DATASET_TEST(classify_labels_by_path_whoever_holds_the_lease),
		DATASET_TEST(classify_accepts_only_what_is_the_datasets),
		DATASET_TEST(an_unreadable_sample_may_be_classified),
		STORE_TEST(a_sample_is_labelled_once_enough_people_agree),
		STORE_TEST(without_a_majority_the_label_stays_empty),
		STORE_TEST(nobody_is_asked_twice),
		STORE_TEST(no_task_shows_anothers_vote),
		STORE_TEST(whoever_changes_their_mind_still_counts_once),
		STORE_TEST(a_lower_overlap_decides_what_has_votes_enough),
		STORE_TEST(a_lower_overlap_holds_for_labels_on_their_way_by_the_old_one),
		STORE_TEST(a_higher_overlap_asks_more_people),
		STORE_TEST(who_passed_it_on_does_not_count_as_a_vote),
	};

	return RUN(tests);
}
