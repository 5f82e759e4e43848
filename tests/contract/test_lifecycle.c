/* Contract: datasets are created, found, listed, changed and removed; their labels and notes. */
#include "fixture.h"

static void a_new_dataset_is_empty_and_has_the_default_policy(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_info info;

	must(dataset_create(fixture->store, "animals", "/pictures", NULL, &failure));
	struct dataset *dataset = open_dataset(fixture->store, "animals");
	assert_string_equal(dataset_name(dataset), "animals");
	must(dataset_info(dataset, &info, &failure));
	assert_string_equal(info.place.base_dir, "/pictures");
	assert_int_equal(info.counts.size, 0);
	assert_int_equal(info.counts.leased, 0);
	assert_int_equal(info.labels.count, 0);
	assert_int_equal(info.place.policy.overlap, 1);
	assert_int_equal(info.place.policy.lease_seconds, LEASE_SECONDS); /* the configuration's, resolved */
	assert_int_equal(info.place.policy.order, DATASET_ORDER_SEQUENTIAL);
	assert_int_equal(info.place.policy.skip, DATASET_SKIP_REQUEUE_FOR_ME);
	assert_false(info.place.policy.public_images);
	dataset_info_release(&info);
	assert_counts_true(dataset);
	dataset_close(dataset);
}

static void a_policy_given_is_kept(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_policy policy = {.overlap = 3,
	                                .lease_seconds = 7,
	                                .order = DATASET_ORDER_RANDOM,
	                                .skip = DATASET_SKIP_IGNORE,
	                                .public_images = true};
	struct dataset *dataset = make_dataset(fixture, "surveyed", &policy);
	struct dataset_info info;

	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.place.policy.overlap, 3);
	assert_int_equal(info.place.policy.lease_seconds, 7);
	assert_int_equal(info.place.policy.order, DATASET_ORDER_RANDOM);
	assert_int_equal(info.place.policy.skip, DATASET_SKIP_IGNORE);
	assert_true(info.place.policy.public_images);
	dataset_info_release(&info);
	dataset_close(dataset);
}

static void a_taken_name_is_a_conflict(void **state)
{
	struct fixture *fixture = *state;

	refused(dataset_create(fixture->store, "animals", "/elsewhere", NULL, &failure), ERR_CONFLICT);
	struct dataset_info info;
	must(dataset_info(fixture->dataset, &info, &failure));
	assert_string_equal(info.place.base_dir, "/pictures");
	dataset_info_release(&info);
}

static void a_bad_name_base_dir_or_policy_is_refused(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	struct dataset_policy policy = dataset_policy_default();

	static const char *const names[] = {"", ".hidden", "..", "a/b", "../a", "line\nbreak", "\xff\xfe"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		refused(dataset_create(store, names[i], "/pictures", NULL, &failure), ERR_BAD_REQUEST);
	refused(dataset_create(store, "a", "relative/path", NULL, &failure), ERR_BAD_REQUEST);
	refused(dataset_create(store, "a", "/with\nbreak", NULL, &failure), ERR_BAD_REQUEST);
	policy.overlap = 0;
	refused(dataset_create(store, "a", "/pictures", &policy, &failure), ERR_BAD_REQUEST);
	policy.overlap = DATASET_OVERLAP_MAX + 1;
	refused(dataset_create(store, "a", "/pictures", &policy, &failure), ERR_BAD_REQUEST);
	policy.overlap = DATASET_OVERLAP_MAX;
	policy.lease_seconds = DATASET_LEASE_SECONDS_MAX + 1;
	refused(dataset_create(store, "a", "/pictures", &policy, &failure), ERR_BAD_REQUEST);
	policy.lease_seconds = -1;
	refused(dataset_create(store, "a", "/pictures", &policy, &failure), ERR_BAD_REQUEST);
	policy.lease_seconds = DATASET_LEASE_SECONDS_MAX;
	must(dataset_create(store, "a", "", &policy, &failure)); /* all its images will be uploaded */
}

static void an_unknown_dataset_is_not_found(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset;

	refused(dataset_open(fixture->store, "nothing", &dataset, &failure), ERR_NOT_FOUND);
	assert_string_equal(failure.text, "Database not found");
	refused(dataset_open(fixture->store, "../animals", &dataset, &failure), ERR_NOT_FOUND);
	refused(dataset_open(fixture->store, "", &dataset, &failure), ERR_NOT_FOUND);
	refused(dataset_remove(fixture->store, "nothing", &failure), ERR_NOT_FOUND);
}

static const char *const odd_names[] = {"$where", "A", "a", "a b%20c", "a.b", "animals", "caf\xc3\xa9 \xe2\x98\x95",
                                        "it's"};
enum { ODD_NAMES = sizeof(odd_names) / sizeof(*odd_names) };

struct names {
	size_t count, stop_at;
	char name[ODD_NAMES][64];
};

static bool collect(void *data, const char *name)
{
	struct names *names = data;

	snprintf(names->name[names->count++], sizeof(names->name[0]), "%s", name);
	return names->count != names->stop_at;
}

static void datasets_of_any_name_are_listed_in_byte_order(void **state)
{
	struct fixture *fixture = *state;
	struct names names = {0};

	for (size_t i = ODD_NAMES; i-- > 0;) {
		struct dataset *dataset;

		if (strcmp(odd_names[i], "animals") != 0)
			must(dataset_create(fixture->store, odd_names[i], "/pictures", NULL, &failure));
		must(dataset_open(fixture->store, odd_names[i], &dataset, &failure));
		add_pictures(dataset, (int)i);
		dataset_close(dataset);
	}
	must(dataset_store_list(fixture->store, "", 100, collect, &names, &failure));
	assert_int_equal(names.count, ODD_NAMES);
	for (size_t i = 0; i < ODD_NAMES; i++) {
		struct dataset *dataset = open_dataset(fixture->store, odd_names[i]);
		int64_t size;

		assert_string_equal(names.name[i], odd_names[i]);
		must(dataset_size(dataset, &size, &failure));
		assert_int_equal(size, i);
		dataset_close(dataset);
	}
}

static void a_list_goes_on_after_a_name_and_stops_when_told(void **state)
{
	struct fixture *fixture = *state;
	struct names names = {0};

	must(dataset_create(fixture->store, "b", "", NULL, &failure));
	must(dataset_create(fixture->store, "c", "", NULL, &failure));
	must(dataset_store_list(fixture->store, "animals", 100, collect, &names, &failure));
	assert_int_equal(names.count, 2);
	assert_string_equal(names.name[0], "b");
	names = (struct names){0};
	must(dataset_store_list(fixture->store, "", 2, collect, &names, &failure));
	assert_int_equal(names.count, 2);
	names = (struct names){.stop_at = 1};
	must(dataset_store_list(fixture->store, "aa", 100, collect, &names, &failure));
	assert_int_equal(names.count, 1);
}

static int stop_at_the_second(void *data, const char *name, struct err *err)
{
	int *visited = data;

	assert_string_equal(name, *visited == 0 ? "animals" : "birds");
	return ++*visited == 2 ? err_set(err, ERR_CONFLICT, "enough") : 0;
}

static void each_name_is_visited_until_one_visit_fails(void **state)
{
	struct fixture *fixture = *state;
	int visited = 0;

	must(dataset_create(fixture->store, "birds", "", NULL, &failure));
	must(dataset_create(fixture->store, "cats", "", NULL, &failure));
	refused(dataset_store_each(fixture->store, stop_at_the_second, &visited, &failure), ERR_CONFLICT);
	assert_int_equal(visited, 2);
}

static void a_removed_dataset_is_gone_and_its_name_is_free(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *dataset;
	struct sample sample;
	char *note;

	add_pictures(fixture->dataset, 3);
	label_next(fixture->dataset, "ada", 0, "cat");
	must(dataset_note_set(fixture->dataset, "seen", "yes", &failure));
	dataset_close(fixture->dataset);
	fixture->dataset = NULL;
	must(dataset_remove(fixture->store, "animals", &failure));
	refused(dataset_open(fixture->store, "animals", &dataset, &failure), ERR_NOT_FOUND);

	fixture->dataset = make_dataset(fixture, "animals", NULL);
	refused(dataset_sample(fixture->dataset, 0, &sample, &failure), ERR_NOT_FOUND);
	must(dataset_note_get(fixture->dataset, "seen", &note, &failure));
	assert_null(note);
	add_pictures(fixture->dataset, 1);
	assert_string_equal(history(fixture->dataset, 0), "");
	assert_counts_true(fixture->dataset);
}

static void what_another_process_adds_or_removes_is_seen_at_the_next_open(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	struct dataset *dataset;

	must(dataset_create(other, "new", "", NULL, &failure));
	dataset_close(open_dataset(fixture->store, "new"));
	must(dataset_remove(other, "new", &failure));
	refused(dataset_open(fixture->store, "new", &dataset, &failure), ERR_NOT_FOUND);

	must(dataset_create(other, "new", "/again", NULL, &failure));
	dataset = open_dataset(fixture->store, "new");
	struct dataset_info info;
	must(dataset_info(dataset, &info, &failure));
	assert_string_equal(info.place.base_dir, "/again");
	dataset_info_release(&info);
	dataset_close(dataset);
	dataset_store_free(other);
}

static void what_another_process_changes_is_seen(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	struct dataset *theirs = open_dataset(other, "animals"), *ours;
	struct dataset_policy policy = dataset_policy_default();
	bool created, accepted;
	int64_t key;

	add_pictures(fixture->dataset, 1);
	must(dataset_label_add(theirs, "fish", &key, &created, &failure));
	policy.lease_seconds = 5;
	must(dataset_update(theirs, &(struct dataset_change){.base_dir = "/moved"}, &failure));
	set_policy(theirs, &policy);
	ours = open_dataset(fixture->store, "animals");
	must(dataset_label_path(ours, "ada", "/moved", picture(0), "fish", &accepted, &failure));
	assert_true(accepted);
	dataset_close(ours);
	dataset_close(theirs);
	dataset_store_free(other);
}

static void everything_is_there_after_a_restart(void **state)
{
	struct fixture *fixture = *state;

	add_pictures(fixture->dataset, 2);
	label_next(fixture->dataset, "ada", 0, "dog");
	dataset_close(fixture->dataset);
	dataset_store_free(fixture->store);
	fixture->store = another_store(fixture);
	fixture->dataset = open_dataset(fixture->store, "animals");
	assert_sample(fixture->dataset, 0, "dog", SAMPLE_LABELLED);
	assert_int_equal(next_id(fixture->dataset, "ada"), 1);
	assert_counts_true(fixture->dataset);
}

static void more_datasets_than_are_kept_open_work_alike(void **state)
{
	struct fixture *fixture = *state;
	struct dataset *held[3 * OPEN_DATASETS];

	for (int i = 0; i < 3 * OPEN_DATASETS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "set %d", i);
		held[i] = make_dataset(fixture, name, NULL);
		add_pictures(held[i], i + 1);
	}
	for (int i = 0; i < 3 * OPEN_DATASETS; i++) {
		int64_t size;

		must(dataset_size(held[i], &size, &failure));
		assert_int_equal(size, i + 1);
		dataset_close(held[i]);
	}
	struct dataset *first = open_dataset(fixture->store, "set 0");
	assert_int_equal(next_id(first, "ada"), 0);
	dataset_close(first);
}

static void base_dir_and_policy_are_changed_apart(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_change relative = {.base_dir = "relative"}, moved = {.base_dir = "/moved"};
	struct dataset_change overlap = {.fields = DATASET_POLICY_OVERLAP, .policy = {.overlap = 2}};
	struct dataset_info info;

	must(dataset_update(fixture->dataset, &moved, &failure));
	must(dataset_update(fixture->dataset, &overlap, &failure));
	must(dataset_info(fixture->dataset, &info, &failure));
	assert_string_equal(info.place.base_dir, "/moved");
	assert_int_equal(info.place.policy.overlap, 2);
	assert_int_equal(info.place.policy.lease_seconds, LEASE_SECONDS);
	dataset_info_release(&info);
	refused(dataset_update(fixture->dataset, &relative, &failure), ERR_BAD_REQUEST);
	overlap.policy.overlap = 0;
	refused(dataset_update(fixture->dataset, &overlap, &failure), ERR_BAD_REQUEST);
}

static void a_change_that_expects_another_base_dir_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_change change = {.base_dir = "/moved", .base_dir_was = "/elsewhere", .fields = DATASET_POLICY_SKIP,
	                                .policy = {.skip = DATASET_SKIP_IGNORE}};
	struct dataset_info info;

	refused(dataset_update(fixture->dataset, &change, &failure), ERR_CONFLICT);
	must(dataset_info(fixture->dataset, &info, &failure));
	assert_string_equal(info.place.base_dir, "/pictures");
	assert_int_equal(info.place.policy.skip, DATASET_SKIP_REQUEUE_FOR_ME);
	dataset_info_release(&info);
	change.base_dir_was = "/pictures";
	must(dataset_update(fixture->dataset, &change, &failure));
}

/* The number tells which field; each has one that is its own. */
static void change_a_field(struct fixture *fixture, int number)
{
	static const struct dataset_policy to = {
		.overlap = 3, .lease_seconds = 7, .order = DATASET_ORDER_RANDOM, .skip = DATASET_SKIP_IGNORE, .public_images = true};
	struct dataset_change change = {.fields = 1U << number, .policy = to};

	expect(dataset_update(fixture->dataset, &change, &failure) == 0);
}

static void changes_of_the_policy_by_many_processes_all_hold(void **state)
{
	enum { ROUNDS = 5, FIELDS = 5 };
	struct fixture *fixture = *state;

	for (int i = 0; i < ROUNDS; i++) {
		struct dataset_policy first = dataset_policy_default();
		struct dataset_info info;

		set_policy(fixture->dataset, &first);
		run_processes(fixture, FIELDS, change_a_field);
		must(dataset_info(fixture->dataset, &info, &failure));
		assert_int_equal(info.place.policy.overlap, 3);
		assert_int_equal(info.place.policy.lease_seconds, 7);
		assert_int_equal(info.place.policy.order, DATASET_ORDER_RANDOM);
		assert_int_equal(info.place.policy.skip, DATASET_SKIP_IGNORE);
		assert_true(info.place.policy.public_images);
		dataset_info_release(&info);
	}
}

static void labels_get_keys_in_order_and_keep_them(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	static const char *const names[] = {"cat", "dog", "bird", "with.dot", "$set", "it's \"x\"", "\xe9\xb8\x9f", "0"};
	struct dataset_info info;
	bool created;
	int64_t key;

	for (int i = 3; i < 8; i++) {
		must(dataset_label_add(dataset, names[i], &key, &created, &failure));
		assert_true(created);
		assert_int_equal(key, i);
	}
	must(dataset_label_add(dataset, "dog", &key, &created, &failure));
	assert_false(created);
	assert_int_equal(key, 1);
	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.labels.count, 8);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(info.labels.item[i].key, i);
		assert_string_equal(info.labels.item[i].name, names[i]);
		assert_int_equal(info.labels.item[i].count, 0);
	}
	dataset_info_release(&info);
}

static void each_part_of_the_information_is_read_alone(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_policy policy = {
		.overlap = 2, .lease_seconds = 77, .order = DATASET_ORDER_RANDOM, .skip = DATASET_SKIP_IGNORE, .public_images = true};
	struct dataset_info info;
	struct dataset_place place;
	struct dataset_labels labels;
	struct dataset_counts counts;

	add_pictures(fixture->dataset, 3);
	label_next(fixture->dataset, "ann", 0, "cat");
	must(dataset_update(fixture->dataset, &(struct dataset_change){.base_dir = "/data/elsewhere"}, &failure));
	set_policy(fixture->dataset, &policy);
	must(dataset_info(fixture->dataset, &info, &failure));
	must(dataset_place(fixture->dataset, &place, &failure));
	must(dataset_labels(fixture->dataset, &labels, &failure));
	must(dataset_counts(fixture->dataset, &counts, &failure));
	assert_string_equal(info.place.base_dir, "/data/elsewhere");
	assert_string_equal(place.base_dir, "/data/elsewhere");
	assert_int_equal(place.policy.overlap, 2);
	assert_int_equal(place.policy.lease_seconds, 77);
	assert_int_equal(place.policy.order, DATASET_ORDER_RANDOM);
	assert_int_equal(place.policy.skip, DATASET_SKIP_IGNORE);
	assert_true(place.policy.public_images);
	assert_int_equal(labels.count, 3);
	assert_int_equal(info.labels.count, 3);
	for (size_t i = 0; i < info.labels.count; i++) {
		assert_string_equal(labels.item[i].name, info.labels.item[i].name);
		assert_int_equal(labels.item[i].key, info.labels.item[i].key);
		assert_int_equal(labels.item[i].count, 0);
	}
	assert_int_equal(info.counts.size, 3);
	assert_memory_equal(&counts, &info.counts, sizeof(counts));
	dataset_labels_release(&labels);
	dataset_place_release(&place);
	dataset_info_release(&info);
}

static void a_bad_label_is_refused(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	char longest[258];
	bool created;
	int64_t key;

	memset(longest, 'x', 257);
	longest[257] = '\0';
	refused(dataset_label_add(dataset, "", &key, &created, &failure), ERR_BAD_REQUEST);
	refused(dataset_label_add(dataset, "two\nlines", &key, &created, &failure), ERR_BAD_REQUEST);
	refused(dataset_label_add(dataset, "\xc3", &key, &created, &failure), ERR_BAD_REQUEST);
	refused(dataset_label_add(dataset, longest, &key, &created, &failure), ERR_BAD_REQUEST);
	longest[256] = '\0';
	must(dataset_label_add(dataset, longest, &key, &created, &failure));
}

/* As many labels as a dataset may have: "0", "1", … */
static const char *const *numbered(void)
{
	static char text[DATASET_LABELS_MAX][8];
	static const char *labels[DATASET_LABELS_MAX];

	for (int i = 0; i < DATASET_LABELS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "%d", i);
		labels[i] = text[i];
	}
	return labels;
}

static void a_dataset_has_at_most_so_many_labels(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const char *const *labels = numbered();
	struct dataset_merged merged = {0};
	struct dataset_info info;
	bool created;
	int64_t key;

	must(dataset_merge(dataset, labels, DATASET_LABELS_MAX - 3, NULL, 0, &merged, &failure));
	assert_int_equal(merged.labels_added, DATASET_LABELS_MAX - 3);
	refused(dataset_label_add(dataset, "one more", &key, &created, &failure), ERR_UNPROCESSABLE);
	must(dataset_label_add(dataset, "9996", &key, &created, &failure));
	assert_int_equal(key, 9999);
	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.labels.count, DATASET_LABELS_MAX);
	assert_string_equal(info.labels.item[9999].name, "9996");
	dataset_info_release(&info);
}

static void labels_that_are_too_many_are_added_not_even_in_part(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	const char *const *labels = numbered();
	struct dataset_merged merged = {0};
	struct dataset_info info;
	bool created;
	int64_t key;

	refused(dataset_merge(dataset, labels, DATASET_LABELS_MAX - 2, NULL, 0, &merged, &failure), ERR_UNPROCESSABLE);
	assert_int_equal(merged.labels_added, 0);
	must(dataset_info(dataset, &info, &failure));
	assert_int_equal(info.labels.count, 3);
	dataset_info_release(&info);
	must(dataset_label_add(dataset, "one more", &key, &created, &failure));
	assert_int_equal(key, 3);
}

static void a_note_is_kept_until_the_next_one(void **state)
{
	struct dataset *dataset = ((struct fixture *)*state)->dataset;
	char *value, longest[DATASET_NOTE_MAX + 2];

	must(dataset_note_get(dataset, "seed.json", &value, &failure));
	assert_null(value);
	must(dataset_note_set(dataset, "seed.json", "first", &failure));
	must(dataset_note_set(dataset, "seed.json", "second $x", &failure));
	must(dataset_note_set(dataset, "$other.key", "", &failure));
	must(dataset_note_get(dataset, "seed.json", &value, &failure));
	assert_string_equal(value, "second $x");
	free(value);
	must(dataset_note_get(dataset, "$other.key", &value, &failure));
	assert_string_equal(value, "");
	free(value);
	memset(longest, 'x', sizeof(longest));
	longest[DATASET_NOTE_MAX + 1] = '\0';
	refused(dataset_note_set(dataset, "seed.json", longest, &failure), ERR_INTERNAL);
	longest[DATASET_NOTE_MAX] = '\0';
	must(dataset_note_set(dataset, "seed.json", longest, &failure));
}

static void a_store_that_is_up_says_so(void **state)
{
	must(dataset_store_ping(((struct fixture *)*state)->store, &failure));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_new_dataset_is_empty_and_has_the_default_policy),
		STORE_TEST(a_policy_given_is_kept),
		DATASET_TEST(a_taken_name_is_a_conflict),
		STORE_TEST(a_bad_name_base_dir_or_policy_is_refused),
		DATASET_TEST(an_unknown_dataset_is_not_found),
		DATASET_TEST(datasets_of_any_name_are_listed_in_byte_order),
		DATASET_TEST(a_list_goes_on_after_a_name_and_stops_when_told),
		DATASET_TEST(each_name_is_visited_until_one_visit_fails),
		DATASET_TEST(a_removed_dataset_is_gone_and_its_name_is_free),
		STORE_TEST(what_another_process_adds_or_removes_is_seen_at_the_next_open),
		DATASET_TEST(what_another_process_changes_is_seen),
		DATASET_TEST(everything_is_there_after_a_restart),
		STORE_TEST(more_datasets_than_are_kept_open_work_alike),
		DATASET_TEST(base_dir_and_policy_are_changed_apart),
		DATASET_TEST(a_change_that_expects_another_base_dir_changes_nothing),
		DATASET_TEST(changes_of_the_policy_by_many_processes_all_hold),
		DATASET_TEST(labels_get_keys_in_order_and_keep_them),
		DATASET_TEST(each_part_of_the_information_is_read_alone),
		DATASET_TEST(a_bad_label_is_refused),
		DATASET_TEST(a_dataset_has_at_most_so_many_labels),
		DATASET_TEST(labels_that_are_too_many_are_added_not_even_in_part),
		DATASET_TEST(a_note_is_kept_until_the_next_one),
		STORE_TEST(a_store_that_is_up_says_so),
	};

	return RUN(tests);
}
