/* The JSON documents of datasets, samples and tasks, field by field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "fastcgi/document.h"
#include "dataset/task.h"

/* 2026-01-31T12:34:56.789Z */
#define A_TIME INT64_C(1769862896789000)

static void assert_document(cJSON *document, const char *expected)
{
	struct buf text;

	buf_init(&text, 64 * 1024);
	assert_int_equal(json_print(document, &text), 0);
	assert_string_equal(buf_text(&text), expected);
	buf_release(&text);
	cJSON_Delete(document);
}

static struct sample seeded(void)
{
	static char filepath[] = "a b/1.png", none[] = "";

	return (struct sample){
		.filepath = filepath,
		.label = none,
		.state = SAMPLE_UNLABELLED,
		.blob_key = none,
		.type = none,
		.sha256 = none,
		.filename = none,
		.uploaded_by = none,
		.labelled_by = none,
	};
}

static void what_is_not_known_of_a_sample_is_null(void **state)
{
	(void)state;
	struct sample sample = seeded();

	assert_document(document_sample("cats", &sample, NULL, ""),
	                "{\"id\":0,\"filepath\":\"a b/1.png\",\"label\":\"\",\"state\":\"unlabelled\",\"version\":0,"
	                "\"flag\":null,\"flagged_by\":null,"
	                "\"sha256\":null,\"bytes\":null,\"type\":null,\"width\":null,\"height\":null,"
	                "\"image_url\":\"/images/cats/a%20b/1.png\",\"thumb_url\":\"/v1/datasets/cats/samples/0/thumb?size=256\","
	                "\"uploaded_at\":null,\"uploaded_by\":null,\"labelled_at\":null,\"labelled_by\":null}");
}

static void all_that_is_known_of_a_sample_is_told(void **state)
{
	(void)state;
	struct sample sample = seeded();

	sample.id = 7;
	sample.label = (char[]){"sphynx"};
	sample.state = SAMPLE_LABELLED;
	sample.version = 3;
	sample.flag = (char[]){""}; /* a note, though an empty one */
	sample.flagged_by = (char[]){"cyd"};
	sample.type = (char[]){"image/png"};
	sample.sha256 = (char[]){"00ff"};
	sample.bytes = 1234;
	sample.width = 640;
	sample.height = 480;
	sample.uploaded_at = A_TIME;
	sample.uploaded_by = (char[]){"ana"};
	sample.labelled_at = A_TIME + 1000;
	sample.labelled_by = (char[]){"bob"};
	assert_document(document_sample("cats", &sample, NULL, "3f2a"),
	                "{\"id\":7,\"filepath\":\"a b/1.png\",\"label\":\"sphynx\",\"state\":\"labelled\",\"version\":3,"
	                "\"flag\":\"\",\"flagged_by\":\"cyd\","
	                "\"sha256\":\"00ff\",\"bytes\":1234,\"type\":\"image/png\",\"width\":640,\"height\":480,"
	                "\"image_url\":\"/images/cats/a%20b/1.png\",\"thumb_url\":\"/v1/datasets/cats/samples/7/thumb?size=256&v=3f2a\","
	                "\"uploaded_at\":\"2026-01-31T12:34:56.789Z\",\"uploaded_by\":\"ana\","
	                "\"labelled_at\":\"2026-01-31T12:34:56.790Z\",\"labelled_by\":\"bob\"}");
}

static void assert_path(const char *dataset, const char *filepath, const char *expected)
{
	struct sample sample = {.id = 7, .filepath = (char *)(uintptr_t)filepath};
	struct buf path;

	buf_init(&path, 64 * 1024);
	document_image_path(dataset, &sample, &path);
	assert_string_equal(buf_text(&path), expected);
	buf_release(&path);
}

static void an_images_address_is_percent_encoded(void **state)
{
	(void)state;
	assert_path("cats", "tom.png", "/images/cats/tom.png");
	assert_path("my cats", "a/b c/100%.png", "/images/my%20cats/a/b%20c/100%25.png");
	assert_path("a&b", "#1?x=\"y\"'.png", "/images/a%26b/%231%3Fx%3D%22y%22%27.png");
	assert_path("猫", "ñ\n.png", "/images/%E7%8C%AB/%C3%B1%0A.png");
}

static void where_an_address_would_lose_parts_of_the_filepath_it_is_by_id(void **state)
{
	(void)state;
	assert_path("my cats", "./a b.png", "/v1/datasets/my%20cats/samples/7/image#./a%20b.png");
	assert_path("cats", "a/../b.png", "/v1/datasets/cats/samples/7/image#a/../b.png");
	assert_path("cats", "a/.", "/v1/datasets/cats/samples/7/image#a/.");
	assert_path("cats", ".../a..b/.c/d.", "/images/cats/.../a..b/.c/d.");
	assert_path("cats", "/a//b.png", "/images/cats//a//b.png");
}

static void the_longest_address_is_whole(void **state)
{
	(void)state;
	enum { NAME = 128, FILEPATH = 4096 };
	char dataset[NAME + 1] = {0}, filepath[FILEPATH + 1] = {0};
	struct sample sample = seeded();

	memset(dataset, '%', NAME);
	memset(filepath, '%', FILEPATH);
	sample.filepath = filepath;
	cJSON *document = document_sample(dataset, &sample, NULL, "");
	assert_int_equal(strlen(cJSON_GetObjectItem(document, "image_url")->valuestring), 9 + 3 * (NAME + FILEPATH));
	cJSON_Delete(document);
}

static void a_dataset_tells_its_counts_labels_and_policy(void **state)
{
	(void)state;
	struct dataset_label labels[] = {
		{.key = 0, .name = (char[]){"tabby"}, .count = 2, .position = -0.5, .colour = "#0080ff",
	         .description = (char[]){"striped"}},
		{.key = 11, .name = (char[]){"sphynx, \"bald\""}, .position = 11},
	};
	struct dataset_info info = {
		.place = {.base_dir = (char[]){"/data/cats"},
	                  .policy = {.overlap = 2, .lease_seconds = 600, .order = DATASET_ORDER_RANDOM,
	                             .skip = DATASET_SKIP_IGNORE, .public_images = true}},
		.counts = {.size = 10, .labelled = 2, .unlabelled = 5, .skipped = 2, .unreadable = 1, .leased = 3},
		.labels = {labels, 2},
	};

	assert_document(document_dataset("cats", &info),
	                "{\"name\":\"cats\",\"base_dir\":\"/data/cats\",\"size\":10,"
	                "\"counts\":{\"labelled\":2,\"unlabelled\":5,\"skipped\":2,\"unreadable\":1,\"review\":0,\"leased\":3},"
	                "\"labels\":[{\"key\":\"0\",\"name\":\"tabby\",\"count\":2,"
	                "\"colour\":\"#0080ff\",\"description\":\"striped\",\"position\":-0.5},"
	                "{\"key\":\"11\",\"name\":\"sphynx, \\\"bald\\\"\",\"count\":0,"
	                "\"colour\":null,\"description\":\"\",\"position\":11}],"
	                "\"policy\":{\"overlap\":2,\"overlap_max\":4,\"lease_seconds\":600,\"order\":\"random\",\"skip\":\"ignore\",\"public\":true,"
	                "\"gold_rate\":0}}");
}

static void a_dataset_without_labels_has_an_empty_list(void **state)
{
	(void)state;
	struct dataset_info info = {.place = {.base_dir = (char[]){""}, .policy = dataset_policy_default()}};

	assert_document(document_dataset("new", &info),
	                "{\"name\":\"new\",\"base_dir\":\"\",\"size\":0,"
	                "\"counts\":{\"labelled\":0,\"unlabelled\":0,\"skipped\":0,\"unreadable\":0,\"review\":0,\"leased\":0},"
	                "\"labels\":[],\"policy\":{\"overlap\":1,\"overlap_max\":3,\"lease_seconds\":0,\"order\":\"sequential\","
	                "\"skip\":\"requeue_for_me\",\"public\":false,\"gold_rate\":0}}");
}

static void a_task_comes_with_its_sample(void **state)
{
	(void)state;
	struct task task = {.token = "abc", .expires_at = A_TIME, .sample = seeded()};
	cJSON *document = document_task(&task, document_sample("cats", &task.sample, NULL, ""));

	assert_string_equal(cJSON_GetObjectItem(document, "token")->valuestring, "abc");
	assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(document, "sample"), "id")->valueint, 0);
	cJSON_Delete(document);
	assert_document(document_task(&task, NULL), "{\"token\":\"abc\",\"expires_at\":\"2026-01-31T12:34:56.789Z\"}");
}

static void an_image_in_a_store_has_the_stores_address(void **state)
{
	(void)state;
	struct sample sample = seeded();
	cJSON *document = document_sample("cats", &sample, "https://s3.example/cats/img-1.png", "");

	assert_string_equal(cJSON_GetObjectItem(document, "image_url")->valuestring, "https://s3.example/cats/img-1.png");
	cJSON_Delete(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_of_a_sample_is_null),
		cmocka_unit_test(all_that_is_known_of_a_sample_is_told),
		cmocka_unit_test(an_images_address_is_percent_encoded),
		cmocka_unit_test(where_an_address_would_lose_parts_of_the_filepath_it_is_by_id),
		cmocka_unit_test(the_longest_address_is_whole),
		cmocka_unit_test(a_dataset_tells_its_counts_labels_and_policy),
		cmocka_unit_test(a_dataset_without_labels_has_an_empty_list),
		cmocka_unit_test(a_task_comes_with_its_sample),
		cmocka_unit_test(an_image_in_a_store_has_the_stores_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
