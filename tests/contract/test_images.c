/* Contract: uploaded images: added once, found again, bounded by a quota. */
#include "fixture.h"

#include "base/hash.h"
#include "dataset/removal.h"
#include "dataset/task.h"

/* An image whose bytes are those of `content`. The texts live until the next call on this thread. */
static struct dataset_image image(const char *filepath, const char *content)
{
	static _Thread_local char sha256[HASH_SHA256_HEX], key[256];
	unsigned char digest[HASH_SHA256_SIZE];

	hash_sha256(content, strlen(content), digest);
	hash_hex(digest, sizeof(digest), sha256);
	snprintf(key, sizeof(key), "images/cat/img-%.32s.png", sha256);
	return (struct dataset_image){.filepath = filepath,
	                              .label = "",
	                              .blob_key = key,
	                              .type = "image/png",
	                              .sha256 = sha256,
	                              .filename = "from my phone.png",
	                              .url = "http://bucket.example/key",
	                              .bytes = 1000,
	                              .width = 640,
	                              .height = 480,
	                              .user = "ada"};
}

static void an_uploaded_image_is_a_sample_with_all_that_is_known_of_it(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_image uploaded = image("sub/a.png", "a");
	struct sample sample, found;
	bool duplicate, has;

	add_pictures(dataset, 2);
	must(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure));
	assert_false(duplicate);
	assert_int_equal(sample.id, 2);
	must(dataset_sample_by_sha256(dataset, uploaded.sha256, &found, &failure));
	for (int i = 0; i < 2; i++) {
		const struct sample *is = i ? &found : &sample;

		assert_string_equal(is->filepath, "sub/a.png");
		assert_string_equal(is->blob_key, uploaded.blob_key);
		assert_string_equal(is->type, "image/png");
		assert_string_equal(is->sha256, uploaded.sha256);
		assert_string_equal(is->filename, "from my phone.png");
		assert_int_equal(is->bytes, 1000);
		assert_int_equal(is->width, 640);
		assert_int_equal(is->height, 480);
		assert_string_equal(is->uploaded_by, "ada");
		assert_true(is->uploaded_at > 0);
		assert_string_equal(is->label, "");
		assert_int_equal(is->state, SAMPLE_UNLABELLED);
		assert_int_equal(is->version, 0);
		assert_int_equal(is->labelled_at, 0);
		assert_string_equal(is->labelled_by, "");
	}
	must(dataset_has_blob(dataset, uploaded.blob_key, &has, &failure));
	assert_true(has);
	must(dataset_has_blob(dataset, "images/cat/other.png", &has, &failure));
	assert_false(has);
	must(dataset_has_blob(dataset, "", &has, &failure));
	assert_false(has);
	sample_release(&sample);
	sample_release(&found);
	assert_counts_true(dataset);
}

static void assert_same(const struct sample *one, const struct sample *other)
{
	const char *const texts[][2] = {{one->filepath, other->filepath},       {one->label, other->label},
	                                {one->blob_key, other->blob_key},       {one->type, other->type},
	                                {one->sha256, other->sha256},           {one->filename, other->filename},
	                                {one->uploaded_by, other->uploaded_by}, {one->labelled_by, other->labelled_by},
	                                {one->flagged_by, other->flagged_by}};
	const int64_t numbers[][2] = {{one->id, other->id},
	                              {one->state, other->state},
	                              {one->version, other->version},
	                              {one->bytes, other->bytes},
	                              {one->width, other->width},
	                              {one->height, other->height},
	                              {one->uploaded_at, other->uploaded_at},
	                              {one->labelled_at, other->labelled_at},
	                              {!one->flag, !other->flag}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_string_equal(texts[i][0], texts[i][1]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		assert_int_equal(numbers[i][0], numbers[i][1]);
}

static void an_upload_is_answered_as_its_sample_is_read(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	static const char *const labels[] = {"", "cat"};

	for (int i = 0; i < 4; i++) { /* each one twice */
		struct dataset_image uploaded = image(i % 2 ? "b.png" : "a.png", i % 2 ? "b" : "a");
		struct sample answered, read;
		bool duplicate;

		uploaded.label = labels[i % 2];
		must(dataset_add_image(dataset, &uploaded, 0, &answered, &duplicate, &failure));
		assert_int_equal(duplicate, i >= 2);
		must(dataset_sample(dataset, answered.id, &read, &failure));
		assert_same(&answered, &read);
		sample_release(&answered);
		sample_release(&read);
	}
}

static void an_image_may_come_with_its_label(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_image uploaded = image("a.png", "a");
	struct sample sample;
	bool duplicate;

	uploaded.label = "fish";
	refused(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure), ERR_UNPROCESSABLE);
	uploaded.label = "dog";
	must(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure));
	assert_int_equal(sample.id, 0);
	assert_string_equal(sample.label, "dog");
	assert_int_equal(sample.state, SAMPLE_LABELLED);
	assert_string_equal(sample.labelled_by, "ada");
	assert_string_equal(history(dataset, 0), "dog ada upload");
	assert_counts_true(dataset);
	sample_release(&sample);
}

static void the_same_bytes_again_are_the_same_image(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_image uploaded = image("a.png", "a");
	struct sample sample;
	bool duplicate;

	uploaded.label = "dog";
	must(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure));
	sample_release(&sample);
	uploaded.filepath = "b.png";
	uploaded.label = "cat";
	uploaded.user = "bob";
	must(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure));
	assert_true(duplicate);
	assert_int_equal(sample.id, 0);
	assert_string_equal(sample.filepath, "a.png");
	assert_string_equal(sample.label, "dog");
	assert_string_equal(sample.uploaded_by, "ada");
	assert_string_equal(history(dataset, 0), "dog ada upload");
	sample_release(&sample);
	int64_t size;
	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, 1);
	assert_counts_true(dataset);
}

static void the_same_bytes_in_another_dataset_are_another_image(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *other = make_dataset(fixture, "other", NULL);
	struct dataset_image uploaded = image("a.png", "a");
	struct sample sample;
	bool duplicate;

	must(dataset_add_image(fixture->dataset, &uploaded, 0, &sample, &duplicate, &failure));
	sample_release(&sample);
	must(dataset_add_image(other, &uploaded, 0, &sample, &duplicate, &failure));
	assert_false(duplicate);
	sample_release(&sample);
	dataset_close(other);
}

static void other_bytes_at_a_taken_filepath_are_a_conflict(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_image first = image("a.png", "a");
	struct sample sample;
	bool duplicate;

	add_pictures(dataset, 1);
	must(dataset_add_image(dataset, &first, 0, &sample, &duplicate, &failure));
	sample_release(&sample);
	struct dataset_image second = image("a.png", "b");
	refused(dataset_add_image(dataset, &second, 0, &sample, &duplicate, &failure), ERR_CONFLICT);
	second.filepath = picture(0); /* taken by one that lies in base_dir */
	refused(dataset_add_image(dataset, &second, 0, &sample, &duplicate, &failure), ERR_CONFLICT);
	second.filepath = "b.png";
	must(dataset_add_image(dataset, &second, 0, &sample, &duplicate, &failure));
	assert_int_equal(sample.id, 2); /* what was refused took no id */
	sample_release(&sample);
	assert_counts_true(dataset);
}

static void an_image_stored_more_or_less_public_than_the_dataset_is_a_conflict(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_policy policy = dataset_policy_default();
	struct dataset_image uploaded = image("a.png", "a");
	struct sample sample;
	bool duplicate;

	for (int round = 0; round < 3; round++) {
		policy.public_images = round == 1;
		set_policy(dataset, &policy);
		uploaded.is_public = !policy.public_images;
		refused(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure), ERR_CONFLICT);
		uploaded.is_public = policy.public_images;
		must(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure));
		assert_int_equal(duplicate, round > 0);
		assert_int_equal(sample.id, 0);
		sample_release(&sample);
	}
	assert_counts_true(dataset);
}

static void the_quota_of_bytes_is_kept(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_image uploaded = image("a.png", "a");
	struct sample sample;
	bool duplicate;

	must(dataset_add_image(dataset, &uploaded, 2000, &sample, &duplicate, &failure));
	sample_release(&sample);
	uploaded = image("b.png", "b");
	must(dataset_add_image(dataset, &uploaded, 2000, &sample, &duplicate, &failure)); /* to the last byte */
	sample_release(&sample);
	must(dataset_add_image(dataset, &uploaded, 2000, &sample, &duplicate, &failure)); /* a duplicate takes none */
	assert_true(duplicate);
	sample_release(&sample);
	uploaded = image("c.png", "c");
	uploaded.bytes = 1;
	refused(dataset_add_image(dataset, &uploaded, 2000, &sample, &duplicate, &failure), ERR_NO_SPACE);
	must(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure)); /* no quota */
	sample_release(&sample);
	assert_counts_true(dataset);
}

static void uploaded_images_are_labelled_like_all_others(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_image uploaded = image("a.png", "a");
	struct sample sample;
	bool duplicate, accepted;

	add_pictures(dataset, 1);
	must(dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure));
	sample_release(&sample);
	label_next(dataset, "bob", 0, "cat");
	label_next(dataset, "bob", 1, "dog");
	must(dataset_label_path(dataset, "bob", "/pictures", "a.png", "cat", &accepted, &failure));
	assert_true(accepted);
	must(dataset_sample_by_path(dataset, "a.png", &sample, &failure));
	assert_string_equal(sample.label, "cat");
	assert_string_equal(sample.blob_key, uploaded.blob_key); /* a later label doesn't move it */
	sample_release(&sample);
	assert_counts_true(dataset);
}

enum { UPLOADERS = 16, IMAGES = 10 };

struct uploads {
	struct dataset *dataset;
	int new_ones[UPLOADERS];
	int64_t id[UPLOADERS][IMAGES];
};

static void upload_all(void *data, int number)
{
	struct uploads *uploads = data;

	for (int i = 0; i < IMAGES; i++) {
		char content[16], path[32];
		struct sample sample;
		bool duplicate = true;

		snprintf(content, sizeof(content), "image %d", i);
		snprintf(path, sizeof(path), "%d of %d.png", i, number);
		struct dataset_image uploaded = image(path, content);
		if (!expect(dataset_add_image(uploads->dataset, &uploaded, 0, &sample, &duplicate, &failure) == 0))
			return;
		uploads->new_ones[number] += !duplicate;
		uploads->id[number][i] = sample.id;
		sample_release(&sample);
	}
}

static void images_uploaded_by_many_at_once_are_added_once(void **state)
{
	struct uploads uploads = {.dataset = ((struct fixture *)*state)->dataset};
	int64_t size;
	int new_ones = 0;

	run_threads(UPLOADERS, upload_all, &uploads);
	for (int i = 0; i < UPLOADERS; i++) {
		new_ones += uploads.new_ones[i];
		assert_memory_equal(uploads.id[i], uploads.id[0], sizeof(uploads.id[0]));
	}
	assert_int_equal(new_ones, IMAGES);
	must(dataset_size(uploads.dataset, &size, &failure));
	assert_int_equal(size, IMAGES);
	assert_counts_true(uploads.dataset);
}

static void what_was_computed_of_a_file_is_kept_with_it_and_changes_nothing_else(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct dataset_content of[] = {{1, "aa11", 7, 1234567890123456789}, {99, "of no sample", 1, 1}};
	struct sample before, after;

	add_pictures(dataset, 3);
	must(dataset_sample(dataset, 1, &before, &failure));
	assert_string_equal(before.file_sha256, "");
	assert_int_equal(before.file_bytes, 0);
	must(dataset_set_contents(dataset, of, 2, &failure));
	must(dataset_set_contents(dataset, of, 0, &failure));
	must(dataset_sample(dataset, 1, &after, &failure));
	assert_string_equal(after.file_sha256, "aa11");
	assert_int_equal(after.file_bytes, 7);
	assert_int_equal(after.file_modified_ns, 1234567890123456789);
	assert_string_equal(after.sha256, "");
	assert_int_equal(after.version, before.version);
	sample_release(&before);
	sample_release(&after);

	/* In place of what was kept before; and a label takes nothing of it away. */
	of[0].bytes = 8;
	must(dataset_set_contents(dataset, of, 1, &failure));
	label_next(dataset, "ada", 0, "cat");
	label_next(dataset, "ada", 1, "cat");
	must(dataset_sample(dataset, 1, &after, &failure));
	assert_int_equal(after.file_bytes, 8);
	assert_string_equal(after.label, "cat");
	sample_release(&after);
}

static void note_label(void *data, const char *filepath, const char *label)
{
	buf_printf(data, "%s=%s;", filepath, label);
}

static void filepaths_and_labels_alone_come_page_by_page(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct buf said, wanted;
	int64_t after = -1;
	size_t count = 2;

	buf_init(&said, 10000);
	buf_init(&wanted, 10000);
	add_pictures(dataset, 5);
	label_next(dataset, "ada", 0, "cat");
	for (int i = 0; i < 5; i++)
		buf_printf(&wanted, "%s=%s;", picture(i), i == 0 ? "cat" : "");
	for (int pages = 0; count == 2; pages++) {
		must(dataset_each_label(dataset, &after, 2, note_label, &said, &count, &failure));
		assert_int_equal(after, pages < 2 ? 2 * pages + 1 : 4);
	}
	assert_int_equal(count, 1);
	assert_string_equal(buf_text(&said), buf_text(&wanted));
	must(dataset_each_label(dataset, &after, 2, note_label, &said, &count, &failure));
	assert_int_equal(count, 0);
	assert_int_equal(after, 4);
	buf_release(&said);
	buf_release(&wanted);
}

/* --- and removed meanwhile ---------------------------------------------------------------------------------------- */

enum { RACES = 100, RACERS = 3 };

static void upload_again(struct dataset *dataset, int race)
{
	char content[32];
	struct sample sample;
	bool duplicate;

	snprintf(content, sizeof(content), "raced %d", race);
	struct dataset_image uploaded = image("raced.png", content);
	/* a conflict: with the removed image's key, or with the place of one that is there yet */
	if (dataset_add_image(dataset, &uploaded, 0, &sample, &duplicate, &failure) == 0)
		sample_release(&sample);
	else
		expect(failure.code == ERR_CONFLICT);
}

static void remove_uploaded(struct dataset *dataset)
{
	struct sample sample;
	struct tombstone *tombstones;
	size_t count;

	if (dataset_sample_by_path(dataset, "raced.png", &sample, &failure)) {
		expect(failure.code == ERR_NOT_FOUND);
		return;
	}
	expect(dataset_remove_sample(dataset, sample.id, "ada", &tombstones, &count, &failure) == 0);
	tombstones_release(tombstones, count);
	sample_release(&sample);
}

static void race(void *data, int number)
{
	for (int i = 0; i < RACES; i++) {
		upload_again(data, i);
		if (number == 0)
			remove_uploaded(data);
	}
}

static void what_is_removed_while_it_is_uploaded_again_is_a_duplicate_or_a_conflict(void **state)
{
	run_threads(RACERS, race, ((struct fixture *)*state)->dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(an_uploaded_image_is_a_sample_with_all_that_is_known_of_it),
		DATASET_TEST(an_upload_is_answered_as_its_sample_is_read),
		DATASET_TEST(an_image_may_come_with_its_label),
		DATASET_TEST(the_same_bytes_again_are_the_same_image),
		DATASET_TEST(the_same_bytes_in_another_dataset_are_another_image),
		DATASET_TEST(other_bytes_at_a_taken_filepath_are_a_conflict),
		DATASET_TEST(an_image_stored_more_or_less_public_than_the_dataset_is_a_conflict),
		DATASET_TEST(the_quota_of_bytes_is_kept),
		DATASET_TEST(uploaded_images_are_labelled_like_all_others),
		DATASET_TEST(images_uploaded_by_many_at_once_are_added_once),
		DATASET_TEST(what_is_removed_while_it_is_uploaded_again_is_a_duplicate_or_a_conflict),
		DATASET_TEST(what_was_computed_of_a_file_is_kept_with_it_and_changes_nothing_else),
		DATASET_TEST(filepaths_and_labels_alone_come_page_by_page),
	};

	return RUN(tests);
}
