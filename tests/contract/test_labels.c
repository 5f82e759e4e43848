/* Contract: a label's description, its place among the others, its name and its key. */
#include "fixture.h"

#include <string.h>

#include "dataset/label.h"
#include "saying.h"

/* --- what is said of one ------------------------------------------------------------------------------------------- */

static void assert_said(struct dataset *dataset, size_t at, const char *colour, const char *description, double position)
{
	struct dataset_labels all;

	must(dataset_labels(dataset, &all, &failure));
	assert_string_equal(all.item[at].colour, colour);
	assert_string_equal(all.item[at].description ? all.item[at].description : "", description);
	assert_float_equal(all.item[at].position, position, 0);
	dataset_labels_release(&all);
}

static void a_label_has_a_colour_and_a_description(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct label_change both = {.colour = "#00AAff", .description = "sits \"in\" a tree"};

	assert_said(dataset, 1, "", "", 1);
	must(dataset_label_change(dataset, 1, &both, &failure));
	assert_said(dataset, 1, "#00aaff", "sits \"in\" a tree", 1);
	must(dataset_label_change(dataset, 1, &(struct label_change){.description = ""}, &failure));
	assert_said(dataset, 1, "#00aaff", "", 1);
	must(dataset_label_change(dataset, 1, &(struct label_change){.colour = ""}, &failure));
	assert_said(dataset, 1, "", "", 1);
	must(dataset_label_change(dataset, 1, &(struct label_change){0}, &failure));
	assert_said(dataset, 0, "", "", 0);
}

static void labels_come_in_order_of_position_then_of_key(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	int64_t key;
	bool created;

	must(dataset_label_change(dataset, 2, &(struct label_change){.moves = true, .position = -0.5}, &failure));
	assert_string_equal(labels_shown(dataset), "2 bird 0; 0 cat 0; 1 dog 0");
	must(dataset_label_change(dataset, 0, &(struct label_change){.moves = true, .position = 1}, &failure));
	assert_string_equal(labels_shown(dataset), "2 bird 0; 0 cat 0; 1 dog 0");
	must(dataset_label_change(dataset, 0, &(struct label_change){.moves = true, .position = 1.5}, &failure));
	assert_string_equal(labels_shown(dataset), "2 bird 0; 1 dog 0; 0 cat 0");
	must(dataset_label_add(dataset, "fish", &key, &created, &failure));
	assert_string_equal(labels_shown(dataset), "2 bird 0; 1 dog 0; 0 cat 0; 3 fish 0");
	struct dataset_store *other = another_store(*state);
	struct dataset *again = open_dataset(other, "animals");
	assert_string_equal(labels_shown(again), "2 bird 0; 1 dog 0; 0 cat 0; 3 fish 0");
	assert_said(again, 0, "", "", -0.5);
	dataset_close(again);
	dataset_store_free(other);
}

static void what_cannot_be_said_of_a_label_is_refused(void **state)
{
	static const char *const colours[] = {"#12345", "#1234567", "123456", "#12345g", "red", "#", "#+12345", "#\xc3\xa9wert"};
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	char longest[LABEL_DESCRIPTION_MAX + 2];

	for (size_t i = 0; i < sizeof(colours) / sizeof(*colours); i++)
		refused(dataset_label_change(dataset, 0, &(struct label_change){.colour = colours[i]}, &failure), ERR_BAD_REQUEST);
	memset(longest, 'x', sizeof(longest));
	longest[LABEL_DESCRIPTION_MAX + 1] = '\0';
	refused(dataset_label_change(dataset, 0, &(struct label_change){.description = longest}, &failure), ERR_BAD_REQUEST);
	longest[LABEL_DESCRIPTION_MAX] = '\0';
	must(dataset_label_change(dataset, 0, &(struct label_change){.description = longest}, &failure));
	refused(dataset_label_change(dataset, 0, &(struct label_change){.moves = true, .position = LABEL_POSITION_MAX + 1.0},
	                             &failure),
	        ERR_BAD_REQUEST);
	must(dataset_label_change(dataset, 0, &(struct label_change){.moves = true, .position = LABEL_POSITION_MAX}, &failure));
	refused(dataset_label_change(dataset, 3, &(struct label_change){.colour = "#000000"}, &failure), ERR_NOT_FOUND);
	refused(dataset_label_change(dataset, -1, &(struct label_change){0}, &failure), ERR_NOT_FOUND);
	assert_said(dataset, 2, "", longest, LABEL_POSITION_MAX);
}

static void a_dataset_of_the_same_name_begins_anew(void **state)
{
	struct fixture *fixture = *state;

	must(dataset_label_change(fixture->dataset, 1, &(struct label_change){.colour = "#000000"}, &failure));
	dataset_close(fixture->dataset);
	must(dataset_remove(fixture->store, "animals", &failure));
	fixture->dataset = make_dataset(fixture, "animals", NULL);
	assert_said(fixture->dataset, 1, "", "", 1);
}

/* --- its name ------------------------------------------------------------------------------------------------------ */

static void a_new_name_is_the_labels_everywhere(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	add_pictures(dataset, 3);
	label_next(dataset, "ada", 0, "cat");
	assert_true(classify(dataset, "bob", 0, "dog"));
	assert_true(classify(dataset, "ada", 1, "cat"));
	seed_one(dataset, "seeded.png", "cat");
	rename_to(dataset, 0, "tabby");
	assert_string_equal(labels_shown(dataset), "0 tabby 2; 1 dog 1; 2 bird 0");
	assert_sample(dataset, 1, "tabby", SAMPLE_LABELLED);
	assert_sample(dataset, 3, "tabby", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "tabby ada task; dog bob classify");
	assert_string_equal(history(dataset, 3), "tabby  seed");
	assert_int_equal(version_of(dataset, 1), 1); /* it is the same label */
	assert_counts_true(dataset);
	ask(dataset, 2);
	assert_true(classify(dataset, "cyd", 0, "tabby")); /* with ada's vote */
	assert_sample(dataset, 0, "tabby", SAMPLE_LABELLED);
	assert_sample(dataset, 3, "tabby", SAMPLE_LABELLED); /* by its seed */
	assert_counts_true(dataset);
	rename_to(dataset, 0, "cat"); /* back */
	assert_string_equal(labels_shown(dataset), "0 cat 2; 1 dog 0; 2 bird 0");
	assert_string_equal(history(dataset, 0), "cat ada task; dog bob classify; cat cyd classify");
}

#define NFC "Caf\xc3\xa9"
#define NFD "Cafe\xcc\x81"

static void a_name_that_is_taken_is_refused_in_any_spelling(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;

	refused(dataset_label_change(dataset, 0, &(struct label_change){.name = "dog", .colour = "#000000"}, &failure),
	        ERR_CONFLICT);
	assert_said(dataset, 0, "", "", 0); /* all or nothing */
	rename_to(dataset, 1, NFD);
	assert_string_equal(labels_shown(dataset), "0 cat 0; 1 " NFC " 0; 2 bird 0");
	refused(dataset_label_change(dataset, 0, &(struct label_change){.name = NFD}, &failure), ERR_CONFLICT);
	refused(dataset_label_change(dataset, 0, &(struct label_change){.name = ""}, &failure), ERR_BAD_REQUEST);
	refused(dataset_label_change(dataset, 0, &(struct label_change){.name = "a\nb"}, &failure), ERR_BAD_REQUEST);
	refused(dataset_label_change(dataset, 7, &(struct label_change){.name = "cow"}, &failure), ERR_NOT_FOUND);
	rename_to(dataset, 1, NFD); /* its own */
	rename_to(dataset, 0, "cat");
	assert_string_equal(labels_shown(dataset), "0 cat 0; 1 " NFC " 0; 2 bird 0");
}

static void a_name_of_before_is_the_label_until_another_gets_it(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset;
	int64_t key;
	bool created;

	add_pictures(dataset, 4);
	rename_to(dataset, 0, "tabby");
	assert_true(classify(dataset, "ada", 0, "cat"));
	assert_sample(dataset, 0, "tabby", SAMPLE_LABELLED);
	struct task task = next_task(dataset, "ada");
	must(lease_label(dataset, "ada", task.token, "cat", -1, NULL, &failure));
	assert_sample(dataset, 1, "tabby", SAMPLE_LABELLED);
	task_release(&task);
	seed_one(dataset, "seeded.png", "cat");
	assert_sample(dataset, 4, "tabby", SAMPLE_LABELLED);
	assert_string_equal(labels_shown(dataset), "0 tabby 3; 1 dog 0; 2 bird 0");
	must(dataset_label_add(dataset, "cat", &key, &created, &failure));
	assert_true(created);
	assert_int_equal(key, 3);
	assert_true(classify(dataset, "ada", 2, "cat"));
	assert_string_equal(labels_shown(dataset), "0 tabby 3; 1 dog 0; 2 bird 0; 3 cat 1");
	rename_to(dataset, 1, "wolf");
	rename_to(dataset, 2, "dog");
	assert_true(classify(dataset, "ada", 3, "dog"));
	assert_string_equal(labels_shown(dataset), "0 tabby 3; 1 wolf 0; 2 dog 1; 3 cat 1");
	assert_counts_true(dataset);
}

static void a_key_is_never_used_again(void **state)
{
	struct fixture *fixture = *state;
	int64_t key;
	bool created;

	must(dataset_label_remove(fixture->dataset, 2, &failure));
	must(dataset_label_merge(fixture->dataset, 1, 0, "eve", &failure));
	must(dataset_label_add(fixture->dataset, "bird", &key, &created, &failure));
	assert_true(created);
	assert_int_equal(key, 3);
	must(dataset_label_remove(fixture->dataset, 3, &failure));
	dataset_close(fixture->dataset);
	dataset_store_free(fixture->store);
	must(dataset_store_open(&fixture->store, &fixture->config, &failure));
	fixture->dataset = open_dataset(fixture->store, "animals");
	must(dataset_label_add(fixture->dataset, "dog", &key, &created, &failure));
	assert_int_equal(key, 4);
	assert_string_equal(labels_shown(fixture->dataset), "0 cat 0; 4 dog 0");
}

/* Each has a name, and all names differ, whoever comes first. */
static void change_at_once(void *data, int number)
{
	struct fixture *fixture = data;
	char name[32];
	int64_t key;
	bool created;

	snprintf(name, sizeof(name), "name-%d", number);
	for (int i = 0; i < 5; i++) {
		int failed = dataset_label_change(fixture->dataset, number % 3, &(struct label_change){.name = name}, &failure);
		expect(!failed || failure.code == ERR_CONFLICT);
		expect(dataset_label_change(fixture->dataset, number % 3, &(struct label_change){.name = "one"}, &failure) == 0 ||
		       failure.code == ERR_CONFLICT);
		expect(dataset_label_add(fixture->dataset, "another", &key, &created, &failure) == 0);
	}
}

static void changes_of_names_at_once_leave_each_label_its_own(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_labels all;

	add_pictures(fixture->dataset, 3);
	for (int id = 0; id < 3; id++)
		assert_true(classify(fixture->dataset, "ada", id, id == 0 ? "cat" : id == 1 ? "dog" : "bird"));
	run_threads(6, change_at_once, fixture);
	must(dataset_labels(fixture->dataset, &all, &failure));
	assert_int_equal(all.count, 4);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(all.item[i].key, i);
		assert_sample(fixture->dataset, (int64_t)i, all.item[i].name, SAMPLE_LABELLED);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all.item[i].name, all.item[j].name);
	}
	dataset_labels_release(&all);
	assert_counts_true(fixture->dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(a_label_has_a_colour_and_a_description),
		DATASET_TEST(labels_come_in_order_of_position_then_of_key),
		DATASET_TEST(what_cannot_be_said_of_a_label_is_refused),
		DATASET_TEST(a_dataset_of_the_same_name_begins_anew),
		DATASET_TEST(a_new_name_is_the_labels_everywhere),
		DATASET_TEST(a_name_that_is_taken_is_refused_in_any_spelling),
		DATASET_TEST(a_name_of_before_is_the_label_until_another_gets_it),
		DATASET_TEST(a_key_is_never_used_again),
		DATASET_TEST(changes_of_names_at_once_leave_each_label_its_own),
	};

	return RUN(tests);
}
