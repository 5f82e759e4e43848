/* JSON datasets merged into the store, as at start and at reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataset/seed.h"
#include "dataset/seedfile.h"
#include "dataset/task.h"
#include "sqlite_store.h"

static struct buf warnings, told;

static int set_up(void **state)
{
	store_set_up_with(state, ", \"json_db_dir\": \"json\", \"json_user_dir\": \"users\"");
	assert_int_equal(mkdir(temp("json"), 0755), 0);
	buf_init(&warnings, 1 << 20);
	buf_init(&told, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	buf_release(&warnings);
	buf_release(&told);
	return store_tear_down(state);
}

static void tell(void *data, const struct seed_result *result)
{
	(void)data;
	const struct dataset_merged *merged = &result->merged;
	buf_printf(&told, "%s %s%s%s ", result->file, result->dataset, result->created ? " created" : "",
	           result->known ? " known" : "");
	buf_printf(&told, "labels+%d samples+%d labelled+%d;", (int)merged->labels_added,
	           (int)merged->samples_added, (int)merged->samples_labelled);
}

static const char *seed(void)
{
	buf_clear(&warnings);
	buf_clear(&told);
	must(seed_merge(store, config.json_db_dir, tell, NULL, &warnings, &failure));
	return buf_text(&told);
}

static void assert_warned(const char *text)
{
	if (!strstr(buf_text(&warnings), text))
		fail_msg("no \"%s\" in: %s", text, buf_text(&warnings));
}

static void assert_no_warning(void)
{
	assert_string_equal(buf_text(&warnings), "");
}

/* The dataset as text: base_dir, labels, then each sample. */
static const char *contents(const char *name)
{
	static struct buf text;
	struct dataset *dataset;
	struct dataset_info info;
	struct sample *samples;
	size_t count;
	buf_release(&text);
	buf_init(&text, 1 << 20);
	must(dataset_open(store, name, &dataset, &failure));
	must(dataset_info(dataset, &info, &failure));
	buf_printf(&text, "%s:", info.place.base_dir);
	for (size_t i = 0; i < info.labels.count; i++)
		buf_printf(&text, " %s", info.labels.item[i].name);
	dataset_info_release(&info);
	must(dataset_samples(dataset, NULL, -1, 100, &samples, &count, &failure));
	for (size_t i = 0; i < count; i++) {
		buf_printf(&text, "; %s=%s", samples[i].filepath, samples[i].label);
		sample_release(&samples[i]);
	}
	free(samples);
	dataset_close(dataset);
	return buf_text(&text);
}

static bool exists(const char *name)
{
	struct dataset *dataset;
	if (dataset_open(store, name, &dataset, &failure) != 0)
		return false;
	dataset_close(dataset);
	return true;
}

#define SET(name, base, labels, samples) \
	"{\"dataset_name\": \"" name "\", \"labels\": [" labels "], \"base_dir\": \"" base "\", " \
	"\"samples\": [" samples "]}"

static void makes_a_dataset_of_a_file(void **state)
{
	(void)state;
	temp_text("json/any name.json",
	          SET("faces", "/path/to/images", "\"positive\", \"negative\", \"neutral\"",
	              "{\"filepath\": \"image1.png\", \"label\": \"neutral\"},"
	              "{\"filepath\": \"sub dir/ímage2.jpeg\", \"label\": \"\"},"
	              "{\"filepath\": \"image3.bmp\", \"label\": null}, {\"filepath\": \"image4.bmp\"}"));
	assert_string_equal(seed(), "any name.json faces created labels+3 samples+4 labelled+0;");
	assert_no_warning();
	assert_string_equal(contents("faces"),
	                    "/path/to/images: positive negative neutral; image1.png=neutral; "
	                    "sub dir/ímage2.jpeg=; image3.bmp=; image4.bmp=");
}

/* As an editor on Windows writes it. */
static void a_byte_order_mark_is_no_part_of_a_file(void **state)
{
	(void)state;
	temp_text("json/marked.json", "\xef\xbb\xbf" SET("marked", "/m", "\"a\"", "{\"filepath\": \"1.png\"}"));
	temp_text("json/only a mark.json", "\xef\xbb\xbf\r\n");
	assert_string_equal(seed(), "marked.json marked created labels+1 samples+1 labelled+0;");
	assert_string_equal(contents("marked"), "/m: a; 1.png=");
	assert_warned("only a mark.json is empty");
}

static void any_order_of_keys_and_further_keys_will_do(void **state)
{
	(void)state;
	temp_text("json/a.json",
	          "{\"version\": 3, \"more\": {\"labels\": [1], \"samples\": {\"filepath\": 7}},"
	          "\"samples\": [{\"size\": [640, 480], \"label\": \"cat\", \"filepath\": \"a.png\","
	          "\"box\": {\"filepath\": 1, \"label\": []}}], \"list\": [[{\"filepath\": 2}], \"x\"],"
	          "\"base_dir\": \"/d\", \"labels\": [\"cat\"], \"dataset_name\": \"last\", \"ok\": true}");
	assert_string_equal(seed(), "a.json last created labels+1 samples+1 labelled+0;");
	assert_no_warning();
	assert_string_equal(contents("last"), "/d: cat; a.png=cat");
}

static void a_file_without_samples_makes_an_empty_dataset(void **state)
{
	(void)state;
	temp_text("json/a.json", "{\"dataset_name\": \"empty\", \"labels\": [\"x\"], \"base_dir\": \"/d\"}");
	seed();
	assert_no_warning();
	assert_string_equal(contents("empty"), "/d: x");
}

static void a_relative_base_dir_begins_at_the_file(void **state)
{
	(void)state;
	static const struct {
		const char *json, *expected;
	} cases[] = {
		{SET("a", "images/here", "\"x\"", ""), "/json/images/here: x"},
		{SET("b", "./images", "\"x\"", ""), "/json/images: x"},
		{SET("c", ".", "\"x\"", ""), "/json: x"},
		{SET("d", "../images", "\"x\"", ""), "/json/../images: x"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[] = {(char)('a' + i), '\0'}, file[20], expected[2 * PATH_MAX];
		snprintf(file, sizeof(file), "json/%s.json", name);
		temp_text(file, cases[i].json);
		seed();
		snprintf(expected, sizeof(expected), "%s%s", tempdir, cases[i].expected);
		assert_string_equal(contents(name), expected);
	}
}

static void what_was_merged_is_passed_over(void **state)
{
	(void)state;
	temp_text("json/a.json", SET("d", "/d", "\"x\"", "{\"filepath\": \"1.png\"}"));
	assert_string_equal(seed(), "a.json d created labels+1 samples+1 labelled+0;");
	assert_string_equal(seed(), "a.json d known labels+0 samples+0 labelled+0;");

	/* The same bytes in another file are merged; so is the dataset when it was removed. */
	assert_int_equal(rename(temp("json/a.json"), temp("json/b.json")), 0);
	assert_string_equal(seed(), "b.json d labels+0 samples+0 labelled+0;");
	must(dataset_remove(store, "d", &failure));
	assert_string_equal(seed(), "b.json d created labels+1 samples+1 labelled+0;");
}

static void a_changed_file_adds_what_is_new(void **state)
{
	(void)state;
	temp_text("json/a.json",
	          SET("d", "/d", "\"x\"", "{\"filepath\": \"1.png\"}, {\"filepath\": \"2.png\"}"));
	seed();
	struct dataset *dataset;
	bool accepted;
	must(dataset_open(store, "d", &dataset, &failure));
	must(dataset_label_path(dataset, "ann", "/d", "2.png", "x", &accepted, &failure));
	assert_true(accepted);
	dataset_close(dataset);

	temp_text("json/a.json", SET("d", "/d", "\"y\"",
	                             "{\"filepath\": \"3.png\"},"
	                             "{\"filepath\": \"2.png\", \"label\": \"y\"},"
	                             "{\"filepath\": \"1.png\", \"label\": \"y\"}"));
	assert_string_equal(seed(), "a.json d labels+1 samples+1 labelled+1;");
	assert_no_warning();
	assert_string_equal(contents("d"), "/d: x y; 1.png=y; 2.png=x; 3.png="); /* what ann said stays */
}

static void the_store_is_the_truth(void **state)
{
	(void)state;
	temp_text("json/a.json", SET("d", "/old", "\"x\"", "{\"filepath\": \"1.png\"}"));
	seed();
	temp_text("json/a.json", SET("d", "/new", "\"x\"", "{\"filepath\": \"1.png\"}"));
	seed();
	assert_warned("/json/a.json: base_dir is \"/new\", but dataset \"d\" has \"/old\", which holds");
	assert_int_equal(unlink(temp("json/a.json")), 0);
	assert_string_equal(seed(), "");
	assert_string_equal(contents("d"), "/old: x; 1.png=");
}

#define BAD(rest) "{\"dataset_name\": \"bad\", " rest "}"
#define WITH(samples) SET("bad", "/d", "\"x\"", samples)

static void a_broken_file_is_named_with_its_line_and_leaves_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *json, *warning;
	} broken[] = {
		{"", "x.json"},
		{"[]", "object"},
		{"\"bad\"", "object"},
		{BAD("\n\"labels\": [\"x\"],\n\"base_dir\": \"/d\",\n\"samples\": [{]"), "line 4"},
		{WITH("{\"filepath\": \"1.png\"},\n{\"label\": \"x\"}"), "line 2: a sample lacks"},
		{WITH("{\"filepath\": \"1.png\"},\n\n{\"filepath\": 2}"), "line 3: a sample's"},
		{WITH("{\"filepath\": \"1.png\", \"label\": 1}"), "a sample's \"label\""},
		{WITH("{\"filepath\": null}"), "a sample's \"filepath\""},
		{WITH("{\"filepath\": [\"1.png\"]}"), "a sample's \"filepath\""},
		{WITH("{\"filepath\": \"1.png\", \"label\": {}}"), "a sample's \"label\""},
		{WITH("{\"filepath\": \"\"}"), "filepath"},
		{WITH("{\"filepath\": \"1.png\", \"label\": \"a\\nb\"}"), "label"},
		{WITH("\"1.png\""), "each of \"samples\" must be an object"},
		{WITH("[]"), "each of \"samples\" must be an object"},
		{SET("bad", "/d", "7", ""), "each of \"labels\" must be a string"},
		{SET("bad", "/d", "{}", ""), "each of \"labels\" must be a string"},
		{SET("bad", "/d", "[\"x\"]", ""), "each of \"labels\" must be a string"},
		{SET("bad", "/d", "\"\"", ""), "labels"},
		{BAD("\"labels\": \"x\", \"base_dir\": \"/d\""), "\"labels\" must be a list"},
		{BAD("\"labels\": {}, \"base_dir\": \"/d\""), "\"labels\" must be a list"},
		{BAD("\"labels\": [], \"base_dir\": null"), "\"base_dir\" must be a string"},
		{BAD("\"labels\": [], \"base_dir\": []"), "\"base_dir\" must be a string"},
		{"{\"dataset_name\": 7, \"labels\": [], \"base_dir\": \"/d\"}", "\"dataset_name\" must be"},
		{"{\"labels\": [], \"base_dir\": \"/d\"}", "lacks the key \"dataset_name\""},
		{BAD("\"labels\": []"), "lacks the key \"base_dir\""},
		{BAD("\"base_dir\": \"/d\""), "lacks the key \"labels\""},
		{SET("../bad", "/d", "\"x\"", ""), "x.json"},
		{SET("", "/d", "\"x\"", ""), "x.json"},
		{SET("bad", "/d\\n", "\"x\"", ""), "base_dir"},
		{WITH("{\"filepath\": \"1.png\"}") " trailing", "x.json"},
	};
	temp_text("json/a.json", SET("first", "/d", "\"x\"", ""));
	temp_text("json/z.json", SET("last", "/d", "\"x\"", ""));
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		temp_text("json/x.json", broken[i].json);
		seed();
		assert_warned("/json/x.json");
		assert_warned(broken[i].warning);
		assert_false(exists("bad"));
		assert_true(exists("first") && exists("last"));
	}
}

static void looks_only_at_json_files(void **state)
{
	(void)state;
	temp_text("json/.hidden.json", SET("hidden", "/d", "\"x\"", ""));
	temp_text("json/a.json.bak", SET("backup", "/d", "\"x\"", ""));
	temp_text("json/notes.txt", "hello");
	assert_string_equal(seed(), "");
	assert_no_warning();
	assert_int_equal(mkdir(temp("json/folder.json"), 0755), 0);
	assert_int_equal(mkfifo(temp("json/pipe.json"), 0644), 0);
	seed();
	assert_warned("folder.json");
	assert_warned("pipe.json");
	must(seed_merge(store, temp("absent"), tell, NULL, &warnings, &failure));
}

static void files_are_taken_in_byte_order(void **state)
{
	(void)state;
	temp_text("json/b.json", SET("d", "/b", "\"x\"", "{\"filepath\": \"b.png\"}"));
	temp_text("json/B.json", SET("d", "/B", "\"y\"", "{\"filepath\": \"B.png\"}"));
	temp_text("json/a.json", SET("d", "/a", "\"z\"", "{\"filepath\": \"a.png\"}"));
	seed();
	assert_string_equal(contents("d"), "/B: y z x; B.png=; a.png=; b.png=");
}

static void oddities_are_kept_and_told_once(void **state)
{
	(void)state;
	temp_text("json/a.json", SET("d", "/d", "\"x\"",
	                             "{\"filepath\": \"1.png\", \"label\": \"other\"},"
	                             "{\"filepath\": \"2.png\", \"label\": \"third\"},"
	                             "{\"filepath\": \"2.png\", \"label\": \"x\"}"));
	seed();
	assert_warned("2 samples have a label that the dataset lacks");
	assert_warned("1 samples repeat a filepath");
	assert_string_equal(contents("d"), "/d: x; 1.png=other; 2.png=third");
	seed();
	assert_no_warning();
}

static void more_samples_than_one_write_takes(void **state)
{
	(void)state;
	enum { COUNT = 2 * DATASET_MERGE_MAX + 7 };
	struct buf text;
	buf_init(&text, 16 << 20);
	buf_str(&text, "{\"dataset_name\": \"big\", \"base_dir\": \"/d\", \"labels\": [\"even\"],"
	               "\"samples\": [");
	for (int i = 0; i < COUNT; i++)
		buf_printf(&text, "%s{\"filepath\": \"%d.png\", \"label\": \"%s\"}", i ? "," : "", i,
		           i % 2 ? "" : "even");
	buf_str(&text, "]}");
	temp_text("json/big.json", buf_text(&text));
	buf_release(&text);
	seed();
	assert_no_warning();

	struct dataset *dataset;
	struct dataset_info info;
	must(dataset_open(store, "big", &dataset, &failure));
	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.counts.size, COUNT);
	assert_int_equal(info.counts.labelled, COUNT / 2 + 1);
	dataset_info_release(&info);
	struct sample sample;
	for (int i = 0; i < COUNT; i += 5003) {
		char filepath[20];
		snprintf(filepath, sizeof(filepath), "%d.png", i);
		must(dataset_sample(dataset, i, &sample, &failure));
		assert_string_equal(sample.filepath, filepath);
		sample_release(&sample);
	}
	dataset_close(dataset);
}

static void an_interrupted_merge_goes_on(void **state)
{
	(void)state;
	temp_text("json/a.json",
	          SET("d", "/d", "\"x\", \"y\"", "{\"filepath\": \"1.png\"}, {\"filepath\": \"2.png\"}"));
	struct dataset *dataset; /* as a killed process may leave it: made, with a part of it */
	must(dataset_create(store, "d", "/d", NULL, &failure));
	must(dataset_open(store, "d", &dataset, &failure));
	const char *label = "x";
	struct dataset_seed part = {"1.png", ""};
	struct dataset_merged merged = {0};
	must(dataset_merge(dataset, &label, 1, &part, 1, &merged, &failure));
	dataset_close(dataset);
	assert_string_equal(seed(), "a.json d labels+1 samples+1 labelled+0;");
	assert_string_equal(contents("d"), "/d: x y; 1.png=; 2.png=");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_a_dataset_of_a_file),
		TEST(a_byte_order_mark_is_no_part_of_a_file),
		TEST(any_order_of_keys_and_further_keys_will_do),
		TEST(a_file_without_samples_makes_an_empty_dataset),
		TEST(a_relative_base_dir_begins_at_the_file),
		TEST(what_was_merged_is_passed_over),
		TEST(a_changed_file_adds_what_is_new),
		TEST(the_store_is_the_truth),
		TEST(a_broken_file_is_named_with_its_line_and_leaves_nothing),
		TEST(looks_only_at_json_files),
		TEST(files_are_taken_in_byte_order),
		TEST(oddities_are_kept_and_told_once),
		TEST(more_samples_than_one_write_takes),
		TEST(an_interrupted_merge_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
