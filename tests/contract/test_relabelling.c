/* Contract: what becomes of the samples of a label that is renamed, merged into another one or removed. */
#include "fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataset/label.h"
#include "saying.h"

static const struct correction ada = {.user = "ada"};

/* --- many samples ------------------------------------------------------------------------------------------------- */

enum { MANY = 3000, LATE = 200 };

/* All but the last ones have the label. */
static void add_many(struct dataset *dataset, const char *label)
{
	struct dataset_seed *seeds = calloc(MANY, sizeof(*seeds));
	char(*names)[32] = calloc(MANY, sizeof(*names));
	struct dataset_merged merged = {0};

	assert_true(seeds && names);
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "%s", picture(i));
		seeds[i] = (struct dataset_seed){names[i], i < MANY - LATE ? label : ""};
	}
	must(dataset_merge(dataset, NULL, 0, seeds, MANY, &merged, &failure));
	free(seeds);
	free(names);
}

static void assert_all(struct dataset *dataset, const char *label)
{
	struct sample *samples;
	size_t count;

	for (int64_t after = -1; after < MANY - 1; after += (int64_t)count) {
		must(dataset_samples(dataset, NULL, after, 1000, &samples, &count, &failure));
		assert_true(count > 0);
		for (size_t i = 0; i < count; i++) {
			assert_string_equal(samples[i].label, label);
			sample_release(&samples[i]);
		}
		free(samples);
	}
	assert_counts_true(dataset);
}

struct labelling {
	struct fixture *fixture;
	bool merges;
};

/* One thread changes the label; the others label the last ones by its former name meanwhile: of their own store, too,
 * as another process has it. */
static void change_or_label(void *data, int number)
{
	const struct labelling *labelling = data;
	struct dataset *dataset = labelling->fixture->dataset;
	struct dataset_store *other = NULL;
	bool accepted = false;

	if (number == 0 && labelling->merges)
		expect(dataset_label_merge(dataset, 0, 1, "eve", &failure) == 0);
	else if (number == 0)
		expect(dataset_label_change(dataset, 0, &(struct label_change){.name = "dog2"}, &failure) == 0);
	if (number == 2) {
		expect(dataset_store_open(&other, &labelling->fixture->config, &failure) == 0);
		expect(dataset_open(other, "animals", &dataset, &failure) == 0);
	}
	for (int i = number; i <= LATE && number > 0; i += 2)
		expect(dataset_label_path(dataset, "ada", "/pictures", picture(MANY - i), "cat", &accepted, &failure) == 0 &&
		       accepted);
	if (other) {
		dataset_close(dataset);
		dataset_store_free(other);
	}
}

static void a_new_name_is_all_samples_while_others_label(void **state)
{
	struct fixture *fixture = *state;

	add_many(fixture->dataset, "cat");
	assert_true(classify(fixture->dataset, "ada", MANY - 1, "cat"));
	run_threads(3, change_or_label, &(struct labelling){.fixture = fixture});
	assert_all(fixture->dataset, "dog2");
	assert_string_equal(labels_shown(fixture->dataset), "0 dog2 3000; 1 dog 0; 2 bird 0");
	for (int id = MANY - LATE; id < MANY; id += 7)
		assert_null(strstr(history(fixture->dataset, id), "cat"));
}

static void a_merged_label_is_no_samples_while_others_label(void **state)
{
	struct fixture *fixture = *state;

	add_many(fixture->dataset, "cat");
	assert_true(classify(fixture->dataset, "ada", MANY - 1, "cat"));
	run_threads(3, change_or_label, &(struct labelling){.fixture = fixture, .merges = true});
	assert_all(fixture->dataset, "dog");
	assert_string_equal(labels_shown(fixture->dataset), "1 dog 3000; 2 bird 0");
}

/* In a process of its own, which is killed once it has come some way. */
static bool kill_in_the_middle(struct fixture *fixture, bool merges, const char *to)
{
	struct sample sample;
	bool begun = false, ended = false;

	dataset_close(fixture->dataset);
	dataset_store_free(fixture->store);
	pid_t child = fork();
	if (child == 0) {
		struct labelling labelling = {.fixture = fixture, .merges = merges};

		if (dataset_store_open(&fixture->store, &fixture->config, &failure) == 0 &&
		    dataset_open(fixture->store, "animals", &fixture->dataset, &failure) == 0)
			change_or_label(&labelling, 0);
		_exit(0);
	}
	must(dataset_store_open(&fixture->store, &fixture->config, &failure));
	fixture->dataset = open_dataset(fixture->store, "animals");
	while (!begun) {
		must(dataset_sample(fixture->dataset, 0, &sample, &failure));
		begun = strcmp(sample.label, to) == 0;
		sample_release(&sample);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	must(dataset_sample(fixture->dataset, MANY - LATE - 1, &sample, &failure));
	ended = strcmp(sample.label, to) == 0;
	sample_release(&sample);
	return !ended;
}

static void a_change_of_name_that_was_cut_short_is_ended(void **state)
{
	struct fixture *fixture = *state;
	int64_t count;

	add_many(fixture->dataset, "cat");
	assert_true(kill_in_the_middle(fixture, false, "dog2"));
	assert_string_equal(labels_shown(fixture->dataset), "0 dog2 2800; 1 dog 0; 2 bird 0"); /* counted already */
	must(dataset_retry_unreadable(fixture->dataset, &count, &failure)); /* as at the next start */
	for (int i = 1; i <= LATE; i++)
		assert_true(classify(fixture->dataset, "ada", MANY - i, "cat"));
	assert_all(fixture->dataset, "dog2");
	assert_string_equal(history(fixture->dataset, MANY - LATE - 1), "dog2  seed");
}

static void a_merge_that_was_cut_short_is_ended_by_the_next_change(void **state)
{
	struct fixture *fixture = *state;
	int64_t key;
	bool created;

	add_many(fixture->dataset, "cat");
	assert_true(kill_in_the_middle(fixture, true, "dog"));
	assert_true(classify(fixture->dataset, "ada", MANY - 1, "cat")); /* which is still listed */
	assert_sample(fixture->dataset, MANY - 1, "dog", SAMPLE_LABELLED);
	assert_counts_true(fixture->dataset);
	must(dataset_label_add(fixture->dataset, "cat", &key, &created, &failure)); /* waits for it */
	assert_true(created);
	assert_int_equal(key, 3);
	for (int i = 1; i <= LATE; i++)
		assert_true(classify(fixture->dataset, "ada", MANY - i, "dog"));
	assert_all(fixture->dataset, "dog");
	assert_string_equal(history(fixture->dataset, MANY - LATE - 1), "cat  seed; dog eve merge");
}

/* --- its end ------------------------------------------------------------------------------------------------------- */

static void a_label_merges_into_another_and_nothing_said_is_lost(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	label_next(dataset, "ada", 0, "cat");
	assert_true(classify(dataset, "ada", 1, "bird"));
	seed_one(dataset, "seeded.png", "cat");
	must(dataset_label_merge(dataset, 0, 1, "eve", &failure));
	assert_string_equal(labels_shown(dataset), "1 dog 2; 2 bird 1");
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_sample(dataset, 3, "dog", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "cat ada task; dog eve merge");
	assert_string_equal(history(dataset, 1), "bird ada classify");
	assert_string_equal(history(dataset, 3), "cat  seed; dog eve merge");
	assert_int_equal(version_of(dataset, 0), 2);
	assert_int_equal(version_of(dataset, 1), 1);
	struct sample sample;
	must(dataset_sample(dataset, 0, &sample, &failure));
	assert_string_equal(sample.labelled_by, "ada"); /* who said so still */
	sample_release(&sample);
	assert_true(classify(dataset, "bob", 2, "cat")); /* of a page that is old */
	assert_sample(dataset, 2, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	ask(dataset, 2);
	assert_sample(dataset, 3, "dog", SAMPLE_LABELLED); /* by its seed, which was merged */
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	assert_true(classify(dataset, "bob", 0, "dog"));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
}

static void votes_that_a_merge_unites_agree(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	ask(dataset, 2);
	assert_true(classify(dataset, "ada", 0, "cat"));
	assert_true(classify(dataset, "bob", 0, "dog"));
	assert_true(classify(dataset, "ada", 1, "cat"));
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	must(dataset_label_merge(dataset, 0, 1, "eve", &failure));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_sample(dataset, 1, "", SAMPLE_UNLABELLED); /* a merge is nobody's vote, and decides nothing */
	assert_string_equal(history(dataset, 1), "cat ada classify; dog eve merge");
	assert_true(classify(dataset, "bob", 1, "dog"));
	assert_sample(dataset, 1, "dog", SAMPLE_LABELLED);
	assert_string_equal(labels_shown(dataset), "1 dog 2; 2 bird 0");
	assert_counts_true(dataset);
}

static void merges_follow_each_other(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	seed_one(dataset, "seeded.png", "cat");
	assert_true(classify(dataset, "ada", 0, "cat"));
	must(dataset_label_merge(dataset, 0, 1, "eve", &failure));
	rename_to(dataset, 1, "wolf");
	must(dataset_label_merge(dataset, 1, 2, "eve", &failure));
	assert_string_equal(labels_shown(dataset), "2 bird 2");
	assert_string_equal(history(dataset, 0), "cat ada classify; wolf eve merge; bird eve merge");
	assert_true(classify(dataset, "ada", 1, "cat"));
	assert_sample(dataset, 1, "bird", SAMPLE_LABELLED);
	ask(dataset, 2);
	assert_sample(dataset, 2, "bird", SAMPLE_LABELLED);
	assert_counts_true(dataset);
}

static void what_cannot_be_merged_is_refused(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	refused(dataset_label_merge(dataset, 0, 0, "eve", &failure), ERR_UNPROCESSABLE);
	refused(dataset_label_merge(dataset, 0, 7, "eve", &failure), ERR_UNPROCESSABLE);
	refused(dataset_label_merge(dataset, 7, 0, "eve", &failure), ERR_NOT_FOUND);
	must(dataset_label_merge(dataset, 0, 1, "eve", &failure));
	refused(dataset_label_merge(dataset, 0, 1, "eve", &failure), ERR_NOT_FOUND);
	refused(dataset_label_merge(dataset, 2, 0, "eve", &failure), ERR_UNPROCESSABLE);
	refused(dataset_label_change(dataset, 0, &(struct label_change){.name = "cow"}, &failure), ERR_NOT_FOUND);
	assert_string_equal(labels_shown(dataset), "1 dog 0; 2 bird 0");
}

static void a_label_that_nothing_has_is_removed(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset;
	struct task task;

	add_pictures(dataset, 2);
	must(dataset_label_remove(dataset, 0, &failure));
	assert_string_equal(labels_shown(dataset), "1 dog 0; 2 bird 0");
	refused(dataset_label_remove(dataset, 0, &failure), ERR_NOT_FOUND);
	assert_false(classify(dataset, "ada", 0, "cat"));
	task = next_task(dataset, "ada");
	refused(lease_label(dataset, "ada", task.token, "cat", -1, NULL, &failure), ERR_UNPROCESSABLE);
	task_release(&task);
	struct dataset_merged merged = {0};
	const char *const listed[] = {"cat", "dog"};
	must(dataset_merge(dataset, listed, 2, NULL, 0, &merged, &failure)); /* no seed brings it back */
	assert_string_equal(labels_shown(dataset), "1 dog 0; 2 bird 0");
}

/* By a process that knows the labels of before: it is refused, or the label is there again. */
static void no_sample_has_a_label_that_was_removed(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	struct dataset *elsewhere = open_dataset(other, "animals");
	bool accepted;

	add_pictures(fixture->dataset, 2);
	must(dataset_label_path(elsewhere, "ada", "/pictures", picture(0), "dog", &accepted, &failure));
	assert_true(accepted);
	must(dataset_label_remove(fixture->dataset, 0, &failure));
	must(dataset_label_path(elsewhere, "ada", "/pictures", picture(1), "cat", &accepted, &failure));
	assert_string_equal(labels_shown(fixture->dataset), accepted ? "0 cat 1; 1 dog 1; 2 bird 0" : "1 dog 1; 2 bird 0");
	assert_sample(fixture->dataset, 1, accepted ? "cat" : "", accepted ? SAMPLE_LABELLED : SAMPLE_UNLABELLED);
	dataset_close(elsewhere);
	dataset_store_free(other);
}

static void a_label_that_anything_has_is_not_removed(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	seed_one(dataset, "seeded.png", "cat");
	refused(dataset_label_remove(dataset, 0, &failure), ERR_CONFLICT); /* a sample; */
	assert_true(classify(dataset, "ada", 0, "cat"));
	assert_true(classify(dataset, "bob", 0, "dog"));
	assert_true(classify(dataset, "ada", 1, "bird"));
	must(dataset_label_path(dataset, "ada", "/pictures", "seeded.png", "dog", &(bool){0}, &failure));
	assert_string_equal(labels_shown(dataset), "0 cat 0; 1 dog 2; 2 bird 1");
	refused(dataset_label_remove(dataset, 0, &failure), ERR_CONFLICT); /* ada's vote, and the seed's decision; */
	assert_true(classify(dataset, "ada", 0, "dog"));
	refused(dataset_label_remove(dataset, 0, &failure), ERR_CONFLICT); /* the decision alone */
	must(dataset_label_merge(dataset, 0, 1, "eve", &failure));
	assert_string_equal(labels_shown(dataset), "1 dog 2; 2 bird 1");
	refused(dataset_label_remove(dataset, 1, &failure), ERR_CONFLICT);
	assert_true(classify(dataset, "ada", 1, "dog"));
	must(dataset_label_remove(dataset, 2, &failure)); /* what is only in the history is nobody's any more */
	assert_string_equal(labels_shown(dataset), "1 dog 3");
	assert_counts_true(dataset);
}

/* --- and taking back ----------------------------------------------------------------------------------------------- */

static void an_undo_leads_back_to_what_the_label_has_become(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 2);
	for (int id = 0; id < 2; id++) {
		decide(dataset, id, "cat", &ada);
		decide(dataset, id, "dog", &ada);
	}
	must(dataset_label_merge(dataset, 0, 2, "eve", &failure)); /* which no sample has now */
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_int_equal(version_of(dataset, 0), 2);
	rename_to(dataset, 1, "wolf");
	undo(dataset, 0, &ada);
	assert_sample(dataset, 0, "bird", SAMPLE_LABELLED);
	assert_sample(dataset, 1, "wolf", SAMPLE_LABELLED);
	rename_to(dataset, 2, "finch");
	undo(dataset, 1, &ada);
	assert_sample(dataset, 1, "finch", SAMPLE_LABELLED);
	assert_counts_true(dataset);
}

static void no_undo_leads_back_to_a_label_that_was_removed(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;

	add_pictures(dataset, 2);
	decide(dataset, 0, "cat", &ada);
	decide(dataset, 0, "dog", &ada);
	decide(dataset, 1, "bird", &ada);
	undo(dataset, 1, &ada);
	must(dataset_label_remove(dataset, 0, &failure));
	must(dataset_label_remove(dataset, 2, &failure)); /* what was taken back is nobody's */
	refused(sample_undo(dataset, 0, &ada, &sample, &failure), ERR_CONFLICT);
	assert_non_null(strstr(failure.text, "cat"));
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(a_new_name_is_all_samples_while_others_label),
		DATASET_TEST(a_merged_label_is_no_samples_while_others_label),
		DATASET_TEST(a_change_of_name_that_was_cut_short_is_ended),
		DATASET_TEST(a_merge_that_was_cut_short_is_ended_by_the_next_change),
		DATASET_TEST(a_label_merges_into_another_and_nothing_said_is_lost),
		DATASET_TEST(votes_that_a_merge_unites_agree),
		DATASET_TEST(merges_follow_each_other),
		DATASET_TEST(what_cannot_be_merged_is_refused),
		DATASET_TEST(a_label_that_nothing_has_is_removed),
		DATASET_TEST(no_sample_has_a_label_that_was_removed),
		DATASET_TEST(a_label_that_anything_has_is_not_removed),
		DATASET_TEST(an_undo_leads_back_to_what_the_label_has_become),
		DATASET_TEST(no_undo_leads_back_to_a_label_that_was_removed),
	};

	return RUN(tests);
}
