/* Contract: a dataset that moves is hidden until it is whole, and goes on where it was cut off. */
#include "fixture.h"

#include "moving.h"

static void what_is_restored_again_replaces_what_is_there(void **state)
{
	struct fixture *fixture = *state;
	bool accepted;

	use_dataset(fixture->dataset);
	struct dataset *to = restore_begin(fixture->store, "copy", fixture->dataset);
	copy_records(fixture->dataset, to, -1);
	copy_records(fixture->dataset, to, 4);
	assert_same_records(fixture->dataset, to);
	must(dataset_label_path(fixture->dataset, "ada", "/pictures", picture(6), "bird", &accepted, &failure));
	copy_records(fixture->dataset, to, 5);
	assert_same_records(fixture->dataset, to);
	assert_same_info(fixture->dataset, to);
	must(dataset_restore_finish(to, &failure));
}

static void one_that_was_cut_off_goes_on_after_the_last_record(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_record *records;
	struct dataset *to;
	size_t count;
	int64_t last;

	use_dataset(fixture->dataset);
	to = restore_begin(fixture->store, "copy", fixture->dataset);
	must(dataset_records(fixture->dataset, -1, 5, &records, &count, &failure));
	must(dataset_restore_records(to, records, count, &failure));
	for (size_t i = 0; i < count; i++)
		dataset_record_release(&records[i]);
	free(records);
	dataset_close(to);
	struct dataset_store *store = another_store(fixture);
	must(dataset_restore_open(store, "copy", ORIGIN, &to, &last, &failure));
	assert_int_equal(last, 4);
	copy_records(fixture->dataset, to, last);
	assert_same_records(fixture->dataset, to);
	assert_same_info(fixture->dataset, to);
	must(dataset_restore_finish(to, &failure));
	dataset_store_free(store);
}

static void it_is_not_there_until_it_is_whole(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *found, *to = restore_begin(fixture->store, "copy", fixture->dataset);

	for (int restarted = 0; restarted < 2; restarted++) {
		struct dataset_store *store = restarted ? another_store(fixture) : fixture->store;

		assert_listed(store, "animals ");
		refused(dataset_open(store, "copy", &found, &failure), ERR_NOT_FOUND);
		refused(dataset_remove(store, "copy", &failure), ERR_NOT_FOUND);
		refused(dataset_create(store, "copy", "", NULL, &failure), ERR_CONFLICT);
		if (restarted)
			dataset_store_free(store);
	}
	must(dataset_restore_finish(to, &failure));
	assert_listed(fixture->store, "animals copy ");
	dataset_close(open_dataset(fixture->store, "copy"));
	must(dataset_remove(fixture->store, "copy", &failure));
}

static void no_other_dataset_is_overwritten(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *to, *other;
	char *origin;
	int64_t last;

	refused(dataset_restore_open(fixture->store, "animals", ORIGIN, &to, &last, &failure), ERR_CONFLICT);
	dataset_close(restore_begin(fixture->store, "copy", fixture->dataset));
	refused(dataset_restore_open(fixture->store, "copy", "elsewhere", &to, &last, &failure), ERR_CONFLICT);
	must(dataset_restore_open(fixture->store, "copy", ORIGIN, &to, &last, &failure));
	must(dataset_restore_finish(to, &failure));
	refused(dataset_restore_open(fixture->store, "copy", ORIGIN, &to, &last, &failure), ERR_CONFLICT);
	other = open_dataset(fixture->store, "copy");
	must(dataset_note_get(other, DATASET_ORIGIN, &origin, &failure));
	assert_string_equal(origin, ORIGIN);
	free(origin);
	dataset_close(other);
}

static void an_unfinished_one_can_be_dropped(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *to;
	int64_t last;

	use_dataset(fixture->dataset);
	refused(dataset_restore_drop(fixture->store, "copy", &failure), ERR_NOT_FOUND);
	refused(dataset_restore_drop(fixture->store, "animals", &failure), ERR_NOT_FOUND);
	to = restore_begin(fixture->store, "copy", fixture->dataset);
	copy_records(fixture->dataset, to, -1);
	dataset_close(to);
	must(dataset_restore_drop(fixture->store, "copy", &failure));
	must(dataset_restore_open(fixture->store, "copy", "elsewhere", &to, &last, &failure));
	assert_int_equal(last, -1);
	dataset_close(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(what_is_restored_again_replaces_what_is_there),
		DATASET_TEST(one_that_was_cut_off_goes_on_after_the_last_record),
		DATASET_TEST(it_is_not_there_until_it_is_whole),
		DATASET_TEST(no_other_dataset_is_overwritten),
		DATASET_TEST(an_unfinished_one_can_be_dropped),
	};

	return RUN(tests);
}
