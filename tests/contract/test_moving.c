/* Contract: a dataset moves to another store unchanged: it is read, and restored with its ids. */
#include "fixture.h"

#include "dataset/correct.h"
#include "dataset/label.h"
#include "moving.h"

static void remove_one(struct dataset *dataset, int64_t id)
{
	struct tombstone *removed;
	size_t count;

	must(dataset_remove_sample(dataset, id, "eve", &removed, &count, &failure));
	tombstones_release(removed, count);
}

static void all_of_it_is_restored(void **state)
{
	struct fixture *fixture = *state;

	use_dataset(fixture->dataset);
	struct dataset *copy = move_dataset(fixture, fixture->dataset, "copy");
	assert_same_records(fixture->dataset, copy);
	assert_same_info(fixture->dataset, copy);
	assert_string_equal(history(copy, 0), "cat ada task; dog bob classify");
	assert_string_equal(history(copy, 8), "cat ada upload");
	assert_sample(copy, 1, "", SAMPLE_SKIPPED);
	assert_sample(copy, 4, "", SAMPLE_UNREADABLE);
	dataset_close(copy);
}

static void a_record_tells_all_that_is_kept_of_a_sample(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_record *records;
	size_t count;

	use_dataset(dataset);
	must(dataset_records(dataset, -1, 100, &records, &count, &failure));
	assert_int_equal(count, 9);
	assert_int_equal(records[0].event_count, 2);
	assert_string_equal(records[0].events[1].label, "dog");
	assert_string_equal(records[0].events[1].source, "classify");
	assert_int_equal(records[0].events[0].lead_time_ms, -1);
	assert_true(records[2].requeued > 0);
	assert_int_equal(records[3].requeued, 0);
	assert_int_equal(records[3].vote_count, 1);
	assert_string_equal(records[3].votes[0].user, "ada");
	assert_null(records[3].votes[0].label);
	assert_string_equal(records[8].url, "http://bucket.example/images/cat/img-1.png");
	assert_true(records[8].added_at > 0);
	for (size_t i = 0; i < count; i++)
		dataset_record_release(&records[i]);
	free(records);
}

static void the_queue_goes_on_where_it_was(void **state)
{
	struct fixture *fixture = *state;

	use_dataset(fixture->dataset);
	struct dataset *copy = move_dataset(fixture, fixture->dataset, "copy");
	/* 3 was passed on by ada, 2 was put to the end; who is not ada gets both. */
	const int64_t wanted[] = {5, 6, 7, 2};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		label_next(copy, "ada", wanted[i], "cat");
	label_next(copy, "bob", 3, "cat");
	struct task task;
	refused(lease_next(copy, "carl", &task, &failure), ERR_NOT_FOUND);
	dataset_close(copy);
}

/* Two requeued before the move stay before those requeued after it. */
static void the_end_of_the_queue_stays_the_end(void **state)
{
	struct fixture *fixture = *state;

	add_pictures(fixture->dataset, 3);
	skip_next(fixture->dataset, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	skip_next(fixture->dataset, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	struct dataset *copy = move_dataset(fixture, fixture->dataset, "copy");
	skip_next(copy, "ada", DATASET_SKIP_REQUEUE_FOR_ME);
	for (int64_t id = 0; id < 3; id++)
		label_next(copy, "ada", id, "cat");
	dataset_close(copy);
}

static void what_was_taken_back_stays_so_and_the_rest_can_be(void **state)
{
	struct fixture *fixture = *state;
	const struct correction bob = {.user = "bob"};
	struct sample sample;

	add_pictures(fixture->dataset, 1);
	for (int i = 0; i < 3; i++) {
		must(sample_decide(fixture->dataset, 0, (const char *[]){"cat", "", "dog"}[i], &bob, &sample, &failure));
		sample_release(&sample);
	}
	must(sample_undo(fixture->dataset, 0, &bob, &sample, &failure));
	sample_release(&sample);
	struct dataset *copy = move_dataset(fixture, fixture->dataset, "copy");
	assert_same_records(fixture->dataset, copy);
	assert_sample(copy, 0, "", SAMPLE_UNLABELLED);
	must(sample_undo(copy, 0, &bob, &sample, &failure));
	assert_string_equal(sample.label, "cat");
	sample_release(&sample);
	must(sample_undo(copy, 0, &bob, &sample, &failure));
	sample_release(&sample);
	refused(sample_undo(copy, 0, &bob, &sample, &failure), ERR_CONFLICT);
	assert_sample(copy, 0, "", SAMPLE_UNLABELLED);
	dataset_close(copy);
}

static void votes_count_on(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_policy policy = dataset_policy_default();

	policy.overlap = 3;
	policy.overlap_max = 4;
	policy.lease_seconds = 77;
	policy.skip = DATASET_SKIP_IGNORE;
	struct dataset *asked = make_dataset(fixture, "asked", &policy);
	add_pictures(asked, 3);
	label_next(asked, "ada", 0, "cat");
	label_next(asked, "bob", 0, "dog");
	const char *const voters[] = {"ada", "bob", "eve"}, *const labels[] = {"cat", "dog", "bird"};
	for (int i = 0; i < 3; i++) { /* enough, and no two agree */
		bool accepted;

		must(dataset_label_path(asked, voters[i], "/pictures", picture(1), labels[i], &accepted, &failure));
		assert_true(accepted);
	}
	struct dataset *copy = move_dataset(fixture, asked, "copy");
	assert_same_records(asked, copy);
	assert_same_info(asked, copy);
	assert_int_equal(next_id(copy, "ada"), 2); /* she said what 0 and 1 are */
	assert_int_equal(next_id(copy, "carl"), 0);
	assert_int_equal(next_id(copy, "dora"), 1); /* carl's vote is the last that 0 wants; 1 wants one more */
	assert_int_equal(next_id(copy, "fay"), 2);
	label_next(copy, "carl", 0, "dog");
	assert_sample(copy, 0, "dog", SAMPLE_LABELLED);
	assert_sample(copy, 1, "", SAMPLE_UNLABELLED);
	dataset_close(asked);
	label_next(copy, "dora", 1, "cat"); /* nor does she agree: the limit came, too */
	assert_sample(copy, 1, "", SAMPLE_REVIEW);
	struct dataset *back = move_dataset(fixture, copy, "back");
	assert_same_records(copy, back);
	assert_same_info(copy, back);
	dataset_close(back);
	dataset_close(copy);
}

static void known_answers_come_along_with_what_was_answered(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_policy policy = {.overlap = 1, .gold_rate = 100};
	struct dataset *mixed = make_dataset(fixture, "mixed", &policy);
	struct dataset_info info;
	struct sample sample;
	struct task task;
	bool accepted;

	add_pictures(mixed, 3);
	for (int id = 0; id < 2; id++) {
		must(sample_mark_gold(mixed, id, "cat", &(struct correction){.user = "ann"}, &sample, &failure));
		sample_release(&sample);
		must(dataset_label_path(mixed, "ada", "/pictures", picture(id), id ? "dog" : "cat", &accepted, &failure));
	}
	must(sample_decide(mixed, 1, "bird", &(struct correction){.user = "bob", .annotates = true}, &sample, &failure));
	sample_release(&sample);
	struct dataset *copy = move_dataset(fixture, mixed, "copy");
	assert_same_records(mixed, copy);
	assert_same_info(mixed, copy);
	must(dataset_info(copy, &info, &failure));
	assert_int_equal(info.counts.gold, 2);
	assert_int_equal(info.place.policy.gold_rate, 100);
	dataset_info_release(&info);
	label_next(copy, "ada", 2, "cat"); /* she has answered both */
	assert_int_equal(next_id(copy, "bob"), 0);
	must(dataset_label_path(copy, "dan", "/pictures", picture(1), "dog", &accepted, &failure));
	assert_sample(copy, 1, "cat", SAMPLE_LABELLED);
	lease_tasks(copy, "dan", 1, &task, 0); /* bob holds the other one */
	dataset_close(mixed);
	dataset_close(copy);
}

static void leases_stay_behind(void **state)
{
	struct fixture *fixture = *state;

	add_pictures(fixture->dataset, 2);
	assert_int_equal(next_id(fixture->dataset, "ada"), 0);
	struct dataset *copy = move_dataset(fixture, fixture->dataset, "copy");
	assert_int_equal(leased(copy), 0);
	assert_int_equal(next_id(copy, "bob"), 0);
	assert_int_equal(leased(fixture->dataset), 1);
	dataset_close(copy);
}

/* --- ids and keys -------------------------------------------------------------------------------------------------- */

static struct dataset_record plain_record(int64_t id, const char *filepath, const char *label)
{
	static char none[] = "";

	return (struct dataset_record){.sample = {.id = id,
	                                          .filepath = (char *)(uintptr_t)filepath,
	                                          .label = (char *)(uintptr_t)label,
	                                          .state = *label ? SAMPLE_LABELLED : SAMPLE_UNLABELLED,
	                                          .blob_key = none,
	                                          .type = none,
	                                          .sha256 = none,
	                                          .filename = none,
	                                          .uploaded_by = none,
	                                          .labelled_by = none},
	                               .url = none};
}

/* As databases of the older system have them: ids 0, 2, 3, 7; a.png is listed twice. */
static struct dataset *older(struct fixture *fixture)
{
	struct dataset_record records[] = {plain_record(0, "a.png", ""), plain_record(2, "b.png", "no longer a label"),
	                                   plain_record(3, "a.png", ""), plain_record(7, "c.png", "")};
	struct dataset *to = restore_begin(fixture->store, "older", fixture->dataset);

	must(dataset_restore_records(to, records, 4, &failure));
	must(dataset_restore_finish(to, &failure));
	return open_dataset(fixture->store, "older");
}

static void gaps_in_the_ids_stay(void **state)
{
	struct dataset *dataset = older(*state);
	struct dataset_seed seed = {.filepath = "d.png", .label = ""};
	struct dataset_merged merged = {0};
	struct sample sample;
	int64_t size;

	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, 4);
	assert_counts_true(dataset);
	refused(dataset_sample(dataset, 1, &sample, &failure), ERR_NOT_FOUND);
	assert_sample(dataset, 7, "", SAMPLE_UNLABELLED);
	must(dataset_merge(dataset, NULL, 0, &seed, 1, &merged, &failure));
	assert_sample(dataset, 8, "", SAMPLE_UNLABELLED);
	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, 5);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_filepath_may_be_there_twice_and_is_labelled_twice(void **state)
{
	struct dataset *dataset = older(*state);
	struct sample sample;
	bool accepted;

	must(dataset_sample_by_path(dataset, "a.png", &sample, &failure));
	assert_int_equal(sample.id, 0);
	sample_release(&sample);
	must(dataset_label_path(dataset, "ada", "/pictures", "a.png", "cat", &accepted, &failure));
	assert_true(accepted);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_sample(dataset, 3, "cat", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 3), "cat ada classify");
	assert_sample(dataset, 2, "no longer a label", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_filepath_that_is_there_is_not_added(void **state)
{
	struct dataset *dataset = older(*state);
	struct dataset_seed seeds[] = {{.filepath = "a.png", .label = "dog"}, {.filepath = "c.png", .label = ""}};
	struct dataset_merged merged = {0};

	must(dataset_merge(dataset, NULL, 0, seeds, 2, &merged, &failure));
	assert_int_equal(merged.samples_added, 0);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_sample(dataset, 3, "", SAMPLE_UNLABELLED);
	dataset_close(dataset);
}

static void keys_of_labels_are_kept_and_never_used_again(void **state)
{
	struct fixture *fixture = *state;
	char cat[] = "cat", bird[] = "bird", base[] = "/pictures";
	struct dataset_label labels[] = {{.key = 2, .name = bird}, {.key = 5, .name = cat}};
	struct dataset_outline outline = {
		.base_dir = base, .policy = dataset_policy_default(), .labels = labels, .label_count = 2, .next_label = 9};
	struct dataset_info info;
	struct dataset *to;
	int64_t last, key;
	bool created;

	must(dataset_restore_open(fixture->store, "copy", ORIGIN, &to, &last, &failure));
	must(dataset_restore_outline(to, &outline, &failure));
	must(dataset_restore_finish(to, &failure));
	to = open_dataset(fixture->store, "copy");
	must(dataset_label_add(to, "fish", &key, &created, &failure));
	assert_int_equal(key, 9);
	must(dataset_info(to, &info, &failure));
	assert_int_equal(info.labels.count, 3);
	assert_int_equal(info.labels.item[0].key, 2);
	assert_string_equal(info.labels.item[0].name, "bird");
	assert_int_equal(info.labels.item[1].key, 5);
	dataset_info_release(&info);
	dataset_close(to);
}

/* --- reading alone, places, URLs ----------------------------------------------------------------------------------- */

static void a_store_that_is_only_read_gives_the_same(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *reading;
	struct dataset *read;

	use_dataset(fixture->dataset);
	must(dataset_store_open_reading(&reading, &fixture->config, &failure));
	assert_listed(reading, "animals ");
	read = open_dataset(reading, "animals");
	assert_same_records(fixture->dataset, read);
	assert_same_info(fixture->dataset, read);
	dataset_close(read);
	dataset_store_free(reading);
}

static void a_store_tells_its_place_without_secrets(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	struct buf place, again;

	buf_init(&place, 10000);
	buf_init(&again, 10000);
	dataset_store_place(fixture->store, &place);
	dataset_store_place(other, &again);
	assert_true(place.len > 0);
	assert_string_equal(buf_text(&place), buf_text(&again));
	assert_null(strstr(buf_text(&place), "://"));
	dataset_store_free(other);
	buf_release(&place);
	buf_release(&again);
}

static void urls_of_images_can_be_changed(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_url urls[] = {{.id = 8, .url = "http://elsewhere/1.png"}, {.id = 99, .url = "http://nowhere"}};
	struct dataset_record *records;
	size_t count;

	use_dataset(dataset);
	must(dataset_set_urls(dataset, urls, 2, &failure));
	must(dataset_set_urls(dataset, urls, 0, &failure));
	must(dataset_records(dataset, 7, 1, &records, &count, &failure));
	assert_int_equal(count, 1);
	assert_string_equal(records[0].url, "http://elsewhere/1.png");
	dataset_record_release(&records[0]);
	free(records);
}

static void samples_stay_removed(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *from = fixture->dataset;
	struct dataset_merged merged = {0};
	struct tombstone *due;
	struct sample sample;
	size_t count;
	int64_t last;

	use_dataset(from);
	remove_one(from, 1);
	remove_one(from, 8); /* the upload, which is the last one */
	struct dataset *to = restore_begin(fixture->store, "copy", from);
	copy_records(from, to, -1);
	remove_one(from, 0); /* when it was copied already */
	copy_records(from, to, -1);
	dataset_close(to);
	must(dataset_restore_open(fixture->store, "copy", ORIGIN, &to, &last, &failure));
	assert_int_equal(last, 8);
	must(dataset_restore_finish(to, &failure));
	to = open_dataset(fixture->store, "copy");
	assert_same_records(from, to);
	assert_same_info(from, to);
	assert_counts_true(to);
	must(dataset_removed(to, true, -1, 10, &due, &count, &failure));
	assert_int_equal(count, 2); /* of the upload no image came */
	assert_int_equal(due[0].id, 0);
	assert_int_equal(due[1].id, 1);
	tombstones_release(due, count);
	must(dataset_merge(to, NULL, 0, &(struct dataset_seed){picture(1), "cat"}, 1, &merged, &failure));
	assert_int_equal(merged.samples_known, 1);
	must(dataset_merge(to, NULL, 0, &(struct dataset_seed){"new.png", ""}, 1, &merged, &failure));
	must(dataset_sample_by_path(to, "new.png", &sample, &failure));
	assert_int_equal(sample.id, 9);
	sample_release(&sample);
	dataset_close(to);
}

struct exporting {
	struct dataset *dataset, *to;
	size_t pages;
};

/* What happens from now on is not in the export. */
static int export_to_outline(void *data, struct dataset_outline *outline, struct err *err)
{
	struct exporting *exporting = data;
	int failed = dataset_restore_outline(exporting->to, outline, err);

	add_pictures(exporting->dataset, 12);
	label_next(exporting->dataset, "zoe", 3, "bird");
	remove_one(exporting->dataset, 0);
	must(dataset_label_change(exporting->dataset, 0, &(struct label_change){.name = "tiger"}, &failure));
	return failed;
}

static int export_to_records(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	struct exporting *exporting = data;

	exporting->pages++;
	return dataset_restore_records(exporting->to, records, count, err);
}

static void an_export_is_of_one_moment(void **state)
{
	struct fixture *fixture = *state;
	struct exporting exporting = {.dataset = fixture->dataset};
	int64_t last;

	use_dataset(fixture->dataset);
	must(dataset_retry_unreadable(fixture->dataset, &last, &failure));
	struct dataset *before = move_dataset(fixture, fixture->dataset, "before");
	must(dataset_restore_open(fixture->store, "copy", ORIGIN, &exporting.to, &last, &failure));
	const struct dataset_export to = {.outline = export_to_outline, .records = export_to_records, .data = &exporting};
	must(dataset_export(fixture->dataset, &to, &failure));
	must(dataset_restore_finish(exporting.to, &failure));
	struct dataset *copy = open_dataset(fixture->store, "copy");
	assert_int_equal(exporting.pages, 1);
	assert_same_records(before, copy);
	assert_same_info(before, copy);
	dataset_close(before);
	dataset_close(copy);
}

static int refuse_records(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	(void)data;
	(void)records;
	return err_set(err, ERR_NO_SPACE, "%zu are too many", count);
}

static int pass_outline(void *data, struct dataset_outline *outline, struct err *err)
{
	(void)data;
	(void)outline;
	(void)err;
	return 0;
}

static void an_export_ends_where_it_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const struct dataset_export to = {.outline = pass_outline, .records = refuse_records};

	add_pictures(fixture->dataset, 2);
	refused(dataset_export(fixture->dataset, &to, &failure), ERR_NO_SPACE);
	assert_string_equal(failure.text, "2 are too many");
	label_next(fixture->dataset, "ada", 0, "cat");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(all_of_it_is_restored),
		DATASET_TEST(a_record_tells_all_that_is_kept_of_a_sample),
		DATASET_TEST(the_queue_goes_on_where_it_was),
		DATASET_TEST(the_end_of_the_queue_stays_the_end),
		DATASET_TEST(what_was_taken_back_stays_so_and_the_rest_can_be),
		DATASET_TEST(votes_count_on),
		DATASET_TEST(known_answers_come_along_with_what_was_answered),
		DATASET_TEST(leases_stay_behind),
		DATASET_TEST(gaps_in_the_ids_stay),
		DATASET_TEST(a_filepath_may_be_there_twice_and_is_labelled_twice),
		DATASET_TEST(a_filepath_that_is_there_is_not_added),
		DATASET_TEST(keys_of_labels_are_kept_and_never_used_again),
		DATASET_TEST(a_store_that_is_only_read_gives_the_same),
		DATASET_TEST(a_store_tells_its_place_without_secrets),
		DATASET_TEST(an_export_is_of_one_moment),
		DATASET_TEST(an_export_ends_where_it_is_refused),
		DATASET_TEST(urls_of_images_can_be_changed),
		DATASET_TEST(samples_stay_removed),
	};

	return RUN(tests);
}
