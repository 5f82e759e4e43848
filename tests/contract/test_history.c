/* Contract: labels given directly, taken away, undone. */
#include "fixture.h"

#include <string.h>

#include "dataset/label.h"
#include "saying.h"

static const struct correction ada = {.user = "ada"}, bob = {.user = "bob"};
static const struct correction one_of_several = {.user = "ada", .annotates = true};

/* --- giving and taking -------------------------------------------------------------------------------------------- */

static void a_label_is_given_directly(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	decide(dataset, 1, "cat", &ada);
	assert_sample(dataset, 1, "cat", SAMPLE_LABELLED);
	decide(dataset, 1, "dog", &bob);
	assert_sample(dataset, 1, "dog", SAMPLE_LABELLED);
	struct sample sample = sample_of(dataset, 1);
	assert_string_equal(sample.labelled_by, "bob");
	assert_int_equal(sample.version, 2);
	sample_release(&sample);
	assert_string_equal(history(dataset, 1), "cat ada label; dog bob label");
	assert_int_equal(next_id(dataset, "cyd"), 0);
	assert_int_equal(next_id(dataset, "dan"), 0); /* shared: the other has its label */
	assert_counts_true(dataset);
}

static void what_is_not_there_is_refused_and_nothing_changes(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;

	add_pictures(dataset, 1);
	refused(sample_decide(dataset, 0, "cow", &ada, &sample, &failure), ERR_UNPROCESSABLE);
	assert_non_null(strstr(failure.text, "cow"));
	for (int i = 0; i < 3; i++) {
		const int64_t ids[] = {1, -1, INT64_MAX};

		refused(sample_decide(dataset, ids[i], "cat", &ada, &sample, &failure), ERR_NOT_FOUND);
		refused(sample_undo(dataset, ids[i], &ada, &sample, &failure), ERR_NOT_FOUND);
	}
	refused(sample_decide(dataset, 0, "a\nb", &ada, &sample, &failure), ERR_BAD_REQUEST);
	assert_string_equal(history(dataset, 0), "");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
}

static void a_label_for_another_version_is_a_conflict_that_says_what_is(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct correction first = {.user = "ada", .of_version = true, .version = 0};
	struct sample sample;

	add_pictures(dataset, 1);
	decide(dataset, 0, "cat", &first);
	refused(sample_decide(dataset, 0, "dog", &first, &sample, &failure), ERR_CONFLICT);
	assert_string_equal(failure.text, "Sample 0 is at version 1 by now, labelled cat");
	refused(sample_undo(dataset, 0, &first, &sample, &failure), ERR_CONFLICT);
	decide(dataset, 0, "", &bob);
	refused(sample_decide(dataset, 0, "dog", &first, &sample, &failure), ERR_CONFLICT);
	assert_string_equal(failure.text, "Sample 0 is at version 2 by now, without a label");
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
}

static void a_label_in_the_other_spelling_is_the_datasets(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;
	bool created;
	int64_t key;

	add_pictures(dataset, 1);
	must(dataset_label_add(dataset, "caf\u00e9", &key, &created, &failure));
	must(sample_decide(dataset, 0, "cafe\u0301", &ada, &sample, &failure));
	assert_string_equal(sample.label, "caf\u00e9");
	sample_release(&sample);
}

static void what_loses_its_label_is_in_the_queue_for_everybody(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	label_next(dataset, "ada", 0, "cat");
	decide(dataset, 0, "", &bob);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	struct sample sample = sample_of(dataset, 0);
	assert_string_equal(sample.labelled_by, "");
	assert_int_equal(sample.labelled_at, 0);
	assert_int_equal(sample.version, 2);
	sample_release(&sample);
	label_next(dataset, "ada", 0, "dog"); /* whose first label is forgotten */
	assert_string_equal(history(dataset, 0), "cat ada task;  bob label; dog ada task");
	assert_counts_true(dataset);
}

static void a_skipped_sample_is_opened_anew(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	struct task task = next_task(dataset, "ada");
	must(lease_skip(dataset, "ada", task.token, DATASET_SKIP_IGNORE, &failure));
	task_release(&task);
	decide(dataset, 0, "", &bob);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_int_equal(next_id(dataset, "ada"), 0);
}

static void a_lease_of_what_is_decided_ends(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	struct task task = next_task(dataset, "ada");
	decide(dataset, 0, "cat", &bob);
	assert_int_equal(leased(dataset), 0);
	assert_token_is_void(dataset, "ada", task.token);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	task_release(&task);
	decide(dataset, 0, "", &bob);
	task = next_task(dataset, "ada");
	decide(dataset, 0, "", &bob); /* it had none: whoever works at it goes on */
	must(lease_label(dataset, "ada", task.token, "dog", -1, NULL, &failure));
	task_release(&task);
	assert_counts_true(dataset);
}

/* --- undoing ------------------------------------------------------------------------------------------------------ */

static void undo_goes_back_step_by_step_to_exactly_what_was(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample before[5];

	add_pictures(dataset, 1);
	before[0] = sample_of(dataset, 0);
	clock_advance(10);
	label_next(dataset, "ada", 0, "cat");
	before[1] = sample_of(dataset, 0);
	clock_advance(10);
	assert_true(classify(dataset, "bob", 0, "dog"));
	before[2] = sample_of(dataset, 0);
	decide(dataset, 0, "", &ada);
	before[3] = sample_of(dataset, 0);
	decide(dataset, 0, "bird", &bob);
	before[4] = sample_of(dataset, 0);
	for (int step = 3; step >= 0; step--) {
		struct sample sample;

		must(sample_undo(dataset, 0, &bob, &sample, &failure));
		assert_string_equal(sample.label, before[step].label);
		assert_int_equal(sample.state, before[step].state);
		assert_string_equal(sample.labelled_by, before[step].labelled_by);
		assert_int_equal(sample.labelled_at, before[step].labelled_at);
		assert_int_equal(sample.version, before[4].version + 4 - step);
		sample_release(&sample);
		assert_counts_true(dataset);
	}
	nothing_to_undo(dataset, 0, &ada);
	assert_string_equal(history(dataset, 0), "cat ada task; dog bob classify;  ada label; bird bob label;"
	                                         "  bob undo; dog bob undo; cat bob undo;  bob undo");
	for (int i = 0; i < 5; i++)
		sample_release(&before[i]);
	label_next(dataset, "ada", 0, "bird"); /* offered again, to whoever labelled it, too */
	assert_string_equal(undo(dataset, 0, &ada), " unlabelled  10");
}

static void after_an_undo_one_labels_on_and_undoes_that(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	decide(dataset, 0, "cat", &ada);
	decide(dataset, 0, "dog", &ada);
	assert_string_equal(undo(dataset, 0, &ada), "cat labelled ada 3");
	decide(dataset, 0, "bird", &bob);
	assert_string_equal(undo(dataset, 0, &ada), "cat labelled ada 5");
	assert_string_equal(undo(dataset, 0, &ada), " unlabelled  6");
	nothing_to_undo(dataset, 0, &ada);
}

static void the_labels_of_seeds_and_uploads_can_be_undone(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_merged merged = {0};
	const struct dataset_image image = {.filepath = "sent.png", .label = "dog", .blob_key = "k", .type = "image/png",
	                                    .sha256 = "00ff", .filename = "", .url = "", .bytes = 1, .user = "eve"};
	struct sample sample;
	bool duplicate;

	must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){"seeded.png", "cat"}, 1, &merged, &failure));
	must(dataset_add_image(dataset, &image, 0, &sample, &duplicate, &failure));
	sample_release(&sample);
	decide(dataset, 0, "bird", &ada);
	assert_string_equal(undo(dataset, 0, &ada), "cat labelled  2");
	assert_string_equal(undo(dataset, 0, &ada), " unlabelled  3");
	nothing_to_undo(dataset, 0, &ada);
	assert_string_equal(undo(dataset, 1, &ada), " unlabelled  1");
	must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){"seeded.png", "cat"}, 1, &merged, &failure));
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED); /* what was taken back the seed does not bring back */
	assert_counts_true(dataset);
}

static void a_label_that_came_without_an_event_is_gone_back_to(void **state)
{
	struct dataset *dataset = without_events(*state, "cat", "", 0);

	assert_string_equal(history(dataset, 0), "");
	decide(dataset, 0, "dog", &ada);
	assert_string_equal(history(dataset, 0), "cat  seed; dog ada label");
	assert_string_equal(undo(dataset, 0, &ada), "cat labelled  5");
	assert_string_equal(undo(dataset, 0, &ada), " unlabelled  6");
	nothing_to_undo(dataset, 0, &ada);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void and_can_itself_be_undone(void **state)
{
	struct dataset *dataset = without_events(*state, "cat", "ann", 1234567);

	assert_string_equal(undo(dataset, 0, &ada), " unlabelled  4");
	nothing_to_undo(dataset, 0, &ada);
	assert_string_equal(history(dataset, 0), "cat ann seed;  ada undo");
	dataset_close(dataset);
}

static void whoever_gave_it_and_when_is_as_it_was(void **state)
{
	struct dataset *dataset = without_events(*state, "cat", "ann", 1234567);
	bool accepted;

	must(dataset_label_path(dataset, "bob", "/pictures", "old.png", "dog", &accepted, &failure));
	assert_string_equal(undo(dataset, 0, &ada), "cat labelled ann 5");
	struct sample sample = sample_of(dataset, 0);
	assert_int_equal(sample.labelled_at, 1234567);
	sample_release(&sample);
	dataset_close(dataset);
}

static void a_skip_can_be_undone(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	struct task task = next_task(dataset, "ada");
	must(lease_skip(dataset, "ada", task.token, DATASET_SKIP_IGNORE, &failure));
	task_release(&task);
	assert_sample(dataset, 0, "", SAMPLE_SKIPPED);
	assert_string_equal(undo(dataset, 0, &ada), " unlabelled  2");
	assert_int_equal(next_id(dataset, "ada"), 0);
	nothing_to_undo(dataset, 1, &ada);
	assert_counts_true(dataset);
}

static void an_undo_that_gives_a_label_again_ends_leases(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	decide(dataset, 0, "cat", &ada);
	decide(dataset, 0, "", &ada);
	struct task task = next_task(dataset, "bob");
	assert_string_equal(undo(dataset, 0, &ada), "cat labelled ada 3");
	assert_token_is_void(dataset, "bob", task.token);
	task_release(&task);
	assert_int_equal(leased(dataset), 0);
}

static void an_unreadable_sample_may_be_labelled_and_undone(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	must(dataset_mark_unreadable(dataset, 0, &failure));
	decide(dataset, 0, "cat", &ada);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	undo(dataset, 0, &ada);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_counts_true(dataset);
}

enum { CAT, DOG, BIRD }; /* keys of the fixture's labels */

static void what_was_merged_is_undone_by_its_present_name(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	const struct label_change named = {.name = "hound"};

	add_pictures(dataset, 1);
	decide(dataset, 0, "cat", &ada);
	decide(dataset, 0, "dog", &ada);
	assert_true(classify(dataset, "bob", 0, "cat"));
	must(dataset_label_merge(dataset, CAT, BIRD, "eve", &failure));
	assert_sample(dataset, 0, "bird", SAMPLE_LABELLED);
	must(dataset_label_change(dataset, DOG, &named, &failure));
	assert_int_equal(strncmp(undo(dataset, 0, &ada), "hound labelled ada", 18), 0);
	assert_int_equal(strncmp(undo(dataset, 0, &ada), "bird labelled ada", 17), 0);
	assert_int_equal(strncmp(undo(dataset, 0, &ada), " unlabelled ", 12), 0);
	nothing_to_undo(dataset, 0, &ada);
	assert_counts_true(dataset);
}

static void undo_by_the_same_request_happens_once(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct correction once = {.user = "ada", .request = "r1"}, other = {.user = "bob", .request = "r1"};

	add_pictures(dataset, 1);
	decide(dataset, 0, "cat", &bob);
	decide(dataset, 0, "dog", &bob);
	decide(dataset, 0, "bird", &bob);
	assert_string_equal(undo(dataset, 0, &once), "dog labelled bob 4");
	assert_string_equal(undo(dataset, 0, &once), "dog labelled bob 4");
	assert_string_equal(undo(dataset, 0, &other), "cat labelled bob 5");
}

struct race {
	struct dataset *dataset;
	int undone[16];
};

static void undo_one(void *data, int number)
{
	struct race *race = data;
	struct sample sample;

	race->undone[number] = sample_undo(race->dataset, 0, &ada, &sample, &failure) == 0;
	if (race->undone[number])
		sample_release(&sample);
	else
		expect(failure.code == ERR_CONFLICT);
}

static void undone_at_once_each_takes_back_another_event(void **state)
{
	struct race race = {.dataset = ((struct fixture *)*state)->dataset};
	int undone = 0;

	add_pictures(race.dataset, 1);
	for (int i = 0; i < 10; i++)
		decide(race.dataset, 0, i % 2 ? "cat" : "dog", &bob);
	run_threads(16, undo_one, &race);
	for (int i = 0; i < 16; i++)
		undone += race.undone[i];
	assert_int_equal(undone, 10);
	assert_sample(race.dataset, 0, "", SAMPLE_UNLABELLED);
	assert_counts_true(race.dataset);
}

/* --- where several are asked -------------------------------------------------------------------------------------- */

static void of_several_each_takes_back_only_what_that_one_said(void **state)
{
	struct dataset *dataset = surveyed(*state, 3, 1);
	struct sample sample;

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "bob", 0, "cat");
	refused(sample_decide(dataset, 0, "dog", &one_of_several, &sample, &failure), ERR_FORBIDDEN);
	assert_string_equal(undo(dataset, 0, &one_of_several), " unlabelled  0");
	nothing_to_undo(dataset, 0, &one_of_several);
	label_next(dataset, "ada", 0, "dog"); /* asked again */
	label_next(dataset, "cyd", 0, "dog");
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_string_equal(undo(dataset, 0, &one_of_several), " unlabelled  2");
	assert_string_equal(history(dataset, 0), "cat ada task; cat bob task;  ada undo; dog ada task; dog cyd task;  ada undo");
	label_next(dataset, "dan", 0, "cat");
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void who_contributes_decides_and_undoes_whatever_was_last(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);

	label_next(dataset, "ada", 0, "cat");
	decide(dataset, 0, "bird", &bob);
	assert_sample(dataset, 0, "bird", SAMPLE_LABELLED);
	assert_string_equal(undo(dataset, 0, &bob), " unlabelled  2");
	label_next(dataset, "cyd", 0, "cat"); /* with ada's vote, which counts again */
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	decide(dataset, 0, "", &bob);
	nothing_to_undo(dataset, 0, &one_of_several); /* what ada said counts no more */
	label_next(dataset, "ada", 0, "dog");
	label_next(dataset, "cyd", 0, "dog");
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	for (int i = 0; i < 3; i++)
		undo(dataset, 0, &bob);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void what_was_taken_back_stays_so_when_others_are_asked(void **state)
{
	struct dataset *dataset = surveyed(*state, 2, 1);
	struct dataset_policy policy = dataset_policy_default();

	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "bob", 0, "cat");
	undo(dataset, 0, &bob);
	set_policy(dataset, &policy); /* overlap 1: ada's vote is enough */
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	undo(dataset, 0, &bob);
	policy.overlap = 2;
	set_policy(dataset, &policy);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	policy.overlap = 1;
	set_policy(dataset, &policy);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	nothing_to_undo(dataset, 0, &bob);
	dataset_close(dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(a_label_is_given_directly),
		DATASET_TEST(what_is_not_there_is_refused_and_nothing_changes),
		DATASET_TEST(a_label_for_another_version_is_a_conflict_that_says_what_is),
		DATASET_TEST(a_label_in_the_other_spelling_is_the_datasets),
		DATASET_TEST(what_loses_its_label_is_in_the_queue_for_everybody),
		DATASET_TEST(a_skipped_sample_is_opened_anew),
		DATASET_TEST(a_lease_of_what_is_decided_ends),
		DATASET_TEST(undo_goes_back_step_by_step_to_exactly_what_was),
		DATASET_TEST(after_an_undo_one_labels_on_and_undoes_that),
		DATASET_TEST(the_labels_of_seeds_and_uploads_can_be_undone),
		DATASET_TEST(a_label_that_came_without_an_event_is_gone_back_to),
		DATASET_TEST(and_can_itself_be_undone),
		DATASET_TEST(whoever_gave_it_and_when_is_as_it_was),
		DATASET_TEST(a_skip_can_be_undone),
		DATASET_TEST(an_undo_that_gives_a_label_again_ends_leases),
		DATASET_TEST(an_unreadable_sample_may_be_labelled_and_undone),
		DATASET_TEST(what_was_merged_is_undone_by_its_present_name),
		DATASET_TEST(undo_by_the_same_request_happens_once),
		DATASET_TEST(undone_at_once_each_takes_back_another_event),
		STORE_TEST(of_several_each_takes_back_only_what_that_one_said),
		STORE_TEST(who_contributes_decides_and_undoes_whatever_was_last),
		STORE_TEST(what_was_taken_back_stays_so_when_others_are_asked),
	};

	return RUN(tests);
}
