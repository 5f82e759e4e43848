/* Contract: labels that come from another system, or back from an export. */
#include "fixture.h"

#include "saying.h"

static const struct correction ada = {.user = "ada"}, bob = {.user = "bob"};

static void what_is_imported_was_said_then_and_can_be_undone(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct imported_label labels[] = {{.filepath = picture(1), .label = "dog", .by = "someone else", .at = 1500000},
	                                  {.id = 2, .label = "cat", .by = "ada", .at = 2500000}};

	add_pictures(dataset, 3);
	decide(dataset, 1, "cat", &bob);
	must(labels_import(dataset, labels, 2, "ann", 0, &failure));
	assert_string_equal(history(dataset, 1), "cat bob label; dog someone else import");
	assert_string_equal(history(dataset, 2), "cat ada import");
	struct sample sample = sample_of(dataset, 1);
	assert_string_equal(sample.label, "dog");
	assert_string_equal(sample.labelled_by, "someone else");
	assert_int_equal(sample.labelled_at, 1500000);
	sample_release(&sample);
	assert_string_equal(undo(dataset, 1, &ada), "cat labelled bob 3");
	assert_string_equal(undo(dataset, 2, &ada), " unlabelled  2");
	assert_counts_true(dataset);
}

/* Imports one label of sample 0, by ann at this moment unless it says else. Whether that added anything. */
static bool import_one(struct dataset *dataset, const char *label, const char *by, int64_t at, int64_t moment)
{
	struct imported_label one = {.id = 0, .label = label, .by = by, .at = at};

	must(labels_import(dataset, &one, 1, "ann", moment, &failure));
	return one.added;
}

static void what_was_imported_once_adds_nothing_whatever_was_said_since(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	assert_true(import_one(dataset, "cat", "ada", 1500000, 9000000));
	assert_true(import_one(dataset, "dog", "ada", 2500000, 9000000));
	assert_false(import_one(dataset, "cat", "ada", 1500999, 9000000)); /* exports tell milliseconds */
	assert_false(import_one(dataset, "cat", NULL, 1500000, 9000000));
	assert_false(import_one(dataset, "cat", NULL, 0, 9500000));
	assert_false(import_one(dataset, "cat", "ada", 0, 9500000));
	assert_string_equal(history(dataset, 0), "cat ada import; dog ada import");
	assert_true(import_one(dataset, "cat", "ada", 1501000, 9000000));
	assert_true(import_one(dataset, "cat", "bob", 1501000, 9000000));
	assert_true(import_one(dataset, "cat", "eve", 0, 9000000));
	decide(dataset, 0, "dog", &bob);
	assert_false(import_one(dataset, "cat", "eve", 0, 9500000));
	undo(dataset, 0, &bob);
	undo(dataset, 0, &bob);
	assert_false(import_one(dataset, "cat", "eve", 0, 9500000)); /* nor what was taken back */
	assert_counts_true(dataset);
}

static void one_import_may_say_the_same_twice_of_a_sample(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	for (int64_t moment = 1000000; moment < 3000000; moment += 1000000) {
		assert_int_equal(import_one(dataset, "cat", NULL, 0, moment), moment == 1000000);
		assert_int_equal(import_one(dataset, "dog", NULL, 0, moment), moment == 1000000);
		assert_int_equal(import_one(dataset, "cat", NULL, 0, moment), moment == 1000000);
		assert_string_equal(history(dataset, 0), "cat ann import; dog ann import; cat ann import");
		assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	}
}

static void what_people_said_here_is_known_by_its_time(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 1);
	decide(dataset, 0, "cat", &bob);
	struct sample sample = sample_of(dataset, 0);
	decide(dataset, 0, "dog", &bob);
	assert_false(import_one(dataset, "cat", "bob", sample.labelled_at, 9000000)); /* an older export of the dataset itself */
	assert_true(import_one(dataset, "cat", NULL, 0, 9000000));
	assert_string_equal(history(dataset, 0), "cat bob label; dog bob label; cat ann import");
	sample_release(&sample);
}

static void a_label_that_came_without_an_event_is_not_imported_again(void **state)
{
	struct dataset *dataset = without_events(*state, "cat", "ann", 1500000);

	assert_false(import_one(dataset, "cat", NULL, 0, 9000000));
	assert_false(import_one(dataset, "cat", "ann", 1500000, 9000000));
	assert_string_equal(history(dataset, 0), "");
	assert_true(import_one(dataset, "cat", "ada", 0, 9000000));
	assert_string_equal(history(dataset, 0), "cat ann seed; cat ada import");
	dataset_close(dataset);
}

static void an_import_is_made_whole_or_not_at_all(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct imported_label *labels = calloc(LABELS_IMPORTED_MAX + 1, sizeof(*labels));

	add_pictures(dataset, LABELS_IMPORTED_MAX);
	for (int i = 0; i <= LABELS_IMPORTED_MAX; i++)
		labels[i] = (struct imported_label){.id = i, .label = "cat", .by = "ada"};
	refused(labels_import(dataset, labels, LABELS_IMPORTED_MAX + 1, "ann", 0, &failure), ERR_BAD_REQUEST);
	labels[1].id = LABELS_IMPORTED_MAX;
	refused(labels_import(dataset, labels, 2, "ann", 0, &failure), ERR_NOT_FOUND);
	labels[1].filepath = "gone.png";
	refused(labels_import(dataset, labels, 2, "ann", 0, &failure), ERR_NOT_FOUND);
	labels[1] = (struct imported_label){.id = 1, .label = "cow", .by = "ada"};
	refused(labels_import(dataset, labels, 2, "ann", 0, &failure), ERR_UNPROCESSABLE);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	labels[1].label = "cat";
	must(labels_import(dataset, labels, LABELS_IMPORTED_MAX, "ann", 0, &failure));
	assert_sample(dataset, LABELS_IMPORTED_MAX - 1, "cat", SAMPLE_LABELLED);
	free(labels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(what_is_imported_was_said_then_and_can_be_undone),
		DATASET_TEST(what_was_imported_once_adds_nothing_whatever_was_said_since),
		DATASET_TEST(one_import_may_say_the_same_twice_of_a_sample),
		DATASET_TEST(what_people_said_here_is_known_by_its_time),
		DATASET_TEST(a_label_that_came_without_an_event_is_not_imported_again),
		DATASET_TEST(an_import_is_made_whole_or_not_at_all),
	};

	return RUN(tests);
}
