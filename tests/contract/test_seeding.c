/* Contract: samples seeded, merged again, and read. */
#include "fixture.h"

#include "base/memory.h"

static struct dataset_merged merge(struct dataset *dataset, const struct dataset_seed *seeds, size_t count)
{
	struct dataset_merged merged = {0};

	must(dataset_merge(dataset, NULL, 0, seeds, count, &merged, &failure));
	return merged;
}

static void assert_merged(struct dataset_merged merged, int added, int labelled, int known)
{
	assert_int_equal(merged.samples_added, added);
	assert_int_equal(merged.samples_labelled, labelled);
	assert_int_equal(merged.samples_known, known);
}

static void ids_follow_the_order_of_insertion_from_zero(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	static const char *const paths[] = {"z.png", "sub/a.png", "m.png", "a.png"};
	const struct dataset_seed first[] = {{"z.png", ""}, {"sub/a.png", "cat"}, {"m.png", ""}};
	const struct dataset_seed second[] = {{"m.png", ""}, {"a.png", "dog"}};

	assert_merged(merge(dataset, first, 3), 3, 0, 0);
	assert_merged(merge(dataset, second, 2), 1, 0, 1);
	for (int id = 0; id < 4; id++) {
		struct sample sample;

		must(dataset_sample(dataset, id, &sample, &failure));
		assert_int_equal(sample.id, id);
		assert_string_equal(sample.filepath, paths[id]);
		sample_release(&sample);
		must(dataset_sample_by_path(dataset, paths[id], &sample, &failure));
		assert_int_equal(sample.id, id);
		sample_release(&sample);
	}
	assert_counts_true(dataset);
}

static void a_seeded_sample_is_as_its_seed_says_and_nothing_more(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct dataset_seed seeds[] = {{"a.png", "cat"}, {"b.png", ""}};
	struct sample sample;

	merge(dataset, seeds, 2);
	for (int id = 0; id < 2; id++) {
		must(dataset_sample(dataset, id, &sample, &failure));
		assert_string_equal(sample.label, id == 0 ? "cat" : "");
		assert_int_equal(sample.state, id == 0 ? SAMPLE_LABELLED : SAMPLE_UNLABELLED);
		assert_int_equal(sample.version, 0);
		assert_string_equal(sample.labelled_by, ""); /* the seed counts as nobody */
		assert_string_equal(sample.blob_key, "");
		assert_string_equal(sample.type, "");
		assert_string_equal(sample.sha256, "");
		assert_string_equal(sample.filename, "");
		assert_string_equal(sample.uploaded_by, "");
		assert_int_equal(sample.bytes + sample.width + sample.height + sample.uploaded_at, 0);
		sample_release(&sample);
	}
	assert_string_equal(history(dataset, 0), "cat  seed");
	assert_string_equal(history(dataset, 1), "");
}

static void merging_again_adds_nothing(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	static const char *const labels[] = {"cat", "fish", "dog"};
	const struct dataset_seed seeds[] = {{"a.png", "cat"}, {"b.png", ""}};
	struct dataset_merged merged = {0};

	must(dataset_merge(dataset, labels, 3, seeds, 2, &merged, &failure));
	assert_int_equal(merged.labels_added, 1); /* fish */
	assert_merged(merged, 2, 0, 0);
	must(dataset_merge(dataset, labels, 3, seeds, 2, &merged, &failure));
	assert_int_equal(merged.labels_added, 1); /* what it counts is added up */
	assert_merged(merged, 2, 0, 2);
	assert_string_equal(history(dataset, 0), "cat  seed");
	assert_counts_true(dataset);
}

static void a_label_is_taken_by_a_sample_that_nobody_labelled(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct dataset_seed bare[] = {{"a.png", ""}};
	const struct dataset_seed labelled[] = {{"a.png", "dog"}};
	const struct dataset_seed other[] = {{"a.png", "cat"}};
	struct sample sample;

	merge(dataset, bare, 1);
	assert_merged(merge(dataset, labelled, 1), 0, 1, 1);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	must(dataset_sample(dataset, 0, &sample, &failure));
	assert_int_equal(sample.version, 1);
	sample_release(&sample);
	assert_merged(merge(dataset, other, 1), 0, 0, 1); /* it has one now */
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_counts_true(dataset);
}

static void a_label_is_taken_by_a_sample_that_cannot_be_read_now(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_merged merged = {0};
	const struct dataset_seed seed = {.filepath = picture(0), .label = "dog"};

	add_pictures(dataset, 2);
	must(dataset_mark_unreadable(dataset, 0, &failure));
	must(dataset_merge(dataset, NULL, 0, &seed, 1, &merged, &failure));
	assert_int_equal(merged.samples_labelled, 1);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_string_equal(history(dataset, 0), "dog  seed");
	assert_counts_true(dataset);
	assert_int_equal(next_id(dataset, "ada"), 1);
}

static void a_label_that_people_gave_is_never_touched(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct dataset_seed seeds[] = {{picture(0), "dog"}, {picture(1), "dog"}};
	struct task task;

	add_pictures(dataset, 2);
	label_next(dataset, "ada", 0, "cat");
	must(lease_next(dataset, "ada", &task, &failure));
	must(lease_skip(dataset, "ada", task.token, DATASET_SKIP_IGNORE, &failure));
	task_release(&task);
	assert_merged(merge(dataset, seeds, 2), 0, 0, 2);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_sample(dataset, 1, "", SAMPLE_SKIPPED);
	assert_string_equal(history(dataset, 0), "cat ada task");
	assert_counts_true(dataset);
}

static void a_vote_among_several_is_a_label_that_people_gave(void **state)
{
	struct dataset_policy policy = {.overlap = 2};
	struct dataset *dataset = make_dataset(*state, "surveyed", &policy);
	const struct dataset_seed seeds[] = {{picture(0), "dog"}};

	add_pictures(dataset, 1);
	label_next(dataset, "ada", 0, "cat");
	assert_merged(merge(dataset, seeds, 1), 0, 0, 1);
	assert_sample(dataset, 0, "", SAMPLE_UNLABELLED);
	dataset_close(dataset);
}

static void a_label_taken_from_a_seed_ends_the_leases_of_its_sample(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct dataset_seed seeds[] = {{picture(0), "dog"}};
	struct task task;

	add_pictures(dataset, 1);
	must(lease_next(dataset, "ada", &task, &failure));
	merge(dataset, seeds, 1);
	refused(lease_label(dataset, "ada", task.token, "cat", -1, NULL, &failure), ERR_CONFLICT);
	assert_sample(dataset, 0, "dog", SAMPLE_LABELLED);
	assert_int_equal(leased(dataset), 0);
	task_release(&task);
}

static void a_file_listed_twice_is_one_sample(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct dataset_seed seeds[] = {{"a.png", ""}, {"b.png", ""}, {"a.png", "cat"}, {"b.png", ""}};

	assert_merged(merge(dataset, seeds, 4), 2, 1, 2);
	assert_sample(dataset, 0, "cat", SAMPLE_LABELLED);
	assert_counts_true(dataset);
}

static void a_seeded_label_need_not_be_the_datasets(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct dataset_seed seeds[] = {{"a.png", "un$icorn.x"}, {"b.png", "un$icorn.x"}};
	struct dataset_info info;
	bool created;
	int64_t key;

	merge(dataset, seeds, 2);
	assert_sample(dataset, 0, "un$icorn.x", SAMPLE_LABELLED);
	assert_counts_true(dataset);
	must(dataset_label_add(dataset, "un$icorn.x", &key, &created, &failure));
	must(dataset_info(dataset, &info, &failure));
	assert_string_equal(info.labels.item[3].name, "un$icorn.x");
	assert_int_equal(info.labels.item[3].count, 2);
	dataset_info_release(&info);
}

static void filepaths_are_any_text(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	static const char *const paths[] = {"with space.png",
	                                    "100%.png",
	                                    "a#b?c&d.png",
	                                    "it's \"quoted\".png",
	                                    "sub/folder/x.png",
	                                    "$set.png",
	                                    "dots...and.more",
	                                    "tab\there",
	                                    "line\nbreak",
	                                    "caf\xc3\xa9.png",
	                                    "cafe\xcc\x81.png",
	                                    "\xf0\x9f\x90\x88.png",
	                                    "A.PNG",
	                                    "a.png"};
	enum { PATHS = sizeof(paths) / sizeof(*paths) };
	struct dataset_seed seeds[PATHS];
	bool accepted;

	for (size_t i = 0; i < PATHS; i++)
		seeds[i] = (struct dataset_seed){paths[i], ""};
	assert_merged(merge(dataset, seeds, PATHS), PATHS, 0, 0);
	assert_merged(merge(dataset, seeds, PATHS), 0, 0, PATHS);
	for (int i = 0; i < PATHS; i++) {
		must(dataset_label_path(dataset, "ada", "/pictures", paths[i], "cat", &accepted, &failure));
		assert_true(accepted);
		assert_sample(dataset, i, "cat", SAMPLE_LABELLED);
	}
	assert_counts_true(dataset);
}

static void a_bad_seed_changes_nothing(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const struct dataset_seed no_path[] = {{"a.png", ""}, {"", ""}};
	const struct dataset_seed bad_label[] = {{"a.png", ""}, {"b.png", "two\nlines"}};
	struct dataset_merged merged = {0};

	refused(dataset_merge(dataset, NULL, 0, no_path, 2, &merged, &failure), ERR_BAD_REQUEST);
	refused(dataset_merge(dataset, NULL, 0, bad_label, 2, &merged, &failure), ERR_BAD_REQUEST);
	assert_merged(merged, 0, 0, 0);
	assert_counts_true(dataset);
}

static void ten_thousand_samples_are_merged_at_once(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample sample;
	int64_t size;

	add_pictures(dataset, DATASET_MERGE_MAX);
	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, DATASET_MERGE_MAX);
	must(dataset_sample(dataset, DATASET_MERGE_MAX - 1, &sample, &failure));
	assert_string_equal(sample.filepath, picture(DATASET_MERGE_MAX - 1));
	sample_release(&sample);
	assert_counts_true(dataset);
}

/* What a write changes in indexes grows with the filepaths' lengths, and MongoDB keeps it all in memory. */
static void long_filepaths_are_merged_as_short_ones(void **state)
{
	enum { LENGTH = 1000 };
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_seed *seeds = memory_new(DATASET_MERGE_MAX, sizeof(*seeds));
	char *paths = memory_raw((size_t)DATASET_MERGE_MAX * (LENGTH + 1));
	struct dataset_merged merged = {0};

	for (int i = 0; i < DATASET_MERGE_MAX; i++) {
		char *path = paths + (size_t)i * (LENGTH + 1);

		memset(path, 'a' + i % 26, LENGTH);
		path[200] = path[400] = path[600] = path[800] = '/';
		snprintf(path + LENGTH - 10, 11, "%06d.png", i);
		seeds[i] = (struct dataset_seed){.filepath = path, .label = ""};
	}
	must(dataset_merge(dataset, NULL, 0, seeds, DATASET_MERGE_MAX, &merged, &failure));
	assert_int_equal(merged.samples_added, DATASET_MERGE_MAX);
	must(dataset_merge(dataset, NULL, 0, seeds, DATASET_MERGE_MAX, &merged, &failure));
	assert_int_equal(merged.samples_known, DATASET_MERGE_MAX);
	assert_counts_true(dataset);
	free(seeds);
	free(paths);
}

static void samples_are_read_page_by_page(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct sample *samples;
	size_t count;

	add_pictures(dataset, 25);
	int64_t expected = 0;
	for (int64_t after = -1; expected < 25; after = expected - 1) {
		must(dataset_samples(dataset, NULL, after, 10, &samples, &count, &failure));
		assert_int_equal(count, expected < 20 ? 10 : 5);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(samples[i].id, expected);
			assert_string_equal(samples[i].filepath, picture((int)expected));
			expected++;
			sample_release(&samples[i]);
		}
		free(samples);
	}
	must(dataset_samples(dataset, NULL, 24, 10, &samples, &count, &failure));
	assert_int_equal(count, 0);
	free(samples);
	refused(dataset_samples(dataset, NULL, -1, 0, &samples, &count, &failure), ERR_BAD_REQUEST);
	refused(dataset_samples(dataset, NULL, -1, 1001, &samples, &count, &failure), ERR_BAD_REQUEST);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	static const int64_t ids[] = {-1, 2, 1000000, INT64_MAX, INT64_MIN};
	struct sample sample;

	add_pictures(dataset, 2);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		refused(dataset_sample(dataset, ids[i], &sample, &failure), ERR_NOT_FOUND);
		assert_string_equal(failure.text, "Sample not found");
	}
	refused(dataset_sample_by_path(dataset, "PICTURE-0.png", &sample, &failure), ERR_NOT_FOUND);
	refused(dataset_sample_by_sha256(dataset, "", &sample, &failure), ERR_NOT_FOUND);
	refused(dataset_history(dataset, 2, NULL, NULL, &failure), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(ids_follow_the_order_of_insertion_from_zero),
		DATASET_TEST(a_seeded_sample_is_as_its_seed_says_and_nothing_more),
		DATASET_TEST(merging_again_adds_nothing),
		DATASET_TEST(a_label_is_taken_by_a_sample_that_nobody_labelled),
		DATASET_TEST(a_label_is_taken_by_a_sample_that_cannot_be_read_now),
		DATASET_TEST(a_label_that_people_gave_is_never_touched),
		STORE_TEST(a_vote_among_several_is_a_label_that_people_gave),
		DATASET_TEST(a_label_taken_from_a_seed_ends_the_leases_of_its_sample),
		DATASET_TEST(a_file_listed_twice_is_one_sample),
		DATASET_TEST(a_seeded_label_need_not_be_the_datasets),
		DATASET_TEST(filepaths_are_any_text),
		DATASET_TEST(a_bad_seed_changes_nothing),
		DATASET_TEST(ten_thousand_samples_are_merged_at_once),
		DATASET_TEST(long_filepaths_are_merged_as_short_ones),
		DATASET_TEST(samples_are_read_page_by_page),
		DATASET_TEST(what_is_not_there_is_not_found),
	};

	return RUN(tests);
}
