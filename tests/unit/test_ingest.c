/* The way of an image into the stores, without any request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "intake/ingest.h"
#include "sqlite_store.h"

enum { PIXELS_MAX = 1000 };

static struct dataset *cats;
static struct ingest ingest;

static void refused(int failed, enum err_code code)
{
	assert_true(failed);
	assert_int_equal(failure.code, code);
}

static int set_up(void **state)
{
	store_set_up_with(state, ", \"image_store\": {\"dir\": \"images\"}");
	must(dataset_create(store, "cats", "", NULL, &failure));
	must(dataset_open(store, "cats", &cats, &failure));
	ingest = (struct ingest){.intents = intents_new(temp("pending")),
	                         .dataset = cats,
	                         .key_dataset = "cats",
	                         .user = "ann",
	                         .base_url = "https://label.example",
	                         .pixels_max = PIXELS_MAX};
	must(blob_open(&ingest.blobs, &config, &failure));
	return 0;
}

static int tear_down(void **state)
{
	blob_free(ingest.blobs);
	intents_free(ingest.intents);
	dataset_close(cats);
	return store_tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A GIF of a pixel, with a comment of a letter by which it differs from others. */
static const unsigned char head[] = "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff\x21\xfe\1", tail[] = "\0\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0\x3b";
enum { GIF_BYTES = sizeof(head) + sizeof(tail) - 1 };

static struct ingest_image gif(char letter, const char *label, const char *filepath)
{
	static unsigned char bytes[GIF_BYTES];
	struct ingest_image image = {.label = label, .filepath = filepath, .filename = ""};

	memcpy(bytes, head, sizeof(head) - 1);
	bytes[sizeof(head) - 1] = (unsigned char)letter;
	memcpy(bytes + sizeof(head), tail, sizeof(tail) - 1);
	image.source = (struct ingest_source){.bytes = bytes, .length = GIF_BYTES};
	hash_sha256(bytes, GIF_BYTES, image.source.sha256);
	return image;
}

static int store_gif(char letter, const char *label, const char *filepath, struct sample *out, bool *duplicate)
{
	const struct ingest_image image = gif(letter, label, filepath);

	return ingest_store(&ingest, &image, out, duplicate, &failure);
}

static int try_gif(char letter, const char *filepath)
{
	struct sample sample;
	bool duplicate;
	int failed = store_gif(letter, "", filepath, &sample, &duplicate);

	if (!failed)
		sample_release(&sample);
	return failed;
}

static void add_label(const char *name)
{
	int64_t key;
	bool created;

	must(dataset_label_add(cats, name, &key, &created, &failure));
}

static void an_image_becomes_a_sample_and_an_object(void **state)
{
	(void)state;
	struct blob_info info;
	struct sample sample;
	bool duplicate;

	add_label("tabby");
	must(store_gif('a', "tabby", "one.gif", &sample, &duplicate));
	assert_false(duplicate);
	assert_string_equal(sample.filepath, "one.gif");
	assert_string_equal(sample.label, "tabby");
	assert_string_equal(sample.type, "image/gif");
	assert_string_equal(sample.uploaded_by, "ann");
	assert_memory_equal(sample.blob_key, "datasets/cats/images/tabby/img-", 31);
	must(blob_stat(ingest.blobs, sample.blob_key, &info, &failure));
	assert_int_equal(info.bytes, GIF_BYTES);
	sample_release(&sample);
}

static void the_same_bytes_are_the_sample_that_was_there(void **state)
{
	(void)state;
	struct sample sample;
	bool duplicate;

	must(try_gif('a', "one.gif"));
	must(store_gif('a', "", "two.gif", &sample, &duplicate));
	assert_true(duplicate);
	assert_string_equal(sample.filepath, "one.gif");
	assert_int_equal(ingest.bytes, GIF_BYTES);
	sample_release(&sample);
}

static void one_without_a_filepath_is_called_as_its_key(void **state)
{
	(void)state;
	struct sample sample;
	bool duplicate;

	must(store_gif('a', "", NULL, &sample, &duplicate));
	assert_memory_equal(sample.filepath, "images/unlabelled/img-", 22);
	assert_string_equal(sample.filepath, sample.blob_key + strlen("datasets/cats/"));
	sample_release(&sample);
}

static void other_bytes_at_a_filepath_are_refused(void **state)
{
	(void)state;
	must(try_gif('a', "one.gif"));
	refused(try_gif('b', "one.gif"), ERR_CONFLICT);
}

static void the_quota_holds_to_the_byte_and_counts_what_was_stored(void **state)
{
	(void)state;
	ingest.quota_bytes = 2 * GIF_BYTES;
	must(try_gif('a', "a.gif"));
	must(try_gif('b', "b.gif"));
	refused(try_gif('c', "c.gif"), ERR_NO_SPACE);
	ingest.quota_bytes = 2 * GIF_BYTES + GIF_BYTES - 1;
	refused(try_gif('c', "c.gif"), ERR_NO_SPACE);
	ingest.quota_bytes = 3 * GIF_BYTES;
	must(try_gif('c', "c.gif"));
}

static void make_public(bool is_public)
{
	const struct dataset_change change = {.fields = DATASET_POLICY_PUBLIC, .policy = {.public_images = is_public}};

	must(dataset_update(cats, &change, &failure));
}

/* The request read the policy before it changed. */
static void an_image_is_as_public_as_its_dataset_has_become(void **state)
{
	(void)state;
	struct sample sample;
	bool duplicate;
	char path[PATH_MAX];

	make_public(true);
	must(store_gif('a', "", "a.gif", &sample, &duplicate));
	assert_true(ingest.is_public);
	must(blob_path(ingest.blobs, sample.blob_key, path, &failure));
	assert_non_null(strstr(path, "/images/public/"));
	sample_release(&sample);
	make_public(false);
	must(store_gif('b', "", "b.gif", &sample, &duplicate));
	assert_false(ingest.is_public);
	must(blob_path(ingest.blobs, sample.blob_key, path, &failure));
	assert_non_null(strstr(path, "/images/private/"));
	sample_release(&sample);
}

static void a_public_url_is_the_server_s_where_the_store_has_none(void **state)
{
	(void)state;
	struct buf url;

	buf_init(&url, INGEST_URL_MAX);
	must(ingest_url(ingest.blobs, "images/a.gif", ingest.base_url, &url, &failure));
	assert_string_equal(buf_text(&url), "https://label.example/public/images/a.gif");
	buf_release(&url);
}

static void assert_label(const char *given, const char *name)
{
	char *found;

	must(ingest_label(cats, given, &found, &failure));
	assert_string_equal(found, name);
	free(found);
}

static void a_label_is_found_by_name_and_by_key(void **state)
{
	(void)state;
	static const char *const others[] = {"2", "00", "+1", "-0", "1 ", "lion"};
	char *found;

	add_label("tabby");
	add_label("1"); /* whose own key is 1, too */
	assert_label("", "");
	assert_label("tabby", "tabby");
	assert_label("0", "tabby");
	assert_label("1", "1");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		refused(ingest_label(cats, others[i], &found, &failure), ERR_UNPROCESSABLE);
}

static void filepaths_stay_inside_their_dataset(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\tb"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused(ingest_filepath(bad[i], &failure), ERR_BAD_REQUEST);
	must(ingest_filepath("a/...b/c..d", &failure));
}

static void what_is_no_image_leaves_nothing(void **state)
{
	(void)state;
	struct ingest_image image = {.label = "", .filename = "", .source = {.bytes = "", .length = 0}};
	struct sample sample;
	bool duplicate;
	int64_t size;

	refused(ingest_store(&ingest, &image, &sample, &duplicate, &failure), ERR_BAD_REQUEST);
	image.source = (struct ingest_source){.bytes = "text", .length = 4};
	refused(ingest_store(&ingest, &image, &sample, &duplicate, &failure), ERR_MEDIA_TYPE);
	must(dataset_size(cats, &size, &failure));
	assert_int_equal(size, 0);
	assert_int_equal(access(temp("images/private/datasets"), F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_image_becomes_a_sample_and_an_object),
		TEST(the_same_bytes_are_the_sample_that_was_there),
		TEST(one_without_a_filepath_is_called_as_its_key),
		TEST(other_bytes_at_a_filepath_are_refused),
		TEST(the_quota_holds_to_the_byte_and_counts_what_was_stored),
		TEST(an_image_is_as_public_as_its_dataset_has_become),
		TEST(a_public_url_is_the_server_s_where_the_store_has_none),
		TEST(a_label_is_found_by_name_and_by_key),
		TEST(filepaths_stay_inside_their_dataset),
		TEST(what_is_no_image_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
