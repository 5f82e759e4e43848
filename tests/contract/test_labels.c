/* Contract: a label's description, its place among the others, its name, and its removal. */
#include "fixture.h"

#include <string.h>

#include "dataset/label.h"

/* The labels as text: "0 cat 2; 1 dog 0; …", in the order in which they are shown. Valid until the next call. */
static const char *labels(struct dataset *dataset)
{
	static char text[4096];
	struct dataset_info info;
	size_t len = 0;

	text[0] = '\0';
	must(dataset_info(dataset, &info, &failure));
	for (size_t i = 0; i < info.labels.count; i++) {
		const struct dataset_label *label = &info.labels.item[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%lld %s %lld", i ? "; " : "", (long long)label->key,
		                        label->name, (long long)label->count);
	}
	dataset_info_release(&info);
	return text;
}

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
	assert_string_equal(labels(dataset), "2 bird 0; 0 cat 0; 1 dog 0");
	must(dataset_label_change(dataset, 0, &(struct label_change){.moves = true, .position = 1}, &failure));
	assert_string_equal(labels(dataset), "2 bird 0; 0 cat 0; 1 dog 0");
	must(dataset_label_change(dataset, 0, &(struct label_change){.moves = true, .position = 1.5}, &failure));
	assert_string_equal(labels(dataset), "2 bird 0; 1 dog 0; 0 cat 0");
	must(dataset_label_add(dataset, "fish", &key, &created, &failure));
	assert_string_equal(labels(dataset), "2 bird 0; 1 dog 0; 0 cat 0; 3 fish 0");
	struct dataset_store *other = another_store(*state);
	struct dataset *again = open_dataset(other, "animals");
	assert_string_equal(labels(again), "2 bird 0; 1 dog 0; 0 cat 0; 3 fish 0");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(a_label_has_a_colour_and_a_description),
		DATASET_TEST(labels_come_in_order_of_position_then_of_key),
		DATASET_TEST(what_cannot_be_said_of_a_label_is_refused),
		DATASET_TEST(a_dataset_of_the_same_name_begins_anew),
	};

	return RUN(tests);
}
