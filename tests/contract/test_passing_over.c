/* Contract: samples that somebody passes on, and samples whose files cannot be read. */
#include "fixture.h"

#include "dataset/move.h"

static void pass_over(struct dataset *dataset, const char *user, enum dataset_skip how)
{
	struct task task = next_task(dataset, user);

	must(lease_skip(dataset, user, task.token, how, &failure));
	assert_token_is_void(dataset, user, task.token);
	task_release(&task);
}

static void requeued_for_me_comes_again_at_the_end(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	pass_over(dataset, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	label_next(dataset, "ada", 1, "cat");
	pass_over(dataset, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	label_next(dataset, "ada", 0, "dog");
	label_next(dataset, "ada", 2, "dog");
	assert_string_equal(history(dataset, 0), "dog ada task");
	assert_counts_true(dataset);
}

enum { SKIPPERS = 24 };

struct skips {
	struct dataset *dataset;
	struct task tasks[SKIPPERS];
};

static void skip_own(void *data, int number)
{
	struct skips *skips = data;

	expect(lease_skip(skips->dataset, "ada", skips->tasks[number].token, DATASET_SKIP_REQUEUE_FOR_ME, &failure) == 0);
}

static void each_of_many_requeued_at_once_has_a_place_of_its_own(void **state)
{
	struct skips skips = {.dataset = ((struct fixture *)*state)->dataset};
	struct dataset_record *records;
	size_t count;

	add_pictures(skips.dataset, SKIPPERS);
	lease_tasks(skips.dataset, "ada", SKIPPERS, skips.tasks, SKIPPERS);
	run_threads(SKIPPERS, skip_own, &skips);
	must(dataset_records(skips.dataset, -1, SKIPPERS, &records, &count, &failure));
	assert_int_equal(count, SKIPPERS);
	for (size_t i = 0; i < count; i++) {
		assert_true(records[i].requeued > 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(records[i].requeued, records[j].requeued);
	}
	for (size_t i = 0; i < count; i++)
		dataset_record_release(&records[i]);
	free(records);
	tasks_release(skips.tasks, SKIPPERS);
}

static void in_random_order_too_it_comes_again_at_the_end(void **state)
{
	enum { ROUNDS = 40 }; /* what is random may come right by chance */
	struct dataset_policy policy = dataset_policy_default();

	policy.order = DATASET_ORDER_RANDOM;
	struct dataset *dataset = make_dataset(*state, "shuffled", &policy);
	add_pictures(dataset, ROUNDS);
	for (int i = 0; i < ROUNDS - 1; i++) { /* with ever fewer others */
		struct task skipped = next_task(dataset, "ada"), other;

		must(lease_skip(dataset, "ada", skipped.token, DATASET_SKIP_REQUEUE_FOR_ME, &failure));
		other = next_task(dataset, "ada");
		assert_int_not_equal(other.sample.id, skipped.sample.id);
		must(lease_label(dataset, "ada", other.token, "cat", -1, NULL, &failure));
		task_release(&skipped);
		task_release(&other);
	}
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void requeued_for_others_never_comes_to_me_again(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct task task;

	add_pictures(dataset, 2);
	pass_over(dataset, "ada", DATASET_SKIP_REQUEUE_FOR_OTHERS);
	label_next(dataset, "ada", 1, "cat");
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	lease_tasks(dataset, "ada", 1, &task, 0);
	assert_int_equal(next_id(dataset, "bob"), 0);
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND); /* not shared either */
	clock_advance(LEASE_SECONDS);
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
	label_next(dataset, "bob", 0, "dog");
	assert_counts_true(dataset);
}

static void an_ignored_sample_is_skipped_for_all(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;
	bool accepted;

	add_pictures(dataset, 2);
	pass_over(dataset, "ada", DATASET_SKIP_IGNORE);
	assert_sample(dataset, 0, "", SAMPLE_SKIPPED);
	must(dataset_sample(dataset, 0, &sample, &failure));
	assert_int_equal(sample.version, 1);
	sample_release(&sample);
	assert_int_equal(next_id(dataset, "bob"), 1);
	assert_int_equal(next_id(dataset, "ada"), 1); /* shared */
	assert_counts_true(dataset);
	must(dataset_label_path(dataset, "bob", "/pictures", picture(0), "cat", &accepted, &failure));
	assert_true(accepted);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
}

static void an_unreadable_sample_is_passed_over_and_its_leases_end(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	struct task task = next_task(dataset, "ada");
	must(dataset_mark_unreadable(dataset, 0, &failure));
	assert_token_is_void(dataset, "ada", task.token);
	assert_sample(dataset, 0, "", SAMPLE_UNREADABLE);
	assert_int_equal(next_id(dataset, "ada"), 1);
	assert_int_equal(next_id(dataset, "bob"), 2);
	assert_int_equal(next_id(dataset, "cyd"), 1); /* shared: 0 is not there */
	assert_counts_true(dataset);
	task_release(&task);
}

static void only_an_unlabelled_sample_becomes_unreadable(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	label_next(dataset, "ada", 0, "cat");
	pass_over(dataset, "ada", DATASET_SKIP_IGNORE);
	must(dataset_mark_unreadable(dataset, 0, &failure));
	must(dataset_mark_unreadable(dataset, 1, &failure));
	must(dataset_mark_unreadable(dataset, 99, &failure)); /* no effect */
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_sample(dataset, 1, "", SAMPLE_SKIPPED);
	assert_counts_true(dataset);
}

static void many_samples_are_marked_at_once_and_nothing_else(void **state)
{
	enum { MANY = 1200 }; /* more than a backend changes in one transaction */
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t ids[MANY], count;

	add_pictures(dataset, MANY);
	label_next(dataset, "ada", 0, "cat");
	for (int64_t i = 0; i < MANY - 1; i++)
		ids[i] = i; /* all but the last one */
	ids[MANY - 1] = MANY + 99; /* there is none */
	must(dataset_mark_all_unreadable(dataset, ids, MANY, &failure));
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_sample(dataset, 1, "", SAMPLE_UNREADABLE);
	assert_sample(dataset, MANY - 2, "", SAMPLE_UNREADABLE);
	assert_int_equal(next_id(dataset, "ada"), MANY - 1);
	assert_counts_true(dataset);
	must(dataset_mark_all_unreadable(dataset, ids, 0, &failure));
	must(dataset_retry_unreadable(dataset, &count, &failure));
	assert_int_equal(count, MANY - 2);
}

static void unreadable_samples_are_tried_again_when_told(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t count;

	add_pictures(dataset, 4);
	label_next(dataset, "ada", 0, "cat");
	must(dataset_mark_unreadable(dataset, 1, &failure));
	must(dataset_mark_unreadable(dataset, 2, &failure));
	must(dataset_retry_unreadable(dataset, &count, &failure));
	assert_int_equal(count, 2);
	assert_counts_true(dataset);
	label_next(dataset, "ada", 1, "cat");
	label_next(dataset, "ada", 2, "cat");
	must(dataset_retry_unreadable(dataset, &count, &failure));
	assert_int_equal(count, 0);
	assert_counts_true(dataset);
}

static void those_that_can_be_read_again_come_back_and_no_other(void **state)
{
	enum { SAMPLES = 7 };
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const int64_t marked[] = {1, 2, 4, 5}, back[] = {0, 2, 3, 5, SAMPLES}; /* 0 is labelled, 3 was never marked */
	struct sample *found;
	size_t count;

	add_pictures(dataset, SAMPLES);
	label_next(dataset, "ada", 0, "cat");
	must(dataset_mark_all_unreadable(dataset, marked, 4, &failure));
	must(dataset_unreadable(dataset, 1, 2, &found, &count, &failure));
	assert_int_equal(count, 2);
	assert_int_equal(found[0].id, 2);
	assert_int_equal(found[1].id, 4);
	for (size_t i = 0; i < count; i++)
		sample_release(&found[i]);
	free(found);
	must(dataset_mark_readable(dataset, back, 5, &failure));
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_sample(dataset, 1, "", SAMPLE_UNREADABLE);
	assert_sample(dataset, 2, "", SAMPLE_UNLABELLED);
	assert_sample(dataset, 4, "", SAMPLE_UNREADABLE);
	assert_counts_true(dataset);
	label_next(dataset, "ada", 2, "cat");
	label_next(dataset, "ada", 3, "cat");
	label_next(dataset, "ada", 5, "cat");
	must(dataset_unreadable(dataset, -1, 1000, &found, &count, &failure));
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		sample_release(&found[i]);
	free(found);
	must(dataset_mark_readable(dataset, NULL, 0, &failure));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(requeued_for_me_comes_again_at_the_end),
		DATASET_TEST(each_of_many_requeued_at_once_has_a_place_of_its_own),
		STORE_TEST(in_random_order_too_it_comes_again_at_the_end),
		DATASET_TEST(requeued_for_others_never_comes_to_me_again),
		DATASET_TEST(an_ignored_sample_is_skipped_for_all),
		DATASET_TEST(an_unreadable_sample_is_passed_over_and_its_leases_end),
		DATASET_TEST(only_an_unlabelled_sample_becomes_unreadable),
		DATASET_TEST(many_samples_are_marked_at_once_and_nothing_else),
		DATASET_TEST(unreadable_samples_are_tried_again_when_told),
		DATASET_TEST(those_that_can_be_read_again_come_back_and_no_other),
	};

	return RUN(tests);
}
