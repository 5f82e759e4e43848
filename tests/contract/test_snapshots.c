/* Contract: snapshots stay as they were made, and all samples are seen as of one moment. */
#include "fixture.h"

#include "base/memory.h"
#include "dataset/snapshot.h"
#include "dataset/task.h"

enum { SAMPLES = 1500 }; /* more than a server sends at once */

static struct snapshot made(const char *name, const char *digest)
{
	return (struct snapshot){.name = memory_text(name),
	                         .digest = memory_text(digest),
	                         .blob_key = memory_format("datasets/animals/snapshots/%s.jsonl", digest),
	                         .split = memory_text("80,10,10"),
	                         .seed = memory_text("s"),
	                         .by = memory_text("ada"),
	                         .size = 7};
}

static void add(struct dataset *dataset, const char *name, const char *digest)
{
	struct snapshot snapshot = made(name, digest);

	must(snapshot_add(dataset, &snapshot, &failure));
	assert_true(snapshot.at > 0);
	snapshot_release(&snapshot);
}

static void one_is_found_as_it_was_added(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct snapshot added = made("paper \"1\" 猫", "abc"), found;

	must(snapshot_add(dataset, &added, &failure));
	must(snapshot_find(dataset, added.name, &found, &failure));
	assert_string_equal(found.name, added.name);
	assert_string_equal(found.digest, "abc");
	assert_string_equal(found.blob_key, "datasets/animals/snapshots/abc.jsonl");
	assert_string_equal(found.split, "80,10,10");
	assert_string_equal(found.seed, "s");
	assert_string_equal(found.by, "ada");
	assert_int_equal(found.size, 7);
	assert_int_equal(found.at, added.at);
	snapshot_release(&found);
	snapshot_release(&added);
	refused(snapshot_find(dataset, "paper", &found, &failure), ERR_NOT_FOUND);
}

static void a_taken_name_is_refused(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	struct snapshot second = made("paper", "other"), found;

	add(dataset, "paper", "first");
	refused(snapshot_add(dataset, &second, &failure), ERR_CONFLICT);
	must(snapshot_find(dataset, "paper", &found, &failure));
	assert_string_equal(found.digest, "first");
	snapshot_release(&found);
	snapshot_release(&second);
}

static void names_are_checked(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	char fits[SNAPSHOT_NAME_MAX + 1] = "", long_one[SNAPSHOT_NAME_MAX + 2] = "";
	const char *const bad[] = {"", "a/b", ".hidden", "two\nlines", "\xff", long_one};

	memset(fits, 'n', SNAPSHOT_NAME_MAX);
	memset(long_one, 'n', SNAPSHOT_NAME_MAX + 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct snapshot snapshot = made(bad[i], "x");

		refused(snapshot_add(dataset, &snapshot, &failure), ERR_BAD_REQUEST);
		snapshot_release(&snapshot);
	}
	add(dataset, fits, "x");
}

static void they_are_listed_by_name_in_pages(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset = fixture->dataset, *other = make_dataset(fixture, "plants", NULL);
	struct snapshot *page;
	size_t count;

	add(dataset, "b", "2");
	add(dataset, "c", "3");
	add(dataset, "a", "1");
	add(other, "a", "9");
	must(snapshot_list(dataset, "", 2, &page, &count, &failure));
	assert_int_equal(count, 2);
	assert_string_equal(page[0].digest, "1");
	assert_string_equal(page[1].digest, "2");
	snapshots_free(page, count);
	must(snapshot_list(dataset, "b", 2, &page, &count, &failure));
	assert_int_equal(count, 1);
	assert_string_equal(page[0].name, "c");
	snapshots_free(page, count);
	refused(snapshot_list(dataset, "", 0, &page, &count, &failure), ERR_BAD_REQUEST);
	refused(snapshot_list(dataset, "", DATASET_PAGE_MAX + 1, &page, &count, &failure), ERR_BAD_REQUEST);
	dataset_close(other);
}

static void its_manifest_is_known_to_be_in_use(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	bool known;

	add(dataset, "paper", "abc");
	must(dataset_has_blob(dataset, "datasets/animals/snapshots/abc.jsonl", &known, &failure));
	assert_true(known);
	must(dataset_has_blob(dataset, "datasets/animals/snapshots/other.jsonl", &known, &failure));
	assert_false(known);
}

static void they_go_with_their_dataset(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *page;
	size_t count;

	add(fixture->dataset, "paper", "abc");
	dataset_close(fixture->dataset);
	must(dataset_remove(fixture->store, "animals", &failure));
	fixture->dataset = make_dataset(fixture, "animals", NULL);
	must(snapshot_list(fixture->dataset, "", 10, &page, &count, &failure));
	assert_int_equal(count, 0);
	snapshots_free(page, count);
}

struct walk {
	struct dataset *dataset;
	int64_t next;
	bool fails;
};

/* At the first sample, changes the last one and adds another. */
static int see(void *data, const struct sample *sample, struct err *err)
{
	struct walk *walk = data;
	bool accepted;

	if (walk->fails && walk->next == 2)
		return err_set(err, ERR_NO_SPACE, "enough");
	assert_int_equal(sample->id, walk->next++);
	assert_string_equal(sample->label, "");
	if (sample->id == 0 && !walk->fails) {
		must(dataset_label_path(walk->dataset, "bob", "/pictures", picture(SAMPLES - 1), "cat", &accepted, err));
		assert_true(accepted);
		const struct dataset_seed seed = {.filepath = "late.png", .label = "dog"};
		struct dataset_merged merged = {0};
		must(dataset_merge(walk->dataset, NULL, 0, &seed, 1, &merged, err));
	}
	return 0;
}

static void all_samples_are_seen_as_of_one_moment(void **state)
{
	struct walk walk = {.dataset = ((struct fixture *)*state)->dataset};

	add_pictures(walk.dataset, SAMPLES);
	must(dataset_visit_all(walk.dataset, see, &walk, &failure));
	assert_int_equal(walk.next, SAMPLES);
	assert_sample(walk.dataset, SAMPLES - 1, "cat", SAMPLE_LABELLED);
}

static void a_visit_that_fails_ends_it(void **state)
{
	struct walk walk = {.dataset = ((struct fixture *)*state)->dataset, .fails = true};

	add_pictures(walk.dataset, 10);
	refused(dataset_visit_all(walk.dataset, see, &walk, &failure), ERR_NO_SPACE);
	assert_int_equal(walk.next, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(one_is_found_as_it_was_added),
		DATASET_TEST(a_taken_name_is_refused),
		DATASET_TEST(names_are_checked),
		DATASET_TEST(they_are_listed_by_name_in_pages),
		DATASET_TEST(its_manifest_is_known_to_be_in_use),
		DATASET_TEST(they_go_with_their_dataset),
		DATASET_TEST(all_samples_are_seen_as_of_one_moment),
		DATASET_TEST(a_visit_that_fails_ends_it),
	};

	return RUN(tests);
}
