/* Contract: what is removed is gone for good: its id is never given again, no seed brings it back, counts stay true. */
#include "fixture.h"

#include <string.h>

#include "dataset/correct.h"
#include "dataset/removal.h"

static const char sha256[] = "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff";

static void upload(struct dataset *dataset, const char *filepath, const char *key, int64_t *id)
{
	const struct dataset_image image = {.filepath = filepath,
	                                    .label = "cat",
	                                    .blob_key = key,
	                                    .type = "image/png",
	                                    .sha256 = sha256,
	                                    .filename = "",
	                                    .url = "",
	                                    .bytes = 1000,
	                                    .width = 4,
	                                    .height = 4,
	                                    .user = "ada"};
	struct sample sample;
	bool duplicate;

	must(dataset_add_image(dataset, &image, 0, &sample, &duplicate, &failure));
	assert_false(duplicate);
	*id = sample.id;
	sample_release(&sample);
}

/* Removes the sample, which must be the only one with its filepath. */
static void remove_one(struct dataset *dataset, int64_t id)
{
	struct tombstone *removed;
	size_t count;

	must(dataset_remove_sample(dataset, id, "eve", &removed, &count, &failure));
	assert_int_equal(count, 1);
	assert_int_equal(removed->id, id);
	assert_string_equal(removed->by, "eve");
	assert_true(removed->due);
	tombstones_release(removed, count);
}

static size_t seed(struct dataset *dataset, const char *filepath, const char *label, int64_t *known)
{
	struct dataset_merged merged = {0};

	must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){filepath, label}, 1, &merged, &failure));
	*known = merged.samples_known;
	return (size_t)merged.samples_added;
}

static void assert_missing(struct dataset *dataset, int64_t id)
{
	struct sample sample;

	refused(dataset_sample(dataset, id, &sample, &failure), ERR_NOT_FOUND);
	assert_string_equal(failure.text, "Sample not found");
}

static int64_t size_of(struct dataset *dataset)
{
	int64_t size;

	must(dataset_size(dataset, &size, &failure));
	return size;
}

static void removed_sample_is_gone(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset;
	struct correction correction = {.user = "ada"};
	struct tombstone *removed;
	struct sample sample;
	size_t count;

	add_pictures(dataset, 5);
	label_next(dataset, "ada", 0, "cat");
	flag(dataset, 0, "bob", "look");
	remove_one(dataset, 0);
	remove_one(dataset, 3);
	assert_missing(dataset, 0);
	assert_missing(dataset, 3);
	refused(dataset_sample_by_path(dataset, picture(0), &sample, &failure), ERR_NOT_FOUND);
	refused(dataset_history(dataset, 0, NULL, NULL, &failure), ERR_NOT_FOUND);
	refused(sample_decide(dataset, 0, "cat", &correction, &sample, &failure), ERR_NOT_FOUND);
	refused(dataset_flag(dataset, 0, "bob", "look", &sample, &failure), ERR_NOT_FOUND);
	refused(dataset_remove_sample(dataset, 0, "eve", &removed, &count, &failure), ERR_NOT_FOUND);
	refused(dataset_remove_sample(dataset, 5, "eve", &removed, &count, &failure), ERR_NOT_FOUND);
	refused(dataset_remove_sample(dataset, -1, "eve", &removed, &count, &failure), ERR_NOT_FOUND);
	refused(dataset_remove_sample(dataset, INT64_MAX, "eve", &removed, &count, &failure), ERR_NOT_FOUND);
	assert_int_equal(size_of(dataset), 3);
	assert_counts_true(dataset);
	assert_int_equal(next_id(dataset, "cyd"), 1);
}

static void id_of_the_last_is_not_given_again(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset;
	struct sample sample;
	int64_t id, known;

	add_pictures(dataset, 3);
	remove_one(dataset, 2);
	remove_one(dataset, 1);
	remove_one(dataset, 0);
	assert_int_equal(size_of(dataset), 0);
	assert_int_equal(seed(dataset, "new.png", "", &known), 1);
	must(dataset_sample_by_path(dataset, "new.png", &sample, &failure));
	assert_int_equal(sample.id, 3);
	sample_release(&sample);
	remove_one(dataset, 3);
	upload(dataset, "phone.png", "images/cat/img-1.png", &id);
	assert_int_equal(id, 4);
	assert_int_equal(size_of(dataset), 1);
	assert_counts_true(dataset);
}

static void seed_does_not_bring_it_back(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset;
	struct dataset_store *other = another_store(fixture);
	int64_t known;

	add_pictures(dataset, 2);
	struct dataset *same = open_dataset(other, "animals");
	remove_one(dataset, 1);
	assert_int_equal(seed(dataset, picture(1), "dog", &known), 0);
	assert_int_equal(known, 1);
	assert_int_equal(seed(same, picture(1), "dog", &known), 0);
	assert_int_equal(known, 1);
	dataset_close(same);
	dataset_store_free(other);
	assert_int_equal(size_of(dataset), 1);
	assert_counts_true(dataset);
}

static void lease_ends_with_its_sample(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset;

	add_pictures(dataset, 1);
	struct task task = next_task(dataset, "ada");
	remove_one(dataset, 0);
	assert_token_is_void(dataset, "ada", task.token);
	assert_int_equal(leased(dataset), 0);
	task_release(&task);
	refused(lease_next(dataset, "ada", &task, &failure), ERR_NOT_FOUND);
}

static void same_bytes_again_are_a_new_sample_under_another_key(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset;
	struct dataset_store *other = another_store(fixture);
	struct dataset *same = open_dataset(other, "animals");
	struct dataset_image image = {.filepath = "again.png",
	                              .label = "",
	                              .blob_key = "images/cat/img-1.png",
	                              .type = "image/png",
	                              .sha256 = sha256,
	                              .filename = "",
	                              .url = "",
	                              .bytes = 1000,
	                              .user = "ada"};
	struct dataset_counts counts;
	struct sample sample;
	bool duplicate, known;
	int64_t id, first, again;

	must(dataset_removed_bytes(dataset, sha256, &id, &failure));
	assert_int_equal(id, -1);
	upload(dataset, "phone.png", "images/cat/img-1.png", &first);
	remove_one(dataset, first);
	must(dataset_has_blob(dataset, "images/cat/img-1.png", &known, &failure));
	assert_false(known);
	must(dataset_counts(dataset, &counts, &failure));
	assert_int_equal(counts.bytes, 0);
	/* Another process, too, whose upload was under way, may not use the key. */
	refused(dataset_add_image(dataset, &image, 0, &sample, &duplicate, &failure), ERR_CONFLICT);
	refused(dataset_add_image(same, &image, 0, &sample, &duplicate, &failure), ERR_CONFLICT);
	must(dataset_removed_bytes(same, sha256, &id, &failure));
	assert_int_equal(id, first);
	upload(same, "phone.png", "images/cat/img-2.png", &again);
	assert_int_equal(again, first + 1);
	remove_one(dataset, again);
	must(dataset_removed_bytes(dataset, sha256, &id, &failure));
	assert_int_equal(id, again);
	assert_counts_true(dataset);
	dataset_close(same);
	dataset_store_free(other);
}

static void tombstones_are_due_until_their_images_are_removed(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset;
	struct tombstone *found;
	size_t count;
	int64_t id;

	add_pictures(dataset, 3);
	upload(dataset, "phone.png", "images/cat/img-1.png", &id);
	remove_one(dataset, 0);
	remove_one(dataset, 2);
	remove_one(dataset, id);
	must(dataset_removed(dataset, true, -1, 2, &found, &count, &failure));
	assert_int_equal(count, 2);
	assert_int_equal(found[0].id, 0);
	assert_string_equal(found[0].filepath, picture(0));
	assert_string_equal(found[0].blob_key, "");
	assert_int_equal(found[1].id, 2);
	tombstones_release(found, count);
	must(dataset_removed_done(dataset, 2, &failure));
	must(dataset_removed_done(dataset, 1, &failure)); /* there is none */
	must(dataset_removed(dataset, true, 0, 10, &found, &count, &failure));
	assert_int_equal(count, 1);
	assert_int_equal(found[0].id, id);
	assert_string_equal(found[0].blob_key, "images/cat/img-1.png");
	assert_string_equal(found[0].sha256, sha256);
	assert_true(found[0].at > 0);
	tombstones_release(found, count);
	must(dataset_removed(dataset, false, -1, 10, &found, &count, &failure));
	assert_int_equal(count, 3);
	assert_false(found[1].due);
	tombstones_release(found, count);
	refused(dataset_removed(dataset, false, -1, 0, &found, &count, &failure), ERR_BAD_REQUEST);
	refused(dataset_removed(dataset, false, -1, DATASET_PAGE_MAX + 1, &found, &count, &failure), ERR_BAD_REQUEST);
}

static void new_dataset_of_the_same_name_knows_nothing_of_them(void **state)
{
	struct fixture *fixture = *state;
	int64_t known;

	add_pictures(fixture->dataset, 1);
	remove_one(fixture->dataset, 0);
	dataset_close(fixture->dataset);
	fixture->dataset = NULL;
	must(dataset_remove(fixture->store, "animals", &failure));
	fixture->dataset = make_dataset(fixture, "animals", NULL);
	assert_int_equal(seed(fixture->dataset, picture(0), "", &known), 1);
}

enum { REMOVERS = 4, PICTURES = 24 };

static void remove_all(void *data, int number)
{
	struct dataset *dataset = data;

	for (int id = 0; id < PICTURES; id++) {
		struct tombstone *removed;
		struct err err;
		size_t count;

		if (dataset_remove_sample(dataset, (id + number * 5) % PICTURES, "eve", &removed, &count, &err) == 0)
			tombstones_release(removed, count);
		else
			expect(err.code == ERR_NOT_FOUND);
	}
}

static void several_remove_the_same_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct tombstone *found;
	size_t count;

	add_pictures(fixture->dataset, PICTURES + 1);
	run_threads(REMOVERS, remove_all, fixture->dataset);
	assert_int_equal(size_of(fixture->dataset), 1);
	assert_counts_true(fixture->dataset);
	must(dataset_removed(fixture->dataset, false, -1, 100, &found, &count, &failure));
	assert_int_equal(count, PICTURES);
	tombstones_release(found, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(removed_sample_is_gone),
		DATASET_TEST(id_of_the_last_is_not_given_again),
		DATASET_TEST(seed_does_not_bring_it_back),
		DATASET_TEST(lease_ends_with_its_sample),
		DATASET_TEST(same_bytes_again_are_a_new_sample_under_another_key),
		DATASET_TEST(tombstones_are_due_until_their_images_are_removed),
		DATASET_TEST(new_dataset_of_the_same_name_knows_nothing_of_them),
		DATASET_TEST(several_remove_the_same_at_once),
	};

	return RUN(tests);
}
