/* Contract: labels given, and their history. */
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
	must(lease_label(dataset, "ada", task.token, "dog", 1500, &sample, &failure));
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
	refused(lease_label(dataset, "ada", task.token, "fish", -1, NULL, &failure), ERR_UNPROCESSABLE);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_string_equal(history(dataset, 0), "");
	must(lease_label(dataset, "ada", task.token, "cat", -1, NULL, &failure));
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
	must(lease_label(dataset, "ada", task.token, "cat", 2500, NULL, &failure));
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

static void a_request_that_comes_again_is_one_event(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;
	bool accepted;

	add_pictures(dataset, 2);
	for (int i = 0; i < 2; i++) {
		must(dataset_label_path_once(dataset, "ada", "/pictures", picture(0), "cat", "r1", &accepted, &failure));
		assert_true(accepted);
	}
	assert_string_equal(history(dataset, 0), "cat ada classify");
	/* Another label came meanwhile. */
	must(dataset_label_path_once(dataset, "ada", "/pictures", picture(0), "dog", "r2", &accepted, &failure));
	must(dataset_label_path_once(dataset, "ada", "/pictures", picture(0), "cat", "r1", &accepted, &failure));
	assert_true(accepted);
	assert_string_equal(history(dataset, 0), "cat ada classify; dog ada classify");
	/* Other requests, another user's, and another sample's are other ones. */
	must(dataset_label_path_once(dataset, "ada", "/pictures", picture(0), "dog", "r3", &accepted, &failure));
	must(dataset_label_path_once(dataset, "bob", "/pictures", picture(0), "dog", "r1", &accepted, &failure));
	must(dataset_label_path_once(dataset, "ada", "/pictures", picture(1), "dog", "r1", &accepted, &failure));
	assert_string_equal(history(dataset, 1), "dog ada classify");
	assert_string_equal(history(dataset, 0),
	                    "cat ada classify; dog ada classify; dog ada classify; dog bob classify");
	must(dataset_sample(dataset, 0, &sample, &failure));
	assert_string_equal(sample.labelled_by, "bob");
	sample_release(&sample);
}

static void a_task_labelled_by_a_request_that_comes_again_is_answered_again(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;

	add_pictures(dataset, 1);
	struct task task = next_task(dataset, "ada");
	for (int i = 0; i < 2; i++) {
		must(lease_label_once(dataset, "ada", task.token, "cat", 7, "r1", &sample, &failure));
		assert_string_equal(sample.label, "cat");
		assert_int_equal(sample.version, 1);
		sample_release(&sample);
	}
	assert_string_equal(history(dataset, 0), "cat ada task");
	refused(lease_label_once(dataset, "ada", task.token, "cat", 7, "r2", &sample, &failure), ERR_CONFLICT);
	refused(lease_label_once(dataset, "bob", task.token, "cat", 7, "r1", &sample, &failure), ERR_CONFLICT);
	assert_token_is_void(dataset, "ada", task.token);
	task_release(&task);
}

static void classify_labels_by_path_whoever_holds_the_lease(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	struct task task = next_task(dataset, "ada");
	assert_true(classify(dataset, "bob", picture(0), "dog"));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	refused(lease_label(dataset, "ada", task.token, "cat", -1, NULL, &failure), ERR_CONFLICT);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(a_label_given_to_a_task_is_the_samples),
		DATASET_TEST(an_unknown_label_is_refused_and_the_lease_stays),
		DATASET_TEST(a_label_just_added_can_be_given),
		DATASET_TEST(each_label_is_an_event_oldest_first),
		DATASET_TEST(a_request_that_comes_again_is_one_event),
		DATASET_TEST(a_task_labelled_by_a_request_that_comes_again_is_answered_again),
		DATASET_TEST(classify_labels_by_path_whoever_holds_the_lease),
		DATASET_TEST(classify_accepts_only_what_is_the_datasets),
		DATASET_TEST(an_unreadable_sample_may_be_classified),
	};

	return RUN(tests);
}
